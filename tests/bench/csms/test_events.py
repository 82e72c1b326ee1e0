"""What a station reported, as lines in plain words."""

from __future__ import annotations

from typing import Any

import pytest

from bench.csms.events import MAX_EVENTS, MAX_OF_MESSAGE, EventKind
from bench.exchange import MASK, Severity
from tests.bench.csms.linkbook import NOW, LinkBook


def lines(book: LinkBook) -> list[tuple[str, str, str, str, str]]:
    return [(each.kind, each.what, each.value, each.detail, each.severity) for each in book.station.events]


def entry(**more: Any) -> dict[str, Any]:
    plain = {
        "eventId": 1,
        "timestamp": NOW,
        "trigger": "Alerting",
        "actualValue": "true",
        "eventNotificationType": "HardWiredMonitor",
        "component": {"name": "Connector", "evse": {"id": 1, "connectorId": 2}},
        "variable": {"name": "Problem"},
    }
    return plain | more


def test_a_security_event_is_kept_with_its_message() -> None:
    book = LinkBook("2.0.1")
    book.asks("1", "Heartbeat")
    book.asks("2", "SecurityEventNotification", type="TamperDetectionActivated", timestamp=NOW, techInfo="door open")
    (event,) = book.station.events
    assert event.seq == book.journal.head
    assert event.action == "SecurityEventNotification"
    assert lines(book) == [("security", "TamperDetectionActivated", "", "door open", "warn")]


def test_each_entry_of_notify_event() -> None:
    book = LinkBook("2.0.1")
    told = [
        entry(techCode="E7", techInfo="relay  welded"),
        entry(cleared=True, variable={"name": "Problem", "instance": "A"}, transactionId="tx-1"),
        entry(
            trigger="Periodic",
            component={"name": "SecurityCtrlr"},
            variable={"name": "BasicAuthPassword"},
            actualValue="hunter2",
        ),
    ]
    book.asks("1", "NotifyEvent", generatedAt=NOW, seqNo=0, eventData=told)
    assert lines(book) == [
        ("event", "Connector.Problem (EVSE 1.2)", "true", "trigger Alerting · E7 · relay welded", "warn"),
        ("event", "Connector.Problem[A] (EVSE 1.2)", "true", "trigger Alerting · cleared · transaction tx-1", "info"),
        ("event", "SecurityCtrlr.BasicAuthPassword", MASK, "trigger Periodic", "info"),
    ]


def test_secrets_in_json_of_technical_texts_are_masked() -> None:
    book = LinkBook("2.0.1")
    secret = '{"AuthorizationKey":"hunter2"}'
    book.asks("1", "SecurityEventNotification", type="SettingSystemTime", timestamp=NOW, techInfo=secret)
    book.asks("2", "NotifyEvent", generatedAt=NOW, seqNo=0, eventData=[entry(actualValue=secret, techInfo=secret)])
    assert len(lines(book)) == 2
    assert "hunter2" not in repr(lines(book))


def test_the_severity_of_2_1_is_told() -> None:
    book = LinkBook("2.1")
    book.asks("1", "NotifyEvent", generatedAt=NOW, seqNo=0, eventData=[entry(severity=1), entry(severity=5)])
    assert [each.severity for each in book.station.events] == [Severity.FAIL, Severity.WARN]
    assert book.station.events[0].detail == "trigger Alerting · severity 1"


def test_parts_of_reports_are_counted() -> None:
    book = LinkBook("2.0.1")
    monitor = {"component": {"name": "EVSE"}, "variable": {"name": "Power"}, "variableMonitoring": [
        {"id": 1, "transaction": False, "value": 3.0, "type": "UpperThreshold", "severity": 4}
    ]}  # fmt: skip
    book.asks(
        "1", "NotifyMonitoringReport", requestId=4, seqNo=0, generatedAt=NOW, tbc=True, monitor=[monitor, monitor]
    )
    book.asks("2", "NotifyReport", requestId=5, seqNo=1, generatedAt=NOW)
    assert lines(book) == [
        ("report", "report 4", "2 monitors", "part 0, more follows", "info"),
        ("report", "report 5", "0 variables", "part 1, the last part", "info"),
    ]


def test_data_transfer_both_ways() -> None:
    book = LinkBook("2.0.1")
    book.asks("1", "DataTransfer", vendorId="acme", messageId="hello", data={"pin": "4711", "lamp": "on"})
    call_id, _ = book.calls("DataTransfer", vendorId="acme", data="lamp off")
    book.says(3, call_id, {"status": "Accepted", "data": "done"})
    call_id, _ = book.calls("ClearCache")
    book.says(3, call_id, {"status": "Accepted"})
    assert lines(book) == [
        ("data", "acme · hello", f'{{"pin":"{MASK}","lamp":"on"}}', "station to bench · UnknownVendorId", "warn"),
        ("data", "acme", "lamp off", "bench to station · Accepted · answer done", "info"),
    ]
    assert book.station.events[1].seq == book.journal.head - 1


def test_vendor_data_of_any_shape_is_told_and_bounded() -> None:
    book = LinkBook("2.0.1")
    deep: Any = "x"
    for _ in range(300):
        deep = [deep]
    for number, data in enumerate((deep, {"n": 2**70}, "y" * 25_000, {"text": "z" * 1000})):
        book.asks(str(number), "DataTransfer", vendorId="acme", data=data)
    told = [each.value for each in book.station.events]
    assert told[0].startswith("[[[[")
    assert told[1].startswith('{"n":1')
    assert told[2] == "25,000 characters"
    assert all(len(text) <= 300 for text in told)


def test_states_and_progress_of_16() -> None:
    book = LinkBook("1.6")
    book.asks("1", "StatusNotification", connectorId=0, errorCode="NoError", status="Available")
    book.asks(
        "2",
        "StatusNotification",
        connectorId=2,
        errorCode="GroundFailure",
        status="Faulted",
        vendorErrorCode="E42",
        info="RCD",
    )
    book.asks("3", "FirmwareStatusNotification", status="Downloading")
    book.asks("4", "DiagnosticsStatusNotification", status="UploadFailed")
    book.asks("5", "SignedFirmwareStatusNotification", status="InvalidSignature", requestId=8)
    assert lines(book) == [
        ("status", "whole station", "Available", "", "info"),
        ("status", "connector 2", "Faulted", "GroundFailure · E42 · RCD", "fail"),
        ("progress", "firmware", "Downloading", "", "info"),
        ("progress", "diagnostics", "UploadFailed", "", "warn"),
        ("progress", "signed firmware", "InvalidSignature", "request 8", "warn"),
    ]


def test_connectors_of_201() -> None:
    book = LinkBook("2.0.1")
    book.asks("1", "StatusNotification", timestamp=NOW, connectorStatus="Faulted", evseId=1, connectorId=2)
    assert lines(book) == [("status", "EVSE 1.2", "Faulted", "", "fail")]


def test_what_breaks_its_schema_is_no_event() -> None:
    book = LinkBook("2.0.1")
    book.says(2, "1", "SecurityEventNotification", {"type": "X" * 51, "timestamp": NOW})
    assert not book.station.events


def test_it_is_bounded() -> None:
    book = LinkBook("2.0.1")
    book.asks(
        "1", "NotifyEvent", generatedAt=NOW, seqNo=0, eventData=[entry(techInfo="x" * 500)] * (MAX_OF_MESSAGE + 7)
    )
    assert len(book.station.events) == MAX_OF_MESSAGE + 1
    assert book.station.events[-1].value == "7"
    assert len(book.station.events[0].detail) == 300
    for number in range(MAX_EVENTS):
        book.asks(f"s{number}", "SecurityEventNotification", type="SettingSystemTime", timestamp=NOW)
    assert len(book.station.events) == MAX_EVENTS
    assert {each.kind for each in book.station.events} == {EventKind.SECURITY}


@pytest.mark.parametrize(
    ("version", "payload", "told"),
    [
        (
            "1.6",
            {
                "chargePointVendor": "V", "chargePointModel": "M", "chargeBoxSerialNumber": "BOX", "iccid": "89", "imsi": "26",
                "meterType": "T", "meterSerialNumber": "MS",
            },
            ("BOX", "BOX", "89", "26", "T", "MS", ""),
        ),
        (
            "2.0.1",
            {
                "reason": "Watchdog",
                "chargingStation": {
                    "vendorName": "V", "model": "M", "serialNumber": "S", "modem": {"iccid": "89", "imsi": "26"}
                },
            },
            ("S", "", "89", "26", "", "", "Watchdog"),
        ),
    ],
)  # fmt: skip
def test_everything_a_boot_notification_says(version: str, payload: dict[str, Any], told: tuple[str, ...]) -> None:
    book = LinkBook(version)
    book.asks("1", "BootNotification", **payload)
    station, said = book.station, book.station.identity
    assert (station.serial_number, said.box_serial_number, said.iccid, said.imsi) == told[:4]
    assert (said.meter_type, said.meter_serial_number, said.reason) == told[4:]
