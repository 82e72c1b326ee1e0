"""The bench as a proxy: journals what crosses each proxied connection, then lets :mod:`bench.proxy` say what becomes of it.

In the journal a proxied station looks as if the bench were its CSMS: what the station says comes in, what its CSMS says goes out,
so that requests and answers pair as ever. ``meta.side`` says who said it; what the bench changed or made is marked injected.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Protocol

from bench.answers import CallAnswer
from bench.clock import Clock, Stamp
from bench.codecs.ocpp import CallError, CallResult
from bench.errors import LinkDown, NotFound, OperatorError
from bench.journal.filter import Context
from bench.journal.log import Journal
from bench.message import Decoded, Direction, Link, Message
from bench.ports import Sink
from bench.proxy import Answered, Effect, Forward, Hangup, Meddled, ProxyLine, Trouble, Waiting
from bench.proxy_rules import Rules, Side
from bench.proxy_story import ProxyStory

_DIRECTIONS = {Side.STATION: Direction.IN, Side.CSMS: Direction.OUT}


class Wire(Protocol):
    """The two sockets of a proxied connection. Neither call waits; what is sent keeps its order."""

    def send(self, to: Side, data: bytes, binary: bool) -> None: ...

    def hang_up(self, to: Side, code: int | None, reason: str) -> None:
        """code: None = a close frame without one, 1006 = no close frame at all."""
        ...

    def wake_at(self, due_ns: int | None) -> None:
        """Call :meth:`ProxyDesk.woke` at that monotonic time, and no more at any earlier one."""
        ...


class _Connection(NamedTuple):
    line: ProxyLine
    wire: Wire


class ProxyDesk:
    """All connections of one proxy. All on the loop's thread, each frame handled synchronously.

    rules: what is held, edited, delayed or dropped; may be replaced at any time. story: what is told of taps and stations; None
    tells nothing. waiting_changed: set it to be told, by station, when messages have begun or ceased to wait.
    """

    def __init__(
        self,
        journal: Journal,
        context: Context,
        clock: Clock,
        *,
        story: ProxyStory | None = None,
        call_timeout_s: float = 30.0,
    ) -> None:
        self.rules = Rules()
        self.waiting_changed: Callable[[str], None] = lambda station: None
        self._journal = journal
        self._context = context
        self._clock = clock
        self._story = story
        self._call_timeout_s = call_timeout_s
        self._sink: Sink
        self._connections: dict[str, _Connection] = {}
        self._answers: dict[tuple[str, str], asyncio.Future[Message]] = {}

    # What the shell says

    def start(self, sink: Sink) -> None:
        """sink: told of findings, and of the answers to calls that the bench itself makes to a station."""
        self._sink = sink

    def opened(self, station: str, version: str, wire: Wire) -> None:
        self._connections[station] = _Connection(ProxyLine(version, self.rules, self._context), wire)

    def frame(self, station: str, side: Side, data: bytes, stamp: Stamp, *, binary: bool = False) -> None:
        """A message of that side: journaled before anyone acts on it."""
        connection = self._connections[station]
        line = connection.line
        decoded = line.decode(side, data)
        asked_here = (station, decoded.correlation or "") in self._answers
        if side is Side.STATION and not asked_here and line.answers_ours(side, decoded):
            line.settle(side, decoded)
            self._sink.station_frame(station, data, stamp)  # who asked journals it
            return
        meta: dict[str, object] = {"side": str(side)}
        if binary:
            meta["binary"] = True
        message = self._journal.append(Link.OCPP, _DIRECTIONS[side], station, data, decoded, stamp, meta)
        if self._story is not None:
            self._story.heard(station, side, message)
        for effect in line.received(side, message, binary=binary):
            self._carry_out(station, connection, effect, message)
        self._look_waiting(station, connection)

    def woke(self, station: str) -> None:
        """The time is there that :meth:`Wire.wake_at` was told."""
        connection = self._connections.get(station)
        if connection is not None:
            self._carry_out_all(station, connection.line.tick(self._clock.stamp().mono_ns))

    def closed(self, station: str, side: Side, code: int, reason: str) -> None:
        """One side's connection ended; the other is told the same, and the line is over."""
        connection = self._connections.pop(station)
        said = f"the {side} closed with code {code}{': ' + reason if reason else ''}"
        if side is Side.CSMS:
            self._note(station, "upstream down", said)
            self._sink.finding(
                "proxy.upstream-lost",
                "warn",
                f"{station}: {said}; the station was told the same",
                "look at the CSMS, or at the network to it",
            )
        for effect in connection.line.closed(side, code, reason):
            self._carry_out(station, connection, effect)
        if self._story is not None:
            self._story.closed(station, side)
        self.waiting_changed(station)
        for key in [key for key in self._answers if key[0] == station]:
            answer = self._answers.pop(key)
            if not answer.done():
                answer.set_exception(LinkDown(f"the proxied connection of {station} closed before the answer"))

    # What the operator does. NotFound: no such connection, or that message does not wait.

    @property
    def stations(self) -> tuple[str, ...]:
        return tuple(self._connections)

    def version(self, station: str) -> str:
        """The OCPP version that station and CSMS speak."""
        return self._connection(station).line.version

    def waiting(self, station: str) -> tuple[Waiting, ...]:
        """What is held or delayed, by number."""
        return self._connection(station).line.waiting

    def as_passed_on(self, station: str, waiting: Waiting) -> Message:
        """A message that waits with the bytes that would be passed on."""
        return self.reread(station, waiting.message, waiting.data) if waiting.edited else waiting.message

    def reread(self, station: str, message: Message, data: bytes) -> Message:
        """A message with other bytes."""
        decoded = self._connection(station).line.reread(data, message.decoded.name)
        return message._replace(raw=data, decoded=decoded)

    def release(self, station: str, seq: int, *, payload: Mapping[str, Any] | None = None) -> None:
        """Let a held message go, with another payload if given."""
        line = self._connection(station).line
        self._carry_out_all(station, line.release(seq, self._clock.stamp().mono_ns, payload=payload))

    def drop(self, station: str, seq: int) -> None:
        """Drop a message that waits."""
        line = self._connection(station).line
        self._carry_out_all(station, line.drop(seq, self._clock.stamp().mono_ns))

    async def call(self, station: str, to: Side, action: str, payload: Mapping[str, Any]) -> CallAnswer:
        """Inject a call and wait for its answer, which the other side does not see.

        Raises:
            NotFound, BadInput: as above. LinkDown: gone before it answered. OperatorError: no answer in time.
        """
        line = self._connection(station).line
        call, effects = line.call(to, action, payload)
        answer: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
        self._answers[station, call.id] = answer
        try:
            request = None
            for effect in effects:
                assert isinstance(effect, Forward)
                request = self._inject(station, effect, Decoded("CALL", action, call.id, call))
            async with asyncio.timeout(self._call_timeout_s):
                return _answer(action, request, await answer)
        except TimeoutError:
            raise OperatorError(f"the {to} of {station} did not answer {action} in time", "repeat it") from None
        finally:
            self._answers.pop((station, call.id), None)

    def send(self, station: str, data: bytes) -> Stamp:
        """Bytes of the bench itself to a station, journaled by who sends them.

        Raises:
            LinkDown: that station is not connected. BadInput: a call with the id of one that its CSMS has open.
        """
        connection = self._connections.get(station)
        if connection is None:
            raise LinkDown(f"station {station} is not connected", "wait until it connects again, then repeat")
        for effect in connection.line.inject(Side.STATION, data):
            assert isinstance(effect, Forward)
            connection.wire.send(effect.to, effect.data, False)
        return self._clock.stamp()

    # Inside

    def _connection(self, station: str) -> _Connection:
        connection = self._connections.get(station)
        if connection is None:
            raise NotFound(f"no station {station} is connected through the proxy", "wait until it connects")
        return connection

    def _carry_out_all(self, station: str, effects: list[Effect]) -> None:
        connection = self._connections[station]
        for effect in effects:
            self._carry_out(station, connection, effect)
        self._look_waiting(station, connection)

    def _look_waiting(self, station: str, connection: _Connection) -> None:
        """Most connections have nothing that waits, nor had: that costs one comparison a frame."""
        line = connection.line
        if line.moved:
            line.moved = False
            connection.wire.wake_at(line.due_ns)
            self.waiting_changed(station)

    def _carry_out(self, station: str, connection: _Connection, effect: Effect, cause: Message | None = None) -> None:
        match effect:
            case Forward():
                self._forward(station, connection, effect)
            case Answered(call_id):
                waiting = self._answers.get((station, call_id))
                if waiting is not None and cause is not None and not waiting.done():
                    waiting.set_result(cause)
            case Meddled(seq, what, text):
                if self._story is not None:
                    self._story.meddled(seq, what, text)
                self._note(station, what, f"message {seq} {text}")
            case Trouble():
                self._sink.finding(effect.rule, effect.severity, f"{station}: {effect.text}", effect.cure)
            case Hangup():
                connection.wire.hang_up(effect.to, effect.code, effect.reason)

    def _forward(self, station: str, connection: _Connection, effect: Forward) -> None:
        decoded = None
        if effect.edited:
            side = effect.to.other
            # Without its id: the message as it came is the one that pairs.
            decoded = connection.line.reread(effect.data, effect.action)._replace(correlation=None)
            meta = {"side": str(side), "note": f"message {effect.of} as it was passed on"}
            at = self._clock.stamp()
            direction = _DIRECTIONS[side]
            self._journal.append(Link.OCPP, direction, station, effect.data, decoded, at, meta, injected=True)
        connection.wire.send(effect.to, effect.data, effect.binary)
        if self._story is not None and effect.of is not None:
            since = effect.waited_since
            waited_ns = None if since is None else self._clock.stamp().mono_ns - since
            self._story.passed(effect.of, decoded, waited_ns)

    def _inject(self, station: str, effect: Forward, decoded: Decoded) -> Message:
        """Journal one of ours and send it. It goes the way of the side that it is not sent to."""
        meta = {"side": "bench", "to": str(effect.to)}
        direction, stamp = _DIRECTIONS[effect.to.other], self._clock.stamp()
        sent = self._journal.append(Link.OCPP, direction, station, effect.data, decoded, stamp, meta, injected=True)
        self._connections[station].wire.send(effect.to, effect.data, effect.binary)
        return sent

    def _note(self, station: str, name: str, detail: str) -> None:
        body = {"detail": detail}
        decoded = Decoded("link", name, None, body, (), detail)
        self._journal.append(Link.OCPP, Direction.IN, station, b"", decoded, self._clock.stamp(), {"note": "proxy"})


def _answer(action: str, request: Message | None, message: Message) -> CallAnswer:
    body, asked = message.decoded.body, request.seq if request is not None else None
    if isinstance(body, CallResult):
        return CallAnswer(action, body.payload, request_seq=asked, answer_seq=message.seq)
    assert isinstance(body, CallError)
    return CallAnswer(
        action, None, body.code, body.description, body.details or None, request_seq=asked, answer_seq=message.seq
    )
