"""Readers that type: USB readers in keyboard mode, read from their Linux input device (``/dev/input/by-id/...-event-kbd``).

The device is grabbed, so that what it types goes nowhere else; the operator names it, and no other is ever opened. Bytes are
input events; the keys of a US layout type the line, which is read as the lines of ``ascii`` are. The port ``window`` is another
source: fast keys while the window has the focus (:mod:`devices.rfid.window_wedge`).
"""

from __future__ import annotations

from bench.clock import NS_PER_MS, Stamp
from bench.codecs import ascii_bytes, input_event
from bench.codecs.input_event import ENTER, EV_KEY, EVENT, PRESSED, RELEASED, SHIFT, character
from bench.codecs.spans import Span
from bench.message import Decoded
from devices.rfid.driver import DriverInfo, Event, Flaw, Listener, Ready
from devices.rfid.line_options import LINE_OPTIONS, line_rules
from devices.rfid.lines import Line, LineTeller, is_plain, noise
from devices.rfid.presence import PUSH
from devices.rfid.uid_text import ANY_LINE, LineRules, read_line

MAX_TEXT = 256
MAX_RAW = 64 * 1024
IDLE_GAP_NS = 100 * NS_PER_MS
"""A reader that types no Enter ends its number with a pause."""
UNFINISHED_NS = 1000 * NS_PER_MS
"""Patience with a line once Enter was seen to end one."""


class KeyLines(Listener):
    """Turns input events into lines; Enter ends one, or a pause where the reader types no Enter."""

    def __init__(self, rules: LineRules = ANY_LINE) -> None:
        self._rules = rules
        self._buffer = bytearray()
        self._raw = bytearray()
        self._stray = bytearray()
        self._text = ""
        self._last: Stamp | None = None
        self._shift: set[int] = set()
        self._types_enter = False
        self._announced = False
        self._teller = LineTeller()

    def feed(self, data: bytes, stamp: Stamp) -> list[Event]:
        events = self.tick(stamp)
        self._buffer += data
        at = 0
        while len(self._buffer) - at >= EVENT.size:
            event = input_event.decode(bytes(self._buffer[at : at + EVENT.size]))
            if event is None:
                self._stray.append(self._buffer[at])
                at += 1
                if len(self._stray) >= MAX_RAW:
                    events += self._tell_stray(stamp)
                continue
            events += self._tell_stray(stamp)
            self._raw += self._buffer[at : at + EVENT.size]
            at += EVENT.size
            if event.type == EV_KEY:
                events += self._key(event.code, event.value, stamp)
            if len(self._raw) > MAX_RAW or len(self._text) > MAX_TEXT:
                events.append(self._spoiled(f"line longer than {MAX_TEXT} characters", stamp, Flaw.NOISE))
        del self._buffer[:at]
        return events

    def tick(self, now: Stamp) -> list[Event]:
        events: list[Event] = []
        if not self._announced:
            self._announced = True
            events.append(Ready("listening for keys"))
        ends = self._pause_ends_ns
        if ends is None or self._last is None or now.mono_ns < ends:
            return events
        if self._types_enter:
            return [*events, self._spoiled("line without its Enter", self._last, Flaw.CUT)]
        return events + self._line(self._last)

    def describe(self, sent: bytes) -> Decoded:
        return Decoded("events", "", None, Line(""))

    def end(self) -> list[Event]:
        stamp = self._last
        if stamp is None or not (self._text or self._stray):
            return []
        events = self._tell_stray(stamp)
        return [*events, self._spoiled("line cut short", stamp, Flaw.CUT)] if self._text else events

    @property
    def deadline_ns(self) -> int | None:
        return self._pause_ends_ns if self._announced else 0

    @property
    def _pause_ends_ns(self) -> int | None:
        if self._last is None or not self._text:
            return None
        return self._last.mono_ns + (UNFINISHED_NS if self._types_enter else IDLE_GAP_NS)

    def _key(self, code: int, value: int, stamp: Stamp) -> list[Event]:
        self._last = stamp
        if code in SHIFT:
            (self._shift.discard if value == RELEASED else self._shift.add)(code)
        elif value == PRESSED and code in ENTER:
            self._types_enter = True
            return self._line(stamp)
        elif value == PRESSED:
            self._text += character(code, bool(self._shift))
        return []

    def _line(self, stamp: Stamp) -> list[Event]:
        raw, text = bytes(self._raw), self._text
        self._raw.clear()
        self._text = ""
        return self._teller.tell(raw, text, read_line(text, self._rules), stamp) if text else []

    def _spoiled(self, why: str, stamp: Stamp, flaw: Flaw) -> Event:
        raw = bytes(self._raw)
        self._raw.clear()
        self._text = ""
        return noise(raw, why, stamp, flaw)

    def _tell_stray(self, stamp: Stamp) -> list[Event]:
        if not self._stray:
            return []
        self._last = self._last or stamp
        raw = bytes(self._stray)
        self._stray.clear()
        return [noise(raw, "no input event: not a keyboard", stamp)]


class TypedLines:
    """The same reader as the window sees it: whole bursts of characters."""

    def __init__(self, rules: LineRules) -> None:
        self._rules = rules
        self._teller = LineTeller()

    def take(self, text: str, stamp: Stamp) -> list[Event]:
        """What one burst means; its bytes are its characters, UTF-8."""
        raw = text.encode("utf-8", "replace")
        if len(text) > MAX_TEXT or not is_plain(raw):
            return [noise(raw[:MAX_TEXT], "not the text of a card", stamp)]
        return self._teller.tell(raw, text, read_line(text, self._rules), stamp)


def explain(raw: bytes) -> list[Span]:
    """Events of an input device, or the characters of a burst in the window."""
    return ascii_bytes.explain(raw) if ascii_bytes.is_text(raw) else input_event.explain(raw)


DRIVER = DriverInfo(
    "keyboard_wedge",
    "readers that type: /dev/input/by-id/... on Linux, or window for fast keys while the window has the focus",
    9600,
    PUSH,
    lambda options: KeyLines(line_rules(options)),
    explain,
    ("keyboard-wedge", "wedge"),
    options=LINE_OPTIONS,
)
