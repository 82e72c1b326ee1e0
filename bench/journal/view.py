"""The visible rows over the journal: numbers of the messages a filter lets through, oldest first."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Callable
from typing import Protocol

from bench.journal.filter import Context, Filter
from bench.journal.pairing import ASKS, Flag
from bench.journal.pairs import Pair
from bench.message import Link, Message

DEFAULT_PULL = 20_000
ROUTINE_KINDS = frozenset({"frame", "ack"})


class Source(Protocol):
    """What a view looks at: a :class:`bench.journal.log.Journal`, or the :class:`bench.journal.history.History` around it.

    head: number of the newest message. first: of the oldest in memory. oldest: of the oldest that can be read at all.
    total: how many messages there were.
    """

    @property
    def head(self) -> int: ...

    @property
    def first(self) -> int: ...

    @property
    def oldest(self) -> int: ...

    @property
    def total(self) -> int: ...

    def get(self, seq: int) -> Message | None: ...

    def since(self, seq: int, limit: int | None = None) -> list[Message]: ...

    def missing(self, seq: int) -> str: ...

    def polls(self) -> array[int]:
        """Routine polls that are known before the view looks at any message itself."""
        ...

    def rows_behind(self, without: array[int]) -> array[int]:
        """Numbers of what left memory and can be read back, rising, but for those in ``without``; a gap counts as one."""
        ...


class PairsLike(Protocol):
    """Who answers whom; see :class:`bench.journal.pairs.Pairs`."""

    def of(self, seq: int) -> Pair: ...


class JournalContext:
    """What filters and rows ask beyond a message, answered by what the session knows of all of them."""

    def __init__(self, pairs: PairsLike, exchange_of: Callable[[int], int | None]) -> None:
        self._pairs = pairs
        self._exchange_of = exchange_of

    def exchange_of(self, seq: int) -> int | None:
        return self._exchange_of(seq)

    def pair_of(self, seq: int) -> Pair:
        """Who it answers, or who answers it."""
        return self._pairs.of(seq)

    def answer_ms(self, message: Message) -> float | None:
        """Milliseconds from the request to this answer; None for what answers nothing."""
        if ASKS.get(message.decoded.kind) is not False:
            return None  # nearly all messages: told without a look at the pairs
        pair = self._pairs.of(message.seq)
        return None if pair.answers is None else pair.ms

    def flags(self, message: Message) -> tuple[Flag, ...]:
        """What is wrong with it as a request or an answer, by now."""
        if message.decoded.kind not in ASKS:
            return ()
        return self._pairs.of(message.seq).flags


class View:
    """Rows of a table over the journal. Owns no message, only numbers; knows no toolkit.

    The owner calls :meth:`pull` on its flush. A filter change starts over from the oldest message in memory and is paid for by
    the next pulls, so that a long journal never holds the window up. What is only in the capture is searched elsewhere
    (:class:`bench.journal.older.OlderScan`), for the numbers of :attr:`older`, and comes in by :meth:`put_before`.

    visible: numbers of the visible messages, rising; change it only through this class.
    """

    def __init__(self, source: Source, context: Context) -> None:
        self.visible = array("q")
        self._source = source
        self._context = context
        self._filter: Filter | None = None
        self._routine = True
        self._scanned = source.first - 1
        self._older_left = 0
        self._pause_at: int | None = None
        self._held: dict[int, Message] = {}
        self._polls = source.polls()
        self._tallied = source.first - 1
        self._all_tallied = True
        self._polls_at_pause = 0
        self.set_filter(None)

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
        return self._source.total

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
        return self._source.head - self._pause_at - polls

    @property
    def unscanned(self) -> int:
        """Messages in memory that :meth:`pull` has yet to look at."""
        end = self._source.head if self._pause_at is None else self._pause_at
        return max(0, end - max(self._scanned, self._in_memory - 1))

    @property
    def older(self) -> tuple[int, int] | None:
        """First and last number of what is left to be searched in the capture; None where nothing is."""
        first = self._source.oldest
        return (first, self._older_left) if self._older_left >= first else None

    @property
    def overtaken(self) -> bool:
        """Whether messages left memory before :meth:`pull` saw them (a window that was hidden): set the filter anew."""
        return self._scanned < self._in_memory - 1

    def set_filter(self, filter_: Filter | None) -> None:
        """Start over with another filter (None: all). What is in memory is shown by the next pulls."""
        self._filter = filter_
        start = self._in_memory
        self._scanned = start - 1
        self._older_left = 0
        self._count_polls()
        if filter_ is None and (self._routine or self._all_tallied):
            self.visible = self._source.rows_behind(array("q") if self._routine else self._polls)
        else:
            self.visible = array("q")
            self._older_left = start - 1

    def show_routine(self, shown: bool) -> None:
        """Show or hide a polled reader's traffic, some twenty messages a second, that belongs to no tap; starts over."""
        self._routine = shown
        self.set_filter(self._filter)

    def put_before(self, found: array[int], searched_from: int) -> None:
        """Take in what a search of the capture found; everything from that number on is searched now."""
        self.visible = found + self.visible
        self._older_left = searched_from - 1

    def pull(self, limit: int = DEFAULT_PULL) -> list[int]:
        """Look at no more than ``limit`` further messages; append and return the numbers that became visible."""
        batch = self._next(limit)
        if not batch:
            return []
        self._scanned = batch[-1].seq
        if not self._routine:
            batch = [message for message in batch if not self.is_routine(message)]
        if self._filter is None:
            found = [message.seq for message in batch]
        else:
            matches, context = self._filter.matches, self._context
            found = [message.seq for message in batch if matches(message, context)]
        self.visible.extend(found)
        return found

    def pause(self) -> None:
        """Freeze the rows; messages shown stay readable even when the journal lets them go."""
        if self._pause_at is None:
            self._pause_at = self._source.head
            self._polls_at_pause = self._count_polls()
            if self._source.oldest == self._source.first:  # nothing is recorded: what leaves memory would be gone
                self._held = {message.seq: message for message in self._source.since(self._source.first - 1)}

    def resume(self) -> None:
        """Go on: the next pulls bring what waited."""
        self._pause_at = None
        self._held = {}

    def expired(self) -> int:
        """How many rows at the top show messages that can no longer be read."""
        return bisect_left(self.visible, self.oldest)

    def forget(self, count: int) -> None:
        """Drop that many rows at the top."""
        del self.visible[:count]

    def message(self, seq: int) -> Message | None:
        """A message by number, None if it cannot be read."""
        return self._source.get(seq) or self._held.get(seq)

    def missing(self, seq: int) -> str:
        """Why there is no message of a visible number; empty where nothing is known."""
        return self._source.missing(seq)

    def row_of(self, seq: int) -> int | None:
        """The row that shows a message, None when the filter hides it."""
        row = bisect_left(self.visible, seq)
        return row if row < len(self.visible) and self.visible[row] == seq else None

    @property
    def oldest(self) -> int:
        """Number of the oldest message that can be shown."""
        return min(self._source.oldest, next(iter(self._held), self._source.oldest))

    @property
    def _in_memory(self) -> int:
        """Number of the oldest message that :meth:`pull` can look at."""
        return min(self._source.first, next(iter(self._held), self._source.first))

    def _count_polls(self) -> int:
        """Take in what came since the last call; whatever leaves memory stays counted."""
        if self._tallied < self._source.first - 1:
            self._all_tallied = False
        for message in self._source.since(self._tallied):
            self._tallied = message.seq
            if self.is_routine(message):
                self._polls.append(message.seq)
        return len(self._polls)

    def is_routine(self, message: Message) -> bool:
        return routine(message, self._context.exchange_of)

    def _next(self, limit: int) -> list[Message]:
        if self._pause_at is None:
            return self._source.since(self._scanned, limit)
        start = max(self._scanned + 1, self._in_memory)
        end = min(self._pause_at, start + limit - 1)
        if self._held:
            return [self._held[seq] for seq in range(start, end + 1)]
        return self._source.since(start - 1, end - start + 1) if end >= start else []


def routine(message: Message, exchange_of: Callable[[int], int | None]) -> bool:
    """Whether it is a poll of a reader that found nothing."""
    decoded = message.decoded
    return (
        message.link is Link.READER
        and decoded.kind in ROUTINE_KINDS
        and not decoded.faults
        and exchange_of(message.seq) is None
    )
