from __future__ import annotations

from types import SimpleNamespace

import pytest

from bench.exchange import MASK
from bench.message import Decoded, Direction, Link, Message, malformed
from bench.summary import MAX_CHARS, summary


def of(decoded: Decoded, link: Link = Link.OCPP) -> str:
    return summary(Message(1, 0, 0, link, Direction.IN, "CP-001", b"", decoded))


def ocpp(action: str, payload: object, kind: str = "CALL") -> str:
    return of(Decoded(kind, action, "a", SimpleNamespace(id="a", action=action, payload=payload)))


def josev(name: str, kind: str, data: object) -> str:
    return of(Decoded(kind, name, "a", SimpleNamespace(id="a", name=name, type=kind, data=data)), Link.JOSEV)


TOKEN = {"idToken": "04A2B3C4D5E680", "type": "ISO14443"}
BOOT_2 = {"chargingStation": {"vendorName": "Acme", "model": "One"}, "reason": "PowerUp"}
EVENT = {
    "eventType": "Started",
    "triggerReason": "Authorized",
    "transactionInfo": {"transactionId": "tx-9", "chargingState": "EVConnected"},
    "idToken": TOKEN,
}


@pytest.mark.parametrize(
    ("action", "payload", "line"),
    [
        ("Authorize", {"idToken": TOKEN}, "ISO14443 04A2B3C4D5E680"),
        ("Authorize", {"idTag": "04A2B3C4"}, "04A2B3C4"),
        ("Authorize", {"idToken": {"idToken": "1234", "type": "KeyCode"}}, f"KeyCode {MASK}"),
        ("Authorize", {"idTokenInfo": {"status": "Accepted"}}, "Accepted"),
        (
            "Authorize",
            {
                "idTokenInfo": {
                    "status": "Accepted",
                    "groupIdToken": {"idToken": "FLEET-2", "type": "Central"},
                    "cacheExpiryDateTime": "2026-11-21T13:03:00Z",
                }
            },
            "Accepted · group Central FLEET-2 · cache until 2026-11-21T13:03:00Z",
        ),
        ("Authorize", {"idTagInfo": {"status": "Blocked", "parentIdTag": "FLEET"}}, "Blocked · group FLEET"),
        ("BootNotification", {"chargePointVendor": "Acme", "chargePointModel": "One"}, "Acme One"),
        ("BootNotification", BOOT_2, "Acme One · PowerUp"),
        ("BootNotification", {"status": "Accepted", "interval": 300}, "Accepted · heartbeat 300 s"),
        (
            "StatusNotification",
            {"evseId": 1, "connectorId": 2, "connectorStatus": "Available"},
            "connector 1.2 · Available",
        ),
        (
            "StatusNotification",
            {"connectorId": 1, "status": "Faulted", "errorCode": "GroundFailure"},
            "connector 1 · Faulted · GroundFailure",
        ),
        ("TransactionEvent", EVENT, "Started · Authorized · ISO14443 04A2B3C4D5E680 · tx tx-9 · EVConnected"),
        ("StartTransaction", {"idTag": "04A2", "connectorId": 1}, "04A2 · connector 1"),
        ("StartTransaction", {"transactionId": 7, "idTagInfo": {"status": "Accepted"}}, "Accepted · tx 7"),
        (
            "SendLocalList",
            {"versionNumber": 8, "updateType": "Full", "localAuthorizationList": [1, 2]},
            "Full · version 8 · 2 entries",
        ),
        ("GetLocalListVersion", {"listVersion": 7}, "version 7"),
        ("ClearCache", {"status": "Rejected", "statusInfo": {"reasonCode": "NotEnabled"}}, "Rejected · NotEnabled"),
        ("Heartbeat", {}, ""),
        ("ChangeConfiguration", {"key": "AuthorizationKey", "value": "secret"}, f"key AuthorizationKey · value {MASK}"),
        (
            "Reset",
            {"type": "Soft", "on": True, "list": [1, 2], "more": {"a": 1}},
            "type Soft · on true · list [2] · more {1}",
        ),
        ("Authorize", ["not", "an", "object"], "[3]"),
        ("StatusNotification", {"status": None}, "status "),
    ],
)
def test_ocpp(action: str, payload: object, line: str) -> None:
    assert ocpp(action, payload) == line


@pytest.mark.parametrize(
    ("data", "line"),
    [
        (
            {"token_type": "ISO14443", "id_token": "04A2B3C4", "evse_id": "GB*SEV*E1"},
            "ISO14443 04A2B3C4 · GB*SEV*E1",
        ),
        ({"token_type": "no_authorization"}, "no_authorization"),
        ({"token_type": "key_code", "id_token": "1234"}, f"key_code {MASK}"),
        ({"status": "accepted"}, "accepted"),
        (
            {"token_type": "e_maid", "id_token": "DEABC", "evse_id": "E1", "status": "rejected"},
            "e_maid DEABC · E1 · rejected",
        ),
        ("nonsense", "nonsense"),
    ],
)
def test_josev_authorization(data: object, line: str) -> None:
    assert josev("authorization", "request", data) == line


def test_other_josev_messages_and_their_passwords() -> None:
    data = {"ocpp_csms_url": "ws://10.0.0.1:9000", "basic_auth_password": "hunter2"}
    assert josev("cs_parameters", "response", data) == f"ocpp_csms_url ws://10.0.0.1:9000 · basic_auth_password {MASK}"


def test_call_error_malformed_reader_and_link() -> None:
    error = SimpleNamespace(id="a", action="Reset", code="NotSupported", description="no reset here", details={})
    assert of(Decoded("CALLERROR", "Reset", "a", error)) == "NotSupported · no reset here"
    assert of(malformed("not JSON", "byte 7")) == "not JSON (at byte 7)"
    assert (
        of(Decoded("frame", "InList", None, b"..", summary="1 target, UID 04A2"), Link.READER) == "1 target, UID 04A2"
    )
    assert of(Decoded("link", "up", None, None, summary="CP-001 connected")) == "CP-001 connected"


def test_is_short_on_one_line_and_quick_with_huge_values() -> None:
    huge: dict[str, object] = {"vendorId": "x" * 5_000_000, "list": list(range(100_000)), "text": "two\nlines"}
    huge.update((str(n), n) for n in range(10_000))
    line = ocpp("DataTransfer", huge)
    assert len(line) <= MAX_CHARS
    assert "\n" not in line
    assert line.startswith("vendorId xxx")
