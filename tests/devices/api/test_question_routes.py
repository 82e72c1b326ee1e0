"""Tokens that the store does not know, over the API and through the real engine: chosen, asked, answered, remembered."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from bench.change import Change
from bench.clock import Stamp, stamp
from bench.exchange import MASK
from bench.ports import Sink, StationOpened
from bench.session import Session
from bench.settings import BusSettings, OcppSettings, Profile
from bench.tokens.decision import UnknownTokens
from bench.tokens.model import AuthorizationStatus, Decision
from bench.tokens.store import TokenStore
from devices.api.server import ApiServer
from tests.bench.asking import FakeFallback

UNKNOWN, QUESTIONS = "/bench/v1/unknown-tokens", "/bench/v1/questions"
CARD = "04A2B3C4D5E6F7"


class Stations:
    """Stations that say what a test has them say. answers: what each was answered, by message id."""

    url = "ws://127.0.0.1:9000"

    def __init__(self) -> None:
        self.answers: dict[str, list[Any]] = {}
        self._new = asyncio.Event()

    async def start(self, sink: Sink) -> None:
        self._sink = sink

    async def stop(self) -> None: ...

    def opened(self, station: str, version: str) -> None:
        self._sink.station_opened(StationOpened(station, version, "127.0.0.1:5", (), None, stamp()))

    def closed(self, station: str) -> None:
        self._sink.station_closed(station, 1006, "", stamp())

    def says(self, station: str, *frame: object) -> None:
        self._sink.station_frame(station, json.dumps(frame).encode(), stamp())

    def send(self, station: str, data: bytes) -> Stamp:
        _, call_id, *rest = json.loads(data)
        self.answers[call_id] = rest
        self._new.set()
        return stamp()

    def close(self, station: str, code: int = 1000, reason: str = "") -> None:
        raise AssertionError("nobody closes these stations")

    async def answered(self, call_id: str) -> Any:
        async with asyncio.timeout(5):
            while call_id not in self.answers:
                self._new.clear()
                await self._new.wait()
        return self.answers[call_id][0]


class World:
    def __init__(self, session: Session, stations: Stations, client: httpx.AsyncClient) -> None:
        self.session, self.stations, self.client = session, stations, client

    async def get(self, path: str) -> Any:
        answer = await self.client.get(path)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def authorize(self, call_id: str, value: str = CARD, kind: str = "ISO14443", station: str = "CP") -> None:
        self.stations.says(station, 2, call_id, "Authorize", {"idToken": {"idToken": value, "type": kind}})


Run = Callable[..., Any]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    @asynccontextmanager
    async def running(**settings: Any) -> AsyncIterator[World]:
        profile = Profile(bus=BusSettings(url="off"), **settings)
        stations = Stations()
        session = Session(profile, TokenStore("sqlite://"), server=stations)
        await session.start()
        server = ApiServer(session, "127.0.0.1:0")
        try:
            await server.start()
            stations.opened("CP", "2.0.1")
            async with httpx.AsyncClient(base_url=server.url, trust_env=False, verify=False) as client:
                yield World(session, stations, client)
            await server.stop()
        finally:
            await session.stop()

    return running


async def test_it_is_chosen_while_the_bench_runs(run: Run) -> None:
    async with run() as world:
        assert await world.get(UNKNOWN) == {
            "unknown": "refuse", "operator_limit_s": 20.0, "fallback_limit_s": 10.0, "fallback": None,
        }  # fmt: skip
        for number, (unknown, status) in enumerate(
            [("invalid", "Invalid"), ("accept", "Accepted"), ("refuse", "Unknown")]
        ):
            answer = await world.client.put(UNKNOWN, json={"unknown": unknown})
            assert (answer.status_code, answer.json()["unknown"]) == (200, unknown)
            world.authorize(str(number))
            assert (await world.stations.answered(str(number)))["idTokenInfo"]["status"] == status
        assert (await world.client.put(UNKNOWN, json={"unknown": "maybe"})).status_code == 400


async def test_an_answer_comes_before_the_stations_own_time_is_up(run: Run) -> None:
    async with run(ocpp=OcppSettings(call_timeout_s=10), fallback_limit_s=3) as world:
        told = await world.get(UNKNOWN)
        assert (told["operator_limit_s"], told["fallback_limit_s"]) == (9.0, 3.0)


async def test_the_operator_answers_over_the_api(run: Run) -> None:
    async with run(unknown="operator") as world:
        changes: list[object] = []
        world.session.subscribe(lambda change, key: changes.append(change))
        world.authorize("w")
        (question,) = await world.get(QUESTIONS)
        assert (question["token"], question["station"], question["token_type"]) == (CARD, "CP", "ISO14443")
        assert 0 < question["left_s"] <= 20
        assert world.stations.answers == {}
        world.stations.says("CP", 2, "h", "Heartbeat", {})
        await world.stations.answered("h")
        answer = await world.client.post(f"{QUESTIONS}/{question['id']}", json={"status": "Accepted"})
        assert answer.json() == {"status": "Accepted", "status_16": "Accepted", "reason": "accepted by the operator"}
        info = (await world.stations.answered("w"))["idTokenInfo"]
        assert info["status"] == "Accepted"
        assert "cacheExpiryDateTime" in info
        assert changes.count(Change.QUESTION) == 2
        (exchange,) = await world.get("/bench/v1/exchanges")
        assert (exchange["verdict"], exchange["decided_by"], exchange["reason"]) == (
            "accepted", "operator", "accepted by the operator",
        )  # fmt: skip
        assert [(hop["from"], hop["to"], hop["name"]) for hop in exchange["hops"]] == [
            ("station", "csms", "Authorize"),
            ("csms", "store", "token?"),
            ("store", "csms", "unknown"),
            ("csms", "operator", "token?"),
            ("operator", "csms", "accepted by the operator"),
            ("csms", "station", "Accepted"),
        ]
        # The charge that follows is not asked about again.
        event = {
            "eventType": "Started", "timestamp": "2026-01-01T00:00:00Z", "triggerReason": "Authorized", "seqNo": 0,
            "transactionInfo": {"transactionId": "T"}, "idToken": {"idToken": CARD, "type": "ISO14443"},
        }  # fmt: skip
        world.stations.says("CP", 2, "t", "TransactionEvent", event)
        assert (await world.stations.answered("t"))["idTokenInfo"]["status"] == "Accepted"
        assert await world.get(QUESTIONS) == []


async def test_remembered_it_is_in_the_store(run: Run) -> None:
    async with run(unknown="operator") as world:
        world.authorize("w")
        path = f"{QUESTIONS}/{(await world.get(QUESTIONS))[0]['id']}"
        answer = await world.client.post(path, json={"status": "Blocked", "remember": True})
        assert answer.status_code == 200
        assert (await world.stations.answered("w"))["idTokenInfo"]["status"] == "Blocked"
        assert world.session.store.get(CARD, None).effective_status is AuthorizationStatus.BLOCKED
        world.authorize("again")
        assert (await world.stations.answered("again"))["idTokenInfo"]["status"] == "Blocked"
        assert (await world.client.post(path, json={"status": "Accepted"})).status_code == 404


@pytest.mark.parametrize(
    "body", [{}, {"status": "Fine"}, {"status": "Accepted", "remember": "yes"}, {"status": "Blocked", "x": 1}]
)
async def test_wrong_answers_are_refused_and_the_question_stays(run: Run, body: dict[str, object]) -> None:
    async with run(unknown="operator") as world:
        world.authorize("w", "4711", "KeyCode")
        (question,) = await world.get(QUESTIONS)
        assert question["token"] == MASK
        answer = await world.client.post(f"{QUESTIONS}/{question['id']}", json=body)
        assert (answer.status_code, set(answer.json())) == (400, {"status", "error"})
        assert len(await world.get(QUESTIONS)) == 1
        assert "4711" not in str([finding.text for finding in world.session.findings])


async def test_the_operator_does_not_answer(run: Run) -> None:
    async with run(unknown="operator", operator_limit_s=0.05) as world:
        world.authorize("w")
        assert (await world.stations.answered("w"))["idTokenInfo"]["status"] == "Unknown"
        (exchange,) = await world.get("/bench/v1/exchanges")
        assert (exchange["verdict"], exchange["reason"]) == ("rejected", "operator did not answer")
        assert [finding["rule"] for finding in exchange["findings"]] == ["unknown.operator-silent"]


async def test_a_station_that_leaves_takes_its_question_along(run: Run) -> None:
    async with run(unknown="operator") as world:
        world.authorize("w")
        world.stations.closed("CP")
        assert await world.get(QUESTIONS) == []
        (exchange,) = await world.get("/bench/v1/exchanges")
        assert (exchange["verdict"], exchange["reason"]) == ("failed", "the answer could not be sent")
        assert [finding["rule"] for finding in exchange["findings"]] == ["unknown.station-left"]
        world.stations.opened("CP", "2.0.1")
        world.authorize("w")
        (question,) = await world.get(QUESTIONS)
        await world.client.post(f"{QUESTIONS}/{question['id']}", json={"status": "Accepted"})
        assert (await world.stations.answered("w"))["idTokenInfo"]["status"] == "Accepted"


async def test_the_fallback_is_asked(run: Run) -> None:
    async with run(unknown="fallback") as world:
        fallback = FakeFallback(Decision(AuthorizationStatus.NO_CREDIT, "x", "no credit", "x"))
        world.session.decisions.fallback = fallback
        assert (await world.get(UNKNOWN))["fallback"] == "the other CSMS"
        world.authorize("w")
        assert (await world.stations.answered("w"))["idTokenInfo"]["status"] == "NoCredit"
        (exchange,) = await world.get("/bench/v1/exchanges")
        assert (exchange["decided_by"], exchange["reason"]) == ("csms", "no credit")
        assert [(hop["from"], hop["to"]) for hop in exchange["hops"]][3:5] == [("csms", "hub"), ("hub", "csms")]


async def test_a_tap_without_a_bus_waits_for_the_operator_too(run: Run) -> None:
    async with run(unknown="operator") as world:
        tap = (await world.client.post("/bench/v1/taps", json={"uid": CARD, "wait_s": 0})).json()
        assert tap["verdict"] is None
        (question,) = await world.get(QUESTIONS)
        assert (question["station"], question["action"]) == ("", "authorization")
        await world.client.post(f"{QUESTIONS}/{question['id']}", json={"status": "Accepted"})
        exchange = await world.get(f"/bench/v1/exchanges/{tap['id']}")
        assert (exchange["verdict"], exchange["decided_by"]) == ("accepted", "operator")


async def test_a_bench_that_ends_with_an_open_question_ends(run: Run) -> None:
    async with run(unknown="operator") as world:
        world.authorize("w")
        world.session.decisions.unknown = UnknownTokens.REFUSE
        assert len(world.session.questions) == 1
    assert len(world.session.questions) == 0
    assert world.stations.answers == {}
