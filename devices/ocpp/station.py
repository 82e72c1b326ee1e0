"""The connection to a CSMS whose station the bench is: dials, dials again, and tells why it cannot."""

from __future__ import annotations

import asyncio
import ssl as tls
from collections import deque
from collections.abc import Iterator, Sequence

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from bench.clock import Stamp, stamp
from bench.errors import BenchBug, LinkDown
from bench.ports import CsmsSink, LinkState, LinkStatus
from bench.tasks import Tasks
from devices.ocpp.connection import PING_S
from devices.ocpp.dial import BROKEN, as_it_ended, basic_auth_header, dial, station_url
from devices.ocpp.handshake import VERSIONS, Refusal
from devices.supervisor import backoff

NAME = "csms"
RULES = "role.csms"
MAX_UNSENT = 1000
"""Messages that wait for a slow CSMS; then it counts as lost."""

_NAMES = {version: name for name, version in VERSIONS.items()}


class CsmsConnection:
    """Implements :class:`bench.ports.CsmsDialer`.

    url: ``ws://`` or ``wss://`` URL of the CSMS, to which ``/{identity}`` is added. versions: of OCPP, offered in this order.
    credentials: user and password of basic auth, or None. ssl: a client context for ``wss://``.
    """

    def __init__(
        self,
        url: str,
        identity: str,
        versions: Sequence[str],
        *,
        credentials: tuple[str, str] | None = None,
        ssl: tls.SSLContext | None = None,
        ping_s: float = PING_S,
        first_retry_s: float = 0.5,
    ) -> None:
        self._base = url.rstrip("/")
        self._identity = identity
        self._offered = [_NAMES[version] for version in versions]
        self._headers = {} if credentials is None else {"Authorization": basic_auth_header(*credentials)}
        self._ssl = ssl
        self._ping_s = ping_s
        self._first_retry_s = first_retry_s
        self._sink: CsmsSink
        self._tasks = Tasks()
        self._socket: ClientConnection | None = None
        self._unsent: deque[bytes | tuple[int, str]] = deque()
        self._filled = asyncio.Event()
        self._cause = ""

    # bench.ports.CsmsDialer

    @property
    def url(self) -> str:
        return station_url(self._base, self._identity)

    async def start(self, sink: CsmsSink) -> None:
        if len(self._tasks):
            raise BenchBug("the connection to the CSMS is already started")
        self._sink = sink
        sink.link_changed(LinkStatus(NAME, LinkState.CONNECTING, self.url))
        self._tasks.spawn(self._run(), name="dial CSMS as station")

    async def stop(self) -> None:
        if not len(self._tasks):
            return
        if self._socket is not None:
            await self._socket.close(1001, "the bench stops")
        await self._tasks.cancel()
        self._sink.link_changed(LinkStatus(NAME, LinkState.OFF, "stopped"))

    def send(self, data: bytes) -> Stamp:
        if self._socket is None:
            raise LinkDown("there is no connection to the CSMS", "wait until it is connected again, then repeat")
        if len(self._unsent) >= MAX_UNSENT:
            self._socket.transport.abort()
            raise LinkDown("the CSMS takes no more messages", "look at the CSMS and at the network to it")
        self._unsent.append(data)
        self._filled.set()
        return stamp()

    def hang_up(self, code: int = 1000, reason: str = "") -> None:
        self._unsent.append((code, reason))  # after the answer that was just given
        self._filled.set()

    # Inside

    async def _run(self) -> None:
        delays = self._delays()
        while True:
            found = await dial(
                self._base,
                self._identity,
                self._offered,
                self._headers,
                self._ssl,
                ping_s=self._ping_s,
                rules=RULES,
            )
            if isinstance(found, Refusal):
                self._tell(found)
            elif await self._serve(found):
                delays = self._delays()
            await asyncio.sleep(next(delays))

    def _delays(self) -> Iterator[float]:
        return backoff(self._first_retry_s)

    def _tell(self, refusal: Refusal) -> None:
        """Every cause is a finding, once in a row: a CSMS that is off for the night is not told thousands of times."""
        self._sink.link_changed(LinkStatus(NAME, LinkState.FAULTY, refusal.text, refusal.cure))
        if refusal.text != self._cause:
            self._cause = refusal.text
            self._sink.finding(refusal.rule, "fail", refusal.text, refusal.cure)

    async def _serve(self, socket: ClientConnection) -> bool:
        """One connection to its end; True when the CSMS said anything on it."""
        assert socket.subprotocol is not None
        self._cause = ""
        self._socket, self._unsent = socket, deque()
        self._filled.clear()
        writer = self._tasks.spawn(self._write(socket), name="write to CSMS")
        code, reason, heard = BROKEN, "the connection broke off", False
        self._sink.csms_opened(VERSIONS[socket.subprotocol], stamp())
        try:
            while True:
                message = await socket.recv()
                heard = True
                self._sink.csms_frame(message.encode() if isinstance(message, str) else message, stamp())
        except ConnectionClosed as closed:
            code, reason = as_it_ended(closed)
        finally:
            self._socket = None
            writer.cancel()
            if code == BROKEN:
                socket.transport.abort()
            self._sink.csms_closed(code, reason, stamp())
        ended = "was lost" if code == BROKEN else f"ended with code {code}"
        said = f"the connection {ended}{': ' + reason if reason else ''}"
        self._sink.link_changed(LinkStatus(NAME, LinkState.CONNECTING, f"{self.url}: {said}"))
        return heard

    async def _write(self, socket: ClientConnection) -> None:
        try:
            while True:
                await self._filled.wait()
                while self._unsent:
                    item = self._unsent.popleft()
                    if isinstance(item, tuple):
                        await socket.close(*item)
                        return
                    await socket.send(item, text=True)
                self._filled.clear()
        except ConnectionClosed:
            pass  # its reader tells
