"""The bench's connection to a CSMS, as a station: boot, heartbeat, one call at a time, an answer to every call. No I/O.

Source: OCPP 2.0.1 use cases B01 to B03 and G02, OCPP 1.6 sections 4.2 and 4.6.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bench.answers import CallAnswer
from bench.clock import NS_PER_S, Clock
from bench.codecs.ocpp import Call
from bench.codecs.ocpp_forms import BOTH_WAYS, sent_by_csms, sent_by_stations
from bench.csms.effects import Effect, Noticed
from bench.errors import OperatorError
from bench.message import Fault, Message
from bench.ocpp_peer import CallRefused, OcppPeer
from bench.station_role import requests
from bench.station_role.answers import ANSWERS, Desk, Order
from bench.station_role.memory import ACCEPTED, IdToken
from bench.station_role.requests import Request
from bench.station_role.settings import HEARTBEAT
from bench.station_role.state import RoleState

RETRY_S = 60
"""Until the next BootNotification where the CSMS gives no interval: the station's own choice (B02.FR.06, B03.FR.06)."""

MAX_INTERVAL_S = 7 * 86_400
"""A longer interval is not taken: the station would seem dead."""

BOOT = "BootNotification"


class RoleLink(OcppPeer):
    """One connection, from its BootNotification to its end.

    boot: what the CSMS said of this station (RegistrationStatus), None before its answer. due_ns: monotonic time at which
    :meth:`tick` has something to do, or None.
    """

    def __init__(
        self, state: RoleState, clock: Clock, *, reason: str = "PowerUp", id_prefix: str | None = None
    ) -> None:
        super().__init__(state.version, state.identity, "CSMS", id_prefix)
        self.boot: str | None = None
        self.due_ns: int | None = None
        self._state = state
        self._clock = clock
        self._reason = reason
        self._desk = Desk(state, clock)
        self._boots: set[str] = set()
        self._heartbeat_s = 0
        self._answers = ANSWERS[state.version]

    @property
    def accepted(self) -> bool:
        """Whether the CSMS took this station: only then may it ask of its own accord (B01.FR.06)."""
        return self.boot == ACCEPTED

    def take_orders(self) -> list[Order]:
        """What calls of the CSMS want done, each once; to be done after their answers are out."""
        taken, self._desk.orders = self._desk.orders, []
        return taken

    def start(self) -> list[Effect]:
        """The connection is open: BootNotification first, before all else."""
        return self._send_boot(self._reason)

    def tick(self) -> list[Effect]:
        """The time of :attr:`due_ns` has come: the next heartbeat, or the next try to boot."""
        if self.due_ns is None or self._clock.stamp().mono_ns < self.due_ns:
            return []
        if not self.accepted:
            return self._send_boot(self._reason)
        self._beat_later()
        return self._tell(("Heartbeat", {})) if len(self._calls) == 0 else []

    def authorize(self, token: IdToken) -> tuple[str, list[Effect]]:
        """Ask about a token; the message id, and what to do now.

        Raises:
            BadInput: this version cannot carry it. OperatorError: too many calls wait.
        """
        return self.ask(*requests.authorize(self.version, token))

    def conflict(self) -> list[Effect]:
        """OCPP 1.6: what the CSMS said of a token contradicts its local list (section 3.5.2, LocalListConflict)."""
        if self.version != "1.6":
            return []
        at = self._desk.now()
        request = requests.status(self.version, 0, self._state.in_service, at, "LocalListConflict")
        return self._tell(request)

    # What differs from a CSMS

    def _reply(self, call: Call, message: Message) -> Mapping[str, Any]:
        if self.boot == "Rejected":
            fault = Fault("ocpp.not-accepted", "the CSMS has rejected this station and may not call it (B03)")
            raise CallRefused("SecurityError", fault, "warn")
        answerer = self._answers.get(call.action)
        if answerer is not None:
            self._desk.pending = not self.accepted
            return answerer(self._desk, call.payload, message)
        if call.action not in sent_by_csms(self.version):
            raise self._wrong_way(call.action)
        raise CallRefused(
            "NotSupported", Fault("ocpp.not-supported", f"this bench does not support {call.action} as a station")
        )

    def _ours(self, action: str) -> bool:
        return action in sent_by_stations(self.version) or action in BOTH_WAYS

    def _after_reply(self) -> list[Effect]:
        if self.accepted and self._heartbeat_s != self._state.settings.number(HEARTBEAT.name):
            self._beat_later()  # the CSMS set another interval: it counts from now on
        wishes, self._desk.wishes = self._desk.wishes, []
        effects: list[Effect] = []
        for request in wishes:
            effects += self._tell(request)
        return effects

    def _settling(self, call: Call, answer: CallAnswer, message: Message) -> list[Effect]:
        if call.id not in self._boots:
            return []
        self._boots.discard(call.id)
        return self._booted(answer)

    def _unanswered(self, call_id: str) -> list[Effect]:
        if call_id in self._boots:
            self._boots.discard(call_id)
            if not self.accepted:
                self._boot_later(RETRY_S)
        return []

    # Inside: boot and heartbeat

    def _send_boot(self, reason: str) -> list[Effect]:
        self.due_ns = None
        return self._tell(self._desk.boot(reason))

    def _tell(self, request: Request) -> list[Effect]:
        """A call of which nobody waits for the answer."""
        try:
            call_id, effects = self.ask(*request)
        except OperatorError as error:  # the CSMS wants more than it answers
            return [Noticed("role.queue-full", "warn", f"{request[0]} is not sent: {error.what}", error.cure)]
        if request[0] == BOOT:
            self._boots.add(call_id)
        return effects

    def _booted(self, answer: CallAnswer) -> list[Effect]:
        said = answer.payload or {}
        word, interval = said.get("status"), said.get("interval")
        seconds = int(interval) if isinstance(interval, int | float) and 0 < interval <= MAX_INTERVAL_S else 0
        if word not in (ACCEPTED, "Pending", "Rejected"):
            self._boot_later(RETRY_S)
            why = f"{answer.code} {answer.description}".rstrip() if answer.refused else "it has no status"
            cure = "look at the log of the CSMS"
            return [Noticed("role.not-booted", "fail", f"the CSMS did not answer {BOOT} as it must: {why}", cure)]
        before, self.boot = self.boot, str(word)
        if self.accepted:
            self._state.settings.take_heartbeat(seconds)
            self._beat_later()
            return self._tell_statuses() if before != ACCEPTED else []
        self._boot_later(seconds or RETRY_S)
        cure = "register the identity in the CSMS" if word == "Rejected" else "look what the CSMS wants of it first"
        text = f"the CSMS answered {BOOT} with {word}; it is asked again in {seconds or RETRY_S} s"
        return [Noticed(f"role.boot-{str(word).lower()}", "warn", text, cure)]

    def _tell_statuses(self) -> list[Effect]:
        """B01.FR.05: the state of every connector once the station is accepted."""
        effects: list[Effect] = []
        for request in self._desk.statuses(self._state.evses):
            effects += self._tell(request)
        return effects

    def _beat_later(self) -> None:
        seconds = self._heartbeat_s = self._state.settings.number(HEARTBEAT.name)
        self.due_ns = self._clock.stamp().mono_ns + seconds * NS_PER_S if seconds else None

    def _boot_later(self, seconds: int) -> None:
        self.due_ns = self._clock.stamp().mono_ns + seconds * NS_PER_S
