"""Messages by number, whether they are still in memory or have to be read back from the capture."""

from __future__ import annotations

import logging
from array import array
from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path

from bench.errors import OperatorError
from bench.journal.capture_reader import CaptureReader
from bench.journal.log import Journal
from bench.journal.rows import numbers
from bench.message import Message

log = logging.getLogger(__name__)

PAGE = 256
"""Messages read at once: some two milliseconds."""
KEEP_PAGES = 40
PAGE_BYTES = 2_000_000
"""Raw bytes after which a page ends early: twenty messages of 20 MB each must not be read for the sake of one."""

Complete = Callable[[Message], Message]
"""Gives a message as recorded its decoded body back."""


class Pages:
    """The messages of a capture by number, the last few pages of them kept. Blocks; on one thread.

    Raises:
        NotFound, BadInput: see :class:`CaptureReader`.
    """

    def __init__(self, path: Path, complete: Complete) -> None:
        self.reader = CaptureReader(path)
        self._complete = complete
        self._pages: OrderedDict[int, list[Message]] = OrderedDict()

    def get(self, seq: int) -> Message | None:
        """The message of that number; None where it is not recorded (or not yet).

        Raises:
            BadInput: the capture cannot be read.
        """
        start = seq - seq % PAGE
        page = self._pages.get(start)
        if page is not None:
            self._pages.move_to_end(start)
            if (found := _in(page, seq)) is not None:
                return found
        page = self._read(start - 1, start + PAGE - 1)
        found = _in(page, seq)
        if found is None:  # the page ended early for its size, or the number is not there
            page = self._read(seq - 1, seq)
            return _in(page, seq)
        # A page whose end is still to be written would be asked for again and again: kept all the same, read anew on a miss.
        self._pages[start] = page
        while len(self._pages) > KEEP_PAGES:
            self._pages.popitem(last=False)
        return found

    def since(self, after: int, limit: int) -> list[Message]:
        """Messages numbered above ``after``, at most ``limit``, as they stand in the file."""
        return [self._complete(message) for message in self.reader.messages(after, limit)]

    def close(self) -> None:
        self._pages.clear()
        self.reader.close()

    def _read(self, after: int, last: int) -> list[Message]:
        recorded = self.reader.messages(after, last - after, last=last, max_bytes=PAGE_BYTES)
        return [self._complete(message) for message in recorded]


def _in(page: list[Message], seq: int) -> Message | None:
    index = bisect_left(page, seq, key=lambda message: message.seq)
    return page[index] if index < len(page) and page[index].seq == seq else None


class History:
    """The whole of a session: the journal's window and, behind it, the capture that is being recorded.

    path: of the capture, or None while nothing is recorded; then what left memory is gone. On the loop's thread.
    """

    def __init__(self, journal: Journal, path: Callable[[], Path | None], complete: Complete) -> None:
        self.journal = journal
        self._path = path
        self._complete = complete
        self._pages: Pages | None = None
        self._opened: Path | None = None
        self._failed_at: int | None = None

    @property
    def head(self) -> int:
        """Number of the newest message, 0 when there is none."""
        return self.journal.head

    @property
    def first(self) -> int:
        """Number of the oldest message in memory."""
        return self.journal.first

    @property
    def oldest(self) -> int:
        """Number of the oldest message that can be read at all."""
        return 1 if self._path() is not None else self.journal.first

    @property
    def total(self) -> int:
        """How many messages there were."""
        return self.journal.head

    @property
    def file(self) -> Path | None:
        """The capture behind it."""
        return self._path()

    @property
    def complete(self) -> Complete:
        return self._complete

    def get(self, seq: int) -> Message | None:
        """A message by number; None where it does not exist, is not recorded, or cannot be read (which the log tells once)."""
        message = self.journal.get(seq)
        if message is not None or not 0 < seq <= self.journal.head:
            return message
        try:
            pages = self._open()
            return None if pages is None else pages.get(seq)
        except OperatorError as error:
            self._fail(error)
            return None

    def since(self, seq: int, limit: int | None = None) -> list[Message]:
        """Messages in memory numbered above ``seq``, oldest first, at most ``limit``."""
        return self.journal.since(seq, limit)

    def missing(self, seq: int) -> str:
        """Why a number holds no message."""
        try:
            pages = self._open()
            gaps = pages.reader.gaps() if pages is not None else []
        except OperatorError as error:
            self._fail(error)
            return ""
        found = next((gap for gap in gaps if gap.what == "messages" and gap.first <= seq <= gap.last), None)
        return "" if found is None else found.words()

    def polls(self) -> array[int]:
        """Those that left memory."""
        try:
            pages = self._open() if self.first > 1 else None
            known = pages.reader.polls() if pages is not None else array("q")
        except OperatorError as error:
            self._fail(error)
            return array("q")
        return known[: bisect_left(known, self.first)]

    def rows_behind(self, without: array[int]) -> array[int]:
        """Every number that left memory: one that was not recorded is a row that says so."""
        return numbers(self.oldest, self.first - 1, without)

    def close(self) -> None:
        pages, self._pages = self._pages, None
        if pages is not None:
            pages.close()

    def _open(self) -> Pages | None:
        path = self._path()
        if path != self._opened:
            self.close()
            self._opened = path
        if self._pages is None and path is not None:
            self._pages = Pages(path, self._complete)
            self._failed_at = None
        return self._pages

    def _fail(self, error: OperatorError) -> None:
        self.close()  # the file may have been replaced: the next look opens it anew
        if self._failed_at is None:
            self._failed_at = self.journal.head
            log.info("an older message could not be read back: %s", error)
