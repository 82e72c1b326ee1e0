"""The stations of the OCPP link: one :class:`~bench.csms.link.StationLink` each, and the calls of ours that wait for answers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from bench.answers import CallAnswer
from bench.book import ExchangeBook
from bench.clock import Clock, Stamp
from bench.codecs.ocpp import Call
from bench.csms.authority import Authority
from bench.csms.context import Memory
from bench.csms.contract import NO_TRUST, ContractTrust
from bench.csms.link import Effect, Forsaken, Noticed, Referred, Send, Settled, StationLink
from bench.csms.reports import Reports
from bench.errors import LinkDown, NotFound, OperatorError
from bench.exchange import Exchange, Party, Severity
from bench.journal.log import Journal
from bench.message import Decoded, Direction, Link, Message
from bench.ocpp_story import OcppStory
from bench.ports import StationOpened, StationServer
from bench.referrals import Refer, Withdraw
from bench.settings import OcppSettings
from bench.station import Station
from bench.tokens.model import Decision

MAX_REMEMBERED_STATIONS = 10_000
MAX_FAULTS_TOLD = 10
MAX_LATE = 256
CROSSINGS = 3
"""Calls of a station that cross ours before that is told."""


@dataclass(slots=True)
class _Waiting:
    """A call of ours under way. raw: as the operator wrote it, right or wrong."""

    action: str
    answer: asyncio.Future[CallAnswer]
    exchange: Exchange | None
    raw: bool = False
    timer: asyncio.TimerHandle | None = None
    request_seq: int | None = None


class StationBoard:
    """Knows every station and carries calls both ways. All on the loop's thread, each message handled synchronously.

    changed is called with a station's id after whatever changed what is known of it. refer has operator or fallback decide.
    """

    def __init__(
        self,
        journal: Journal,
        book: ExchangeBook,
        story: OcppStory,
        authority: Authority,
        refer: Refer,
        settings: OcppSettings,
        clock: Clock,
        changed: Callable[[str], None],
        contract_trust: ContractTrust = NO_TRUST,
    ) -> None:
        self.stations: dict[str, Station] = {}
        self.server: StationServer | None = None
        self._journal = journal
        self._book = book
        self._story = story
        self._authority = authority
        self._refer_to = refer
        self._settings = settings
        self._clock = clock
        self._changed = changed
        self._contract_trust = contract_trust
        self._links: dict[str, StationLink] = {}
        self._memories: dict[str, Memory] = {}
        self._waiting: dict[tuple[str, str], _Waiting] = {}
        self._withdraw: dict[int, Withdraw] = {}  # of calls that wait for a decision, by number
        self._late: dict[tuple[str, str], Exchange] = {}  # of calls given up, whose answer may still come
        self._crossed: dict[str, int] = {}  # calls that crossed ours on this connection

    # What the server says

    def opened(self, opened: StationOpened) -> None:
        station = self.stations.get(opened.station)
        if station is None:
            if len(self.stations) >= MAX_REMEMBERED_STATIONS:
                self._forget_one()
            station = self.stations[opened.station] = Station(opened.station, opened.version)
        elif opened.station in self._links:
            self._drop_link(opened.station, "the station connected again")
        station.version = opened.version
        station.connected = True
        station.peer = opened.peer
        station.user = opened.user
        station.peer_certificate_cn = opened.peer_certificate_cn
        station.security_profile, station.tls = opened.security_profile, opened.tls
        station.offline_since_utc_ns = None
        station.boot = None
        memory = self._memories.setdefault(station.id, Memory())
        self._links[station.id] = StationLink(
            station, self._authority, self._settings, self._clock, memory=memory, contract_trust=self._contract_trust
        )
        offered = ", ".join(opened.offered) or "none"
        detail = f"connected from {opened.peer}, OCPP {opened.version}, offered {offered}"
        self._note(station.id, "up", detail, opened.stamp)
        self.touch(station)

    def closed(self, station_id: str, code: int, reason: str, stamp: Stamp) -> None:
        station = self.stations.get(station_id)
        if station is None:
            return
        station.connected = False
        station.offline_since_utc_ns = stamp.utc_ns
        self._note(station_id, "down", f"closed, code {code}{': ' + reason if reason else ''}", stamp)
        self._drop_link(station_id, f"the station's connection closed (code {code})")
        self.touch(station)

    def frame(self, station_id: str, data: bytes, stamp: Stamp) -> None:
        """One message of a station: journaled before anyone acts on it."""
        link = self._links.get(station_id)
        station = self.stations[station_id]
        if link is None:
            return
        station.last_heard_utc_ns = stamp.utc_ns
        decoded = link.decode(data)
        message = self._journal.append(Link.OCPP, Direction.IN, station_id, data, decoded, stamp)
        body = decoded.body
        if isinstance(body, Call):
            self._story.call_received(station, message)
            if self._waiting and self._crossed.get(station_id, 0) < CROSSINGS:
                self._tell_crossing(station_id, message)
        elif self._late and (missed := self._late.pop((station_id, decoded.correlation or ""), None)) is not None:
            self._story.our_call_answered_late(missed, message)
        for effect in link.handle(message):
            self._carry_out(station, effect, message.seq)
        if decoded.faults:
            self.tell_faults(station_id, message)
        if not isinstance(body, Call) or body.action not in ("Authorize", "Heartbeat", "MeterValues"):
            self.touch(station)

    # What the bench asks

    async def call(
        self,
        station_id: str,
        action: str,
        payload: Mapping[str, object],
        exchange: Exchange | None = None,
        *,
        raw: bool = False,
    ) -> CallAnswer:
        """Call a station and wait for its answer, a refusal included. raw: even what breaks the schema or is not ours to send;
        its message is marked injected and tells what is wrong with it.

        Raises:
            NotFound: no such station. LinkDown: not connected, or gone before it answered. OperatorError: no answer in time.
            BadInput: the payload breaks the schema of that action.
        """
        station = self.known(station_id)
        link = self._links.get(station_id)
        if link is None:
            raise LinkDown(f"station {station_id} is not connected", "wait until it connects again, then repeat")
        loop = asyncio.get_running_loop()
        call_id, effects = link.call(action, dict(payload), self._clock.stamp(), raw=raw)
        waiting = _Waiting(action, loop.create_future(), exchange, raw)
        self._waiting[station_id, call_id] = waiting
        waiting.timer = loop.call_later(self._settings.call_timeout_s, self._expire, station_id, call_id)
        try:
            for effect in effects:
                self._carry_out(station, effect, None)
            return await waiting.answer
        finally:
            waiting.timer.cancel()
            if not waiting.answer.done() or waiting.answer.cancelled():
                # Whoever asked went away: the station's queue must not wait for an answer that nobody wants.
                self._expire(station_id, call_id)
            self._waiting.pop((station_id, call_id), None)

    def known(self, station_id: str) -> Station:
        """A station by id.

        Raises:
            NotFound: none of that id has connected.
        """
        station = self.stations.get(station_id)
        if station is None:
            known = ", ".join(sorted(self.stations)[:10]) or "none yet"
            raise NotFound(f"no station named {station_id} has connected", f"stations known: {known}")
        return station

    def reports(self, station_id: str) -> Reports:
        """The reports that station is asked for.

        Raises:
            NotFound: none of that id has connected.
        """
        return self._memories.setdefault(self.known(station_id).id, Memory()).reports

    def inject(self, station_id: str, raw: bytes) -> Message:
        """Send bytes as they are.

        Raises:
            LinkDown: that station is not connected.
        """
        if self.server is None or station_id not in self._links:
            raise LinkDown(f"station {station_id} is not connected", "wait until it connects again, then repeat")
        decoded = self._links[station_id].decode(raw)
        stamp = self.server.send(station_id, raw)
        return self._journal.append(Link.OCPP, Direction.OUT, station_id, raw, decoded, stamp, injected=True)

    # Inside

    def _carry_out(self, station: Station, effect: Effect, cause: int | None) -> None:
        if isinstance(effect, Send):
            self._send(station, effect, cause)
        elif isinstance(effect, Settled):
            self._settle(station, effect, cause)
        elif isinstance(effect, Referred):
            self._refer(station, effect)
        elif isinstance(effect, Forsaken):
            self._forsake(station, effect)
        elif isinstance(effect, Noticed):
            exchange = self._book.of_seq(cause) if cause is not None else None
            self._book.finding(
                effect.rule,
                Severity(effect.severity),
                f"{station.id}: {effect.text}",
                stamp=self._clock.stamp(),
                exchange=exchange,
                evidence=(cause,) if cause is not None else (),
                cure=effect.cure,
            )

    def _send(self, station: Station, effect: Send, cause: int | None) -> None:
        decoded = effect.decoded
        is_call = isinstance(decoded.body, Call)
        waiting = self._waiting.get((station.id, decoded.correlation or "")) if is_call else None
        try:
            if self.server is None:
                raise LinkDown("the OCPP listener is not running")
            stamp = self.server.send(station.id, effect.data)
        except LinkDown as error:
            # The answer has nowhere to go; the close that follows is told as such.
            if waiting is not None and not waiting.answer.done():
                waiting.answer.set_exception(error)
            if not is_call:
                self._story.answer_lost(station, decoded.correlation or "", error.what, self._clock.stamp())
            return
        raw = waiting is not None and waiting.raw
        if raw:
            decoded = self._links[station.id].decode(effect.data)  # with what is wrong with it
        message = self._journal.append(Link.OCPP, Direction.OUT, station.id, effect.data, decoded, stamp, injected=raw)
        if not is_call:
            self._story.answer_sent(station, message)
        elif waiting is not None:
            waiting.request_seq = message.seq
            if waiting.exchange is not None:
                self._story.our_call_sent(waiting.exchange, message)

    def _refer(self, station: Station, effect: Referred) -> None:
        """Somebody else decides; the station is answered then, and may say what it likes until then."""

        def decided(decision: Decision) -> None:
            self._withdraw.pop(effect.seq, None)
            for due in self._links[station.id].decided(effect.seq, decision):
                self._carry_out(station, due, effect.seq)
            self.touch(station)

        exchange = self._book.of_seq(effect.seq)
        withdraw = self._refer_to(effect.ask, effect.to, exchange, Party.CSMS, decided)
        if withdraw is not None:
            self._withdraw[effect.seq] = withdraw

    def _forsake(self, station: Station, effect: Forsaken) -> None:
        """Nothing is sent: an answer on a later connection would be one to no call."""
        withdraw = self._withdraw.pop(effect.seq, None)
        if withdraw is not None:
            withdraw()
        stamp, why = self._clock.stamp(), "the station left before it was decided"
        exchange = self._book.of_seq(effect.seq)
        self._story.answer_lost(station, effect.call_id, why, stamp)
        self._book.finding(
            "unknown.station-left",
            Severity.WARN,
            f"{station.id}: {why}: nobody was answered",
            stamp=stamp,
            exchange=exchange,
            evidence=(effect.seq,),
            cure="let the card be tapped again; if the station does not wait so long, lower operator_limit_s and fallback_limit_s",
        )

    def _settle(self, station: Station, effect: Settled, cause: int | None) -> None:
        waiting = self._waiting.get((station.id, effect.call_id))
        if waiting is None or waiting.answer.done():
            return
        if effect.answer is None:
            if waiting.exchange is not None:
                self._story.our_call_failed(waiting.exchange, effect.why, self._clock.stamp())
                self._late[station.id, effect.call_id] = waiting.exchange
                if len(self._late) > MAX_LATE:
                    del self._late[next(iter(self._late))]
            else:
                self._tell_no_answer(station.id, waiting, effect.why)
            gone = station.id not in self._links
            error = LinkDown if gone else OperatorError
            waiting.answer.set_exception(
                error(f"station {station.id} did not answer {waiting.action}: {effect.why}", "repeat when it is back")
            )
            return
        message = self._journal.get(cause) if cause is not None else None
        answer = CallAnswer(
            waiting.action,
            effect.answer.payload,
            effect.answer.code,
            effect.answer.description,
            effect.answer.details,
            waiting.request_seq,
            cause,
        )
        if waiting.exchange is not None and message is not None:
            self._story.our_call_answered(waiting.exchange, message, answer)
        waiting.answer.set_result(answer)

    def _tell_no_answer(self, station_id: str, waiting: _Waiting, why: str) -> None:
        self._book.finding(
            "ocpp.no-answer",
            Severity.FAIL,
            f"{station_id} did not answer {waiting.action}: {why}",
            stamp=self._clock.stamp(),
            evidence=(waiting.request_seq,) if waiting.request_seq is not None else (),
            cure="look whether the station hangs, or raise the time limit of calls",
        )

    def _tell_crossing(self, station_id: str, message: Message) -> None:
        """Once a connection, at the third time, for once or twice is chance: it is allowed, but stations that mix up the two
        directions show themselves here.
        """
        owed = next(
            (
                waiting
                for (station, _), waiting in self._waiting.items()
                if station == station_id and waiting.request_seq is not None
            ),
            None,
        )
        if owed is None or owed.request_seq is None:
            return
        self._crossed[station_id] = self._crossed.get(station_id, 0) + 1
        if self._crossed[station_id] < CROSSINGS:
            return
        self._book.finding(
            "ocpp.calls-crossed",
            Severity.INFO,
            f"{station_id} sends calls while it owes the answer to one of ours ({message.decoded.name} before that to"
            f" {owed.action}): allowed, each is answered",
            stamp=Stamp(message.mono_ns, message.utc_ns),
            evidence=(owed.request_seq, message.seq),
            cure="none needed, unless the station confuses its call with ours",
        )

    def tell_faults(self, who: str, message: Message) -> None:
        """Findings for what breaks the protocol in a message. who: said it."""
        exchange = self._book.of_seq(message.seq)
        for fault in message.decoded.faults[:MAX_FAULTS_TOLD]:
            where = f" at {fault.where}" if fault.where else ""
            name = f" {message.decoded.name}" if message.decoded.name else ""
            self._book.finding(
                fault.rule,
                Severity.WARN,
                f"{who}{name}: {fault.text}{where}",
                stamp=Stamp(message.mono_ns, message.utc_ns),
                exchange=exchange,
                evidence=(message.seq,),
                cure="the message breaks the protocol; its bytes are in the journal",
            )

    def _expire(self, station_id: str, call_id: str) -> None:
        link = self._links.get(station_id)
        if link is not None:
            for effect in link.expire(call_id):
                self._carry_out(self.stations[station_id], effect, None)

    def _drop_link(self, station_id: str, why: str) -> None:
        link = self._links.pop(station_id, None)
        self._crossed.pop(station_id, None)
        if link is None:
            return
        for effect in link.closed():
            self._carry_out(self.stations[station_id], effect, None)

    def _note(self, station_id: str, name: str, detail: str, stamp: Stamp) -> None:
        self._journal.append(
            Link.OCPP, Direction.IN, station_id, b"", Decoded("link", name, None, {"detail": detail}, (), detail), stamp
        )

    def touch(self, station: Station) -> None:
        """Say that more is known of a station."""
        station.revision += 1
        self._changed(station.id)

    def _forget_one(self) -> None:
        for station_id, station in self.stations.items():
            if not station.connected:
                del self.stations[station_id]
                self._memories.pop(station_id, None)
                return
