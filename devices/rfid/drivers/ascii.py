"""Readers that print a line for a card: Arduino and ESP sketches, TWN4 in CDC mode, rf IDEAS, Zaparoo, EM-18.

Lines end with CR, LF, CR LF or ETX, or, where a reader ends none, with a pause. Nothing is ever sent.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from bench.clock import NS_PER_MS, Stamp
from bench.codecs import ascii_bytes
from bench.message import Decoded, Direction, Fault, malformed
from devices.rfid.driver import CardSeen, DriverInfo, Event, Flaw, Frame, Listener, NothingSeen, Notice, Ready
from devices.rfid.presence import PUSH
from devices.rfid.uid_text import Gone, Refused, Uid, read_line

IDLE_GAP_NS = 50 * NS_PER_MS
# Once a reader was seen to end its lines, an unfinished one is waited for: its first half may look like a shorter UID.
UNFINISHED_NS = 1000 * NS_PER_MS
MAX_LINE = 1024

_ENDS = re.compile(rb"[\r\n\x03]")
_TERMINATORS = b"\r\n\x03"
_PADDING = b"\r\n\x03\x00"
_FRAMING = b"\x02\x03\x00\r\n"


@dataclass(frozen=True, slots=True)
class Line:
    """One line. uid: upper-case hex, or empty where it holds no card."""

    text: str
    uid: str = ""
    technology: str = ""


class AsciiLines(Listener):
    """Cuts the stream into lines and looks for a UID in each."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._last: Stamp | None = None
        self._ends_lines = False
        self._announced = False
        self._refused = ""

    def feed(self, data: bytes, stamp: Stamp) -> list[Event]:
        # A pause before these bytes ended the line, even where nobody ticked in time.
        events = self.tick(stamp)
        self._buffer += data
        self._last = stamp
        while (end := self._line_end()) is not None:
            self._ends_lines = True
            events += self._line(self._take(end), stamp)
        while len(self._buffer) > MAX_LINE:
            events.append(_noise(self._take(MAX_LINE), f"line longer than {MAX_LINE} bytes", stamp))
        return events

    def tick(self, now: Stamp) -> list[Event]:
        events: list[Event] = []
        if not self._announced:
            self._announced = True
            events.append(Ready("listening for lines"))
        pause = self._pause_ends_ns
        if pause is None or self._last is None or now.mono_ns < pause:
            return events
        raw = self._take(len(self._buffer))
        if self._ends_lines or raw.lstrip(_PADDING)[:1] == b"\x02":
            events.append(_noise(raw, "line without its end", self._last, Flaw.CUT))
        else:
            events += self._line(raw, self._last)
        return events

    def describe(self, sent: bytes) -> Decoded:
        return Decoded("line", "", None, Line(sent.decode("ascii", "replace")))

    def end(self) -> list[Event]:
        if self._last is None or not self._buffer.strip(_PADDING):
            return []
        return [_noise(self._take(len(self._buffer)), "line cut short", self._last, Flaw.CUT)]

    @property
    def deadline_ns(self) -> int | None:
        return 0 if not self._announced else self._pause_ends_ns

    @property
    def _pause_ends_ns(self) -> int | None:
        if self._last is None or not self._buffer.strip(_PADDING):
            return None
        return self._last.mono_ns + (UNFINISHED_NS if self._ends_lines else IDLE_GAP_NS)

    def _line_end(self) -> int | None:
        """Where the first line ends, behind its terminators; None while it is unfinished."""
        lead = len(self._buffer) - len(self._buffer.lstrip(_PADDING))
        if lead == len(self._buffer):
            # The LF of a CR LF that came apart: kept as the head of the next line, unless it is a flood of them.
            return lead if lead > MAX_LINE else None
        found = _ENDS.search(self._buffer, lead)
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
        if any(byte < 0x20 and byte != 0x09 or byte > 0x7E for byte in content):
            return [_noise(raw, "not text: another baud rate, or another kind of reader", stamp)]
        text = content.decode("ascii")
        reading = read_line(text)
        if isinstance(reading, Uid):
            self._refused = ""
            faults = (Fault("reader.decimal", reading.doubt),) if reading.doubt else ()
            shown = reading.uid.hex().upper()
            body = Line(text, shown, reading.technology.value)
            decoded = Decoded("line", "card", None, body, faults, f"{reading.technology.value} UID {shown}")
            frame = Frame(Direction.IN, raw, decoded, stamp)
            return [frame, CardSeen(reading.uid, reading.technology, raw, stamp)]
        if isinstance(reading, Refused):
            fault = Fault(reading.rule, reading.text)
            events: list[Event] = [
                Frame(Direction.IN, raw, Decoded("line", "refused", None, Line(text), (fault,), reading.text), stamp)
            ]
            # A resting card repeats its line: said once is enough.
            if text != self._refused:
                self._refused = text
                events.append(Notice(reading.rule, "warn", reading.text, reading.cure))
            return events
        if isinstance(reading, Gone):
            decoded = Decoded("line", "removed", None, Line(text), summary="card removed")
            return [Frame(Direction.IN, raw, decoded, stamp), NothingSeen(stamp)]
        return [Frame(Direction.IN, raw, Decoded("line", "", None, Line(text), summary=text[:80]), stamp)]


def _noise(raw: bytes, why: str, stamp: Stamp, flaw: Flaw = Flaw.NOISE) -> Frame:
    return Frame(Direction.IN, raw, malformed(why), stamp, flaw)


DRIVER = DriverInfo(
    "ascii",
    "readers that print a line for a card (Arduino, TWN4 CDC, Zaparoo, EM-18): whatever they read",
    9600,
    PUSH,
    lambda options: AsciiLines(),
    ascii_bytes.explain,
    ("ascii_line", "ascii-line"),
    bauds=(9600, 115200),
)
