"""One OCPP-J connection, whichever side of it the bench is: messages in, effects out, no I/O (OCPP-J 1.6, OCPP 2.0.1 and
2.1 Part 4).

Every CALL of the peer gets exactly one answer, and every call of ours comes to exactly one :class:`Settled`.
"""

from __future__ import annotations

import logging
import secrets
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from itertools import count
from typing import Any

from bench.answers import CallAnswer
from bench.codecs import ocpp
from bench.codecs.ocpp import MAX_DESCRIPTION, Call, CallError, CallResult, CallResultError, Unconfirmed
from bench.codecs.ocpp_schemas import Half, schema_of
from bench.csms.calls import OutgoingCalls
from bench.csms.effects import Effect, Noticed, Send, Settled
from bench.errors import BadInput, OperatorError
from bench.message import Decoded, Fault, Malformed, Message

log = logging.getLogger(__name__)

MAX_SEEN_IDS = 1024
"""Message ids of the peer that are remembered (at least half of them), to notice one used twice."""

Make = Callable[[Call, Message], Mapping[str, Any] | None]
"""Makes the payload that answers a call; None: the call is answered later."""

_NOTHING: Mapping[str, Any] = {}


class OcppPeer(ABC):
    """State of one connection. Bytes become a Decoded, the journaled Message becomes effects, in the order they are due.

    version: negotiated. name: of the peer in what is told of it (``CP-1``). peer: what it is (``station``, ``CSMS``).
    """

    def __init__(self, version: str, name: str, peer: str, id_prefix: str | None = None) -> None:
        self.version = version
        self._name = name
        self._peer = peer
        self._calls = OutgoingCalls(peer)
        # A prefix of its own, so that an answer to an earlier connection's call is not taken for one to this one's.
        self._prefix = id_prefix if id_prefix is not None else secrets.token_hex(4)
        self._numbers = count(1)
        self._seen: set[str] = set()
        self._seen_before: set[str] = set()

    # What the two sides differ in

    @abstractmethod
    def _reply(self, call: Call, message: Message) -> Mapping[str, Any] | None:
        """The payload that answers a valid call, or None: it is answered later (:meth:`_answer`).

        Raises:
            CallRefused: it is refused with a CALLERROR. OperatorError: nothing can be answered now.
        """

    @abstractmethod
    def _ours(self, action: str) -> bool:
        """Whether we may call that."""

    def _settling(self, call: Call, answer: CallAnswer, message: Message) -> list[Effect]:
        """What an answer to a call of ours means here, before it is settled."""
        return []

    def _unanswered(self, call_id: str) -> list[Effect]:
        """What it means here, before it is settled, that a call of ours has no answer: none in time, or none that can be read."""
        return []

    def _after_reply(self) -> list[Effect]:
        """What is due once a call of the peer is answered, or refused for want of an answer."""
        return []

    # The peer speaks

    def decode(self, data: bytes) -> Decoded:
        """Read one message; a CALLRESULT is checked against the call of ours it answers. Never raises."""
        return ocpp.decode(data, self.version, self._calls.action_of)

    def handle(self, message: Message) -> list[Effect]:
        """Act on one message of the peer, already journaled."""
        body = message.decoded.body
        if type(body) is Call:
            return self._called(message, body)
        if isinstance(body, CallResult):
            return self._answered(message, body.id, CallAnswer(body.action, body.payload, answer_seq=message.seq))
        if isinstance(body, CallError):
            refusal = CallAnswer(
                body.action, None, body.code, body.description, body.details or None, answer_seq=message.seq
            )
            return self._answered(message, body.id, refusal)
        if isinstance(body, Unconfirmed):
            return [] if self._is_new(body.id) else [self._told_again(body)]
        if isinstance(body, CallResultError):
            return [self._answer_refused(body)]
        return self._unreadable(message)

    # We speak

    def ask(self, action: str, payload: Mapping[str, Any], *, raw: bool = False) -> tuple[str, list[Effect]]:
        """Call the peer: the message id, and what to do now (nothing while another call is under way).

        raw: send it even if it breaks the schema or is not ours to send, for tests of the peer.

        Raises:
            BadInput: the payload is wrong; the text names the field. OperatorError: too many calls wait.
        """
        try:
            ocpp.encode_call(Call("", action, payload))
        except TypeError as error:
            raise BadInput(f"the payload of {action} is no JSON: {error}") from error
        if not raw:
            self._check(action, payload)
        call = Call(f"{self._prefix}-{next(self._numbers)}", action, payload)
        due = self._calls.add(call)
        return call.id, [] if due is None else [self._send_call(due)]

    def expire(self, call_id: str) -> list[Effect]:
        """The time for an answer ran out. Nothing happens when it is over already."""
        call, sent = self._calls.give_up(call_id)
        if call is None:
            return []
        meant = self._unanswered(call_id)
        why = "no answer in time" if sent else f"not sent in time: the {self._peer} did not answer the calls before it"
        return [*meant, Settled(call_id, None, why), *self._send_next()]

    def closed(self) -> list[Effect]:
        """The connection is gone: every call of ours comes to its end."""
        return [Settled(call.id, None, "the connection closed before the answer") for call in self._calls.drain()]

    # Inside: calls of the peer

    def _called(self, message: Message, call: Call) -> list[Effect]:
        effects: list[Effect] = [] if self._is_new(call.id) else [self._told_again(call)]
        for fault in message.decoded.faults:
            if ocpp.refuses(fault):
                effects += self._refuse(call.id, call.action, ocpp.error_code(self.version, fault), fault)
                return effects
        return self._answer(call, message, self._reply, effects)

    def _answer(self, call: Call, message: Message, make: Make, effects: list[Effect]) -> list[Effect]:
        """Answer a call with what is made, or refuse it where that cannot be made; what is due goes behind the effects."""
        try:
            answer = make(call, message)
        except CallRefused as refusal:
            if refusal.severity:
                effects.append(Noticed(refusal.fault.rule, refusal.severity, refusal.fault.text))
            effects += self._refuse(call.id, call.action, refusal.code, refusal.fault)
            return effects
        except OperatorError as error:
            effects.append(Noticed("ocpp.no-decision", "fail", f"{call.action} not answered: {error.what}", error.cure))
            effects += self._refuse(call.id, call.action, "InternalError", Fault("ocpp.no-decision", error.what))
        except Exception:  # noqa: BLE001 - our bug is logged with its traceback, and the peer still gets its answer
            log.exception("answering %s of %s %s failed", call.action, self._peer, self._name)
            effects += self._refuse(
                call.id, call.action, "InternalError", Fault("ocpp.bug", "a fault in the test bench")
            )
        else:
            if answer is not None:
                result = CallResult(call.id, call.action, answer)
                effects.append(Send(ocpp.encode_result(result), Decoded("CALLRESULT", call.action, call.id, result)))
        effects += self._after_reply()
        return effects

    def _wrong_way(self, action: str) -> CallRefused:
        """The peer called what only we may call."""
        sender = (
            "the CSMS to send, not for a station" if self._peer == "station" else "a station to send, not for a CSMS"
        )
        fault = Fault("ocpp.direction", f"{action} is for {sender}")
        return CallRefused(ocpp.error_code(self.version, fault), fault, "fail")

    def _is_new(self, call_id: str) -> bool:
        """Remember an id. Two sets in turn: the older half is forgotten at once, without a queue beside the set."""
        if call_id in self._seen or call_id in self._seen_before:
            return False
        if len(self._seen) >= MAX_SEEN_IDS // 2:
            self._seen_before, self._seen = self._seen, set()
        self._seen.add(call_id)
        return True

    def _refuse(self, call_id: str | None, action: str, code: str, fault: Fault) -> list[Effect]:
        """A CALLERROR, or a finding where none can be sent: 1.6 has no answer to what has no usable id."""
        if call_id is None or len(call_id) > ocpp.MAX_ECHOED_ID:
            if self.version == "1.6":
                return [
                    Noticed("ocpp.unanswerable", "fail", f"a message without a usable id got no answer: {fault.text}")
                ]
            call_id = ocpp.UNREADABLE_ID
        error = CallError(call_id, action, code, *_said_of(fault))
        return [Send(ocpp.encode_error(error), Decoded("CALLERROR", action, call_id, error))]

    def _answer_refused(self, error: CallResultError) -> Noticed:
        """OCPP 2.1: the peer found our answer wrong. It ends nothing, for the peer's call is answered."""
        return Noticed(
            "ocpp.answer-refused",
            "fail",
            f"the {self._peer} could not use our answer to its call {error.id[:40]!r}: "
            f"{error.code[:50]} {error.description}".rstrip()[:MAX_DESCRIPTION],
            f"compare the answer with its schema; if it is right, the {self._peer} is wrong",
        )

    def _unreadable(self, message: Message) -> list[Effect]:
        """Something that is no OCPP-J message. Answers and what follows them (types 3 to 5) are never answered with a CALLERROR:
        two peers would go on for ever. Nor is a SEND (type 6), which wants no answer."""
        decoded = message.decoded
        why = decoded.body.why if isinstance(decoded.body, Malformed) else "not an OCPP message"
        found = ocpp.salvage(message.raw)
        call_id = decoded.correlation if decoded.correlation is not None else found.id
        if found.type in (3, 4):
            call = self._calls.answered(call_id) if call_id is not None else None
            if call is not None:
                effects = self._unanswered(call.id)
                effects.append(Settled(call.id, None, f"the answer cannot be read: {why}"))
                if found.type == 3:
                    effects += self._refuse_answer(call, decoded.faults)
                return effects + self._send_next()
            return [Noticed("ocpp.orphan-answer", "warn", f"an unreadable answer to no call of ours: {why}")]
        if self.version != "2.0.1" and found.type not in (None, 2):
            # 1.6 has no code for it; 2.1 wants unknown types ignored and its own 5 and 6 not answered.
            return [Noticed("ocpp.unanswerable", "warn", f"ignored: {why}")]
        fault = decoded.faults[0] if decoded.faults else Fault("malformed", why)
        return self._refuse(call_id, decoded.name, ocpp.error_code(self.version, fault), fault)

    # Inside: calls of ours

    def _check(self, action: str, payload: Mapping[str, Any]) -> None:
        schema = schema_of(self.version, Half.REQUEST, action)
        if schema is None:
            raise BadInput(
                f"OCPP {self.version} has no action {action}",
                f"look at the spelling and the version of the {self._peer}",
            )
        if not self._ours(action):
            ways = "stations, not by a CSMS" if self._peer == "station" else "a CSMS, not by stations"
            raise BadInput(f"{action} is sent by {ways}")
        if not schema.is_valid(payload):
            for fault in schema.faults(payload):
                if ocpp.refuses(fault):
                    raise BadInput(f"{action} is wrong at {fault.where or 'the payload'}: {fault.text}")

    def _send_call(self, call: Call) -> Send:
        return Send(ocpp.encode_call(call), Decoded("CALL", call.action, call.id, call))

    def _send_next(self) -> list[Effect]:
        due = self._calls.next()
        return [] if due is None else [self._send_call(due)]

    def _answered(self, message: Message, call_id: str, answer: CallAnswer) -> list[Effect]:
        call = self._calls.answered(call_id)
        if call is None:
            return [self._stray(call_id, answer)]
        meant = self._settling(call, answer, message)
        refusal = self._refuse_answer(call, message.decoded.faults)
        return [*meant, Settled(call_id, answer), *refusal, *self._send_next()]

    def _refuse_answer(self, call: Call, faults: tuple[Fault, ...]) -> list[Effect]:
        """OCPP 2.1 Part 2, FR.06: an answer that breaks its schema is told with a CALLRESULTERROR; earlier versions have none."""
        fault = next((fault for fault in faults if ocpp.refuses(fault)), None)
        if self.version != "2.1" or fault is None:
            return []
        error = CallResultError(call.id, call.action, ocpp.error_code(self.version, fault), *_said_of(fault))
        return [Send(ocpp.encode_error(error), Decoded("CALLRESULTERROR", call.action, call.id, error))]

    def _stray(self, call_id: str, answer: CallAnswer) -> Noticed:
        late = self._calls.came_late(call_id)
        if late is not None:
            return Noticed(
                "ocpp.late-answer",
                "warn",
                f"the answer to {late.action} came after its time had run out",
                f"raise the time limit of calls, or find out what keeps the {self._peer} busy",
            )
        if call_id == ocpp.UNREADABLE_ID and answer.refused:
            return Noticed(
                f"ocpp.{self._peer.lower()}-could-not-read",
                "fail",
                f"the {self._peer} could not read a message of ours: {answer.code} {answer.description}".rstrip(),
            )
        return Noticed(
            "ocpp.orphan-answer",
            "warn",
            f"an answer with the message id {call_id[:40]!r}, but no call of ours has that id",
            f"the {self._peer} must answer with the id of the call",
        )

    def _told_again(self, said: Call | Unconfirmed) -> Noticed:
        again = "; answered again" if isinstance(said, Call) else ""
        return Noticed(
            "ocpp.duplicate-id",
            "warn",
            f"{said.action} uses the message id {said.id[:40]!r} again{again}",
            f"the {self._peer} must use every message id once in a connection",
        )


class CallRefused(Exception):
    """A call of the peer that is refused. code: of the CALLERROR. severity: of the finding it is, or empty for none."""

    def __init__(self, code: str, fault: Fault, severity: str = "") -> None:
        super().__init__(f"{code}: {fault.text}")
        self.code = code
        self.fault = fault
        self.severity = severity


def _said_of(fault: Fault) -> tuple[str, Mapping[str, Any]]:
    """Description and details of an error message."""
    text = f"{fault.where}: {fault.text}" if fault.where else fault.text
    return text[:MAX_DESCRIPTION], {"where": fault.where} if fault.where else _NOTHING
