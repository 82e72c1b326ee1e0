"""Frames of the ``AA BB`` family: StrongLink SL060, SL500, SL600; Ehuoyan YHY502CTG, YHY523U, YHY632, YHY638.

Layout (SL060 user manual, chapter 4): ``AA BB | LEN (2) | device id (2) | command (2) | data | XOR``, low byte first; LEN counts
from the device id to XOR, which is over all from the device id. Replies have a status before their data. Every AA behind LEN
is followed by a 00 that LEN does not count, so that ``AA BB`` stands only where a frame begins.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from bench.codecs.checksums import xor8
from bench.codecs.spans import with_bytes
from bench.message import Decoded, Fault, malformed
from devices.rfid.cutting import Found, FrameCutter, Layout
from devices.rfid.driver import Flaw
from devices.rfid.stronglink_frames import text_of

HEAD = b"\xaa\xbb"
FIRMWARE, BEEP, LED, CARD_KIND, ANTENNA = 0x0104, 0x0106, 0x0107, 0x0108, 0x010C
REQUEST, ANTICOLLISION, SELECT, UL_SELECT = 0x0201, 0x0202, 0x0203, 0x0212
INVENTORY = 0x1000  # ISO 15693, SL500
COMMANDS = {
    FIRMWARE: "Get firmware version",
    BEEP: "Beep",
    LED: "LED",
    CARD_KIND: "Set card kind",
    ANTENNA: "RF field",
    REQUEST: "Request",
    ANTICOLLISION: "Anticollision",
    SELECT: "Select",
    0x0204: "Halt",
    0x0208: "Read a block",
    0x0209: "Write a block",
    UL_SELECT: "Ultralight select",
    INVENTORY: "ISO 15693 inventory",
}
OK, FAILED, UNSUPPORTED, BAD_PARAMETER, NO_CARD, REQUEST_FAILED = 0x00, 0x0A, 0x0B, 0x0C, 0x0D, 0x14
STATUS = {
    OK: "done",
    0x01: "NFC connection failed",
    FAILED: "failed",
    UNSUPPORTED: "command not supported",
    BAD_PARAMETER: "wrong parameter",
    NO_CARD: "no card",
    0x0E: "RF part damaged",
    REQUEST_FAILED: "no card answers",
    0x15: "reset of the card failed",
    0x16: "key not accepted",
    0x17: "read failed",
    0x18: "write failed",
}
NO_CARD_STATUS = (NO_CARD, REQUEST_FAILED)
_MIN_LEN, _MAX_LEN = 6, 0x48  # device id, command, status, XOR; and a text
# Device id, then a command that is known; the device id may hold an AA, and then a stuffed 00.
_ID_BYTE = rb"(?:\xAA\x00|[^\xAA])"
_CODES = b"".join(re.escape(code.to_bytes(2, "little")) + b"|" for code in COMMANDS)[:-1]
_HEAD = re.compile(rb"\xAA(?:\xBB(?:[\x%02x-\x%02x](?:\x00|\Z)|\Z)|\Z)" % (_MIN_LEN, _MAX_LEN))
_KNOWN = re.compile(_ID_BYTE + _ID_BYTE + rb"(?:" + _CODES + rb")", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Command:
    """device: its id, as sent."""

    device: bytes
    code: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Reply(Command):
    """Answers the command of that code."""

    status: int


def build(code: int, data: bytes = b"", device: bytes = b"\xff\xff") -> bytes:
    """A command."""
    body = device + code.to_bytes(2, "little") + data
    # A 00 behind a checksum of AA is stuffing to some firmware; to the others it stands between frames.
    return HEAD + (len(body) + 1).to_bytes(2, "little") + stuff(body + bytes([xor8(body)]))


def build_reply(code: int, status: int, data: bytes = b"", device: bytes = b"\x00\x00") -> bytes:
    """What a reader answers."""
    return build(code, bytes([status]) + data, device)


def stuff(body: bytes) -> bytes:
    return body.replace(b"\xaa", b"\xaa\x00")


def unstuff(body: bytes) -> bytes:
    return body.replace(b"\xaa\x00", b"\xaa")


def _measure(data: bytearray, at: int, last: bool) -> Found:
    begin = at + 4
    if len(data) < begin + _MIN_LEN:
        return Found((begin + _MIN_LEN,))
    if not _KNOWN.match(data, begin):
        return Found((at + 1,), Flaw.NOISE, "no device id and known command behind the length", at + 1)
    length = data[at + 2]
    end = _end_of(data, begin, begin + length, last)
    if end is None:
        why = "frame cut short: AA without the 00 that follows it inside a frame"
        return Found((at + 1,), Flaw.CUT, why, at + 1)
    if end > len(data):
        return Found((end,))
    body = unstuff(bytes(data[begin:end]))
    want = xor8(body[:-1])
    if body[-1] != want:
        # Ehuoyan's own driver looks at the checksum of a reply only where its status is 00.
        bearable = length == _MIN_LEN and body[4] in STATUS and body[4] != OK
        return Found((end,), Flaw.CHECKSUM, f"checksum {body[-1]:02X} should be {want:02X}", at + 1, bearable)
    return Found((end,))


def _end_of(data: bytearray, begin: int, end: int, last: bool) -> int | None:
    """Where the stuffed body that begins there ends; beyond the data: more bytes are needed; None: it does not end."""
    at = begin
    while (at := data.find(b"\xaa", at, min(end, len(data)))) >= 0:
        at += 1
        if at == len(data):
            # Whether a 00 belongs to it is told by the next byte.
            return end if last and at == end else max(end, at + 1)
        if data[at] == 0:
            end += 1
            at += 1
        elif at < end:
            return None
        else:
            break  # a checksum of AA that was not stuffed
    return end


# A wrong reply, and one that begins inside it, may wait; every byte may be stuffed.
LAYOUT = Layout(_HEAD, 2 * (4 + 2 * _MAX_LEN), _measure)


def make_cutter() -> FrameCutter:
    return FrameCutter(LAYOUT)


def decode(raw: bytes, *, sent: bool = False) -> Decoded:
    """What one whole frame says. sent: it is a command, so it has no status. Never raises."""
    body = unstuff(raw[4:])
    if raw[:2] != HEAD or len(body) < 5 or int.from_bytes(raw[2:4], "little") != len(body):
        return malformed(f"{len(raw)} bytes that are no frame")
    device, code, rest, check = body[:2], int.from_bytes(body[2:4], "little"), body[4:-1], body[-1]
    name = COMMANDS.get(code, f"command {code:04X}")
    want = xor8(body[:-1])
    faults = [] if check == want else [Fault("aabb.checksum", f"checksum {check:02X} should be {want:02X}")]
    if sent:
        summary = with_bytes(name, rest)
        return Decoded("frame", name, None, Command(device, code, rest), tuple(faults), summary)
    if not rest:
        return malformed("reply without a status", "byte 8", name=name)
    status, data = rest[0], rest[1:]
    told = STATUS.get(status, f"status {status:02X}")
    summary = f"{name}: {told}"
    if status == OK and data:
        summary = f"firmware {text_of(data)}" if code == FIRMWARE else f"{name}: {_shown(code, data)}"
    elif status not in (OK, *NO_CARD_STATUS):
        faults.append(Fault("aabb.status", summary))
    return Decoded("frame", name, None, Reply(device, code, data, status), tuple(faults), summary)


def _shown(code: int, data: bytes) -> str:
    text = data.hex().upper()
    if code == REQUEST and len(data) == 2:
        return f"ATQA {data[::-1].hex().upper()}"
    if code == SELECT and len(data) == 1:
        return f"SAK {text}"
    return f"UID {text}" if code in (ANTICOLLISION, UL_SELECT, INVENTORY) else data.hex(" ").upper()
