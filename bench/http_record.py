"""HTTP as the journal keeps it: request and response as bytes of HTTP/1.1 (RFC 9112), credentials already replaced by dots.

Served and asked alike. Nothing of the values of ``Authorization`` and its like is ever recorded; passwords and tokens in JSON
bodies are masked where they are shown, like those of every other link.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import orjson

from bench.clock import Stamp
from bench.exchange import MASK
from bench.journal.log import Journal
from bench.message import Decoded, Direction, Fault, Link, Malformed, Message

MAX_BODY_KEPT = 256 * 1024
"""Bytes of a body that the journal keeps; of a longer one ``meta`` tells the length."""

NO_JSON = "http.json"
"""Rule of the fault of a body that is no JSON."""

CREDENTIALS = frozenset(
    ("authorization", "proxy-authorization", "cookie", "set-cookie", "x-api-key", "ocp-apim-subscription-key")
)
"""Names of headers whose values are not recorded, in lower case."""

Headers = tuple[tuple[str, str], ...]
ReadBody = Callable[[int, bytes], tuple[Any, tuple[Fault, ...], bytes]]
"""Reads the body of a response, given its status: what it holds, what is wrong with it, and the bytes to keep, without secrets."""


@dataclass(frozen=True, slots=True)
class HttpAsked:
    """A request. target: path and query. body: what its JSON holds, None where there is none or it is no JSON."""

    method: str
    target: str
    body: Any = None


@dataclass(frozen=True, slots=True)
class HttpSaid:
    """A response; body as in :class:`HttpAsked`."""

    status: int
    body: Any = None


@dataclass(frozen=True, slots=True)
class HttpExchange:
    """One request and its response, as they are journaled.

    link: MAEVE, OCPI, ... channel: the other side, ``host:port``. id: ties the response to its request. asked: the direction of the
    request: OUT for a client. action: what it is in words of its API (an operationId), for the name column; method and path if
    empty.
    """

    journal: Journal
    link: Link
    channel: str
    id: str
    asked: Direction
    action: str = ""

    def request(self, method: str, target: str, headers: Iterable[tuple[str, str]], body: bytes, at: Stamp) -> Message:
        """Journal the request."""
        tree, faults = _json(body)
        name = self.action or f"{method} {target.partition('?')[0]}"
        asked = _body(HttpAsked(method, target, tree), faults)
        decoded = Decoded("request", name, self.id, asked, faults, f"{method} {target}")
        return self._append(self.asked, f"{method} {target} HTTP/1.1", headers, body, decoded, at)

    def response(
        self,
        name: str,
        status: int,
        headers: Iterable[tuple[str, str]],
        body: bytes,
        at: Stamp,
        read: ReadBody | None = None,
    ) -> Message:
        """Journal the response. name: of its request. read: a codec for its body, None for plain JSON."""
        tree, faults, kept = (*_json(body), body) if read is None else read(status, body)
        said = f"{status} {phrase(status)}".rstrip()
        decoded = Decoded("response", name, self.id, _body(HttpSaid(status, tree), faults), faults, said)
        other = Direction.OUT if self.asked is Direction.IN else Direction.IN
        return self._append(other, f"HTTP/1.1 {said}", headers, kept, decoded, at)

    def failed(self, name: str, why: str, at: Stamp) -> Message:
        """Journal that no response came."""
        decoded = Decoded("link", name, None, {"detail": why}, (), why)
        return self.journal.append(self.link, self.asked, self.channel, b"", decoded, at)

    def _append(
        self, way: Direction, start: str, headers: Iterable[tuple[str, str]], body: bytes, decoded: Decoded, at: Stamp
    ) -> Message:
        lines = [start, *(f"{name}: {MASK if name.lower() in CREDENTIALS else value}" for name, value in headers)]
        head = "\r\n".join(_one_line(line) for line in lines)
        raw = head.encode("utf-8", "replace") + b"\r\n\r\n" + body[:MAX_BODY_KEPT]
        meta = {"note": f"the first {MAX_BODY_KEPT} of {len(body)} bytes"} if len(body) > MAX_BODY_KEPT else None
        return self.journal.append(self.link, way, self.channel, raw, decoded, at, meta)


def phrase(status: int) -> str:
    """``Not Found`` of 404; empty for a number that has none."""
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""


def reread(kind: str, raw: bytes) -> HttpAsked | HttpSaid | Malformed | None:
    """The body that the message of a capture had, from its bytes; None where they are no HTTP message of that kind."""
    head, _, body = raw.partition(b"\r\n\r\n")
    words = head.partition(b"\r\n")[0].decode("utf-8", "replace").split(" ", 2)
    tree, faults = _json(body)
    match kind, words:
        case "request", [method, target, _]:
            return _body(HttpAsked(method, target, tree), faults)
        case "response", [_, status, *_] if status.isascii() and status.isdecimal():
            return _body(HttpSaid(int(status), tree), faults)
    return None


def _body(read: HttpAsked | HttpSaid, faults: tuple[Fault, ...]) -> HttpAsked | HttpSaid | Malformed:
    """A body that nobody could read hides its secrets by their names only, as malformed messages do."""
    unreadable = next((fault for fault in faults if fault.rule == NO_JSON), None)
    return read if unreadable is None else Malformed(unreadable.text, unreadable.where)


def _json(body: bytes) -> tuple[Any, tuple[Fault, ...]]:
    if not body:
        return None, ()
    try:
        return orjson.loads(body), ()
    except orjson.JSONDecodeError as error:
        return None, (Fault(NO_JSON, f"the body is no JSON: {error}"),)


def _one_line(text: str) -> str:
    return text.replace("\r", " ").replace("\n", " ")
