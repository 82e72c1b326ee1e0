"""Parties and their credentials (OCPI 2.2, Credentials and Versions)."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import Any

from bench.errors import BadInput

VERSION = "2.2"
MAX_TOKEN = 64
"""Characters of a credentials token (OCPI 2.2, Credentials object)."""
MAX_URL = 255
MAX_ROLES = 20
_TOKEN = re.compile(r"[!-~]{1,64}", re.ASCII)


class Status(StrEnum):
    """PENDING: the party may look at versions and exchange credentials. REGISTERED: it may use every endpoint."""

    PENDING = "PENDING"
    REGISTERED = "REGISTERED"


class Code(IntEnum):
    """Status codes of OCPI 2.2, section Status codes."""

    SUCCESS = 1000
    CLIENT_ERROR = 2000
    BAD_PARAMETERS = 2001
    SERVER_ERROR = 3000
    CANNOT_USE_API = 3001
    NO_COMMON_VERSION = 3002
    NO_ENDPOINTS = 3003


@dataclass(frozen=True, slots=True)
class Party:
    """token: that the party shows us. url: of its versions endpoint, None where it is to come to us. their_token: that we show it.
    roles: as its Credentials told.
    """

    id: str
    token: str
    status: Status = Status.PENDING
    url: str | None = None
    their_token: str | None = None
    roles: tuple[Mapping[str, Any], ...] = ()

    @property
    def names(self) -> str:
        """``GB ABX (CPO)`` of its roles; empty before it told them."""
        return ", ".join(f"{role['country_code']} {role['party_id']} ({role['role']})" for role in self.roles)


@dataclass(frozen=True, slots=True)
class Credentials:
    """Credentials object: token to use, versions URL, roles."""

    token: str
    url: str
    roles: tuple[Mapping[str, Any], ...]

    def json(self) -> dict[str, object]:
        return {"token": self.token, "url": self.url, "roles": [dict(role) for role in self.roles]}


def authorization(token: str, *, encoded: bool) -> str:
    """The value of the Authorization header; encoded: in base64, as from OCPI 2.2-d2 on."""
    return "Token " + (base64.b64encode(token.encode()).decode() if encoded else token)


def tokens_of(header: str) -> tuple[str, ...]:
    """The tokens an Authorization header may mean: as it stands, and decoded from base64. None where it is no Token."""
    scheme, _, given = header.partition(" ")
    given = given.strip()
    if scheme.lower() != "token" or not given:
        return ()
    try:
        decoded = base64.b64decode(given, validate=True).decode("ascii")
    except (binascii.Error, ValueError):
        return (given,)
    return (given, decoded)


def credentials_of(data: object) -> Credentials:
    """What a Credentials object says.

    Raises:
        BadInput: a member is missing or wrong.
    """
    if not isinstance(data, Mapping):
        raise BadInput("the credentials are no object")
    token, url, roles = data.get("token"), data.get("url"), data.get("roles")
    if not isinstance(token, str) or not _TOKEN.fullmatch(token):
        raise BadInput(f"token: wanted 1 to {MAX_TOKEN} printable characters")
    if not isinstance(url, str) or not 1 <= len(url) <= MAX_URL:
        raise BadInput(f"url: wanted 1 to {MAX_URL} characters")
    if not isinstance(roles, list) or not 1 <= len(roles) <= MAX_ROLES:
        raise BadInput(f"roles: wanted 1 to {MAX_ROLES}")
    return Credentials(token, url, tuple(_role(role) for role in roles))


def _role(role: object) -> Mapping[str, Any]:
    """What is kept of a CredentialsRole."""
    if not isinstance(role, Mapping):
        raise BadInput("roles: one is no object")
    kept: dict[str, Any] = {}
    for name, longest in (("role", 10), ("party_id", 3), ("country_code", 2)):
        value = role.get(name)
        if not isinstance(value, str) or not 1 <= len(value) <= longest:
            raise BadInput(f"roles: {name} wants 1 to {longest} characters")
        kept[name] = value
    details = role.get("business_details")
    called = details.get("name") if isinstance(details, Mapping) else None
    if not isinstance(called, str):
        raise BadInput("roles: business_details wants a name")
    kept["business_details"] = {"name": called[:100]}
    return kept
