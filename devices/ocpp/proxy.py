"""The OCPP proxy's door: a station connects here, and the bench dials its CSMS for it (OCPP-J 1.6, OCPP 2.0.1 and 2.1 Part 4).

The CSMS is dialled first, so that the station gets the subprotocol which that one chose, or the reason why there is none.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable

from websockets.asyncio.client import ClientConnection
from websockets.http11 import Request

from bench.clock import Stamp, stamp
from bench.ports import Sink, StationOpened
from bench.proxy_desk import ProxyDesk
from bench.tasks import Tasks
from devices.ocpp import basic_auth
from devices.ocpp.connection import PING_S, Connection
from devices.ocpp.dial import dial
from devices.ocpp.door import Door
from devices.ocpp.handshake import VERSIONS, Refusal, offered_by
from devices.ocpp.proxy_line import FLUSH_S, Line
from devices.ocpp.tls import TlsServer


class ProxyServer(Door):
    """Passes stations on to a CSMS, their credentials included.

    upstream: ``ws://`` or ``wss://`` URL of the CSMS, to which ``/{station}`` is added. desk: what becomes of their messages.
    upstream_ssl: a client context for a ``wss://`` CSMS; None = the system's trust. password_of: passwords to be checked at this
    door; of a station that has none here, its CSMS is the judge. The others: :class:`Door`.
    """

    def __init__(
        self,
        host: str,
        port: int,
        upstream: str,
        desk: ProxyDesk,
        *,
        stations_allowed: Callable[[str], bool],
        tls: TlsServer | None = None,
        upstream_ssl: ssl.SSLContext | None = None,
        password_of: Callable[[str], str | None] | None = None,
        ping_s: float = PING_S,
    ) -> None:
        super().__init__(
            host,
            port,
            stations_allowed=stations_allowed,
            tls=tls,
            password_of=password_of,
            password_optional=True,
            ping_s=ping_s,
        )
        self.upstream = upstream.rstrip("/")
        self.desk = desk
        self._upstream_ssl = upstream_ssl
        self._dials = Tasks()
        self._dialled: dict[Connection, ClientConnection] = {}
        self._lines: dict[Connection, Line] = {}
        self._running = Tasks()

    # bench.ports.StationServer

    async def start(self, sink: Sink) -> None:
        """Listen.

        Raises:
            OperatorError: the address cannot be listened on.
        """
        self.desk.start(sink)
        await super().start(sink)

    async def stop(self) -> None:
        """Stop listening; both sides of every connection are closed with code 1001."""
        await self._dials.cancel()
        for line in list(self._lines.values()):
            line.end(1001, "the bench stops")
        await super().stop()
        await self._running.wait(FLUSH_S)
        await self._running.cancel()

    def send(self, station: str, data: bytes) -> Stamp:
        """A message of the bench itself. The answer to a call among them comes to the bench and not to the CSMS."""
        return self.desk.send(station, data)

    def close(self, station: str, code: int = 1000, reason: str = "") -> None:
        """Close both sides of a station's connection; nothing happens when it is not connected."""
        for line in list(self._lines.values()):
            if line.station == station:
                line.end(code, reason)

    # devices.ocpp.door.Door

    def prepare(self, connection: Connection, station: str, request: Request) -> asyncio.Task[str | Refusal]:
        self.reserve(connection)
        return self._dials.spawn(self._dial(connection, station, request), name="dial CSMS")

    def turned_away(self, connection: Connection) -> None:
        """The CSMS need not wait for a station whose handshake was not completed."""
        upstream = self._dialled.pop(connection, None)
        if upstream is not None:
            upstream.transport.abort()

    def entered(self, connection: Connection, opened: StationOpened) -> None:
        line = Line(connection, self._dialled.pop(connection), self.desk, self._over)
        self._lines[connection] = line
        self.desk.opened(opened.station, opened.version, line)
        self.sink.station_opened(opened)
        self._running.spawn(line.run(), name=f"proxy {opened.station}")

    def heard(self, connection: Connection, data: bytes, at: Stamp, binary: bool) -> None:
        self._lines[connection].heard(data, at, binary)

    def writable(self, connection: Connection, ready: bool) -> None:
        line = self._lines.get(connection)
        if line is not None:
            line.station_ready(ready)

    def left(self, station: str, connection: Connection, code: int, reason: str, at: Stamp) -> None:
        self._lines[connection].station_ended(code, reason)

    def said_of_state(self) -> str:
        return f", passed on to {self.upstream}"

    # Inside

    async def _dial(self, connection: Connection, station: str, request: Request) -> str | Refusal:
        # Only versions that can be read here: the CSMS chooses among them.
        names = [name for name in offered_by(request.headers) if name in VERSIONS]
        credentials = request.headers.get_all("Authorization")
        if (
            credentials and not credentials[0].isascii()
        ):  # it cannot be said again, and would be taken for a fault of the CSMS
            return basic_auth.MALFORMED
        headers = {"Authorization": credentials[0]} if credentials else {}
        found = await dial(
            self.upstream, station, names, headers, self._upstream_ssl, ping_s=self.ping_s, rules="proxy.upstream"
        )
        if isinstance(found, Refusal):
            return found
        self._dialled[connection] = found
        return str(found.subprotocol)

    def _over(self, line: Line, code: int, reason: str) -> None:
        """Either side of a line ended."""
        del self._lines[line.connection]
        self.sink.station_closed(line.station, code, reason, stamp())
        self.forget(line.connection)
