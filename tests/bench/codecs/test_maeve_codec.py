"""The answers of a MaEVe as typed values; nothing a server sends makes the codec raise."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bench.codecs import maeve
from bench.codecs.maeve import Answer, MaeveToken, Operation, Outcome, StationAuth, decode
from bench.errors import BadInput
from bench.message import Malformed
from tests.maeve_world import token_there

OPERATIONS = list(maeve.OPERATIONS.values())
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from([*maeve.TOKEN_FIELDS, "lastUpdated", "certificate", "error"]), inner, max_size=6
        )
    ),
    max_leaves=12,
)

WIRE = {
    "countryCode": "GB",
    "partyId": "TWK",
    "type": "RFID",
    "uid": "04a2",
    "contractId": "GBTWK012345678V",
    "issuer": "Thoughtworks",
    "valid": True,
    "cacheMode": "ALWAYS",
    "groupId": "FLEET",
    "lastUpdated": "2026-02-01T00:00:00Z",
}


def told(operation: Operation, status: int, body: object) -> Answer:
    return decode(operation, status, json.dumps(body).encode())[0]


def test_there_are_as_many_operations_as_the_api_has() -> None:
    assert len(OPERATIONS) == 13
    assert len({(operation.method, operation.path) for operation in OPERATIONS}) == 13


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.sampled_from(OPERATIONS),
    st.integers(100, 599),
    st.binary(max_size=80) | JSON.map(lambda tree: json.dumps(tree).encode()),
)
def test_whatever_comes_is_an_answer(operation: Operation, status: int, body: bytes) -> None:
    answer, _ = decode(operation, status, body)
    assert answer.outcome in Outcome
    assert answer.ok == (not answer.error)


def test_a_token_is_read_and_written_alike() -> None:
    answer = told(maeve.LOOKUP_TOKEN, 200, WIRE)
    assert answer.body == token_there("04a2", group_id="FLEET")
    assert answer.faults == ()
    assert isinstance(answer.body, MaeveToken)
    assert maeve.token_json(answer.body) == {**WIRE, "lastUpdated": "2026-02-01T00:00:00.000Z"}
    assert "lastUpdated" not in maeve.token_body(answer.body)


def test_a_token_without_its_fields_is_read_and_its_flaws_are_named() -> None:
    """The true server checks no schema."""
    answer = told(maeve.LIST_TOKENS, 200, [WIRE, {"uid": "x" * 40, "type": "CARD"}, {"uid": 7}, "token"])
    assert answer.ok
    assert answer.lost == 2
    assert [token.uid for token in answer.body] == ["04a2", "x" * 40]  # type: ignore[attr-defined]
    wheres = [fault.where for fault in answer.faults]
    assert "[1].uid" in wheres
    assert "[1].type" in wheres
    assert "[1].issuer" in wheres
    assert "[2].uid" in wheres


@pytest.mark.parametrize(("status", "ok", "faults"), [(200, True, []), (201, True, ["maeve.status"]), (204, False, [])])
def test_a_trigger_may_be_201_although_the_api_says_200(status: int, ok: bool, faults: list[str]) -> None:
    answer, _ = decode(maeve.TRIGGER, status, b"")
    assert answer.ok is ok
    assert [fault.rule for fault in answer.faults] == faults


def test_refusals_have_the_servers_words_and_a_cure() -> None:
    said = told(maeve.SET_TOKEN, 400, {"status": "Bad Request", "error": "emaid x is invalid"})
    assert (said.outcome, said.error) == (Outcome.REFUSED, "Bad Request: emaid x is invalid")
    assert told(maeve.LOOKUP_TOKEN, 404, {"status": "Not Found"}).missing
    assert "OCPI is off" in told(maeve.REGISTER_PARTY, 404, {"status": "Not Found"}).cure
    assert "crashes" in decode(maeve.REGISTER_LOCATION, 500, b"")[0].cure
    assert "credentials" in decode(maeve.LIST_TOKENS, 401, b"")[0].cure
    html = decode(maeve.LIST_TOKENS, 502, b"<html>\n <h1>Bad  Gateway</h1></html>")[0]
    assert html.error == "answered 502: <html> <h1>Bad Gateway</h1></html>"


@pytest.mark.parametrize("body", [b"", b"  ", b"{", b"[]", b'{"uid": 5}', b'{"uid":"A","valid":"yes"}', b"\xff"])
def test_a_success_that_holds_no_token_is_unreadable(body: bytes) -> None:
    answer, _ = decode(maeve.LOOKUP_TOKEN, 200, body)
    assert answer.outcome is Outcome.UNREADABLE
    assert answer.error
    assert answer.cure


def test_a_time_without_a_zone_is_none() -> None:
    assert isinstance(maeve.read_token({**WIRE, "lastUpdated": "2026-02-01T00:00:00"}), Malformed)
    for beyond in ("0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59"):
        assert isinstance(maeve.read_token({**WIRE, "lastUpdated": beyond}), Malformed)
    token = maeve.read_token({**WIRE, "lastUpdated": "2026-02-01T01:00:00+01:00"})
    assert isinstance(token, MaeveToken)
    assert token.last_updated == datetime(2026, 2, 1, tzinfo=UTC)


def test_security_profiles_count_from_0_there() -> None:
    auth = StationAuth.of_ocpp(2, "secret")
    assert auth == StationAuth(1, "K7gNU3sdo+OL0wNhqoVWhr3g6s1xYv72ol/pe/Unols=")
    assert maeve.auth_body(auth) == {
        "securityProfile": 1,
        "base64SHA256Password": "K7gNU3sdo+OL0wNhqoVWhr3g6s1xYv72ol/pe/Unols=",
        "invalidUsernameAllowed": False,
    }
    with pytest.raises(BadInput):
        StationAuth.of_ocpp(0)
    strange = told(maeve.LOOKUP_AUTH, 200, {"securityProfile": 3})
    assert strange.body == StationAuth(3)
    assert [fault.rule for fault in strange.faults] == ["maeve.auth"]
