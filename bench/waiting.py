"""What a session waits for: the end of an exchange, and the end of a time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from bench.clock import Clock, Stamp
from bench.exchange import Exchange


class Endings:
    """Those who wait for an exchange to have its verdict."""

    def __init__(self) -> None:
        self._waiters: dict[int, list[asyncio.Future[None]]] = {}

    async def wait(self, exchange: Exchange, timeout_s: float) -> None:
        """Until :meth:`ended` is told of it, or the time ran out."""
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        waiters = self._waiters.setdefault(exchange.id, [])
        waiters.append(waiter)
        try:
            async with asyncio.timeout(timeout_s):
                await waiter
        except TimeoutError:
            pass
        finally:
            if waiter in waiters:
                waiters.remove(waiter)
            if not waiters:
                self._waiters.pop(exchange.id, None)

    def ended(self, exchange: Exchange) -> None:
        for waiter in self._waiters.pop(exchange.id, ()):
            if not waiter.done():
                waiter.set_result(None)


class Timers:
    """Calls something of an exchange when a time is over, unless the session ended before."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._running: set[asyncio.TimerHandle] = set()

    def later(self, seconds: float, method: Callable[[Exchange, Stamp], None], exchange: Exchange) -> None:
        def ring() -> None:
            self._running.discard(timer)
            method(exchange, self._clock.stamp())

        timer = asyncio.get_running_loop().call_later(seconds, ring)
        self._running.add(timer)

    def cancel(self) -> None:
        for timer in self._running:
            timer.cancel()
        self._running.clear()
