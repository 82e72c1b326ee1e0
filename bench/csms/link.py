"""One station's OCPP connection, as the CSMS: messages in, effects out, no I/O (OCPP 1.6J, OCPP 2.0.1 and
2.1 Part 4).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from bench.answers import CallAnswer
from bench.clock import Clock, Stamp
from bench.codecs.ocpp import Call
from bench.csms import answers16, answers21, answers201, events
from bench.csms.authority import Authority
from bench.csms.certificate_name import proven
from bench.csms.context import Answer, Asked, Context, Memory
from bench.csms.contract import NO_TRUST, ContractTrust
from bench.csms.effects import Effect, Forsaken, Noticed, Referred, Send, Settled
from bench.message import Fault, Message
from bench.ocpp_peer import MAX_SEEN_IDS, CallRefused, OcppPeer
from bench.settings import OcppSettings
from bench.station import Station
from bench.tokens.model import Decision

_ANSWERS = {"1.6": answers16.ANSWERS, "2.0.1": answers201.ANSWERS, "2.1": answers21.ANSWERS}
_BOTH_WAYS = frozenset({"DataTransfer"})
_REMOTE_STARTS = frozenset({"RemoteStartTransaction", "RequestStartTransaction"})


class _Pending(NamedTuple):
    """A call of the station that waits for a decision."""

    call: Call
    message: Message
    asked: Asked


class StationLink(OcppPeer):
    """The station is the peer: its actions are answered, those of a CSMS are called.

    A call whose decision somebody else has to take waits, and nothing waits behind it: :class:`~bench.csms.effects.Referred` goes
    out, and :meth:`decided` answers it.

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
        super().__init__(station.version, station.id, "station", id_prefix)
        self.station = station
        self._answers = _ANSWERS[station.version]
        self._context = Context(station, authority, settings.heartbeat_s, clock, memory or Memory(), contract_trust)
        self._pending: dict[int, _Pending] = {}  # by journal number
        self._referred: list[Effect] = []

    def call(
        self, action: str, payload: Mapping[str, Any], now: Stamp, *, raw: bool = False
    ) -> tuple[str, list[Effect]]:
        """As :meth:`OcppPeer.ask`; what it starts remotely is remembered from ``now`` on."""
        call_id, effects = self.ask(action, payload, raw=raw)
        if action in _REMOTE_STARTS:
            self._context.remote_starts.asked(payload, now.mono_ns)
        return call_id, effects

    def decided(self, seq: int, decision: Decision) -> list[Effect]:
        """The decision that a call waits for; seq: its journal number. Nothing happens where none waits."""
        pending = self._pending.pop(seq, None)
        if pending is None:
            return []
        call, message, asked = pending
        return self._answer(call, message, lambda call, message: self._finish(call, message, asked, decision), [])

    def closed(self) -> list[Effect]:
        """The connection is gone: every call of ours comes to its end, and nobody waits for decisions any more."""
        forsaken: list[Effect] = [Forsaken(seq, pending.call.id) for seq, pending in self._pending.items()]
        self._pending.clear()
        return [*forsaken, *super().closed()]

    def _reply(self, call: Call, message: Message) -> Mapping[str, Any] | None:
        if call.action != "BootNotification" and not proven(self.station):
            fault = Fault("ocpp.certificate-cn", "the certificate of this connection names another station")
            raise CallRefused("SecurityError", fault)
        answerer = self._answers.get(call.action)
        if answerer is None:
            raise self._wrong_way(call.action)
        answer = answerer(self._context, call.payload, message)
        if isinstance(answer, Asked):
            decision = self._context.authority.decide(answer.ask, message.seq)
            if isinstance(decision, Decision):
                return self._finish(call, message, answer, decision)
            self._pending[message.seq] = _Pending(call, message, answer)
            self._referred.append(Referred(message.seq, call.id, answer.ask, decision))
            return None
        events.record(self.station.events, call.action, call.payload, answer, message)
        return answer

    def _finish(self, call: Call, message: Message, asked: Asked, decision: Decision) -> Answer:
        self._context.told(asked.ask, decision)
        answer = asked.answer(decision)
        events.record(self.station.events, call.action, call.payload, answer, message)
        return answer

    def _ours(self, action: str) -> bool:
        return action not in self._answers or action in _BOTH_WAYS

    def _settling(self, call: Call, answer: CallAnswer, message: Message) -> list[Effect]:
        if call.action in _REMOTE_STARTS and (answer.payload is None or answer.payload.get("status") != "Accepted"):
            self._context.remote_starts.refused(call.payload)
        if answer.payload is not None and not message.decoded.faults:
            events.record_ours(self.station.events, call.action, call.payload, answer.payload, message)
        return []

    def _after_reply(self) -> list[Effect]:
        notices, referred = self._context.notices, self._referred
        if not notices and not referred:
            return []
        due: list[Effect] = [*notices, *referred]
        notices.clear()
        referred.clear()
        return due


__all__ = ["MAX_SEEN_IDS", "Effect", "Forsaken", "Noticed", "Referred", "Send", "Settled", "StationLink"]
