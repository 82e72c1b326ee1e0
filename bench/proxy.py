"""One proxied connection between a station and its CSMS: frames in, effects out, no I/O and no time of its own.

What is passed on keeps its bytes and, in each direction, its order: whatever waits lets nothing of the same side pass it.
"""

from __future__ import annotations

import secrets
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import count
from typing import Any, NamedTuple

from bench.clock import NS_PER_MS
from bench.codecs import ocpp
from bench.codecs.ocpp import Call, CallError, CallResult
from bench.errors import BadInput, NotFound
from bench.journal.filter import Context
from bench.message import Decoded, Message
from bench.proxy_rules import Rules, Ruling, Side, edit

MAX_QUEUED = 256
"""Messages that may wait in one direction."""

MAX_QUEUED_BYTES = 32 * 2**20
MAX_OPEN = 1024
"""Calls without an answer that are remembered of each side."""

SENDABLE = frozenset({*range(1000, 1004), *range(1007, 1015), *range(3000, 5000)})
"""Close codes that may stand in a close frame (RFC 6455 section 7.4; 1012 to 1014 by the IANA registry)."""


class Forward(NamedTuple):
    """Send to that side. of: number of the message that is passed on, None for one of ours. edited: not the bytes it came with;
    action: then, of the call that it is or answers.
    waited_since: when it came (monotonic ns) where it was not passed on at once, else None.
    """

    to: Side
    data: bytes
    of: int | None
    edited: bool = False
    binary: bool = False
    waited_since: int | None = None
    action: str = ""


@dataclass(frozen=True, slots=True)
class Answered:
    """An injected call was answered, by the message just received: it is not for the other side."""

    call_id: str


@dataclass(frozen=True, slots=True)
class Meddled:
    """A message did not go its way untouched: what was done to it and why. seq: its number."""

    seq: int
    what: str
    text: str


@dataclass(frozen=True, slots=True)
class Trouble:
    """A finding. severity: info, warn, fail. seq: number of the message it is about, or None."""

    rule: str
    severity: str
    text: str
    cure: str = ""
    seq: int | None = None


@dataclass(frozen=True, slots=True)
class Hangup:
    """End that side's connection as the other's ended. code: to be sent; None = a close frame without one (1005), 1006 = no close
    frame at all.
    """

    to: Side
    code: int | None
    reason: str


Effect = Forward | Answered | Meddled | Trouble | Hangup


@dataclass(frozen=True, slots=True)
class Waiting:
    """A message that waits. data: as it would be passed on. held: for the operator; else until due_ns (monotonic), or for those
    before it.
    """

    message: Message
    side: Side
    data: bytes
    held: bool
    due_ns: int
    binary: bool

    @property
    def seq(self) -> int:
        return self.message.seq

    @property
    def edited(self) -> bool:
        return self.data != self.message.raw


class ProxyLine:
    """State of one proxied connection.

    rules: shared by all of a proxy. context: what filters may ask. id_prefix: of the ids of injected calls. moved: messages began
    or ceased to wait since the owner set it to False.
    """

    def __init__(self, version: str, rules: Rules, context: Context, *, id_prefix: str | None = None) -> None:
        self.version = version
        self.moved = False
        self._rules = rules
        self._context = context
        self._prefix = id_prefix if id_prefix is not None else f"bench-{secrets.token_hex(4)}"
        self._numbers = count(1)
        self._queues: dict[Side, deque[Waiting]] = {side: deque() for side in Side}
        self._open: dict[Side, dict[str, str]] = {side: {} for side in Side}  # by who asked: id -> action
        self._ours: dict[Side, dict[str, str]] = {side: {} for side in Side}  # by who is asked: id -> action

    # What the peers say

    def decode(self, side: Side, data: bytes) -> Decoded:
        """Read a frame of that side; a CALLRESULT is checked against the call it answers. Never raises."""
        asked, ours = self._open[side.other], self._ours[side]
        return ocpp.decode(data, self.version, lambda call_id: ours.get(call_id) or asked.get(call_id))

    def reread(self, data: bytes, action: str) -> Decoded:
        """Read a frame that was edited. action: of the call that it is or answers."""
        return ocpp.decode(data, self.version, lambda call_id: action)

    def answers_ours(self, side: Side, decoded: Decoded) -> bool:
        """Whether it answers an injected call. Such an answer is not for the other side."""
        answer = isinstance(decoded.body, CallResult | CallError)
        return answer and decoded.correlation in self._ours[side]

    def received(self, side: Side, message: Message, *, binary: bool = False) -> list[Effect]:
        """A frame of that side, already journaled."""
        decoded = message.decoded
        if self.answers_ours(side, decoded):
            return [self.settle(side, decoded)]
        ruling = self._rules.apply(side, message, self._context)
        if isinstance(decoded.body, Call):
            _remember(self._open[side], decoded.body.id, decoded.body.action)
        elif isinstance(decoded.body, CallResult | CallError):
            self._open[side.other].pop(decoded.body.id, None)
        effects: list[Effect] = [Meddled(message.seq, why.partition(" ")[0], why) for why in ruling.why]
        if not ruling.dropped:
            effects += self._pass_on(side, message, ruling, binary)
        return effects

    def settle(self, side: Side, decoded: Decoded) -> Answered:
        """That side answered an injected call: the call is over."""
        assert decoded.correlation is not None
        del self._ours[side][decoded.correlation]
        return Answered(decoded.correlation)

    def closed(self, side: Side, code: int, reason: str) -> list[Effect]:
        """That side is gone: what it said before still goes its way, then the other side is told in the same words."""
        effects: list[Effect] = []
        queue, back = self._queues[side], self._queues[side.other]
        for waiting in queue:
            if waiting.held:
                effects.append(Meddled(waiting.seq, "dropped", f"dropped: the {side} left while it was held"))
            else:
                effects.append(_forward(waiting, waited=True))
        effects += [Meddled(w.seq, "dropped", f"dropped: the {side} left before it was passed on") for w in back]
        queue.clear()
        back.clear()
        for calls in self._ours.values():
            calls.clear()
        effects.append(Hangup(side.other, *sendable(code, reason)))
        return effects

    # Time

    @property
    def due_ns(self) -> int | None:
        """When the next message has waited long enough (monotonic), or None."""
        heads = [queue[0] for queue in self._queues.values() if queue]
        return min((head.due_ns for head in heads if not head.held), default=None)

    def tick(self, now_ns: int) -> list[Effect]:
        """Pass on what has waited long enough."""
        return [effect for side in Side for effect in self._pump(side, now_ns)]

    # What the operator does

    @property
    def waiting(self) -> tuple[Waiting, ...]:
        """What waits, by number."""
        return tuple(sorted((w for queue in self._queues.values() for w in queue), key=lambda w: w.seq))

    def release(self, seq: int, now_ns: int, *, payload: Mapping[str, Any] | None = None) -> list[Effect]:
        """Let a held message go, with another payload if given, when those before it have gone.

        Raises:
            NotFound: that message does not wait. BadInput: it has no payload.
        """
        queue, index = self._find(seq)
        waiting = queue[index]
        if payload is not None:
            waiting = replace(waiting, data=edit(waiting.data, payload=payload))
        self.moved = True
        queue[index] = replace(waiting, held=False, due_ns=now_ns)
        return [Meddled(seq, "released", "released by the operator"), *self._pump(waiting.side, now_ns)]

    def drop(self, seq: int, now_ns: int) -> list[Effect]:
        """Drop a message that waits.

        Raises:
            NotFound: that message does not wait.
        """
        queue, index = self._find(seq)
        side = queue[index].side
        del queue[index]
        self.moved = True
        return [Meddled(seq, "dropped", "dropped by the operator"), *self._pump(side, now_ns)]

    def call(self, to: Side, action: str, payload: Mapping[str, Any]) -> tuple[Call, list[Effect]]:
        """Inject a call with an id of ours. It does not queue behind what waits, nor does it wait for an open call: it is the
        operator's, who may want just that.

        Raises:
            BadInput: the payload is no JSON.
        """
        call = Call(f"{self._prefix}-{next(self._numbers)}", action, dict(payload))
        try:
            data = ocpp.encode_call(call)
        except TypeError as error:
            raise BadInput(f"the payload of {action} is no JSON: {error}") from error
        return call, self.inject(to, data)

    def inject(self, to: Side, data: bytes) -> list[Effect]:
        """Inject bytes as they are. The answer to a call among them is not for the other side.

        Raises:
            BadInput: the other side has an open call of that id; the answers could not be told apart.
        """
        body = ocpp.decode(data, self.version).body
        if isinstance(body, Call):
            if body.id in self._open[to.other]:
                raise BadInput(f"the {to.other} has an open call with the id {body.id}", "choose another message id")
            _remember(self._ours[to], body.id, body.action)
        return [Forward(to, data, None)]

    # Inside

    def _pass_on(self, side: Side, message: Message, ruling: Ruling, binary: bool) -> list[Effect]:
        queue = self._queues[side]
        due_ns = message.mono_ns + ruling.delay_ms * NS_PER_MS
        waiting = Waiting(message, side, ruling.data, ruling.held, due_ns, binary)
        if not queue and not ruling.held and not ruling.delay_ms:
            return [_forward(waiting)]
        queue.append(waiting)
        self.moved = True
        if len(queue) <= MAX_QUEUED and sum(len(one.data) for one in queue) <= MAX_QUEUED_BYTES:
            return []
        # Neither lost nor kept for ever: a peer that goes on talking gets all of its words through.
        effects: list[Effect] = [
            Trouble(
                "proxy.queue-full",
                "fail",
                f"too much of the {side} was waiting: all {len(queue)} messages were passed on",
                "release or drop held messages sooner, or hold fewer of them",
                message.seq,
            )
        ]
        effects += [_forward(one, waited=one is not waiting) for one in queue]
        queue.clear()
        return effects

    def _pump(self, side: Side, now_ns: int) -> Iterator[Effect]:
        queue = self._queues[side]
        while queue and not queue[0].held and queue[0].due_ns <= now_ns:
            self.moved = True
            yield _forward(queue.popleft(), waited=True)

    def _find(self, seq: int) -> tuple[deque[Waiting], int]:
        for queue in self._queues.values():
            for index, waiting in enumerate(queue):
                if waiting.seq == seq:
                    return queue, index
        raise NotFound(f"message {seq} does not wait in this proxy", "it was passed on or dropped already")


def sendable(code: int, reason: str) -> tuple[int | None, str]:
    """A close as it can be said again: 1005 is a close frame without a code, what else may not be sent is a break (1006)."""
    if code == 1005:
        return None, ""
    return (code, reason) if code in SENDABLE else (1006, "")


def _forward(waiting: Waiting, *, waited: bool = False) -> Forward:
    since = waiting.message.mono_ns if waited else None
    action = waiting.message.decoded.name if waiting.edited else ""
    return Forward(waiting.side.other, waiting.data, waiting.seq, waiting.edited, waiting.binary, since, action)


def _remember(calls: dict[str, str], call_id: str, action: str) -> None:
    calls[call_id] = action
    if len(calls) > MAX_OPEN:
        del calls[next(iter(calls))]
