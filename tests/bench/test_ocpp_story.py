"""The OCPP part of an exchange, as a packet trace: taps on the charger's own reader, transactions, remote starts."""

from __future__ import annotations

import json
from itertools import count

import pytest

from bench.answers import CallAnswer
from bench.codecs.ocpp import decode
from bench.exchange import DecidedBy, Exchange, Party, Verdict
from bench.message import Direction, Link, Message
from bench.ocpp_story import OcppStory, token_of
from bench.station import Station
from bench.tokens.model import Ask, IdTokenType
from tests.bench.playbook import BLOCKED, EVSE, GOOD, Playbook, trace

UPDATE = "10000000-0000-4000-8000-000000000001"


class Stage(Playbook):
    """A playbook with one station, whose calls are answered from the store."""

    def __init__(self, version: str = "2.0.1") -> None:
        super().__init__()
        self.station = Station("CP-001", version)
        self.stations["CP-001"] = self.station
        self.story = OcppStory(self.book, self.decider, self.profile.charger.evses)
        self._ids = count(1)

    def frame(self, direction: Direction, frame: list[object], action: str | None = None) -> Message:
        self.clock.advance(2)
        raw = json.dumps(frame).encode()
        decoded = decode(raw, self.station.version, lambda _: action)
        return self.journal.append(Link.OCPP, direction, "CP-001", raw, decoded, self.clock.stamp())

    def station_calls(self, action: str, payload: dict[str, object]) -> Message:
        """The station calls, the store decides where a token is in it, and the answer goes out."""
        call_id = f"s{next(self._ids)}"
        message = self.frame(Direction.IN, [2, call_id, action, payload])
        self.story.call_received(self.station, message)
        answer: dict[str, object] = {}
        value, id_type = token_of(payload)
        if value is not None:
            decision = self.decider.ask(Ask(value, id_type, "CP-001"), self.book.of_seq(message.seq), Party.CSMS)
            if self.station.version == "1.6":
                answer = {"idTagInfo": {"status": decision.status_16}}
                if action == "StartTransaction":
                    answer["transactionId"] = 7
            else:
                answer = {"idTokenInfo": {"status": str(decision.status)}}
        self.story.answer_sent(self.station, self.frame(Direction.OUT, [3, call_id, answer], action))
        return message

    def authorize(self, uid: str) -> Message:
        if self.station.version == "1.6":
            return self.station_calls("Authorize", {"idTag": uid})
        return self.station_calls("Authorize", {"idToken": {"idToken": uid, "type": "ISO14443"}})

    def transaction(self, event: str, uid: str | None, id_type: str = "ISO14443", tx: str = "T1") -> Message:
        payload: dict[str, object] = {
            "eventType": event,
            "timestamp": "2026-01-01T00:00:00Z",
            "triggerReason": "Authorized",
            "seqNo": 0,
            "transactionInfo": {"transactionId": tx},
        }
        if uid is not None:
            payload["idToken"] = {"idToken": uid, "type": id_type}
        return self.station_calls("TransactionEvent", payload)

    @property
    def only(self) -> Exchange:
        (exchange,) = self.book.exchanges.values()
        return exchange


def test_authorize_joins_the_open_tap_and_its_decision_is_the_verdicts_reason() -> None:
    stage = Stage()
    exchange = stage.tap(GOOD)
    stage.authorize(GOOD.lower())
    assert exchange.open, "the CSMS's answer is not yet Josev's"
    stage.respond(exchange, "accepted")
    assert trace(exchange) == [
        "reader>bench presented",
        "bench>josev authorization request",
        "station>csms Authorize",
        "csms>store TAG-7?",
        "store>csms valid",
        "csms>station Accepted",
        "josev>bench response accepted",
    ]
    assert (exchange.decided_by, exchange.reason, exchange.token_label) == (DecidedBy.STORE, "valid", "TAG-7")


@pytest.mark.parametrize("version", ["1.6", "2.0.1"])
@pytest.mark.parametrize(
    ("uid", "verdict", "by", "reason"),
    [
        (GOOD, Verdict.ACCEPTED, DecidedBy.STORE, "valid"),
        (BLOCKED, Verdict.REJECTED, DecidedBy.STORE, "blocked"),
        ("04FFFFFFFFFFFF", Verdict.REJECTED, DecidedBy.DEFAULT, "unknown"),
    ],
)
def test_a_tap_on_the_chargers_own_reader_opens_its_own(
    version: str, uid: str, verdict: Verdict, by: DecidedBy, reason: str
) -> None:
    stage = Stage(version)
    stage.authorize(uid)
    exchange = stage.only
    assert (exchange.origin, exchange.verdict, exchange.decided_by, exchange.reason) == (
        "authorize",
        verdict,
        by,
        reason,
    )
    assert exchange.station == "CP-001"


def test_the_oldest_open_tap_of_the_token_is_joined_first() -> None:
    stage = Stage()
    first, second = stage.tap(GOOD), stage.tap(GOOD)
    stage.authorize(GOOD)
    assert len(first.hops) > len(second.hops)


def test_josev_against_the_csms_is_a_contradiction() -> None:
    stage = Stage()
    exchange = stage.tap(GOOD)
    stage.authorize(GOOD)
    stage.respond(exchange, "rejected")
    assert (exchange.verdict, exchange.decided_by) == (Verdict.REJECTED, DecidedBy.JOSEV)
    assert "verdict.contradiction" in stage.rules


def test_a_transaction_joins_the_tap_that_allowed_it() -> None:
    stage = Stage()
    stage.authorize(GOOD)
    stage.transaction("Started", GOOD)
    stage.transaction("Ended", GOOD)
    assert [step for step in trace(stage.only) if "Transaction" in step] == [
        "station>csms TransactionEvent Started",
        "station>csms TransactionEvent Ended",
    ]


def test_a_second_transaction_with_the_same_card_is_a_tap_of_its_own() -> None:
    stage = Stage()
    stage.authorize(GOOD)
    stage.transaction("Started", GOOD, tx="T1")
    stage.transaction("Started", GOOD, tx="T2")
    assert [exchange.origin for exchange in stage.book.exchanges.values()] == ["authorize", "transaction"]


@pytest.mark.parametrize("where", ["list", "cache"])
def test_a_card_the_station_knows_starts_without_authorize(where: str) -> None:
    stage = Stage()
    if where == "list":
        stage.station.shadow = {GOOD.casefold()}
    else:
        stage.station.accepted.add(GOOD.casefold())
    stage.transaction("Started", GOOD)
    assert (stage.only.origin, stage.only.verdict, stage.only.decided_by) == ("transaction", Verdict.ACCEPTED, where)


def test_a_stale_token_in_the_station_is_a_finding() -> None:
    stage = Stage()
    stage.station.shadow = {BLOCKED.casefold()}
    stage.transaction("Started", BLOCKED)
    assert stage.rules == ["station.stale-token"]


def test_free_charging_then_its_transaction_is_one_exchange() -> None:
    stage = Stage()
    from bench.tokens.model import JosevTokenType

    exchange = stage.tap(None, token_type=JosevTokenType.NO_AUTHORIZATION)
    stage.respond(exchange, "accepted")
    stage.transaction("Started", "", "NoAuthorization")
    assert stage.only.hops[-1].to is Party.STATION


def test_a_16_transaction_is_followed_to_its_stop() -> None:
    stage = Stage("1.6")
    stage.authorize(GOOD)
    start = {"connectorId": 1, "idTag": GOOD, "meterStart": 0, "timestamp": "2026-01-01T00:00:00Z"}
    stage.station_calls("StartTransaction", start)
    stop = {"transactionId": 7, "meterStop": 9, "timestamp": "2026-01-01T00:00:00Z"}
    stage.station_calls("StopTransaction", stop)
    assert [step for step in trace(stage.only) if step.startswith("station")] == [
        "station>csms Authorize",
        "station>csms StartTransaction",
        "station>csms StopTransaction",
    ]


def test_a_remote_start_ends_with_the_central_update() -> None:
    stage = Stage()
    exchange = stage.story.remote_start(stage.station, "8562ab54", IdTokenType.CENTRAL, 1, stage.clock.stamp())
    call = stage.frame(Direction.OUT, [2, "m1", "RequestStartTransaction", {"remoteStartId": 1}])
    stage.story.our_call_sent(exchange, call)
    result = stage.frame(Direction.IN, [3, "m1", {"status": "Accepted"}], "RequestStartTransaction")
    stage.story.our_call_answered(exchange, result, CallAnswer("RequestStartTransaction", {"status": "Accepted"}))
    assert exchange.open
    stage.update("8562ab54", "central", "accepted", UPDATE)
    assert trace(exchange) == [
        "csms>station RequestStartTransaction",
        "station>csms Accepted",
        "josev>bench update accepted (central)",
    ]
    assert (exchange.verdict, exchange.decided_by, exchange.evse_id) == (Verdict.ACCEPTED, DecidedBy.OPERATOR, EVSE)


def test_a_refused_remote_start_is_rejected() -> None:
    stage = Stage()
    exchange = stage.story.remote_start(stage.station, "X", IdTokenType.CENTRAL, 1, stage.clock.stamp())
    result = stage.frame(Direction.IN, [3, "m1", {"status": "Rejected"}], "RequestStartTransaction")
    stage.story.our_call_answered(exchange, result, CallAnswer("RequestStartTransaction", {"status": "Rejected"}))
    assert (exchange.verdict, exchange.reason) == (Verdict.REJECTED, "refused by the station")


def test_a_remote_start_without_any_sign_is_a_finding() -> None:
    stage = Stage()
    exchange = stage.story.remote_start(stage.station, "X", IdTokenType.CENTRAL, 1, stage.clock.stamp())
    stage.clock.advance(5000)
    stage.story.remote_start_waited(exchange, stage.clock.stamp())
    assert exchange.verdict is Verdict.ACCEPTED
    assert stage.rules == ["remote-start.silent"]


def test_the_book_forgets_the_oldest_and_stays_consistent() -> None:
    stage = Stage()
    stage.book._keep = 50
    for number in range(200):
        stage.authorize(f"{number:08X}")
    assert len(stage.book.exchanges) <= 55
    kept = next(iter(stage.book.exchanges))
    assert stage.book.of_seq(1) is None
    assert stage.book.latest_with_token(f"{kept - 1:08X}")[0].id == kept
    assert stage.book.latest_with_token("00000000") == []
    assert set(stage.book._of_seq.values()) == set(stage.book.exchanges)


def test_plugged_in_first_the_card_comes_with_a_later_event() -> None:
    stage = Stage()
    stage.transaction("Started", None)
    stage.transaction("Updated", GOOD)
    assert (stage.only.origin, stage.only.verdict, stage.only.decided_by) == (
        "transaction",
        Verdict.ACCEPTED,
        DecidedBy.STORE,
    )


def test_a_started_event_sent_again_stays_one_exchange() -> None:
    stage = Stage()
    for _ in range(3):
        stage.transaction("Started", GOOD)
    assert len(stage.book.exchanges) == 1


def test_an_answer_that_cannot_be_sent_ends_its_exchange() -> None:
    stage = Stage()
    call = stage.frame(Direction.IN, [2, "s1", "Authorize", {"idToken": {"idToken": GOOD, "type": "ISO14443"}}])
    stage.story.call_received(stage.station, call)
    stage.story.answer_lost(stage.station, "s1", "station CP-001 is not connected", stage.clock.stamp())
    first = stage.only
    assert (first.verdict, first.reason) == (Verdict.FAILED, "the answer could not be sent")
    stage.authorize(BLOCKED)
    assert stage.book.exchanges[2].verdict is Verdict.REJECTED


def test_another_station_does_not_take_the_tap_of_the_profiles_charger() -> None:
    stage = Stage()
    exchange = stage.tap(GOOD)
    stage.stations["CP-002"] = stage.station = Station("CP-002", "2.0.1")
    stage.authorize(GOOD)
    assert len(stage.book.exchanges) == 2
    assert exchange.station is None
