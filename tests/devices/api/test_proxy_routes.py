"""The proxy's routes over HTTP: rules, what waits, injected calls."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import jsonschema
import pytest

from bench.exchange import MASK
from bench.journal.view import JournalContext
from bench.proxy_desk import ProxyDesk
from bench.proxy_rules import Side

RULES = "/bench/v1/proxy/rules"
WAITING = "/bench/v1/proxy/CP/waiting"
HOLD = {"filter": "name=Authorize", "deed": "hold", "side": "station"}
EDIT = {"filter": "", "deed": "edit", "patch": {"idTag": "X"}, "times": 2}


class Wire:
    def __init__(self) -> None:
        self.sent: asyncio.Queue[tuple[str, Any]] = asyncio.Queue()

    def send(self, to: Side, data: bytes, binary: bool) -> None:
        self.sent.put_nowait((str(to), json.loads(data)))

    def hang_up(self, to: Side, code: int | None, reason: str) -> None: ...

    def wake_at(self, due_ns: int | None) -> None: ...


@pytest.fixture
def wire(api) -> Wire:
    session = api.session
    session.proxy = ProxyDesk(
        session.journal, JournalContext(session.pairs, session.exchange_of), session.clock, call_timeout_s=5
    )
    made = Wire()
    session.proxy.opened("CP", "1.6", made)
    return made


def station_says(api, frame: object) -> None:
    api.session.proxy.frame("CP", Side.STATION, json.dumps(frame).encode(), api.session.clock.stamp())


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", RULES), ("PUT", RULES), ("POST", RULES), ("DELETE", f"{RULES}/1"), ("GET", WAITING),
        ("POST", f"{WAITING}/1/release"), ("POST", f"{WAITING}/1/drop"), ("POST", "/bench/v1/proxy/CP/calls/csms/Heartbeat"),
    ],
)  # fmt: skip
async def test_a_bench_that_is_no_proxy_says_so(api, method: str, path: str) -> None:
    body = [HOLD] if method == "PUT" else HOLD if path == RULES else None
    answer = await api.client.request(method, path, json=body)
    assert answer.status_code == 409
    assert answer.json()["error"] == "this bench is no proxy; start it with --upstream and the URL of the CSMS"


async def test_rules_are_set_added_counted_and_removed(api, wire: Wire) -> None:
    told = (await api.client.put(RULES, json=[HOLD])).json()
    assert told == [{"number": 1, **HOLD, "times": None, "delay_ms": 0, "patch": None, "payload": None, "applied": 0}]
    station_says(api, [2, "1", "Authorize", {"idTag": "A"}])
    added = (await api.client.post(RULES, json=EDIT)).json()
    assert [(rule["number"], rule["deed"], rule["applied"]) for rule in added] == [(1, "hold", 1), (2, "edit", 0)]
    left = (await api.client.delete(f"{RULES}/1")).json()
    assert [(rule["number"], rule["deed"]) for rule in left] == [(1, "edit")]
    assert (await api.client.get(RULES)).json() == left
    assert (await api.client.delete(f"{RULES}/2")).status_code == 404


@pytest.mark.parametrize(
    ("rule", "why"),
    [
        ({**HOLD, "filter": "name="}, "rule 2: the filter is wrong at character"),
        ({**HOLD, "delay_ms": 5}, "rule 2: hold takes no delay"),
        ({**HOLD, "deed": "edit"}, "rule 2: an edit needs either"),
        ({**HOLD, "deed": "burn"}, "deed"),
        ({**HOLD, "times": 0}, "times"),
        ({**HOLD, "color": "red"}, "there is no such member"),
    ],
)
async def test_one_wrong_rule_leaves_all_as_they_were(api, wire: Wire, rule: dict[str, Any], why: str) -> None:
    await api.client.put(RULES, json=[HOLD])
    answer = await api.client.put(RULES, json=[EDIT, rule])
    assert answer.status_code == 400
    assert why in answer.json()["error"]
    assert [one["deed"] for one in (await api.client.get(RULES)).json()] == ["hold"]


async def test_waiting_release_with_another_payload_and_drop(api, wire: Wire) -> None:
    await api.client.put(RULES, json=[HOLD])
    station_says(api, [2, "1", "Authorize", {"idTag": "A"}])
    station_says(api, [2, "2", "Authorize", {"idTag": "B"}])
    station_says(api, [2, "3", "Heartbeat", {}])
    api.session.clock.advance(2500)
    rows = (await api.client.get(WAITING)).json()
    first, second, behind = rows
    assert (first["side"], first["held"], first["waited_s"], first["due_in_s"]) == ("station", True, 2.5, None)
    assert (first["message"]["name"], first["message"]["raw"]) == ("Authorize", '[2, "1", "Authorize", {"idTag": "A"}]')
    assert (behind["held"], behind["due_in_s"]) == (False, 0)
    path = f"{WAITING}/{first['seq']}/release"
    left = (await api.client.post(path, json={"payload": {"idTag": "Z"}})).json()
    assert [row["seq"] for row in left] == [second["seq"], behind["seq"]]
    assert (await api.client.post(f"{WAITING}/{second['seq']}/drop")).json() == []
    assert wire.sent.get_nowait() == ("csms", [2, "1", "Authorize", {"idTag": "Z"}])
    assert wire.sent.get_nowait() == ("csms", [2, "3", "Heartbeat", {}])
    for gone in (f"{WAITING}/{second['seq']}/drop", path, "/bench/v1/proxy/OTHER/waiting/1/release"):
        assert (await api.client.post(gone)).status_code == 404


async def test_secrets_in_rules_are_masked(api, wire: Wire) -> None:
    key = {"key": "AuthorizationKey", "value": "hunter2"}
    rules = [{"filter": "name=ChangeConfiguration", "deed": "edit", name: key} for name in ("patch", "payload")]
    told = await api.client.put(RULES, json=rules)
    assert told.json()[0]["patch"] == told.json()[1]["payload"] == {"key": "AuthorizationKey", "value": MASK}
    assert "hunter2" not in (await api.client.get(RULES)).text
    assert wire is not None
    assert api.session.proxy.rules.rules[0].patch == key  # what is written is not masked


async def test_secrets_in_what_waits_are_masked(api, wire: Wire) -> None:
    api.session.proxy.opened("PIN", "2.0.1", wire)
    await api.client.put(RULES, json=[{"filter": "", "deed": "hold"}])
    token = {"idToken": "987654", "type": "KeyCode"}
    data = json.dumps([2, "1", "Authorize", {"idToken": token}]).encode()
    api.session.proxy.frame("PIN", Side.STATION, data, api.session.clock.stamp())
    answer = await api.client.get("/bench/v1/proxy/PIN/waiting")
    assert answer.json()[0]["message"]["name"] == "Authorize"
    assert "987654" not in answer.text


async def test_calls_to_either_side(api, wire: Wire) -> None:
    for side in Side:
        url = f"/bench/v1/proxy/CP/calls/{side}/DataTransfer"
        asked = asyncio.gather(api.client.post(url, json={"vendorId": "x"}))
        to, call = await wire.sent.get()
        assert (to, call[2:]) == (str(side), ["DataTransfer", {"vendorId": "x"}])
        answer = json.dumps([3, call[1], {"status": "Accepted"}]).encode()
        api.session.proxy.frame("CP", side, answer, api.session.clock.stamp())
        assert (await asked)[0].json() == {"result": {"status": "Accepted"}}
    assert (await api.client.post("/bench/v1/proxy/NO/calls/csms/Heartbeat")).status_code == 404
    assert (await api.client.post("/bench/v1/proxy/CP/calls/moon/Heartbeat")).status_code == 400
    api.session.proxy._call_timeout_s = 0.01
    assert (await api.client.post("/bench/v1/proxy/CP/calls/csms/Heartbeat")).status_code == 504


async def test_what_is_told_is_as_described(api, wire: Wire) -> None:
    described = (await api.client.get("/bench/v1/openapi.json")).json()

    def check(answer: Any, path: str) -> None:
        assert answer.status_code == 200, answer.text
        method = answer.request.method.lower()
        schema = described["paths"][path][method]["responses"]["200"]["content"]["application/json"]["schema"]
        jsonschema.validate(answer.json(), schema | {"components": described["components"]})

    check(await api.client.put(RULES, json=[HOLD, EDIT]), "/bench/v1/proxy/rules")
    station_says(api, [2, "1", "Authorize", {"idTag": "A"}])
    station_says(api, [2, "2", "Authorize", {"idTag": "B"}])
    check(await api.client.get(RULES), "/bench/v1/proxy/rules")
    check(await api.client.get(WAITING), "/bench/v1/proxy/{station}/waiting")
    check(await api.client.post(f"{WAITING}/1/release"), "/bench/v1/proxy/{station}/waiting/{seq}/release")
