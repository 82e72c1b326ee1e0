"""Dials the CSMS that a proxy passes a station on to, and says why where there is none to be had."""

from __future__ import annotations

import logging
import ssl as tls
from collections.abc import Mapping
from urllib.parse import quote

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus, WebSocketException
from websockets.typing import Subprotocol

from devices.ocpp.connection import CLOSE_S
from devices.ocpp.endings import MAX_MESSAGE
from devices.ocpp.handshake import Refusal

DIAL_S = 8.0
"""Seconds until a CSMS that does not answer is given up; less than a station's handshake may take."""

# websockets logs passwords in headers at DEBUG; what goes wrong is told as a finding.
_quiet = logging.getLogger(f"{__name__}.websockets")
_quiet.setLevel(logging.CRITICAL)


async def dial(
    url: str, station: str, names: list[str], headers: Mapping[str, str], ssl: tls.SSLContext | None, ping_s: float
) -> ClientConnection | Refusal:
    """A connection that speaks one of the subprotocols named, or what to tell the station. url: without the station's id."""
    try:
        upstream = await connect(
            f"{url}/{quote(station, safe='')}",
            subprotocols=[Subprotocol(name) for name in names],
            additional_headers=headers,
            ssl=ssl,
            compression=None,  # what is on the wire is what is shown
            max_size=MAX_MESSAGE,
            open_timeout=DIAL_S,
            close_timeout=CLOSE_S,
            ping_interval=ping_s,
            ping_timeout=ping_s,
            proxy=None,
            logger=_quiet,
        )
    except (OSError, TimeoutError, WebSocketException) as error:
        return why_not(error, url)
    if upstream.subprotocol is None:
        await upstream.close(1002, "no common OCPP version")
        return Refusal(
            502,
            "proxy.no-common-version",
            f"the CSMS at {url} took none of the OCPP versions {', '.join(names)}",
            "set the station to a version that the CSMS speaks",
        )
    return upstream


def why_not(error: Exception, upstream: str) -> Refusal:
    """The answer to a station whose CSMS cannot be reached, with the cause.

    A CSMS that refuses it (4xx) is quoted; 502 where there is none to be reached, 503 where it does not answer in time.
    """
    where = f"the CSMS at {upstream}"
    if isinstance(error, InvalidStatus):
        status = error.response.status_code
        text = f"{where} refused the station with HTTP {status}"
        cure = "look whether it knows this station, and its user and password" if status in (401, 403, 404) else ""
        return Refusal(status if 400 <= status < 500 else 502, "proxy.upstream-refused", text, cure)
    if isinstance(error, tls.SSLCertVerificationError):
        cure = "give the bench the CA that signed the CSMS's certificate, or dial the name that stands in it"
        return Refusal(
            502, "proxy.upstream-tls", f"the certificate of {where} is refused: {error.verify_message}", cure
        )
    if isinstance(error, tls.SSLError):
        text = f"no TLS with {where}: {error.reason or error}"
        return Refusal(502, "proxy.upstream-tls", text, "look at its TLS version and whether it wants a certificate")
    if isinstance(error, TimeoutError):
        cure = "look at the network between the bench and the CSMS"
        return Refusal(503, "proxy.upstream-down", f"{where} did not answer within {DIAL_S:.0f} s", cure)
    if isinstance(error, OSError):
        text = f"{where} cannot be reached: {error.strerror or error}"
        return Refusal(502, "proxy.upstream-down", text, "look at its address, and whether it runs")
    return Refusal(502, "proxy.upstream-refused", f"{where} made no WebSocket connection: {error}", "look at its URL")
