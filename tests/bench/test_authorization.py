"""One tap on the bus, as a packet trace."""

from __future__ import annotations

import pytest

from bench.errors import BadInput
from bench.exchange import DecidedBy, TapCard, Verdict, shown_uid, to_json
from bench.settings import BusSettings, ChargerSettings, Evse, Profile, Role
from bench.station import Station
from bench.tokens.model import JosevTokenType
from tests.bench.playbook import BLOCKED, EVSE, GOOD, Playbook, trace

UPDATE_1 = "10000000-0000-4000-8000-000000000001"
UPDATE_2 = "10000000-0000-4000-8000-000000000002"


def test_a_swipe_is_asked_and_answered() -> None:
    play = Playbook()
    exchange = play.swipe(bytes.fromhex(GOOD))
    assert exchange.open
    play.respond(exchange, "accepted", after_ms=12)
    assert trace(exchange) == [
        "reader>bench CardRead",
        "bench>josev authorization request",
        "josev>bench response accepted",
    ]
    assert exchange.verdict is Verdict.ACCEPTED
    assert exchange.total_ms == pytest.approx(13)
    shape = to_json(exchange)
    assert shape["card"] == {"uid": GOOD, "technology": "ISO14443", "token_type": "ISO14443"}
    assert [hop["delta_ms"] for hop in shape["hops"]] == [0.0, 1.0, 12.0]


def test_the_request_carries_the_evse_only_when_plugged_in_first() -> None:
    play = Playbook()
    play.tap(GOOD)
    play.tap(GOOD, plugged_in_first=True)
    first, second = (message.decoded.body.data for message in play.published)
    assert "evse_id" not in first
    assert second["evse_id"] == EVSE


def test_plugged_in_first_with_two_evses_must_be_chosen() -> None:
    evses = (Evse(id="GB*SEV*E1", ocpp_id=1), Evse(id="GB*SEV*E2", ocpp_id=2))
    play = Playbook(Profile(bus=BusSettings(url="mqtt://h"), charger=ChargerSettings(evses=evses)))
    with pytest.raises(BadInput):
        play.tap(GOOD, plugged_in_first=True)
    assert not play.book.exchanges


@pytest.mark.parametrize(
    ("uid", "token_type"),
    [
        (None, "ISO14443"),
        ("", "ISO14443"),
        ("X", "central"),
        ("X", "e_maid"),
        ("X", "no_authorization"),
        ("A" * 256, "local"),
        ("a\nb", "local"),
        ("Zoë", "local"),
    ],
)
def test_what_the_api_cannot_carry_opens_nothing(uid: str | None, token_type: str) -> None:
    play = Playbook()
    with pytest.raises(BadInput):
        play.tap(uid, token_type=JosevTokenType(token_type))
    assert not play.book.exchanges


def test_free_charging_is_decided_by_josev() -> None:
    play = Playbook()
    exchange = play.tap(None, token_type=JosevTokenType.NO_AUTHORIZATION)
    assert "id_token" not in play.published[0].decoded.body.data
    play.respond(exchange, "accepted")
    assert (exchange.decided_by, exchange.reason) == (DecidedBy.JOSEV, "free charging")


def test_no_answer_times_out_and_says_what_never_came() -> None:
    play = Playbook()
    exchange = play.tap(GOOD)
    play.clock.advance(5000)
    play.flow.expired(exchange, play.clock.stamp())
    assert exchange.verdict is Verdict.TIMED_OUT
    assert exchange.decided_by is DecidedBy.NOBODY
    assert trace(exchange)[-1] == "josev>bench no answer !no answer for 5.0 s"
    assert "nothing was ever heard from Josev" in exchange.findings[0].text


def test_a_late_answer_becomes_the_verdict_and_its_lateness_a_fault() -> None:
    play = Playbook()
    exchange = play.tap(GOOD)
    play.clock.advance(5000)
    play.flow.expired(exchange, play.clock.stamp())
    play.respond(exchange, "rejected", after_ms=1250)
    assert exchange.verdict is Verdict.REJECTED
    assert trace(exchange)[-1] == "josev>bench response rejected !late by 1.25 s"
    assert "josev.late-response" in play.rules


def test_two_responses_to_one_request_the_first_counts() -> None:
    play = Playbook()
    exchange = play.tap(GOOD)
    play.respond(exchange, "accepted")
    play.respond(exchange, "rejected")
    assert exchange.verdict is Verdict.ACCEPTED
    assert trace(exchange)[-1].endswith("!second response to one request")
    assert play.rules == ["josev.second-response"]


def test_a_response_with_an_unknown_id_is_an_orphan() -> None:
    play = Playbook()
    exchange = play.tap(GOOD)
    message = play.hear("josev/cs", "response", {"status": "accepted"}, UPDATE_1)
    assert exchange.open
    assert play.rules == ["josev.orphan-response"]
    assert play.book.findings[0].evidence == (message.seq,)


def test_a_response_without_a_known_status_fails() -> None:
    play = Playbook()
    exchange = play.tap(GOOD)
    play.respond(exchange, "maybe")
    assert exchange.verdict is Verdict.FAILED
    assert "maybe" in exchange.findings[0].text


def test_the_same_update_on_two_topics_is_one_hop() -> None:
    play = Playbook()
    exchange = play.tap(GOOD)
    play.respond(exchange, "accepted")
    play.update(GOOD, "ISO14443", "accepted", UPDATE_1)
    play.update(GOOD, "ISO14443", "accepted", UPDATE_1, topic="ocpp/15118")
    assert [step for step in trace(exchange) if "update" in step] == ["josev>bench update accepted (ISO14443)"]
    assert play.book.of_seq(play.journal.head) is exchange
    assert exchange.evse_id == EVSE


def test_an_update_joins_by_evse_token_and_type_ignoring_case() -> None:
    play = Playbook()
    exchange = play.tap(GOOD, evse_id=EVSE)
    play.respond(exchange, "accepted")
    play.update(GOOD.lower(), "ISO14443", "accepted", UPDATE_1)
    assert len(play.book.exchanges) == 1
    play.update(GOOD, "ISO15693", "accepted", UPDATE_2)
    assert len(play.book.exchanges) == 2, "another type is another token"


def test_an_update_for_another_evse_opens_an_exchange() -> None:
    play = Playbook()
    exchange = play.tap(GOOD, evse_id=EVSE)
    play.respond(exchange, "accepted")
    play.update(GOOD, "ISO14443", "accepted", UPDATE_1, evse="GB*SEV*E2")
    assert [e.origin for e in play.book.exchanges.values()] == ["tap", "update"]


def test_news_told_twice_is_another_authorization() -> None:
    play = Playbook()
    exchange = play.tap(GOOD)
    play.respond(exchange, "accepted")
    play.update(GOOD, "ISO14443", "accepted", UPDATE_1)
    play.update(GOOD, "ISO14443", "accepted", UPDATE_2)
    assert [e.origin for e in play.book.exchanges.values()] == ["tap", "update"]


def test_a_later_deauthorization_replaces_the_verdict() -> None:
    play = Playbook()
    exchange = play.tap(GOOD)
    play.respond(exchange, "accepted")
    play.update(GOOD, "ISO14443", "deauthorized", UPDATE_1)
    assert exchange.verdict is Verdict.DEAUTHORIZED


def test_a_central_update_without_a_request_opens_its_own() -> None:
    play = Playbook()
    play.update("8562ab54", "central", "accepted", UPDATE_1)
    (exchange,) = play.book.exchanges.values()
    assert (exchange.origin, exchange.verdict, exchange.reason) == (
        "update",
        Verdict.ACCEPTED,
        "remote start by a CSMS unseen",
    )


def test_other_charger_software_is_followed() -> None:
    play = Playbook()
    play.hear("cs/josev", "request", {"id_token": GOOD, "token_type": "ISO14443"}, UPDATE_1)
    play.hear("josev/cs", "response", {"status": "rejected"}, UPDATE_1)
    (exchange,) = play.book.exchanges.values()
    assert trace(exchange) == ["station>josev authorization request", "josev>station response rejected"]
    assert exchange.verdict is Verdict.REJECTED


@pytest.mark.parametrize(
    ("uid", "status", "by"),
    [(GOOD, "accepted", "store"), (BLOCKED, "rejected", "store"), ("04FF", "rejected", "default")],
)
def test_in_the_role_of_josev_the_store_answers(uid: str, status: str, by: str) -> None:
    play = Playbook(Profile(bus=BusSettings(url="mqtt://h", role=Role.JOSEV)))
    play.hear("cs/josev", "request", {"id_token": uid, "token_type": "ISO14443"}, UPDATE_1)
    (answer,) = play.published
    assert answer.channel == "josev/cs"
    assert (answer.decoded.body.id, answer.decoded.body.data) == (UPDATE_1, {"status": status})
    (exchange,) = play.book.exchanges.values()
    assert (exchange.verdict, exchange.decided_by) == (status, by)


def test_in_the_role_of_josev_a_malformed_request_meets_silence() -> None:
    play = Playbook(Profile(bus=BusSettings(url="mqtt://h", role=Role.JOSEV)))
    play.hear("cs/josev", "request", {"id_token": GOOD, "token_type": "central"}, UPDATE_1)
    assert play.published == []
    (exchange,) = play.book.exchanges.values()
    assert (exchange.verdict, exchange.reason) == (Verdict.FAILED, "malformed request")


def test_an_observer_publishes_nothing() -> None:
    play = Playbook(Profile(bus=BusSettings(url="mqtt://h", role=Role.OBSERVER)))
    exchange = play.tap(GOOD)
    assert play.published == []
    assert (exchange.verdict, play.rules) == (Verdict.FAILED, ["tap.observer"])


def test_with_the_bus_off_the_store_is_asked() -> None:
    play = Playbook(Profile(bus=BusSettings(url="off")))
    exchange = play.tap(BLOCKED)
    assert (exchange.verdict, exchange.decided_by, exchange.reason) == (Verdict.REJECTED, DecidedBy.STORE, "blocked")
    assert trace(exchange)[1].startswith("bench>store")


def test_a_card_the_station_holds_is_credited_to_its_list_or_cache() -> None:
    play = Playbook()
    station = Station("CP-001", "2.0.1")
    play.stations["CP-001"] = station
    cached = play.tap(GOOD)
    station.accepted.add(GOOD.casefold())
    play.respond(cached, "accepted")
    station.shadow = {GOOD.casefold()}
    listed = play.tap(GOOD)
    play.respond(listed, "accepted")
    assert [cached.decided_by, listed.decided_by] == [DecidedBy.CACHE, DecidedBy.LIST]


def test_key_codes_are_masked_in_what_is_shown() -> None:
    play = Playbook()
    exchange = play.tap("4711", token_type=JosevTokenType.KEY_CODE)
    shape = to_json(exchange)
    assert "4711" not in str(shape)
    assert play.published[0].decoded.body.data["id_token"] == "4711"


def test_an_unreadable_update_fails_and_holds_nothing_open() -> None:
    play = Playbook()
    play.update(GOOD, "ISO14443", "pending", UPDATE_1)
    (exchange,) = play.book.exchanges.values()
    assert (exchange.verdict, exchange.reason) == (Verdict.FAILED, "unreadable update")


def test_a_deauthorization_goes_to_the_tap_that_was_granted() -> None:
    play = Playbook()
    granted, refused = play.tap(GOOD), play.tap(GOOD)
    play.respond(granted, "accepted")
    play.respond(refused, "rejected")
    took = granted.total_ms
    play.update(GOOD, "ISO14443", "deauthorized", UPDATE_1)
    assert (granted.verdict, refused.verdict) == (Verdict.DEAUTHORIZED, Verdict.REJECTED)
    assert granted.total_ms == took, "the time of the tap, not of the session"
    assert "verdict.contradiction" not in play.rules


def test_an_update_id_used_again_for_other_news_is_news() -> None:
    play = Playbook()
    exchange = play.tap(GOOD)
    play.respond(exchange, "accepted")
    play.update(GOOD, "ISO14443", "accepted", UPDATE_1)
    play.update(GOOD, "ISO14443", "deauthorized", UPDATE_1)
    assert exchange.verdict is Verdict.DEAUTHORIZED
    assert "josev.update-id-reused" in play.rules


def test_a_repeated_request_takes_nothing_from_its_first() -> None:
    play = Playbook()
    exchange = play.tap(GOOD)
    play.hear("cs/josev", "request", {"id_token": GOOD, "token_type": "ISO14443"}, exchange.request_id)
    play.respond(exchange, "accepted")
    assert exchange.verdict is Verdict.ACCEPTED
    assert len(play.book.exchanges) == 1
    assert "josev.duplicate-request" in play.rules


@pytest.mark.parametrize("again", [False, True])
def test_in_the_role_of_josev_retained_and_repeated_requests_are_not_granted(again: bool) -> None:
    play = Playbook(Profile(bus=BusSettings(url="mqtt://h", role=Role.JOSEV)))
    data: dict[str, object] = {"id_token": GOOD, "token_type": "ISO14443"}
    if again:
        play.hear("cs/josev", "request", data, UPDATE_1)
    play.hear("cs/josev", "request", data, UPDATE_1, meta={"retain": True})
    assert len(play.published) == (1 if again else 0)


def test_a_response_on_the_wrong_topic_settles_nothing() -> None:
    play = Playbook()
    exchange = play.tap(GOOD)
    play.hear("cs/josev", "response", {"status": "accepted"}, exchange.request_id)
    assert exchange.open
    assert trace(exchange)[-1].endswith("!on the wrong topic")


def test_huge_and_odd_members_are_cut_and_never_raise() -> None:
    play = Playbook()
    play.hear("josev/cs", "update", {"id_token": "A" * 100_000, "token_type": ["x"], "status": {"a": 1}}, UPDATE_1)
    play.hear("cs/josev", "request", {"id_token": 7, "token_type": None, "evse_id": {}}, UPDATE_2)
    assert all(len(e.card.uid) <= 255 for e in play.book.exchanges.values() if e.card is not None)


@pytest.mark.parametrize("token_type", ["KEY_CODE", "KeyCode", "['key_code']"])
def test_a_key_code_is_masked_however_its_type_is_written(token_type: str) -> None:
    assert shown_uid(TapCard("987654", None, token_type)) == "••••"


def test_open_exchanges_are_never_forgotten() -> None:
    play = Playbook()
    play.book._keep = 10
    waiting = play.tap(GOOD)
    for number in range(40):
        play.respond(play.tap(f"{number:08X}"), "rejected")
    play.respond(waiting, "accepted")
    assert waiting.verdict is Verdict.ACCEPTED
