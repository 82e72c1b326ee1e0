"""Events of Linux input devices (``struct input_event`` of linux/input.h), as a keyboard sends them; and what their keys type.

One event is 24 bytes on a 64-bit system, 16 on a 32-bit one: seconds, microseconds (C longs), type, code (16 bits each) and value
(32 bits, signed), all in the order of the machine.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

from bench.codecs.spans import MAX_SPANS, Span

EVENT = struct.Struct("@llHHi")
EV_SYN, EV_KEY, EV_MSC, EV_LED, EV_REP = 0x00, 0x01, 0x04, 0x11, 0x14
RELEASED, PRESSED, REPEATED = 0, 1, 2
ENTER = frozenset((28, 96))
SHIFT = frozenset((42, 54))

_KEY_CODES = 0x300
_USECONDS = 1_000_000
_LATEST_S = 1 << 33
_KNOWN = (EV_SYN, EV_KEY, EV_MSC, EV_LED, EV_REP)

# US layout, linux/input-event-codes.h: first code of a row, its keys, and the same with Shift.
_ROWS = (
    (2, "1234567890-=", "!@#$%^&*()_+"),
    (16, "qwertyuiop[]", "QWERTYUIOP{}"),
    (30, "asdfghjkl;'`", 'ASDFGHJKL:"~'),
    (43, "\\zxcvbnm,./", "|ZXCVBNM<>?"),
    (55, "*", "*"),
    (57, " ", " "),
    (71, "789-456+1230.", "789-456+1230."),
    (98, "/", "/"),
)
_PLAIN = {first + at: char for first, keys, _ in _ROWS for at, char in enumerate(keys)}
_SHIFTED = {first + at: char for first, _, keys in _ROWS for at, char in enumerate(keys)}


class InputEvent(NamedTuple):
    """One event. value: of a key 0 released, 1 pressed, 2 repeated."""

    seconds: int
    microseconds: int
    type: int
    code: int
    value: int


def decode(raw: bytes) -> InputEvent | None:
    """The event in so many bytes, or None where they are none: the stream has no marks, its values tell."""
    event = InputEvent(*EVENT.unpack(raw))
    if not (0 <= event.seconds < _LATEST_S and 0 <= event.microseconds < _USECONDS and event.type in _KNOWN):
        return None
    if event.type == EV_KEY and not (0 < event.code < _KEY_CODES and RELEASED <= event.value <= REPEATED):
        return None
    if event.type == EV_SYN and not (event.code <= 3 and event.value in (0, 1)):
        return None
    return event


def character(code: int, shift: bool) -> str:
    """What the key of that code types on a US layout, or nothing. Digits and A to F are there on most other layouts too."""
    return (_SHIFTED if shift else _PLAIN).get(code, "")


def key_code(char: str) -> tuple[int, bool]:
    """The key for a character and whether it needs Shift; the inverse of :func:`character`.

    Raises:
        KeyError: no key types it.
    """
    for keys, shift in ((_PLAIN, False), (_SHIFTED, True)):
        for code, typed in keys.items():
            if typed == char:
                return code, shift
    raise KeyError(char)


def explain(raw: bytes) -> list[Span]:
    """Every event in one span, whatever is none in spans of its own."""
    spans: list[Span] = []
    at = 0
    shift = False
    while at < len(raw) and len(spans) <= MAX_SPANS:
        event = decode(raw[at : at + EVENT.size]) if at + EVENT.size <= len(raw) else None
        if event is None:
            if spans and spans[-1].name == "no event":
                spans[-1] = Span(spans[-1].start, at + 1, "no event", "not what an input device sends", False)
            else:
                spans.append(Span(at, at + 1, "no event", "not what an input device sends", False))
            at += 1
            continue
        if event.type == EV_KEY and event.code in SHIFT:
            shift = event.value != RELEASED
        spans.append(Span(at, at + EVENT.size, *_meaning(event, shift)))
        at += EVENT.size
    if at < len(raw):
        spans.append(Span(at, len(raw), "rest", "not looked at: too many parts"))
    return spans


def _meaning(event: InputEvent, shift: bool) -> tuple[str, str]:
    if event.type == EV_KEY:
        if event.code in ENTER:
            key = "Enter"
        elif event.code in SHIFT:
            key = "Shift"
        else:
            key = character(event.code, shift) or "key"
        return "EV_KEY", f"{key} ({event.code}) {('released', 'pressed', 'repeated')[event.value]}"
    if event.type == EV_SYN:
        return "EV_SYN", "end of a group of events"
    if event.type == EV_MSC:
        return "EV_MSC", f"scan code {event.value & 0xFFFFFFFF:X}"
    return f"type {event.type:02X}", f"code {event.code}, value {event.value}"
