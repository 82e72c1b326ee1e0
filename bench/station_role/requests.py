"""What the bench as a station asks of its CSMS, and how it reads the answer about a token, in the words of each version."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from bench.station_role.memory import IdToken, Key, TokenInfo, token_key
from bench.station_role.token_info import id_tag_info, id_token_info

if TYPE_CHECKING:
    from bench.settings import ChargerSettings

Request = tuple[str, dict[str, Any]]
CONNECTOR = 1
"""Every EVSE has one connector."""


def boot(version: str, plate: ChargerSettings, reason: str) -> Request:
    """BootNotification (OCPP 1.6 section 4.2, 2.x B01). reason: BootReasonEnumType, which 1.6 does not have."""
    if version == "1.6":
        return "BootNotification", {
            "chargePointVendor": plate.vendor[:20],
            "chargePointModel": plate.model[:20],
            "chargePointSerialNumber": plate.serial_number[:25],
            "firmwareVersion": plate.firmware_version[:50],
        }
    station = {
        "vendorName": plate.vendor[:50],
        "model": plate.model[:20],
        "serialNumber": plate.serial_number[:25],
        "firmwareVersion": plate.firmware_version[:50],
    }
    return "BootNotification", {"reason": reason, "chargingStation": station}


def status(version: str, evse: int, operative: bool, now: str, error: str = "NoError") -> Request:
    """StatusNotification. evse: 0 = the whole station, on 1.6 only. error: ChargePointErrorCode, on 1.6 only."""
    word = "Available" if operative else "Unavailable"
    if version == "1.6":
        return "StatusNotification", {"connectorId": evse, "errorCode": error, "status": word, "timestamp": now}
    return "StatusNotification", {
        "timestamp": now,
        "connectorStatus": word,
        "evseId": evse,
        "connectorId": CONNECTOR,
    }


def authorize(version: str, token: IdToken) -> Request:
    """Authorize (OCPP 1.6 section 4.1, 2.x C01)."""
    if version == "1.6":
        return "Authorize", {"idTag": token.value}
    return "Authorize", {"idToken": {"idToken": token.value, "type": str(token.type)}}


def report(number: int, parts: list[dict[str, Any]], now: str, per_message: int = 10) -> list[Request]:
    """NotifyReport messages for a GetBaseReport (OCPP 2.x B07)."""
    pages = [parts[at : at + per_message] for at in range(0, len(parts), per_message)]
    return [
        (
            "NotifyReport",
            {
                "requestId": number,
                "generatedAt": now,
                "seqNo": seq_no,
                "tbc": seq_no + 1 < len(pages),
                "reportData": page,
            },
        )
        for seq_no, page in enumerate(pages)
    ]


def info_in(version: str, answer: Mapping[str, Any]) -> TokenInfo | None:
    """What an Authorize was answered; None where that says nothing that can be read."""
    info = answer.get("idTagInfo" if version == "1.6" else "idTokenInfo")
    if not isinstance(info, Mapping) or not isinstance(info.get("status"), str):
        return None
    return id_tag_info(info) if version == "1.6" else id_token_info(info)


def list_entry(version: str, entry: Mapping[str, Any]) -> tuple[Key, TokenInfo | None]:
    """One entry of a valid SendLocalList; without info it asks to delete (D01, OCPP 1.6 section 5.15)."""
    if version == "1.6":
        return token_key(version, entry["idTag"]), id_tag_info(entry.get("idTagInfo"))
    token = entry["idToken"]
    return token_key(version, token["idToken"], token["type"]), id_token_info(entry.get("idTokenInfo"))
