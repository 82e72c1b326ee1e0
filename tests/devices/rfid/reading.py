"""A SerialReader that runs, and the sink that keeps what it tells."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from bench.card import CardRead, CardRemoved
from bench.clock import Stamp, stamp
from bench.journal.log import Journal
from bench.message import Decoded, Direction, Link, Message
from bench.ports import LinkState, LinkStatus
from devices.rfid.port import SerialReader
from fixtures.readers import VirtualReader

LIMIT_S = 8.0


@dataclass
class FakeSink:
    """Keeps what a reader tells, and wakes whoever waits for it."""

    journal: Journal = field(default_factory=Journal)
    links: list[LinkStatus] = field(default_factory=list)
    taps: list[tuple[CardRead, int]] = field(default_factory=list)
    removed: list[CardRemoved] = field(default_factory=list)
    findings: list[tuple[str, str, str, str]] = field(default_factory=list)
    delays_ns: list[int] = field(default_factory=list)
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    threads: set[int] = field(default_factory=set)

    def _told(self) -> None:
        self.threads.add(threading.get_ident())
        self.changed.set()

    def link_changed(self, status: LinkStatus) -> None:
        self.links.append(status)
        self._told()

    def finding(self, rule: str, severity: str, text: str, cure: str = "") -> None:
        self.findings.append((rule, severity, text, cure))
        self._told()

    def reader_frame(self, reader: str, direction: Direction, raw: bytes, decoded: Decoded, stamp: Stamp) -> Message:
        self._told()
        return self.journal.append(Link.READER, direction, reader, raw, decoded, stamp)

    def card_read(self, card: CardRead, seq: int) -> None:
        self.delays_ns.append(stamp().mono_ns - card.stamp.mono_ns)
        self.taps.append((card, seq))
        self._told()

    def card_removed(self, removed: CardRemoved) -> None:
        self.removed.append(removed)
        self._told()

    async def until(self, holds: Callable[[], object], what: str) -> None:
        try:
            async with asyncio.timeout(LIMIT_S):
                while not holds():
                    self.changed.clear()
                    await self.changed.wait()
        except TimeoutError:
            pytest.fail(f"never saw {what}; links {[status.detail for status in self.links]}")

    async def up(self) -> None:
        await self.until(lambda: self.links and self.links[-1].state is LinkState.UP, "the reader up")

    async def tap(self, count: int = 1) -> CardRead:
        await self.until(lambda: len(self.taps) >= count, f"{count} taps")
        return self.taps[count - 1][0]

    def messages(self, direction: Direction = Direction.IN) -> list[Message]:
        return [message for message in self.journal.since(0) if message.direction is direction]


@asynccontextmanager
async def reading(driver: str, device: VirtualReader) -> AsyncIterator[tuple[FakeSink, SerialReader]]:
    sink = FakeSink()
    reader = SerialReader(driver, device.port)
    await reader.start(sink)
    try:
        await sink.up()
        yield sink, reader
    finally:
        await reader.stop()
    assert sink.links[-1].state is LinkState.OFF
    assert sink.threads == {threading.get_ident()}
