"""The settings a CSMS may read and change in the bench as a station: those of :mod:`bench.auth_settings` that it obeys.

Sources: OCPP 1.6 section 9, OCPP 2.0.1 appendices (AuthCtrlr, AuthCacheCtrlr, LocalAuthListCtrlr, OCPPCommCtrlr), B05 to B07.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from bench.auth_settings import SETTINGS, Kind, Setting
from bench.errors import BadInput
from bench.station_role.memory import Limits, LocalList, Policy

HEARTBEAT = Setting(
    "heartbeat-interval",
    "A Heartbeat is sent so often.",
    Kind.SECONDS,
    "HeartbeatInterval",
    "OCPPCommCtrlr",
    "HeartbeatInterval",
    unit="s",
)
MAX_KEYS = Setting(
    "max-keys", "So many keys one GetConfiguration may name.", Kind.INTEGER, "GetConfigurationMaxKeys", read_only=True
)
CONNECTORS = Setting("connectors", "Connectors of the station.", Kind.INTEGER, "NumberOfConnectors", read_only=True)
PROFILES = Setting("profiles", "What it can.", Kind.TEXT, "SupportedFeatureProfiles", read_only=True)

MAX_LISTED_KEYS = 50

_CHANGEABLE = {
    "authorization-enabled": "true",
    "authorize-remote-starts": "false",
    "local-authorize-offline": "true",
    "local-pre-authorize": "true",
    "unknown-offline": "false",
    "remote-authorization-disabled": "false",
    "cache-enabled": "true",
    "cache-life-time": "0",
    "cache-no-second-ask": "false",
    "list-enabled": "true",
    "list-no-second-ask": "false",
    HEARTBEAT.name: "300",
}

_MEMBERS = {Kind.BOOL: "boolean", Kind.SECONDS: "integer", Kind.INTEGER: "integer", Kind.TEXT: "MemberList"}
"""DataEnumType of a setting's kind."""

Payload = dict[str, Any]


class RoleSettings:
    """Values by plain name, as text of the wire. evses: how many the station has."""

    def __init__(self, limits: Limits, evses: int) -> None:
        self._values = dict(_CHANGEABLE)
        self._limits = limits
        self._evses = evses
        self.local_list: LocalList | None = None

    # What the station goes by

    def on(self, name: str) -> bool:
        return self._values[name] == "true"

    def number(self, name: str) -> int:
        return int(self._values[name])

    def take_heartbeat(self, seconds: int) -> None:
        """The interval of a BootNotification's answer, where it gives one (B01.FR.05)."""
        if seconds > 0:
            self._values[HEARTBEAT.name] = str(seconds)

    @property
    def policy(self) -> Policy:
        return Policy(
            local_pre_authorize=self.on("local-pre-authorize"),
            local_authorize_offline=self.on("local-authorize-offline"),
            offline_unknown=self.on("unknown-offline"),
            list_final=self.on("list-no-second-ask"),
            cache_final=self.on("cache-no-second-ask"),
            list_enabled=self.on("list-enabled"),
            cache_enabled=self.on("cache-enabled"),
            cache_lifetime_s=self.number("cache-life-time"),
        )

    # Kept over a restart

    def changed(self) -> dict[str, str]:
        """What is not as the station came."""
        return {name: value for name, value in self._values.items() if value != _CHANGEABLE[name]}

    def restore(self, values: Mapping[str, str]) -> None:
        """Take over what an earlier run kept; a value that is none any more is left out."""
        for name, value in values.items():
            known = _BY_NAME.get(name)
            if known is None or name not in _CHANGEABLE:
                continue
            try:
                self._values[name] = known.wire_value("2.0.1", value)
            except BadInput:
                continue

    # Reading and writing, by either version's names

    def value(self, setting: Setting) -> str:
        """A setting's value as text of the wire."""
        changeable = self._values.get(setting.name)
        if changeable is not None:
            return changeable
        return _STATED[setting.name](self)

    def write(self, version: str, setting: Setting, text: str) -> bool:
        """Set it; False when it is read-only or the text is none of its values."""
        if setting.name not in self._values:
            return False
        try:
            self._values[setting.name] = setting.wire_value(version, text)
        except BadInput:
            return False
        return True

    def read_only(self, setting: Setting) -> bool:
        return setting.name not in self._values

    def all(self, version: str) -> Iterator[Setting]:
        """Every setting that version has a place for, list-capacity last: in 2.x it is the limit of another variable."""
        return (setting for setting in _BY_NAME.values() if setting.address(version))

    # OCPP 1.6

    def get_configuration(self, keys: list[str]) -> Payload:
        """The answer to GetConfiguration; no keys: all of them (section 5.8)."""
        known = {setting.key_16.casefold(): setting for setting in self.all("1.6") if setting.key_16}
        asked = keys[:MAX_LISTED_KEYS]
        found = [known[key.casefold()] for key in asked if key.casefold() in known] if keys else list(known.values())
        answer: Payload = {
            "configurationKey": [
                {"key": setting.key_16, "readonly": self.read_only(setting), "value": self.value(setting)[:500]}
                for setting in found
            ]
        }
        unknown = [key for key in asked if key.casefold() not in known]
        return answer | {"unknownKey": unknown} if unknown else answer

    def change_configuration(self, key: str, value: str) -> str:
        """The status of ChangeConfiguration (section 5.3)."""
        for setting in self.all("1.6"):
            if setting.key_16 is not None and setting.key_16.casefold() == key.casefold():
                return "Accepted" if self.write("1.6", setting, value) else "Rejected"
        return "NotSupported"

    # OCPP 2.x

    def get_variable(self, asked: Mapping[str, Any]) -> Payload:
        """One GetVariableResult (B06)."""
        setting, status = self._find(asked)
        result = _echo(asked)
        if setting is not None:
            result["attributeValue"] = self.value(setting)
        return {"attributeStatus": status, **result}

    def set_variable(self, asked: Mapping[str, Any]) -> Payload:
        """One SetVariableResult (B05); it takes effect if it is accepted."""
        setting, status = self._find(asked)
        if setting is not None and not self.write("2.0.1", setting, asked["attributeValue"]):
            status = "Rejected"
        return {"attributeStatus": status, **_echo(asked)}

    def report(self, changeable_only: bool) -> list[Payload]:
        """ReportData of every variable, or of those a CSMS may set (B07)."""
        return [
            self._report_data(setting)
            for setting in self.all("2.0.1")
            if setting.attribute == "Actual" and not (changeable_only and self.read_only(setting))
        ]

    def _find(self, asked: Mapping[str, Any]) -> tuple[Setting | None, str]:
        """The setting, and the status so far."""
        component, variable = asked["component"]["name"].casefold(), asked["variable"]["name"].casefold()
        attribute = asked.get("attributeType", "Actual")
        there = [s for s in self.all("2.0.1") if s.component.casefold() == component]
        named = [s for s in there if s.variable.casefold() == variable]
        if not there or "evse" in asked["component"]:
            return None, "UnknownComponent"
        if not named:
            return None, "UnknownVariable"
        found = next((s for s in named if s.attribute == attribute), None)
        return (found, "Accepted") if found is not None else (None, "NotSupportedAttributeType")

    def _report_data(self, setting: Setting) -> Payload:
        characteristics: Payload = {"dataType": _MEMBERS[setting.kind], "supportsMonitoring": False}
        if setting.unit:
            characteristics["unit"] = setting.unit
        if setting.name == "list-entries":
            characteristics["maxLimit"] = self._limits.list_capacity
        mutability = "ReadOnly" if self.read_only(setting) else "ReadWrite"
        return {
            "component": {"name": setting.component},
            "variable": {"name": setting.variable},
            "variableAttribute": [{"type": "Actual", "value": self.value(setting), "mutability": mutability}],
            "variableCharacteristics": characteristics,
        }

    # What is only stated

    def _entries(self) -> str:
        return str(len(self.local_list)) if self.local_list is not None else "0"

    def _capacity(self) -> str:
        return str(self._limits.list_capacity)

    def _items(self) -> str:
        return str(self._limits.items_per_message)

    def _bytes(self) -> str:
        return str(self._limits.bytes_per_message)

    def _connectors(self) -> str:
        return str(self._evses)


_STATED: dict[str, Callable[[RoleSettings], str]] = {
    "token-types": lambda _: "ISO14443,ISO15693,KeyCode,Local,MacAddress",
    "cache-available": lambda _: "true",
    "list-available": lambda _: "true",
    "list-expiry": lambda _: "true",
    "list-entries": RoleSettings._entries,
    "list-items-per-message": RoleSettings._items,
    "list-bytes-per-message": RoleSettings._bytes,
    "list-capacity": RoleSettings._capacity,
    MAX_KEYS.name: lambda _: str(MAX_LISTED_KEYS),
    CONNECTORS.name: RoleSettings._connectors,
    PROFILES.name: lambda _: "Core,LocalAuthListManagement,RemoteTrigger",
}

_BY_NAME: dict[str, Setting] = {
    name: setting for name, setting in SETTINGS.items() if name in _CHANGEABLE or name in _STATED
} | {setting.name: setting for setting in (HEARTBEAT, MAX_KEYS, CONNECTORS, PROFILES)}


def _echo(asked: Mapping[str, Any]) -> Payload:
    """What a result repeats of its question."""
    return {name: asked[name] for name in ("component", "variable", "attributeType") if name in asked}
