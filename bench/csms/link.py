"""One station's OCPP connection, as the CSMS: messages in, effects out, no I/O (OCPP 1.6J, OCPP 2.0.1 and
2.1 Part 4).

Every CALL of the station gets exactly one answer, and every call of ours comes to exactly one :class:`Settled`.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Mapping
from itertools import count
from typing import Any

from bench.answers import CallAnswer
from bench.clock import Clock, Stamp
from bench.codecs import ocpp
from bench.codecs.ocpp import Call, CallError, CallResult, CallResultError, Unconfirmed
from bench.codecs.ocpp_schemas import Half, schema_of
from bench.csms import answers16, answers21, answers201, events
from bench.csms.authority import Authority
from bench.csms.calls import OutgoingCalls
from bench.csms.certificate_name import proven
from bench.csms.context import Context, Memory
from bench.csms.contract import NO_TRUST, ContractTrust
from bench.csms.effects import Effect, Noticed, Send, Settled
from bench.errors import BadInput, OperatorError
from bench.message import Decoded, Fault, Malformed, Message
from bench.settings import OcppSettings
from bench.station import Station

log = logging.getLogger(__name__)

MAX_SEEN_IDS = 1024
"""Message ids of the station that are remembered (at least half of them), to notice one used twice."""

MAX_DESCRIPTION = 255  # of a CALLERROR

_ANSWERS = {"1.6": answers16.ANSWERS, "2.0.1": answers201.ANSWERS, "2.1": answers21.ANSWERS}
_BOTH_WAYS = frozenset({"DataTransfer"})
_REMOTE_STARTS = frozenset({"RemoteStartTransaction", "RequestStartTransaction"})
_NOTHING: Mapping[str, Any] = {}


class StationLink:
    """State of one connection. Bytes become a Decoded, the journaled Message becomes effects, in the order they are due.

    station is changed as its messages tell of it. authority decides about tokens. memory: what the station's connection before
    this one left. contract_trust: whom contract certificates must come from.
    """

    def __init__(
        self,
        station: Station,
        authority: Authority,
        settings: OcppSettings,
        clock: Clock,
        *,
        id_prefix: str | None = None,
        memory: Memory | None = None,
        contract_trust: ContractTrust = NO_TRUST,
    ) -> None:
        self.station = station
        self.version = station.version
        self._answers = _ANSWERS[station.version]
        self._context = Context(station, authority, settings.heartbeat_s, clock, memory or Memory(), contract_trust)
        self._calls = OutgoingCalls()
        # A prefix of its own, so that an answer to an earlier connection's call is not taken for one to this one's.
        self._prefix = id_prefix if id_prefix is not None else secrets.token_hex(4)
        self._numbers = count(1)
        self._seen: set[str] = set()
        self._seen_before: set[str] = set()

    # The station speaks

    def decode(self, data: bytes) -> Decoded:
        """Read one message; a CALLRESULT is checked against the call of ours it answers. Never raises."""
        return ocpp.decode(data, self.version, self._calls.action_of)

    def handle(self, message: Message) -> list[Effect]:
        """Act on one message of the station, already journaled."""
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
            return [] if self._is_new(body.id) else [_told_again(body)]
        if isinstance(body, CallResultError):
            return [self._answer_refused(body)]
        return self._unreadable(message)

    # We speak

    def call(
        self, action: str, payload: Mapping[str, Any], now: Stamp, *, raw: bool = False
    ) -> tuple[str, list[Effect]]:
        """Call the station: the message id, and what to do now (nothing while another call is under way).

        raw: send it even if it breaks the schema or is not ours to send, for tests of the station.

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
        if action in _REMOTE_STARTS:
            self._context.remote_starts.asked(payload, now.mono_ns)
        return call.id, [] if due is None else [self._send_call(due)]

    def expire(self, call_id: str) -> list[Effect]:
        """The time for an answer ran out. Nothing happens when it is over already."""
        call, sent = self._calls.give_up(call_id)
        if call is None:
            return []
        why = "no answer in time" if sent else "not sent in time: the station did not answer the calls before it"
        return [Settled(call_id, None, why), *self._send_next()]

    def closed(self) -> list[Effect]:
        """The connection is gone: every call of ours comes to its end."""
        return [Settled(call.id, None, "the connection closed before the answer") for call in self._calls.drain()]

    # Inside: calls of the station

    def _called(self, message: Message, call: Call) -> list[Effect]:
        effects: list[Effect] = [] if self._is_new(call.id) else [_told_again(call)]
        for fault in message.decoded.faults:
            if ocpp.refuses(fault):
                effects += self._refuse(call.id, call.action, ocpp.error_code(self.version, fault), fault)
                return effects
        if call.action != "BootNotification" and not proven(self.station):
            fault = Fault("ocpp.certificate-cn", "the certificate of this connection names another station")
            return effects + self._refuse(call.id, call.action, "SecurityError", fault)
        answerer = self._answers.get(call.action)
        if answerer is None:
            fault = Fault("ocpp.direction", f"{call.action} is for the CSMS to send, not for a station")
            effects.append(Noticed(fault.rule, "fail", fault.text))
            effects += self._refuse(call.id, call.action, ocpp.error_code(self.version, fault), fault)
            return effects
        try:
            answer = answerer(self._context, call.payload, message)
            events.record(self.station.events, call.action, call.payload, answer, message)
        except OperatorError as error:
            effects.append(Noticed("ocpp.no-decision", "fail", f"{call.action} not answered: {error.what}", error.cure))
            effects += self._refuse(call.id, call.action, "InternalError", Fault("ocpp.no-decision", error.what))
        except Exception:  # noqa: BLE001 - our bug is logged with its traceback, and the station still gets its answer
            log.exception("answering %s of station %s failed", call.action, self.station.id)
            effects += self._refuse(
                call.id, call.action, "InternalError", Fault("ocpp.bug", "a fault in the test bench")
            )
        else:
            result = CallResult(call.id, call.action, answer)
            effects.append(Send(ocpp.encode_result(result), Decoded("CALLRESULT", call.action, call.id, result)))
        if self._context.notices:
            effects += self._context.notices
            self._context.notices.clear()
        return effects

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

    @staticmethod
    def _answer_refused(error: CallResultError) -> Noticed:
        """OCPP 2.1: the station found our answer wrong. It ends nothing, for the station's call is answered."""
        return Noticed(
            "ocpp.answer-refused",
            "fail",
            f"the station could not use our answer to its call {error.id[:40]!r}: "
            f"{error.code[:50]} {error.description}".rstrip()[:MAX_DESCRIPTION],
            "compare the answer with its schema; if it is right, the station is wrong",
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
                effects: list[Effect] = [Settled(call.id, None, f"the answer cannot be read: {why}")]
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
                f"OCPP {self.version} has no action {action}", "look at the spelling and the station's version"
            )
        if action in self._answers and action not in _BOTH_WAYS:
            raise BadInput(f"{action} is sent by stations, not by a CSMS")
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
        if call.action in _REMOTE_STARTS and (answer.payload is None or answer.payload.get("status") != "Accepted"):
            self._context.remote_starts.refused(call.payload)
        if answer.payload is not None and not message.decoded.faults:
            events.record_ours(self.station.events, call.action, call.payload, answer.payload, message)
        refusal = self._refuse_answer(call, message.decoded.faults)
        return [Settled(call_id, answer), *refusal, *self._send_next()]

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
                "raise the time limit of calls, or find out what keeps the station busy",
            )
        if call_id == ocpp.UNREADABLE_ID and answer.refused:
            return Noticed(
                "ocpp.station-could-not-read",
                "fail",
                f"the station could not read a message of ours: {answer.code} {answer.description}".rstrip(),
            )
        return Noticed(
            "ocpp.orphan-answer",
            "warn",
            f"an answer with the message id {call_id[:40]!r}, but no call of ours has that id",
            "the station must answer with the id of the call",
        )


def _told_again(said: Call | Unconfirmed) -> Noticed:
    again = "; answered again" if isinstance(said, Call) else ""
    return Noticed(
        "ocpp.duplicate-id",
        "warn",
        f"{said.action} uses the message id {said.id[:40]!r} again{again}",
        "the station must use every message id once in a connection",
    )


def _said_of(fault: Fault) -> tuple[str, Mapping[str, Any]]:
    """Description and details of an error message."""
    text = f"{fault.where}: {fault.text}" if fault.where else fault.text
    return text[:MAX_DESCRIPTION], {"where": fault.where} if fault.where else _NOTHING


__all__ = ["Effect", "Noticed", "Send", "Settled", "StationLink"]
