"""What each message of the Josev API must carry, as a table, and the walk that checks a message against it.

Source: Josev API, external messages. The pages name no required members; here a member is required where the text or every
example and known implementation has it. A topic is named by its role, since topics are settings.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from itertools import chain
from typing import NamedTuple

from bench.settings import Topics
from bench.tokens.model import REQUEST_TOKEN_TYPES, JosevTokenType

MAX_SHOWN = 40
"""Characters of a wrong value that a fault quotes."""


class Check(NamedTuple):
    """One member looked at. path: ``data.token_type``. rule: the rule it breaks, empty where it is as it should be."""

    path: str
    value: object
    rule: str
    note: str


class Kind(StrEnum):
    """JSON types, in the words faults use."""

    STRING = "a string"
    INTEGER = "an integer"
    NUMBER = "a number"
    BOOLEAN = "true or false"
    OBJECT = "an object"
    ARRAY = "an array"


@dataclass(frozen=True, slots=True)
class Member:
    """What one member must be.

    values: the words allowed, none = any. low, high: bounds of an integer. members: of an object, or of each object in an array.
    few: an array must not be empty.
    """

    kind: Kind = Kind.STRING
    required: bool = True
    values: tuple[str, ...] = ()
    low: int | None = None
    high: int | None = None
    members: Mapping[str, Member] | None = None
    few: bool = False


class Way(StrEnum):
    """Roles of the topics a message may come on."""

    TO_JOSEV = "cs_to_josev"
    TO_CS = "josev_to_cs"
    UPDATES = "updates"


@dataclass(frozen=True, slots=True)
class Shape:
    """One kind of one message: where it belongs, and its data."""

    ways: tuple[Way, ...]
    members: Mapping[str, Member]


_RULES = {
    "token_type": "josev.token-type",
    "id_token": "josev.id-token",
    "evse_id": "josev.evse-id",
    "status": "josev.status",
}
_ANY_RULE = "josev.field"
# Never quoted in a fault: a token's value may be a key code.
_SECRET = frozenset(("id_token", "basic_auth_password"))
EXTRA = "josev.extra-member"

_REQUEST_TYPES = tuple(str(kind) for kind in JosevTokenType if kind in REQUEST_TOKEN_TYPES)
_ALL_TYPES = tuple(str(kind) for kind in JosevTokenType)
_STATUSES = ("accepted", "rejected", "deauthorized")
_CONNECTOR_TYPES = (
    "AC_single_phase_core",
    "AC_three_phase_core",
    "DC_core",
    "DC_extended",
    "DC_combo_core",
    "DC_unique",
)

_TEXT = Member()
_MAYBE_TEXT = Member(required=False)
_MAYBE_TYPE = Member(required=False, values=_ALL_TYPES)
_POSITIVE = Member(Kind.INTEGER, low=1)

_AC = {
    "connector_type": Member(values=_CONNECTOR_TYPES),
    "control_mode": Member(required=False, values=("scheduled", "dynamic")),
    "nominal_voltage": Member(Kind.NUMBER),
}
_DC = {**_AC, "nominal_voltage": Member(Kind.NUMBER, required=False)}
_BPT = {
    "bpt_channel": Member(required=False, values=("unified", "separated")),
    "generator_mode": Member(required=False, values=("grid_following", "grid_forming")),
    "grid_island_detection_mode": Member(required=False, values=("active", "passive")),
}
_SERVICES = {
    "ac": Member(Kind.OBJECT, required=False, members=_AC),
    "ac_bpt": Member(Kind.OBJECT, required=False, members={**_AC, **_BPT}),
    "dc": Member(Kind.OBJECT, required=False, members=_DC),
    "dc_bpt": Member(Kind.OBJECT, required=False, members={**_DC, **_BPT}),
}
_CS_PARAMETERS = {
    "sw_version": _TEXT,
    "hw_version": _TEXT,
    "number_of_evses": _POSITIVE,
    "parameters": Member(
        Kind.ARRAY,
        few=True,
        members={
            "evse_id": _TEXT,
            "supports_eim": Member(Kind.BOOLEAN),
            "network_interface": _TEXT,
            "connectors": Member(
                Kind.ARRAY,
                few=True,
                members={"id": Member(Kind.INTEGER), "services": Member(Kind.OBJECT, members=_SERVICES)},
            ),
        },
    ),
}
_DEVICE_MODEL = {
    "model": _TEXT,
    "vendor": _TEXT,
    "identity": _TEXT,
    "ocpp_csms_url": _TEXT,
    "security_profile": Member(Kind.INTEGER, low=1, high=3),
    "basic_auth_password": _MAYBE_TEXT,
    "serial_number": _TEXT,
    "firmware_version": _TEXT,
    "sim_iccid": _MAYBE_TEXT,
    "sim_imsi": _MAYBE_TEXT,
    "evses": Member(
        Kind.ARRAY,
        few=True,
        members={
            "ocpp_id": _POSITIVE,
            "iso15118_id": _TEXT,
            "power_kw": Member(Kind.NUMBER),
            "supply_phases": Member(Kind.INTEGER, low=1, high=3),
            "connectors": Member(Kind.ARRAY, few=True, members={"id": Member(Kind.INTEGER), "connector_type": _TEXT}),
        },
    ),
    "components": Member(Kind.ARRAY, required=False),
}

SHAPES: Mapping[tuple[str, str], Shape] = {
    ("authorization", "request"): Shape(
        (Way.TO_JOSEV,),
        {"evse_id": _MAYBE_TEXT, "id_token": _MAYBE_TEXT, "token_type": Member(values=_REQUEST_TYPES)},
    ),
    ("authorization", "response"): Shape((Way.TO_CS,), {"status": Member(values=_STATUSES)}),
    # Charger software in the field also publishes updates, on cs/josev, to grant a session of its own.
    ("authorization", "update"): Shape(
        (Way.TO_CS, Way.UPDATES, Way.TO_JOSEV),
        {
            "evse_id": _TEXT,
            "id_token": _MAYBE_TEXT,
            "token_type": Member(values=_ALL_TYPES),
            "status": Member(values=_STATUSES),
        },
    ),
    ("process_authorized_token", "request"): Shape(
        (Way.TO_CS,), {"evse_id": _MAYBE_TEXT, "token_type": Member(values=_ALL_TYPES), "id_token": _MAYBE_TEXT}
    ),
    ("process_authorized_token", "response"): Shape(
        (Way.TO_JOSEV,), {"status": Member(values=("accepted", "discarded"))}
    ),
    ("stop_charging", "request"): Shape((Way.TO_CS, Way.UPDATES), {"evse_id": _TEXT}),
    ("stop_charging", "response"): Shape(
        (Way.TO_JOSEV,), {"evse_id": _TEXT, "status": Member(values=("accepted", "rejected"))}
    ),
    ("transaction_status", "update"): Shape(
        (Way.TO_CS,),
        {
            "status": Member(values=("started", "in_progress", "ended")),
            "transaction_id": _TEXT,
            "evse_id": _MAYBE_TEXT,
            "id_token": _MAYBE_TEXT,
            "token_type": _MAYBE_TYPE,
        },
    ),
    ("cs_parameters", "request"): Shape((Way.TO_CS,), {}),
    ("cs_parameters", "response"): Shape((Way.TO_JOSEV,), _CS_PARAMETERS),
    ("device_model", "request"): Shape((Way.TO_CS,), {}),
    ("device_model", "response"): Shape((Way.TO_JOSEV,), _DEVICE_MODEL),
}

# Its response has a string member whose name is not published: extra members there say nothing.
_OPEN = frozenset((("process_authorized_token", "response"),))
_NAMES = frozenset(name for name, _ in SHAPES)


def checks(name: str, type_: str, data: Mapping[str, object], topic: str, topics: Topics) -> Iterator[Check]:
    """Look at topic and data of one message, member by member. Messages not in the table yield nothing."""
    shape = SHAPES.get((name, type_))
    if shape is None:
        if name in _NAMES:
            kinds = " or ".join(kind for known, kind in SHAPES if known == name)
            yield Check("type", type_, "josev.type", f"{name} has no {type_}, only {kinds}")
        return
    yield _topic(name, type_, shape, topic, topics)
    for path, value, rule, note in _members("data", data, shape.members, (name, type_) in _OPEN):
        if not rule and path == "data.id_token":
            rule, note = _token_rule(type_, data)
        yield Check(path, value, rule, note)
    if (name, type_) == ("authorization", "request") and _token_missing(data):
        text = f"id_token is missing; {quoted(data.get('token_type'))} needs one"
        yield Check("data.id_token", None, _RULES["id_token"], text)


def plainly_right(name: str, type_: str, data: Mapping[str, object], topic: str, topics: Topics) -> bool:
    """Whether :func:`checks` would find nothing, told at once for the flat messages that nearly all traffic is.

    False says no more than: look closely.
    """
    shape = SHAPES.get((name, type_))
    if shape is None:
        return name not in _NAMES
    if not _belongs(shape, topic, topics):
        return False
    members = shape.members
    for key, value in data.items():
        member = members.get(key)
        if member is None or type(value) is not str or member.kind is not Kind.STRING or not value.strip():
            return False
        if member.values and value not in member.values:
            return False
    for key, member in members.items():
        if member.required and key not in data:
            return False
    return name != "authorization" or not (_free(data) or _token_missing(data))


def _belongs(shape: Shape, topic: str, topics: Topics) -> bool:
    for way in shape.ways:
        if way is Way.TO_JOSEV:
            if topic == topics.cs_to_josev:
                return True
        elif way is Way.TO_CS:
            if topic == topics.josev_to_cs:
                return True
        elif topic in topics.updates:
            return True
    return False


def topics_of(shape: Shape, topics: Topics) -> tuple[str, ...]:
    """The topics a message belongs on, in the order of the table."""
    named = {Way.TO_JOSEV: (topics.cs_to_josev,), Way.TO_CS: (topics.josev_to_cs,), Way.UPDATES: topics.updates}
    return tuple(dict.fromkeys(chain.from_iterable(named[way] for way in shape.ways)))


def quoted(value: object) -> str:
    """A value met, short enough for a sentence."""
    if isinstance(value, str):
        return f"'{value[:MAX_SHOWN]}…'" if len(value) > MAX_SHOWN else f"'{value}'"
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return "an array"
    return "null" if value is None else str(value).lower()[:MAX_SHOWN]


def _topic(name: str, type_: str, shape: Shape, topic: str, topics: Topics) -> Check:
    wanted = topics_of(shape, topics)
    if topic in wanted:
        return Check("topic", topic, "", "")
    belongs = " or ".join(wanted)
    return Check("topic", topic, "josev.topic", f"{name} {type_} came on {topic}; it belongs on {belongs}")


def _token_missing(data: Mapping[str, object]) -> bool:
    """An AuthorizationRequest without an id_token that is not for free charging; a type nobody knows asks for none."""
    return "id_token" not in data and data.get("token_type") in _REQUEST_TYPES and not _free(data)


def _free(data: Mapping[str, object]) -> bool:
    return data.get("token_type") == JosevTokenType.NO_AUTHORIZATION


def _token_rule(type_: str, data: Mapping[str, object]) -> tuple[str, str]:
    """What the type of a token says of its value."""
    if _free(data):
        return _RULES["id_token"], f"id_token is given; the {type_} of a no_authorization must leave it out"
    return "", ""


def _members(
    where: str, data: Mapping[str, object], wanted: Mapping[str, Member], open_: bool = False
) -> Iterator[Check]:
    for name, member in wanted.items():
        path = f"{where}.{name}"
        if name in data:
            yield from _value(path, name, data[name], member)
        elif member.required:
            yield Check(path, None, _RULES.get(name, _ANY_RULE), f"{name} is missing")
    if open_:
        return
    for name, value in data.items():
        if name not in wanted:
            shown = name if len(name) <= MAX_SHOWN else f"{name[:MAX_SHOWN]}…"
            yield Check(f"{where}.{shown}", value, EXTRA, f"{shown} is not a member the Josev API knows")


def _value(path: str, name: str, value: object, member: Member) -> Iterator[Check]:
    note = _wrong(name, value, member)
    yield Check(path, value, _RULES.get(name, _ANY_RULE) if note else "", note)
    if note or member.members is None:
        return
    if isinstance(value, dict):
        yield from _members(path, value, member.members)
    elif isinstance(value, list):
        for index, entry in enumerate(value):
            inside = f"{path}[{index}]"
            if isinstance(entry, dict):
                yield from _members(inside, entry, member.members)
            else:
                yield Check(inside, entry, _ANY_RULE, f"an entry of {name} is {quoted(entry)}; it must be an object")


def _wrong(name: str, value: object, member: Member) -> str:
    """What is wrong with a value itself, or nothing."""
    if value is None and not member.required:
        return f"{name} is null; leave it out instead"
    if not _is(value, member.kind):
        met = _type_word(value) if name in _SECRET else quoted(value)
        return f"{name} is {met}; it must be {member.kind}"
    if isinstance(value, str):
        if not value.strip():
            return f"{name} is empty"
        if member.values and value not in member.values:
            return f"{name} is {quoted(value)}; it must be one of {', '.join(member.values)}"
    if isinstance(value, list) and member.few and not value:
        return f"{name} is empty; it needs at least one entry"
    if isinstance(value, int) and not _within(value, member):
        bounds = f"{member.low} to {member.high}" if member.high is not None else f"{member.low} or more"
        return f"{name} is {value}; it must be {bounds}"
    return ""


def _within(value: int, member: Member) -> bool:
    return (member.low is None or value >= member.low) and (member.high is None or value <= member.high)


def _is(value: object, kind: Kind) -> bool:
    if isinstance(value, bool):
        return kind is Kind.BOOLEAN
    if isinstance(value, str):
        return kind is Kind.STRING
    if isinstance(value, int):
        return kind in (Kind.INTEGER, Kind.NUMBER)
    if isinstance(value, float):
        return kind is Kind.NUMBER
    if isinstance(value, dict):
        return kind is Kind.OBJECT
    return isinstance(value, list) and kind is Kind.ARRAY


def _type_word(value: object) -> str:
    """The JSON type of a value."""
    if isinstance(value, bool):
        return str(Kind.BOOLEAN)
    if isinstance(value, (int, float)):
        return str(Kind.NUMBER)
    return quoted(value)
