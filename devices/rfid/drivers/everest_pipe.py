"""Lines ``ISO14443:44332211`` and ``ISO15693:8877665544332211``, as EVerest's NxpNfcFrontendTokenProvider takes them.

EVerest reads them from a named pipe (namedPipeDataSource.cpp): LF ends a line, ISO14443 has exactly 8 hex digits and ISO15693
exactly 16, and anything more or less, a CR or a space too, is refused. What passes here passes there. The port may be the path
of a named pipe or any serial port.
"""

from __future__ import annotations

import re

from bench.card import Technology
from bench.clock import NS_PER_MS, Stamp
from bench.codecs import ascii_bytes
from bench.message import Decoded
from devices.rfid.driver import DriverInfo, Event, Flaw, Listener, Ready
from devices.rfid.lines import Line, LineTeller, is_plain, noise
from devices.rfid.presence import PUSH
from devices.rfid.uid_text import Chatter, Reading, Refused, Uid

MAX_LINE = 128
"""EVerest forgets what is longer and has no LF."""
UNFINISHED_NS = 1000 * NS_PER_MS
DIGITS = {Technology.ISO14443: 8, Technology.ISO15693: 16}

_LINE = re.compile(r"(ISO14443|ISO15693):(.*)", re.DOTALL)
_HEX = re.compile(r"[0-9A-Fa-f]*")
_RULE = "reader.everest-line"
_CURE = "write ISO14443: and 8 hex digits, or ISO15693: and 16, then LF and nothing else"


class EverestLines(Listener):
    """Cuts the stream at each LF and takes what EVerest takes."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._last: Stamp | None = None
        self._announced = False
        self._teller = LineTeller()

    def feed(self, data: bytes, stamp: Stamp) -> list[Event]:
        events = self.tick(stamp)
        self._buffer += data
        self._last = stamp
        while (end := self._buffer.find(b"\n") + 1) > 0:
            events += self._line(self._take(end), stamp)
        while len(self._buffer) > MAX_LINE:
            events.append(noise(self._take(MAX_LINE), f"no LF within {MAX_LINE} bytes", stamp))
        return events

    def tick(self, now: Stamp) -> list[Event]:
        events: list[Event] = []
        if not self._announced:
            self._announced = True
            events.append(Ready("listening for lines of EVerest"))
        # A writer that left in the middle of its line must not spoil the next one.
        if self._buffer and self._last is not None and now.mono_ns >= self._last.mono_ns + UNFINISHED_NS:
            events += self.end()
        return events

    def describe(self, sent: bytes) -> Decoded:
        return Decoded("line", "", None, Line(sent.decode("ascii", "replace")))

    def end(self) -> list[Event]:
        if not self._buffer or self._last is None:
            return []
        return [noise(self._take(len(self._buffer)), "line without its LF", self._last, Flaw.CUT)]

    @property
    def deadline_ns(self) -> int | None:
        if not self._announced:
            return 0
        return self._last.mono_ns + UNFINISHED_NS if self._buffer and self._last is not None else None

    def _take(self, count: int) -> bytes:
        raw = bytes(self._buffer[:count])
        del self._buffer[:count]
        return raw

    def _line(self, raw: bytes, stamp: Stamp) -> list[Event]:
        content = raw[:-1]
        if len(content) > MAX_LINE or not is_plain(content.removesuffix(b"\r")):
            return [noise(raw, "no line that EVerest takes: not text, or too long", stamp)]
        text = content.decode("ascii")
        return self._teller.tell(raw, text, read_strictly(text), stamp)


def read_strictly(text: str) -> Reading:
    """What EVerest makes of one line without its LF."""
    found = _LINE.fullmatch(text)
    if found is None:
        return Chatter()
    technology, digits = Technology(found[1]), found[2]
    if digits.endswith("\r"):
        return Refused(_RULE, "the line ends with CR LF: EVerest refuses the CR", _CURE)
    if not _HEX.fullmatch(digits):
        return Refused(_RULE, f"{digits!r} is not all hex digits: EVerest refuses it", _CURE)
    if len(digits) != DIGITS[technology]:
        wanted = f"EVerest takes exactly {DIGITS[technology]} of {technology}"
        return Refused(_RULE, f"{digits} has {len(digits)} digits, {wanted}", _CURE)
    return Uid(bytes.fromhex(digits), technology)


DRIVER = DriverInfo(
    "everest_pipe",
    "lines as EVerest's NxpNfcFrontend takes them, from a named pipe or a serial port: ISO 14443 (4 bytes), ISO 15693",
    115200,
    PUSH,
    lambda options: EverestLines(),
    ascii_bytes.explain,
    ("everest-pipe", "everest"),
    bauds=(115200, 9600),
)
