"""Frames of the StrongLink SL025, SL031 and SL032.

Layout (SL025M and SL032 user manuals, chapter 4): host ``BA LEN CMD data XOR``, reader ``BD LEN CMD STATUS data XOR``. LEN counts
from CMD to XOR, which is over all bytes before it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from bench.codecs.checksums import xor8
from bench.codecs.spans import with_bytes
from bench.message import Decoded, Fault, malformed
from devices.rfid.cutting import Found, FrameCutter, Layout
from devices.rfid.driver import Flaw

HOST, READER = 0xBA, 0xBD
SELECT_CARD, RED_LED, FIRMWARE = 0x01, 0x40, 0xF0
COMMANDS = {
    SELECT_CARD: "Select card",
    0x02: "Login to a sector",
    0x03: "Read a block",
    0x04: "Write a block",
    0x10: "Read a page",
    0x11: "Write a page",
    0x20: "Request for answer to select",
    RED_LED: "Red LED",
    0x50: "Halt",
    FIRMWARE: "Get firmware version",
}
OK, NO_TAG, COLLISION, CHECKSUM_ERROR = 0x00, 0x01, 0x0A, 0xF0
STATUS = {
    OK: "done",
    NO_TAG: "no tag",
    0x02: "login succeeded",
    0x03: "login failed",
    0x04: "read failed",
    0x05: "write failed",
    0x06: "unable to read after write",
    0x08: "address overflow",
    COLLISION: "collision: more than one card",
    0x0D: "not authenticated",
    0x0E: "not a value block",
    CHECKSUM_ERROR: "the reader got the command with a wrong checksum",
}
UID_SIZES = (4, 7, 10)
# Only what the driver asks is answered; the longest answer is the text of the firmware version.
_MAX_LEN = 0x40
_HEAD = re.compile(rb"\xBD(?:[\x03-\x%02x](?:[\x01\x40\xF0]|\Z)|\Z)" % _MAX_LEN)


@dataclass(frozen=True, slots=True)
class Command:
    code: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Reply:
    """code: of the command that it answers."""

    code: int
    status: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Selected(Reply):
    """A card. kind: the type byte, which means something else on every model."""

    uid: bytes
    kind: int


def build(code: int, data: bytes = b"") -> bytes:
    """A command."""
    body = bytes([HOST, len(data) + 2, code]) + data
    return body + bytes([xor8(body)])


def build_reply(code: int, status: int, data: bytes = b"") -> bytes:
    """What a reader answers."""
    body = bytes([READER, len(data) + 3, code, status]) + data
    return body + bytes([xor8(body)])


def _measure(data: bytearray, at: int, last: bool) -> Found:
    end = at + 2 + (data[at + 1] if len(data) > at + 1 else 3)
    if end > len(data):
        return Found((end,))
    want = xor8(data[at : end - 1])
    if data[end - 1] != want:
        return Found((end,), Flaw.CHECKSUM, f"checksum {data[end - 1]:02X} should be {want:02X}", at + 1)
    return Found((end,))


# A wrong answer, and one that begins inside it, may wait.
LAYOUT = Layout(_HEAD, 2 * (2 + _MAX_LEN), _measure)


def make_cutter() -> FrameCutter:
    return FrameCutter(LAYOUT)


def decode(raw: bytes) -> Decoded:
    """What one whole frame of either side says. Never raises."""
    if len(raw) < 4 or raw[0] not in (HOST, READER) or raw[1] != len(raw) - 2 or xor8(raw):
        return malformed(f"{len(raw)} bytes that are no frame")
    code = raw[2]
    name = COMMANDS.get(code, f"command {code:02X}")
    if raw[0] == HOST:
        data = raw[3:-1]
        summary = with_bytes(name, data)
        return Decoded("frame", name, None, Command(code, data), summary=summary)
    if len(raw) < 5:
        return malformed("reply without a status", "byte 3", name=name)
    status, data = raw[3], raw[4:-1]
    if status == OK and code == SELECT_CARD:
        return _selected(name, data)
    told = STATUS.get(status, f"status {status:02X}")
    faults = () if status in (OK, NO_TAG) else (Fault("stronglink.status", f"{name}: {told}"),)
    summary = f"{name}: {told}"
    if code == FIRMWARE and status == OK:
        summary = f"firmware {text_of(data)}"
    return Decoded("frame", name, None, Reply(code, status, data), faults, summary)


def _selected(name: str, data: bytes) -> Decoded:
    """UID and type byte. The length of the UID is told by LEN: the type byte differs from model to model."""
    uid = data[:-1]
    if len(uid) not in UID_SIZES:
        fault = Fault("reader.uid-length", f"UID length {len(uid)} is none of 4, 7, 10")
        return Decoded("frame", name, None, Reply(SELECT_CARD, OK, data), (fault,), fault.text)
    body = Selected(SELECT_CARD, OK, data, uid, data[-1])
    return Decoded("frame", name, None, body, summary=f"card, UID {uid.hex().upper()}, type {body.kind:02X}")


def text_of(data: bytes) -> str:
    """A version as text, as hex where it is none."""
    text = data.strip(b"\x00 ")
    return text.decode("ascii") if text and text.isascii() and text.decode("ascii").isprintable() else data.hex(" ")
