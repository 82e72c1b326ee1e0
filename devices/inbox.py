"""Thread to loop hand-off: one wake-up a burst, order kept."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Inbox(Generic[T]):
    """Collects items from any thread and hands them to ``consume`` on the loop's thread.

    The loop is woken only when the list was empty, so a burst of thousands costs one wake-up. After :meth:`close`
    further items are refused (``put`` returns False) instead of waking a loop that may be gone.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, consume: Callable[[list[T]], None]) -> None:
        self._loop = loop
        self._consume = consume
        self._lock = threading.Lock()
        self._items: list[T] = []
        self._closed = False

    def put(self, item: T) -> bool:
        with self._lock:
            if self._closed:
                return False
            self._items.append(item)
            wake = len(self._items) == 1
        if wake:
            try:
                self._loop.call_soon_threadsafe(self._drain)
            except RuntimeError:  # the loop is closed: nobody is left to tell
                return False
        return True

    def close(self) -> None:
        """Hand over what is left (call on the loop's thread), then refuse further items."""
        self._drain()
        with self._lock:
            self._closed = True

    def _drain(self) -> None:
        with self._lock:
            items, self._items = self._items, []
        if items:
            self._consume(items)
