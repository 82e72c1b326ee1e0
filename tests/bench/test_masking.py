from __future__ import annotations

import base64
import json
from dataclasses import dataclass

import pytest

from bench.card import CardRead, Technology
from bench.clock import Stamp
from bench.exchange import MASK
from bench.masking import hide, mask, message_json, to_tree
from bench.message import Decoded, Direction, Fault, Link, Message, malformed


@dataclass(frozen=True)
class Call:
    id: str
    action: str
    payload: dict[str, object]


def call(action: str, payload: dict[str, object], raw: bytes | None = None, faults: tuple[Fault, ...] = ()) -> Message:
    raw = json.dumps([2, "a", action, payload]).encode() if raw is None else raw
    decoded = Decoded("CALL", action, "a", Call("a", action, payload), faults)
    return Message(7, 0, 1_700_000_000_000_000_000, Link.OCPP, Direction.OUT, "CP-001", raw, decoded)


SECRET = 'sécr"et\\9'


@pytest.mark.parametrize(
    "payload",
    [
        {"idToken": {"idToken": SECRET, "type": "KeyCode"}},
        {"idToken": {"idToken": SECRET, "type": "keycode"}},
        {"id_token": SECRET, "token_type": "key_code"},
        {"id_token": {"value": SECRET, "type": "KeyCode"}},
        {
            "idToken": {
                "idToken": "A",
                "type": "Central",
                "additionalInfo": [{"additionalIdToken": SECRET, "type": "PIN"}],
            }
        },
        {"basic_auth_password": SECRET},
        {"connectionData": {"basicAuthPassword": SECRET, "apn": {"simPin": SECRET}}},
        {"key": "AuthorizationKey", "value": SECRET},
        {"configurationKey": [{"key": "authorizationkey", "readonly": False, "value": SECRET}]},
        {"setVariableData": [{"variable": {"name": "BasicAuthPassword"}, "attributeValue": SECRET}]},
        {
            "reportData": [
                {"variable": {"name": "BasicAuthPassword"}, "variableAttribute": [{"type": "Actual", "value": SECRET}]}
            ]
        },
        {"QRCodeIdentification": {"EvcoID": "DE*ABC*C1", "PIN": SECRET}},
    ],
)
@pytest.mark.parametrize("ascii_only", [True, False])
def test_hides_secrets_in_tree_and_bytes(payload: dict[str, object], ascii_only: bool) -> None:
    raw = json.dumps([2, "a", "X", payload], ensure_ascii=ascii_only, indent=1).encode()
    message = call("X", payload, raw)
    shown = mask(message)
    assert shown.hidden
    assert SECRET not in json.dumps(shown.decoded, ensure_ascii=False)
    assert json.loads(shown.raw)[3] == shown.decoded["payload"]
    assert MASK in shown.raw.decode()
    assert message.raw == raw  # the message itself is untouched


def test_keeps_everything_else_byte_for_byte() -> None:
    raw = b'[2, "a",\t"ChangeConfiguration",{"key":"AuthorizationKey" , "value":"p\\u0077"}]\n'
    shown = mask(call("ChangeConfiguration", {"key": "AuthorizationKey", "value": "pw"}, raw))
    assert shown.raw == raw.replace(b'"p\\u0077"', f'"{MASK}"'.encode())


def test_a_setting_that_is_no_secret_stays() -> None:
    payload = {"reportData": [{"variable": {"name": "Enabled"}, "variableAttribute": [{"value": "true"}]}], "key": "x"}
    shown = mask(call("NotifyReport", payload))
    assert not shown.hidden
    assert shown.decoded == {"id": "a", "action": "NotifyReport", "payload": payload}


def test_a_secret_report_hides_only_the_value() -> None:
    attribute = {"type": "Actual", "value": "pw", "mutability": "WriteOnly"}
    payload = {"reportData": [{"variable": {"name": "BasicAuthPassword"}, "variableAttribute": [attribute]}]}
    shown = mask(call("NotifyReport", payload))
    (entry,) = shown.decoded["payload"]["reportData"]
    assert entry["variableAttribute"] == [{"type": "Actual", "value": MASK, "mutability": "WriteOnly"}]


def test_numbers_can_be_secret() -> None:
    shown = mask(call("X", {"pin": 4711, "other": 47112}))
    assert json.loads(shown.raw)[3] == {"pin": MASK, "other": 47112}


@pytest.mark.parametrize(
    "raw",
    [
        b'{"data": {"basic_auth_password": "hunter2", ',
        b'{"id_token": "hunter2", "token_type": "key_code" ',
        b'\xff{"password":"hunter2',
    ],
)
def test_unreadable_bytes_hide_named_values(raw: bytes) -> None:
    message = Message(1, 0, 0, Link.JOSEV, Direction.IN, "cs/josev", raw, malformed("not JSON", "byte 40"))
    shown = mask(message)
    assert shown.hidden
    assert b"hunter2" not in shown.raw
    assert shown.decoded == {"malformed": "not JSON", "where": "byte 40"}


def test_message_json_has_the_shape_of_the_api() -> None:
    fault = Fault("ocpp.schema", f"the idToken {SECRET} is too long", "idToken.idToken")
    message = call("Authorize", {"idToken": {"idToken": SECRET, "type": "KeyCode"}}, faults=(fault,))
    shown = message_json(message, exchange=42)
    assert shown == {
        "seq": 7,
        "utc": "2023-11-14T22:13:20.000Z",
        "link": "ocpp",
        "dir": "out",
        "channel": "CP-001",
        "kind": "CALL",
        "name": "Authorize",
        "correlation": "a",
        "raw": shown["raw"],
        "decoded": {"id": "a", "action": "Authorize", "payload": {"idToken": {"idToken": MASK, "type": "KeyCode"}}},
        "faults": [{"rule": "ocpp.schema", "text": f"the idToken {MASK} is too long", "where": "idToken.idToken"}],
        "exchange": 42,
        "injected": False,
    }
    assert hide(fault.text, message) == shown["faults"][0]["text"]
    revealed = message_json(message, exchange=None, reveal=True)
    assert revealed["decoded"]["payload"]["idToken"]["idToken"] == SECRET
    assert json.loads(revealed["raw"])[3]["idToken"]["idToken"] == SECRET


def test_bytes_that_are_no_text_go_out_as_base64() -> None:
    raw = b"\x00\x00\xff\xd5\x4b"
    message = Message(1, 0, 0, Link.READER, Direction.IN, "ttyUSB0", raw, Decoded("frame", "InList", None, None))
    shown = message_json(message, exchange=None)
    assert "raw" not in shown
    assert base64.b64decode(shown["raw_base64"]) == raw


def test_every_body_becomes_json() -> None:
    card = CardRead("r", b"\x04\xa2", Technology.ISO14443, b"\xd5", Stamp(1, 2))
    tree = to_tree(card)
    assert tree["uid"] == "04A2"
    assert tree["technology"] == "ISO14443"
    json.dumps(tree)
    assert to_tree(None) is None
    assert to_tree({"a": (1, 2.5, True, object)})["a"][:3] == [1, 2.5, True]
    deep: object = "end"
    for _ in range(5000):
        deep = [deep]
    to_tree(deep)
