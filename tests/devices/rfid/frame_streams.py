"""What the tests of drivers for self-sending readers share."""

from __future__ import annotations

import os
from collections.abc import Callable

from hypothesis import strategies as st

from bench.clock import NS_PER_MS, Stamp
from bench.codecs.spans import Span
from devices.rfid.driver import CardSeen, Driver, Event, Flaw, Frame, Notice

NOW = Stamp(1_000 * NS_PER_MS, 0)
PAUSE_NS = 1_000 * NS_PER_MS


def later(ns: int) -> Stamp:
    return Stamp(NOW.mono_ns + ns, 0)


def cards(events: list[Event]) -> list[str]:
    return [event.uid.hex().upper() for event in events if isinstance(event, CardSeen)]


def frames(events: list[Event]) -> list[Frame]:
    return [event for event in events if isinstance(event, Frame)]


def flaws(events: list[Event]) -> list[tuple[bytes, Flaw]]:
    return [(frame.raw, frame.flaw) for frame in frames(events) if frame.flaw is not None]


def rules(events: list[Event]) -> list[str]:
    return [event.rule for event in events if isinstance(event, Notice)]


def read(driver: Driver, *chunks: bytes) -> list[Event]:
    """Everything at one instant, then a long pause."""
    events: list[Event] = []
    for chunk in chunks:
        events += driver.feed(chunk, NOW)
    return events + driver.tick(later(PAUSE_NS)) + driver.end()


@st.composite
def chopped(draw: st.DrawFn, streams: st.SearchStrategy[bytes]) -> list[bytes]:
    """A stream cut anywhere."""
    stream = draw(streams)
    cuts = sorted(draw(st.lists(st.integers(0, len(stream)), max_size=10)))
    return [stream[start:end] for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True)]


def hold_memory(make: Callable[[], Driver], noise: Callable[[], bytes], chunks: int) -> tuple[int, int]:
    """Feed that many pieces of noise; bytes told, and the most that the driver kept waiting."""
    driver = make()
    told = most = fed = 0
    for _ in range(chunks):
        piece = noise()
        fed += len(piece)
        told += sum(len(frame.raw) for frame in frames(driver.feed(piece, NOW)))
        most = max(most, fed - told)
    return told, most


def noises(size: int = 4096) -> dict[str, Callable[[], bytes]]:
    """Sorts of noise that would hurt a decoder that is careless of time or memory."""
    return {
        "random": lambda: os.urandom(size),
        "stx": lambda: b"\x02" * size,
        "digits": lambda: b"4" * size,
        "stx and digits": lambda: b"\x023C00CE754CC" * (size // 12),
        "heads": lambda: b"\x02\x20\x01" * (size // 3),
        "line ends": lambda: b"\r\n" * (size // 2),
    }


def partitions(raw: bytes, spans: list[Span]) -> bool:
    """Whether every byte is in exactly one span, in order."""
    return [span.start for span in spans] == [0, *(span.end for span in spans[:-1])] and spans[-1].end == len(raw)
