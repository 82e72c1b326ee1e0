"""Why a WebSocket connection ended otherwise than it should (RFC 6455 section 7): pure functions of the protocol's state."""

from __future__ import annotations

from dataclasses import dataclass

from websockets.exceptions import PayloadTooBig
from websockets.server import ServerProtocol

MAX_MESSAGE = 16 * 2**20
"""Bytes of one message of a station; a longer one closes the connection with code 1009."""

_BETWEEN_FRAMES = "unexpected end of stream"  # the parser of websockets; inside a frame it tells of bytes it expected


@dataclass(frozen=True, slots=True)
class Ending:
    """What is told of it: close code and reason, and the finding."""

    code: int
    reason: str
    rule: str
    severity: str
    text: str
    cure: str = ""


def violation(station: str, protocol: ServerProtocol) -> Ending | None:
    """The station broke the protocol, and we closed the connection for it; None for an ordinary close."""
    error, sent = protocol.parser_exc, protocol.close_sent
    if error is None or sent is None:
        return None
    if isinstance(error, PayloadTooBig):
        return Ending(
            int(sent.code),
            sent.reason,
            "ocpp.message-too-big",
            "fail",
            f"station {station} sent a message of more than {MAX_MESSAGE // 2**20} MiB; closed with code 1009",
            "let the station split its report into several messages",
        )
    text = f"station {station} broke the WebSocket protocol: {error}; closed"
    return Ending(int(sent.code), sent.reason, "ocpp.websocket", "fail", text)


def broken_off(station: str, protocol: ServerProtocol, pieces: int) -> Ending | None:
    """The connection is gone inside a message, so that is lost; None for one that was cut between messages.

    pieces: frames that came of a message whose last frame did not.
    """
    error = protocol.parser_exc
    if not isinstance(error, EOFError) or protocol.close_sent is not None:
        return None  # what follows our close is nobody's loss
    inside = str(error) != _BETWEEN_FRAMES
    if not inside and not pieces:
        return None
    how = str(error) if inside else f"{pieces} frames of it came, the last did not"
    return Ending(
        1006,
        "it broke off in the middle of a message",
        "ocpp.broken-off",
        "warn",
        f"station {station} broke off in the middle of a message: {how}",
        "look at its network and power; if it is the same message each time, at its software",
    )
