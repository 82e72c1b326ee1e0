"""Frames of readers of the Gwiot 7941E class: ``02 LEN TYPE SN... BCC 03``.

LEN counts the whole frame, STX and ETX too; BCC is the exclusive or of LEN to the last byte of SN; TYPE says what the card is.
Source: vendor text and captures of the 7941E (herra/rfidtagsclone); a shop's text that leaves STX and ETX out of LEN is wrong.
"""

from __future__ import annotations

from bench.codecs.checksums import xor8
from bench.codecs.spans import Cutter, Span, bytes_text

STX, ETX = 0x02, 0x03
OVERHEAD = 5
"""Bytes of a frame beside SN."""
MAX_SN = 27
"""The longest content, sector information and keyboard data included; card numbers have 4 to 10 bytes."""
KEYBOARD, SECTOR = 0xFF, 0x51
TYPES = {
    0x01: "MIFARE 1K",
    0x02: "EM4100",
    0x03: "MIFARE 4K",
    0x10: "HID",
    0x11: "T5567",
    0x20: "second-generation ID card",
    0x21: "ISO 14443-B",
    0x22: "FeliCa",
    0x30: "ISO 15693",
    0x50: "CPU card",
    SECTOR: "sector information",
    KEYBOARD: "keyboard data",
}


def bcc(data: bytes | bytearray) -> int:
    """data: from LEN to the last byte of SN."""
    return xor8(data)


def type_name(kind: int) -> str:
    return TYPES.get(kind, f"unknown type {kind:02X}")


def explain(raw: bytes) -> list[Span]:
    """Every byte in one span; at most a few more than :data:`~bench.codecs.spans.MAX_SPANS`."""
    cut = Cutter(raw)
    while cut.at < len(raw) and not cut.full:
        at = cut.at
        length = raw[at + 1] if raw[at] == STX and len(raw) > at + 1 else 0
        if not OVERHEAD < length <= OVERHEAD + MAX_SN:
            following = raw.find(STX, at + 1)
            end = len(raw) if following < 0 else following
            cut.take(end, "noise", f"{bytes_text(end - at)} that belong to no frame", False)
            continue
        _frame(cut, at, at + length)
    cut.take(len(raw), "rest", "not looked at: too many parts")
    return cut.spans


def _frame(cut: Cutter, at: int, end: int) -> None:
    """A frame, or as much of it as is there; where its end is not in its place the next one may have begun."""
    raw = cut.raw
    cut.take(at + 1, "STX", "start of a frame")
    if end <= len(raw) and raw[end - 1] != ETX:
        cut.take(at + 2, "LEN", f"{end - at} bytes from STX to ETX, but no ETX stands there", False)
        return
    missing = f"; {bytes_text(end - len(raw))} missing" if end > len(raw) else ""
    cut.take(at + 2, "LEN", f"{end - at} bytes from STX to ETX{missing}", not missing)
    if len(raw) > at + 2:
        cut.take(at + 3, "TYPE", type_name(raw[at + 2]), raw[at + 2] in TYPES)
    content = raw[at + 3 : end - 2]
    if raw[at + 2 : at + 3] == bytes([KEYBOARD]):
        cut.take(end - 2, "SN", f"{bytes_text(len(content))}, not kept: they may be a PIN")
        cut.take(end - 1, "BCC", "not kept: it may give a key away")
    else:
        cut.take(end - 2, "SN", content.hex().upper())
    if end - 2 == cut.at < len(raw):
        want, got = bcc(raw[at + 1 : end - 2]), raw[end - 2]
        wrong = f"should be {want:02X}, the exclusive or of LEN to SN, got {got:02X}"
        cut.take(end - 1, "BCC", "exclusive or of LEN to SN" if want == got else wrong, want == got)
    cut.take(end, "ETX", "end of the frame")
