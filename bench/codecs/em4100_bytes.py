"""Telegrams of 125 kHz readers (EM4100 cards): ten hex digits, two of checksum in most, framed in one of five ways.

========  ==========================================  ==============
RDM6300   ``STX digits checksum ETX``                 14 bytes
ID-12LA   ``STX digits checksum CR LF ETX``           16 bytes
EM-18     ``digits checksum``, ended by a pause       12 bytes
plain     ``STX digits CR LF ETX``, no checksum       14 bytes
sum       as one of the first three, with the sum instead of the exclusive or
========  ==========================================  ==============

Sources: Seeed wiki (125Khz RFID module), ID-12LA data sheet, ESPHome rdm6300, questions 11848921 on Stack Overflow.
"""

from __future__ import annotations

import re
from enum import StrEnum
from functools import reduce
from operator import xor

from bench.codecs.spans import Cutter, Span, bytes_text

FRAMED = re.compile(rb"\x02([0-9A-Fa-f]{10})(?:([0-9A-Fa-f]{2})(?:\r\n)?|\r\n)\x03")
"""A telegram with STX and ETX: digits, and checksum where it has one."""
BARE = re.compile(rb"([0-9A-Fa-f]{10})([0-9A-Fa-f]{2})(?:\r\n?|\n)?")
"""A telegram without."""

_PARTS = re.compile(
    rb"(?P<framed>"
    + FRAMED.pattern
    + rb")|(?P<bare>(?<![0-9A-Fa-f])(?:[0-9A-Fa-f]{12}){1,20}(?![0-9A-Fa-f])(?:\r\n?|\n)?)"
)


class Check(StrEnum):
    """How the last two digits fit the five bytes."""

    XOR = "exclusive or of the five bytes"
    SUM = "sum of the five bytes; most readers send their exclusive or"
    NONE = "no checksum"
    WRONG = "wrong checksum"


def check_of(data: bytes, check: int | None) -> Check:
    """data: the five bytes. check: None where the telegram has none."""
    if check is None:
        return Check.NONE
    if check == reduce(xor, data):
        return Check.XOR
    return Check.SUM if check == sum(data) & 0xFF else Check.WRONG


def check_text(data: bytes, check: int) -> str:
    """What a wrong checksum should be."""
    return f"should be {reduce(xor, data):02X}, the exclusive or of the five bytes, got {check:02X}"


def printed(data: bytes) -> str:
    """The number on the card in its two usual forms: ``0013530444 or 206,30028``. data: the five bytes."""
    number = int.from_bytes(data[1:], "big")
    return f"{number:010d} or {data[2]:03d},{number & 0xFFFF:05d}"


def card_spans(start: int, digits: str) -> list[Span]:
    """The ten digits, and the two of the checksum if they are there. start: where they stand in the message."""
    data = bytes.fromhex(digits[:10])
    spans = [Span(start, start + 10, "card", f"{data.hex().upper()}, printed {printed(data)}")]
    if len(digits) > 10:
        check = int(digits[10:12], 16)
        kind = check_of(data, check)
        text = check_text(data, check) if kind is Check.WRONG else kind.value
        spans.append(Span(start + 10, start + 12, "checksum", text, kind is not Check.WRONG))
    return spans


def explain(raw: bytes) -> list[Span]:
    """Every byte in one span; at most a few more than :data:`~bench.codecs.spans.MAX_SPANS`."""
    cut = Cutter(raw)
    for found in _PARTS.finditer(raw):
        if cut.full:
            break
        _noise(cut, found.start())
        if found["framed"] is not None:
            cut.take(cut.at + 1, "STX", "start of a telegram")
            _digits(cut, 12 if found[3] is not None else 10)
            _line_end(cut, found.end() - 1)
            cut.take(found.end(), "ETX", "end of a telegram")
        else:
            while found.end() - cut.at >= 12:
                _digits(cut, 12)
            _line_end(cut, found.end())
    if cut.full:
        cut.take(len(raw), "rest", "not looked at: too many parts")
    _noise(cut, len(raw))
    return cut.spans


def _digits(cut: Cutter, count: int) -> None:
    for span in card_spans(cut.at, cut.raw[cut.at : cut.at + count].decode("ascii")):
        cut.take(span.end, span.name, span.text, span.ok)


def _line_end(cut: Cutter, end: int) -> None:
    cut.take(end, {2: "CR LF"}.get(end - cut.at, "line end"), "end of the line")


def _noise(cut: Cutter, end: int) -> None:
    """What belongs to no telegram; an STX in front is where one was cut short."""
    if cut.raw[cut.at : cut.at + 1] == b"\x02" and cut.at < end:
        cut.take(cut.at + 1, "STX", "start of a telegram")
    cut.take(end, "noise", f"{bytes_text(end - cut.at)} that belong to no whole telegram", False)
