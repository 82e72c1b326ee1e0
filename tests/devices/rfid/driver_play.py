"""A driver played by hand: no port, and a clock that moves when told to."""

from __future__ import annotations

from collections.abc import Iterable

from bench.clock import NS_PER_MS, ManualClock, Stamp
from devices.rfid.driver import CardSeen, Driver, Event, Frame
from devices.rfid.drivers import find


class Play:
    """The driver of that name with these options, and what it said."""

    def __init__(self, name: str, **options: str) -> None:
        info = find(name)
        self.driver: Driver = info.make(info.choose(options))
        self.clock = ManualClock()
        self.events: list[Event] = []

    def sends(self) -> list[bytes]:
        """What the driver sends when it is due next, moving the clock there."""
        due = self.driver.deadline_ns
        assert due is not None
        self.clock.advance(max(0, due - self.clock.mono_ns) / NS_PER_MS)
        self.events += self.driver.tick(self.clock.stamp())
        return self.driver.poll(self.clock.mono_ns)

    def hears(self, *frames: bytes) -> list[Event]:
        new = self.driver.feed(b"".join(frames), self.clock.stamp())
        self.events += new
        return new

    def asked(self, *pairs: tuple[bytes, bytes]) -> list[Event]:
        """It asks this, and hears that, pair by pair; the events of the last answer."""
        new: list[Event] = []
        for question, answer in pairs:
            assert self.sends() == [question]
            new = self.hears(answer)
        return new

    def until(self, kind: type, limit_ms: float) -> Event:
        """Let nothing answer until it says so; fails where that takes longer."""
        limit_ns = self.clock.mono_ns + limit_ms * NS_PER_MS
        before = len(self.of(kind))
        while len(self.of(kind)) == before:
            self.sends()
            assert self.clock.mono_ns <= limit_ns, f"no {kind.__name__} within {limit_ms} ms"
        return self.of(kind)[-1]

    def of(self, kind: type) -> list:
        return [event for event in self.events if isinstance(event, kind)]

    def uids(self) -> list[str]:
        return [card.uid.hex().upper() for card in self.of(CardSeen)]


def cards_of(driver: Driver, chunks: Iterable[bytes], later_ns: int) -> list[bytes]:
    """The UIDs that a driver finds in these chunks, all of one moment, and in the silence after them."""
    events: list[Event] = []
    for chunk in chunks:
        events += driver.feed(chunk, Stamp(0, 0))
    events += driver.tick(Stamp(later_ns, later_ns))
    return [event.uid for event in events if isinstance(event, CardSeen)]


def wire_of(events: Iterable[Event]) -> bytes:
    """All that was told of the wire, in order."""
    return b"".join(event.raw for event in events if isinstance(event, Frame))


def chopped(stream: bytes, cuts: list[int]) -> list[bytes]:
    ends = sorted(cut for cut in cuts if cut <= len(stream))
    return [stream[start:end] for start, end in zip([0, *ends], [*ends, len(stream)], strict=True)]
