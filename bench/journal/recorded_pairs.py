"""Who answers whom in a capture opened again: the whole of it is gone through once, beside the window, without its payloads."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path

from bench.clock import Clock
from bench.errors import OperatorError
from bench.journal.capture_reader import CaptureReader
from bench.journal.pairing import Flag
from bench.journal.pairs import NOT_PAIRED, Pair, Pairs
from bench.message import Link

AT_ONCE = 20_000
"""A capture of no more numbers than that is gone through when it is opened."""
STEP = 1_000
"""Numbers gone through in one step: some five milliseconds."""
REST_S = 0.005
"""Between steps, so that the window has as much time as this."""
NEAR_BEFORE, NEAR_AFTER = 3_000, 1_000
"""Messages around one that was not come to yet, among which its other half is looked for meanwhile."""
_UNSURE = frozenset((Flag.ORPHAN, Flag.UNANSWERED))
"""What only all that comes before, or after, can tell."""


class RecordedPairs(Pairs):
    """Of a capture. Until :meth:`fill` is through, a message it did not come to yet is judged by its neighbours.

    first, last: numbers of the capture's first and last message. clock: stands where the capture ends.

    Raises:
        NotFound, BadInput: see :class:`CaptureReader`.
    """

    def __init__(
        self, path: Path, first: int, last: int, clock: Clock, limits: Mapping[Link, float] | None = None
    ) -> None:
        super().__init__(clock, limits)
        self._reader = CaptureReader(path)
        self._given = limits
        self._start, self._last = first, last
        self._done = first - 1
        self._near: Pairs | None = None
        self._near_from = self._near_to = 0
        try:
            while last - first < AT_ONCE and not self.complete:
                self._step()
        except BaseException:
            self.close()
            raise

    @property
    def complete(self) -> bool:
        """Whether all of the capture was gone through."""
        return self._done >= self._last

    async def fill(self) -> None:
        """Go through the rest, a step at a time.

        Raises:
            BadInput: the capture cannot be read.
        """
        while not self.complete:
            self._step()
            await asyncio.sleep(REST_S)
        self._near = None

    def close(self) -> None:
        """Nothing is known from now on."""
        self._done, self._near = self._last, None
        self._forget()
        self._reader.close()

    def of(self, seq: int) -> Pair:
        if self._done < seq <= self._last:
            near = self._around(seq)
            pair = NOT_PAIRED if near is None else near.of(seq)
        else:
            pair = super().of(seq)
        if self.complete or not pair.flags:
            return pair
        unsure = _UNSURE if seq > self._done else _UNSURE - {Flag.ORPHAN}
        return pair._replace(flags=tuple(flag for flag in pair.flags if flag not in unsure))

    def other_half(self, seq: int) -> int | None:
        pair = self.of(seq)
        return pair.answers or pair.answered_by

    def answers_to(self, seq: int) -> tuple[int, ...]:
        near = self._around(seq) if self._done < seq <= self._last else None
        return super().answers_to(seq) if near is None else near.answers_to(seq)

    def due_ns(self, seq: int) -> int | None:
        return super().due_ns(seq) if self.complete else None

    def _step(self) -> None:
        end = min(self._last, self._done + STEP)
        halves = self._reader.halves(self._done, end)
        self.take(halves)
        if not halves and (following := self._reader.next_number(end)) is not None:
            end = following - 1  # a hole in the numbers may be wide
        self._done = end

    def _around(self, seq: int) -> Pairs | None:
        """What is known of a message from its neighbours; None where they cannot be read."""
        if self._near is None or not self._near_from <= seq <= self._near_to:
            start, end = max(self._start, seq - NEAR_BEFORE), min(self._last, seq + NEAR_AFTER)
            self._near = Pairs(self._clock, self._given)
            # The first and the last of them have their other halves outside.
            self._near_from = self._start if start == self._start else seq - NEAR_BEFORE // 3
            self._near_to = end if end == self._last else seq + NEAR_AFTER // 2
            try:
                self._near.take(self._reader.halves(start - 1, end))
            except OperatorError:
                return None  # whoever shows the message itself is told
        return self._near
