"""The control API as a server: bound, guarded, started and stopped with the bench."""

from __future__ import annotations

import asyncio
import errno
import importlib
import ipaddress
import re
import secrets
import socket
import sys
from typing import TYPE_CHECKING

from bench.errors import BadInput, BenchBug, OperatorError
from bench.message import Link
from bench.ports import LinkState, LinkStatus
from bench.tasks import Tasks

if TYPE_CHECKING:
    from bench.session import Session
    from devices.api.guard import Guard
    from devices.api.http import HttpServer
    from devices.http_client import HttpClient


_TOKEN = re.compile(r"[!-~]+", re.ASCII)


class ApiServer:
    """Serves the control API of a session on ``listen`` (``HOST:PORT``, port 0 for a free one).

    token: what clients must send as bearer token, None where none is needed. On loopback none is needed unless one was
    given; bound elsewhere one is made if none was given (``token_generated``), for the caller to show once.
    """

    def __init__(self, session: Session, listen: str, token: str | None = None) -> None:
        self.token = token
        self.token_generated = False
        self._session = session
        self._listen = listen
        self._address: tuple[str, int] | None = None
        self._guard: Guard | None = None
        self._server: HttpServer | None = None
        self._client: HttpClient | None = None
        self._tasks = Tasks()

    @property
    def url(self) -> str:
        """``http://host:port`` as it can be reached from this computer."""
        if self._address is None:
            raise BenchBug("the API has no address before it started")
        host, port = self._address
        address = ipaddress.ip_address(host)
        if address.is_unspecified:
            address = ipaddress.ip_address("127.0.0.1" if address.version == 4 else "::1")
        return _url(str(address), port)

    async def url_towards(self, other: str) -> str:
        """The same as the host of another URL can reach it, where that is possible at all.

        Raises:
            BadInput, LinkDown: as :func:`devices.api.facing.address_towards`.
        """
        if self._address is None or not ipaddress.ip_address(self._address[0]).is_unspecified:
            return self.url
        from devices.api.facing import address_towards

        return _url(await address_towards(other), self._address[1])

    async def start(self) -> None:
        """Bind, then serve.

        Raises:
            BadInput: ``listen`` or the token cannot be used as given.
            OperatorError: the port is taken, or the address is not one of this computer.
        """
        if self.token is not None and not _TOKEN.fullmatch(self.token):
            raise BadInput("the API token must be printable ASCII without spaces", "leave it out to have one made")
        listener = await _bind(self._listen)
        try:
            host, port = listener.getsockname()[:2]
            self._address = host, port
            loopback = ipaddress.ip_address(host).is_loopback
            if self.token is None and not loopback:
                self.token = secrets.token_urlsafe(24)
                self.token_generated = True
            await self._serve(listener, loopback)
        except BaseException:
            self._server = None
            await self._tasks.cancel()
            await self._hang_up()
            listener.close()
            raise
        self._session.link_changed(LinkStatus("api", LinkState.UP, self.url))

    async def stop(self) -> None:
        """Refuse what comes, answer what waits, close every connection. Safe to call twice, or without a start."""
        server, self._server = self._server, None
        if server is None or self._guard is None:
            return
        self._guard.stop()
        server.leave()
        await self._serving
        await self._hang_up()
        self._session.link_changed(LinkStatus("api", LinkState.OFF))

    async def _serve(self, listener: socket.socket, loopback: bool) -> None:
        # The frameworks take over half a second to import: when needed, and beside the loop.
        for module in ("devices.api.app", "devices.api.http", "devices.http_client"):
            await asyncio.to_thread(importlib.import_module, module)
        from devices.api.app import make_app
        from devices.api.guard import Access, Guard
        from devices.api.http import HttpServer
        from devices.http_client import HttpClient

        session = self._session
        # Beside the loop: it reads the certificates this computer trusts.
        self._client = await asyncio.to_thread(HttpClient, session.journal, Link.OCPI, session.clock)
        session.registry.ocpi.reach(self._client, self.url_towards)
        self._guard = Guard(make_app(self._session, self.url, self.token is not None), Access(loopback, self.token))
        self._server = HttpServer(self._guard)
        self._serving = self._tasks.spawn(self._server.serve(sockets=[listener]), name="api")
        ready = self._tasks.spawn(self._server.ready.wait(), name="api ready")
        await asyncio.wait({self._serving, ready}, return_when=asyncio.FIRST_COMPLETED)
        if self._serving.done():
            await self._tasks.cancel()
            self._serving.result()
            raise BenchBug("the API ended before it was asked to")

    async def _hang_up(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            self._session.registry.ocpi.reach(None, self.url_towards)
            await client.close()


def _url(host: str, port: int) -> str:
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


async def _bind(listen: str) -> socket.socket:
    host, colon, port = listen.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not colon or not host or not (port.isascii() and port.isdigit()) or int(port) > 65535:
        raise BadInput(f"{listen!r} is not HOST:PORT", "write for example 127.0.0.1:9410, or port 0 for a free one")
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, int(port), type=socket.SOCK_STREAM)
    except OSError as error:
        raise OperatorError(
            f"the API cannot listen on {host}: {error.strerror or error}", "name an address of this computer"
        ) from error
    family, kind, protocol, _, address = min(found, key=lambda entry: entry[0] != socket.AF_INET)
    listener = socket.socket(family, kind, protocol)
    try:
        if sys.platform != "win32":  # there it would let a second program share the port
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.setblocking(False)
        listener.bind(address)
        listener.listen(128)
    except OSError as error:
        listener.close()
        raise _refused(listen, error) from error
    return listener


def _refused(listen: str, error: OSError) -> OperatorError:
    if error.errno == errno.EADDRINUSE:
        return OperatorError(
            f"the API cannot listen on {listen}: the port is in use",
            "close the other program, or choose another port (0 = any)",
        )
    if error.errno == errno.EACCES:
        return OperatorError(f"the API may not listen on {listen}", "choose a port above 1023")
    return OperatorError(
        f"the API cannot listen on {listen}: {error.strerror or error}", "name an address of this computer"
    )
