"""Elatec TWN4, Simple Protocol in its ASCII form (TWN4 Simple Protocol, DocRev17).

Every byte is two hex digits, a line ends with CR, numbers have their low byte first. A reply begins with its response code: 00,
or an error and nothing more. It does not say what it answers. With CRC, each line ends with one over its bytes.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from bench.card import Technology
from bench.codecs.checksums import crc16_8408
from bench.codecs.spans import with_bytes
from bench.message import Decoded, Fault, malformed
from devices.rfid.cutting import IDLE_GAP_NS, Noise, Piece
from devices.rfid.driver import Flaw

GET_VERSION, SET_TAG_TYPES, SEARCH_TAG, SEARCH_MULTI_TAG = 0x0004, 0x0502, 0x0500, 0x1208
BEEP, LED_ON, LED_OFF, RF_OFF = 0x0407, 0x0408, 0x0409, 0x0501
COMMANDS = {
    GET_VERSION: "GetVersionString",
    0x0005: "GetUSBType",
    0x0008: "GetDeviceUID",
    BEEP: "Beep",
    LED_ON: "DiagLEDOn",
    LED_OFF: "DiagLEDOff",
    SEARCH_TAG: "SearchTag",
    RF_OFF: "SetRFOff",
    SET_TAG_TYPES: "SetTagTypes",
    0x0503: "GetTagTypes",
    SEARCH_MULTI_TAG: "ISO14443A_SearchMultiTag",
}
RESPONSES = {
    0: "done",
    1: "unknown function: the firmware does not have it",
    2: "missing parameter",
    3: "unused parameters",
    4: "invalid function",
    5: "parser error: the reader could not read the command",
}
TAG_TYPES = {
    0x40: ("EM4102", Technology.EM4100),
    0x49: ("HID Prox", Technology.HID),
    0x80: ("ISO 14443-A", Technology.ISO14443),
    0x81: ("ISO 14443-B", Technology.ISO14443),
    0x82: ("ISO 15693", Technology.ISO15693),
    0x83: ("LEGIC", Technology.LEGIC),
    0x84: ("iCLASS", Technology.ICLASS),
    0x85: ("FeliCa", Technology.FELICA),
}
ISO14443A = 0x80
MAX_UID = 16
MAX_LINE = 1024

_ENDS = re.compile(rb"[\r\n]+")
_HEX = b"0123456789ABCDEFabcdef"
_TERMINATORS = b"\r\n"
_FOUND = b"0001"


@dataclass(frozen=True, slots=True)
class Command:
    code: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Reply:
    """code: of the command that it answers. data: behind the response code. refused: the response code of an error, or 0."""

    code: int
    data: bytes
    refused: int = 0


@dataclass(frozen=True, slots=True)
class Version(Reply):
    text: str = ""


@dataclass(frozen=True, slots=True)
class Tag:
    """kind: the tag type, see :data:`TAG_TYPES`. bits: of its ID. uid: as the reader sends it."""

    kind: int
    bits: int
    uid: bytes

    @property
    def technology(self) -> Technology:
        return TAG_TYPES[self.kind][1] if self.kind in TAG_TYPES else Technology.UNKNOWN


@dataclass(frozen=True, slots=True)
class Tags(Reply):
    """What SearchTag (one at most) or ISO14443A_SearchMultiTag found."""

    tags: tuple[Tag, ...] = ()


def line(payload: bytes, *, crc: bool) -> bytes:
    """Bytes as a line of either side."""
    check = crc16_8408(payload).to_bytes(2, "little") if crc else b""
    return (payload + check).hex().upper().encode("ascii") + b"\r"


def build(code: int, data: bytes = b"", *, crc: bool = False) -> bytes:
    """A command."""
    return line(code.to_bytes(2, "big") + data, crc=crc)


class Wrong(NamedTuple):
    """Why a line is no answer."""

    flaw: Flaw
    why: str


class LineCutter:
    """Cuts at CR and LF.

    find: where in a line, given without its end, a message begins, or why it holds none. What stands before it is noise.
    """

    def __init__(self, find: Callable[[bytes], int | Wrong]) -> None:
        self._find = find
        self._buffer = bytearray()
        self._noise = Noise()

    @property
    def patience_ns(self) -> int | None:
        return IDLE_GAP_NS if self._noise or self._buffer.strip(_TERMINATORS) else None

    def feed(self, data: bytes) -> list[Piece]:
        self._buffer += data
        pieces: list[Piece] = []
        at = 0
        for end in _ENDS.finditer(self._buffer):
            self._line(bytes(self._buffer[at : end.start()]), bytes(end[0]), pieces)
            at = end.end()
        del self._buffer[:at]
        while len(self._buffer) > MAX_LINE:
            self._noise.blame(*_TOO_LONG, pieces)
            self._noise.add(self._buffer[:MAX_LINE], pieces)
            del self._buffer[:MAX_LINE]
        return pieces

    def give_up(self) -> list[Piece]:
        pieces: list[Piece] = []
        if self._buffer:
            self._noise.blame(Flaw.CUT, "line without its end", pieces)
            self._noise.add(self._buffer, pieces)
            self._buffer.clear()
        self._noise.flush(pieces)
        return pieces

    def _line(self, text: bytes, end: bytes, pieces: list[Piece]) -> None:
        if not text:
            return
        found = _TOO_LONG if len(text) > MAX_LINE else self._find(text)
        if isinstance(found, Wrong):
            self._noise.blame(*found, pieces)
            self._noise.add(text + end, pieces)
            return
        if found:
            self._noise.add(text[:found], pieces)
        self._noise.flush(pieces)
        pieces.append(Piece(text[found:] + end, True))


_TOO_LONG = Wrong(Flaw.NOISE, f"line longer than {MAX_LINE} bytes")


def find_answer(text: bytes, code: int, *, crc: bool) -> int | Wrong:
    """Where in a line the answer to that command begins, or why it holds none."""
    begin = len(text.rstrip(_HEX))
    if begin == len(text):
        return Wrong(Flaw.NOISE, "no hex digits at the end of the line")
    whole = parse(text[begin:], code, crc=crc)
    if isinstance(whole, Reply):
        return begin
    # Noise that ends in hex digits, or a line that was cut short, may be joined to an answer that names a card.
    at = text.find(_FOUND, begin)
    while at >= 0:
        reply = parse(text[at:], code, crc=crc)
        if isinstance(reply, Tags) and all((tag.bits + 7) // 8 == len(tag.uid) for tag in reply.tags):
            return at
        at = text.find(_FOUND, at + 1)
    return whole


def parse(digits: bytes, code: int, *, crc: bool) -> Reply | Wrong:
    """The answer to that command, which is all of these hex digits, or why they are none."""
    name = COMMANDS.get(code, f"{code:04X}")
    if digits.strip(_HEX):
        return Wrong(Flaw.NOISE, "no line of hex digits")
    if len(digits) % 2:
        return Wrong(Flaw.CUT, f"{len(digits)} hex digits are no whole bytes")
    data = bytes.fromhex(digits.decode("ascii"))
    if crc:
        data, check = data[:-2], int.from_bytes(data[-2:], "little")
        if not data or crc16_8408(data) != check:
            return Wrong(Flaw.CHECKSUM, f"CRC {check:04X} should be {crc16_8408(data):04X}")
    if not data:
        return Wrong(Flaw.CUT, f"no answer to {name}")
    if data[0]:
        if len(data) == 1 and data[0] in RESPONSES:
            return Reply(code, b"", data[0])
        return Wrong(Flaw.CUT, f"no answer to {name}: response code {data[0]:02X}, {len(data)} bytes")
    reply = _parse_data(code, data[1:])
    return reply or Wrong(Flaw.CUT, f"no answer to {name}: {len(data)} bytes do not fit")


def _parse_data(code: int, data: bytes) -> Reply | None:
    if code == GET_VERSION:
        text = data[1:].decode("ascii", "replace")
        return Version(code, data, text=text) if text.isprintable() and text and data[0] == len(text) else None
    if code in (SEARCH_TAG, SEARCH_MULTI_TAG):
        if data[:1] == b"\x00":
            return Tags(code, data) if len(data) <= 2 else None
        if data[:1] != b"\x01":
            return None
        tags = _one(data[1:]) if code == SEARCH_TAG else _several(data[1:])
        return Tags(code, data, tags=tags) if tags else None
    if code in (SET_TAG_TYPES, BEEP, LED_ON, LED_OFF, RF_OFF):
        return Reply(code, data) if not data else None
    return Reply(code, data)


def _one(data: bytes) -> tuple[Tag, ...]:
    """Tag type, bits of its ID, length of its ID, ID."""
    if len(data) < 4 or len(data) != 3 + data[2] or data[2] > MAX_UID:
        return ()
    return (Tag(data[0], data[1], data[3:]),)


def _several(data: bytes) -> tuple[Tag, ...]:
    """Number of cards, length of the list, then length and UID of each card."""
    tags = []
    at = 2
    if len(data) < 2 or data[1] != len(data) - 2:
        return ()
    while at < len(data):
        uid = data[at + 1 : at + 1 + data[at]]
        if not 1 <= len(uid) == data[at] <= MAX_UID:
            return ()
        tags.append(Tag(ISO14443A, len(uid) * 8, uid))
        at += 1 + len(uid)
    return tuple(tags) if len(tags) == data[0] else ()


def decode_answer(raw: bytes, code: int, *, crc: bool) -> Decoded:
    """What a line that :func:`find_answer` found says."""
    reply = parse(raw.strip(_TERMINATORS), code, crc=crc)
    name = COMMANDS.get(code, f"command {code:04X}")
    if isinstance(reply, Wrong):
        return malformed(reply.why, name=name)
    if reply.refused:
        text = f"{name}: {RESPONSES[reply.refused]}"
        return Decoded("frame", name, None, reply, (Fault("twn4.refused", text),), text)
    if isinstance(reply, Version):
        return Decoded("frame", name, None, reply, summary=reply.text)
    if isinstance(reply, Tags):
        faults = [
            Fault("twn4.bits", f"{len(tag.uid)} bytes of ID for {tag.bits} bits")
            for tag in reply.tags
            if (tag.bits + 7) // 8 != len(tag.uid)
        ]
        shown = "; ".join(f"{kind_text(tag.kind)}, UID {tag.uid.hex().upper()}" for tag in reply.tags)
        return Decoded("frame", name, None, reply, tuple(faults), shown or "no tag")
    return Decoded("frame", name, None, reply, summary=f"{name} {reply.data.hex(' ').upper() or 'done'}")


def decode_command(raw: bytes, *, crc: bool) -> Decoded:
    """What one line that was sent says."""
    data = bytes.fromhex(raw.strip(_TERMINATORS).decode("ascii"))
    code, rest = int.from_bytes(data[:2], "big"), data[2 : -2 if crc else None]
    name = COMMANDS.get(code, f"command {code:04X}")
    return Decoded("frame", name, None, Command(code, rest), summary=with_bytes(name, rest))


def kind_text(kind: int) -> str:
    """``ISO 15693``, or the number of a tag type that is not known here."""
    return TAG_TYPES[kind][0] if kind in TAG_TYPES else f"tag type {kind:02X}"
