"""The door that charging stations come in by, of a CSMS and of a proxy alike (OCPP-J 1.6, OCPP 2.0.1 and 2.1 Part 4).

It listens, tells why it refuses, knows who is connected, and ends in order.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from datetime import timedelta

from websockets.http11 import Request

from bench.clock import Stamp, stamp, utc_now
from bench.errors import BenchBug, LinkDown, OperatorError
from bench.maeve.model import StationAuth
from bench.ports import LinkState, LinkStatus, Sink, StationOpened
from devices.ocpp.connection import PING_S, READ_SIZE, Connection
from devices.ocpp.handshake import VERSIONS, Refusal, allowed, station_of
from devices.ocpp.repeats import QUIET_S, Repeats
from devices.ocpp.tls import TlsServer, out_of_date
from devices.ocpp.tls_layer import TlsLayer

log = logging.getLogger(__name__)

MAX_HANDSHAKES = 64
"""Connections that have not finished their handshake; further ones are turned away."""

MAX_STATIONS = 1000
ENDS_SOON = timedelta(days=7)
"""Before the end of the server's certificate, it is told at the start."""

TOLD_IN_A_ROW = 5
"""Findings of one rule about one peer; further ones are not told until it was quiet."""

FIGHT = 3
"""Times in a row that a station's connection is replaced, from which on two stations may share its id."""

STOP_S = 2.0
NAME = "ocpp"


class Door(ABC):
    """Listens on ``/{station}`` and ``/ws/{station}``; implements :class:`bench.ports.StationServer` and what
    :class:`~devices.ocpp.connection.Connection` wants of its host. What comes of a station that was let in is the subclass's.

    stations_allowed: whether a station of that id may connect. subprotocols: what is spoken, best first.
    tls: for ``wss://``, or None. password_of: the password of a station, called on another thread; None where none is demanded.
    password_optional: a station without a password of ours is let in. registered: what a station must show that was registered with
    credentials of its own, which then counts alone; None for all others. ping_s: seconds between pings, and how long one may go
    unanswered.
    """

    def __init__(
        self,
        host: str,
        port: int,
        *,
        stations_allowed: Callable[[str], bool],
        subprotocols: Sequence[str] = ("ocpp2.1", "ocpp2.0.1", "ocpp1.6"),
        tls: TlsServer | None = None,
        password_of: Callable[[str], str | None] | None = None,
        password_optional: bool = False,
        registered: Callable[[str], StationAuth | None] = lambda station: None,
        ping_s: float = PING_S,
    ) -> None:
        unknown = [name for name in subprotocols if name not in VERSIONS]
        if unknown or not subprotocols:
            raise BenchBug(f"cannot speak the subprotocols {unknown}")
        self.subprotocols = tuple(subprotocols)
        self.ping_s = ping_s
        self._host = host
        self._port = port
        self._stations_allowed = stations_allowed
        self.password_of = password_of
        self.password_optional = password_optional
        self._registered = registered
        self._tls = tls
        self.sink: Sink
        self._server: asyncio.Server | None = None
        self.read_buffer = memoryview(bytearray(READ_SIZE))
        self._stopping = False
        self._connections: set[Connection] = set()
        self._handshakes = 0
        self._turned_away = False
        self._stations: dict[str, Connection] = {}
        self._reserved: set[Connection] = set()
        self._repeats = Repeats()
        self._empty = asyncio.Event()
        self._empty.set()

    @property
    def port(self) -> int:
        """As bound; before start as given."""
        return self._port

    @property
    def url(self) -> str:
        scheme = "wss" if self._tls is not None else "ws"
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"{scheme}://{host}:{self._port}"

    @property
    def stations(self) -> tuple[str, ...]:
        """Ids of the stations connected now."""
        return tuple(self._stations)

    # What comes of a station

    @abstractmethod
    def entered(self, connection: Connection, opened: StationOpened) -> None:
        """It was let in, and told so. Its frames come from now on."""
        ...

    @abstractmethod
    def heard(self, connection: Connection, data: bytes, at: Stamp, binary: bool) -> None:
        """A message of it."""
        ...

    @abstractmethod
    def left(self, station: str, connection: Connection, code: int, reason: str, at: Stamp) -> None:
        """Its connection ended, or another one of it took its place."""
        ...

    def writable(self, connection: Connection, ready: bool) -> None:  # noqa: B027  # most need not care
        """It reads too slowly, or took in what waited for it."""

    def prepare(self, connection: Connection, station: str, request: Request) -> asyncio.Task[str | Refusal] | None:
        """What must be done before it is let in: the subprotocol to speak, or why it is turned away."""
        return None

    def turned_away(self, connection: Connection) -> None:  # noqa: B027  # most have nothing to undo
        """Its handshake came to nothing."""

    def said_of_state(self) -> str:
        """What the link's detail says behind the number of stations."""
        return ""

    # bench.ports.StationServer

    async def start(self, sink: Sink) -> None:
        """Listen.

        Raises:
            OperatorError: the address cannot be listened on; says why and what to do.
        """
        if self._server is not None:
            raise BenchBug("the OCPP server is already started")
        self.sink = sink
        self._stopping = False
        try:
            self._server = await asyncio.get_running_loop().create_server(self._accept, self._host, self._port)
        except (OSError, OverflowError) as error:
            problem = self._cannot_listen(error)
            sink.link_changed(LinkStatus(NAME, LinkState.FAULTY, problem.what, problem.cure))
            raise problem from error
        self._port = self._server.sockets[0].getsockname()[1]
        self._tell_state()
        self._tell_dates()

    async def stop(self) -> None:
        """Stop listening, close every connection with code 1001 and wait, at most some seconds, until all are gone."""
        server, self._server = self._server, None
        if server is None:
            return
        self._stopping = True
        server.close()
        for connection in list(self._connections):
            connection.close(1001, "the bench stops")
        if not await self._all_gone():
            for connection in list(self._connections):
                connection.abort()
            if not await self._all_gone():
                log.error("%d OCPP connections did not end", len(self._connections))
        self.sink.link_changed(LinkStatus(NAME, LinkState.OFF, "stopped"))

    def send(self, station: str, data: bytes) -> Stamp:
        connection = self._stations.get(station)
        if connection is None:
            raise LinkDown(f"station {station} is not connected", "wait until it connects again, then repeat")
        return connection.send(data)

    def close(self, station: str, code: int = 1000, reason: str = "") -> None:
        """Close a station's connection; nothing happens when it is not connected."""
        connection = self._stations.get(station)
        if connection is not None:
            connection.close(code, reason)

    # devices.ocpp.connection.Host

    def arrived(self, connection: Connection) -> Refusal | None:
        self._connections.add(connection)
        self._empty.clear()
        self._handshakes += 1
        if self._handshakes <= MAX_HANDSHAKES and self._has_room and not self._stopping:
            return None
        full = Refusal(503, "ocpp.too-many-connections", "too many connections to this bench", "repeat a little later")
        if not self._turned_away and not self._stopping:  # told once until it is over: this is a flood
            self._turned_away = True
            self.finding(
                full.rule, "fail", f"connections are turned away, the last from {connection.peer}: {full.text}"
            )
        return full

    def admit(self, path: str) -> str | Refusal:
        station = station_of(path, self.url)
        if isinstance(station, Refusal):
            return station
        if self._registered(station) is not None:
            return station
        return allowed(station, self._stations_allowed) or station

    def registered(self, station: str) -> StationAuth | None:
        return self._registered(station)

    def opened(self, connection: Connection, offered: tuple[str, ...], user: str | None, at: Stamp) -> None:
        self._handshake_over(connection)
        before = self._stations.get(connection.station)
        if before is not None:
            self._replace(before, connection, at)
        self._stations[connection.station] = connection
        if user is not None and user != connection.station:
            self.finding(
                "ocpp.basic-auth-user",
                "info",
                f"station {connection.station} logs in as {user!r}; OCPP wants its own id as the user",
                "another CSMS may refuse it",
                who=connection.station,
            )
        name = connection.certificate_cn
        if name is not None and name != connection.station:
            self.finding(
                "ocpp.certificate-cn",
                "warn",
                f"the certificate of station {connection.station} is for {name!r}; its BootNotification must name that as its "
                "serial number (OCPP 2.0.1 A00.FR.405)",
                f"give the station a certificate for {connection.station}, if it is not its serial number",
                who=connection.station,
            )
        opening = StationOpened(
            connection.station,
            connection.version,
            connection.peer,
            offered,
            user,
            at,
            name,
            self._security_profile(connection.station),
            connection.tls_version,
        )
        self.entered(connection, opening)
        self._tell_state()

    def frame(self, connection: Connection, data: bytes, at: Stamp, binary: bool) -> None:
        if not connection.replaced:
            self.heard(connection, data, at, binary)

    def finding(self, rule: str, severity: str, text: str, cure: str = "", *, who: str = "") -> None:
        times = self._repeats.nth(rule, who) if who else 1
        if times == TOLD_IN_A_ROW:
            text += f" ({times} times in a row; not told again until it was quiet for {QUIET_S:.0f} s)"
        if times <= TOLD_IN_A_ROW:
            self.sink.finding(rule, severity, text, cure)

    def lost(self, connection: Connection) -> None:
        self._connections.discard(connection)
        if not self._connections:
            self._empty.set()
        if not connection.station:
            self._handshake_over(connection)
            self.turned_away(connection)
        elif not connection.replaced:
            self.left(connection.station, connection, *connection.closing, stamp())
            self._stations.pop(connection.station, None)
            if not self._stopping:
                self._tell_state()

    def reserve(self, connection: Connection) -> None:
        """A station that asked properly and is being prepared for: no more one of the few whose handshake is waited for."""
        self._handshake_over(connection)
        self._reserved.add(connection)

    def forget(self, connection: Connection) -> None:
        """A connection that is ending: nothing more of it is told."""
        if self._stations.get(connection.station) is connection:
            del self._stations[connection.station]
            connection.replaced = True
            if not self._stopping:
                self._tell_state()

    # Inside

    def _security_profile(self, station: str) -> int:
        """OCPP 2.0.1 A00: what was demanded of that station."""
        auth = self._registered(station)
        if auth is not None:
            return auth.ocpp_profile
        if self._tls is None:
            return 0 if self.password_of is None else 1
        return 3 if self._tls.station_ca else 2

    def _accept(self) -> asyncio.BufferedProtocol:
        connection = Connection(self)
        return connection if self._tls is None else TlsLayer(connection, self._tls)

    def _replace(self, before: Connection, connection: Connection, at: Stamp) -> None:
        """A station that connects again has lost its old connection, even if we have not noticed (OCPP-J practice)."""
        before.replaced = True
        reason = "replaced by a new connection of the same station"
        before.close(1000, reason)
        times = self._repeats.nth("ocpp.replaced", connection.station)
        if times == 1:
            self.finding(
                "ocpp.replaced",
                "info",
                f"station {connection.station} connected again from {connection.peer}; "
                f"its connection from {before.peer} was closed",
                "if two stations share this id, give each its own",
            )
        elif times == FIGHT:  # told once: each of the two comes back at once, for ever
            self.finding(
                "ocpp.shared-id",
                "warn",
                f"{times} times in a row a connection of station {connection.station} was replaced by another, the last from "
                f"{before.peer} by {connection.peer}; not told again until it was quiet for {QUIET_S:.0f} s",
                "two stations have the same id: give each its own; or the station opens a second connection",
            )
        self.left(connection.station, before, 1000, reason, at)

    @property
    def _has_room(self) -> bool:
        return len(self._stations) + len(self._reserved) < MAX_STATIONS

    def _handshake_over(self, connection: Connection) -> None:
        if connection in self._reserved:
            self._reserved.remove(connection)
            return
        self._handshakes -= 1
        if self._handshakes <= MAX_HANDSHAKES // 2:
            self._turned_away = False

    def _tell_dates(self) -> None:
        """Of our certificate, while there is still time to make another one."""
        if self._tls is None or self._tls.valid is None:
            return
        wrong, ends = out_of_date(self._tls), self._tls.valid[1]
        if wrong or ends - utc_now() < ENDS_SOON:
            self.finding(
                "ocpp.server-certificate-expired",
                "fail" if wrong else "warn",
                f"this bench's certificate {wrong or f'expires on {ends:%Y-%m-%d %H:%M} UTC'}",
                "make a new one: authbench certificates make FOLDER --force, and install its ca.pem in the stations",
            )

    def _tell_state(self) -> None:
        number = len(self._stations)
        detail = f"{self.url}, {number} station{'' if number == 1 else 's'}{self.said_of_state()}"
        self.sink.link_changed(LinkStatus(NAME, LinkState.UP, detail))

    async def _all_gone(self) -> bool:
        try:
            await asyncio.wait_for(self._empty.wait(), STOP_S)
        except TimeoutError:
            return False
        return True

    def _cannot_listen(self, error: OSError | OverflowError) -> OperatorError:
        where = f"{self._host}:{self._port}"
        if isinstance(error, OverflowError):
            return OperatorError(f"{self._port} is no port", "choose one from 1 to 65535 with --ocpp HOST:PORT")
        if isinstance(error, socket.gaierror):
            return OperatorError(f"the address {self._host} is not known", "give an IP address of this computer")
        if error.errno == errno.EADDRINUSE:
            return OperatorError(
                f"port {self._port} on {self._host} is in use by another program",
                "end that program, or choose another port with --ocpp HOST:PORT",
            )
        if error.errno == errno.EACCES:
            return OperatorError(f"this user may not listen on {where}", "choose a port above 1023")
        if error.errno in (errno.EADDRNOTAVAIL, None):  # asyncio of Python 3.13 gives no number for it
            return OperatorError(f"this computer has no address {self._host}", "use 127.0.0.1, 0.0.0.0 or one it has")
        return OperatorError(f"cannot listen on {where}: {error.strerror or error}", "choose another address or port")
