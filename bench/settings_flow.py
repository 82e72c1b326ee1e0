"""Reading and writing a station's authorization settings in the words of its version, each write read back.

Sources: OCPP 1.6 sections 5.3 (ChangeConfiguration), 5.8 (GetConfiguration); OCPP 2.0.1 B05 (SetVariables), B06 (GetVariables),
B07 (GetBaseReport). Every function raises LinkDown (the station is gone) or OperatorError (no answer in time).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from bench.answers import CallAnswer
from bench.auth_settings import SETTINGS, Setting
from bench.csms.reports import Report, Reports
from bench.errors import BadInput, OperatorError
from bench.station import Station

Call = Callable[[str, Mapping[str, object]], Awaitable[CallAnswer]]

PORTION = 10
"""Settings asked for in one message of a station that states no limit."""

REPORT_S = 60.0
"""How long a base report may take from its acceptance to its last part."""

MAX_SHOWN = 80

NOT_IN_VERSION = "NotInVersion"
NOT_ANSWERED = "NotAnswered"


@dataclass(frozen=True, slots=True)
class SettingValue:
    """What a station said of one setting.

    value: as it stands on the wire, None where it has none or did not tell. status: Accepted, or why there is no value:
    UnknownKey (1.6), UnknownComponent, UnknownVariable, NotSupportedAttributeType, Rejected (2.x), NotInVersion (that OCPP
    version has no such setting), NotAnswered, or the code of a CALLERROR. read_only: as the station says, else as
    the standard does.
    """

    setting: Setting
    value: str | None
    status: str
    read_only: bool

    @property
    def known(self) -> bool:
        return self.status == "Accepted"


@dataclass(frozen=True, slots=True)
class SettingWritten:
    """What came of writing a setting.

    ok: taken, and read back as written (or to be in force after a reboot). status: the station's word. read: the value read back,
    None where it could not be had.
    """

    ok: bool
    status: str
    text: str
    setting: Setting
    wanted: str
    read: str | None = None
    reboot_required: bool = False
    answer: CallAnswer | None = None

    @property
    def denied(self) -> bool:
        """The station accepted it, and then said something else: its word is worth nothing."""
        return self.status == "Accepted" and self.read is not None and not self.ok


# Reading


async def read_settings(station: Station, call: Call) -> list[SettingValue]:
    """Every setting of the table, asked for in portions that the station takes; what it does not know is told as such."""
    asked = [entry for entry in SETTINGS.values() if entry.address(station.version)]
    read = _read_16 if station.version == "1.6" else _read_2x
    found: dict[str, SettingValue] = {}
    portion = await _portion(station, call)
    for some in _portions(asked, portion):
        found.update({value.setting.name: value for value in await read(some, call)})
    return [found.get(entry.name) or _nothing(entry, NOT_IN_VERSION) for entry in SETTINGS.values()]


async def read_setting(station: Station, entry: Setting, call: Call) -> SettingValue:
    """One setting."""
    return (await (_read_16 if station.version == "1.6" else _read_2x)([entry], call))[0]


async def _portion(station: Station, call: Call) -> int:
    """How many a station takes at once: GetConfigurationMaxKeys, or DeviceDataCtrlr.ItemsPerMessage[GetVariables]."""
    if station.version == "1.6":
        answer = await call("GetConfiguration", {"key": ["GetConfigurationMaxKeys"]})
        said = [entry.get("value") for entry in _objects(answer, "configurationKey")]
    else:
        variable = {"name": "ItemsPerMessage", "instance": "GetVariables"}
        asked = {"component": {"name": "DeviceDataCtrlr"}, "variable": variable}
        answer = await call("GetVariables", {"getVariableData": [asked]})
        said = [entry.get("attributeValue") for entry in _objects(answer, "getVariableResult")]
    text = str(said[0]).strip() if said else ""
    stated = int(text) if text.isascii() and text.isdecimal() and len(text) <= 6 else 0
    return min(stated, len(SETTINGS)) or PORTION


def _portions(asked: list[Setting], size: int) -> Iterator[list[Setting]]:
    rest = iter(asked)
    while some := list(islice(rest, size)):
        yield some


async def _read_16(asked: list[Setting], call: Call) -> list[SettingValue]:
    answer = await call("GetConfiguration", {"key": [entry.key_16 for entry in asked]})
    if answer.payload is None:
        return [_nothing(entry, answer.code) for entry in asked]
    told = {str(entry.get("key", "")).casefold(): entry for entry in _objects(answer, "configurationKey")}
    unknown = answer.payload.get("unknownKey")
    strange = {str(key).casefold() for key in unknown} if isinstance(unknown, list) else set()
    values = []
    for entry in asked:
        key = str(entry.key_16).casefold()
        said = told.get(key)
        if said is None:
            values.append(_nothing(entry, "UnknownKey" if key in strange else NOT_ANSWERED))
        else:
            values.append(SettingValue(entry, _text(said.get("value")), "Accepted", said.get("readonly") is True))
    return values


async def _read_2x(asked: list[Setting], call: Call) -> list[SettingValue]:
    answer = await call("GetVariables", {"getVariableData": [_address(entry) for entry in asked]})
    if answer.payload is None:
        return [_nothing(entry, answer.code) for entry in asked]
    told = {_key(result, result.get("attributeType")): result for result in _objects(answer, "getVariableResult")}
    values = []
    for entry in asked:
        said = told.get(_key(_address(entry), entry.attribute))
        if said is None:
            values.append(_nothing(entry, NOT_ANSWERED))
            continue
        status = str(said.get("attributeStatus"))
        value = _text(said.get("attributeValue")) if status == "Accepted" else None
        values.append(SettingValue(entry, value, status, entry.read_only))
    return values


# The whole device model


async def report_settings(
    station: Station, call: Call, reports: Reports, limit_s: float = REPORT_S
) -> list[SettingValue]:
    """The settings as GetBaseReport tells them, with what may be written and how much a list may hold (maxLimit).

    Raises:
        BadInput: OCPP 1.6 has no such report. OperatorError: the station refused it, or the last part did not come in time.
    """
    report = await base_report(station, call, reports, limit_s)
    told = {_key(entry, None): entry for entry in report.entries}
    return [_reported(entry, told) for entry in SETTINGS.values()]


async def base_report(station: Station, call: Call, reports: Reports, limit_s: float = REPORT_S) -> Report:
    """GetBaseReport of the full inventory and all its NotifyReport, within ``limit_s`` seconds.

    Raises:
        BadInput, OperatorError: as for :func:`report_settings`.
    """
    if station.version == "1.6":
        raise BadInput("OCPP 1.6 has no base report", "read the settings without a report")
    return await gather(station, call, reports, "GetBaseReport", {"reportBase": "FullInventory"}, limit_s)


async def gather(
    station: Station, call: Call, reports: Reports, action: str, asked: Mapping[str, object], limit_s: float
) -> Report:
    """GetBaseReport or GetReport (2.x), and all NotifyReport that it brings, within ``limit_s`` seconds.

    Raises:
        LinkDown: the station is gone. OperatorError: it refused, or the last part did not come in time.
    """
    ended = asyncio.Event()
    request_id, report = reports.expect(ended.set)
    try:
        answer = await call(action, {"requestId": request_id, **asked})
        status = answer.code if answer.payload is None else str(answer.payload.get("status"))
        if status != "Accepted":
            raise OperatorError(
                f"station {station.id} refused {action}: {status}", "read the settings without a report"
            )
        async with asyncio.timeout(limit_s):
            await ended.wait()
    except TimeoutError:
        raise OperatorError(
            f"station {station.id} sent {report.parts} parts of its report, but not the last one within {limit_s:g} s",
            "read the settings without a report",
        ) from None
    finally:
        reports.forget(request_id)
    return report


def _reported(entry: Setting, told: Mapping[tuple[str, str, str], Mapping[str, Any]]) -> SettingValue:
    if not entry.component:
        return _nothing(entry, NOT_IN_VERSION)
    said = told.get(_key(_address(entry), None))
    if said is None:
        return _nothing(entry, "UnknownVariable")
    if entry.attribute == "MaxSet":
        limit = said.get("variableCharacteristics", {}).get("maxLimit")
        return SettingValue(entry, f"{limit:g}" if isinstance(limit, int | float) else None, "Accepted", True)
    attributes = said.get("variableAttribute", ())
    actual = next((one for one in attributes if one.get("type", "Actual") == "Actual"), None)
    if actual is None:
        return _nothing(entry, "NotSupportedAttributeType")
    return SettingValue(entry, _text(actual.get("value")), "Accepted", actual.get("mutability") == "ReadOnly")


# Writing


async def write_setting(station: Station, entry: Setting, value: bool | int | str, call: Call) -> SettingWritten:
    """Write one setting and read it back.

    Raises:
        BadInput: it cannot be written, that version does not know it, or it is no value of its kind. Nothing was sent.
    """
    address = entry.address(station.version)
    if not address:
        raise BadInput(f"OCPP {station.version} has no setting {entry.name}", "it can be set on another version only")
    if entry.read_only:
        raise BadInput(f"{entry.name} ({address}) can only be read", "it is a property of the station")
    wanted = entry.wire_value(station.version, value)
    if station.version == "1.6":
        answer = await call("ChangeConfiguration", {"key": address, "value": wanted})
        said: Mapping[str, object] = answer.payload or {}
        status = str(said.get("status"))
    else:
        answer = await call("SetVariables", {"setVariableData": [{**_address(entry), "attributeValue": wanted}]})
        said = next(iter(_objects(answer, "setVariableResult")), {})
        status = str(said.get("attributeStatus"))
    if answer.payload is None:
        text = f"the station refused to set {address}: {answer.code} {answer.description}".rstrip()
        return SettingWritten(False, answer.code, text, entry, wanted, answer=answer)
    if status not in ("Accepted", "RebootRequired"):
        text = f"the station did not set {address}: {_REFUSED.get(status, status)}{_reason(said)}"
        return SettingWritten(False, status, text, entry, wanted, answer=answer)
    return await _read_back(station, entry, wanted, status, answer, call)


async def _read_back(
    station: Station, entry: Setting, wanted: str, status: str, answer: CallAnswer, call: Call
) -> SettingWritten:
    """Believe an Accepted only when the station says the new value itself."""
    address = entry.address(station.version)
    reboot = status == "RebootRequired"
    try:
        now = await read_setting(station, entry, call)
    except OperatorError as error:
        text = f"{address}: {status}, but it could not be read back: {error.what}"
        return SettingWritten(False, status, text, entry, wanted, None, reboot, answer)
    if reboot:
        shown = "" if now.value is None else f" (now {now.value[:MAX_SHOWN]})"
        text = f"{address} will be {wanted[:MAX_SHOWN]} after a reboot of the station{shown}: RebootRequired"
        return SettingWritten(True, status, text, entry, wanted, now.value, True, answer)
    if now.value is None:
        text = f"{address}: Accepted, but it could not be read back: {now.status}"
        return SettingWritten(False, status, text, entry, wanted, None, False, answer)
    if now.value.strip().casefold() == wanted.casefold():
        return SettingWritten(
            True, status, f"{address} is now {wanted[:MAX_SHOWN]}", entry, wanted, now.value, False, answer
        )
    text = f"{address}: Accepted, but it reads {now.value[:MAX_SHOWN]}, {wanted[:MAX_SHOWN]} was written"
    return SettingWritten(False, status, text, entry, wanted, now.value, False, answer)


_REFUSED = {
    "Rejected": "Rejected: the value is not possible, or it cannot be written",
    "NotSupported": "NotSupported: it has no such key",
    "UnknownComponent": "UnknownComponent: it has no such component",
    "UnknownVariable": "UnknownVariable: it has no such variable",
    "NotSupportedAttributeType": "NotSupportedAttributeType: the variable has no such attribute",
}


# Inside


def _nothing(entry: Setting, status: str) -> SettingValue:
    return SettingValue(entry, None, status, entry.read_only)


def _address(entry: Setting) -> dict[str, object]:
    address: dict[str, object] = {"component": {"name": entry.component}, "variable": {"name": entry.variable}}
    if entry.attribute != "Actual":  # Actual is the default, and some stations know no other
        address["attributeType"] = entry.attribute
    return address


def _key(told: Mapping[str, Any], attribute: object) -> tuple[str, str, str]:
    """Names of components and variables are equal ignoring case (OCPP 2.0.1 Part 2, identifiers). Instances are others."""
    names = []
    for field in ("component", "variable"):
        part = told.get(field)
        name = part.get("name") if isinstance(part, Mapping) else ""
        instance = part.get("instance", "") if isinstance(part, Mapping) else ""
        names.append(f"{name}/{instance}".casefold())
    return names[0], names[1], str(attribute or "Actual")


def _objects(answer: CallAnswer, field: str) -> list[Mapping[str, Any]]:
    found = answer.payload.get(field) if answer.payload is not None else None
    return [entry for entry in found if isinstance(entry, Mapping)] if isinstance(found, list) else []


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _reason(said: Mapping[str, object]) -> str:
    info = said.get("attributeStatusInfo")
    if not isinstance(info, Mapping):
        return ""
    words = [str(info[key]) for key in ("reasonCode", "additionalInfo") if key in info]
    return f" ({' '.join(words)})" if words else ""
