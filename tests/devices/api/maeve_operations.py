"""The published MaEVe CSMS API as data: what its description says of every operation and every object.

Fields: name -> (type, required, allowed words, limits). Types are those of JSON Schema, a format behind a colon. Where
it states no limit, none stands here: a server may have its own.
"""

from __future__ import annotations

from typing import Any, NamedTuple


class Operation(NamedTuple):
    """body: name of the object it takes. success: its status. tells: name of the object in the answer, ``[name]`` of a list.
    refusals: statuses named beside ``default``. query: parameters that may be left out, all whole numbers.
    """

    method: str
    path: str
    body: str | None
    success: int
    tells: str | None = None
    refusals: tuple[int, ...] = ()
    query: tuple[str, ...] = ()


OPERATIONS = {
    "registerChargeStation": Operation("post", "/cs/{csId}", "ChargeStationAuth", 201),
    "reconfigureChargeStation": Operation("post", "/cs/{csId}/reconfigure", "ChargeStationSettings", 200),
    "installChargeStationCertificates": Operation(
        "post", "/cs/{csId}/certificates", "ChargeStationInstallCertificates", 200
    ),
    "lookupChargeStationAuth": Operation("get", "/cs/{csId}/auth", None, 200, "ChargeStationAuth", (404,)),
    "triggerChargeStation": Operation("post", "/cs/{csId}/trigger", "ChargeStationTrigger", 200),
    "setToken": Operation("post", "/token", "Token", 201),
    "listTokens": Operation("get", "/token", None, 200, "[Token]", query=("offset", "limit")),
    "lookupToken": Operation("get", "/token/{tokenUid}", None, 200, "Token", (404,)),
    "uploadCertificate": Operation("post", "/certificate", "Certificate", 201),
    "lookupCertificate": Operation("get", "/certificate/{certificateHash}", None, 200, "Certificate", (404,)),
    "deleteCertificate": Operation("delete", "/certificate/{certificateHash}", None, 204, None, (404,)),
    "registerParty": Operation("post", "/register", "Registration", 201),
    "registerLocation": Operation("post", "/location/{locationId}", "Location", 201),
}

STANDARDS = (
    ["CHADEMO", "CHAOJI", *(f"DOMESTIC_{letter}" for letter in "ABCDEFGHIJKL"), "GBT_AC", "GBT_DC"]
    + ["IEC_60309_2_single_16", *(f"IEC_60309_2_three_{amperes}" for amperes in (16, 32, 64))]
    + ["IEC_62196_T1", "IEC_62196_T1_COMBO", "IEC_62196_T2", "IEC_62196_T2_COMBO", "IEC_62196_T3A", "IEC_62196_T3C"]
    + ["NEMA_5_20", "NEMA_6_30", "NEMA_6_50", "NEMA_10_30", "NEMA_10_50", "NEMA_14_30", "NEMA_14_50"]
    + ["PANTOGRAPH_BOTTOM_UP", "PANTOGRAPH_TOP_DOWN", "TESLA_R", "TESLA_S", "UNKNOWN"]
)
PARKING = ["ALONG_MOTORWAY", "PARKING_GARAGE", "PARKING_LOT", "ON_DRIVEWAY", "ON_STREET", "UNDERGROUND_GARAGE"]
TRIGGERS = ["BootNotification", "StatusNotification"] + [
    f"Sign{kind}Certificate" for kind in ("V2G", "ChargingStation", "Combined")
]
NONE: dict[str, int] = {}


class Member(NamedTuple):
    """of: name of the object it is, ``[name]`` for a list of them, instead of a type."""

    type: str = ""
    required: bool = False
    words: tuple[str, ...] = ()
    limits: dict[str, int] = NONE
    of: str = ""


def must(type_: str = "string", *, words: Any = (), of: str = "", **limits: int) -> Member:
    return Member("" if of else type_, True, tuple(words), limits, of)


def may(type_: str = "string", *, words: Any = (), of: str = "", **limits: int) -> Member:
    return Member("" if of else type_, False, tuple(words), limits, of)


OBJECTS: dict[str, dict[str, Member]] = {
    "ChargeStationAuth": {
        "securityProfile": must("integer", minimum=0, maximum=2),
        "base64SHA256Password": may(),
        "invalidUsernameAllowed": may("boolean"),
    },
    "ChargeStationInstallCertificates": {"certificates": must(of="[ChargeStationInstallCertificate]")},
    "ChargeStationInstallCertificate": {
        "type": must(words=["V2G", "MO", "MF", "CSMS"]),
        "certificate": must(),
        "status": may(words=["Accepted", "Rejected", "Pending"]),
    },
    "ChargeStationTrigger": {"trigger": must(words=TRIGGERS)},
    "Token": {
        "countryCode": must(minLength=2, maxLength=2),
        "partyId": must(minLength=3, maxLength=3),
        "type": must(words=["AD_HOC_USER", "APP_USER", "OTHER", "RFID"]),
        "uid": must(maxLength=36),
        "contractId": must(),
        "visualNumber": may(),
        "issuer": must(),
        "groupId": may(maxLength=36),
        "valid": must("boolean"),
        "languageCode": may(minLength=2, maxLength=2),
        "cacheMode": must(words=["ALWAYS", "ALLOWED", "ALLOWED_OFFLINE", "NEVER"]),
        "lastUpdated": may("string:date-time"),
    },
    "Certificate": {"certificate": must()},
    "Registration": {"token": must(), "url": may("string:uri"), "status": may(words=["PENDING", "REGISTERED"])},
    "Location": {
        "country_code": must(),
        "party_id": must(),
        "name": may(),
        "address": must(),
        "city": must(),
        "postal_code": may(),
        "country": must(),
        "coordinates": must(of="GeoLocation"),
        "parking_type": may(words=PARKING),
        "evses": may(of="[Evse]"),
    },
    "GeoLocation": {"latitude": must(), "longitude": must()},
    "Evse": {"uid": must(), "evse_id": may(), "connectors": must(of="[Connector]")},
    "Connector": {
        "id": must(),
        "standard": must(words=STANDARDS),
        "format": must(words=["SOCKET", "CABLE"]),
        "power_type": must(words=["AC_1_PHASE", "AC_3_PHASE", "DC"]),
        "max_voltage": must("integer:int32"),
        "max_amperage": must("integer:int32"),
    },
    "Status": {"status": must(), "error": may()},
}

NULLABLE = {("Location", "name"), ("Location", "postal_code"), ("Location", "parking_type"), ("Location", "evses")} | {
    ("Evse", "evse_id")
}
"""Members of which null is said to be possible."""
