"""Telling the echo of our own messages from messages of others: the broker sends both, and nothing marks which is which."""

from __future__ import annotations

from collections import Counter, deque
from hashlib import blake2b

from bench.clock import NS_PER_S

ECHO_LIMIT_NS = 5 * NS_PER_S
MAX_EXPECTED = 20_000

_Key = tuple[str, bytes]


class Echoes:
    """What we published and have not heard again. Each publish swallows one equal message, no more, and only for 5 s.

    So another client that sends the same bytes is still seen, and a broker that never sends our messages back (an access list
    that lets us read but not write) does not make us deaf to others later.
    """

    def __init__(self) -> None:
        self._order: deque[tuple[int, _Key]] = deque()
        self._open: Counter[_Key] = Counter()

    def __len__(self) -> int:
        return len(self._order)

    def expect(self, topic: str, payload: bytes, mono_ns: int) -> None:
        """We published that. Beyond 20,000 the oldest is forgotten."""
        key = _key(topic, payload)
        self._order.append((mono_ns, key))
        self._open[key] += 1
        if len(self._order) > MAX_EXPECTED:
            self._forget_first()

    def swallow(self, topic: str, payload: bytes) -> bool:
        """Whether this message is an echo that was still to come."""
        if not self._order:
            return False
        key = _key(topic, payload)
        if key not in self._open:
            return False
        # Echoes come in the order of publishing, so the first entry is nearly always the one.
        for index, (_, waiting) in enumerate(self._order):
            if waiting == key:
                del self._order[index]
                break
        self._drop(key)
        return True

    def overdue(self, mono_ns: int) -> str | None:
        """Forget those that should have come long ago; the topic of the first of them, or None."""
        topic = None
        while self._order and mono_ns - self._order[0][0] >= ECHO_LIMIT_NS:
            topic = topic or self._order[0][1][0]
            self._forget_first()
        return topic

    def clear(self) -> None:
        """The connection ended: no echo of before will come."""
        self._order.clear()
        self._open.clear()

    def _forget_first(self) -> None:
        _, key = self._order.popleft()
        self._drop(key)

    def _drop(self, key: _Key) -> None:
        self._open[key] -= 1
        if not self._open[key]:
            del self._open[key]


def _key(topic: str, payload: bytes) -> _Key:
    return topic, blake2b(payload, digest_size=16).digest()
