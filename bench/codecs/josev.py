"""Messages of the Josev API: bytes to typed messages and back, checked against the table in :mod:`bench.codecs.josev_fields`.

Source: Josev API, Authorization and its sister pages. Every message is one JSON object ``{"id", "name", "type", "data"}``;
there is no error message, so a refusal is a value of ``data.status``. Nothing here raises on what came over the bus.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice

import orjson

from bench.codecs.josev_fields import EXTRA, Check, checks, plainly_right, quoted
from bench.errors import BadInput
from bench.message import Decoded, Fault, malformed
from bench.settings import Topics
from bench.tokens.model import JosevTokenType

TYPES = ("request", "response", "update")
MAX_FAULTS = 20
MAX_CHECKS = 2_000
MAX_KEY = 255
"""Characters of an id or a name used to find messages again; the message itself keeps them whole."""
MAX_DUPLICATE_SEARCH = 256 * 1024
"""Bytes up to which duplicate members are looked for: it takes a second, slower parse."""

_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
# The one message whose examples have plain ids.
_PLAIN_ID = frozenset(("iso15118_get_ev_certificate",))
_KEY_APART = re.compile(rb'"\s+:')
_ENVELOPE = ("id", "name", "type", "data")


@dataclass(frozen=True, slots=True)
class JosevMessage:
    """One message of the Josev API.

    id: a UUID; a response repeats its request's. name: ``authorization``. type: ``request``, ``response`` or ``update``.
    data: the payload, as read. What could not be used as id or name is an empty string here, and a fault beside it.
    """

    id: str
    name: str
    type: str
    data: dict[str, object] = field(default_factory=dict)


def decode(raw: bytes, topic: str, topics: Topics) -> Decoded:
    """Read one message from the bus.

    topic: where it came. topics: the topics of the profile, by which the direction is judged.
    kind is request, response, update or malformed; name and correlation (the id) are empty and None where they were lost.
    """
    try:
        tree = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        return _not_json(raw, error)
    if not isinstance(tree, dict):
        return malformed(f"the message is {quoted(tree)}; it must be an object")
    found: list[Fault] = []
    name = _name(tree, found)
    id_ = _id(tree, name, found)
    correlation = id_ if id_ and len(id_) <= MAX_KEY else None
    type_ = _type(tree, found)
    if type_ is None:
        why = f"type is {quoted(tree['type'])}; it must be one of {', '.join(TYPES)}" if "type" in tree else "no type"
        return malformed(why, "type", name=name[:MAX_KEY], correlation=correlation)
    data, readable = _data(tree, found)
    found.extend(Fault(EXTRA, f"{key[:MAX_KEY]} does not belong beside id, name, type, data") for key in _extra(tree))
    if not _each_once(raw, tree):
        found.extend(_duplicates(raw))
    message = JosevMessage(id_, name, type_, data)
    if readable and not plainly_right(name, type_, data, topic, topics):
        looked = islice(checks(name, type_, data, topic, topics), MAX_CHECKS)
        found.extend(Fault(check.rule, check.note, check.path) for check in looked if check.rule)
    return Decoded(type_, name[:MAX_KEY], correlation, message, tuple(found[:MAX_FAULTS]))


def encode(message: JosevMessage) -> bytes:
    """Compact JSON, UTF-8.

    Raises:
        BadInput: the data hold what JSON cannot.
    """
    try:
        return orjson.dumps({"id": message.id, "name": message.name, "type": message.type, "data": message.data})
    except orjson.JSONEncodeError as error:
        raise BadInput(f"this {message.name} {message.type} cannot be written as JSON: {error}") from error


def field_verdicts(message: JosevMessage, topic: str, topics: Topics) -> list[tuple[str, object, bool, str]]:
    """What an inspector shows per field: ``(path, value, ok, note)``, envelope first, at most 2,000."""
    head = (_id_check(message.id, message.name), Check("name", message.name, *_name_check(message.name)))
    type_check = Check("type", message.type, "", "")
    rest = list(islice(checks(message.name, message.type, message.data, topic, topics), MAX_CHECKS))
    if not any(check.path == "type" for check in rest):
        rest.insert(0, type_check)
    return [(check.path, check.value, not check.rule, check.note) for check in (*head, *rest)]


# Messages of ours


def authorization_request(
    id: str, token_type: JosevTokenType, id_token: str | None, evse_id: str | None
) -> JosevMessage:
    """Charger software asks for an authorization. The value of a no_authorization is left out, as the API wants."""
    return JosevMessage(id, "authorization", "request", _token_data(evse_id, id_token, token_type))


def authorization_response(id: str, status: str) -> JosevMessage:
    """Josev's answer: ``accepted``, ``rejected`` or ``deauthorized``."""
    return JosevMessage(id, "authorization", "response", {"status": str(status)})


def authorization_update(
    id: str, evse_id: str, token_type: JosevTokenType, id_token: str | None, status: str
) -> JosevMessage:
    """News of an authorization that has already happened."""
    data = _token_data(evse_id, id_token, token_type)
    return JosevMessage(id, "authorization", "update", {**data, "status": str(status)})


def _token_data(evse_id: str | None, id_token: str | None, token_type: JosevTokenType) -> dict[str, object]:
    data: dict[str, object] = {}
    if evse_id is not None:
        data["evse_id"] = evse_id
    if id_token is not None and token_type is not JosevTokenType.NO_AUTHORIZATION:
        data["id_token"] = id_token
    data["token_type"] = str(token_type)
    return data


def evse_for_request(chosen: str | None, plugged_in_first: bool, known: Sequence[str]) -> str | None:
    """The EVSE id of an AuthorizationRequest, or None where it is left out.

    chosen: what the operator chose. plugged_in_first: the EV was plugged in before the card came; then the id must be sent
    (Josev API, Authorization, "EVSE_ID can be an optional"). known: ids of the charger's EVSEs.

    Raises:
        BadInput: it must be sent, and nothing tells which EVSE it is.
    """
    if chosen is not None and (chosen := chosen.strip()):
        return chosen
    if not plugged_in_first:
        return None
    if len(known) == 1:
        return known[0]
    rule = "the EV was plugged in before the card, so the request must name its EVSE"
    if not known:
        raise BadInput(f"{rule}, and the profile knows none", "add the charger's EVSE to the profile or give its id")
    names = ", ".join(known[:10]) + (", ..." if len(known) > 10 else "")
    raise BadInput(f"{rule}, and the charger has {len(known)}", f"choose one of {names}")


# Envelope


def _not_json(raw: bytes, error: orjson.JSONDecodeError) -> Decoded:
    try:
        text = raw.decode()
    except UnicodeDecodeError as unicode_error:
        return malformed("not UTF-8", f"byte {unicode_error.start}")
    why = f"not JSON: {error.msg}"
    if text[error.pos : error.pos + 1] == "#" or text[error.pos : error.pos + 2] == "//":
        why += " (JSON has no comments, though the examples of the API do)"
    return malformed(why, f"character {error.pos}")


def _name_check(name: str) -> tuple[str, str]:
    return ("", "") if name else ("josev.name", "the message has no name")


def _name(tree: dict[str, object], found: list[Fault]) -> str:
    name = tree.get("name")
    if isinstance(name, str) and name:
        return name
    note = f"name is {quoted(name)}; it must be a string" if "name" in tree else "the message has no name"
    found.append(Fault("josev.name", note, "name"))
    return ""


def _id_check(id_: str, name: str) -> Check:
    if not id_:
        return Check("id", id_, "josev.id", "the message has no id")
    if name not in _PLAIN_ID and not _UUID.fullmatch(id_):
        return Check("id", id_, "josev.id", f"id is {quoted(id_)}; it must be a UUID")
    return Check("id", id_, "", "")


def _id(tree: dict[str, object], name: str, found: list[Fault]) -> str:
    """The id as text: a number is told but used, so that an answer to it can still be found."""
    id_ = tree.get("id")
    if isinstance(id_, int) and not isinstance(id_, bool):
        found.append(Fault("josev.id", f"id is the number {quoted(id_)}; it must be a string", "id"))
        return str(id_)
    if isinstance(id_, str):
        check = _id_check(id_, name)
        if check.rule:
            found.append(Fault(check.rule, check.note, check.path))
        return id_
    note = f"id is {quoted(id_)}; it must be a string" if "id" in tree else "the message has no id"
    found.append(Fault("josev.id", note, "id"))
    return ""


def _type(tree: dict[str, object], found: list[Fault]) -> str | None:
    type_ = tree.get("type")
    if not isinstance(type_, str):
        return None
    if type_ in TYPES:
        return type_
    if type_.lower() in TYPES:
        found.append(Fault("josev.type", f"type is {quoted(type_)}; it must be {type_.lower()}", "type"))
        return type_.lower()
    return None


def _data(tree: dict[str, object], found: list[Fault]) -> tuple[dict[str, object], bool]:
    """The payload, and whether it could be read as one."""
    data = tree.get("data")
    if isinstance(data, dict):
        return data, True
    note = f"data is {quoted(data)}; it must be an object" if "data" in tree else "the message has no data"
    found.append(Fault("josev.data", note, "data"))
    return {}, False


def _extra(tree: dict[str, object]) -> Iterator[str]:
    return islice((key for key in tree if key not in _ENVELOPE), MAX_FAULTS)


def _each_once(raw: bytes, tree: dict[str, object]) -> bool:
    """Whether no member can have been given twice: as many keys were written as were kept. False says: look closely."""
    if len(raw) > MAX_DUPLICATE_SEARCH:
        return True
    return raw.count(b'":') == _keys(tree) and _KEY_APART.search(raw) is None


def _keys(value: object) -> int:
    """How many members there are in all."""
    waiting: list[object] = [value]
    count = 0
    for entry in waiting:
        if type(entry) is dict:
            count += len(entry)
            waiting.extend(inner for inner in entry.values() if type(inner) is dict or type(inner) is list)
        else:
            waiting.extend(inner for inner in entry if type(inner) is dict or type(inner) is list)  # type: ignore[attr-defined]
    return count


def _duplicates(raw: bytes) -> list[Fault]:
    """Members given twice: JSON readers keep the first or the last, so two programs may read two messages."""
    twice: dict[str, None] = {}

    def collect(pairs: list[tuple[str, object]]) -> None:
        seen = set()
        for key, _ in pairs:
            if key in seen:
                twice[key] = None
            seen.add(key)

    try:
        json.loads(raw, object_pairs_hook=collect)
    except (ValueError, RecursionError):  # nested deeper, or a longer number, than this slower parser takes
        return []
    return [
        Fault("josev.duplicate-member", f"{key[:MAX_KEY]} is given twice; the last one counts here")
        for key in islice(twice, MAX_FAULTS)
    ]
