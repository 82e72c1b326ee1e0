"""A small engine behind the server: journal and StationLink, and what it was told, to wait on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from bench.answers import CallAnswer
from bench.clock import Stamp, SystemClock
from bench.csms.link import Effect, Noticed, Send, Settled, StationLink
from bench.errors import LinkDown
from bench.journal.log import Journal
from bench.message import Direction, Link
from bench.ports import LinkStatus, StationOpened, StationServer
from bench.settings import OcppSettings
from bench.station import Station
from bench.tokens.model import Ask, AuthorizationStatus, Decision

DEADLINE_S = 5.0


class BenchSink:
    """Implements the part of bench.ports.Sink that an OCPP server uses; accepts every token but ``BAD``."""

    def __init__(self) -> None:
        self.server: StationServer
        self.journal = Journal()
        self.links: dict[str, StationLink] = {}
        self.stations: dict[str, Station] = {}
        self.statuses: list[LinkStatus] = []
        self.findings: list[tuple[str, str]] = []
        self.texts: list[str] = []
        self.opened: list[StationOpened] = []
        self.closed: list[tuple[str, int, str]] = []
        self.settled: list[tuple[str, CallAnswer | None, str]] = []
        self._news = asyncio.Event()

    async def until(self, true: Callable[[], object]) -> None:
        """Wait for news until something holds."""
        async with asyncio.timeout(DEADLINE_S):
            while not true():
                self._news.clear()
                await self._news.wait()

    async def call(self, station: str, action: str, **payload: object) -> CallAnswer | None:
        call_id, effects = self.links[station].call(action, payload, SystemClock().stamp())
        self._carry_out(station, effects)
        await self.until(lambda: any(settled[0] == call_id for settled in self.settled))
        return next(settled[1] for settled in self.settled if settled[0] == call_id)

    def decide(self, ask: Ask, seq: int) -> Decision:
        status = AuthorizationStatus.BLOCKED if ask.value == "BAD" else AuthorizationStatus.ACCEPTED
        return Decision(status, "store", "test", "test")

    # bench.ports.Sink

    def link_changed(self, status: LinkStatus) -> None:
        self.statuses.append(status)
        self._news.set()

    def finding(self, rule: str, severity: str, text: str, cure: str = "") -> None:
        self.findings.append((rule, severity))
        self.texts.append(f"{text}; {cure}")
        self._news.set()

    def station_opened(self, opened: StationOpened) -> None:
        self.opened.append(opened)
        station = self.stations[opened.station] = Station(opened.station, opened.version)
        self.stations[opened.station].peer_certificate_cn = opened.peer_certificate_cn
        self.links[opened.station] = StationLink(station, self, OcppSettings(), SystemClock())
        self._news.set()

    def station_frame(self, station: str, data: bytes, stamp: Stamp) -> None:
        link = self.links[station]
        message = self.journal.append(Link.OCPP, Direction.IN, station, data, link.decode(data), stamp)
        self._carry_out(station, link.handle(message))
        self._news.set()

    def station_closed(self, station: str, code: int, reason: str, stamp: Stamp) -> None:
        self._carry_out(station, self.links.pop(station).closed())
        self.closed.append((station, code, reason))
        self._news.set()

    def _carry_out(self, station: str, effects: list[Effect]) -> None:
        for effect in effects:
            if isinstance(effect, Send):
                try:
                    stamp = self.server.send(station, effect.data)
                except LinkDown:
                    continue
                self.journal.append(Link.OCPP, Direction.OUT, station, effect.data, effect.decoded, stamp)
            elif isinstance(effect, Settled):
                self.settled.append((effect.call_id, effect.answer, effect.why))
            elif isinstance(effect, Noticed):
                self.findings.append((effect.rule, effect.severity))
                self.texts.append(effect.text)

    # Only so that it is a whole Sink

    def reader_frame(self, *_: object) -> object:
        raise AssertionError("no reader here")

    card_read = card_removed = bus_message = reader_frame
