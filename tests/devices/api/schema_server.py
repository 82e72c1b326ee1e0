"""The API on loopback in a thread of its own, for clients that do not know asyncio."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from bench.errors import LinkDown
from bench.ocpi.model import Party, Status
from devices.api.server import ApiServer
from tests.devices.api.conftest import FakeSession

TOKENS = {Status.PENDING: "pending-token", Status.REGISTERED: "registered-token"}


class Unreachable:
    """Nobody can be asked: what a generated URL names is left alone."""

    async def ask(self, method: str, url: str, **_: object) -> None:
        raise LinkDown("nobody is asked in this test")

    async def close(self) -> None:
        """Nothing is open."""


@contextmanager
def serving_in_a_thread() -> Iterator[tuple[str, FakeSession]]:
    """URL and session of a server that is up."""
    ready, over = threading.Event(), asyncio.Event()
    found: list[object] = []

    async def serve() -> None:
        session = FakeSession()
        server = ApiServer(session, "127.0.0.1:0")  # type: ignore[arg-type]
        await server.start()
        session.registry.ocpi.reach(Unreachable(), server.url_towards)  # type: ignore[arg-type]
        session.registry.ocpi.load({status: Party(status, token, status) for status, token in TOKENS.items()})
        found.extend((server.url, session, asyncio.get_running_loop()))
        ready.set()
        await over.wait()
        await server.stop()

    thread = threading.Thread(target=lambda: asyncio.run(serve()), name="api under test")
    thread.start()
    try:
        assert ready.wait(10)
        url, session, loop = found
        yield url, session  # type: ignore[misc]
        loop.call_soon_threadsafe(over.set)  # type: ignore[attr-defined]
    finally:
        thread.join(10)
