"""The visible rows over the journal: numbers of the messages a filter lets through, oldest first."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable

from bench.clock import NS_PER_MS
from bench.journal.filter import Context, Filter
from bench.journal.log import Journal
from bench.message import Link, Message

DEFAULT_PULL = 20_000
ROUTINE_KINDS = frozenset({"frame", "ack"})


class JournalContext:
    """What filters ask beyond a message, answered by the journal and two look-ups of the session."""

    def __init__(
        self,
        journal: Journal,
        answered_by: Callable[[int], int | None],
        exchange_of: Callable[[int], int | None],
    ) -> None:
        self._journal = journal
        self._answered_by = answered_by
        self._exchange_of = exchange_of

    def exchange_of(self, seq: int) -> int | None:
        return self._exchange_of(seq)

    def answer_ms(self, message: Message) -> float | None:
        """Milliseconds from the request to this answer; None for requests and where the request left memory."""
        other = self._answered_by(message.seq)
        if other is None or other >= message.seq:
            return None
        request = self._journal.get(other)
        return None if request is None else (message.mono_ns - request.mono_ns) / NS_PER_MS


class View:
    """Rows of a table over the journal. Owns no message, only numbers; knows no toolkit.

    The owner calls :meth:`pull` on its flush. A filter change starts over from the oldest message and is paid for by
    the next pulls, so that a long journal never holds the window up.

    visible: numbers of the visible messages, rising; change it only through this class.
    """

    def __init__(self, journal: Journal, context: Context) -> None:
        self.visible: list[int] = []
        self._journal = journal
        self._context = context
        self._filter: Filter | None = None
        self._routine = True
        self._scanned = journal.first - 1
        self._pause_at: int | None = None
        self._held: dict[int, Message] = {}
        self._polls = 0
        self._tallied = journal.first - 1
        self._polls_at_pause = 0

    @property
    def filter(self) -> Filter | None:
        return self._filter

    @property
    def routine(self) -> bool:
        """Whether the polling of a reader that finds no card is shown."""
        return self._routine

    @property
    def total(self) -> int:
        """Messages since the session began, also those that left memory."""
        return self._journal.head

    @property
    def hidden_polls(self) -> int:
        """How many of :attr:`total` are routine polls that are not shown; 0 while they are shown."""
        return 0 if self._routine else self._count_polls()

    @property
    def paused(self) -> bool:
        return self._pause_at is not None

    @property
    def waiting(self) -> int:
        """Messages that came since the view was paused, but for polls that would not be shown."""
        if self._pause_at is None:
            return 0
        polls = 0 if self._routine else self._count_polls() - self._polls_at_pause
        return self._journal.head - self._pause_at - polls

    @property
    def unscanned(self) -> int:
        """Messages that :meth:`pull` has yet to look at."""
        end = self._journal.head if self._pause_at is None else self._pause_at
        return max(0, end - max(self._scanned, self.oldest - 1))

    def set_filter(self, filter_: Filter | None) -> None:
        """Start over with another filter (None: all). The rows are empty until the next pull."""
        self._filter = filter_
        self.visible = []
        self._scanned = self.oldest - 1

    def show_routine(self, shown: bool) -> None:
        """Show or hide a polled reader's traffic, some twenty messages a second, that belongs to no tap; starts over."""
        self._routine = shown
        self.set_filter(self._filter)

    def pull(self, limit: int = DEFAULT_PULL) -> list[int]:
        """Look at no more than ``limit`` further messages; append and return the numbers that became visible."""
        batch = self._next(limit)
        if not batch:
            return []
        self._scanned = batch[-1].seq
        if not self._routine:
            batch = [message for message in batch if not self._is_routine(message)]
        if self._filter is None:
            found = [message.seq for message in batch]
        else:
            matches, context = self._filter.matches, self._context
            found = [message.seq for message in batch if matches(message, context)]
        self.visible += found
        return found

    def pause(self) -> None:
        """Freeze the rows; messages shown stay readable even when the journal lets them go."""
        if self._pause_at is None:
            self._pause_at = self._journal.head
            self._polls_at_pause = self._count_polls()
            self._held = {message.seq: message for message in self._journal.since(self._journal.first - 1)}

    def resume(self) -> None:
        """Go on: the next pulls bring what waited."""
        self._pause_at = None
        self._held = {}

    def expired(self) -> int:
        """How many rows at the top show messages that are gone from memory."""
        return bisect_left(self.visible, self.oldest)

    def forget(self, count: int) -> None:
        """Drop that many rows at the top."""
        del self.visible[:count]

    def message(self, seq: int) -> Message | None:
        """A message by number, None if it left memory."""
        return self._journal.get(seq) or self._held.get(seq)

    def row_of(self, seq: int) -> int | None:
        """The row that shows a message, None when the filter hides it."""
        row = bisect_left(self.visible, seq)
        return row if row < len(self.visible) and self.visible[row] == seq else None

    @property
    def oldest(self) -> int:
        """Number of the oldest message that can be shown."""
        return min(self._journal.first, next(iter(self._held), self._journal.first))

    def _count_polls(self) -> int:
        """Take in what came since the last call; whatever leaves memory stays counted."""
        for message in self._journal.since(self._tallied):
            self._tallied = message.seq
            self._polls += self._is_routine(message)
        return self._polls

    def _is_routine(self, message: Message) -> bool:
        decoded = message.decoded
        return (
            message.link is Link.READER
            and decoded.kind in ROUTINE_KINDS
            and not decoded.faults
            and self._context.exchange_of(message.seq) is None
        )

    def _next(self, limit: int) -> list[Message]:
        if self._pause_at is None:
            return self._journal.since(self._scanned, limit)
        start = max(self._scanned + 1, self.oldest)
        end = min(self._pause_at, start + limit - 1)
        return [self._held[seq] for seq in range(start, end + 1)]
