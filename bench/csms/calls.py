"""Calls of ours to one peer: one under way at a time, the others in line (OCPP-J: one outstanding CALL per direction)."""

from __future__ import annotations

from collections import deque

from bench.codecs.ocpp import Call
from bench.errors import OperatorError

MAX_QUEUED = 64
MAX_LATE = 32


class OutgoingCalls:
    """Whose turn it is, and which calls were given up but may still be answered. peer: what the other side is."""

    def __init__(self, peer: str = "station") -> None:
        self._peer = peer
        self.open: Call | None = None
        self._queue: deque[Call] = deque()
        self._late: dict[str, Call] = {}

    def __len__(self) -> int:
        return len(self._queue) + (self.open is not None)

    def add(self, call: Call) -> Call | None:
        """Take a call on; the call to send now, or None when another is under way.

        Raises:
            OperatorError: too many are waiting.
        """
        if self.open is None:
            self.open = call
            return call
        if len(self._queue) >= MAX_QUEUED:
            raise OperatorError(
                f"{MAX_QUEUED} calls already wait for this {self._peer} to answer {self.open.action}",
                "wait until it answers, or close its connection",
            )
        self._queue.append(call)
        return None

    def action_of(self, call_id: str) -> str | None:
        """The action of the call under way, or of one given up, with that id."""
        call = self.open if self.open is not None and self.open.id == call_id else self._late.get(call_id)
        return call.action if call is not None else None

    def answered(self, call_id: str) -> Call | None:
        """The call under way, if that is its id; then it is over."""
        if self.open is None or self.open.id != call_id:
            return None
        call, self.open = self.open, None
        return call

    def came_late(self, call_id: str) -> Call | None:
        """A call given up earlier that is answered now after all."""
        return self._late.pop(call_id, None)

    def give_up(self, call_id: str) -> tuple[Call | None, bool]:
        """Stop waiting for a call; the call and whether it had been sent."""
        call = self.answered(call_id)
        if call is not None:
            self._late[call_id] = call
            if len(self._late) > MAX_LATE:
                del self._late[next(iter(self._late))]
            return call, True
        for queued in self._queue:
            if queued.id == call_id:
                self._queue.remove(queued)
                return queued, False
        return None, False

    def next(self) -> Call | None:
        """The call whose turn it is now, or None."""
        if self.open is not None or not self._queue:
            return None
        self.open = self._queue.popleft()
        return self.open

    def drain(self) -> list[Call]:
        """All that are not answered, oldest first; nothing is left."""
        calls = [self.open] if self.open is not None else []
        calls += self._queue
        self.open = None
        self._queue.clear()
        self._late.clear()
        return calls
