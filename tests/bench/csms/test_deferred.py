"""Calls of a station that wait for somebody else's decision: nothing waits behind them, and each is answered once."""

from __future__ import annotations

import json
from typing import Any

import pytest

from bench.codecs.ocpp_schemas import Half, schema_of
from bench.csms.effects import Effect, Forsaken, Send
from bench.tokens.decision import UnknownTokens
from bench.tokens.model import AuthorizationStatus, Decision
from tests.bench.csms.linkbook import token
from tests.bench.csms.storebook import TIME, StoreBook

YES = Decision(AuthorizationStatus.ACCEPTED, "operator", "accepted by the operator", "operator", once=True)
NO = Decision(AuthorizationStatus.UNKNOWN, "default", "operator did not answer", "operator-silent", once=True)
NOW, SOON = "2023-11-14T22:13:20.000Z", "2023-11-14T22:14:20.000Z"
ID_TOKEN = {"idToken": "04AA", "type": "ISO14443"}


def waiting(version: str) -> StoreBook:
    return StoreBook(version, token("GOOD"), unknown=UnknownTokens.OPERATOR)


def event(kind: str, trigger: str = "Authorized", name: str = "tx-1", **more: object) -> dict[str, Any]:
    info = {"transactionId": name}
    return {"eventType": kind, "timestamp": TIME, "triggerReason": trigger, "seqNo": 0, "transactionInfo": info} | more


START_16 = {"connectorId": 1, "idTag": "04AA", "meterStart": 0, "timestamp": TIME}
CALLS: list[tuple[str, str, dict[str, Any], str]] = [
    ("1.6", "Authorize", {"idTag": "04AA"}, "idTagInfo"),
    ("1.6", "StartTransaction", START_16, "idTagInfo"),
    ("2.0.1", "Authorize", {"idToken": ID_TOKEN}, "idTokenInfo"),
    ("2.0.1", "TransactionEvent", event("Started", idToken=ID_TOKEN), "idTokenInfo"),
    ("2.0.1", "TransactionEvent", event("Updated", idToken=ID_TOKEN), "idTokenInfo"),
    ("2.1", "Authorize", {"idToken": ID_TOKEN}, "idTokenInfo"),
]


def answer_of(book: StoreBook, action: str, effects: list[Effect]) -> dict[str, Any]:
    (effect,) = effects
    assert isinstance(effect, Send)
    kind, _, answer = json.loads(effect.data)
    assert kind == 3
    schema = schema_of(book.station.version, Half.RESPONSE, action)
    assert schema is not None
    assert schema.faults(answer) == ()
    assert isinstance(answer, dict)
    return answer


@pytest.mark.parametrize(("version", "action", "payload", "member"), CALLS)
@pytest.mark.parametrize("decision", [YES, NO])
def test_a_call_waits_and_nothing_behind_it(
    version: str, action: str, payload: dict[str, Any], member: str, decision: Decision
) -> None:
    book = waiting(version)
    assert book.says(2, "w", action, payload) == [f"? w {action} of 04AA to operator"]
    seq = book.journal.head
    assert book.call_of("Heartbeat")["currentTime"] == NOW
    assert book.authorized("GOOD") == {"status": "Accepted"}
    assert book.calls("ClearCache")[1] == ['> [2,"b-1","ClearCache",{}]']
    info = answer_of(book, action, book.link.decided(seq, decision))[member]
    assert info["status"] == (decision.status_16 if version == "1.6" else decision.status)
    until = info["expiryDate" if version == "1.6" else "cacheExpiryDateTime"]
    assert until == (SOON if version == "1.6" and decision.accepted else NOW)
    assert book.station.accepted == {"good"}
    assert book.link.decided(seq, decision) == []


def test_a_station_that_leaves_is_not_answered() -> None:
    book = waiting("2.0.1")
    book.says(2, "w", "Authorize", {"idToken": ID_TOKEN})
    seq = book.journal.head
    assert book.link.closed() == [Forsaken(seq, "w")]
    assert book.link.decided(seq, YES) == []
    assert book.link.closed() == []


def test_two_calls_with_one_message_id_are_both_answered() -> None:
    book = waiting("1.6")
    book.says(2, "w", "Authorize", {"idTag": "04AA"})
    first = book.journal.head
    lines = book.says(2, "w", "Authorize", {"idTag": "04AA"})
    assert [line.split(":")[0] for line in lines] == ["! warn ocpp.duplicate-id", "? w Authorize of 04AA to operator"]
    for seq in (first, book.journal.head):
        assert answer_of(book, "Authorize", book.link.decided(seq, YES))["idTagInfo"]["status"] == "Accepted"


def test_a_charge_that_waits_runs_and_may_end() -> None:
    """What the station tells in the meantime is not undone by the late answer."""
    book = waiting("2.0.1")
    book.says(2, "w", "TransactionEvent", event("Started", idToken=ID_TOKEN))
    seq = book.journal.head
    assert book.station.transactions["tx-1"].id_token == "04AA"
    book.event("Ended", trigger="EVDeparted")
    answer_of(book, "TransactionEvent", book.link.decided(seq, YES))
    assert book.station.transactions == {}


def test_a_start_of_16_keeps_its_number() -> None:
    book = waiting("1.6")
    book.says(2, "w", "StartTransaction", START_16)
    (number,) = book.station.transactions
    answer = answer_of(book, "StartTransaction", book.link.decided(book.journal.head, NO))
    assert answer["transactionId"] == int(number)


def test_plug_and_charge_of_16_waits_too() -> None:
    book = waiting("1.6")
    inside = json.dumps({"idToken": {"idToken": "DE8AAC1B2C3D4E", "type": "eMAID"}})
    vendor = "org.openchargealliance.iso15118pnc"
    lines = book.says(2, "w", "DataTransfer", {"vendorId": vendor, "messageId": "Authorize", "data": inside})
    assert lines == ["? w Authorize of DE8AAC1B2C3D4E to operator"]
    answer = answer_of(book, "DataTransfer", book.link.decided(book.journal.head, YES))
    assert json.loads(answer["data"])["idTokenInfo"]["status"] == "Accepted"


def test_a_bug_in_the_late_answer_is_still_an_answer(caplog: pytest.LogCaptureFixture) -> None:
    book = waiting("2.0.1")
    book.says(2, "w", "Authorize", {"idToken": ID_TOKEN})
    broken = YES._replace(status=None)  # type: ignore[arg-type]
    (effect,) = book.link.decided(book.journal.head, broken)
    assert isinstance(effect, Send)
    assert json.loads(effect.data)[:3] == [4, "w", "InternalError"]
    caplog.clear()


def test_what_ends_a_charge_is_marked_so() -> None:
    book = StoreBook("2.0.1", token("GOOD"))
    asked = book.desk.asked
    book.link._context.authority = book.desk
    book.event("Started", "GOOD")
    book.event("Updated", "GOOD", trigger="StopAuthorized")
    book.event("Ended", "GOOD", trigger="EVDeparted")
    assert [(ask.starts, ask.ends) for ask, _ in asked] == [("tx-1", False), (None, True), (None, True)]


def test_a_token_that_comes_after_the_cable_starts_the_charge() -> None:
    book = StoreBook("2.0.1", token("GOOD"))
    asked = book.desk.asked
    book.link._context.authority = book.desk
    book.event("Started", trigger="CablePluggedIn")
    book.event("Updated", "GOOD")
    book.event("Updated", "GOOD")
    assert [ask.starts for ask, _ in asked] == ["tx-1", None]
