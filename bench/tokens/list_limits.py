"""What a station states of its local list: sizes, and whether it is switched on.

Sources: OCPP 2.0.1 LocalAuthListCtrlr; OCPP 1.6 section 9.3 (Local Auth List Management profile).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from bench.answers import CallAnswer
from bench.csms.reports import Reports
from bench.errors import LinkDown, OperatorError
from bench.settings_flow import gather
from bench.station import Station

Call = Callable[[str, Mapping[str, object]], Awaitable[CallAnswer]]

CONTROLLER = "LocalAuthListCtrlr"
REPORT_S = 10.0
"""How long a report of the sizes may take."""

# MaxSet of Entries is how some stations tell the capacity; the characteristic maxLimit comes in a report only.
_VARIABLES = (
    ("ItemsPerMessage", "Actual"),
    ("BytesPerMessage", "Actual"),
    ("Entries", "MaxSet"),
    ("Enabled", "Actual"),
    ("Available", "Actual"),
    ("SupportsExpiryDateTime", "Actual"),
)
_KEYS = ("LocalAuthListEnabled", "LocalAuthListMaxLength", "SendLocalListMaxLength")


async def read_limits(station: Station, call: Call, reports: Reports | None = None) -> str:
    """Ask, and keep in ``station.limits`` what is answered; what is not answered stays as it was.

    reports: those of the station. On 2.x, where GetVariables leaves one of the sizes open, a report of the component is asked for:
    the capacity is a characteristic (maxLimit of Entries), which some stations tell nowhere else. None: not asked for.

    Returns what stands in the way of a list, in words (``LocalAuthListEnabled is false``), or an empty text.

    Raises:
        LinkDown, OperatorError: the station is gone or did not answer in time.
    """
    if station.version == "1.6":
        return await _read_16(station, call)
    obstacle = await _read_201(station, call)
    limits = station.limits
    if reports is not None and None in (limits.capacity, limits.items_per_message, limits.bytes_per_message):
        await _read_report(station, call, reports)
    return obstacle


async def _read_report(station: Station, call: Call, reports: Reports) -> None:
    """GetReport of the variables that tell sizes (B08); a station that cannot is as if it stated none."""
    names = ("Entries", "ItemsPerMessage", "BytesPerMessage")
    asked = [{"component": {"name": CONTROLLER}, "variable": {"name": name}} for name in names]
    try:
        report = await gather(station, call, reports, "GetReport", {"componentVariable": asked}, REPORT_S)
    except LinkDown:
        raise
    except OperatorError:
        return
    limits = station.limits
    for entry in report.entries:
        name = str(entry.get("variable", {}).get("name", "")).casefold()
        component = str(entry.get("component", {}).get("name", "")).casefold()
        if component != CONTROLLER.casefold():
            continue
        attributes = _objects(entry, "variableAttribute")
        actual = next((each.get("value") for each in attributes if each.get("type", "Actual") == "Actual"), None)
        if name == "entries":
            limits.capacity = _positive(
                _whole(entry.get("variableCharacteristics", {}).get("maxLimit")), limits.capacity
            )
        elif name == "itemspermessage":
            limits.items_per_message = _positive(actual, limits.items_per_message)
        elif name == "bytespermessage":
            limits.bytes_per_message = _positive(actual, limits.bytes_per_message)


def _whole(limit: object) -> object:
    """maxLimit is a decimal number on the wire."""
    return int(limit) if isinstance(limit, float) and limit.is_integer() else limit


async def _read_16(station: Station, call: Call) -> str:
    answer = await call("GetConfiguration", {"key": list(_KEYS)})
    found: dict[str, object] = {}
    for entry in _objects(answer.payload, "configurationKey"):
        found[str(entry.get("key", "")).casefold()] = entry.get("value")
    limits = station.limits
    limits.items_per_message = _positive(found.get("sendlocallistmaxlength"), limits.items_per_message)
    limits.capacity = _positive(found.get("localauthlistmaxlength"), limits.capacity)
    limits.enabled = _flag(found.get("localauthlistenabled"), limits.enabled)
    return "LocalAuthListEnabled is false on this station" if _false(found.get("localauthlistenabled")) else ""


async def _read_201(station: Station, call: Call) -> str:
    asked = [
        {"component": {"name": CONTROLLER}, "variable": {"name": name}, "attributeType": kind}
        for name, kind in _VARIABLES
    ]
    answer = await call("GetVariables", {"getVariableData": asked})
    found: dict[tuple[str, str], object] = {}
    for result in _objects(answer.payload, "getVariableResult"):
        variable = result.get("variable")
        if result.get("attributeStatus") == "Accepted" and isinstance(variable, Mapping):
            key = str(variable.get("name", "")).casefold(), str(result.get("attributeType", "Actual"))
            found[key] = result.get("attributeValue")
    limits = station.limits
    limits.items_per_message = _positive(found.get(("itemspermessage", "Actual")), limits.items_per_message)
    limits.bytes_per_message = _positive(found.get(("bytespermessage", "Actual")), limits.bytes_per_message)
    limits.capacity = _positive(found.get(("entries", "MaxSet")), limits.capacity)
    expiry = found.get(("supportsexpirydatetime", "Actual"))
    if expiry is not None:
        limits.honours_expiry = _true(expiry)
    limits.enabled = _flag(found.get(("enabled", "Actual")), limits.enabled)
    for name in ("Available", "Enabled"):
        if _false(found.get((name.casefold(), "Actual"))):
            return f"{CONTROLLER}.{name} is false on this station"
    return ""


def _objects(payload: Mapping[str, object] | None, field: str) -> list[Mapping[str, object]]:
    """The objects of a list in a payload that may be a refusal or not by the schema."""
    found = payload.get(field) if payload is not None else None
    return [entry for entry in found if isinstance(entry, Mapping)] if isinstance(found, list) else []


def _positive(value: object, otherwise: int | None) -> int | None:
    """A stated size; a station that says 0 of a message size means that it sets no limit."""
    text = str(value).strip()
    if not (text.isascii() and text.isdecimal() and len(text) <= 10):
        return otherwise
    return int(text) or otherwise


def _flag(value: object, otherwise: bool | None) -> bool | None:
    return True if _true(value) else False if _false(value) else otherwise


def _false(value: object) -> bool:
    return str(value).strip().casefold() == "false"


def _true(value: object) -> bool:
    return str(value).strip().casefold() == "true"
