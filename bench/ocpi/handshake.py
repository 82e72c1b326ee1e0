"""The registration handshake as the side that asks: GET versions, GET version details, POST credentials (OCPI 2.2, Credentials)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import urlsplit

from bench.errors import BadInput, OperatorError
from bench.ocpi.model import (
    MAX_URL,
    VERSION,
    Code,
    Credentials,
    authorization,
    credentials_of,
)

MAX_LISTED = 100
UNAUTHORIZED = 401


class PeerProblem(OperatorError):
    """The other party cannot be registered with. code: that OCPI has for it."""

    def __init__(self, code: Code, what: str, cure: str = "") -> None:
        super().__init__(what, cure)
        self.code = code


class Answer(Protocol):
    @property
    def status(self) -> int: ...

    def json(self) -> object: ...


class Http(Protocol):
    """Asks other systems; raises OperatorError where no answer comes."""

    async def ask(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        json_body: object = None,
        action: str = "",
    ) -> Answer: ...


@dataclass(frozen=True, slots=True)
class Found:
    """Where a party takes credentials. encoded: it wants tokens in base64."""

    credentials_url: str
    encoded: bool


async def look(http: Http, versions_url: str, token: str) -> Found:
    """Find a party's credentials endpoint of OCPI 2.2. The token is shown in base64, as it is where that is answered 401.

    Raises:
        PeerProblem: it cannot be reached or used, speaks no 2.2, has no such endpoint, or names one on another host.
    """
    encoded = True
    answer = await _ask(http, "GET", versions_url, token, encoded, "OCPI versions")
    if answer.status == UNAUTHORIZED:
        encoded = False
        answer = await _ask(http, "GET", versions_url, token, encoded, "OCPI versions")
    versions = _data(answer, versions_url)
    details_url = _find(versions, "version", VERSION)
    if details_url is None:
        raise PeerProblem(
            Code.NO_COMMON_VERSION, f"{versions_url} offers no OCPI {VERSION}", "ask its operator for one that does"
        )
    _check_host(versions_url, details_url)
    details = _data(await _ask(http, "GET", details_url, token, encoded, "OCPI version details"), details_url)
    endpoints = details.get("endpoints") if isinstance(details, Mapping) else None
    url = _find(endpoints, "identifier", "credentials")
    if url is None:
        raise PeerProblem(Code.NO_ENDPOINTS, f"{details_url} names no credentials endpoint", "it is needed to register")
    _check_host(versions_url, url)
    return Found(url, encoded)


async def introduce(http: Http, found: Found, token: str, ours: Credentials) -> Credentials:
    """POST our credentials; the party's, with the token to use from now on.

    Raises:
        PeerProblem: it refuses, or answers something else.
    """
    answer = await _ask(http, "POST", found.credentials_url, token, found.encoded, "OCPI credentials", ours.json())
    try:
        return credentials_of(_data(answer, found.credentials_url))
    except BadInput as error:
        raise PeerProblem(
            Code.CANNOT_USE_API, f"{found.credentials_url} answered credentials that are wrong: {error.what}"
        ) from error


async def _ask(
    http: Http, method: str, url: str, token: str, encoded: bool, action: str, body: object = None
) -> Answer:
    try:
        return await http.ask(
            method,
            url,
            headers={"Authorization": authorization(token, encoded=encoded)},
            json_body=body,
            action=action,
        )
    except OperatorError as error:
        raise PeerProblem(Code.CANNOT_USE_API, error.what, error.cure) from error


def _check_host(versions_url: str, url: str) -> None:
    """A party names further URLs itself: were any followed, it could have the bench ask whatever this computer can reach, and
    send the token there.
    """
    if _host(url) != _host(versions_url):
        raise PeerProblem(
            Code.CANNOT_USE_API,
            f"{versions_url} sends the bench to another host, {url[:MAX_URL]}: not followed, for the token would go there",
            "let it name its endpoints on the host of its versions",
        )


def _host(url: str) -> str | None:
    try:
        return urlsplit(url).hostname
    except ValueError:
        return None


def _data(answer: Answer, url: str) -> object:
    """What an OCPI envelope carries (OCPI 2.2, Response format)."""
    if not 200 <= answer.status < 300:
        raise PeerProblem(
            Code.CANNOT_USE_API, f"{url} answered HTTP {answer.status}", "look whether it knows the token"
        )
    try:
        envelope = answer.json()
    except OperatorError as error:
        raise PeerProblem(Code.CANNOT_USE_API, error.what, error.cure) from error
    code = envelope.get("status_code") if isinstance(envelope, Mapping) else None
    if not isinstance(envelope, Mapping) or not isinstance(code, int):
        raise PeerProblem(
            Code.CANNOT_USE_API, f"{url} answered no OCPI response", "look whether the URL is that of its versions"
        )
    if not 1000 <= code < 2000:
        said = str(envelope.get("status_message") or "")[:200]
        raise PeerProblem(Code.CANNOT_USE_API, f"{url} answered OCPI status {code} {said}".rstrip())
    return envelope.get("data")


def _find(entries: object, name: str, wanted: str) -> str | None:
    """The URL of the entry whose ``name`` is ``wanted``."""
    for entry in entries[:MAX_LISTED] if isinstance(entries, list) else ():
        if isinstance(entry, Mapping) and entry.get(name) == wanted and isinstance(entry.get("url"), str):
            return str(entry["url"])
    return None
