"""One proxied connection's two sockets: reads both, writes to each in order, and ends one as the other ended."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

from websockets.asyncio.connection import Connection
from websockets.exceptions import ConnectionClosed

from bench.clock import NS_PER_S, stamp
from bench.proxy import Hangup
from bench.proxy_desk import ProxyDesk
from bench.proxy_rules import Side
from bench.tasks import Tasks
from devices.ocpp.connection import CLOSE_S

HIGH_WATER = 2**20
"""Bytes waiting for one side from which on nothing more is read from the other."""

BROKEN = 1006
FLUSH_S = 2.0 * CLOSE_S


class _Outbox:
    """What is to be written to one side."""

    def __init__(self) -> None:
        self._items: deque[tuple[bytes, bool] | Hangup] = deque()
        self._size = 0
        self._filled = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()

    def put(self, item: tuple[bytes, bool] | Hangup) -> None:
        self._items.append(item)
        if not isinstance(item, Hangup):
            self._size += len(item[0])
            if self._size > HIGH_WATER:
                self._room.clear()
        self._filled.set()

    async def get(self) -> tuple[bytes, bool] | Hangup:
        await self._filled.wait()
        item = self._items.popleft()
        if not self._items:
            self._filled.clear()
        return item

    def written(self, size: int) -> None:
        self._size -= size
        if self._size <= HIGH_WATER:
            self._room.set()

    def end(self) -> None:
        """Nobody writes any more: nobody waits for room either."""
        self._room.set()

    async def room(self) -> None:
        await self._room.wait()


class Line:
    """Implements :class:`bench.proxy_desk.Wire`. over: told once, when either side has ended, with close code and reason."""

    def __init__(
        self,
        station: str,
        station_socket: Connection,
        csms_socket: Connection,
        desk: ProxyDesk,
        over: Callable[[Line, int, str], None],
    ) -> None:
        self.station = station
        self._sockets = {Side.STATION: station_socket, Side.CSMS: csms_socket}
        self._outboxes = {side: _Outbox() for side in Side}
        self._desk = desk
        self._tell_over = over
        self._is_over = asyncio.Event()
        self._tasks = Tasks()
        self._timer: asyncio.TimerHandle | None = None

    async def run(self) -> None:
        """Carry messages until both sides have ended; some seconds after one has, the other is cut off."""
        writers = [self._tasks.spawn(self._write(side), name=f"proxy to {side}") for side in Side]
        readers = [self._tasks.spawn(self._read(side), name=f"proxy from {side}") for side in Side]
        try:
            await self._is_over.wait()
            await asyncio.wait([*writers, *readers], timeout=FLUSH_S)
        finally:
            self.end(1001, "the bench stops")
            for socket in self._sockets.values():
                socket.transport.abort()
            await self._tasks.cancel()

    def end(self, code: int, reason: str) -> None:
        """Close both sides; nothing happens when either has ended already."""
        if self._is_over.is_set():
            return
        self.hang_up(Side.STATION, code, reason)
        self._ended(Side.STATION, code, reason)

    # bench.proxy_desk.Wire

    def send(self, to: Side, data: bytes, binary: bool) -> None:
        self._outboxes[to].put((data, binary))

    def hang_up(self, to: Side, code: int | None, reason: str) -> None:
        self._outboxes[to].put(Hangup(to, code, reason))

    def wake_at(self, due_ns: int | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if due_ns is not None:
            wait_s = max(0.0, (due_ns - stamp().mono_ns) / NS_PER_S)
            self._timer = asyncio.get_running_loop().call_later(wait_s, self._desk.woke, self.station)

    # Inside

    async def _read(self, side: Side) -> None:
        socket, room = self._sockets[side], self._outboxes[side.other]
        try:
            while True:
                message = await socket.recv()
                at = stamp()
                if self._is_over.is_set():
                    continue  # its words can go nowhere any more; only its close is waited for
                binary = isinstance(message, bytes)
                data = message if isinstance(message, bytes) else message.encode()
                self._desk.frame(self.station, side, data, at, binary=binary)
                await room.room()
        except ConnectionClosed as closed:
            self._ended(side, *_as_it_ended(closed))

    async def _write(self, side: Side) -> None:
        socket, outbox = self._sockets[side], self._outboxes[side]
        try:
            while True:
                item = await outbox.get()
                if isinstance(item, Hangup):
                    await _hang_up(socket, item)
                    return
                data, binary = item
                await socket.send(data, text=not binary)
                outbox.written(len(data))
        except ConnectionClosed:
            pass  # its reader tells
        finally:
            outbox.end()

    def _ended(self, side: Side, code: int, reason: str) -> None:
        if self._is_over.is_set():
            return
        self._is_over.set()
        self._desk.closed(self.station, side, code, reason)
        self.wake_at(None)
        # What ended needs no writer; one that still waits would wait for ever.
        self.hang_up(side, 1000, "")
        self._tell_over(self, code, reason)


async def _hang_up(socket: Connection, item: Hangup) -> None:
    if item.code == BROKEN:
        socket.transport.abort()
    else:
        await socket.close(item.code, item.reason)  # type: ignore[arg-type]  # None: a close frame without a code


def _as_it_ended(closed: ConnectionClosed) -> tuple[int, str]:
    """What the peer said; else what its fault made us say (too big, not UTF-8); else 1006, a ping without a pong included."""
    if closed.rcvd is not None:
        return int(closed.rcvd.code), closed.rcvd.reason
    if closed.sent is not None and closed.sent.code not in (1000, 1001, 1011):
        return int(closed.sent.code), closed.sent.reason
    return BROKEN, "the connection broke off"
