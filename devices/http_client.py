"""HTTP requests of the bench to other systems: journaled before they are acted on, bounded in time and size.

Redirects are followed only for GET and only on the same host; proxies of the environment are not used, so that what is tested is
the link itself.
"""

from __future__ import annotations

import asyncio
import json
import ssl
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import httpx
import orjson

from bench.clock import Clock
from bench.errors import BadInput, LinkDown, OperatorError
from bench.http_record import Headers, HttpExchange, ReadBody
from bench.journal.log import Journal
from bench.message import Direction, Link

LIMIT_S = 10.0
MAX_BODY = 4 * 1024 * 1024
MAX_REDIRECTS = 3
MAX_URL = 2048
MAX_CODING = 40
_REDIRECTS = frozenset((301, 302, 303, 307, 308))


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """A response. seq: its number in the journal. url: that answered, after redirects."""

    status: int
    headers: Headers
    body: bytes
    seq: int
    url: str

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300

    def json(self) -> object:
        """What the body holds; None where it is empty.

        Raises:
            OperatorError: it is no JSON.
        """
        if not self.body.strip():
            return None
        try:
            return orjson.loads(self.body)
        except orjson.JSONDecodeError as error:
            raise OperatorError(
                f"{self.url} answered something that is no JSON ({error})", "look whether the URL is that of the API"
            ) from error


class HttpClient:
    """Asks one kind of system. link: under which its messages stand in the journal.

    ca_file: PEM file of the CA that the other side's certificate comes from, None for those this computer trusts. limit_s: for a
    request with all its redirects. max_body: bytes of an answer.
    """

    def __init__(
        self,
        journal: Journal,
        link: Link,
        clock: Clock,
        *,
        ca_file: Path | None = None,
        limit_s: float = LIMIT_S,
        max_body: int = MAX_BODY,
    ) -> None:
        self._journal = journal
        self._link = link
        self._clock = clock
        self._limit_s = limit_s
        self._max_body = max_body
        self._client = httpx.AsyncClient(
            verify=_trust(ca_file),
            follow_redirects=False,
            trust_env=False,
            timeout=None,  # one limit for all: see ask
            limits=httpx.Limits(max_connections=8, max_keepalive_connections=2),
        )

    async def close(self) -> None:
        """End its connections."""
        await self._client.aclose()

    async def ask(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        json_body: object = None,
        action: str = "",
        read: ReadBody | None = None,
    ) -> HttpAnswer:
        """One request and its answer, whatever its status. action: the operation's name, for the journal. read: a codec for the
        answer's body as the journal shows it, None for plain JSON.

        Raises:
            BadInput: no URL of HTTP. LinkDown: not reachable, or it ended the connection. OperatorError: it did not answer in time,
                sent too much or packed, or sends the bench elsewhere.
        """
        at = _checked(url)
        try:
            async with asyncio.timeout(self._limit_s):
                for _ in range(MAX_REDIRECTS + 1):
                    answer = await self._once(method, at, headers or {}, json_body, action, read)
                    if method != "GET" or answer.status not in _REDIRECTS:
                        return answer
                    at = _elsewhere(at, answer)
        except TimeoutError:
            raise OperatorError(
                f"{_place(at)} did not answer within {self._limit_s:g} s", "look whether it runs, and at the network"
            ) from None
        raise OperatorError(f"{_place(at)} redirects again and again", "correct the URL")

    async def _once(
        self,
        method: str,
        url: httpx.URL,
        headers: Mapping[str, str],
        json_body: object,
        action: str,
        read: ReadBody | None,
    ) -> HttpAnswer:
        request_id = str(uuid.uuid4())
        content = b"" if json_body is None else _bytes(json_body)
        # Nothing packed: a few bytes of it, packed twice, become more than there is memory.
        plain = {"Accept": "application/json", "Accept-Encoding": "identity"}
        sent = {**plain, "X-Request-ID": request_id, **headers}
        if content:
            sent["Content-Type"] = "application/json"
        try:
            request = self._client.build_request(method, url, headers=sent, content=content or None)
        except (ValueError, TypeError) as error:  # a header that cannot stand in HTTP; its value may be a secret
            raise BadInput(
                "the request cannot be written as HTTP", "use printable ASCII in tokens and names"
            ) from error
        exchange = HttpExchange(self._journal, self._link, _place(url), request_id, Direction.OUT, action)
        target = url.raw_path.decode("ascii")
        name = exchange.request(method, target, request.headers.items(), content, self._clock.stamp()).decoded.name
        try:
            return await self._send(request, exchange, name, read)
        except asyncio.CancelledError:  # the time limit of ask, or the end of the bench
            exchange.failed(name, "given up before an answer came", self._clock.stamp())
            raise
        except (httpx.HTTPError, OSError, OperatorError) as error:
            problem = error if isinstance(error, OperatorError) else _explain(url, error)
            exchange.failed(name, problem.what, self._clock.stamp())
            raise problem from error

    async def _send(
        self, request: httpx.Request, exchange: HttpExchange, name: str, read: ReadBody | None
    ) -> HttpAnswer:
        response = await self._client.send(request, stream=True)
        try:
            packed = response.headers.get("Content-Encoding", "identity")
            if packed.strip().lower() != "identity":
                raise OperatorError(
                    f"{_place(request.url)} packed its answer ({packed[:MAX_CODING]}) though it was asked not to",
                    "have it, or the proxy before it, send plain answers",
                )
            body = bytearray()
            async for piece in response.aiter_raw():
                body += piece
                if len(body) > self._max_body:
                    raise OperatorError(
                        f"{_place(request.url)} answered more than {self._max_body} bytes", "ask for less at once"
                    )
        finally:
            await response.aclose()
        got = bytes(body)
        headers = tuple(response.headers.items())
        message = exchange.response(name, response.status_code, headers, got, self._clock.stamp(), read)
        return HttpAnswer(response.status_code, headers, got, message.seq, str(request.url))


def _trust(ca_file: Path | None) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=None if ca_file is None else str(ca_file))
    except (OSError, ssl.SSLError) as error:
        raise OperatorError(f"the CA file {ca_file} cannot be used: {error}", "name a PEM file") from error


def _checked(url: str) -> httpx.URL:
    if len(url) > MAX_URL:
        raise BadInput(f"the URL has {len(url)} characters", f"up to {MAX_URL} are possible")
    try:
        made = httpx.URL(url)
    except (httpx.InvalidURL, ValueError) as error:
        raise BadInput("the URL cannot be read", "write it as http://host:port/path") from error
    if made.scheme not in ("http", "https") or not made.host:
        raise BadInput("only URLs of http:// and https:// can be asked", "write it as http://host:port/path")
    if made.userinfo:
        raise BadInput("a URL must not hold a password", "leave out what stands before the @")
    return made


def _elsewhere(url: httpx.URL, answer: HttpAnswer) -> httpx.URL:
    """Where a redirect leads, if that is on the same host: credentials go nowhere else."""
    said = next((value for name, value in answer.headers if name.lower() == "location"), "")
    try:
        new = url.join(said)
    except (httpx.InvalidURL, ValueError) as error:
        raise OperatorError(f"{_place(url)} redirects to what is no URL", "correct the URL") from error
    if not said or (new.scheme, new.host, new.port) != (url.scheme, url.host, url.port):
        raise OperatorError(
            f"{_place(url)} redirects to {_place(new)}: not followed, for credentials would go there",
            "give the URL of the system itself",
        )
    return new


def _place(url: httpx.URL) -> str:
    port = url.port or (443 if url.scheme == "https" else 80)
    return f"[{url.host}]:{port}" if ":" in url.host else f"{url.host}:{port}"


def _explain(url: httpx.URL, error: Exception) -> OperatorError:
    place = _place(url)
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, ssl.SSLError):
        cause = cause.__cause__ or cause.__context__
    if isinstance(cause, ssl.SSLCertVerificationError):
        return LinkDown(
            f"the certificate of {place} is not trusted: {cause.verify_message}",
            "name the file of its CA, or correct it",
        )
    if isinstance(cause, ssl.SSLError):
        return LinkDown(f"no TLS with {place}: {cause.reason or cause}", "look whether it speaks https:// on that port")
    if isinstance(error, httpx.ConnectError):
        return LinkDown(f"{place} cannot be reached: {error}", "look whether it runs, and at its address")
    return LinkDown(f"the connection to {place} broke: {error or type(error).__name__}", "try again; look at its log")


def _bytes(value: object) -> bytes:
    try:
        return orjson.dumps(value)
    except TypeError:
        return json.dumps(value, default=str).encode()
