"""Calls that wait for their responses, in one pass over messages in their order.

A response belongs to the latest earlier call with the same id, the opposite direction and no response yet (Open OCPP
Trace 1.1, pairing).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

MAX_OPEN = 100_000
"""Calls without a response that are remembered; those of the id longest unused are forgotten first."""

T = TypeVar("T")


class OpenCalls(Generic[T]):
    """What is remembered of each open call, by whatever ties a response to it."""

    def __init__(self, max_open: int = MAX_OPEN) -> None:
        self._open: OrderedDict[Hashable, list[T]] = OrderedDict()
        self._count = 0
        self._max_open = max_open

    def call(self, key: Hashable, call: T) -> None:
        """A call was seen."""
        self._open.setdefault(key, []).append(call)
        self._open.move_to_end(key)
        self._count += 1
        if self._count > self._max_open:
            oldest = next(iter(self._open))
            self._take(oldest, 0)

    def answer(self, key: Hashable) -> T | None:
        """A response was seen: the call it belongs to, None for an orphan."""
        return self._take(key, -1) if key in self._open else None

    def _take(self, key: Hashable, index: int) -> T:
        waiting = self._open[key]
        found = waiting.pop(index)
        self._count -= 1
        if not waiting:
            del self._open[key]
        return found
