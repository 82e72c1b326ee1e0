"""Looking for messages that are only in the capture: in steps, beside the loop, newest or oldest first."""

from __future__ import annotations

from array import array
from pathlib import Path

from bench.clock import NS_PER_S, Clock, stamp
from bench.journal.capture_reader import CaptureReader
from bench.journal.filter import Filter, parse
from bench.journal.history import Complete
from bench.journal.pairs import Pairs
from bench.journal.walk import AHEAD, BEFORE, Recorded, end_clock, take_up_to

STEP = 10_000
"""Messages looked at in the first step. Between steps it can be cancelled and tells how far it is."""
MAX_STEP = 160_000
STEP_NS = NS_PER_S // 5
"""Steps are made twice as long while they take less than half of this, half as long where they take more."""


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
        self._clock: Clock | None = None

    @property
    def left(self) -> int:
        """How many numbers are still to be looked at."""
        return max(0, self._last - self._first + 1)

    def step(self) -> tuple[array[int], int]:
        """The matching numbers of the next part, rising, and its first number (its last, upwards)."""
        size = min(self._step, self.left)
        began = stamp().mono_ns
        if self._upwards:
            found = self._look(self._first, self._first + size - 1)
            following = self._reader.next_number(self._first + size - 1)  # a hole in the numbers may be wide
            self._first = self._last + 1 if following is None else following
            end = min(self._first - 1, self._last)
        else:
            found = self._look(self._last - size + 1, self._last)
            before = self._reader.number_before(self._last - size + 1)
            self._last = self._first - 1 if before is None else before
            end = max(self._last + 1, self._first)
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
        candidates = self._reader.candidates(first, last, self._filter.narrowing, routine=self._routine)
        doubted = self._reader.numbered([seq for seq, doubt in candidates if doubt])
        context = Recorded(self._reader, first, last, self._pairs(first, last) if self._filter.paired else None)
        out = {message.seq for message in doubted if not matches(complete(message), context)}
        return array("q", (seq for seq, _ in candidates if seq not in out))

    def _pairs(self, first: int, last: int) -> Pairs:
        """Who answers whom among these and those around them."""
        if self._clock is None:
            self._clock = end_clock(self._reader)
        pairs = Pairs(self._clock)
        take_up_to(self._reader, pairs, max(0, first - 1 - BEFORE), last + AHEAD)
        return pairs
