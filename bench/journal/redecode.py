"""A message that was read back from a capture gets its decoded body again.

What was found when it was recorded (kind, name, faults, summary) stands; only the body is made anew, from the raw bytes.
"""

from __future__ import annotations

from typing import Any

import orjson

from bench import http_record
from bench.codecs.josev import JosevMessage
from bench.codecs.ocpp import Call, CallError, CallResult, CallResultError, Unconfirmed
from bench.message import Link, Message

_HTTP = frozenset((Link.MAEVE, Link.OCPI))


def redecode(message: Message) -> Message:
    """The message with its body, where the codec of its link is one of ours and the bytes can be read; else as it is."""
    decoded = message.decoded
    if decoded.body is not None or not message.raw or decoded.kind in ("link", "malformed"):
        return message
    body: object = None
    if message.link is Link.OCPP:
        body = _ocpp(message)
    elif message.link is Link.JOSEV:
        body = _josev(message)
    elif message.link in _HTTP:
        body = http_record.reread(decoded.kind, message.raw)
    return message if body is None else message._replace(decoded=decoded._replace(body=body))


def _ocpp(message: Message) -> Call | CallResult | CallError | CallResultError | Unconfirmed | None:
    frame = _json(message.raw)
    if not isinstance(frame, list):
        return None
    name = message.decoded.name
    match message.decoded.kind, frame:
        case "CALL", [_, str() as id_, str() as action, dict() as payload]:
            return Call(id_, action, payload)
        case "CALLRESULT", [_, str() as id_, dict() as payload]:
            return CallResult(id_, name, payload)
        case "SEND", [_, str() as id_, str() as action, dict() as payload]:
            return Unconfirmed(id_, action, payload)
        case ("CALLERROR" | "CALLRESULTERROR") as kind, [_, str() as id_, *rest]:
            code, description, details = (*rest, "", "", {})[:3] if len(rest) < 3 else rest[:3]
            make = CallError if kind == "CALLERROR" else CallResultError
            return make(id_, name, str(code), str(description), details if isinstance(details, dict) else {})
    return None


def _josev(message: Message) -> JosevMessage | None:
    tree = _json(message.raw)
    if not isinstance(tree, dict):
        return None
    data = tree.get("data")
    return JosevMessage(
        str(tree.get("id", "")), str(tree.get("name", "")), message.decoded.kind, data if isinstance(data, dict) else {}
    )


def _json(raw: bytes) -> Any:
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError:
        return None
