"""Looking for messages that are only in the capture: in steps, beside the loop, newest first."""

from __future__ import annotations

from array import array
from pathlib import Path

from bench.journal.capture_reader import CaptureReader
from bench.journal.filter import Filter
from bench.journal.history import Complete
from bench.journal.pairing import Pairing
from bench.journal.view import routine
from bench.message import Message

STEP = 10_000
"""Messages looked at in one step, between which it can be cancelled and tells how far it is."""
BEFORE = 1_000
"""Messages before a step's first that are looked at for the requests of its answers."""
STEP_BYTES = 64_000_000
READ = 500


class OlderScan:
    """Tests recorded messages against a filter, from ``last`` down to ``first``.

    Every call blocks and may be made on any thread, one at a time. routine: whether polls of a reader without a card are shown.

    Raises:
        NotFound, BadInput: the capture cannot be read.
    """

    def __init__(
        self, path: Path, filter_: Filter | None, first: int, last: int, complete: Complete, *, routine: bool
    ) -> None:
        self._reader = CaptureReader(path)
        self._filter = filter_
        self._first = first
        self._left = last
        self._complete = complete
        self._routine = routine

    @property
    def left(self) -> int:
        """How many numbers are still to be looked at."""
        return max(0, self._left - self._first + 1)

    def step(self) -> tuple[array[int], int]:
        """The matching numbers of the next lower part, rising, and the number from which on everything is searched."""
        start = max(self._first, self._left - STEP + 1)
        context = Recorded(self._reader.exchanges_of(start, self._left))
        matches = self._filter.matches if self._filter is not None else None
        found = array("q")
        after = max(0, start - 1 - BEFORE)
        while after < self._left:
            page = self._reader.messages(after, READ, last=self._left, max_bytes=STEP_BYTES)
            if not page:
                break
            after = page[-1].seq
            for message in page:
                context.feed(message)
                if message.seq < start or (not self._routine and routine(message, context.exchange_of)):
                    continue
                if matches is None or matches(self._complete(message), context):
                    found.append(message.seq)
        self._left = start - 1
        return found, start

    def close(self) -> None:
        self._reader.close()


class Recorded:
    """What filters ask beyond a message, from what the capture says of the messages around it. exchanges: by number."""

    def __init__(self, exchanges: dict[int, int]) -> None:
        self.exchanges = exchanges
        self._pairing = Pairing()
        self._took: float | None = None

    def feed(self, message: Message) -> None:
        """The next message; :meth:`answer_ms` is of this one."""
        self._took = self._pairing.feed(message).ms

    def exchange_of(self, seq: int) -> int | None:
        return self.exchanges.get(seq)

    def answer_ms(self, message: Message) -> float | None:
        return self._took
