"""OCPP-J messages: bytes to typed messages and back, checked against the schemas of their version (OCPP 1.6J, 2.0.1 and
2.1 Part 4).

Neutral as to who speaks: whether a station may send that action at all is for the link to say. Nothing here raises on data.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from bench.codecs.ocpp_schemas import (
    FORMAT_RULE,
    SCHEMA_RULE,
    VERSIONS,
    Half,
    constraint,
    json_type,
    path_text,
    schema_of,
    schemas,
    unconfirmed,
)
from bench.message import Decoded, Fault, Malformed, malformed

MAX_ID = 36
"""Characters of a message id (OCPP-J 1.6 4.1.4, OCPP 2.0.1 Part 4 4.1.4)."""

MAX_DESCRIPTION = 255
"""Characters of a CALLERROR's description (OCPP-J 1.6 4.2.3, OCPP 2.0.1 Part 4 4.2.3)."""

MAX_ECHOED_ID = 255
"""A longer id is not sent back in an answer."""

UNREADABLE_ID = "-1"
"""Message id of a CALLERROR that answers something without a readable id (OCPP 2.0.1 Part 4 4.2.3)."""

_CALL, _RESULT, _ERROR, _RESULT_ERROR, _SEND = 2, 3, 4, 5, 6
_LENGTHS = {_CALL: 4, _RESULT: 3, _ERROR: 5, _RESULT_ERROR: 5, _SEND: 4}
_KINDS = {
    _CALL: "CALL",
    _RESULT: "CALLRESULT",
    _ERROR: "CALLERROR",
    _RESULT_ERROR: "CALLRESULTERROR",
    _SEND: "SEND",
}
_OLD_TYPES = frozenset({_CALL, _RESULT, _ERROR})
_TYPES = dict.fromkeys(VERSIONS, _OLD_TYPES) | {"2.1": frozenset(_LENGTHS)}


@dataclass(frozen=True, slots=True)
class Call:
    """``[2, id, action, payload]``."""

    id: str
    action: str
    payload: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class CallResult:
    """``[3, id, payload]``; action: of the call it answers, empty when it answers none."""

    id: str
    action: str
    payload: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class CallError:
    """``[4, id, code, description, details]``; action as for :class:`CallResult`."""

    id: str
    action: str
    code: str
    description: str
    details: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class CallResultError:
    """``[5, id, code, description, details]`` of OCPP 2.1: the peer could not use our CALLRESULT. action: of the call we answered
    where it is known, else empty."""

    id: str
    action: str
    code: str
    description: str
    details: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Unconfirmed:
    """``[6, id, action, payload]`` of OCPP 2.1, SEND: a message that is never answered."""

    id: str
    action: str
    payload: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Salvage:
    """What can still be read of a frame that cannot be decoded: message type number and id, each None when lost."""

    type: int | None
    id: str | None


# Plain look-ups on the hot path.
_REQUESTS = {version: schemas(version, Half.REQUEST) for version in VERSIONS}
_RESPONSES = {version: schemas(version, Half.RESPONSE) for version in VERSIONS}


def _no_call(call_id: str) -> str | None:
    return None


def decode(data: bytes, version: str, action_of: Callable[[str], str | None] = _no_call) -> Decoded:
    """Read one WebSocket message.

    version: ``1.6``, ``2.0.1`` or ``2.1``. action_of: the action of the open call with that id, or None; needed to check a
    CALLRESULT. kind is CALL, CALLRESULT, CALLERROR, on 2.1 also CALLRESULTERROR and SEND, or malformed; name the action;
    correlation the message id where it could be read.
    """
    try:
        frame = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        return _not_json(data, error)
    if type(frame) is not list:
        return malformed(f"not a JSON array but {_a(json_type(frame))}")
    if not frame:
        return malformed("an empty array")
    number = frame[0]
    if type(number) is not int or number not in _TYPES[version]:
        return _wrong_type(frame, version)
    if len(frame) < 2 or type(frame[1]) is not str:
        return malformed("no message id" if len(frame) < 2 else f"message id is {_a(json_type(frame[1]))}", "[1]")
    if number == _CALL:
        return _call(frame, version)
    if number == _RESULT:
        return _result(frame, version, action_of(frame[1]))
    if number == _ERROR:
        return _error(frame, version, action_of(frame[1]))
    # A CALLRESULTERROR has the id of a call of the peer's, not of one of ours.
    return _send(frame, version) if number == _SEND else _error(frame, version, None)


def _call(frame: list[Any], version: str) -> Decoded:
    call_id = frame[1]
    if len(frame) != 4:
        return _wrong_length(frame)
    action, payload = frame[2], frame[3]
    if type(action) is not str:
        return malformed(f"action is {_a(json_type(action))}", "[2]", correlation=call_id)
    if type(payload) is not dict:
        return malformed(f"payload is {_a(json_type(payload))}", "[3]", name=action, correlation=call_id)
    faults: tuple[Fault, ...] = () if len(call_id) <= MAX_ID else (_long_id(call_id),)
    schema = _REQUESTS[version][action]
    if schema is None:
        known = action in unconfirmed(version)
        what = f"{action} is sent with SEND and not called" if known else _no_action(version, action)
        faults += (Fault("ocpp.action", what, "[2]"),)
    elif not schema.is_valid(payload):
        faults += schema.faults(payload)
    return Decoded("CALL", action, call_id, Call(call_id, action, payload), faults)


def _send(frame: list[Any], version: str) -> Decoded:
    message_id = frame[1]
    if len(frame) != 4:
        return _wrong_length(frame)
    action, payload = frame[2], frame[3]
    if type(action) is not str:
        return malformed(f"action is {_a(json_type(action))}", "[2]", correlation=message_id)
    if type(payload) is not dict:
        return malformed(f"payload is {_a(json_type(payload))}", "[3]", name=action, correlation=message_id)
    faults: tuple[Fault, ...] = () if len(message_id) <= MAX_ID else (_long_id(message_id),)
    schema = schema_of(version, Half.SEND, action)
    if schema is None:
        known = _REQUESTS[version][action] is not None
        what = f"{action} is called and not sent with SEND" if known else _no_action(version, action)
        faults += (Fault("ocpp.action", what, "[2]"),)
    elif not schema.is_valid(payload):
        faults += schema.faults(payload)
    return Decoded("SEND", action, message_id, Unconfirmed(message_id, action, payload), faults)


def _result(frame: list[Any], version: str, action: str | None) -> Decoded:
    call_id = frame[1]
    if len(frame) != 3:
        return _wrong_length(frame)
    payload = frame[2]
    if type(payload) is not dict:
        return malformed(f"payload is {_a(json_type(payload))}", "[2]", name=action or "", correlation=call_id)
    faults: tuple[Fault, ...] = () if len(call_id) <= MAX_ID else (_long_id(call_id),)
    schema = _RESPONSES[version][action] if action else None
    if schema is not None and not schema.is_valid(payload):
        faults += schema.faults(payload)
    return Decoded("CALLRESULT", action or "", call_id, CallResult(call_id, action or "", payload), faults)


def _error(frame: list[Any], version: str, action: str | None) -> Decoded:
    """A CALLERROR or CALLRESULTERROR."""
    kind, call_id = _KINDS[frame[0]], frame[1]
    # Stations leave out description and details; what they mean is clear, so it is a fault and not malformed.
    if not 3 <= len(frame) <= 5:
        return _wrong_length(frame)
    code = frame[2]
    if type(code) is not str:
        return malformed(f"error code is {_a(json_type(code))}", "[2]", name=action or "", correlation=call_id)
    faults = [] if len(call_id) <= MAX_ID else [_long_id(call_id)]
    if len(frame) != 5:
        faults.append(Fault("ocpp.length", f"{kind} has {len(frame)} elements, wanted 5"))
    if code not in ERROR_CODES[version]:
        faults.append(Fault("ocpp.error-code", f"OCPP {version} has no error code {code[:50]!r}", "[2]"))
    description = frame[3] if len(frame) > 3 else ""
    if type(description) is not str:
        faults.append(Fault("ocpp.error-description", f"type string, got {json_type(description)}", "[3]"))
        description = ""
    elif len(description) > MAX_DESCRIPTION:
        text = f"maxLength {MAX_DESCRIPTION}, got {len(description)}"
        faults.append(Fault("ocpp.error-description", text, "[3]"))
    details = frame[4] if len(frame) > 4 else {}
    if type(details) is not dict:
        faults.append(Fault("ocpp.error-details", f"type object, got {json_type(details)}", "[4]"))
        details = {}
    make = CallError if frame[0] == _ERROR else CallResultError
    return Decoded(kind, action or "", call_id, make(call_id, action or "", code, description, details), tuple(faults))


def _not_json(data: bytes, error: orjson.JSONDecodeError) -> Decoded:
    try:
        data.decode()
    except UnicodeDecodeError as unicode_error:
        why, where = "not UTF-8", f"byte {unicode_error.start}"
    else:
        why, where = f"not JSON: {error.msg}", f"character {error.pos}"
    return malformed(why, where, correlation=salvage(data).id)


def _wrong_type(frame: list[Any], version: str) -> Decoded:
    number = frame[0]
    call_id = frame[1] if len(frame) > 1 and type(frame[1]) is str else None
    shown = number if type(number) is int else _a(json_type(number))
    wanted = "2 to 6" if version == "2.1" else "2, 3 or 4"
    return malformed(f"message type {shown}, wanted {wanted}", "[0]", correlation=call_id)


def _wrong_length(frame: list[Any]) -> Decoded:
    kind, wanted = _KINDS[frame[0]], _LENGTHS[frame[0]]
    name = frame[2] if frame[0] in (_CALL, _SEND) and len(frame) > 2 and type(frame[2]) is str else ""
    return malformed(f"{kind} has {len(frame)} elements, wanted {wanted}", name=name, correlation=frame[1])


def _no_action(version: str, action: str) -> str:
    return f"OCPP {version} has no action {action[:50]!r}"


def _long_id(call_id: str) -> Fault:
    return Fault("ocpp.message-id", f"maxLength {MAX_ID}, got {len(call_id)}", "[1]")


def _a(word: str) -> str:
    return f"an {word}" if word[0] in "aeiou" else word if word == "null" else f"a {word}"


_HEAD = re.compile(rb'\s*\[\s*(-?\d{1,9})\s*(?:,\s*"([^"\\\x00-\x1f\x80-\xff]{1,255})")?')


def salvage(data: bytes) -> Salvage:
    """Message type and id of a frame that may be cut short or wrong, for the CALLERROR that answers it."""
    head = _HEAD.match(data)
    if head is None:
        return Salvage(None, None)
    return Salvage(int(head[1]), head[2].decode() if head[2] else None)


# Encoding. A payload that JSON cannot hold raises TypeError (orjson.JSONEncodeError): the caller's input, not data.


def encode_call(call: Call) -> bytes:
    return orjson.dumps([_CALL, call.id, call.action, call.payload])


def encode_result(result: CallResult) -> bytes:
    return orjson.dumps([_RESULT, result.id, result.payload])


def encode_error(error: CallError | CallResultError) -> bytes:
    number = _ERROR if isinstance(error, CallError) else _RESULT_ERROR
    return orjson.dumps([number, error.id, error.code, error.description, error.details])


# Error codes: OCPP-J 1.6 table 7, OCPP 2.0.1 Part 4 table 8, and OCPP 2.1 Part 4 table 9, which is the same.

_SHARED_CODES = frozenset(
    {
        "NotImplemented",
        "NotSupported",
        "InternalError",
        "ProtocolError",
        "SecurityError",
        "PropertyConstraintViolation",
        "TypeConstraintViolation",
        "GenericError",
        # 1.6 prints the first spelling, its errata and 2.0.1 the second; both are met in the field.
        "OccurenceConstraintViolation",
        "OccurrenceConstraintViolation",
    }
)
_CODES_OF_2 = _SHARED_CODES | {"FormatViolation", "MessageTypeNotSupported", "RpcFrameworkError"}
ERROR_CODES: Mapping[str, frozenset[str]] = {
    "1.6": _SHARED_CODES | {"FormationViolation", "FormatViolation"},
    "2.0.1": _CODES_OF_2,
    "2.1": _CODES_OF_2,
}
"""Error codes a version knows, with the misspelt twins that are accepted from a station."""

_CODES_16 = {
    "ocpp.action": "NotImplemented",
    "ocpp.direction": "NotSupported",
    "ocpp.schema.type": "TypeConstraintViolation",
    "ocpp.schema.required": "ProtocolError",  # "Payload for Action is incomplete"
    "ocpp.schema.additionalProperties": "FormationViolation",
    "ocpp.schema.depth": "FormationViolation",
    "ocpp.schema.minItems": "OccurenceConstraintViolation",
    "ocpp.schema.maxItems": "OccurenceConstraintViolation",
}
_CODES_201 = {
    "ocpp.action": "NotImplemented",
    "ocpp.direction": "NotSupported",
    "ocpp.schema.type": "TypeConstraintViolation",
    "ocpp.schema.required": "OccurrenceConstraintViolation",
    "ocpp.schema.additionalProperties": "FormatViolation",
    "ocpp.schema.depth": "FormatViolation",
    "ocpp.schema.minItems": "OccurrenceConstraintViolation",
    "ocpp.schema.maxItems": "OccurrenceConstraintViolation",
}

# By the element of the frame that is wrong; anything else is no valid RPC at all.
# OCPP 2.1 wants unknown message types ignored and no longer sends MessageTypeNotSupported (Part 4
# section 4.1 with its errata).
_FRAME_CODES = {
    "2.0.1": {"[0]": "MessageTypeNotSupported", "[3]": "FormatViolation"},
    "2.1": {"[3]": "FormatViolation"},
}


def error_code(version: str, fault: Fault) -> str:
    """The CALLERROR code of a version that says what is wrong."""
    table = _CODES_16 if version == "1.6" else _CODES_201
    code = table.get(fault.rule)
    if code is not None:
        return code
    if fault.rule.startswith(SCHEMA_RULE):
        return "PropertyConstraintViolation"  # right type, wrong value: enum, length, range
    if version == "1.6":
        return "FormationViolation"
    return _FRAME_CODES[version].get(fault.where, "RpcFrameworkError")


def refuses(fault: Fault) -> bool:
    """Whether a call with that fault is refused. A time without a zone or an odd URI is noted and answered:
    stations in the field send them, and the ``ocpp`` package lets them pass as well."""
    return fault.rule != FORMAT_RULE


# The inspector's view.

_MAX_ROWS = 2000
_MAX_DEPTH = 32

Verdict = tuple[str, object, bool, str]

_HALVES: Mapping[type, Half] = {Call: Half.REQUEST, CallResult: Half.RESPONSE, Unconfirmed: Half.SEND}


def field_verdicts(version: str, body: object) -> list[Verdict]:
    """Every field of a message with what the schema says of it: ``(path, value, ok, note)``.

    body: a body of :func:`decode`. The note is the fault, else the constraint. Missing required fields are rows
    too, with value None; the message id is one where it is too long. At most 2,000 rows; what lies deeper than 32 levels is
    one row.
    """
    if isinstance(body, Malformed):
        return [(body.where, None, False, body.why)]
    if isinstance(body, CallError | CallResultError):
        return _error_verdicts(version, body)
    if not isinstance(body, Call | CallResult | Unconfirmed):
        return []
    half = _HALVES[type(body)]
    schema = schema_of(version, half, body.action)
    leaves = _leaves(body.payload)
    rows = _id_verdict(body.id)
    if schema is None:
        return rows + [(path_text(parts), value, True, "not checked: no schema") for parts, value in leaves]
    notes: dict[str, list[str]] = {}
    for fault in schema.faults(body.payload):
        notes.setdefault(fault.where, []).append(fault.text)
    for parts, value in leaves:
        path = path_text(parts)
        wrong = notes.pop(path, None)
        rows.append((path, value, wrong is None, "; ".join(wrong) if wrong else constraint(schema, parts)))
    # What is left concerns no leaf: a missing field, an empty or over-long array, an object in the wrong place.
    rows += [(path, None, False, "; ".join(wrong)) for path, wrong in notes.items()]
    return rows


def _error_verdicts(version: str, error: CallError | CallResultError) -> list[Verdict]:
    known = error.code in ERROR_CODES[version]
    rows = [
        *_id_verdict(error.id),
        ("code", error.code, known, "" if known else f"not an error code of OCPP {version}"),
        _length_verdict("description", error.description, MAX_DESCRIPTION),
    ]
    return rows + [(f"details.{key}", value, True, "") for key, value in list(error.details.items())[:_MAX_ROWS]]


def _id_verdict(message_id: str) -> list[Verdict]:
    """A message id stands among the fields only where it is wrong: it is shown beside them anyway."""
    verdict = _length_verdict("messageId", message_id, MAX_ID)
    return [] if verdict[2] else [verdict]


def _length_verdict(path: str, text: str, limit: int) -> Verdict:
    fits = len(text) <= limit
    return path, text, fits, f"string, maxLength {limit}" if fits else f"maxLength {limit}, got {len(text)}"


def _leaves(payload: Mapping[str, Any]) -> list[tuple[tuple[str | int, ...], object]]:
    """Scalars (and empty or too deep containers) with their paths, in the order of the message."""
    found: list[tuple[tuple[str | int, ...], object]] = []
    waiting: list[tuple[tuple[str | int, ...], object]] = [((), payload)]
    while waiting and len(found) < _MAX_ROWS:
        parts, value = waiting.pop()
        if isinstance(value, dict | list) and value and len(parts) < _MAX_DEPTH:
            items: list[tuple[str | int, object]] = list(value.items() if isinstance(value, dict) else enumerate(value))
            waiting.extend(((*parts, key), inner) for key, inner in reversed(items[:_MAX_ROWS]))
        elif parts:
            found.append((parts, value))
    return found
