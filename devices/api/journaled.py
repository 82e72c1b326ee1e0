"""Every request to the MaEVe API and to OCPI, and its response, in the journal: before it is acted on, before it is sent.

Inside the guard: what that refuses (no token, too large, not of this computer) never comes here.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import count
from typing import TYPE_CHECKING

from bench.exchange import MASK
from bench.http_record import HttpExchange
from bench.message import Direction, Link
from bench.tokens.model import IdTokenType
from devices.api.guard import AsgiApp, Event, Receive, Scope, Send, replay
from devices.api.jsonio import is_ocpi

if TYPE_CHECKING:
    from bench.session import Session

_MAEVE = "/api/v0/"
_TOKEN = f"{_MAEVE}token/"


class Journaled:
    """An ASGI application whose exchanges with MaEVe clients and OCPI parties are journaled. channel: the client's address."""

    def __init__(self, app: AsgiApp, session: Session) -> None:
        self._app = app
        self._session = session
        self._numbers = count(1)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "")
        link = Link.MAEVE if path.startswith(_MAEVE) else Link.OCPI if is_ocpi(path) else None
        if scope["type"] != "http" or link is None:
            await self._app(scope, receive, send)
            return
        journal, clock = self._session.journal, self._session.clock
        client = scope.get("client")
        who = str(client[0]) if client else "unknown"
        exchange = HttpExchange(journal, link, who, f"served-{next(self._numbers)}", Direction.IN)
        body = await _whole(receive)
        headers = _headers(scope["headers"])
        asked = exchange.request(scope["method"], self._target(scope), headers, body, clock.stamp())
        response = _Response()

        async def told(event: Event) -> None:
            if response.heard(event):
                exchange.response(
                    asked.decoded.name, response.status, response.headers, bytes(response.body), clock.stamp()
                )
            await send(event)

        try:
            await self._app(scope, replay(body, receive), told)
        except BaseException:
            exchange.failed(asked.decoded.name, "not answered: a fault in the bench, or its end", clock.stamp())
            raise

    def _target(self, scope: Scope) -> str:
        """Path and query as they came; the uid of a key code is hidden (OCPP 2.0.1 C04.FR.04)."""
        raw = scope.get("raw_path") or scope["path"].encode()
        target = str(raw.decode("latin-1"))
        path = scope["path"]  # decoded: as it is routed, however it is spelled
        if path.startswith(_TOKEN) and self._session.store.get(path.removeprefix(_TOKEN), IdTokenType.KEY_CODE):
            return _TOKEN + MASK
        query = scope.get("query_string", b"")
        return f"{target}?{query.decode('latin-1')}" if query else target


class _Response:
    """A response as its parts come."""

    def __init__(self) -> None:
        self.status = 0
        self.headers: tuple[tuple[str, str], ...] = ()
        self.body = bytearray()

    def heard(self, event: Event) -> bool:
        """True with its last part."""
        if event["type"] == "http.response.start":
            self.status, self.headers = event["status"], _headers(event.get("headers", ()))
        elif event["type"] == "http.response.body":
            self.body += event.get("body", b"")
            return not event.get("more_body", False)
        return False


async def _whole(receive: Receive) -> bytes:
    """The body, which the guard has bounded."""
    body = bytearray()
    while True:
        event = await receive()
        body += event.get("body", b"")
        if event["type"] != "http.request" or not event.get("more_body", False):
            return bytes(body)


def _headers(raw: Iterable[tuple[bytes, bytes]]) -> tuple[tuple[str, str], ...]:
    return tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in raw)
