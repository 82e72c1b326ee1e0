"""What a station behind the proxy makes known of itself: by its calls, and by what its CSMS and it answer each other.

Payloads here satisfy their schemas.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bench.codecs.ocpp import Call
from bench.csms import answers16, answers201
from bench.csms.certificate_name import proven
from bench.message import Message
from bench.station import Station, Transaction

Payload = Mapping[str, Any]

ASKED = frozenset({"BootNotification", "StartTransaction"})
"""Calls of a station whose answers tell of it; the call is needed to read the answer."""


def called(station: Station, action: str, payload: Payload, message: Message) -> bool:
    """The station called its CSMS. Whether anything became known."""
    is_16 = station.version == "1.6"
    match action:
        case "BootNotification":
            (answers16 if is_16 else answers201).describe(station, payload)
        case "Heartbeat":
            station.last_heartbeat_utc_ns = message.utc_ns
        case "StatusNotification" if is_16:
            station.connector(str(int(payload["connectorId"])), payload["status"])
        case "StatusNotification":
            station.connector(f"{int(payload['evseId'])}.{int(payload['connectorId'])}", payload["connectorStatus"])
        case "StopTransaction" if is_16:
            station.transactions.pop(str(int(payload["transactionId"])), None)
        case "TransactionEvent":
            answers201.follow(station, payload, message.seq)
        case _:
            return False
    return True


def was_answered(station: Station, call: Message, answer: Payload) -> None:
    """The CSMS answered one of :data:`ASKED`."""
    asked = call.decoded.body
    assert isinstance(asked, Call)
    if asked.action == "BootNotification":
        station.boot = answer["status"]
    else:
        number = str(int(answer["transactionId"]))
        started = Transaction(number, int(asked.payload["connectorId"]), asked.payload["idTag"], call.seq)
        station.started(started)


def answered(station: Station, action: str, payload: Payload) -> bool:
    """The station answered a call of its CSMS. Whether anything became known."""
    if action != "GetLocalListVersion":
        return False
    station.list_version = int(payload["listVersion" if station.version == "1.6" else "versionNumber"])
    return True


def certificate_problem(station: Station) -> tuple[str, str] | None:
    """What is wrong with the certificate it showed at the proxy's door, and the cure, once its BootNotification told its serial
    number (OCPP 2.0.1 A00.FR.405).
    """
    if proven(station):
        return None
    return (
        f"{station.id}: its certificate is for {station.peer_certificate_cn!r}, but its id is {station.id!r} and its serial number "
        f"{station.serial_number!r}; a CSMS that looks rejects its BootNotification (OCPP 2.0.1 A00.FR.405)",
        "give the station a certificate for its serial number: authbench certificates make FOLDER --station NAME",
    )
