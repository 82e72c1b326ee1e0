"""``authbench serve`` as a program of its own: its ready line, its API, and its end, ordered or by a power cut."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import time
from collections.abc import Awaitable, Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest

from bench.tasks import Tasks
from bench.tokens.store import TokenStore
from tests.e2e.strangers import RawStation, raw_station
from tests.e2e.world import ACCEPTED_UID, LIMIT_S, Serve, integrity, recorded
from tests.mosquitto import Mosquitto

FREE = ("--ocpp", "127.0.0.1:0", "--api", "127.0.0.1:0", "--store", "tokens.db", "--capture", "capture.db")
TOKEN = {
    "countryCode": "GB",
    "partyId": "TWK",
    "type": "RFID",
    "uid": ACCEPTED_UID,
    "contractId": "GB-TWK-012345678",
    "issuer": "Example",
    "valid": True,
    "cacheMode": "ALWAYS",
}
AUTHORIZE = {"idToken": {"idToken": ACCEPTED_UID, "type": "ISO14443"}}


def client(serve: Serve) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=serve.ready["api"], trust_env=False, verify=False, timeout=LIMIT_S)


async def test_ready_line_tap_and_messages_by_filter(tmp_path: Path) -> None:
    with Serve(tmp_path, *FREE, "--mqtt", "embedded:0", "--charger", "sim") as serve:
        assert set(serve.ready) == {"event", "ocpp", "mqtt", "api", "capture"}
        assert serve.ready["event"] == "ready"
        for name, scheme in (("ocpp", "ws"), ("mqtt", "mqtt"), ("api", "http")):
            prefix = f"{scheme}://127.0.0.1:"
            assert serve.ready[name].startswith(prefix)
            assert int(serve.ready[name].removeprefix(prefix)) > 0
        assert (tmp_path / serve.capture).is_file()

        async with client(serve) as api:
            assert (await api.post("/api/v0/token", json=TOKEN)).status_code == 201
            answer = await api.post("/bench/v1/taps", json={"uid": ACCEPTED_UID})
            exchange = answer.json()
            assert (answer.status_code, exchange["verdict"], exchange["decided_by"]) == (200, "accepted", "store")

            found = (await api.get("/bench/v1/messages", params={"filter": "link = ocpp and name = Authorize"})).json()
            assert [m["kind"] for m in found] == ["CALL", "CALLRESULT"]
            assert {m["exchange"] for m in found} == {exchange["id"]}
            wrong = await api.get("/bench/v1/messages", params={"filter": "link = ocpp and ("})
            assert wrong.status_code == 400
            assert "filter is wrong at character" in wrong.json()["error"]
        assert serve.terminate() == 0
        assert serve.errors == ""


@pytest.mark.mosquitto
async def test_with_mosquitto_and_the_simulated_charger_all_is_up(tmp_path: Path, broker: Mosquitto) -> None:
    with Serve(tmp_path, *FREE, "--mqtt", broker.url, "--charger", "sim") as serve:
        assert serve.ready["mqtt"] == broker.url
        async with client(serve) as api:
            state = (await api.get("/bench/v1/state")).json()
            assert {name: link["state"] for name, link in state["links"].items()} == {
                "store": "up",
                "capture": "up",
                "ocpp": "up",
                "josev": "up",
                "api": "up",
            }
            [station] = state["stations"]
            assert (station["id"], station["version"], station["boot"]) == ("CP-001", "2.0.1", "Accepted")
            assert state["counters"]["malformed"] == state["counters"]["dropped"] == 0
            tap = (await api.post("/bench/v1/taps", json={"uid": "04DEADBEEF0102"})).json()
            assert (tap["verdict"], tap["decided_by"]) == ("rejected", "default")
        assert serve.terminate() == 0


@pytest.mark.slow  # it waits the 15 s in which a broker may still come
@pytest.mark.mosquitto
async def test_without_a_broker_it_starts_and_says_what_is_missing(tmp_path: Path, broker: Mosquitto) -> None:
    broker.kill()
    with Serve(tmp_path, *FREE, "--mqtt", broker.url) as serve:
        [missing] = serve.ready["missing"]
        assert missing.startswith("the Josev bus is not connected (nothing listens on 127.0.0.1:")
        async with client(serve) as api:
            josev = (await api.get("/bench/v1/state")).json()["links"]["josev"]
            assert josev["state"] == "faulty"
            assert josev["detail"].startswith("nothing listens on ")
            assert josev["cure"].startswith("start the broker")
        assert serve.terminate() == 0


class Traffic:
    """Taps over the API and Authorize calls of two stations, until the program is gone. state: the last one it told."""

    def __init__(self, serve: Serve) -> None:
        self.state: dict[str, Any] = {"counters": {"messages": 0, "recorded": 0}}
        self.answered = 0
        self._serve = serve
        self._tasks = Tasks()

    async def run(self, end: Callable[[], Awaitable[None]]) -> None:
        """Let it flow until a good deal is recorded, do ``end`` in the middle of it, and wait for what breaks off."""
        url = self._serve.ready["ocpp"]
        async with client(self._serve) as api, raw_station(url, "A") as one, raw_station(url, "B", "1.6") as two:
            flows = [
                self._tasks.spawn(self._until_gone(work), name="traffic")
                for work in (self._tap(api), self._ask(one, AUTHORIZE), self._ask(two, {"idTag": ACCEPTED_UID}))
            ]
            try:
                async with asyncio.timeout(LIMIT_S):
                    while self.state["counters"]["recorded"] < 500:
                        self.state = (await api.get("/bench/v1/state")).json()
                await end()
                await asyncio.wait_for(asyncio.gather(*flows), LIMIT_S)
            finally:
                await self._tasks.cancel()

    async def _until_gone(self, work: Awaitable[None]) -> None:
        try:
            await work
        except (httpx.HTTPError, OSError, ConnectionError):
            pass
        except Exception as error:
            if type(error).__name__ not in ("ConnectionClosedError", "ConnectionClosedOK"):
                raise

    async def _tap(self, api: httpx.AsyncClient) -> None:
        while True:
            await api.post("/bench/v1/taps", json={"uid": ACCEPTED_UID, "wait_s": 0})

    async def _ask(self, station: RawStation, payload: dict[str, Any]) -> None:
        while True:
            await station.ask([2, str(self.answered), "Authorize", payload])
            self.answered += 1


async def test_sigterm_in_traffic_loses_nothing(tmp_path: Path) -> None:
    with Serve(tmp_path, *FREE, "--mqtt", "embedded:0", "--charger", "sim") as serve:
        traffic = Traffic(serve)
        codes: list[int] = []

        async def end() -> None:
            began = time.monotonic()
            codes.append(await asyncio.to_thread(serve.terminate))
            assert time.monotonic() - began < 8

        await traffic.run(end)

        assert codes == [0], serve.errors
        written = recorded(tmp_path / serve.capture)
        assert len(written) >= traffic.state["counters"]["messages"]
        # Each answer that a station got was written before the end.
        answers = [
            m for m in written if m.channel in ("A", "B") and m.decoded.kind == "CALLRESULT" and m.direction == "out"
        ]
        assert len(answers) >= traffic.answered
        assert "Traceback" not in serve.errors


async def test_power_cut_in_traffic_leaves_sound_files(tmp_path: Path) -> None:
    with Serve(tmp_path, *FREE, "--mqtt", "embedded:0", "--charger", "sim") as serve:
        async with client(serve) as api:
            assert (await api.post("/api/v0/token", json=TOKEN)).status_code == 201
        traffic = Traffic(serve)
        await traffic.run(lambda: asyncio.to_thread(serve.kill))

        written = recorded(tmp_path / serve.capture)  # sound, and without a hole from number 1 on
        counters = traffic.state["counters"]
        assert len(written) >= counters["recorded"] >= 500  # what was told as durable is there
    assert integrity(tmp_path / "tokens.db") == "ok"
    async with TokenStore(str(tmp_path / "tokens.db")) as store:
        token = store.get(ACCEPTED_UID)
        assert token is not None
        assert token.valid
    with closing(sqlite3.connect(tmp_path / "capture.db")) as database:
        [(verdict,)] = database.execute("SELECT DISTINCT verdict FROM exchanges WHERE decided_by = 'store'").fetchall()
        assert verdict == "accepted"
        texts = database.execute("SELECT json FROM exchanges LIMIT 5").fetchall()
        assert all(json.loads(text)["hops"] for (text,) in texts)
