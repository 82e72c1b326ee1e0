from __future__ import annotations

import base64
import json
import time
from dataclasses import dataclass

import orjson
import pytest

from bench.card import CardRead, Technology
from bench.clock import Stamp
from bench.exchange import MASK
from bench.masking import MAX_DEPTH, hide, mask, mask_tree, message_json, secrets_of, to_tree
from bench.message import Decoded, Direction, Fault, Link, Message, malformed
from bench.plain_data import json_text


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
        {"eventData": [{"variable": {"name": "BasicAuthPassword"}, "actualValue": SECRET}]},
        {"connectionData": {"vpn": {"server": "v", "user": "u", "password": "", "key": SECRET, "type": "IKEv2"}}},
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
        b'[2,"1","ChangeConfiguration",{"key":"AuthorizationKey","value":"hunter2"}',
        b'[2,"1","SetVariables",{"setVariableData":[{"attributeValue":"hunter2","variable":{"name":"BasicAuthPassword"',
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


def nested(depth: int, inside: object) -> object:
    for number in range(depth):
        inside = {"in": inside} if number % 2 else [inside]
    return inside


def opened(shown: object) -> list[object]:
    """What stands in a tree, whether folded or not."""
    found, waiting = [], [shown]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict | list):
            waiting.extend(value.values() if isinstance(value, dict) else value)
        elif isinstance(value, str) and value[:1] in ("{", "[") and value.count("[") < 900:
            waiting.append(orjson.loads(value))
        else:
            found.append(value)
    return found


@pytest.mark.parametrize("depth", [10, MAX_DEPTH - 1, MAX_DEPTH, MAX_DEPTH + 1, 900])
def test_what_is_nested_deep_is_shown_and_masked(depth: int) -> None:
    payload = {"data": nested(depth, {"idToken": SECRET, "type": "KeyCode", "seen": "yes"})}
    body = Call("a", "DataTransfer", payload)
    assert sorted(map(str, opened(to_tree(body)))) == sorted(["a", "DataTransfer", SECRET, "KeyCode", "yes"])
    message = call("DataTransfer", payload, orjson_deep(payload))
    shown = mask(message)
    assert sorted(map(str, opened(shown.decoded))) == sorted(["a", "DataTransfer", MASK, "KeyCode", "yes"])
    assert json_text(SECRET)[1:-1].encode() not in shown.raw
    assert MASK.encode() in shown.raw
    orjson.dumps([message_json(message, exchange=None)])  # deep enough for every reader of JSON
    json.dumps(shown.decoded, indent=2)


def orjson_deep(payload: object) -> bytes:
    return f'[2,"a","DataTransfer",{json_text(payload)}]'.encode()


def test_no_depth_and_no_length_holds_up_the_mask() -> None:
    deep = nested(50_000, {"password": SECRET})
    began = time.process_time()
    text = json_text(mask_tree(deep))
    shown = to_tree(deep)
    assert time.process_time() - began < 5
    assert SECRET[:2] not in text
    assert MASK in text
    assert SECRET[:2] in json.dumps(shown, ensure_ascii=False)
    assert secrets_of(deep) == {SECRET}


def test_deep_text_is_json_again() -> None:
    odd = {"a": [], "b": {}, "c": [1, 2.5, None, True, 'x"\\\n\ud800'], "d": {"e": 2**70}}
    assert json.loads(json_text(odd)) == odd
    assert json_text([]) == "[]"
    assert json_text(nested(3, 1)) == '[{"in":[1]}]'


def test_json_inside_a_string_hides_its_secrets() -> None:
    inside = json.dumps({"idToken": {"idToken": SECRET, "type": "KeyCode"}, "n": 1})
    message = call(
        "DataTransfer", {"vendorId": "x", "data": inside, "other": '{"pin": 5', "plain": '{"type":"KeyCode"}'}
    )
    shown = mask(message)
    payload = shown.decoded["payload"]
    assert json.loads(payload["data"]) == {"idToken": {"idToken": MASK, "type": "KeyCode"}, "n": 1}
    assert "5" not in payload["other"]
    assert payload["plain"] == '{"type":"KeyCode"}'
    assert json.loads(shown.raw)[3] == payload
    assert hide(f"got {SECRET}", message) == f"got {MASK}"


@pytest.mark.parametrize(
    "text",
    [
        "{'password': 'hunter2'}",
        "password=hunter2, more=5",
        '{"data": {"token_type": "key_code", "id_token": hunter2}}',
        "{'data': {'token_type': 'key_code', 'id_token': 'hunter2",
        '"{\\"idToken\\": {\\"idToken\\": \\"hunter2\\", \\"type\\": \\"KeyCode\\"}}',
        '{"name": \'x, "id_token": ["hunter2"], "token_type": "key_code"',
        '[2,"1","Authorize",{"idToken":{"idToken":"hunter2\n","type":"KeyCode"}}]',
    ],
)
def test_what_only_resembles_json_hides_named_values_too(text: str) -> None:
    message = Message(1, 0, 0, Link.JOSEV, Direction.IN, "cs/josev", text.encode(), malformed("not JSON"))
    shown = mask(message)
    assert shown.hidden
    assert b"hunter2" not in shown.raw
    assert MASK.encode() in shown.raw


def test_a_long_text_that_is_no_json_is_masked_in_time() -> None:
    for part in ("a", "a:", '"', "\\", "password=", "'x': ", "[", "{'pin':['", '\\"pin\\":\\"'):
        raw = (part * (500_000 // len(part))).encode()
        began = time.process_time()
        mask(Message(1, 0, 0, Link.JOSEV, Direction.IN, "cs/josev", raw, malformed("not JSON")))
        assert time.process_time() - began < 3, part


def test_a_text_full_of_escaped_quotes_is_masked_in_time() -> None:
    raw = b'\\"' * 3_000_000
    began = time.process_time()
    mask(Message(1, 0, 0, Link.JOSEV, Direction.IN, "cs/josev", raw, malformed("not JSON")))
    assert time.process_time() - began < 3
