"""Orders to a station in the words of its OCPP version, and its answers. No state: each function asks one thing.

Sources: OCPP 2.0.1 B05 (SetVariables), B11 (Reset), F06 (TriggerMessage), M05 (InstallCertificate); OCPP 1.6 sections 5.3, 5.14
and 5.17, and its security white paper (InstallCertificate, ExtendedTriggerMessage). Every function raises LinkDown (the station is
gone) or OperatorError (no answer in time).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, NamedTuple

from bench.answers import CallAnswer
from bench.errors import BadInput
from bench.maeve.model import CertificateUse, InstallState, Trigger, WantedCertificate
from bench.maeve.setting_names import MAX_VALUE_16, set_variable_data

Call = Callable[[str, Mapping[str, object]], Awaitable[CallAnswer]]

PORTION = 10
"""Variables set in one message of a station that states no limit."""
MAX_PORTION = 100
NOT_SENT = "NotSent"
"""Status of a setting that this station's OCPP version cannot be sent."""
REBOOT_REQUIRED = "RebootRequired"

_CERTIFICATES = {
    CertificateUse.V2G: "V2GRootCertificate",
    CertificateUse.MO: "MORootCertificate",
    CertificateUse.MF: "ManufacturerRootCertificate",
    CertificateUse.CSMS: "CSMSRootCertificate",
}
_CERTIFICATES_16 = {
    CertificateUse.MF: "ManufacturerRootCertificate",
    CertificateUse.CSMS: "CentralSystemRootCertificate",
}
_TRIGGERS_16 = {
    Trigger.BOOT_NOTIFICATION: ("TriggerMessage", "BootNotification"),
    Trigger.STATUS_NOTIFICATION: ("TriggerMessage", "StatusNotification"),
    Trigger.SIGN_CHARGING_STATION_CERTIFICATE: ("ExtendedTriggerMessage", "SignChargePointCertificate"),
}


class Done(NamedTuple):
    """status: the station's word, or the code of its CALLERROR. why: in words, where there is more to say."""

    status: str
    why: str = ""


async def portion(version: str, call: Call) -> int:
    """How many settings a station takes in one message (2.x: DeviceDataCtrlr.ItemsPerMessage[SetVariables]); 1 on 1.6."""
    if version == "1.6":
        return 1
    variable = {"name": "ItemsPerMessage", "instance": "SetVariables"}
    asked = {"component": {"name": "DeviceDataCtrlr"}, "variable": variable}
    answer = await call("GetVariables", {"getVariableData": [asked]})
    told = _objects(answer, "getVariableResult")
    text = str(told[0].get("attributeValue", "")).strip() if told else ""
    stated = int(text) if text.isascii() and text.isdecimal() and len(text) <= 6 else 0
    return min(stated, MAX_PORTION) or PORTION


async def set_settings(version: str, settings: Mapping[str, str], call: Call) -> dict[str, Done]:
    """Set what fits in one message; what came of each. On 1.6 one message each."""
    if version == "1.6":
        return {name: await _change_configuration(name, value, call) for name, value in settings.items()}
    data, done = {}, {}
    for name, value in settings.items():
        try:
            data[name] = set_variable_data(name, value)
        except BadInput as error:
            done[name] = Done(NOT_SENT, error.what)
    if data:
        done.update(await _set_variables(data, call))
    return done


async def install(version: str, wanted: WantedCertificate, call: Call) -> tuple[InstallState, str]:
    """Install one root certificate; whether the station took it, and why not."""
    kind = (_CERTIFICATES_16 if version == "1.6" else _CERTIFICATES).get(wanted.use)
    if kind is None:
        known = ", ".join(_CERTIFICATES_16)
        return InstallState.REJECTED, f"OCPP 1.6 installs roots for {known} only, not for {wanted.use}"
    done = await _ask("InstallCertificate", {"certificateType": kind, "certificate": wanted.pem}, call)
    if done.status == "Accepted":
        return InstallState.ACCEPTED, ""
    return InstallState.REJECTED, f"{done.status} {done.why}".strip()


async def trigger(version: str, wanted: Trigger, call: Call) -> Done:
    """Have the station send a message."""
    if version != "1.6":
        return await _ask("TriggerMessage", {"requestedMessage": wanted.value}, call)
    found = _TRIGGERS_16.get(wanted)
    if found is None:
        return Done(NOT_SENT, f"OCPP 1.6 cannot trigger {wanted}, only SignChargePointCertificate")
    action, message = found
    return await _ask(action, {"requestedMessage": message}, call)


async def reset(version: str, call: Call) -> Done:
    """Have the station reboot, after its transactions where it can wait."""
    return await _ask("Reset", {"type": "Soft" if version == "1.6" else "OnIdle"}, call)


async def _change_configuration(name: str, value: str, call: Call) -> Done:
    if len(value) > MAX_VALUE_16:
        return Done(NOT_SENT, f"the value has {len(value)} characters, OCPP 1.6 takes {MAX_VALUE_16}")
    return await _ask("ChangeConfiguration", {"key": name, "value": value}, call)


async def _set_variables(data: Mapping[str, Mapping[str, object]], call: Call) -> dict[str, Done]:
    try:
        answer = await call("SetVariables", {"setVariableData": list(data.values())})
    except BadInput as error:
        if len(data) == 1:
            return dict.fromkeys(data, Done(NOT_SENT, error.what))
        # One that breaks the schema of this version must not keep the others from being set.
        return {name: (await _set_variables({name: entry}, call))[name] for name, entry in data.items()}
    if answer.payload is None:
        return dict.fromkeys(data, Done(answer.code, answer.description))
    told = {_key(entry): entry for entry in _objects(answer, "setVariableResult")}
    done = {}
    for name, entry in data.items():
        said = told.get(_key(entry))
        if said is None:
            done[name] = Done("NotAnswered", "the station's answer does not name it")
        else:
            done[name] = Done(str(said.get("attributeStatus")), _reason(said.get("attributeStatusInfo")))
    return done


async def _ask(action: str, payload: Mapping[str, object], call: Call) -> Done:
    try:
        answer = await call(action, payload)
    except BadInput as error:  # this version cannot carry it
        return Done(NOT_SENT, error.what)
    if answer.payload is None:
        return Done(answer.code, answer.description)
    return Done(str(answer.payload.get("status")), _reason(answer.payload.get("statusInfo")))


def _key(entry: Mapping[str, Any]) -> tuple[object, ...]:
    """What tells one variable from another; names are equal ignoring case (OCPP 2.0.1 Part 2)."""
    parts: list[object] = []
    for field in ("component", "variable"):
        part = entry.get(field)
        part = part if isinstance(part, Mapping) else {}
        parts += [str(part.get("name", "")).casefold(), str(part.get("instance", "")).casefold()]
        evse = part.get("evse")
        parts.append(evse.get("id") if isinstance(evse, Mapping) else None)
    return (*parts, entry.get("attributeType") or "Actual")


def _objects(answer: CallAnswer, field: str) -> Sequence[Mapping[str, Any]]:
    found = answer.payload.get(field) if answer.payload is not None else None
    return [entry for entry in found if isinstance(entry, Mapping)] if isinstance(found, list) else []


def _reason(info: object) -> str:
    if not isinstance(info, Mapping):
        return ""
    return " ".join(str(info[key]) for key in ("reasonCode", "additionalInfo") if key in info)
