"""The API in front of the real engine: what is set is what answers, what is told is what was recorded."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from bench.clock import Stamp, stamp
from bench.journal.capture import Capture, CaptureReader
from bench.ports import Sink, StationOpened
from bench.session import Session
from bench.settings import BusSettings, Profile
from bench.tokens.store import TokenStore
from devices.api.server import ApiServer

TOKEN = {
    "countryCode": "GB",
    "partyId": "TWK",
    "type": "RFID",
    "uid": "04A2B3C4D5E6F7",
    "contractId": "GB-TWK-012345678-V",
    "issuer": "Thoughtworks",
    "valid": True,
    "cacheMode": "ALWAYS",
}


class Station:
    """A listener with one OCPP 2.0.1 station on it, which takes every call; silent: it does not answer."""

    url = "ws://127.0.0.1:9000"

    def __init__(self) -> None:
        self.silent = False
        self._sink: Sink

    async def start(self, sink: Sink) -> None:
        self._sink = sink
        sink.station_opened(StationOpened("CP-001", "2.0.1", "127.0.0.1:5", ("ocpp2.0.1",), None, stamp()))
        boot = {"reason": "PowerUp", "chargingStation": {"model": "m", "vendorName": "v"}}
        self._say([2, "boot", "BootNotification", boot])

    async def stop(self) -> None:
        self._sink.station_closed("CP-001", 1001, "", stamp())

    def send(self, station: str, data: bytes) -> Stamp:
        kind, call_id, *_ = json.loads(data)
        if kind == 2 and not self.silent:
            asyncio.get_running_loop().call_soon(self._say, [3, call_id, {"status": "Accepted"}])
        return stamp()

    def close(self, station: str, code: int = 1000, reason: str = "") -> None:
        raise AssertionError("nobody closes this station")

    def _say(self, frame: list[Any]) -> None:
        self._sink.station_frame("CP-001", json.dumps(frame).encode(), stamp())


@pytest.fixture
def station() -> Station:
    return Station()


@pytest.fixture
async def client(tmp_path: Path, station: Station) -> AsyncIterator[httpx.AsyncClient]:
    profile = Profile(bus=BusSettings(url="off"))
    session = Session(profile, TokenStore("sqlite://"), capture=Capture(tmp_path / "capture.db"), server=station)
    await session.start()
    server = ApiServer(session, "127.0.0.1:0")
    try:
        await server.start()
        async with httpx.AsyncClient(base_url=server.url, trust_env=False, verify=False) as client:
            yield client
        await server.stop()
    finally:
        await session.stop()


async def tap(client: httpx.AsyncClient, **body: Any) -> dict[str, Any]:
    answer = await client.post("/bench/v1/taps", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_a_token_that_was_set_decides_the_tap(client):
    before = await tap(client, uid="04:a2:b3:c4:d5:e6:f7")
    assert (before["verdict"], before["decided_by"]) == ("rejected", "default")
    assert (await client.post("/api/v0/token", json=TOKEN)).status_code == 201
    accepted = await tap(client, uid="04:a2:b3:c4:d5:e6:f7")
    assert (accepted["verdict"], accepted["decided_by"]) == ("accepted", "store")
    assert accepted["card"]["uid"] == "04A2B3C4D5E6F7"
    await client.post("/api/v0/token", json=TOKEN | {"valid": False})
    blocked = await tap(client, uid="04A2B3C4D5E6F7")
    assert (blocked["verdict"], blocked["reason"]) == ("rejected", "blocked")
    told = (await client.get("/bench/v1/exchanges")).json()
    assert [exchange["verdict"] for exchange in told] == ["rejected", "accepted", "rejected"]


async def test_tokens_follow_the_maeve_api(client):
    await client.post("/api/v0/token", json=TOKEN)
    told = (await client.get("/api/v0/token/04a2b3c4d5e6f7")).json()
    assert told["lastUpdated"].endswith("Z")
    assert {name: told[name] for name in TOKEN} == TOKEN | {"contractId": "GBTWK012345678V"}
    assert set(told) == {*TOKEN, "lastUpdated"}
    wrong = await client.post("/api/v0/token", json=TOKEN | {"contractId": "GBTWK012345678X"})
    assert wrong.status_code == 400
    assert "check digit X" in wrong.json()["error"]


async def test_a_call_is_answered_and_journaled(client):
    answer = await client.post("/bench/v1/stations/CP-001/calls/ClearCache", json={})
    assert answer.json() == {"result": {"status": "Accepted"}}
    assert (await client.post("/bench/v1/stations/CP-001/clear-cache")).json()["ok"] is True
    query = {"filter": "link:ocpp kind:CALL,CALLRESULT dir:in"}
    told = (await client.get("/bench/v1/messages", params=query)).json()
    assert [message["kind"] for message in told] == ["CALL", "CALLRESULT", "CALLRESULT"]
    assert (await client.post("/bench/v1/stations/CP-002/calls/ClearCache", json={})).status_code == 404


async def test_orders_and_what_the_station_reported(client, station):
    """Each event names the message it came in."""
    station._say(
        [2, "s", "SecurityEventNotification", {"type": "TamperDetectionActivated", "timestamp": "2026-11-21T12:00:00Z"}]
    )
    said = (
        await client.post("/bench/v1/stations/CP-001/data-transfer", json={"vendor_id": "acme", "data": [1]})
    ).json()
    assert (said["ok"], said["text"]) == (True, "the station took the data")
    said = (await client.post("/bench/v1/stations/CP-001/availability", json={"operative": True, "evse": 1})).json()
    assert said["text"] == "the station changed its availability"
    wrong = await client.post("/bench/v1/stations/CP-001/availability", json={"operative": True, "connector": 1})
    assert wrong.status_code == 400
    assert "name the EVSE too" in wrong.json()["error"]
    told = (await client.get("/bench/v1/stations/CP-001/events")).json()
    assert [(each["kind"], each["what"], each["value"]) for each in told] == [
        ("security", "TamperDetectionActivated", ""),
        ("data", "acme", "[1]"),
    ]
    messages = {each["seq"]: each["name"] for each in (await client.get("/bench/v1/messages")).json()}
    assert [messages[each["seq"]] for each in told] == ["SecurityEventNotification", "DataTransfer"]
    only = (await client.get("/bench/v1/stations/CP-001/events", params={"kind": "data"})).json()
    assert only == told[1:]


async def test_all_that_is_told_is_recorded(client, tmp_path):
    await client.post("/bench/v1/stations/CP-001/clear-cache")
    told = (await client.get("/bench/v1/messages")).json()
    async with asyncio.timeout(5):
        while True:
            counters = (await client.get("/bench/v1/state")).json()["counters"]
            if counters["recorded"] == counters["messages"] == len(told):
                break
            await asyncio.sleep(0.02)
    with CaptureReader(tmp_path / "capture.db") as reader:
        assert [message.seq for message in reader.messages()] == [message["seq"] for message in told]
        assert [message.raw.decode() for message in reader.messages()] == [message["raw"] for message in told]


async def test_state_knows_the_station_and_the_api(client):
    told = (await client.get("/bench/v1/state")).json()
    [station] = told["stations"]
    assert (station["id"], station["version"]) == ("CP-001", "2.0.1")
    assert told["links"]["api"]["state"] == "up"
    assert told["links"]["capture"]["state"] == "up"
