"""The door of the API: who may ask, how much, and for how long. Plain ASGI, before any framework sees a request."""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import secrets
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any

from devices.api.jsonio import is_ocpi, refusal

log = logging.getLogger(__name__)

Scope = MutableMapping[str, Any]
Event = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Event]]
Send = Callable[[Event], Awaitable[None]]
AsgiApp = Callable[[Scope, Receive, Send], Awaitable[None]]

MAX_BODY = 2 * 1024 * 1024
MAX_OCPI_BODY = 64 * 1024
"""Of OCPI, where whoever reaches the address may ask: it is read, and journaled, before the token is looked at."""
MAX_REQUESTS = 64
BODY_S = 30.0


@dataclass(frozen=True, slots=True)
class Access:
    """loopback: the server is bound to this computer alone. token: the bearer token to demand, or None."""

    loopback: bool
    token: str | None


class _Refused(Exception):
    def __init__(self, status: int, error: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(error)
        self.status = status
        self.error = error
        self.headers = headers


class Guard:
    """Lets requests through to ``app``, body read and bounded; ends those under way when the server stops."""

    def __init__(self, app: AsgiApp, access: Access) -> None:
        self._app = app
        self._access = access
        self._running: set[asyncio.Task[Any]] = set()
        self._stopping = False

    def stop(self) -> None:
        """Answer every request under way, and those to come, with 503."""
        self._stopping = True
        for task in self._running:
            task.cancel()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        task = asyncio.current_task()
        assert task is not None
        started = False

        async def watched(event: Event) -> None:
            nonlocal started
            started = True
            await send(event)

        problem: _Refused | None = None
        self._running.add(task)
        try:
            self._admit(scope)
            body = await _read_body(scope, receive)
            await self._app(_as_json(scope), replay(body, receive), watched)
        except _Refused as refused:
            problem = refused
        except asyncio.CancelledError:
            if not self._stopping:
                raise
            task.uncancel()
            problem = _Refused(503, "the bench is shutting down")
        except Exception:
            log.exception("the API failed on %s %s", scope["method"], scope["path"])
            problem = _Refused(500, "a fault in the bench itself; its log tells more")
        finally:
            self._running.discard(task)
        if problem is not None and not started:
            await refusal(problem.status, problem.error, problem.headers, path=scope["path"])(scope, receive, send)

    def _admit(self, scope: Scope) -> None:
        if self._stopping:
            raise _Refused(503, "the bench is shutting down")
        if len(self._running) > MAX_REQUESTS:
            raise _Refused(503, f"more than {MAX_REQUESTS} requests are under way", {"Retry-After": "1"})
        # A web page the operator happens to visit can reach this computer too; browsers name where it came from.
        host = _one(scope, b"host")
        if self._access.loopback and not is_loopback_name(_without_port(host)):
            raise _Refused(403, "the Host header does not name this computer; use 127.0.0.1 or localhost")
        origins = _all(scope, b"origin")
        if origins and origins != [f"http://{host}"]:
            raise _Refused(403, "requests of other web pages are refused")
        # Parties of OCPI have tokens of their own, which every route of theirs demands.
        if self._access.token is not None and not is_ocpi(scope["path"]):
            given = _all(scope, b"authorization")
            scheme, _, token = given[0].partition(" ") if len(given) == 1 else ("", "", "")
            same = secrets.compare_digest(token.strip().encode("latin-1"), self._access.token.encode())
            if scheme.lower() != "bearer" or not same:
                raise _Refused(401, "this API needs its bearer token", {"WWW-Authenticate": "Bearer"})


def is_loopback_name(host: str) -> bool:
    """Whether a host name or address can only mean this computer."""
    if host.lower().rstrip(".") == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


async def _read_body(scope: Scope, receive: Receive) -> bytes:
    limit = MAX_OCPI_BODY if is_ocpi(scope["path"]) else MAX_BODY
    too_large = _Refused(413, f"the body is larger than {limit} bytes")
    length = _one(scope, b"content-length")
    if length.isdigit() and int(length) > limit:
        raise too_large
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_S):
            while True:
                event = await receive()
                if event["type"] == "http.disconnect":
                    raise _Refused(400, "the request was cut off")
                body += event.get("body", b"")
                if len(body) > limit:
                    raise too_large
                if not event.get("more_body", False):
                    return bytes(body)
    except TimeoutError:
        raise _Refused(408, f"the body did not arrive within {BODY_S:.0f} s", {"Connection": "close"}) from None


def replay(body: bytes, receive: Receive) -> Receive:
    """The body at once, then whatever follows it."""
    told = False

    async def next_event() -> Event:
        nonlocal told
        if told:
            return await receive()
        told = True
        return {"type": "http.request", "body": body, "more_body": False}

    return next_event


def _as_json(scope: Scope) -> Scope:
    """Bodies are JSON here whatever a client calls them (curl says form, some say nothing)."""
    headers = [(name, value) for name, value in scope["headers"] if name != b"content-type"]
    return {**scope, "headers": [*headers, (b"content-type", b"application/json")]}


def _all(scope: Scope, name: bytes) -> list[str]:
    return [value.decode("latin-1") for key, value in scope["headers"] if key == name]


def _one(scope: Scope, name: bytes) -> str:
    """The value of a header that may occur once; empty when absent or repeated."""
    found = _all(scope, name)
    return found[0].strip() if len(found) == 1 else ""


def _without_port(host: str) -> str:
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0]
