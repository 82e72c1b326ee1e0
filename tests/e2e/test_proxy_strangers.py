"""A whole bench as proxy between a station and a CSMS that others wrote: the plain ``ocpp`` package at both ends."""

from __future__ import annotations

import asyncio
import importlib
import logging
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import ocpp.messages
import pytest
from ocpp.routing import on
from websockets.asyncio.client import connect
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from bench.assembly import Bench, Options
from bench.change import Change
from bench.exchange import DecidedBy, Exchange, Verdict
from bench.proxy_desk import ProxyDesk
from bench.proxy_rules import Deed, Rule, Side, make_rule
from bench.settings import OcppSettings, Profile, UpstreamSettings
from bench.tasks import Tasks

DEADLINE_S = 10.0
VERSIONS = {"1.6": ("ocpp.v16", "ocpp1.6"), "2.0.1": ("ocpp.v201", "ocpp2.0.1"), "2.1": ("ocpp.v21", "ocpp2.1")}
T = TypeVar("T")


@pytest.fixture(autouse=True)
def plain_ocpp(monkeypatch: pytest.MonkeyPatch) -> None:
    # Validation in a thread would leave an executor behind; the check is the same.
    monkeypatch.setattr(ocpp.messages, "ASYNC_VALIDATION", False)
    logging.getLogger("ocpp").setLevel(logging.CRITICAL)


class Tape:
    """A connection as the ``ocpp`` package wants it, that keeps every frame."""

    def __init__(self, socket: Any) -> None:
        self.socket = socket
        self.said: list[bytes] = []
        self.heard: list[bytes] = []

    async def recv(self) -> str:
        message = await self.socket.recv()
        self.heard.append(message.encode())
        return str(message)

    async def send(self, message: str) -> None:
        self.said.append(message.encode())
        await self.socket.send(message)


def info(version: str, status: str) -> dict[str, Any]:
    return {"id_tag_info" if version == "1.6" else "id_token_info": {"status": status}}


def make_csms(version: str) -> type:
    module = importlib.import_module(VERSIONS[version][0])
    result = module.call_result

    class Csms(module.ChargePoint):  # type: ignore[name-defined, misc]
        @on("BootNotification")
        def boot(self, **asked: Any) -> Any:
            return result.BootNotification(current_time="2026-11-21T08:00:00Z", interval=60, status="Accepted")

        @on("Authorize")
        def authorize(self, **asked: Any) -> Any:
            token = asked.get("id_tag") or asked["id_token"]["id_token"]
            return result.Authorize(**info(version, "Blocked" if token == "BAD" else "Accepted"))

        @on("Heartbeat")
        def heartbeat(self) -> Any:
            return result.Heartbeat(current_time="2026-11-21T08:00:00Z")

    return Csms


def make_station(version: str) -> type:
    module = importlib.import_module(VERSIONS[version][0])

    class Station(module.ChargePoint):  # type: ignore[name-defined, misc]
        @on("ClearCache")
        def clear_cache(self, **asked: Any) -> Any:
            return module.call_result.ClearCache(status="Accepted")

    return Station


class World:
    """station, csms: of the package. station_tape, csms_tape: every frame at either end. bench: between them."""

    def __init__(self, version: str) -> None:
        self.version = version
        self.call = importlib.import_module(VERSIONS[version][0]).call
        self.bench: Bench
        self.station: Any
        self.csms: Any
        self.station_tape: Tape
        self.csms_tape: Tape
        self.csms_there = asyncio.Event()
        self.csms_closed: asyncio.Future[tuple[int | None, str | None]] = asyncio.get_running_loop().create_future()

    @property
    def desk(self) -> ProxyDesk:
        assert self.bench.session.proxy is not None
        return self.bench.session.proxy

    def rules(self, *rules: Rule) -> None:
        self.desk.rules.replace(rules)

    async def authorize(self, token: str = "04AABBCC") -> str:
        """The status the station is told."""
        if self.version == "1.6":
            answer = await self.station.call(self.call.Authorize(id_tag=token))
            return str(answer.id_tag_info["status"])
        answer = await self.station.call(self.call.Authorize(id_token={"id_token": token, "type": "ISO14443"}))
        return str(answer.id_token_info["status"])

    async def boot(self) -> str:
        if self.version == "1.6":
            request = self.call.BootNotification(charge_point_model="M", charge_point_vendor="V", firmware_version="9")
        else:
            plate = {"model": "M", "vendor_name": "V", "firmware_version": "9"}
            request = self.call.BootNotification(charging_station=plate, reason="PowerUp")
        return str((await self.station.call(request)).status)

    async def until_waiting(self) -> int:
        """Number of the first message that waits."""
        news = asyncio.Event()
        stop = self.bench.session.subscribe(lambda change, key: news.set() if change is Change.PROXY else None)
        try:
            while not self.desk.waiting("CP-1"):
                await asyncio.wait_for(news.wait(), DEADLINE_S)
                news.clear()
        finally:
            stop()
        return self.desk.waiting("CP-1")[0].seq

    @property
    def taps(self) -> list[Exchange]:
        return list(self.bench.session.exchanges.values())

    def crossed(self, side: Side) -> list[bytes]:
        return [m.raw for m in self.bench.session.journal.since(0) if m.meta and m.meta.get("side") == side]


@asynccontextmanager
async def world(version: str, **more: Any) -> AsyncIterator[World]:
    made, tasks = World(version), Tasks()

    async def serving(socket: ServerConnection) -> None:
        made.csms_tape = Tape(socket)
        made.csms = make_csms(version)("CP-1", made.csms_tape, response_timeout=DEADLINE_S)
        made.csms_there.set()
        try:
            await made.csms.start()
        except ConnectionClosed:
            if not made.csms_closed.done():
                made.csms_closed.set_result((socket.close_code, socket.close_reason))

    names: Any = [VERSIONS[version][1]]
    async with serve(serving, "127.0.0.1", 0, subprotocols=names) as server:
        url = f"ws://127.0.0.1:{next(iter(server.sockets)).getsockname()[1]}/ocpp"
        profile = Profile(ocpp=OcppSettings(upstream=UpstreamSettings(url=url)), **more)
        made.bench = Bench(
            Options(profile, ocpp="127.0.0.1:0", mqtt="off", api="off", readers=("off",), temporary=True)
        )
        await made.bench.start()
        assert made.bench.session.server is not None
        try:
            async with connect(f"{made.bench.session.server.url}/CP-1", subprotocols=names) as socket:
                made.station_tape = Tape(socket)
                made.station = make_station(version)("CP-1", made.station_tape, response_timeout=DEADLINE_S)
                tasks.spawn(swallow_close(made.station.start()), name="station")
                await asyncio.wait_for(made.csms_there.wait(), DEADLINE_S)
                yield made
        finally:
            await tasks.cancel()
            await made.bench.stop()


async def swallow_close(running: Awaitable[T]) -> None:
    try:
        await running
    except ConnectionClosed:
        pass


@pytest.mark.parametrize("version", VERSIONS)
async def test_all_passes_byte_for_byte_and_is_told(version: str) -> None:
    async with world(version) as there:
        assert await there.boot() == "Accepted"
        assert (await there.authorize(), await there.authorize("BAD")) == ("Accepted", "Blocked")
        cleared = await there.csms.call(there.call.ClearCache())
        assert cleared.status == "Accepted"
        assert there.csms_tape.heard == there.station_tape.said == there.crossed(Side.STATION)
        assert there.station_tape.heard == there.csms_tape.said == there.crossed(Side.CSMS)
        assert len(there.station_tape.said) == 4
        decided = [(tap.verdict, tap.decided_by) for tap in there.taps]
        assert decided == [(Verdict.ACCEPTED, DecidedBy.CSMS), (Verdict.REJECTED, DecidedBy.CSMS)]
        station = there.bench.session.stations["CP-1"]
        assert (station.version, station.boot, station.vendor, station.firmware) == (version, "Accepted", "V", "9")
        assert list(there.bench.session.findings) == []


@pytest.mark.parametrize("version", VERSIONS)
async def test_hold_edit_and_release(version: str) -> None:
    async with world(version, answer_limit_s=60) as there:
        there.rules(make_rule("name=Authorize", Deed.HOLD, side=Side.CSMS))
        asked = asyncio.gather(there.authorize())
        seq = await there.until_waiting()
        key = "idTagInfo" if version == "1.6" else "idTokenInfo"
        there.desk.release("CP-1", seq, payload={key: {"status": "Blocked"}})
        assert (await asyncio.wait_for(asked, DEADLINE_S)) == ["Blocked"]
        (tap,) = there.taps
        assert (tap.verdict, tap.decided_by) == (Verdict.REJECTED, DecidedBy.OPERATOR)
        assert str(tap.hops[1].fault).endswith("edited by the operator")


async def test_each_other_deed() -> None:
    async with world("1.6", answer_limit_s=60) as there:
        there.rules(make_rule("name=Authorize", Deed.EDIT, side=Side.STATION, patch={"idTag": "BAD"}))
        assert await there.authorize() == "Blocked"
        there.rules(make_rule("name=Authorize", Deed.DELAY, side=Side.STATION, delay_ms=60))
        assert await there.authorize("TWO") == "Accepted"
        there.rules(make_rule("name=Heartbeat", Deed.DROP, times=1, side=Side.STATION))
        there.station._response_timeout = 0.05
        with pytest.raises(TimeoutError):
            await there.station.call(there.call.Heartbeat())
        there.station._response_timeout = DEADLINE_S
        assert (await there.station.call(there.call.Heartbeat())).current_time
        faults = [tap.hops[0].fault for tap in there.taps]
        assert faults == ["edited by the rule name=Authorize", "delayed 60 ms by the rule name=Authorize"]
        assert sum(b"Heartbeat" in frame for frame in there.csms_tape.heard) == 1


@pytest.mark.parametrize("version", VERSIONS)
async def test_calls_of_the_bench_to_either_side(version: str) -> None:
    async with world(version) as there:
        token: Any = {"idTag": "BAD"} if version == "1.6" else {"idToken": {"idToken": "BAD", "type": "ISO14443"}}
        asked = await there.desk.call("CP-1", Side.CSMS, "Authorize", token)
        assert asked.payload is not None
        assert "Blocked" in str(asked.payload)
        cleared = await there.desk.call("CP-1", Side.STATION, "ClearCache", {})
        assert cleared.payload == {"status": "Accepted"}
        assert await there.authorize() == "Accepted"
        assert len(there.station_tape.said) == 2  # its answer to ClearCache, and its own Authorize
        assert len(there.csms_tape.said) == 2  # and none of either went to the wrong side


@pytest.mark.parametrize("side", list(Side))
async def test_either_side_s_loss_reaches_the_other_and_fails_the_tap(side: Side) -> None:
    async with world("2.0.1", answer_limit_s=60) as there:
        there.rules(make_rule("name=Authorize", Deed.HOLD, side=Side.CSMS))
        asked = there.bench.session.tasks.spawn(swallow_close(there.authorize()), name="asked")
        await there.until_waiting()
        if side is Side.STATION:
            await there.station_tape.socket.close(3001, "power fails")
            assert await asyncio.wait_for(there.csms_closed, DEADLINE_S) == (3001, "power fails")
        else:
            await there.csms_tape.socket.close(4001, "go away")
            await asyncio.wait_for(there.station_tape.socket.wait_closed(), DEADLINE_S)
            socket = there.station_tape.socket
            assert (socket.close_code, socket.close_reason) == (4001, "go away")
        asked.cancel()
        tap = await there.bench.session.wait_closed(there.taps[0].id, DEADLINE_S)
        assert tap.verdict is Verdict.FAILED
        assert not there.bench.session.stations["CP-1"].connected
