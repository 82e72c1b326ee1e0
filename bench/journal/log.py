"""The append-only journal: everything that crossed any link, numbered from 1 without gaps."""

from __future__ import annotations

from array import array
from collections.abc import Mapping

from bench.clock import Stamp
from bench.errors import BenchBug
from bench.message import Decoded, Direction, Link, Message

DEFAULT_WINDOW = 50_000
"""Messages kept in memory: some 100 MB, and as many as a filter is applied to at once."""


class Journal:
    """Numbers messages and keeps the newest ``window`` of them in memory.

    Readers poll: they remember the last number they saw and ask :meth:`since`. Nothing is pushed, so a flood costs a slow
    reader nothing. Messages that left memory live on in the capture file.
    """

    def __init__(self, window: int = DEFAULT_WINDOW) -> None:
        if window < 1:
            raise BenchBug("a journal needs room for one message")
        self._window = window
        self._slack = max(1, window // 10)
        self._messages: list[Message] = []
        self._first = 1
        self.malformed = 0

    @property
    def head(self) -> int:
        """Number of the newest message, 0 when empty."""
        return self._first + len(self._messages) - 1

    @property
    def first(self) -> int:
        """Number of the oldest message still in memory (head + 1 when empty)."""
        return self._first

    @property
    def oldest(self) -> int:
        """The same: a journal by itself reads nothing back."""
        return self._first

    @property
    def total(self) -> int:
        """How many were numbered."""
        return self.head

    def missing(self, seq: int) -> str:
        """Nothing is known of numbers that left memory."""
        return ""

    def polls(self) -> array[int]:
        return array("q")

    def rows_behind(self, without: array[int]) -> array[int]:
        return array("q")

    def append(
        self,
        link: Link,
        direction: Direction,
        channel: str,
        raw: bytes,
        decoded: Decoded,
        stamp: Stamp,
        meta: Mapping[str, object] | None = None,
        injected: bool = False,
    ) -> Message:
        """Number and keep one message."""
        message = Message(
            self._first + len(self._messages),
            stamp.mono_ns,
            stamp.utc_ns,
            link,
            direction,
            channel,
            raw,
            decoded,
            meta,
            injected,
        )
        if decoded.kind == "malformed":
            self.malformed += 1
        self._messages.append(message)
        # Trim in blocks: dropping one by one would move the whole list each time.
        if len(self._messages) > self._window + self._slack:
            surplus = len(self._messages) - self._window
            del self._messages[:surplus]
            self._first += surplus
        return message

    def get(self, seq: int) -> Message | None:
        """The message of that number, or None if it is not in memory."""
        index = seq - self._first
        return self._messages[index] if 0 <= index < len(self._messages) else None

    def since(self, seq: int, limit: int | None = None) -> list[Message]:
        """Messages numbered above ``seq``, oldest first, at most ``limit``."""
        start = max(0, seq + 1 - self._first)
        return self._messages[start : None if limit is None else start + limit]
