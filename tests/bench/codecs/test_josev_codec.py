"""Messages of the Josev API, each as it would be typed into a bus: what is read, and every rule that is broken."""

from __future__ import annotations

import json

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.codecs.josev import (
    MAX_FAULTS,
    JosevMessage,
    authorization_request,
    authorization_response,
    authorization_update,
    decode,
    encode,
    evse_for_request,
    field_verdicts,
)
from bench.codecs.josev_fields import SHAPES
from bench.errors import BadInput
from bench.message import Decoded, Malformed
from bench.settings import Topics
from bench.tokens.model import JosevTokenType

ID = "57828133-8cfe-477d-b829-0b60aff90c2a"
EVSE = "GB*SEV*E123456789"
TOPICS = Topics()
TO_JOSEV, TO_CS, UPDATES = TOPICS.cs_to_josev, TOPICS.josev_to_cs, TOPICS.updates[0]
REQUEST = {"evse_id": EVSE, "id_token": "03459512", "token_type": "ISO14443"}
UPDATE = {"evse_id": EVSE, "id_token": "FF44556670AA", "token_type": "mac_address", "status": "accepted"}


def heard(type_: str, data: object, topic: str, name: str = "authorization", **envelope: object) -> Decoded:
    raw = json.dumps({"id": ID, "name": name, "type": type_, "data": data, **envelope}).encode()
    return decode(raw, topic, TOPICS)


def rules(decoded: Decoded) -> list[str]:
    return [fault.rule for fault in decoded.faults]


def without(data: dict[str, object], *names: str) -> dict[str, object]:
    return {name: value for name, value in data.items() if name not in names}


def test_an_authorization_request_as_the_api_shows_it() -> None:
    decoded = heard("request", REQUEST, TO_JOSEV)
    assert (decoded.kind, decoded.name, decoded.correlation) == ("request", "authorization", ID)
    assert decoded.body == JosevMessage(ID, "authorization", "request", REQUEST)
    assert decoded.faults == ()


@pytest.mark.parametrize(
    ("type_", "topic", "data"),
    [
        ("request", TO_JOSEV, without(REQUEST, "evse_id")),
        ("request", TO_JOSEV, {"token_type": "no_authorization"}),
        *(
            ("request", TO_JOSEV, {**REQUEST, "token_type": t})
            for t in ("ISO15693", "key_code", "local", "mac_address")
        ),
        *(("response", TO_CS, {"status": s}) for s in ("accepted", "rejected", "deauthorized")),
        *(("update", TO_CS, {**UPDATE, "token_type": t}) for t in ("e_maid", "central", "local", "ISO14443")),
        *(("update", topic, UPDATE) for topic in TOPICS.updates),
        ("update", TO_JOSEV, without(UPDATE, "id_token")),
        ("update", TO_CS, {**without(UPDATE, "id_token"), "token_type": "no_authorization"}),
    ],
)
def test_what_the_api_allows_has_no_fault(type_: str, topic: str, data: dict[str, object]) -> None:
    assert heard(type_, data, topic).faults == ()


@pytest.mark.parametrize(
    ("type_", "topic", "data", "rule", "where", "words"),
    [
        ("request", TO_JOSEV, {**REQUEST, "token_type": "RFID"}, "josev.token-type", "data.token_type", "'RFID'"),
        ("request", TO_JOSEV, {**REQUEST, "token_type": "central"}, "josev.token-type", "data.token_type", "ISO15693"),
        ("request", TO_JOSEV, {**REQUEST, "token_type": "e_maid"}, "josev.token-type", "data.token_type", "e_maid"),
        ("request", TO_JOSEV, without(REQUEST, "token_type"), "josev.token-type", "data.token_type", "missing"),
        ("request", TO_JOSEV, {**REQUEST, "token_type": 4}, "josev.token-type", "data.token_type", "is 4;"),
        ("request", TO_JOSEV, without(REQUEST, "id_token"), "josev.id-token", "data.id_token", "needs one"),
        ("request", TO_JOSEV, {**REQUEST, "id_token": " "}, "josev.id-token", "data.id_token", "empty"),
        ("request", TO_JOSEV, {**REQUEST, "id_token": None}, "josev.id-token", "data.id_token", "null"),
        ("request", TO_JOSEV, {**REQUEST, "id_token": 3459512}, "josev.id-token", "data.id_token", "a number"),
        (
            "request",
            TO_JOSEV,
            {**REQUEST, "token_type": "no_authorization"},
            "josev.id-token",
            "data.id_token",
            "given",
        ),
        ("request", TO_JOSEV, {**REQUEST, "evse_id": 1}, "josev.evse-id", "data.evse_id", "is 1; it must be a string"),
        ("request", TO_JOSEV, {**REQUEST, "color": "red"}, "josev.extra-member", "data.color", "color"),
        ("request", TO_CS, REQUEST, "josev.topic", "topic", "belongs on cs/josev"),
        ("response", TO_CS, {"status": "Accepted"}, "josev.status", "data.status", "'Accepted'"),
        ("response", TO_CS, {}, "josev.status", "data.status", "missing"),
        ("response", TO_JOSEV, {"status": "accepted"}, "josev.topic", "topic", "belongs on josev/cs"),
        ("update", TO_CS, without(UPDATE, "evse_id"), "josev.evse-id", "data.evse_id", "missing"),
        ("update", TO_CS, {**UPDATE, "evse_id": ""}, "josev.evse-id", "data.evse_id", "empty"),
        ("update", UPDATES, {**UPDATE, "token_type": "emaid"}, "josev.token-type", "data.token_type", "central"),
        ("update", TO_CS, without(UPDATE, "status"), "josev.status", "data.status", "missing"),
        ("update", "josev/other", UPDATE, "josev.topic", "topic", "ocpp/iso15118"),
    ],
)
def test_each_broken_rule_is_named_with_the_value_met(
    type_: str, topic: str, data: dict[str, object], rule: str, where: str, words: str
) -> None:
    decoded = heard(type_, data, topic)
    assert decoded.kind == type_
    assert rules(decoded) == [rule]
    assert decoded.faults[0].where == where
    assert words in decoded.faults[0].text


def test_a_key_code_is_never_quoted() -> None:
    decoded = heard("request", {"token_type": "key_code", "id_token": 4711}, TO_JOSEV)
    assert rules(decoded) == ["josev.id-token"]
    assert "4711" not in decoded.faults[0].text


@pytest.mark.parametrize(
    ("envelope", "rule", "correlation", "name"),
    [
        ({"id": "42"}, "josev.id", "42", "authorization"),
        ({"id": 42}, "josev.id", "42", "authorization"),
        ({"id": None}, "josev.id", None, "authorization"),
        ({"id": "x" * 300}, "josev.id", None, "authorization"),
        ({"name": 7}, "josev.name", ID, ""),
        ({"type": "Response"}, "josev.type", ID, "authorization"),
        ({"data": [1]}, "josev.data", ID, "authorization"),
        ({"version": 1}, "josev.extra-member", ID, "authorization"),
    ],
)
def test_an_envelope_that_is_wrong_but_readable_is_read(
    envelope: dict[str, object], rule: str, correlation: str | None, name: str
) -> None:
    decoded = heard(**{"type_": "response", "data": {"status": "accepted"}, "topic": TO_CS, **envelope})  # type: ignore[arg-type]
    assert decoded.kind == "response"
    assert rules(decoded) == [rule]
    assert (decoded.correlation, decoded.name) == (correlation, name)


def test_members_left_out_of_the_envelope() -> None:
    decoded = decode(b'{"type":"request"}', TO_JOSEV, TOPICS)
    assert rules(decoded) == ["josev.name", "josev.id", "josev.data"]
    assert decoded.body == JosevMessage("", "", "request", {})


@pytest.mark.parametrize(
    ("raw", "why", "where"),
    [
        (b"", "not JSON", "character 0"),
        (b"hello", "not JSON", "character 0"),
        (b'{"id": 1', "not JSON", "character 8"),
        (b'{"id":"a", #OPTIONAL\n"type":"request"}', "comments", "character 11"),
        (b"\xff\xfe{}", "not UTF-8", "byte 0"),
        (b'{"id":"\xc3("}', "not UTF-8", "byte 7"),
        (b"[]", "an array; it must be an object", ""),
        (b"null", "null; it must be an object", ""),
        (b'{"id":"a","name":"authorization"}', "no type", "type"),
        (b'{"id":"a","name":"authorization","type":"error"}', "'error'", "type"),
        (b'{"id":"a","name":"authorization","type":null}', "null", "type"),
        (b"[" * 100_000, "not JSON", "character"),
        (b'{"data":' * 5_000 + b"1" + b"}" * 5_000, "not JSON", "character"),
    ],
)
def test_what_cannot_be_read_says_why_and_where(raw: bytes, why: str, where: str) -> None:
    decoded = decode(raw, TO_JOSEV, TOPICS)
    assert decoded.kind == "malformed"
    assert isinstance(decoded.body, Malformed)
    assert why in decoded.body.why
    assert decoded.body.where.startswith(where)


def test_a_wrong_type_still_tells_name_and_id() -> None:
    decoded = heard("error", {}, TO_CS)
    assert (decoded.name, decoded.correlation) == ("authorization", ID)


def test_members_given_twice_are_noted() -> None:
    raw = b'{"id":"%s","name":"authorization","type":"response","data":{"status":"rejected","status":"accepted"}}'
    decoded = decode(raw % ID.encode(), TO_CS, TOPICS)
    assert rules(decoded) == ["josev.duplicate-member"]
    assert decoded.body.data == {"status": "accepted"}  # type: ignore[attr-defined]


def test_five_megabytes_are_read_whole() -> None:
    decoded = heard("update", {**UPDATE, "note": "x" * 5_000_000}, TO_CS)
    assert rules(decoded) == ["josev.extra-member"]
    assert len(decoded.body.data["note"]) == 5_000_000  # type: ignore[attr-defined]
    many = heard("response", {"status": "accepted", **{f"m{n}": n for n in range(200_000)}}, TO_CS)
    assert len(many.faults) == MAX_FAULTS


@pytest.mark.parametrize(
    ("name", "type_", "topic", "data", "broken"),
    [
        ("stop_charging", "request", TO_CS, {"evse_id": EVSE}, []),
        ("stop_charging", "request", TOPICS.updates[1], {}, ["josev.evse-id"]),
        ("stop_charging", "response", TO_JOSEV, {"evse_id": EVSE, "status": "rejected"}, []),
        ("stop_charging", "response", TO_JOSEV, {"evse_id": EVSE, "status": "stopped"}, ["josev.status"]),
        ("stop_charging", "update", TO_JOSEV, {"evse_id": EVSE}, ["josev.type"]),
        ("transaction_status", "update", TO_CS, {"status": "started", "transaction_id": "t1"}, []),
        ("transaction_status", "update", TO_CS, {"status": "Started"}, ["josev.status", "josev.field"]),
        ("process_authorized_token", "request", TO_CS, {"token_type": "e_maid", "id_token": "DEABCC123ABC56"}, []),
        ("process_authorized_token", "request", TO_JOSEV, {"token_type": "e_maid"}, ["josev.topic"]),
        ("process_authorized_token", "response", TO_JOSEV, {"status": "discarded", "reason": "full"}, []),
        ("cs_parameters", "request", TO_CS, {}, []),
        ("cs_parameters", "response", TO_JOSEV, {}, ["josev.field"] * 4),
        ("device_model", "request", TO_CS, {"x": 1}, ["josev.extra-member"]),
        ("cp_status", "update", TO_JOSEV, {"whatever": 1}, []),
    ],
)
def test_other_messages_are_checked_lightly(
    name: str, type_: str, topic: str, data: dict[str, object], broken: list[str]
) -> None:
    assert rules(heard(type_, data, topic, name)) == broken


def test_nested_members_name_their_place() -> None:
    entry = {"evse_id": EVSE, "supports_eim": "yes", "network_interface": "eth0", "connectors": []}
    data = {"sw_version": "1", "hw_version": "1", "number_of_evses": 0, "parameters": [entry, 5]}
    faults = heard("response", data, TO_JOSEV, "cs_parameters").faults
    assert [(fault.where, fault.text) for fault in faults] == [
        ("data.number_of_evses", "number_of_evses is 0; it must be 1 or more"),
        ("data.parameters[0].supports_eim", "supports_eim is 'yes'; it must be true or false"),
        ("data.parameters[0].connectors", "connectors is empty; it needs at least one entry"),
        ("data.parameters[1]", "an entry of parameters is 5; it must be an object"),
    ]


def test_a_certificate_exchange_may_have_a_plain_id() -> None:
    assert heard("request", {}, TO_CS, "iso15118_get_ev_certificate", id="1").faults == ()


def test_topics_are_settings() -> None:
    topics = Topics(cs_to_josev="a/b", josev_to_cs="b/a", updates=("c/d",))
    raw = encode(authorization_update(ID, EVSE, JosevTokenType.CENTRAL, "X", "accepted"))
    assert decode(raw, "c/d", topics).faults == ()
    assert rules(decode(raw, UPDATES, topics)) == ["josev.topic"]


def test_verdicts_per_field_for_the_inspector() -> None:
    message = JosevMessage(ID, "authorization", "request", {"token_type": "RFID", "id_token": "04A2", "x": 1})
    assert field_verdicts(message, TO_JOSEV, TOPICS) == [
        ("id", ID, True, ""),
        ("name", "authorization", True, ""),
        ("type", "request", True, ""),
        ("topic", TO_JOSEV, True, ""),
        ("data.id_token", "04A2", True, ""),
        (
            "data.token_type",
            "RFID",
            False,
            "token_type is 'RFID'; it must be one of ISO14443, ISO15693, key_code, local, no_authorization, mac_address",
        ),
        ("data.x", 1, False, "x is not a member the Josev API knows"),
    ]
    assert [path for path, _, ok, _ in field_verdicts(JosevMessage("1", "", "update"), TO_CS, TOPICS) if not ok] == [
        "id",
        "name",
    ]


# Building


def test_built_messages_read_back_without_fault() -> None:
    for message, topic in (
        (authorization_request(ID, JosevTokenType.ISO14443, "04A2B3C4", None), TO_JOSEV),
        (authorization_request(ID, JosevTokenType.NO_AUTHORIZATION, "04A2B3C4", EVSE), TO_JOSEV),
        (authorization_response(ID, "rejected"), TO_CS),
        (authorization_update(ID, EVSE, JosevTokenType.CENTRAL, "REMOTE-1", "accepted"), UPDATES),
        (authorization_update(ID, EVSE, JosevTokenType.NO_AUTHORIZATION, "x", "accepted"), TO_CS),
    ):
        decoded = decode(encode(message), topic, TOPICS)
        assert decoded.body == message
        assert decoded.faults == ()


def test_a_request_is_compact_and_in_the_order_of_the_api() -> None:
    raw = encode(authorization_request(ID, JosevTokenType.ISO14443, "03459512", EVSE))
    assert (
        raw
        == (
            f'{{"id":"{ID}","name":"authorization","type":"request",'
            f'"data":{{"evse_id":"{EVSE}","id_token":"03459512","token_type":"ISO14443"}}}}'
        ).encode()
    )


def test_what_json_cannot_hold_is_refused() -> None:
    with pytest.raises(BadInput, match="cannot be written"):
        encode(JosevMessage(ID, "authorization", "request", {"x": object()}))


@pytest.mark.parametrize(
    ("chosen", "plugged_in_first", "known", "evse_id"),
    [
        (None, False, [EVSE], None),
        (None, True, [EVSE], EVSE),
        ("DE*1", True, [EVSE, "DE*2"], "DE*1"),
        (" DE*1 ", False, [], "DE*1"),
        ("", True, [EVSE], EVSE),
        (None, False, [], None),
    ],
)
def test_the_evse_id_rule(chosen: str | None, plugged_in_first: bool, known: list[str], evse_id: str | None) -> None:
    assert evse_for_request(chosen, plugged_in_first, known) == evse_id


@pytest.mark.parametrize(("known", "words"), [([], "knows none"), ([EVSE, "DE*2"], f"choose one of {EVSE}")])
def test_a_plugged_in_ev_needs_its_evse_named(known: list[str], words: str) -> None:
    with pytest.raises(BadInput) as refusal:
        evse_for_request(None, True, known)
    assert words in str(refusal.value)


# Fuzz

json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False) | st.text(max_size=40),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=20,
)
members = st.sampled_from(sorted({name for shape in SHAPES.values() for name in shape.members} | {"x"}))
payloads = st.dictionaries(members, json_values | st.sampled_from(list(JosevTokenType)), max_size=8)
envelopes = st.fixed_dictionaries(
    {},
    optional={
        "id": json_values | st.just(ID),
        "name": json_values | st.sampled_from(sorted({name for name, _ in SHAPES})),
        "type": json_values | st.sampled_from(["request", "response", "update"]),
        "data": json_values | payloads,
    },
)
topic_names = st.sampled_from([*TOPICS.all, "elsewhere"])


@given(raw=st.binary(max_size=200), topic=topic_names)
def test_any_bytes_are_decoded_or_malformed(raw: bytes, topic: str) -> None:
    assert isinstance(decode(raw, topic, TOPICS), Decoded)


@given(tree=envelopes | json_values, topic=topic_names)
def test_any_json_is_decoded_or_malformed(tree: object, topic: str) -> None:
    decoded = decode(orjson.dumps(tree), topic, TOPICS)
    assert decoded.kind in ("request", "response", "update", "malformed")
    assert all(fault.rule and fault.text for fault in decoded.faults)
    if isinstance(decoded.body, JosevMessage):
        bad = {path for path, _, ok, _ in field_verdicts(decoded.body, topic, TOPICS) if not ok}
        assert {f.where for f in decoded.faults if f.where.startswith("data.")} <= bad
        assert decode(encode(decoded.body), topic, TOPICS).body == decoded.body
