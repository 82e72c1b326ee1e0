"""HTTP basic auth of a station: security profiles 1 and 2 (OCPP 2.0.1 A00.FR.204, 1.6 security whitepaper).

A password is compared and forgotten: it is in no text that is made here.
"""

from __future__ import annotations

import asyncio
import hmac
import logging
import re

from websockets.datastructures import Headers

from bench.errors import OperatorError
from devices.ocpp.handshake import Refusal, credentials

CHALLENGE = 'Basic realm="OCPP", charset="UTF-8"'
MALFORMED = Refusal(
    401,
    "ocpp.basic-auth-malformed",
    "its Authorization header is no basic auth: that is the word Basic and Base64 of its id, a colon and its password",
    "look how the station writes its header (RFC 7617)",
)
_HEX_KEY = re.compile(r"[0-9A-Fa-f]{40}")

log = logging.getLogger(__name__)


def claim(headers: Headers, station: str, *, any_user: bool = False) -> bytes | Refusal:
    """The password that the station claims, or why it is turned away without a look at it. any_user: whatever the user is."""
    found = credentials(headers)
    if found is None and headers.get_all("Authorization"):
        return MALFORMED
    if found is None:
        return Refusal(
            401,
            "ocpp.basic-auth-missing",
            "it sent no basic-auth header; this bench's security profile wants one",
            f"set the station to basic auth with its id {station} as the user",
        )
    user, password = found
    if any_user:
        return password
    if password == station.encode() != user:
        return Refusal(
            401,
            "ocpp.basic-auth-user",
            "it logs in with its id as the password, so the user, which is not shown, may be the password",
            "swap user and password in the station",
        )
    if user != station.encode():
        return Refusal(
            401,
            "ocpp.basic-auth-user",
            f"it logs in as the user {_shown(user)}; OCPP wants its own id (A00.FR.204)",
            f"set the user in the station to {station}",
        )
    return password


def judge(
    station: str, claimed: bytes | Refusal, known: asyncio.Future[str | None], *, optional: bool = False
) -> Refusal | None:
    """None for the right password. claimed: as :func:`claim` found it. known: the finished look-up of the right one; optional: any
    is right where there is none.
    """
    cure = f"set it with: authbench secret set ocpp:{station}"
    error = known.exception()
    if isinstance(error, OperatorError):
        return Refusal(503, "ocpp.password-unknown", error.what, error.cure or cure)
    if error is not None:
        log.error("looking up the password of station %s failed", station, exc_info=error)
        return Refusal(500, "ocpp.password-unknown", "a fault in the test bench: its password could not be looked up")
    password = known.result()
    if password is None and optional:
        return None
    if isinstance(claimed, Refusal):
        return claimed
    if password is None:
        return Refusal(401, "ocpp.password-unknown", "this bench knows no password of that station", cure)
    if matches(password, claimed):
        return None
    return Refusal(
        401,
        "ocpp.basic-auth-password",
        "its password is wrong",
        f"set the same one on both sides; here: authbench secret set ocpp:{station}",
    )


def matches(password: str, claimed: bytes) -> bool:
    """In constant time. Forty hex digits may also be meant as 20 bytes (OCPP 1.6 AuthorizationKey)."""
    right = hmac.compare_digest(password.encode(), claimed)
    if _HEX_KEY.fullmatch(password):
        right |= hmac.compare_digest(bytes.fromhex(password), claimed)
    return right


def _shown(user: bytes) -> str:
    text = repr(user[:64].decode(errors="replace"))
    return text if len(user) <= 64 else f"{text}…"
