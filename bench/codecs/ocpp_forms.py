"""The JSON schema of an OCPP request as a tree of fields to fill in, and who may send which action.

The trees are made of the documents in :mod:`bench.codecs.ocpp_schemas` (OCA's own, drafts 4 and 6).
"""

from __future__ import annotations

import html
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

MAX_DEPTH = 20
"""Levels of a tree; what lies deeper, or repeats itself, is a field of kind ANY."""

MAX_DESCRIPTION = 600

EPOCH = "1970-01-01T00:00:00Z"
_URI = "https://example.org/"


class Kind(StrEnum):
    """JSON type of a field; ANY where the schema does not say, or says too deep."""

    OBJECT = "object"
    ARRAY = "array"
    STRING = "string"
    INTEGER = "integer"
    NUMBER = "number"
    BOOLEAN = "boolean"
    ANY = "any"


@dataclass(frozen=True, slots=True)
class Limits:
    """What the schema demands of a value beside its type; None where it demands nothing."""

    min_length: int | None = None
    max_length: int | None = None
    minimum: float | None = None
    maximum: float | None = None
    multiple_of: float | None = None
    min_items: int | None = None
    max_items: int | None = None
    format: str = ""

    def words(self) -> str:
        """``maxLength 36, format date-time``; empty where there are none."""
        named = (
            ("minLength", self.min_length),
            ("maxLength", self.max_length),
            ("minimum", self.minimum),
            ("maximum", self.maximum),
            ("multipleOf", self.multiple_of),
            ("minItems", self.min_items),
            ("maxItems", self.max_items),
            ("format", self.format or None),
        )
        return ", ".join(f"{name} {value}" for name, value in named if value is not None)


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a payload, or the payload itself (then name is empty).

    choices: the words of an enum. fields: of an object, the required ones first. item: what an array holds; its name is empty.
    extensible: an object that may hold names of its own (OCPP 2.x ``customData``).
    """

    name: str
    kind: Kind
    required: bool = False
    description: str = ""
    choices: tuple[str, ...] = ()
    limits: Limits = Limits()
    fields: tuple[Field, ...] = ()
    item: Field | None = None
    extensible: bool = False

    def child(self, part: str | int) -> Field | None:
        """The field under a name, or that of an array's elements; None where the schema knows none."""
        if isinstance(part, int):
            return self.item
        return next((each for each in self.fields if each.name == part), None)

    def fits(self, value: object) -> bool:
        """Whether a JSON value is of this kind; of what it holds nothing is said."""
        if isinstance(value, bool):
            return self.kind in (Kind.BOOLEAN, Kind.ANY)
        wanted = _PYTHON.get(self.kind)
        return wanted is None or isinstance(value, wanted)


_PYTHON: Mapping[Kind, type | tuple[type, ...]] = {
    Kind.OBJECT: dict,
    Kind.ARRAY: list,
    Kind.STRING: str,
    Kind.INTEGER: int,
    Kind.NUMBER: (int, float),
    Kind.BOOLEAN: bool,
}


def form_of(document: Mapping[str, Any]) -> Field:
    """The fields of a schema document, every ``$ref`` resolved."""
    return _field("", document, True, document, ())


def _field(
    name: str, node: Mapping[str, Any], required: bool, document: Mapping[str, Any], above: tuple[str, ...]
) -> Field:
    """above: the references that lead here, one a level."""
    own_words = node.get("description")
    reference = node.get("$ref", "")
    if reference:
        if reference in above:
            return Field(name, Kind.ANY, required, _plain(own_words))
        node = _target(document, reference)
    if len(above) >= MAX_DEPTH:
        return Field(name, Kind.ANY, required, _plain(own_words or node.get("description")))
    above = (*above, reference)
    kind = _kind(node)
    wanted = frozenset(node.get("required", ()))
    fields = [
        _field(each, below, each in wanted, document, above) for each, below in node.get("properties", {}).items()
    ]
    items = node.get("items")
    return Field(
        name,
        kind,
        required,
        _plain(own_words or node.get("description")),
        tuple(word for word in node.get("enum", ()) if isinstance(word, str)),
        _limits(node),
        tuple(sorted(fields, key=lambda field: not field.required)),
        _field("", items if isinstance(items, Mapping) else {}, True, document, above) if kind is Kind.ARRAY else None,
        kind is Kind.OBJECT and node.get("additionalProperties") is not False,
    )


def _target(document: Mapping[str, Any], reference: str) -> Mapping[str, Any]:
    node: Any = document
    for part in reference.removeprefix("#/").split("/"):
        node = node.get(part, {}) if isinstance(node, Mapping) else {}
    return node if isinstance(node, Mapping) else {}


def _kind(node: Mapping[str, Any]) -> Kind:
    try:
        return Kind(node.get("type", "object" if "properties" in node else "any"))
    except (ValueError, TypeError):  # several types
        return Kind.ANY


def _limits(node: Mapping[str, Any]) -> Limits:
    return Limits(
        node.get("minLength"),
        node.get("maxLength"),
        node.get("minimum"),
        node.get("maximum"),
        node.get("multipleOf"),
        node.get("minItems"),
        node.get("maxItems"),
        node.get("format", ""),
    )


def _plain(description: object) -> str:
    """A description in one line, without the marks of the document it was made from."""
    if not isinstance(description, str):
        return ""
    words = html.unescape(description).replace("<<", "").replace(">>", "").split()
    text = " ".join(word for word in words if not word.startswith("urn:x-"))
    return text if len(text) <= MAX_DESCRIPTION else f"{text[: MAX_DESCRIPTION - 1]}…"


def minimal(field: Field, now: str = EPOCH) -> Any:
    """The smallest value the schema takes: required fields only, first words, least numbers. now: RFC 3339, for date-times."""
    limits = field.limits
    if field.kind is Kind.OBJECT:
        return {each.name: minimal(each, now) for each in field.fields if each.required}
    if field.kind is Kind.ARRAY:
        item = field.item or Field("", Kind.ANY)
        return [minimal(item, now) for _ in range(limits.min_items or 0)]
    if field.kind is Kind.BOOLEAN:
        return False
    if field.kind in (Kind.INTEGER, Kind.NUMBER):
        return max(limits.minimum or 0, 0) if limits.maximum is None or limits.maximum >= 0 else limits.maximum
    if field.kind is Kind.ANY:
        return {}
    if field.choices:
        return field.choices[0]
    by_format = {"date-time": now, "uri": _URI}
    return by_format.get(limits.format, "x" * (limits.min_length or 0))


# Who sends what

BOTH_WAYS = frozenset({"DataTransfer"})

_FROM_STATIONS_16 = frozenset(
    {
        "Authorize",
        "BootNotification",
        "DiagnosticsStatusNotification",
        "FirmwareStatusNotification",
        "Heartbeat",
        "LogStatusNotification",
        "MeterValues",
        "SecurityEventNotification",
        "SignCertificate",
        "SignedFirmwareStatusNotification",
        "StartTransaction",
        "StatusNotification",
        "StopTransaction",
    }
)
_FROM_STATIONS_201 = frozenset(
    {
        "Authorize",
        "BootNotification",
        "ClearedChargingLimit",
        "FirmwareStatusNotification",
        "Get15118EVCertificate",
        "GetCertificateStatus",
        "Heartbeat",
        "LogStatusNotification",
        "MeterValues",
        "NotifyChargingLimit",
        "NotifyCustomerInformation",
        "NotifyDisplayMessages",
        "NotifyEVChargingNeeds",
        "NotifyEVChargingSchedule",
        "NotifyEvent",
        "NotifyMonitoringReport",
        "NotifyReport",
        "PublishFirmwareStatusNotification",
        "ReportChargingProfiles",
        "ReservationStatusUpdate",
        "SecurityEventNotification",
        "SignCertificate",
        "StatusNotification",
        "TransactionEvent",
    }
)
_FROM_STATIONS_21 = _FROM_STATIONS_201 | frozenset(
    {
        "BatterySwap",
        "ClosePeriodicEventStream",
        "GetCertificateChainStatus",
        "NotifyDERAlarm",
        "NotifyDERStartStop",
        "NotifyPeriodicEventStream",
        "NotifyPriorityCharging",
        "NotifySettlement",
        "OpenPeriodicEventStream",
        "PullDynamicScheduleUpdate",
        "ReportDERControl",
        "VatNumberValidation",
    }
)
_FROM_STATIONS = {"1.6": _FROM_STATIONS_16, "2.0.1": _FROM_STATIONS_201, "2.1": _FROM_STATIONS_21}


def sent_by_stations(version: str) -> frozenset[str]:
    """Actions that only a station may send (OCPP 1.6 section 4, OCPP 2.0.1 and 2.1 Part 2); none for a version unknown."""
    return _FROM_STATIONS.get(version, frozenset())


def sent_by_csms(version: str) -> frozenset[str]:
    """Actions a CSMS may send, those that go both ways included.

    Raises:
        BenchBug: no such OCPP version.
    """
    from bench.codecs.ocpp_schemas import actions  # heavy; a window is painted before it is loaded

    return actions(version) - sent_by_stations(version)
