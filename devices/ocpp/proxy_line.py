"""One proxied connection's two sockets: reads both, writes to each in order, and ends one as the other ended."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from bench.clock import NS_PER_S, Stamp, stamp
from bench.errors import LinkDown
from bench.proxy import Hangup
from bench.proxy_desk import ProxyDesk
from bench.proxy_rules import Side
from bench.tasks import Tasks
from devices.ocpp.connection import CLOSE_S, Connection
from devices.ocpp.dial import BROKEN, as_it_ended

HIGH_WATER = 2**20
"""Bytes waiting for the CSMS from which on nothing more is read from the station."""

FLUSH_S = 2.0 * CLOSE_S


class Line:
    """Implements :class:`bench.proxy_desk.Wire`. over: told once, when either side has ended, with close code and reason."""

    def __init__(
        self,
        connection: Connection,
        csms: ClientConnection,
        desk: ProxyDesk,
        over: Callable[[Line, int, str], None],
    ) -> None:
        self.connection = connection
        self.station = connection.station
        self._csms = csms
        self._desk = desk
        self._tell_over = over
        self._is_over = asyncio.Event()
        self._station_ready = asyncio.Event()
        self._station_ready.set()
        self._outbox: deque[tuple[bytes, bool] | Hangup] = deque()  # for the CSMS; its socket's writes wait
        self._unsent = 0
        self._filled = asyncio.Event()
        self._tasks = Tasks()
        self._timer: asyncio.TimerHandle | None = None

    async def run(self) -> None:
        """Carry messages until both sides have ended; some seconds after one has, the CSMS is cut off."""
        both = [
            self._tasks.spawn(self._write(), name="proxy to CSMS"),
            self._tasks.spawn(self._read(), name="proxy from CSMS"),
        ]
        try:
            await self._is_over.wait()
            await asyncio.wait(both, timeout=FLUSH_S)
        finally:
            self.end(1001, "the bench stops")
            self._csms.transport.abort()
            await self._tasks.cancel()

    def end(self, code: int, reason: str) -> None:
        """Close both sides; nothing happens when either has ended already."""
        if not self._is_over.is_set():
            self.connection.close(code, reason)
            self._ended(Side.STATION, code, reason)

    # What the station does

    def heard(self, data: bytes, at: Stamp, binary: bool) -> None:
        """A message of the station; nothing more is read of it while its CSMS takes in too little."""
        if self._is_over.is_set():
            return  # its words can go nowhere any more; only its close is waited for
        self._desk.frame(self.station, Side.STATION, data, at, binary=binary)
        if self._unsent > HIGH_WATER:
            self.connection.hold_reading(True)

    def station_ended(self, code: int, reason: str) -> None:
        if not self._is_over.is_set():
            self._ended(Side.STATION, code, reason)

    def station_ready(self, ready: bool) -> None:
        """While it reads too slowly, nothing more is read from its CSMS."""
        if ready or self._is_over.is_set():
            self._station_ready.set()
        else:
            self._station_ready.clear()

    # bench.proxy_desk.Wire

    def send(self, to: Side, data: bytes, binary: bool) -> None:
        if to is Side.CSMS:
            self._unsent += len(data)
            self._put((data, binary))
            return
        try:
            self.connection.send(data, binary=binary)
        except LinkDown:
            pass  # it is leaving, and its end is told

    def hang_up(self, to: Side, code: int | None, reason: str) -> None:
        if to is Side.CSMS:
            self._put(Hangup(to, code, reason))
        elif code == BROKEN:
            self.connection.abort()
        else:
            self.connection.close(code, reason)

    def wake_at(self, due_ns: int | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if due_ns is not None:
            wait_s = max(0.0, (due_ns - stamp().mono_ns) / NS_PER_S)
            self._timer = asyncio.get_running_loop().call_later(wait_s, self._desk.woke, self.station)

    # The CSMS

    async def _read(self) -> None:
        try:
            while True:
                message = await self._csms.recv()
                at = stamp()
                if self._is_over.is_set():
                    continue
                binary = isinstance(message, bytes)
                data = message if isinstance(message, bytes) else message.encode()
                self._desk.frame(self.station, Side.CSMS, data, at, binary=binary)
                await self._station_ready.wait()
        except ConnectionClosed as closed:
            if not self._is_over.is_set():
                self._ended(Side.CSMS, *as_it_ended(closed))

    async def _write(self) -> None:
        try:
            while True:
                await self._filled.wait()
                item = self._outbox.popleft()
                if not self._outbox:
                    self._filled.clear()
                if isinstance(item, Hangup):
                    await self._hang_up_csms(item)
                    return
                data, binary = item
                await self._csms.send(data, text=not binary)
                self._unsent -= len(data)
                if self._unsent <= HIGH_WATER:
                    self.connection.hold_reading(False)
        except ConnectionClosed:
            pass  # the reader tells

    def _put(self, item: tuple[bytes, bool] | Hangup) -> None:
        self._outbox.append(item)
        self._filled.set()

    async def _hang_up_csms(self, item: Hangup) -> None:
        if item.code == BROKEN:
            self._csms.transport.abort()
        else:
            await self._csms.close(item.code, item.reason)  # type: ignore[arg-type]  # None: a close frame without a code

    def _ended(self, side: Side, code: int, reason: str) -> None:
        self._is_over.set()
        self._desk.closed(self.station, side, code, reason)
        self.wake_at(None)
        self._station_ready.set()
        self.connection.hold_reading(False)  # its close must be heard
        if side is Side.CSMS:
            self._put(Hangup(side, 1000, ""))  # what ended needs no writer
        self._tell_over(self, code, reason)
