"""Settings by their meaning, as a packet trace: what was asked in which portions, what is told of it, what a write comes to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from bench.answers import CallAnswer
from bench.auth_settings import SETTINGS, Kind, setting
from bench.codecs.ocpp_schemas import Half, schema_of
from bench.csms.reports import MAX_ENTRIES, Reports
from bench.errors import BadInput, LinkDown, NotFound, OperatorError
from bench.settings_flow import base_report, read_settings, report_settings, write_setting
from bench.station import Station


class Peer:
    """A station with settings. values: by 1.6 key, or by ``component.variable`` with `` max`` behind it for MaxSet."""

    def __init__(self, version: str, portion: int | None = None, **answers: Any) -> None:
        self.station = Station("CP-1", version)
        self.values: dict[str, str] = {}
        self.portion = portion
        self.statuses: dict[str, str] = {}
        self.answers = answers
        self.calls: list[tuple[str, Mapping[str, Any]]] = []

    async def call(self, action: str, payload: Mapping[str, object]) -> CallAnswer:
        schema = schema_of(self.station.version, Half.REQUEST, action)
        assert schema is not None
        assert schema.faults(payload) == ()
        self.calls.append((action, payload))
        answer = self.answers.get(action)
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, str):
            return CallAnswer(action, None, answer, "not today")
        told = answer if answer is not None else getattr(self, action)(payload)
        return CallAnswer(action, told)

    def GetConfiguration(self, payload: Mapping[str, Any]) -> dict[str, Any]:  # noqa: N802
        known = dict(self.values)
        if self.portion is not None:
            known["GetConfigurationMaxKeys"] = str(self.portion)
            assert len(payload["key"]) <= self.portion
        found = [
            {"key": k, "readonly": k == "SendLocalListMaxLength", "value": known[k]}
            for k in payload["key"]
            if k in known
        ]
        return {"configurationKey": found, "unknownKey": [k for k in payload["key"] if k not in known]}

    def ChangeConfiguration(self, payload: Mapping[str, Any]) -> dict[str, Any]:  # noqa: N802
        status = self.statuses.get(payload["key"], "Accepted")
        if status == "Accepted":
            self.values[payload["key"]] = payload["value"]
        return {"status": status}

    def GetVariables(self, payload: Mapping[str, Any]) -> dict[str, Any]:  # noqa: N802
        asked = payload["getVariableData"]
        assert self.portion is None or len(asked) <= self.portion
        return {"getVariableResult": [self._variable(one) for one in asked]}

    def _variable(self, one: Mapping[str, Any]) -> dict[str, Any]:
        name = f"{one['component']['name']}.{one['variable']['name']}"
        if one["variable"].get("instance") == "GetVariables":
            value = None if self.portion is None else str(self.portion)
        else:
            value = self.values.get(name + (" max" if one.get("attributeType") == "MaxSet" else ""))
        if value is None:
            return {**one, "attributeStatus": "UnknownVariable"}
        return {**one, "attributeStatus": "Accepted", "attributeValue": value}

    def SetVariables(self, payload: Mapping[str, Any]) -> dict[str, Any]:  # noqa: N802
        (one,) = payload["setVariableData"]
        name = f"{one['component']['name']}.{one['variable']['name']}"
        status = self.statuses.get(name, "Accepted")
        if status == "Accepted":
            self.values[name] = one["attributeValue"]
        result = {"component": one["component"], "variable": one["variable"], "attributeStatus": status}
        if status == "Rejected":
            result["attributeStatusInfo"] = {"reasonCode": "ReadOnly"}
        return {"setVariableResult": [result]}


# The table


def test_the_table_names_each_once_and_says_what_it_means() -> None:
    keys = [entry.key_16 for entry in SETTINGS.values() if entry.key_16]
    addresses = [(entry.address("2.0.1"), entry.attribute) for entry in SETTINGS.values()]
    assert len(keys) == len(set(keys))
    assert len(addresses) == len(set(addresses))
    for entry in SETTINGS.values():
        assert entry.means.endswith(".")
        assert entry.unit == "s" if entry.kind is Kind.SECONDS else entry.unit in ("", "Wh", "B")
        assert len(entry.key_16 or "") <= 50


def test_the_same_meaning_on_both_versions() -> None:
    """OCPP 1.6 key and 2.0.1 variable, as EVerest maps them."""
    pairs = {entry.key_16: entry.address("2.1") for entry in SETTINGS.values() if entry.key_16}
    assert pairs["AllowOfflineTxForUnknownId"] == "AuthCtrlr.OfflineTxForUnknownIdEnabled"
    assert pairs["AuthorizationCacheEnabled"] == "AuthCacheCtrlr.Enabled"
    assert pairs["AuthorizeRemoteTxRequests"] == "AuthCtrlr.AuthorizeRemoteStart"
    assert pairs["ConnectionTimeOut"] == "TxCtrlr.EVConnectionTimeOut"
    assert pairs["SendLocalListMaxLength"] == "LocalAuthListCtrlr.ItemsPerMessage"
    assert pairs["StopTransactionOnInvalidId"] == "TxCtrlr.StopTxOnInvalidId"
    assert setting("list-capacity").attribute == "MaxSet"


@pytest.mark.parametrize(
    ("name", "value", "wire"),
    [
        ("list-enabled", True, "true"),
        ("list-enabled", "False", "false"),
        ("connection-time-out", 30, "30"),
        ("connection-time-out", " 007 ", "7"),
        ("master-pass-group", "MASTER", "MASTER"),
    ],
)
def test_values_on_the_wire(name: str, value: bool | int | str, wire: str) -> None:
    assert setting(name).wire_value("1.6", value) == wire


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("list-enabled", 1),
        ("list-enabled", "yes"),
        ("connection-time-out", -1),
        ("connection-time-out", True),
        ("connection-time-out", "1.5"),
        ("connection-time-out", 2**31),
        ("master-pass-group", "x" * 501),
    ],
)
def test_what_is_no_value(name: str, value: bool | int | str) -> None:
    with pytest.raises(BadInput, match=name):
        setting(name).wire_value("1.6", value)


def test_an_unknown_name_lists_the_known() -> None:
    with pytest.raises(NotFound, match="no setting 'colour'; settings: authorization-enabled, "):
        setting("colour")


# Reading


@pytest.mark.parametrize(("portion", "messages"), [(3, 5), (100, 1), (None, 2)])
async def test_16_is_read_in_portions(portion: int | None, messages: int) -> None:
    peer = Peer("1.6", portion)
    peer.values = {"LocalAuthListEnabled": "true", "SendLocalListMaxLength": "50", "ConnectionTimeOut": "60"}
    values = {value.setting.name: value for value in await read_settings(peer.station, peer.call)}
    assert list(values) == list(SETTINGS)
    assert len(peer.calls) == 1 + messages
    assert (values["list-enabled"].value, values["list-enabled"].read_only) == ("true", False)
    assert (values["list-items-per-message"].value, values["list-items-per-message"].read_only) == ("50", True)
    assert (values["cache-enabled"].value, values["cache-enabled"].status) == (None, "UnknownKey")
    assert values["cache-life-time"].status == "NotInVersion"
    assert not values["cache-life-time"].known


@pytest.mark.parametrize("version", ["2.0.1", "2.1"])
@pytest.mark.parametrize(("portion", "messages"), [(7, 5), (None, 4), (1, 31)])
async def test_2x_is_read_in_portions(version: str, portion: int | None, messages: int) -> None:
    peer = Peer(version, portion)
    peer.values = {
        "LocalAuthListCtrlr.Entries": "3",
        "LocalAuthListCtrlr.Entries max": "500",
        "AuthCtrlr.Enabled": "true",
    }
    values = {value.setting.name: value for value in await read_settings(peer.station, peer.call)}
    assert len(peer.calls) == 1 + messages
    assert (values["list-entries"].value, values["list-capacity"].value) == ("3", "500")
    assert values["authorization-enabled"].value == "true"
    assert values["cache-policy"].status == "UnknownVariable"


@pytest.mark.parametrize(("version", "action"), [("1.6", "GetConfiguration"), ("2.0.1", "GetVariables")])
@pytest.mark.parametrize("answer", ["NotImplemented", {}, {"configurationKey": "?", "getVariableResult": [1]}])
async def test_a_station_that_tells_nothing(version: str, action: str, answer: object) -> None:
    peer = Peer(version, **{action: answer})
    values = await read_settings(peer.station, peer.call)
    told = {value.status for value in values}
    assert told <= {"NotImplemented" if isinstance(answer, str) else "NotAnswered", "NotInVersion"}
    assert all(value.value is None for value in values)


# Writing


@pytest.mark.parametrize(
    ("version", "address"), [("1.6", "LocalAuthListEnabled"), ("2.0.1", "LocalAuthListCtrlr.Enabled")]
)
async def test_a_write_is_read_back(version: str, address: str) -> None:
    peer = Peer(version)
    written = await write_setting(peer.station, setting("list-enabled"), True, peer.call)
    assert (written.ok, written.read, written.reboot_required) == (True, "true", False)
    assert written.text == f"{address} is now true"
    assert len(peer.calls) == 2


@pytest.mark.parametrize(
    ("version", "address"), [("1.6", "ConnectionTimeOut"), ("2.0.1", "TxCtrlr.EVConnectionTimeOut")]
)
async def test_a_reboot_is_told(version: str, address: str) -> None:
    peer = Peer(version)
    peer.values[address], peer.statuses[address] = "60", "RebootRequired"
    written = await write_setting(peer.station, setting("connection-time-out"), 30, peer.call)
    assert (written.ok, written.status, written.read, written.reboot_required) == (True, "RebootRequired", "60", True)
    assert written.text == f"{address} will be 30 after a reboot of the station (now 60): RebootRequired"
    assert not written.denied


@pytest.mark.parametrize(
    ("version", "status", "text"),
    [
        ("1.6", "Rejected", "the station did not set LocalPreAuthorize: Rejected: the value is not possible, or it"),
        ("1.6", "NotSupported", "the station did not set LocalPreAuthorize: NotSupported: it has no such key"),
        (
            "2.0.1",
            "Rejected",
            "the station did not set AuthCtrlr.LocalPreAuthorize: Rejected: the value is not possible",
        ),
        ("2.0.1", "UnknownVariable", "the station did not set AuthCtrlr.LocalPreAuthorize: UnknownVariable: it has no"),
    ],
)
async def test_a_refused_write(version: str, status: str, text: str) -> None:
    peer, entry = Peer(version), setting("local-pre-authorize")
    peer.statuses[entry.address(version)] = status
    written = await write_setting(peer.station, entry, True, peer.call)
    assert (written.ok, written.status, written.read) == (False, status, None)
    assert written.text.startswith(text)
    assert written.text.endswith("(ReadOnly)") is (version == "2.0.1" and status == "Rejected")
    assert len(peer.calls) == 1


async def test_accepted_but_not_so() -> None:
    peer = Peer("2.0.1", SetVariables={"setVariableResult": [{"attributeStatus": "Accepted"}]})
    peer.values["TxCtrlr.MaxEnergyOnInvalidId"] = "0"
    written = await write_setting(peer.station, setting("max-energy-on-invalid-id"), 500, peer.call)
    assert (written.ok, written.denied) == (False, True)
    assert written.text == "TxCtrlr.MaxEnergyOnInvalidId: Accepted, but it reads 0, 500 was written"
    peer.values.clear()
    written = await write_setting(peer.station, setting("max-energy-on-invalid-id"), 500, peer.call)
    assert (written.ok, written.denied) == (False, False)
    assert written.text.endswith("Accepted, but it could not be read back: UnknownVariable")
    peer.answers["GetVariables"] = LinkDown("gone")
    written = await write_setting(peer.station, setting("max-energy-on-invalid-id"), 500, peer.call)
    assert written.text.endswith("Accepted, but it could not be read back: gone")


async def test_a_call_error_and_an_empty_answer() -> None:
    peer = Peer("1.6", ChangeConfiguration="NotImplemented")
    written = await write_setting(peer.station, setting("list-enabled"), True, peer.call)
    assert written.text == "the station refused to set LocalAuthListEnabled: NotImplemented not today"
    peer = Peer("2.0.1", SetVariables={"setVariableResult": []})
    assert not (await write_setting(peer.station, setting("list-enabled"), True, peer.call)).ok


@pytest.mark.parametrize(
    ("version", "name", "why"),
    [
        ("1.6", "cache-life-time", "OCPP 1.6 has no setting cache-life-time"),
        ("2.0.1", "list-capacity", "can only be read"),
        ("2.0.1", "list-enabled", "is true or false"),
    ],
)
async def test_what_cannot_be_written_is_not_sent(version: str, name: str, why: str) -> None:
    peer = Peer(version)
    with pytest.raises(BadInput, match=why):
        await write_setting(peer.station, setting(name), "perhaps", peer.call)
    assert peer.calls == []


# The base report


def variable(name: str, value: str, *, mutability: str = "ReadWrite", limit: float | None = None) -> dict[str, Any]:
    component, _, variable = name.partition(".")
    told: dict[str, Any] = {
        "component": {"name": component},
        "variable": {"name": variable},
        "variableAttribute": [{"value": value, "mutability": mutability}],
    }
    if limit is not None:
        told["variableCharacteristics"] = {"dataType": "integer", "supportsMonitoring": False, "maxLimit": limit}
    return told


class Reporter(Peer):
    """Sends its report in parts, the next one when GetBaseReport is answered."""

    def __init__(self, parts: list[dict[str, Any]], status: str = "Accepted") -> None:
        super().__init__("2.0.1")
        self.reports, self.parts, self.status = Reports(), parts, status

    def GetBaseReport(self, payload: Mapping[str, Any]) -> dict[str, Any]:  # noqa: N802
        for part in self.parts:
            self.reports.heard({"requestId": payload["requestId"], **part})
        return {"status": self.status}


async def test_a_base_report_tells_capacity_and_what_may_be_written() -> None:
    entries = variable("LocalAuthListCtrlr.Entries", "3", mutability="ReadOnly", limit=500.0)
    peer = Reporter(
        [
            {"seqNo": 0, "tbc": True, "reportData": [entries]},
            {"seqNo": 1, "reportData": [variable("AuthCtrlr.LocalPreAuthorize", "true", mutability="ReadOnly")]},
        ]
    )
    values = {value.setting.name: value for value in await report_settings(peer.station, peer.call, peer.reports, 5)}
    assert (values["list-entries"].value, values["list-capacity"].value) == ("3", "500")
    assert (values["local-pre-authorize"].value, values["local-pre-authorize"].read_only) == ("true", True)
    assert values["cache-policy"].status == "UnknownVariable"


async def test_a_report_that_does_not_end() -> None:
    peer = Reporter([{"seqNo": 0, "tbc": True, "reportData": []}])
    with pytest.raises(OperatorError, match=r"sent 1 parts of its report, but not the last one within 0\.05 s"):
        await base_report(peer.station, peer.call, peer.reports, 0.05)
    with pytest.raises(OperatorError, match="refused GetBaseReport: NotSupported"):
        await base_report(peer.station, Reporter([], "NotSupported").call, peer.reports, 5)
    with pytest.raises(BadInput, match="no base report"):
        await base_report(Station("CP-1", "1.6"), peer.call, peer.reports, 5)


async def test_a_report_is_bounded_and_gaps_are_seen() -> None:
    many = [variable("A.B", "x")] * (MAX_ENTRIES // 2 + 1)
    peer = Reporter([{"seqNo": n, "tbc": n < 3, "reportData": many} for n in (0, 1, 3)])
    report = await base_report(peer.station, peer.call, peer.reports, 5)
    assert (len(report.entries), report.cut, report.missing, report.complete) == (MAX_ENTRIES, True, True, True)


def test_a_report_nobody_asked_for_is_left_alone() -> None:
    reports = Reports()
    reports.heard({"requestId": 9, "seqNo": 0})
    first, report = reports.expect(lambda: None)
    for _ in range(4):
        reports.expect(lambda: None)
    reports.heard({"requestId": first, "seqNo": 0, "reportData": [{}]})
    assert report.entries == []  # given up for newer ones
