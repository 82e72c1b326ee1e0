"""The bench's own part of the control API, over a real socket."""

from __future__ import annotations

import asyncio
from typing import get_args

import pytest

from bench.answers import CallAnswer
from bench.exchange import MASK
from bench.tokens.model import REQUEST_TOKEN_TYPES, IdTokenType, JosevTokenType
from devices.api.models import RequestTokenType


async def test_state(api):
    told = (await api.client.get("/bench/v1/state")).json()
    assert told["links"]["josev"] == {"state": "faulty", "detail": "refused", "cure": "start the broker"}
    assert told["counters"]["recorded"] == 0


async def test_a_tap_answers_with_the_finished_exchange(api):
    answer = await api.client.post("/bench/v1/taps", json={"uid": "04A2B3", "evse_id": "GB*SEV*E1"})
    assert answer.status_code == 200
    told = answer.json()
    assert (told["id"], told["verdict"], told["decided_by"], told["evse_id"]) == (1, "accepted", "store", "GB*SEV*E1")
    assert told["card"] == {"uid": "04A2B3", "technology": None, "token_type": "ISO14443"}
    assert told["hops"][1]["from"] == "bench"
    assert told["hops"][1]["delta_ms"] == 1.5
    assert told["findings"] == [{"rule": "x.y", "severity": "warn", "text": "text", "evidence": [7], "cure": "cure"}]
    [tap] = api.session.taps
    assert (tap.token_type, tap.plugged_in_first) == (JosevTokenType.ISO14443, False)


async def test_a_tap_left_open_has_no_verdict_yet(api):
    api.session.verdict = None
    told = (await api.client.post("/bench/v1/taps", json={"uid": "04A2", "wait_s": 0.01})).json()
    assert (told["verdict"], told["total_ms"]) == (None, None)


@pytest.mark.parametrize("name", ["token_type", "technology"])
@pytest.mark.parametrize("word", sorted(REQUEST_TOKEN_TYPES - {JosevTokenType.NO_AUTHORIZATION}))
async def test_every_type_of_the_josev_api_can_be_presented(api, name, word):
    told = (await api.client.post("/bench/v1/taps", json={"uid": "1234", name: word})).json()
    assert told["card"]["token_type"] == word
    assert told["card"]["uid"] == ("••••" if word == "key_code" else "1234")


async def test_free_charging_takes_no_uid(api):
    told = (await api.client.post("/bench/v1/taps", json={"token_type": "no_authorization"})).json()
    assert told["card"] is None


def test_the_documented_token_types_are_those_of_requests():
    assert set(get_args(RequestTokenType)) == {str(word) for word in REQUEST_TOKEN_TYPES}


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        ({}, "needs a uid"),
        ({"uid": ""}, "uid"),
        ({"uid": "A" * 256}, "uid"),
        ({"uid": 4}, "uid: Input should be a valid string"),
        ({"uid": "04", "token_type": "central"}, "token_type"),
        ({"uid": "04", "token_type": "no_authorization"}, "takes no uid"),
        ({"uid": "04", "token_type": "local", "technology": "ISO15693"}, "differ"),
        ({"uid": "04", "wait_s": 61}, "wait_s"),
        ({"uid": "04", "wait_s": -1}, "wait_s"),
        ({"uid": "04", "wait_s": "soon"}, "wait_s"),
        ({"uid": "04", "plugged_in_first": "yes"}, "plugged_in_first"),
        ({"uid": "04", "pin": 1}, "pin: there is no such member"),
        ({"uid": "04", "evse_id": "no such EVSE"}, "there is no EVSE"),
        (["04"], "the body"),
        (None, "the body"),
    ],
)
async def test_a_wrong_tap_is_refused_in_words(api, body, complaint):
    answer = await api.client.post("/bench/v1/taps", json=body)
    assert answer.status_code == 400
    assert answer.json()["status"] == "Bad Request"
    assert complaint in answer.json()["error"]
    assert not api.session.exchanges


async def test_exchanges_come_newest_first(api):
    for number in range(5):
        await api.client.post("/bench/v1/taps", json={"uid": f"0{number}"})
    told = (await api.client.get("/bench/v1/exchanges", params={"limit": 2})).json()
    assert [exchange["id"] for exchange in told] == [5, 4]
    assert (await api.client.get("/bench/v1/exchanges/2")).json()["card"]["uid"] == "01"
    missing = await api.client.get("/bench/v1/exchanges/99")
    assert (missing.status_code, missing.json()["status"]) == (404, "Not Found")
    for wrong in ("x", "0", "-1", "9" * 30, "1.5"):
        assert (await api.client.get(f"/bench/v1/exchanges/{wrong}")).status_code == 400
    for limit in ("0", "1001", "many"):
        assert (await api.client.get("/bench/v1/exchanges", params={"limit": limit})).status_code == 400


async def test_messages_are_filtered_and_paged(api):
    for number in range(1, 1201):
        api.session.record("Authorize" if number % 3 == 0 else "Heartbeat")
    told = (await api.client.get("/bench/v1/messages", params={"filter": "name=Authorize", "limit": 2})).json()
    assert [(message["seq"], message["name"]) for message in told] == [(3, "Authorize"), (6, "Authorize")]
    told = (await api.client.get("/bench/v1/messages", params={"after": 1198})).json()
    assert [message["seq"] for message in told] == [1199, 1200]
    assert len((await api.client.get("/bench/v1/messages")).json()) == 1000
    assert len((await api.client.get("/bench/v1/messages", params={"filter": "Authorize"})).json()) == 400
    assert (await api.client.get("/bench/v1/messages", params={"after": 2**63 - 1})).json() == []


async def test_a_message_tells_its_bytes_as_text_or_base64(api):
    api.session.record("Authorize", b'{"idTag":"04A2"}')
    api.session.record("", b"\xff\xfe")
    first, second = (await api.client.get("/bench/v1/messages")).json()
    assert first["raw"] == '{"idTag":"04A2"}'
    assert first["exchange"] == 1
    assert second["raw_base64"] == "//4="
    assert "raw" not in second
    assert second["kind"] == "malformed"
    assert second["faults"][0]["where"] == "byte 0"


async def test_text_that_is_not_unicode_still_leaves(api):
    api.session.record("Auth\ud800", channel="\udfff")
    [message] = (await api.client.get("/bench/v1/messages")).json()
    assert message["name"] == "Auth\ud800"


async def test_a_wrong_filter_names_the_character(api):
    answer = await api.client.get("/bench/v1/messages", params={"filter": "name:x nme:y"})
    assert answer.status_code == 400
    assert "character 8" in answer.json()["error"]
    assert (await api.client.get("/bench/v1/messages", params={"filter": "(" * 5000})).status_code == 400


async def test_a_call_gives_the_result_or_the_refusal(api):
    api.session.answer = CallAnswer("Reset", {"status": "Scheduled"})
    answer = await api.client.post("/bench/v1/stations/CP-001/calls/Reset", json={"type": "OnIdle"})
    assert (answer.status_code, answer.json()) == (200, {"result": {"status": "Scheduled"}})
    assert api.session.calls == [("CP-001", "Reset", {"type": "OnIdle"})]
    api.session.answer = CallAnswer("Reset", None, "NotSupported", "no such thing", {"a": 1})
    answer = await api.client.post("/bench/v1/stations/CP-001/calls/Reset")
    assert answer.json() == {"error": {"code": "NotSupported", "description": "no such thing", "details": {"a": 1}}}
    assert api.session.calls[-1] == ("CP-001", "Reset", {})


@pytest.mark.parametrize(("station", "status"), [("nobody", 404), ("gone", 409), ("silent", 504)])
@pytest.mark.parametrize("what", ["calls/Reset", "clear-cache", "local-list", "remote-stop"])
async def test_why_a_station_cannot_be_asked(api, station, status, what):
    body = {"transaction_id": "T1"} if what == "remote-stop" else None
    answer = await api.client.post(f"/bench/v1/stations/{station}/{what}", json=body)
    assert answer.status_code == status
    assert station in answer.json()["error"]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("calls/9Reset", {}),
        ("calls/Reset;DROP", {}),
        ("calls/" + "A" * 65, {}),
        ("calls/Reset", [1]),
        ("calls/Reset", "text"),
        ("local-list", {"mode": "partial"}),
        ("local-list", {"mode": "Full"}),
        ("local-list", {"mode": "full", "version": 3}),
        ("remote-start", {}),
        ("remote-start", {"id_token": "A" * 256}),
        ("remote-start", {"id_token": "A", "id_token_type": "central"}),
        ("remote-start", {"id_token": "A", "evse": 0}),
        ("remote-start", {"id_token": "A", "evse": True}),
        ("remote-stop", {"transaction_id": 1}),
    ],
)
async def test_a_wrong_order_to_a_station_is_refused(api, path, body):
    answer = await api.client.post(f"/bench/v1/stations/CP-001/{path}", json=body)
    assert answer.status_code == 400
    assert not api.session.calls


async def test_the_mode_refused_says_which_is_offered(api):
    answer = await api.client.post("/bench/v1/stations/CP-001/local-list", json={"mode": "partial"})
    assert answer.json()["error"] == "mode: Input should be 'full', 'differential', 'auto' or 'reconcile'"


async def test_pushing_the_list_reports(api):
    answer = await api.client.post("/bench/v1/stations/CP-001/local-list", json={"mode": "full"})
    assert answer.json() == {
        "ok": True, "status": "Accepted", "text": "the list was taken", "sent": 3,
        "left_out": [{"uid": "X" * 21, "why": "too long for 1.6"}],
        "version_before": None, "version_sent": 1, "version_read": 1,
        "chunks": [{
            "part": 1, "update_type": "Full", "version_sent": 1, "entries": 3, "bytes": 240, "status": "Accepted",
            "version_read": 1,
        }],
    }  # fmt: skip


async def test_the_list_is_shown_a_page_at_a_time(api):
    told = (await api.client.get("/bench/v1/stations/CP/local-list?limit=1")).json()
    assert told["counts"] == {"same": 0, "add": 1, "update": 0, "delete": 1, "left_out": 0}
    assert (told["known"], told["offer"], told["progress"]["parts"]) == (True, "2 entries differ", 2)
    [row] = told["rows"]
    assert (row["uid"], row["difference"]) == (MASK, "delete")
    assert row["held"]["idToken"] == {"idToken": MASK, "type": "KeyCode"}
    told = (await api.client.get("/bench/v1/stations/CP/local-list?difference=add")).json()
    assert [row["uid"] for row in told["rows"]] == ["04A2"]
    assert (await api.client.get("/bench/v1/stations/CP/local-list?offset=2")).json()["rows"] == []


async def test_planning_and_cancelling_a_push(api):
    told = (await api.client.get("/bench/v1/stations/CP/local-list/plan")).json()
    assert told == {"kind": None, "parts": 0, "entries": 0, "bytes": 0, "why": "nothing by auto"}
    assert (await api.client.post("/bench/v1/stations/CP/local-list/cancel")).json() == {"cancelled": False}


@pytest.mark.parametrize(("payload", "version"), [({"versionNumber": 4}, 4), ({"listVersion": -1}, -1), ({}, None)])
async def test_list_version(api, payload, version):
    api.session.answer = CallAnswer("GetLocalListVersion", payload)
    told = (await api.client.get("/bench/v1/stations/CP-001/local-list/version")).json()
    assert (told["version"], told["result"], told["ok"]) == (version, payload, True)


async def test_orders_reach_the_station(api):
    told = (await api.client.post("/bench/v1/stations/CP-001/clear-cache")).json()
    assert told == {"ok": True, "text": "in words", "result": {"status": "Accepted"}}
    await api.client.post("/bench/v1/stations/CP-001/remote-start", json={"id_token": "04A2", "id_token_type": "eMAID"})
    await api.client.post("/bench/v1/stations/CP-001/remote-start", json={"id_token": "B", "evse": None})
    await api.client.post("/bench/v1/stations/CP%20001/remote-stop", json={"transaction_id": "T1"})
    assert [(station, action) for station, action, _ in api.session.calls] == [
        ("CP-001", "ClearCache"),
        ("CP-001", f"start 04A2 {IdTokenType.EMAID} 1"),
        ("CP-001", f"start B {IdTokenType.CENTRAL} None"),
        ("CP 001", "stop T1"),
    ]


async def test_many_at_once(api):
    api.session.verdict = None
    taps = [api.client.post("/bench/v1/taps", json={"uid": f"{n:02X}", "wait_s": 0.2}) for n in range(20)]
    reads = [api.client.get("/bench/v1/exchanges", params={"limit": 5}) for _ in range(20)]
    answers = await asyncio.gather(*taps, *reads)
    assert {answer.status_code for answer in answers} == {200}
    assert {answer.json()["card"]["uid"] for answer in answers[:20]} == {f"{n:02X}" for n in range(20)}
