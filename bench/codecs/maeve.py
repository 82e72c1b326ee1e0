"""The manager API of a MaEVe CSMS: its operations, and what its answers hold. Nothing here raises for what a server sent.

Sources: MaEVe CSMS API v0.0.0; thoughtworks/maeve-csms, ``manager/api``, for what the true server does otherwise: it checks no
schema, so a token may lack any field, and some successes have another status than the description says.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, NamedTuple

import orjson

from bench.clock import iso_datetime
from bench.errors import BadInput
from bench.message import Fault, Malformed
from bench.tokens.model import CacheMode, TokenKind

PREFIX = "/api/v0"
MAX_UID = 36
MAX_ERROR = 300
PAGE = 100
"""Tokens of one page: the most that the API gives."""


class Operation(NamedTuple):
    """One operation. name: operationId. path: below the base URL, ``{}`` for its parameter. told: the success of the description.

    really: another status by which the true server says the same, or None.
    """

    name: str
    method: str
    path: str
    told: int
    really: int | None = None


REGISTER_STATION = Operation("registerChargeStation", "POST", "/cs/{}", 201)
RECONFIGURE = Operation("reconfigureChargeStation", "POST", "/cs/{}/reconfigure", 200)
INSTALL_CERTIFICATES = Operation("installChargeStationCertificates", "POST", "/cs/{}/certificates", 200)
LOOKUP_AUTH = Operation("lookupChargeStationAuth", "GET", "/cs/{}/auth", 200)
TRIGGER = Operation("triggerChargeStation", "POST", "/cs/{}/trigger", 200, 201)
SET_TOKEN = Operation("setToken", "POST", "/token", 201)
LIST_TOKENS = Operation("listTokens", "GET", "/token", 200)
LOOKUP_TOKEN = Operation("lookupToken", "GET", "/token/{}", 200)
UPLOAD_CERTIFICATE = Operation("uploadCertificate", "POST", "/certificate", 201)
LOOKUP_CERTIFICATE = Operation("lookupCertificate", "GET", "/certificate/{}", 200)
DELETE_CERTIFICATE = Operation("deleteCertificate", "DELETE", "/certificate/{}", 204)
REGISTER_PARTY = Operation("registerParty", "POST", "/register", 201)
REGISTER_LOCATION = Operation("registerLocation", "POST", "/location/{}", 201)

OPERATIONS: dict[str, Operation] = {
    operation.name: operation
    for operation in (
        REGISTER_STATION,
        RECONFIGURE,
        INSTALL_CERTIFICATES,
        LOOKUP_AUTH,
        TRIGGER,
        SET_TOKEN,
        LIST_TOKENS,
        LOOKUP_TOKEN,
        UPLOAD_CERTIFICATE,
        LOOKUP_CERTIFICATE,
        DELETE_CERTIFICATE,
        REGISTER_PARTY,
        REGISTER_LOCATION,
    )
}
"""By name, in the order of the description."""


@dataclass(frozen=True, slots=True)
class MaeveToken:
    """A token as MaEVe has it. Texts are as they came and may be empty; uid and contract id may be of any form.

    kind: ``type``. last_updated: UTC, to the second; set by the server at each write. id_token_type: of OCPP; MaEVe never tells it,
    another Authbench does where it matters.
    """

    uid: str
    country_code: str
    party_id: str
    kind: str
    contract_id: str
    issuer: str
    valid: bool
    cache_mode: str
    visual_number: str | None = None
    group_id: str | None = None
    language_code: str | None = None
    last_updated: datetime | None = None
    id_token_type: str | None = None


TOKEN_FIELDS: dict[str, str] = {
    "uid": "uid",
    "countryCode": "country_code",
    "partyId": "party_id",
    "type": "kind",
    "contractId": "contract_id",
    "issuer": "issuer",
    "valid": "valid",
    "cacheMode": "cache_mode",
    "visualNumber": "visual_number",
    "groupId": "group_id",
    "languageCode": "language_code",
}
"""Fields that a token can carry there: the API's name and ours. Beside them stands ``lastUpdated``, which is ignored on a write."""

_OPTIONAL = ("visualNumber", "groupId", "languageCode")
_LENGTHS = {"countryCode": 2, "partyId": 3, "languageCode": 2}
_WORDS: dict[str, frozenset[str]] = {"type": frozenset(TokenKind), "cacheMode": frozenset(CacheMode)}


@dataclass(frozen=True, slots=True)
class StationAuth:
    """How a station must prove who it is. security_profile: MaEVe's, one less than OCPP's: 0 basic auth, 1 with TLS, 2 certificate.

    password_hash: base64 of the SHA-256 of its password. invalid_username_allowed: the user may be another than the station's id.
    """

    security_profile: int
    password_hash: str | None = None
    invalid_username_allowed: bool = False

    @classmethod
    def of_ocpp(
        cls, profile: int, password: str | None = None, *, invalid_username_allowed: bool = False
    ) -> StationAuth:
        """For a security profile as OCPP counts them, 1 to 3, and a password in clear.

        Raises:
            BadInput: MaEVe has no such profile.
        """
        if profile not in (1, 2, 3):
            raise BadInput(f"MaEVe has no security profile {profile} of OCPP", "choose 1, 2 or 3")
        digest = None if password is None else base64.b64encode(hashlib.sha256(password.encode()).digest()).decode()
        return cls(profile - 1, digest, invalid_username_allowed)


def auth_body(auth: StationAuth) -> dict[str, object]:
    """The JSON object for registerChargeStation."""
    made: dict[str, object] = {"securityProfile": auth.security_profile}
    if auth.password_hash is not None:
        made["base64SHA256Password"] = auth.password_hash
    return {**made, "invalidUsernameAllowed": auth.invalid_username_allowed}


class Outcome(StrEnum):
    OK = "ok"
    REFUSED = "refused"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True)
class Answer:
    """What an answer says. A refusal, 404 too, is no fault of the link. unreadable: a success whose body is not what it should be.

    body: MaeveToken, StationAuth, a PEM text or a tuple of MaeveToken; None where the operation has none to give. error: why it was
    refused or cannot be read; cure: what to do about it. faults: where it is not as the API describes. lost: entries of a list that
    are no token. seq: its number in the journal.
    """

    outcome: Outcome
    status: int
    body: object = None
    error: str = ""
    cure: str = ""
    faults: tuple[Fault, ...] = ()
    lost: int = 0
    seq: int | None = None

    @property
    def ok(self) -> bool:
        return self.outcome is Outcome.OK

    @property
    def missing(self) -> bool:
        """There is no such thing (404)."""
        return self.status == 404


def decode(operation: Operation, status: int, body: bytes) -> tuple[Answer, Any]:
    """What an answer to that operation says, and the JSON in it (None where there is none). Never raises."""
    tree, problem = _tree(body)
    if status not in (operation.told, operation.really):
        text = _error(tree) or (f"answered {status}" if not body else f"answered {status}: {_excerpt(body)}")
        return Answer(Outcome.REFUSED, status, error=text, cure=_cure(operation, status)), tree
    faults = []
    if status != operation.told:
        faults.append(Fault("maeve.status", f"{status} for success, the API says {operation.told}", "status"))
    reader = _READERS.get(operation.name)
    if reader is None:
        return Answer(Outcome.OK, status, faults=tuple(faults)), tree
    found = Malformed(problem or "the body is empty") if problem or not body.strip() else reader(tree)
    if isinstance(found, Malformed):
        where = f" at {found.where}" if found.where else ""
        fault = Fault("http.json" if problem else "maeve.body", found.why, found.where)
        cure = "look whether the URL is that of MaEVe's manager API"
        return Answer(Outcome.UNREADABLE, status, error=found.why + where, cure=cure, faults=(*faults, fault)), tree
    made, more, lost = found
    return Answer(Outcome.OK, status, made, faults=(*faults, *more), lost=lost), tree


def read_token(tree: object) -> MaeveToken | Malformed:
    """A token, whatever its texts; Malformed where a field is of another type. What is absent is empty, ``valid`` false."""
    if not isinstance(tree, Mapping):
        return Malformed("a token is a JSON object")
    values: dict[str, Any] = {}
    for name, field in TOKEN_FIELDS.items():
        value = tree.get(name)
        if name == "valid":
            if not isinstance(value, bool | None):
                return Malformed(f"{name} is true or false", name)
            values[field] = bool(value)
        elif not isinstance(value, str | None):
            return Malformed(f"{name} is a text", name)
        else:
            values[field] = (value or None) if name in _OPTIONAL else value or ""
    moment = _moment(tree.get("lastUpdated"))
    if isinstance(moment, Malformed):
        return moment
    kind = tree.get("idTokenType")
    return MaeveToken(**values, last_updated=moment, id_token_type=kind if isinstance(kind, str) else None)


def token_body(token: MaeveToken) -> dict[str, object]:
    """The JSON object for setToken; optional fields only where they are set."""
    named = {name: getattr(token, field) for name, field in TOKEN_FIELDS.items()}
    return {name: value for name, value in named.items() if value is not None}


def token_json(token: MaeveToken) -> dict[str, object]:
    """The same with ``lastUpdated``, as MaEVe tells it."""
    moment = token.last_updated
    return token_body(token) if moment is None else {**token_body(token), "lastUpdated": iso_datetime(moment)}


def token_faults(token: MaeveToken, where: str = "") -> tuple[Fault, ...]:
    """Where a token breaks the limits of the API, which the true server lets pass."""
    found = []
    for name, field in TOKEN_FIELDS.items():
        value = getattr(token, field)
        if not isinstance(value, str):
            continue
        words, length = _WORDS.get(name), _LENGTHS.get(name)
        wanted = None
        if not value:
            wanted = "a value"
        elif name in ("uid", "groupId") and len(value) > MAX_UID:
            wanted = f"at most {MAX_UID} characters"
        elif length is not None and len(value) != length:
            wanted = f"{length} characters"
        elif words is not None and value not in words:
            wanted = f"one of {', '.join(sorted(words))}"
        if wanted is not None:
            found.append(Fault("maeve.token", f"{name} is {value[:MAX_UID]!r}, the API wants {wanted}", where + name))
    return tuple(found)


_Read = tuple[object, tuple[Fault, ...], int]


def _one_token(tree: object) -> _Read | Malformed:
    token = read_token(tree)
    return token if isinstance(token, Malformed) else (token, token_faults(token), 0)


def _token_list(tree: object) -> _Read | Malformed:
    if not isinstance(tree, list):
        return Malformed("a list of tokens is a JSON array")
    tokens, faults, lost = [], [], 0
    for at, entry in enumerate(tree):
        token = read_token(entry)
        if isinstance(token, Malformed):
            faults.append(Fault("maeve.token", token.why, f"[{at}].{token.where}"))
            lost += 1
        else:
            tokens.append(token)
            faults += token_faults(token, f"[{at}].")
    return tuple(tokens), tuple(faults), lost


def _auth(tree: object) -> _Read | Malformed:
    if not isinstance(tree, Mapping):
        return Malformed("the authentication of a station is a JSON object")
    profile, hashed, free = (
        tree.get(name) for name in ("securityProfile", "base64SHA256Password", "invalidUsernameAllowed")
    )
    if not isinstance(profile, int) or isinstance(profile, bool):
        return Malformed("securityProfile is a number", "securityProfile")
    if not isinstance(hashed, str | None):
        return Malformed("base64SHA256Password is a text", "base64SHA256Password")
    known = profile in range(3)
    faults = () if known else (Fault("maeve.auth", f"securityProfile is {profile}, wanted 0 to 2", "securityProfile"),)
    return StationAuth(profile, hashed, free is True), faults, 0


def _certificate(tree: object) -> _Read | Malformed:
    pem = tree.get("certificate") if isinstance(tree, Mapping) else None
    return (pem, (), 0) if isinstance(pem, str) else Malformed("the certificate is a text", "certificate")


_READERS: dict[str, Callable[[object], _Read | Malformed]] = {
    LIST_TOKENS.name: _token_list,
    LOOKUP_TOKEN.name: _one_token,
    LOOKUP_AUTH.name: _auth,
    LOOKUP_CERTIFICATE.name: _certificate,
}


def _tree(body: bytes) -> tuple[Any, str]:
    """The JSON of a body, and why there is none."""
    if not body.strip():
        return None, ""
    try:
        return orjson.loads(body), ""
    except orjson.JSONDecodeError as error:
        return None, f"the body is no JSON: {error}"


def _moment(value: object) -> datetime | Malformed | None:
    if value is None:
        return None
    try:
        found = datetime.fromisoformat(value) if isinstance(value, str) else None
        if found is not None and found.tzinfo is not None:
            return found.astimezone(UTC)
    except (ValueError, OverflowError):  # also of the year 1 or 9999 with an offset
        pass
    return Malformed("lastUpdated is a time as RFC 3339 writes it", "lastUpdated")


def _error(tree: object) -> str:
    """The text of the API's error body {status, error}; empty where it is none."""
    if not isinstance(tree, Mapping):
        return ""
    status, error = tree.get("status"), tree.get("error")
    parts = [part for part in (status, error) if isinstance(part, str) and part]
    return ": ".join(parts)[:MAX_ERROR]


def _cure(operation: Operation, status: int) -> str:
    """What to do about a refusal, where its status and the operation tell more than its text."""
    if status in (401, 403):
        return "a proxy before it wants credentials: name user or bearer under [maeve] in the profile"
    if status == 404 and operation in (REGISTER_PARTY, REGISTER_LOCATION):
        return "OCPI is off there: give its manager an OCPI section"
    if status == 500 and operation is REGISTER_LOCATION:
        return "MaEVe crashes on a location without name, postal_code or parking_type: give all three"
    if status == 500 and operation is UPLOAD_CERTIFICATE:
        return "it says 500 of what is no PEM certificate too"
    if status in range(300, 400):
        return "give the URL that it redirects to"
    return ""


def _excerpt(body: bytes) -> str:
    """The beginning of a text that is no error body, on one line."""
    return " ".join(body[:MAX_ERROR].decode("utf-8", "replace").split())[:MAX_ERROR]
