"""A MaEVe CSMS asked over HTTP: every operation of its manager API. Each request and answer stands in the journal.

Source: MaEVe CSMS API v0.0.0, and the deviations of the true server (:mod:`bench.codecs.maeve`).
"""

from __future__ import annotations

import asyncio
import base64
import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import quote, urlsplit

from bench.clock import Clock
from bench.codecs import maeve
from bench.codecs.maeve import PAGE, PREFIX, Answer, MaeveToken, Operation, Outcome, StationAuth
from bench.errors import BadInput, LinkDown, OperatorError
from bench.exchange import MASK
from bench.journal.log import Journal
from bench.message import Fault, Link
from bench.ports import LinkState, LinkStatus
from bench.settings import MaeveSettings
from bench.tokens.model import IdTokenType
from devices.http_client import HttpClient

LINK = "maeve"
_GATEWAY = frozenset((502, 503, 504))
"""What a proxy says where MaEVe does not answer it; MaEVe itself never does."""
_UID = re.compile(rb'("uid"\s*:\s*")([^"\\]{1,64})(")')


class MaeveClient:
    """Asks one MaEVe. Implements :class:`bench.maeve_peer.MaevePeer`.

    status: told how the link is when that changes. credentials: the Authorization header for a proxy before it; MaEVe itself asks
    for none. is_key_code: whether a uid is that of a key code, which the journal must not hold.
    """

    def __init__(
        self,
        url: str,
        http: HttpClient,
        status: Callable[[LinkStatus], None] = lambda status: None,
        *,
        credentials: str | None = None,
        is_key_code: Callable[[str], bool] = lambda uid: False,
    ) -> None:
        self._url = base_url(url)
        self._http = http
        self._status = status
        self._headers = {} if credentials is None else {"Authorization": credentials}
        self._is_key_code = is_key_code
        self._told: LinkStatus | None = None

    @property
    def url(self) -> str:
        return self._url

    async def close(self) -> None:
        """End its connections."""
        await self._http.close()

    # Stations

    async def register_station(self, station: str, auth: StationAuth) -> Answer:
        """registerChargeStation: how it must prove who it is. MaEVe configures it when it boots next."""
        return await self.ask(maeve.REGISTER_STATION, station, body=maeve.auth_body(auth))

    async def station_auth(self, station: str) -> Answer:
        """lookupChargeStationAuth; the body is a StationAuth."""
        return await self.ask(maeve.LOOKUP_AUTH, station)

    async def reconfigure(self, station: str, settings: Mapping[str, str]) -> Answer:
        """reconfigureChargeStation. settings: by key of OCPP 1.6, or ``component;instance;evse/variable;instance;attribute``."""
        return await self.ask(maeve.RECONFIGURE, station, body=dict(settings))

    async def install_certificates(self, station: str, certificates: Iterable[tuple[str, str]]) -> Answer:
        """installChargeStationCertificates. certificates: type (V2G, MO, MF, CSMS) and PEM of each."""
        entries = [{"type": kind, "certificate": pem} for kind, pem in certificates]
        return await self.ask(maeve.INSTALL_CERTIFICATES, station, body={"certificates": entries})

    async def trigger(self, station: str, trigger: str) -> Answer:
        """triggerChargeStation: BootNotification, StatusNotification, SignV2GCertificate, SignChargingStationCertificate,
        SignCombinedCertificate."""
        return await self.ask(maeve.TRIGGER, station, body={"trigger": trigger})

    # Tokens

    async def set_token(self, token: MaeveToken, *, key_code: bool = False) -> Answer:
        body = maeve.token_body(token)
        if key_code:  # ignored there; by it the journal knows what to hide
            body["idTokenType"] = IdTokenType.KEY_CODE.value
        return await self.ask(maeve.SET_TOKEN, body=body)

    async def lookup_token(self, uid: str) -> Answer:
        return await self.ask(maeve.LOOKUP_TOKEN, uid)

    async def page_of_tokens(self, offset: int, limit: int = PAGE) -> Answer:
        return await self.ask(maeve.LIST_TOKENS, query=f"?offset={offset}&limit={limit}")

    # Certificates

    async def upload_certificate(self, pem: str) -> Answer:
        """uploadCertificate: that of a station, for mutual TLS."""
        return await self.ask(maeve.UPLOAD_CERTIFICATE, body={"certificate": pem})

    async def lookup_certificate(self, digest: str) -> Answer:
        """lookupCertificate, by the base64 (URL alphabet, no padding) SHA-256 of its DER bytes; the body is a PEM text."""
        return await self.ask(maeve.LOOKUP_CERTIFICATE, digest)

    async def delete_certificate(self, digest: str) -> Answer:
        """deleteCertificate. The true server says 204 whether there was one or not."""
        return await self.ask(maeve.DELETE_CERTIFICATE, digest)

    # OCPI

    async def register_party(self, token: str, url: str | None = None, status: str | None = None) -> Answer:
        """registerParty. url: of its versions endpoint, for MaEVe to begin. status: PENDING or REGISTERED."""
        body = {"token": token, "url": url, "status": status}
        return await self.ask(
            maeve.REGISTER_PARTY, body={name: value for name, value in body.items() if value is not None}
        )

    async def register_location(self, location: str, body: Mapping[str, object]) -> Answer:
        """registerLocation. body: as the API has it; the true server needs name, postal_code and parking_type too."""
        return await self.ask(maeve.REGISTER_LOCATION, location, body=dict(body))

    # Asking

    async def ask(
        self, operation: Operation, parameter: str | None = None, *, body: object = None, query: str = ""
    ) -> Answer:
        """One request and what its answer says. parameter: for the path of the operation. body: JSON. query: from its ``?`` on.

        Raises:
            LinkDown: there was no answer, or none that could be taken. BadInput: the question cannot be put.
        """
        found: list[Answer] = []

        def read(status: int, raw: bytes) -> tuple[Any, tuple[Fault, ...], bytes]:
            answer, tree = maeve.decode(operation, status, raw)
            found.append(answer)
            return self._hide_in(tree), answer.faults, _UID.sub(self._hidden, raw)

        path = operation.path if parameter is None else operation.path.format(_segment(parameter))
        try:
            answered = await self._http.ask(
                operation.method,
                self._url + path + query,
                headers=self._headers,
                json_body=body,
                action=operation.name,
                read=read,
            )
        except BadInput:
            raise
        except OperatorError as error:
            self._tell(LinkState.FAULTY, error.what, error.cure)
            raise LinkDown(f"MaEVe: {error.what}", error.cure) from error
        answer = replace(found[-1], seq=answered.seq)
        if answer.outcome is Outcome.UNREADABLE:
            self._tell(LinkState.FAULTY, f"{operation.name}: {answer.error}", answer.cure)
        elif answer.status in _GATEWAY:
            cure = "look whether MaEVe runs behind the proxy that answers"
            self._tell(LinkState.FAULTY, f"{operation.name}: {answer.error}", cure)
        else:
            self._tell(LinkState.UP, self._url)
        return answer

    def _hide_in(self, tree: Any) -> Any:
        """What an answer holds, its key codes replaced: MaEVe names no type by which they could be hidden later."""
        for entry in tree if isinstance(tree, list) else [tree]:
            if isinstance(entry, dict) and isinstance(uid := entry.get("uid"), str) and self._is_key_code(uid):
                entry["uid"] = MASK
        return tree

    def _hidden(self, named: re.Match[bytes]) -> bytes:
        """The same in the bytes."""
        secret = self._is_key_code(named[2].decode("utf-8", "replace"))
        return named[1] + MASK.encode() + named[3] if secret else named[0]

    def _tell(self, state: LinkState, detail: str, cure: str = "") -> None:
        status = LinkStatus(LINK, state, detail, cure)
        if status != self._told:
            self._told = status
            self._status(status)


def connector(
    journal: Journal,
    clock: Clock,
    status: Callable[[LinkStatus], None],
    is_key_code: Callable[[str], bool],
    secret: Callable[[str], str | None],
) -> Callable[[MaeveSettings], Awaitable[MaeveClient]]:
    """Makes clients for the MaEVe of a profile or any other. secret: a password by its name, which may take its time.

    What it returns raises BadInput for what is no URL of HTTP, and OperatorError where the CA file cannot be used or there is no
    password.
    """

    async def connect(settings: MaeveSettings) -> MaeveClient:
        url = base_url(settings.url)
        credentials = await asyncio.to_thread(_credentials, settings, secret)
        http = HttpClient(journal, Link.MAEVE, clock, ca_file=settings.ca_file, limit_s=settings.limit_s)
        return MaeveClient(url, http, status, credentials=credentials, is_key_code=is_key_code)

    return connect


def base_url(text: str) -> str:
    """Where the API is: ``http://host:9410`` means ``http://host:9410/api/v0``.

    Raises:
        BadInput: no URL of HTTP, or one with a password, a query or a fragment.
    """
    cure = "write it as http://host:9410"
    try:
        parts = urlsplit(text.strip())
        port = parts.port
    except ValueError as error:
        raise BadInput("the URL of MaEVe cannot be read", cure) from error
    if parts.scheme not in ("http", "https") or not parts.hostname or port == 0:
        raise BadInput("the URL of MaEVe is none of http:// or https://", cure)
    if parts.username is not None or parts.password is not None:
        raise BadInput("the URL of MaEVe must not hold a password", "name the user under [maeve] in the profile")
    if parts.query or parts.fragment:
        raise BadInput("the URL of MaEVe holds more than a path", cure)
    path = parts.path.rstrip("/")
    return f"{parts.scheme}://{parts.netloc}{path or PREFIX}"


def _credentials(settings: MaeveSettings, secret: Callable[[str], str | None]) -> str | None:
    if settings.user is None and not settings.bearer:
        return None
    name = settings.secret_name
    password = secret(name)
    if password is None:
        raise OperatorError(f"there is no password for {name}", f"keep it with: authbench secret set {name}")
    if settings.user is None:
        return f"Bearer {password}"
    return f"Basic {base64.b64encode(f'{settings.user}:{password}'.encode()).decode()}"


def _segment(text: str) -> str:
    """A text as one segment of a path; the dots of ``.`` and ``..`` mean nothing else there."""
    if not text:
        raise BadInput("an empty id cannot be asked for", "give one")
    quoted = quote(text, safe="")
    return quoted.replace(".", "%2E") if quoted in (".", "..") else quoted
