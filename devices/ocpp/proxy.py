"""The OCPP proxy's sockets: a station connects here, and the bench dials its CSMS for it (OCPP-J 1.6, OCPP 2.0.1 and 2.1 Part 4).

The CSMS is dialled first, so that the station gets the subprotocol which that one chose, or the reason why there is none.
"""

from __future__ import annotations

import asyncio
import logging
import ssl as tls
from collections.abc import Callable, Coroutine
from typing import Any, NamedTuple

from websockets.asyncio.client import ClientConnection
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import WebSocketException
from websockets.http11 import Request, Response

from bench.clock import Stamp, stamp
from bench.errors import BenchBug, OperatorError
from bench.ports import LinkState, LinkStatus, Sink, StationOpened
from bench.proxy_desk import ProxyDesk
from bench.tasks import Tasks
from devices.ocpp.connection import CLOSE_S, HANDSHAKE_S, PING_S
from devices.ocpp.dial import dial, quiet
from devices.ocpp.endings import MAX_MESSAGE
from devices.ocpp.handshake import VERSIONS, Refusal, allowed, basic_user, select, station_of
from devices.ocpp.proxy_line import Line

log = logging.getLogger(__name__)

MAX_STATIONS = 1000
NAME = "ocpp"


class _Dialled(NamedTuple):
    """A station whose CSMS took the connection, until its own handshake is done."""

    station: str
    offered: tuple[str, ...]
    user: str | None
    upstream: ClientConnection


class ProxyServer:
    """Passes stations on to a CSMS; implements :class:`bench.ports.StationServer`.

    upstream: ``ws://`` or ``wss://`` URL of the CSMS, to which ``/{station}`` is added. desk: what becomes of their messages.
    stations_allowed: whether a station of that id may connect. ssl: a server context for ``wss://`` here, or None.
    upstream_ssl: a client context for a ``wss://`` CSMS; None = the system's trust.
    """

    def __init__(
        self,
        host: str,
        port: int,
        upstream: str,
        desk: ProxyDesk,
        *,
        stations_allowed: Callable[[str], bool],
        ssl: tls.SSLContext | None = None,
        upstream_ssl: tls.SSLContext | None = None,
        ping_s: float = PING_S,
    ) -> None:
        self.upstream = upstream.rstrip("/")
        self.desk = desk
        self._host = host
        self._port = port
        self._stations_allowed = stations_allowed
        self._ssl = ssl
        self._upstream_ssl = upstream_ssl
        self._ping_s = ping_s
        self._sink: Sink
        self._server: Server | None = None
        self._lines: dict[str, Line] = {}
        self._dials = Tasks()
        self._dialled: dict[ServerConnection, _Dialled] = {}

    @property
    def port(self) -> int:
        """As bound; before start as given."""
        return self._port

    @property
    def url(self) -> str:
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"{'wss' if self._ssl is not None else 'ws'}://{host}:{self._port}"

    # bench.ports.StationServer

    async def start(self, sink: Sink) -> None:
        """Listen.

        Raises:
            OperatorError: the address cannot be listened on.
        """
        if self._server is not None:
            raise BenchBug("the OCPP proxy is already started")
        self._sink = sink
        self.desk.start(sink)
        try:
            self._server = await serve(
                self._serve,
                self._host,
                self._port,
                ssl=self._ssl,
                process_request=self._admit,
                select_subprotocol=lambda connection, _: self._dialled[connection].upstream.subprotocol,
                create_connection=self._arrived,  # type: ignore[arg-type]  # is only called
                compression=None,  # what is on the wire is what is shown
                max_size=MAX_MESSAGE,
                open_timeout=HANDSHAKE_S,
                close_timeout=CLOSE_S,
                ping_interval=self._ping_s,
                ping_timeout=self._ping_s,
                logger=quiet,
            )
        except (OSError, OverflowError) as error:
            why = (error.strerror if isinstance(error, OSError) else None) or str(error)
            problem = OperatorError(f"cannot listen on {self._host}:{self._port}: {why}", "choose another with --ocpp")
            sink.link_changed(LinkStatus(NAME, LinkState.FAULTY, problem.what, problem.cure))
            raise problem from error
        self._port = next(iter(self._server.sockets)).getsockname()[1]
        self._tell_state()

    async def stop(self) -> None:
        """Stop listening; both sides of every connection are closed with code 1001."""
        server, self._server = self._server, None
        if server is None:
            return
        for line in list(self._lines.values()):
            line.end(1001, "the bench stops")
        await self._dials.cancel()
        server.close()
        await server.wait_closed()
        self._sink.link_changed(LinkStatus(NAME, LinkState.OFF, "stopped"))

    def send(self, station: str, data: bytes) -> Stamp:
        """A message of the bench itself. The answer to a call among them comes to the bench and not to the CSMS."""
        return self.desk.send(station, data)

    def close(self, station: str, code: int = 1000, reason: str = "") -> None:
        """Close both sides of a station's connection; nothing happens when it is not connected."""
        line = self._lines.get(station)
        if line is not None:
            line.end(code, reason)

    # A station comes

    def _arrived(self, *args: Any, **kwargs: Any) -> ServerConnection:
        return _StationConnection(self, *args, **kwargs)

    async def _admit(self, connection: ServerConnection, request: Request) -> Response | None:
        """Dial the CSMS for a welcome station; the HTTP refusal of any other."""
        station = station_of(request.path, self.url)
        if isinstance(station, Refusal):
            return self._refuse(connection, station, "")
        lists = request.headers.get_all("Sec-WebSocket-Protocol")
        offered = tuple(name.strip() for names in lists for name in names.split(","))
        refusal = allowed(station, self._stations_allowed) or self._full()
        common = select(offered, tuple(VERSIONS))
        if refusal is None and isinstance(common, Refusal):
            refusal = common
        if refusal is not None:
            return self._refuse(connection, refusal, station)
        # Only versions that can be read here: the CSMS chooses among them.
        names = [name for name in offered if name in VERSIONS]
        credentials = request.headers.get_all("Authorization")
        found = await self._dial_unless_stopped(
            self._dial(station, names, {"Authorization": credentials[0]} if credentials else {})
        )
        if isinstance(found, Refusal):
            return self._refuse(connection, found, station)
        self._dialled[connection] = _Dialled(station, offered, basic_user(request.headers), found)
        return None

    async def _dial_unless_stopped(
        self, dialling: Coroutine[Any, Any, ClientConnection | Refusal]
    ) -> ClientConnection | Refusal:
        """What came of it. Ends at once when the bench stops, and with the handshake that it is for."""
        dial: asyncio.Task[ClientConnection | Refusal] = self._dials.spawn(dialling, name="dial CSMS")
        try:
            await asyncio.wait([dial])
        except asyncio.CancelledError:
            if not dial.cancel() and not dial.cancelled() and isinstance(found := dial.result(), ClientConnection):
                found.transport.abort()
            raise
        if dial.cancelled():
            return Refusal(503, "proxy.stopped", "the bench stops", "repeat when it runs again")
        return dial.result()

    async def _dial(self, station: str, names: list[str], headers: dict[str, str]) -> ClientConnection | Refusal:
        return await dial(
            self.upstream,
            station,
            names,
            headers,
            self._upstream_ssl,
            ping_s=self._ping_s,
            rules="proxy.upstream",
        )

    def undo(self, connection: ServerConnection) -> None:
        """A station's handshake was not completed: the CSMS need not wait for it."""
        dialled = self._dialled.pop(connection, None)
        if dialled is not None:
            dialled.upstream.transport.abort()

    async def _serve(self, connection: ServerConnection) -> None:
        """One station's connection from its handshake to its end."""
        at = stamp()
        station, offered, user, upstream = self._dialled.pop(connection)
        assert upstream.subprotocol is not None
        before = self._lines.get(station)
        if before is not None:
            self._sink.finding(
                "ocpp.replaced",
                "info",
                f"station {station} connected again; its connection before was closed",
                "if two stations share this id, give each its own",
            )
            before.end(1000, "replaced by a new connection of the same station")
        line = Line(station, connection, upstream, self.desk, self._over)
        self._lines[station] = line
        peer = ":".join(map(str, connection.remote_address[:2]))
        version = VERSIONS[upstream.subprotocol]
        self.desk.opened(station, version, line)
        self._sink.station_opened(StationOpened(station, version, peer, offered, user, at))
        self._tell_state()
        await line.run()

    def _over(self, line: Line, code: int, reason: str) -> None:
        """Either side of a line ended."""
        del self._lines[line.station]
        self._sink.station_closed(line.station, code, reason, stamp())
        if self._server is not None:
            self._tell_state()

    def finding(self, rule: str, severity: str, text: str, cure: str = "") -> None:
        self._sink.finding(rule, severity, text, cure)

    def _full(self) -> Refusal | None:
        if len(self._lines) + len(self._dialled) < MAX_STATIONS:
            return None
        return Refusal(503, "ocpp.too-many-connections", "too many connections to this bench", "repeat a little later")

    def _refuse(self, connection: ServerConnection, refusal: Refusal, station: str) -> Response:
        who = f"station {station}" if station else "a station"
        text = f"{who} was refused with HTTP {refusal.status}: {refusal.text}"
        self.finding(refusal.rule, "fail", text, refusal.cure)
        return connection.respond(refusal.status, refusal.body)

    def _tell_state(self) -> None:
        number = len(self._lines)
        stations = f"{number} station{'' if number == 1 else 's'}"
        detail = f"{self.url}, {stations}, passed on to {self.upstream}"
        self._sink.link_changed(LinkStatus(NAME, LinkState.UP, detail))


class _StationConnection(ServerConnection):
    """Tells of a handshake that came to nothing, and ends what was dialled for it."""

    def __init__(self, proxy: ProxyServer, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._proxy = proxy

    async def handshake(self, *args: Any, **kwargs: Any) -> None:
        try:
            await super().handshake(*args, **kwargs)
        except WebSocketException as error:
            self._proxy.undo(self)
            if self.response is None:  # else it was refused, and that was told
                self._proxy.finding("ocpp.not-websocket", "warn", f"a connection was no valid WebSocket: {error}")
            raise
        except BaseException:
            self._proxy.undo(self)
            raise
