"""One station's OCPP connection, as the CSMS: messages in, effects out, no I/O (OCPP 1.6J, OCPP 2.0.1 and
2.1 Part 4).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from bench.answers import CallAnswer
from bench.clock import Clock, Stamp
from bench.codecs.ocpp import Call
from bench.csms import answers16, answers21, answers201, events
from bench.csms.authority import Authority
from bench.csms.certificate_name import proven
from bench.csms.context import Context, Memory
from bench.csms.contract import NO_TRUST, ContractTrust
from bench.csms.effects import Effect, Noticed, Send, Settled
from bench.message import Fault, Message
from bench.ocpp_peer import MAX_SEEN_IDS, CallRefused, OcppPeer
from bench.settings import OcppSettings
from bench.station import Station

_ANSWERS = {"1.6": answers16.ANSWERS, "2.0.1": answers201.ANSWERS, "2.1": answers21.ANSWERS}
_BOTH_WAYS = frozenset({"DataTransfer"})
_REMOTE_STARTS = frozenset({"RemoteStartTransaction", "RequestStartTransaction"})


class StationLink(OcppPeer):
    """The station is the peer: its actions are answered, those of a CSMS are called.

    station is changed as its messages tell of it. authority decides about tokens. memory: what the station's connection before
    this one left. contract_trust: whom contract certificates must come from. admission: see :class:`Context`.
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
        admission: Callable[[Station], str] | None = None,
    ) -> None:
        super().__init__(station.version, station.id, "station", id_prefix)
        self.station = station
        self._answers = _ANSWERS[station.version]
        self._context = Context(station, authority, settings.heartbeat_s, clock, memory or Memory(), contract_trust)
        if admission is not None:
            self._context.admission = admission

    def call(
        self, action: str, payload: Mapping[str, Any], now: Stamp, *, raw: bool = False
    ) -> tuple[str, list[Effect]]:
        """As :meth:`OcppPeer.ask`; what it starts remotely is remembered from ``now`` on."""
        call_id, effects = self.ask(action, payload, raw=raw)
        if action in _REMOTE_STARTS:
            self._context.remote_starts.asked(payload, now.mono_ns)
        return call_id, effects

    def _reply(self, call: Call, message: Message) -> Mapping[str, Any]:
        if call.action != "BootNotification" and not proven(self.station):
            fault = Fault("ocpp.certificate-cn", "the certificate of this connection names another station")
            raise CallRefused("SecurityError", fault)
        answerer = self._answers.get(call.action)
        if answerer is None:
            raise self._wrong_way(call.action)
        answer = answerer(self._context, call.payload, message)
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
        notices: list[Effect] = [*self._context.notices]
        self._context.notices.clear()
        return notices


__all__ = ["MAX_SEEN_IDS", "Effect", "Noticed", "Send", "Settled", "StationLink"]
