"""Looking for messages that are only in the capture: in steps, beside the loop, newest or oldest first."""

from __future__ import annotations

from array import array
from pathlib import Path

from bench.clock import NS_PER_S, stamp
from bench.journal.capture_reader import CaptureReader
from bench.journal.filter import Filter, parse
from bench.journal.history import Complete
from bench.journal.pairing import Pairing
from bench.message import Message

STEP = 10_000
"""Messages looked at in the first step. Between steps it can be cancelled and tells how far it is."""
MAX_STEP = 160_000
STEP_NS = NS_PER_S // 5
"""Steps are made twice as long while they take less than half of this, half as long where they take more."""
BEFORE = 1_000
"""Messages before a step's first that are looked at for the requests of its answers."""


class OlderScan:
    """Tests recorded messages against a filter, from ``last`` down to ``first``, or upwards.

    Every call blocks and may be made on any thread, one at a time. routine: whether polls of a reader without a card are shown.
    SQL sorts out what it can (:mod:`bench.journal.filter.narrowing`); the rest is decoded and tested.

    Raises:
        NotFound, BadInput: the capture cannot be read.
    """

    def __init__(
        self,
        path: Path,
        filter_: Filter | None,
        first: int,
        last: int,
        complete: Complete,
        *,
        routine: bool,
        upwards: bool = False,
    ) -> None:
        self._reader = CaptureReader(path)
        self._filter = filter_ or parse("")
        self._first = first
        self._last = last
        self._complete = complete
        self._routine = routine
        self._upwards = upwards
        self._step = STEP

    @property
    def left(self) -> int:
        """How many numbers are still to be looked at."""
        return max(0, self._last - self._first + 1)

    def step(self) -> tuple[array[int], int]:
        """The matching numbers of the next part, rising, and its first number (its last, upwards)."""
        size = min(self._step, self.left)
        began = stamp().mono_ns
        if self._upwards:
            end = self._first + size - 1
            found = self._look(self._first, end)
            self._first = end + 1
        else:
            end = self._last - size + 1
            found = self._look(end, self._last)
            self._last = end - 1
        took = stamp().mono_ns - began
        if 2 * took < STEP_NS:
            self._step = min(2 * self._step, MAX_STEP)
        elif took > STEP_NS:
            self._step = max(self._step // 2, STEP // 10)
        return found, end

    def close(self) -> None:
        self._reader.close()

    def _look(self, first: int, last: int) -> array[int]:
        matches, complete = self._filter.matches, self._complete
        context = Recorded(self._reader, first, last, paired=self._filter.paired)
        found = array("q")
        for seq, message in self._reader.narrowed(first, last, self._filter.narrowing, routine=self._routine):
            if message is None or matches(complete(message), context):
                found.append(seq)
        return found


class Recorded:
    """What filters ask beyond a message, from what the capture says of the messages around it, from first to last."""

    def __init__(self, reader: CaptureReader, first: int, last: int, *, paired: bool) -> None:
        self._reader = reader
        self._first, self._last = first, last
        self._exchanges: dict[int, int] | None = None
        self._took: dict[int, float] = {}
        if paired:
            self._pair()

    def exchange_of(self, seq: int) -> int | None:
        if self._exchanges is None:
            self._exchanges = self._reader.exchanges_of(self._first, self._last)
        return self._exchanges.get(seq)

    def answer_ms(self, message: Message) -> float | None:
        return self._took.get(message.seq)

    def _pair(self) -> None:
        pairing = Pairing()
        for outline in self._reader.outlines(max(1, self._first - BEFORE), self._last):
            paired = pairing.feed(outline)
            if paired.ms is not None:
                self._took[outline.seq] = paired.ms
