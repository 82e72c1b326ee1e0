"""A station that was registered with its own credentials must show these, whatever the listener wants of others.

MaEVe API, ChargeStationAuth; OCPP 2.0.1 part 2, A00; OCPP 1.6 security white paper. The password is compared by its hash, in
constant time, and forgotten.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Callable

from websockets.datastructures import Headers

from bench.maeve.model import StationAuth
from devices.ocpp import basic_auth
from devices.ocpp.handshake import Refusal

_MEANS = {1: "basic auth without TLS", 2: "TLS with basic auth", 3: "TLS with a client certificate"}


def judge(station: str, auth: StationAuth, headers: Headers, extra: Callable[[str], object]) -> Refusal | None:
    """None where it shows what it was registered with. extra: of its transport, ``tls_version`` and ``peercert``."""
    tls, certificate, profile = extra("tls_version") is not None, bool(extra("peercert")), auth.ocpp_profile
    if tls is (profile == 1) or (profile == 3 and not certificate):
        shows = "a client certificate" if certificate else "TLS without a client certificate" if tls else "no TLS"
        return Refusal(
            403,
            "ocpp.registered-profile",
            f"it is registered for security profile {profile} ({_MEANS[profile]}), but comes with {shows}",
            f"register it with securityProfile {0 if not tls else 1}, or set up the bench and the station for profile {profile}",
        )
    if profile == 3:
        return None
    claimed = basic_auth.claim(headers, station, any_user=auth.invalid_username_allowed)
    if isinstance(claimed, Refusal):
        return claimed
    if auth.password_sha256 is None:
        return Refusal(
            401,
            "ocpp.password-unknown",
            "it is registered without a password",
            "register it again with base64SHA256Password",
        )
    if hmac.compare_digest(hashlib.sha256(claimed).digest(), _digest(auth.password_sha256)):
        return None
    return Refusal(
        401,
        "ocpp.basic-auth-password",
        "its password is not the one it was registered with",
        "set the same one on both sides; base64SHA256Password is the base64 of its SHA-256",
    )


def _digest(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):  # of a database somebody else wrote: fits no password
        return b""
