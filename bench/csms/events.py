"""What a station reports beside asking and charging: security events, monitored variables, vendor data, states, progress.

One line an event, in plain words, with the number of the message in the journal that holds all of it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from bench.csms.vendor_data import shown
from bench.exchange import MASK, Severity
from bench.masking import is_secret_name
from bench.message import Message

MAX_EVENTS = 500
"""Events kept of one station, the newest."""

MAX_OF_MESSAGE = 100
"""Entries of one NotifyEvent that are told one by one."""

MAX_TEXT = 300

MOST_SEVERE = 3
"""Danger, HardwareFailure, SystemFailure and Critical are 0 to 3 (OCPP 2.0.1 SetMonitoringDataType.severity)."""

Payload = Mapping[str, Any]


class EventKind(StrEnum):
    """What an operator filters by."""

    SECURITY = "security"
    EVENT = "event"
    REPORT = "report"
    DATA = "data"
    STATUS = "status"
    PROGRESS = "progress"


@dataclass(frozen=True, slots=True)
class StationEvent:
    """One event. seq: journal number of its message. utc_ns: when the bench received it, whatever the station's clock says.

    action: the message it came in. what: the thing it tells of, such as ``EVSE 1.1`` or ``Connector.Available``. value: its word
    or value, secrets masked, at most :data:`MAX_TEXT` characters. detail: the rest in a few words.
    """

    seq: int
    utc_ns: int
    kind: EventKind
    action: str
    what: str
    value: str
    detail: str = ""
    severity: Severity = Severity.INFO


def record(kept: deque[StationEvent], action: str, request: Payload, answer: Payload, message: Message) -> None:
    """Keep what a station's call tells, if that is an event; the call satisfies its schema and is answered with ``answer``."""
    told = _TOLD.get(action)
    if told is not None:
        for line in told(request, answer):
            kept.append(_event(line, action, message))


def record_ours(kept: deque[StationEvent], action: str, request: Payload, answer: Payload, message: Message) -> None:
    """Keep a DataTransfer that the bench sent and the station answered with that message."""
    if action == "DataTransfer":
        for line in _transfer(request, answer, "bench to station"):
            kept.append(_event(line, action, message))


# Inside


@dataclass(frozen=True, slots=True)
class _Line:
    kind: EventKind
    what: str
    value: str
    detail: str = ""
    severity: Severity = Severity.INFO


def _event(line: _Line, action: str, message: Message) -> StationEvent:
    what, value, detail = _cut(line.what), _cut(line.value), _cut(line.detail)
    return StationEvent(message.seq, message.utc_ns, line.kind, action, what, value, detail, line.severity)


def _security(request: Payload, answer: Payload) -> list[_Line]:
    """SecurityEventNotification (OCPP 2.0.1 A04; 1.6 security white paper 3.1)."""
    info = shown(request.get("techInfo", ""))
    return [_Line(EventKind.SECURITY, request["type"], "", info, Severity.WARN)]


def _events(request: Payload, answer: Payload) -> list[_Line]:
    """NotifyEvent (OCPP 2.0.1 N07), entry by entry."""
    entries = request["eventData"]
    lines = [_monitored(entry) for entry in entries[:MAX_OF_MESSAGE]]
    if len(entries) > MAX_OF_MESSAGE:
        lines.append(_Line(EventKind.EVENT, "more", str(len(entries) - MAX_OF_MESSAGE), "entries in the same message"))
    return lines


def _monitored(entry: Payload) -> _Line:
    variable = entry["variable"]["name"]
    value = MASK if is_secret_name(variable) else shown(entry["actualValue"])
    level = entry.get("severity")
    info = shown(entry.get("techInfo", ""))
    detail = _joined(
        f"trigger {entry['trigger']}",
        "cleared" if entry.get("cleared") else "",
        "" if level is None else f"severity {int(level)}",
        entry.get("techCode", ""),
        info,
        f"transaction {entry['transactionId']}" if entry.get("transactionId") else "",
    )
    alert = entry["trigger"] == "Alerting" and not entry.get("cleared", False)
    severity = Severity.FAIL if alert and level is not None and level <= MOST_SEVERE else Severity.WARN
    return _Line(EventKind.EVENT, _variable(entry), value, detail, severity if alert else Severity.INFO)


def _variable(entry: Payload) -> str:
    """``Connector[inlet].Problem (EVSE 1.1)``."""
    component, variable = entry["component"], entry["variable"]
    evse = component.get("evse")
    where = f" (EVSE {_evse(evse['id'], evse.get('connectorId'))})" if evse else ""
    return f"{_named(component)}.{_named(variable)}{where}"


def _named(part: Payload) -> str:
    instance = part.get("instance")
    return f"{part['name']}[{instance}]" if instance else str(part["name"])


def _report(request: Payload, answer: Payload) -> list[_Line]:
    """NotifyReport (B07): how much of it came."""
    return [_part(request, len(request.get("reportData", ())), "variables")]


def _monitors(request: Payload, answer: Payload) -> list[_Line]:
    """NotifyMonitoringReport (N02)."""
    count = sum(len(entry["variableMonitoring"]) for entry in request.get("monitor", ()))
    return [_part(request, count, "monitors")]


def _part(request: Payload, count: int, what: str) -> _Line:
    more = "more follows" if request.get("tbc") else "the last part"
    part = f"part {int(request['seqNo'])}, {more}"
    return _Line(EventKind.REPORT, f"report {int(request['requestId'])}", f"{count} {what}", part)


def _received(request: Payload, answer: Payload) -> list[_Line]:
    return _transfer(request, answer, "station to bench")


def _transfer(request: Payload, answer: Payload, way: str) -> list[_Line]:
    """DataTransfer (OCPP 2.0.1 P01, P02; 1.6 sections 4.3 and 5.6)."""
    status = str(answer.get("status", ""))
    what = _joined(request["vendorId"], request.get("messageId", ""))
    back = f"answer {shown(answer['data'])}" if "data" in answer else ""
    detail = _joined(way, status, back)
    severity = Severity.INFO if status == "Accepted" else Severity.WARN
    return [_Line(EventKind.DATA, what, shown(request["data"]) if "data" in request else "", detail, severity)]


def _connector(request: Payload, answer: Payload) -> list[_Line]:
    """StatusNotification (OCPP 2.0.1 G01; 1.6 section 4.9, with its error)."""
    if "connectorStatus" in request:
        word, where = request["connectorStatus"], f"EVSE {_evse(request['evseId'], request['connectorId'])}"
        return [_Line(EventKind.STATUS, where, word, "", Severity.FAIL if word == "Faulted" else Severity.INFO)]
    connector, word, error = int(request["connectorId"]), request["status"], request["errorCode"]
    wrong = error != "NoError"
    detail = _joined(
        error if wrong else "", request.get("vendorErrorCode", ""), request.get("info", ""), request.get("vendorId", "")
    )
    severity = Severity.FAIL if word == "Faulted" else Severity.WARN if wrong else Severity.INFO
    return [_Line(EventKind.STATUS, f"connector {connector}" if connector else "whole station", word, detail, severity)]


def _progress(what: str) -> Callable[[Payload, Payload], list[_Line]]:
    """Firmware, logs and diagnostics on their way (OCPP 2.0.1 L01, N01; 1.6 sections 4.4 and 4.5)."""

    def told(request: Payload, answer: Payload) -> list[_Line]:
        word = request["status"]
        number = request.get("requestId")
        bad = word.startswith("Invalid") or any(part in word for part in _BAD)
        detail = "" if number is None else f"request {int(number)}"
        return [_Line(EventKind.PROGRESS, what, word, detail, Severity.WARN if bad else Severity.INFO)]

    return told


_BAD = ("Failed", "Failure", "Error", "Denied", "BadMessage", "NotSupported", "Rejected")

_TOLD: Mapping[str, Callable[[Payload, Payload], list[_Line]]] = {
    "DataTransfer": _received,
    "DiagnosticsStatusNotification": _progress("diagnostics"),
    "FirmwareStatusNotification": _progress("firmware"),
    "LogStatusNotification": _progress("log"),
    "NotifyEvent": _events,
    "NotifyMonitoringReport": _monitors,
    "NotifyReport": _report,
    "PublishFirmwareStatusNotification": _progress("firmware on the local controller"),
    "SecurityEventNotification": _security,
    "SignedFirmwareStatusNotification": _progress("signed firmware"),
    "StatusNotification": _connector,
}


def _evse(evse: int, connector: int | None) -> str:
    return f"{int(evse)}" if connector is None else f"{int(evse)}.{int(connector)}"


def _joined(*parts: str) -> str:
    return " · ".join(part for part in parts if part)


def _cut(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= MAX_TEXT else f"{flat[: MAX_TEXT - 1]}…"
