"""A proxy between a CSMS of ours and whoever connects: both engines, both journals."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ssl import SSLContext

from websockets.asyncio.client import connect

from bench.clock import SystemClock
from bench.journal.pairing import Flag
from bench.message import Message
from bench.ports import LinkState
from bench.proxy_desk import ProxyDesk
from bench.proxy_rules import Rule
from devices.ocpp.csms import CsmsServer
from devices.ocpp.proxy import ProxyServer
from devices.ocpp.tls import TlsServer
from tests.devices.ocpp.bench_sink import DEADLINE_S, BenchSink


class _NothingKnown:
    def exchange_of(self, seq: int) -> int | None:
        return None

    def flags(self, message: Message) -> tuple[Flag, ...]:
        return ()

    def answer_ms(self, message: Message) -> float | None:
        return None


class ProxyBench:
    """here: the proxy's engine. csms: the engine of the CSMS behind it."""

    def __init__(self, upstream: str = "", *, csms_ssl: SSLContext | None = None, **more: object) -> None:
        self.csms = BenchSink()
        self.csms_server = CsmsServer(
            "127.0.0.1",
            0,
            stations_allowed=lambda station: station != "STRANGER",
            tls=TlsServer(csms_ssl) if csms_ssl else None,
        )
        self.csms.server = self.csms_server
        self.here = BenchSink()
        self.desk = ProxyDesk(self.here.journal, _NothingKnown(), SystemClock(), call_timeout_s=DEADLINE_S)
        self.desk.waiting_changed = lambda station: self._waiting_news.set()
        self._waiting_news = asyncio.Event()
        self._upstream = upstream
        self._more = more
        self.proxy: ProxyServer

    async def start(self) -> None:
        await self.csms_server.start(self.csms)
        self.proxy = ProxyServer(
            "127.0.0.1",
            0,
            self._upstream or self.csms_server.url,
            self.desk,
            stations_allowed=lambda station: station != "UNKNOWN",
            **self._more,  # type: ignore[arg-type]
        )
        self.here.server = self.proxy
        await self.proxy.start(self.here)

    async def stop(self) -> None:
        await self.proxy.stop()
        await self.csms_server.stop()
        assert not self.proxy._lines
        assert not self.proxy._dialled
        assert self.here.statuses[-1].state is LinkState.OFF

    async def until_waiting(self, number: int, station: str = "CP-1") -> None:
        async with asyncio.timeout(DEADLINE_S):
            while len(self.desk.waiting(station)) != number:
                self._waiting_news.clear()
                await self._waiting_news.wait()

    def rules(self, *rules: Rule) -> None:
        self.desk.rules.replace(rules)

    def station(self, name: str = "CP-1", *offered: str, **more: object) -> connect:
        names = offered or ("ocpp1.6",)
        url = f"{self.proxy.url}/{name}"
        return connect(url, subprotocols=names, compression=None, close_timeout=DEADLINE_S, **more)  # type: ignore[arg-type]

    def said(self, side: str) -> list[bytes]:
        """What a side said, as the proxy journaled it."""
        return [m.raw for m in self.here.journal.since(0) if m.meta and m.meta.get("side") == side and not m.injected]

    def notes(self) -> list[str]:
        return [m.decoded.summary for m in self.here.journal.since(0) if m.decoded.kind == "link"]


@asynccontextmanager
async def proxied(upstream: str = "", **more: object) -> AsyncIterator[ProxyBench]:
    bench = ProxyBench(upstream, **more)
    await bench.start()
    try:
        yield bench
    finally:
        await bench.stop()
