"""What a station's WebSocket handshake asks for, and whether it is granted: pure functions of its headers.

Paths are ``/{station}`` and ``/ws/{station}`` with the id percent-encoded (OCPP-J 1.6 section 3.1.1, OCPP 2.0.1 Part 4 3.1.1).
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from urllib.parse import unquote

from websockets.datastructures import Headers
from websockets.exceptions import InvalidUpgrade

MAX_STATION_ID = 48
"""Characters of a station's identity (OCPP 2.0.1, SecurityCtrlr.Identity)."""

VERSIONS = {"ocpp2.1": "2.1", "ocpp2.0.1": "2.0.1", "ocpp1.6": "1.6"}
"""WebSocket subprotocols that can be spoken, and the OCPP version each means."""

# Printable ASCII but for what would be ambiguous in a path, a filter or a page.
_STATION_ID = re.compile(r"""[!-~]{1,48}""")
_AMBIGUOUS = frozenset("/\\\"'<>?%")


@dataclass(frozen=True, slots=True)
class Refusal:
    """A handshake that is not granted: HTTP status, and what the operator should know."""

    status: int
    rule: str
    text: str
    cure: str = ""

    @property
    def body(self) -> str:
        """The body of the HTTP answer: the station's engineer reads it in the station's log."""
        return f"{self.text}\n{self.cure}\n" if self.cure else f"{self.text}\n"


def station_of(path: str, url: str) -> str | Refusal:
    """The station's id from a request target. url: of this server, for the cure."""
    form = f"connect to {url}/ and the station's id"
    path = path.partition("?")[0]  # a password may stand in the rest: not shown either
    segments = [part for part in path.split("/") if part]
    if segments[:1] == ["ws"]:
        segments = segments[1:]
    if not segments:
        return Refusal(404, "ocpp.no-station-id", f"a connection to {_shown(path)} names no station", form)
    if len(segments) > 1:
        return Refusal(404, "ocpp.wrong-path", f"there is nothing at {_shown(path)}", form)
    try:
        station = unquote(segments[0], errors="strict")
    except UnicodeDecodeError:
        station = ""
    if not _STATION_ID.fullmatch(station) or _AMBIGUOUS.intersection(station):
        return Refusal(
            404,
            "ocpp.bad-station-id",
            f"{_shown(segments[0])} is no usable station id",
            f"use 1 to {MAX_STATION_ID} letters, digits or * - _ = : + | @ .",
        )
    return station


def allowed(station: str, stations_allowed: Callable[[str], bool]) -> Refusal | None:
    """None for a welcome station (unknown ones: HTTP 404, OCPP 2.0.1 Part 4 3.2)."""
    if stations_allowed(station):
        return None
    return Refusal(
        404,
        "ocpp.unknown-station",
        f"station {station} is not one of the profile's",
        "add it to the profile, or let unknown stations in",
    )


def offered_by(headers: Headers) -> tuple[str, ...]:
    """The subprotocols that a handshake names, in its order."""
    return tuple(name.strip() for names in headers.get_all("Sec-WebSocket-Protocol") for name in names.split(","))


def select(offered: Sequence[str], spoken: Sequence[str]) -> str | Refusal:
    """The subprotocol to speak: the first of ours that the station offers. None in common is HTTP 400."""
    for name in spoken:
        if name in offered:
            return name
    said = f"it offered {_shown(', '.join(offered))}" if offered else "it offered none"
    return Refusal(
        400,
        "ocpp.no-common-version",
        f"no common OCPP version: {said}; this bench speaks {', '.join(spoken)}",
        "set the station's OCPP version (its Sec-WebSocket-Protocol header) to one of these",
    )


def not_a_websocket(error: Exception | None, first: bytes = b"") -> Refusal:
    """What came instead of a WebSocket handshake. error: of the parser. first: the first bytes, where they are no HTTP at all."""
    if first[:2] == b"\x16\x03":
        return Refusal(
            400,
            "ocpp.tls-on-plain-port",
            "it speaks TLS (wss://), but this port is plain ws://",
            "set the station to ws://, or give the bench a certificate",
        )
    if isinstance(error, InvalidUpgrade):
        return Refusal(
            426, "ocpp.not-websocket", "a plain HTTP request, no WebSocket handshake", "connect with an OCPP station"
        )
    return Refusal(
        400, "ocpp.not-websocket", f"no valid WebSocket handshake: {error}", "look what connects to this port"
    )


def common_name_of(certificate: object) -> str | None:
    """The most specific common name of a peer's certificate (in the shape of ``ssl.SSLSocket.getpeercert``)."""
    if not isinstance(certificate, dict):
        return None
    names = [value for part in certificate.get("subject", ()) for key, value in part if key == "commonName"]
    return str(names[-1]) if names else None


def basic_user(headers: Headers) -> str | None:
    """The user of a basic-auth header, or None. The password is not looked at and goes nowhere."""
    found = credentials(headers)
    try:
        return found[0].decode()[:255] if found is not None else None
    except UnicodeDecodeError:
        return None


def credentials(headers: Headers) -> tuple[bytes, bytes] | None:
    """User and password of a basic-auth header (RFC 7617), or None. A password goes nowhere but into the comparison."""
    for value in headers.get_all("Authorization"):
        scheme, _, encoded = value.partition(" ")
        if scheme.lower() != "basic":
            continue
        try:
            user, colon, password = base64.b64decode(encoded.strip(), validate=True).partition(b":")
        except (binascii.Error, ValueError):
            continue
        if colon:
            return user, password
    return None


def _shown(text: str) -> str:
    """Something a stranger sent, short and printable."""
    printable = "".join(char if char.isprintable() else "�" for char in text)
    return printable if len(printable) <= 80 else printable[:79] + "…"
