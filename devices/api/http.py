"""uvicorn inside a running event loop: no signal handlers of its own, no idle ticking, refusals in JSON."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast

import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

from devices.api.guard import AsgiApp
from devices.api.jsonio import to_bytes

HEAD_S = 15.0
MAX_CONNECTIONS = 256
GRACE_S = 2


class JsonProtocol(H11Protocol):
    """HTTP/1.1 that closes connections which never ask, and answers what is not HTTP in the API's own error shape."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.closed: asyncio.Future[None] = self.loop.create_future()
        self._head_timer = self.loop.call_later(HEAD_S, self._head_late)

    def connection_lost(self, exc: Exception | None) -> None:
        self._head_timer.cancel()
        super().connection_lost(exc)
        if not self.closed.done():
            self.closed.set_result(None)

    def shutdown(self) -> None:
        """Close now, or after the answer under way."""
        request = self._request
        if request is None or request.response_complete:
            self.transport.close()
        else:
            request.keep_alive = False

    def _head_late(self) -> None:
        if self._request is None:
            self.transport.close()

    @property
    def _request(self) -> RequestResponseCycle | None:
        """The latest request of this connection, None before its first."""
        return cast("RequestResponseCycle | None", self.cycle)

    def send_400_response(self, msg: str) -> None:
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            body = to_bytes({"status": "Bad Request", "error": "this is not an HTTP/1.1 request"})
            headers = [
                (b"content-type", b"application/json"),
                (b"content-length", str(len(body)).encode()),
                (b"connection", b"close"),
            ]
            for event in (h11.Response(status_code=400, headers=headers), h11.Data(data=body), h11.EndOfMessage()):
                self.transport.write(self.conn.send(event))
        self.transport.close()


class HttpServer(uvicorn.Server):
    """Serves ``app`` on a bound socket until :meth:`leave`."""

    def __init__(self, app: AsgiApp) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                loop="none",
                http=JsonProtocol,
                ws="none",
                lifespan="off",
                log_config=None,
                log_level=logging.ERROR,  # what strangers send is no warning to the operator
                access_log=False,
                proxy_headers=False,
                server_header=False,
                date_header=False,
                limit_concurrency=MAX_CONNECTIONS,
            )
        )
        self.ready = asyncio.Event()
        self._leaving = asyncio.Event()

    def leave(self) -> None:
        self.should_exit = True
        self._leaving.set()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.ready.set()

    async def main_loop(self) -> None:
        await self._leaving.wait()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """As the parent's without its pauses: requests under way get a grace, then their connections are cut."""
        for server in self.servers:
            server.close()
        for listener in sockets or ():
            listener.close()
        connections = [made for made in self.server_state.connections if isinstance(made, JsonProtocol)]
        for connection in connections:
            connection.shutdown()
        if connections:
            await asyncio.wait([connection.closed for connection in connections], timeout=GRACE_S)
        for connection in connections:
            connection.transport.abort()
        for server in self.servers:
            await server.wait_closed()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals belong to the program, not to one of its servers."""
        yield
