"""The only place that reads time.

Durations always come from the monotonic half of a :class:`Stamp` taken at the edge (where bytes
left or entered the process), never from the length of a sleep.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from functools import lru_cache
from typing import NamedTuple, Protocol

NS_PER_MS = 1_000_000
NS_PER_S = 1_000_000_000


class Stamp(NamedTuple):
    """One moment on both clocks.

    mono_ns: monotonic nanoseconds, meaningful only as a difference.
    utc_ns: nanoseconds since the Unix epoch, UTC.
    """

    mono_ns: int
    utc_ns: int


class Clock(Protocol):
    """A source of stamps; tests pass one they move by hand."""

    def stamp(self) -> Stamp:
        """The moment now."""
        ...


class SystemClock:
    """The computer's own clocks."""

    def stamp(self) -> Stamp:
        return Stamp(time.perf_counter_ns(), time.time_ns())


class ManualClock:
    """A clock that moves only when told to; for tests and for replay."""

    def __init__(self, utc_ns: int = 1_700_000_000 * NS_PER_S) -> None:
        self.mono_ns = 0
        self.utc_ns = utc_ns

    def stamp(self) -> Stamp:
        return Stamp(self.mono_ns, self.utc_ns)

    def advance(self, ms: float) -> None:
        """Move both clocks on by so many milliseconds."""
        step = int(ms * NS_PER_MS)
        self.mono_ns += step
        self.utc_ns += step


def stamp() -> Stamp:
    """The moment now, for the edges that stamp bytes as they pass."""
    return Stamp(time.perf_counter_ns(), time.time_ns())


def to_datetime(utc_ns: int) -> datetime:
    """A UTC datetime of epoch nanoseconds (to the microsecond)."""
    return datetime.fromtimestamp(utc_ns // NS_PER_S, UTC).replace(microsecond=utc_ns % NS_PER_S // 1000)


def iso_utc(utc_ns: int) -> str:
    """RFC 3339 text of epoch nanoseconds with milliseconds, as OCPP writes time."""
    seconds, rest = divmod(utc_ns, NS_PER_S)
    return f"{_second_text(seconds)}.{rest // NS_PER_MS:03d}Z"


def iso_datetime(moment: datetime) -> str:
    """The same text of a datetime that knows its zone."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def from_iso(text: str) -> int:
    """Epoch nanoseconds of an RFC 3339 text.

    Raises:
        ValueError: it is none.
    """
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text} has no time zone")
    since = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86_400 + since.seconds) * NS_PER_S + since.microseconds * 1000


@lru_cache(maxsize=64)
def _second_text(seconds: int) -> str:
    # Thousands of messages share a second.
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def utc_now() -> datetime:
    """The wall clock, UTC, for records that need a date."""
    return datetime.now(UTC)


__all__ = [
    "NS_PER_MS",
    "NS_PER_S",
    "Clock",
    "ManualClock",
    "Stamp",
    "SystemClock",
    "iso_datetime",
    "iso_utc",
    "stamp",
    "to_datetime",
    "utc_now",
]
