"""Thread to loop hand-off: one wake-up a burst, order kept, a flood taken in slices."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable
from itertools import islice
from typing import Generic, TypeVar

from bench.clock import NS_PER_MS, stamp

T = TypeVar("T")

SLICE = 50
"""Items handed over at once while the loop's turn lasts."""
TURN_NS = 4 * NS_PER_MS
"""How long one turn of the loop may be spent on a flood before others get theirs."""


BUSY_S = 0.02
"""How long a consumer that cannot keep up is left alone."""


class Inbox(Generic[T]):
    """Collects items from any thread and hands them to ``consume`` on the loop's thread.

    While ``busy`` says so, what waits goes on waiting: whoever puts sees it pile up and can hold its own source back.
    The loop is woken only when nothing was waiting, so a burst of thousands costs one wake-up; what takes longer than a turn goes
    on in the next. After :meth:`close` further items are refused (``put`` returns False) instead of waking a loop that may be gone.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        consume: Callable[[list[T]], None],
        busy: Callable[[], bool] = lambda: False,
    ) -> None:
        self._loop = loop
        self._consume = consume
        self._busy = busy
        self._lock = threading.Lock()
        self._items: list[T] = []
        self._taken: deque[T] = deque()
        self._awake = False
        self._closed = False

    def put(self, item: T) -> bool:
        with self._lock:
            if self._closed:
                return False
            self._items.append(item)
            wake, self._awake = not self._awake, True
        if wake:
            try:
                self._loop.call_soon_threadsafe(self._drain)
            except RuntimeError:  # the loop is closed: nobody is left to tell
                return False
        return True

    def close(self) -> None:
        """Hand over what is left (call on the loop's thread), then refuse further items."""
        self._take()
        while self._taken:
            self._hand_over(len(self._taken))
            self._take()
        with self._lock:
            self._closed = True

    def _drain(self) -> None:
        if self._busy() and not self._closed:
            self._loop.call_later(BUSY_S, self._drain)
            return
        deadline = stamp().mono_ns + TURN_NS
        self._take()
        try:
            while self._taken:
                self._hand_over(SLICE)
                if stamp().mono_ns >= deadline:
                    break
        finally:
            with self._lock:
                self._awake = bool(self._taken or self._items)
            if self._awake:
                self._loop.call_soon(self._drain)

    def _take(self) -> None:
        with self._lock:
            items, self._items = self._items, []
        self._taken.extend(items)

    def _hand_over(self, count: int) -> None:
        items = list(islice(self._taken, count))
        for _ in items:
            self._taken.popleft()
        self._consume(items)
