"""Frames of StrongLink and Ehuoyan readers, byte by byte."""

from __future__ import annotations

import re

from bench.codecs.checksums import xor8
from bench.codecs.spans import Cutter, Span, bytes_text
from devices.rfid import aabb_frames as aabb
from devices.rfid import stronglink_frames as sl

_BA_HEAD = re.compile(rb"[\xBA\xBD][\x02-\xFE]")
_LEDS = {0: "off", 1: "red", 2: "blue or green", 3: "both"}
# The type byte of Select card, as the manuals of SL025 and SL032 have it: they differ.
_KINDS_SL025 = {1: "MIFARE 1K", 2: "MIFARE 1K", 3: "Ultralight or NTAG", 4: "MIFARE 4K", 5: "MIFARE 4K", 6: "DESFire"}
_KINDS_SL032 = {3: "MIFARE 1K", 4: "MIFARE 1K", 5: "MIFARE 4K", 6: "MIFARE 4K", 7: "Ultralight or NTAG", 9: "DESFire"}
_SHORT = "; the frame ends here, too early"


def explain(raw: bytes) -> list[Span]:
    """``BA/BD`` frames: every byte in one span."""
    cut = Cutter(raw)
    while cut.at < len(raw) and not cut.full:
        head = _BA_HEAD.search(raw, cut.at)
        _noise(cut, head.start() if head else len(raw))
        if head:
            _ba_frame(cut)
    cut.take(len(raw), "rest", "not looked at: too many parts")
    return cut.spans


def _noise(cut: Cutter, end: int) -> None:
    cut.take(end, "noise", f"{bytes_text(end - cut.at)} that belong to no frame", False)


def _ba_frame(cut: Cutter) -> None:
    raw, at = cut.raw, cut.at
    sent = raw[at] == sl.HOST
    end = at + 2 + raw[at + 1]
    cut.take(at + 1, "preamble", "BA, host to reader" if sent else "BD, reader to host")
    if end > len(raw):
        text = f"{bytes_text(raw[at + 1])} from CMD to XOR, {bytes_text(end - len(raw))} missing{_SHORT}"
        cut.take(at + 2, "LEN", text, False)
        # A true frame may begin behind what was cut short.
        return
    cut.take(at + 2, "LEN", f"{bytes_text(raw[at + 1])} from CMD to XOR")
    last = end - 1
    if cut.at < last:
        code = raw[cut.at]
        cut.take(cut.at + 1, "CMD", sl.COMMANDS.get(code, f"command {code:02X}"))
        if not sent and cut.at < last:
            status = raw[cut.at]
            told = sl.STATUS.get(status, "not known here")
            cut.take(cut.at + 1, "STATUS", told, None if status in (sl.OK, sl.NO_TAG) else False)
        _ba_data(cut, last, code, sent=sent)
    check, want = raw[last], xor8(raw[at:last])
    fits = check == want
    cut.take(end, "XOR", "exclusive or of all before it" if fits else f"should be {want:02X}, got {check:02X}", fits)


def _ba_data(cut: Cutter, last: int, code: int, *, sent: bool) -> None:
    data = cut.raw[cut.at : last]
    if not data:
        return
    if code == sl.SELECT_CARD and not sent and len(data) > 1:
        fits = len(data) - 1 in sl.UID_SIZES
        text = data[:-1].hex().upper() if fits else f"{bytes_text(len(data) - 1)}: a UID has 4, 7 or 10"
        cut.take(last - 1, "UID", text, None if fits else False)
        kind = data[-1]
        names = (_KINDS_SL025.get(kind, "another card"), _KINDS_SL032.get(kind, "another card"))
        cut.take(last, "type", f"{names[0]} to SL025, {names[1]} to SL032")
    elif code == sl.FIRMWARE and not sent:
        cut.take(last, "version", sl.text_of(data))
    elif code == sl.RED_LED and sent:
        cut.take(last, "code", "off" if data == b"\x00" else "on")
    else:
        cut.take(last, "data", bytes_text(len(data)))


def explain_aabb(raw: bytes) -> list[Span]:
    """``AA BB`` frames: every byte in one span. A 00 that follows an AA as stuffing belongs to the field of that AA."""
    cut = Cutter(raw)
    while cut.at < len(raw) and not cut.full:
        head = raw.find(aabb.HEAD, cut.at)
        _noise(cut, head if head >= 0 else len(raw))
        if head >= 0:
            cut.take(head + 2, "head", "AA BB begins a frame")
            _Body(cut).explain()
    cut.take(len(raw), "rest", "not looked at: too many parts")
    return cut.spans


class _Body:
    """What follows ``AA BB``. Stops where the frame is cut short, at the latest where the next one begins."""

    def __init__(self, cut: Cutter) -> None:
        self.cut = cut
        self.left = 0  # bytes before the checksum, without stuffing
        self.xor = 0

    def explain(self) -> None:
        cut = self.cut
        length = int.from_bytes(cut.raw[cut.at : cut.at + 2], "little")
        whole = len(cut.raw) >= cut.at + 2 and 5 <= length <= 0xFF
        text = f"{bytes_text(length)} from device id to XOR, without stuffing" if whole else "no length of such a frame"
        cut.take(cut.at + 2, "LEN", text, None if whole else False)
        if not whole:
            return
        self.left = length - 1
        self.field(2, "device", lambda value: value.hex(" ").upper())
        code = int.from_bytes(self.field(2, "command", _command_text), "little")
        self.data(code)
        self.checksum()

    def data(self, code: int) -> None:
        """Whether it is a command or a reply is told by neither: a reply has a status that fits its length."""
        data = self.peek(self.left)
        if not _is_command(code, data):
            self.field(1, "status", lambda value: aabb.STATUS.get(value[0], "not known here"))
            data = data[1:]
        name, text = _data_text(code, data)
        self.field(self.left, name, lambda value: text)

    def peek(self, size: int) -> bytes:
        return aabb.unstuff(self.cut.raw[self.cut.at : self.end(size)])

    def end(self, size: int) -> int:
        """Where a field of so many bytes ends, its stuffing included; short where the frame is cut."""
        raw, at = self.cut.raw, self.cut.at
        for _ in range(size):
            if raw[at : at + 2] == aabb.HEAD or at >= len(raw):
                break
            at += 2 if raw[at : at + 2] == b"\xaa\x00" else 1
        return at

    def field(self, size: int, name: str, text: object) -> bytes:
        end = self.end(size)
        value = aabb.unstuff(self.cut.raw[self.cut.at : end])
        if not value or not callable(text):
            return value
        whole = len(value) == size
        self.left -= len(value)
        self.xor ^= xor8(value)
        stuffed = "; 00 behind AA is stuffing" if b"\xaa" in value else ""
        self.cut.take(
            end, name, text(value) + stuffed if whole else f"{bytes_text(len(value))}{_SHORT}", whole or False
        )
        if whole:
            span = self.cut.spans.pop()
            self.cut.spans.append(Span(span.start, span.end, span.name, span.text))
        return value

    def checksum(self) -> None:
        end = self.end(1)
        if self.left or end == self.cut.at:
            return
        check = self.cut.raw[self.cut.at]
        fits = check == self.xor
        text = "exclusive or from the device id" if fits else f"should be {self.xor:02X}, got {check:02X}"
        self.cut.take(end, "XOR", text, fits)


def _command_text(value: bytes) -> str:
    code = int.from_bytes(value, "little")
    return aabb.COMMANDS.get(code, f"command {code:04X}")


def _is_command(code: int, data: bytes) -> bool:
    """Whether these are the parameters of a command rather than the status and data of a reply."""
    if not data:
        return True
    if len(data) == 1:
        # A status is none of these parameters; LED colours are status codes too, but no module refuses one with 01 to 03.
        return (code, data[0]) in _PARAMETERS
    return code == aabb.SELECT and len(data) == 4


_PARAMETERS = {
    *((aabb.REQUEST, mode) for mode in (0x26, 0x52)),
    (aabb.ANTICOLLISION, 0x04),
    (aabb.BEEP, 0x64),
    *((aabb.LED, colour) for colour in (1, 2, 3)),
    (aabb.ANTENNA, 1),
    *((aabb.CARD_KIND, kind) for kind in b"AB1"),
}
_CARD_KINDS = {b"A": "ISO 14443-A", b"B": "ISO 14443-B", b"1": "ISO 15693"}


def _data_text(code: int, data: bytes) -> tuple[str, str]:
    text = data.hex(" ").upper()
    match code:
        case aabb.REQUEST if len(data) == 1:
            return "mode", "all cards in the field" if data == b"\x52" else "cards that were not put to sleep"
        case aabb.REQUEST if len(data) == 2:
            return "ATQA", data[::-1].hex().upper()
        case aabb.SELECT if len(data) == 1:
            return "SAK", text
        case aabb.ANTICOLLISION | aabb.UL_SELECT | aabb.SELECT if len(data) >= 4:
            return "UID", data.hex().upper()
        case aabb.INVENTORY if len(data) in (8, 9):
            return "UID", f"{data[-8:].hex().upper()}, DSFID {data[0]:02X}" if len(data) == 9 else data.hex().upper()
        case aabb.FIRMWARE:
            return "version", sl.text_of(data)
        case aabb.LED if len(data) == 1:
            return "colour", _LEDS.get(data[0], text)
        case aabb.CARD_KIND if data in _CARD_KINDS:
            return "kind", _CARD_KINDS[data]
        case _:
            return "data", bytes_text(len(data))
