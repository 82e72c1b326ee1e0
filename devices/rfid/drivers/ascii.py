"""Readers that print a line for a card: Arduino and ESP sketches, TWN4 in CDC mode, rf IDEAS, Zaparoo, EM-18.

Lines end with CR, LF, CR LF or ETX, or, where a reader ends none, with a pause. Nothing is ever sent.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from bench.clock import NS_PER_MS, Stamp
from bench.codecs import ascii_bytes
from bench.message import Decoded
from bench.serial_port import Option
from devices.rfid.byte_dump import ByteDump
from devices.rfid.driver import DriverInfo, Event, Flaw, Listener, Ready
from devices.rfid.line_options import LINE_OPTIONS, line_rules
from devices.rfid.lines import Line, LineTeller, is_plain, noise
from devices.rfid.presence import PUSH
from devices.rfid.uid_text import ANY_LINE, Chatter, LineRules, read_line

IDLE_GAP_NS = 50 * NS_PER_MS
# Once a reader was seen to end its lines, an unfinished one is waited for: its first half may look like a shorter UID.
UNFINISHED_NS = 1000 * NS_PER_MS
MAX_LINE = 1024

AUTO, PAUSE = "auto", "pause"
_ENDS = {
    AUTO: re.compile(rb"[\r\n\x03]"),
    "cr": re.compile(rb"\r"),
    "lf": re.compile(rb"\n"),
    "crlf": re.compile(rb"\r\n"),
    "etx": re.compile(rb"\x03"),
}
_TERMINATORS = b"\r\n\x03"
_PADDING = b"\r\n\x03\x00"
_FRAMING = b"\x02\x03\x00\r\n"


class AsciiLines(Listener):
    """Cuts the stream into lines and looks for a UID in each. end: ``auto``, ``cr``, ``lf``, ``crlf``, ``etx`` or ``pause``."""

    def __init__(self, rules: LineRules = ANY_LINE, end: str = AUTO) -> None:
        self._rules = rules
        self._ends = _ENDS.get(end)
        self._learns = end == AUTO
        self._buffer = bytearray()
        self._last: Stamp | None = None
        self._ends_lines = end not in (AUTO, PAUSE)
        self._announced = False
        self._teller = LineTeller()
        self._dump = ByteDump(rules)

    def feed(self, data: bytes, stamp: Stamp) -> list[Event]:
        # A pause before these bytes ended the line, even where nobody ticked in time.
        events = self.tick(stamp)
        self._buffer += data
        self._last = stamp
        while (end := self._line_end()) is not None:
            self._ends_lines = True
            events += self._line(self._take(end), stamp)
        while len(self._buffer) > MAX_LINE:
            events.append(noise(self._take(MAX_LINE), f"line longer than {MAX_LINE} bytes", stamp))
        return events

    def tick(self, now: Stamp) -> list[Event]:
        events: list[Event] = []
        if not self._announced:
            self._announced = True
            events.append(Ready("listening for lines"))
        if self._dump_ends_ns is not None and now.mono_ns >= self._dump_ends_ns:
            events += self._end_dump()
        pause = self._pause_ends_ns
        if pause is None or self._last is None or now.mono_ns < pause:
            return events
        raw = self._take(len(self._buffer))
        if self._ends_lines or self._learns and raw.lstrip(_PADDING)[:1] == b"\x02":
            events.append(noise(raw, "line without its end", self._last, Flaw.CUT))
        else:
            events += self._line(raw, self._last)
        return events

    def describe(self, sent: bytes) -> Decoded:
        return Decoded("line", "", None, Line(sent.decode("ascii", "replace")))

    def end(self) -> list[Event]:
        # A dump whose end nobody saw may lack bytes: no card.
        if self._last is None or not self._buffer.strip(_PADDING):
            return []
        return [noise(self._take(len(self._buffer)), "line cut short", self._last, Flaw.CUT)]

    @property
    def deadline_ns(self) -> int | None:
        if not self._announced:
            return 0
        return min((at for at in (self._pause_ends_ns, self._dump_ends_ns) if at is not None), default=None)

    @property
    def _pause_ends_ns(self) -> int | None:
        if self._last is None or not self._buffer.strip(_PADDING):
            return None
        return self._last.mono_ns + (UNFINISHED_NS if self._ends_lines else IDLE_GAP_NS)

    @property
    def _dump_ends_ns(self) -> int | None:
        since = self._dump.pending_since
        return None if since is None else since.mono_ns + UNFINISHED_NS

    def _line_end(self) -> int | None:
        """Where the first line ends, behind its terminators; None while it is unfinished."""
        lead = len(self._buffer) - len(self._buffer.lstrip(_PADDING))
        if lead == len(self._buffer):
            # The LF of a CR LF that came apart: kept as the head of the next line, unless it is a flood of them.
            return lead if lead > MAX_LINE else None
        found = None if self._ends is None else self._ends.search(self._buffer, lead)
        if found is None:
            return None
        end = found.end()
        while end < len(self._buffer) and self._buffer[end] in _TERMINATORS:
            end += 1
        return end

    def _take(self, count: int) -> bytes:
        raw = bytes(self._buffer[:count])
        del self._buffer[:count]
        return raw

    def _line(self, raw: bytes, stamp: Stamp) -> list[Event]:
        # STX begins a telegram: what stands before it is not part of it.
        content = raw.strip(_PADDING).rpartition(b"\x02")[2].strip(_FRAMING)
        if not is_plain(content):
            return [*self._end_dump(), noise(raw, "not text: another baud rate, or another kind of reader", stamp)]
        text = content.decode("ascii")
        events: list[Event] = []
        if not self._dump.takes(raw, text, stamp):
            events = self._end_dump()
            if not self._dump.takes(raw, text, stamp):  # it may begin the next one
                return events + self._teller.tell(raw, text, read_line(text, self._rules), stamp)
        events += self._teller.tell(raw, text, Chatter(), stamp)
        return events + self._end_dump() if self._dump.whole else events

    def _end_dump(self) -> list[Event]:
        """The card of a dump follows the lines that carried it."""
        ended = self._dump.ended()
        if ended is None:
            return []
        raw, reading, stamp = ended
        return self._teller.conclude(raw, reading, stamp)


def make(options: Mapping[str, str]) -> AsciiLines:
    """A driver with a value for every option."""
    return AsciiLines(line_rules(options), options["end"])


DRIVER = DriverInfo(
    "ascii",
    "readers that print a line for a card (Arduino, TWN4 CDC, Zaparoo, EM-18): whatever they read",
    9600,
    PUSH,
    make,
    ascii_bytes.explain,
    ("ascii_line", "ascii-line"),
    bauds=(9600, 115200),
    options=(Option("end", "what ends a line", AUTO, (*_ENDS, PAUSE)), *LINE_OPTIONS),
)
