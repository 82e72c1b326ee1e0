"""Goes over the messages of a capture that a filter lets through, from the oldest on, in constant memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from bench.clock import ManualClock
from bench.journal.capture_reader import CaptureReader
from bench.journal.filter import Filter
from bench.journal.pairing import Flag
from bench.journal.pairs import NOT_PAIRED, Pair, Pairs
from bench.journal.redecode import redecode
from bench.message import Message

STRETCH = 10_000
"""Numbers looked at between two reports of progress."""
PAGE = 2_000
PAGE_BYTES = 4 * 1024 * 1024
BEFORE = 2_000
AHEAD = 20_000
"""Messages around a stretch among which the other halves of its requests and answers are looked for."""


class Recorded:
    """What a filter asks beyond a message of the capture, for those from first to last. pairs: where it asks who answers whom."""

    def __init__(self, reader: CaptureReader, first: int, last: int, pairs: Pairs | None) -> None:
        self._reader = reader
        self._first, self._last = first, last
        self._pairs = pairs
        self._exchanges: dict[int, int] | None = None

    def exchange_of(self, seq: int) -> int | None:
        if self._exchanges is None:
            self._exchanges = self._reader.exchanges_of(self._first, self._last)
        return self._exchanges.get(seq)

    def pair_of(self, seq: int) -> Pair:
        """Who it answers, or who answers it."""
        return NOT_PAIRED if self._pairs is None else self._pairs.of(seq)

    def answer_ms(self, message: Message) -> float | None:
        pair = self.pair_of(message.seq)
        return None if pair.answers is None else pair.ms

    def flags(self, message: Message) -> tuple[Flag, ...]:
        return self.pair_of(message.seq).flags


class Messages:
    """The messages of a capture above a number, in order; what a filter and a row ask of the one at hand.

    bodies: decode them. paired: whether who answers whom is wanted (for a filter that asks, it is known anyway).
    progress: told after each stretch how many numbers of how many are behind; an exception it raises ends the work.
    """

    def __init__(
        self,
        reader: CaptureReader,
        filter_: Filter | None = None,
        *,
        after: int = 0,
        bodies: bool = True,
        paired: bool = False,
        progress: Callable[[int, int], None] | None = None,
    ) -> None:
        self._reader = reader
        self._filter = filter_
        self._after = after
        self._bodies = bodies
        self._pairs = Pairs(end_clock(reader)) if paired or (filter_ is not None and filter_.paired) else None
        self._taken = max(0, after - BEFORE)
        self._progress = progress or (lambda done, total: None)
        self._around = Recorded(reader, 1, 0, None)

    def __iter__(self) -> Iterator[Message]:
        """Every message that passes."""
        start, end = self._reader.span()
        start = max(start, self._after + 1)
        after = start - 1
        while after < end and (first := self._reader.next_number(after)) is not None:
            after = min(end, first + STRETCH - 1)
            if self._pairs is not None:
                self._taken = take_up_to(self._reader, self._pairs, max(self._taken, first - 1 - BEFORE), after + AHEAD)
            self._around = Recorded(self._reader, first, after, self._pairs)
            yield from self._let_through(first, after)
            self._progress(after - start + 1, end - start + 1)

    def exchange_of(self, seq: int) -> int | None:
        """The exchange of a message of the stretch at hand, or None."""
        return self._around.exchange_of(seq)

    def pair_of(self, seq: int) -> Pair:
        return self._around.pair_of(seq)

    def answer_ms(self, message: Message) -> float | None:
        return self._around.answer_ms(message)

    def flags(self, message: Message) -> tuple[Flag, ...]:
        return self._around.flags(message)

    def _let_through(self, first: int, last: int) -> Iterator[Message]:
        if self._filter is None:
            for page in pages(self._reader, first - 1, last):
                yield from map(redecode, page) if self._bodies else page
            return
        candidates = self._reader.candidates(first, last, self._filter.narrowing, routine=True)
        doubted = {seq for seq, doubt in candidates if doubt}
        for recorded in self._reader.numbered([seq for seq, _ in candidates]):
            message = redecode(recorded)
            if message.seq not in doubted or self._filter.matches(message, self._around):
                yield message if self._bodies else recorded


def pages(reader: CaptureReader, after: int = 0, last: int | None = None) -> Iterator[list[Message]]:
    """The messages of a capture, as recorded; as many at a time as memory bears."""
    while page := reader.messages(after, PAGE, last=last, max_bytes=PAGE_BYTES):
        after = page[-1].seq
        yield page


def exchanges_of(reader: CaptureReader) -> Iterator[dict[str, object]]:
    """Every exchange of a capture."""
    after = 0
    while page := reader.exchanges(after, PAGE):
        yield from page
        numbers = [number for exchange in page if isinstance(number := exchange.get("id"), int)]
        after = max([after, *numbers]) if numbers else after + len(page)


def end_clock(reader: CaptureReader) -> ManualClock:
    """A clock that stands where the capture ends."""
    clock = ManualClock()
    for message in reader.messages(reader.span()[1] - 1, 1):
        clock.mono_ns, clock.utc_ns = message.mono_ns, message.utc_ns
    return clock


def take_up_to(reader: CaptureReader, pairs: Pairs, taken: int, last: int) -> int:
    """Let ``pairs`` take in the messages numbered above ``taken`` and up to ``last``; up to where it was."""
    while taken < last and (first := reader.next_number(taken)) is not None:
        end = min(last, first + PAGE - 1)
        pairs.take(reader.halves(first - 1, end))
        taken = end
    return taken
