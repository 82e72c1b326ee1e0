"""Dialling a CSMS over a WebSocket, and why it cannot be reached, in words (OCPP-J 1.6, OCPP 2.0.1 and 2.1 Part 4)."""

from __future__ import annotations

import base64
import logging
import ssl as tls
from collections.abc import Mapping, Sequence
from urllib.parse import quote

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidMessage, InvalidStatus, WebSocketException
from websockets.typing import Subprotocol

from devices.ocpp.connection import CLOSE_S
from devices.ocpp.endings import MAX_MESSAGE
from devices.ocpp.handshake import Refusal

DIAL_S = 8.0
"""Seconds until a CSMS that does not answer is given up; less than a station's handshake may take."""

BROKEN = 1006
"""Close code of a connection that ended without a close frame (RFC 6455 section 7.4.1)."""

# websockets logs passwords in headers at DEBUG and every stranger's failed handshake at ERROR; those are findings here.
quiet = logging.getLogger(f"{__name__}.websockets")
quiet.setLevel(logging.CRITICAL)

_DATES = {9: "is not valid yet", 10: "has expired"}
_UNKNOWN_SIGNER = (2, 18, 19, 20, 21)
_WRONG_NAME = (62, 64)


def station_url(base: str, station: str) -> str:
    """``{base}/{station}``, the id percent-encoded (OCPP-J 1.6 section 3.1.1)."""
    return f"{base.rstrip('/')}/{quote(station, safe='')}"


def basic_auth_header(user: str, password: str) -> str:
    """The value of an Authorization header (RFC 7617)."""
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


class _Connect(connect):
    """Follows no redirect: the password of a station would go along, to whatever host a CSMS names."""

    def process_redirect(self, exc: Exception) -> Exception | str:
        return exc


async def dial(
    base: str,
    station: str,
    offered: Sequence[str],
    headers: Mapping[str, str],
    ssl: tls.SSLContext | None,
    *,
    ping_s: float,
    rules: str,
) -> ClientConnection | Refusal:
    """A connection on which one of the offered subprotocols is spoken, or why there is none. rules: what its rules begin with."""
    names = [Subprotocol(name) for name in offered]
    try:
        socket = await _Connect(
            station_url(base, station),
            subprotocols=names,
            additional_headers=dict(headers),
            ssl=ssl,
            compression=None,  # what is on the wire is what is shown
            max_size=MAX_MESSAGE,
            open_timeout=DIAL_S,
            close_timeout=CLOSE_S,
            ping_interval=ping_s,
            ping_timeout=ping_s,
            proxy=None,
            logger=quiet,
        )
    except (OSError, TimeoutError, WebSocketException) as error:
        return why_not(error, base, rules)
    if socket.subprotocol is None:
        await socket.close(1002, "no common OCPP version")
        return Refusal(
            502,
            f"{rules.partition('.')[0]}.no-common-version",
            f"the CSMS at {base} took none of the OCPP versions {', '.join(names)}",
            "choose a version that the CSMS speaks",
        )
    return socket


def as_it_ended(closed: ConnectionClosed) -> tuple[int, str]:
    """What the peer said; else what its fault made us say (too big, not UTF-8); else 1006, a ping without a pong included."""
    if closed.rcvd is not None:
        return int(closed.rcvd.code), closed.rcvd.reason
    if closed.sent is not None and closed.sent.code not in (1000, 1001, 1011):
        return int(closed.sent.code), closed.sent.reason
    return BROKEN, "the connection broke off"


def why_not(error: Exception, base: str, rules: str) -> Refusal:
    """Why a CSMS cannot be reached, as the answer for a station that is passed on to it.

    A CSMS that refuses it (4xx) is quoted; 502 where there is none to be reached, 503 where it does not answer in time.
    """
    where = f"the CSMS at {base}"
    if isinstance(error, InvalidStatus):
        return _refused(error.response.status_code, where, rules)
    fault = _tls_fault(error)
    if isinstance(fault, tls.SSLCertVerificationError):
        return _certificate(fault, where, rules)
    if fault is not None:
        text = f"no TLS with {where}: {fault.reason or fault}"
        return Refusal(502, f"{rules}-tls", text, "look at its TLS version and whether it wants a certificate")
    if isinstance(error, InvalidMessage) and base.startswith("wss:"):
        # With TLS 1.3 a server looks at the client's certificate when the handshake is over for the client.
        text = f"{where} ended the connection after the TLS handshake, without an answer"
        cure = "it may want a certificate (security profile 3): name one, and its key, of a CA that it trusts"
        return Refusal(502, f"{rules}-tls", text, cure)
    if isinstance(error, TimeoutError):
        cure = "look at the network between the bench and the CSMS"
        return Refusal(503, f"{rules}-down", f"{where} did not answer within {DIAL_S:.0f} s", cure)
    if isinstance(error, OSError):
        text = f"{where} cannot be reached: {error.strerror or error}"
        return Refusal(502, f"{rules}-down", text, "look at its address, and whether it runs")
    return Refusal(502, f"{rules}-refused", f"{where} made no WebSocket connection: {error}", "look at its URL")


def _refused(status: int, where: str, rules: str) -> Refusal:
    cures = {
        400: "look which OCPP versions it speaks",
        401: "look at user and password",
        403: "look whether it lets this station in",
        404: "look at its URL, and whether it knows this station",
    }
    text = f"{where} refused the station with HTTP {status}"
    if 300 <= status < 400:
        cure = "dial the address that it names, if that is yours; the bench does not follow, for the password would go along"
        return Refusal(502, f"{rules}-refused", f"{where} redirects the station with HTTP {status}", cure)
    return Refusal(status if 400 <= status < 500 else 502, f"{rules}-refused", text, cures.get(status, ""))


def _certificate(error: tls.SSLCertVerificationError, where: str, rules: str) -> Refusal:
    text = f"the certificate of {where} is refused: {error.verify_message}"
    cure = "give the bench the CA that signed the CSMS's certificate, or dial the name that stands in it"
    if error.verify_code in _DATES:
        text = f"the certificate of {where} {_DATES[error.verify_code]}"
        cure = "renew it, or look at the clock of this computer"
    elif error.verify_code in _UNKNOWN_SIGNER:
        text = f"the certificate of {where} is signed by a CA that the bench does not trust: {error.verify_message}"
        cure = "name the PEM of the CA that signed it as ca_file"
    elif error.verify_code in _WRONG_NAME:
        cure = "dial the name that stands in the certificate"
    return Refusal(502, f"{rules}-tls", text, cure)


def _tls_fault(error: BaseException) -> tls.SSLError | None:
    """The TLS error behind it: one that comes with the first answer is wrapped in a WebSocket's."""
    seen: BaseException | None = error
    for _ in range(5):
        if seen is None or isinstance(seen, tls.SSLError):
            return seen
        seen = seen.__cause__ or seen.__context__
    return None
