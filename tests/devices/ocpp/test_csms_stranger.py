"""A charging station written by someone else, with the ``ocpp`` package and its validation on, boots, authorizes and charges."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from typing import Any

import ocpp.messages
import pytest
from ocpp.routing import on
from ocpp.v16 import ChargePoint as ChargePoint16
from ocpp.v16 import call as call16
from ocpp.v16 import call_result as result16
from ocpp.v21 import ChargePoint as ChargePoint21
from ocpp.v21 import call as call21
from ocpp.v21 import call_result as result21
from ocpp.v201 import ChargePoint as ChargePoint201
from ocpp.v201 import call as call201
from ocpp.v201 import call_result as result201
from websockets.asyncio.client import connect

from bench.codecs.ocpp import Call
from bench.message import Direction
from devices.ocpp.csms import CsmsServer
from tests.devices.ocpp.bench_sink import DEADLINE_S, BenchSink

TIME = "2024-01-01T10:00:00Z"


class Station16(ChargePoint16):
    @on("ClearCache")
    def clear_cache(self) -> result16.ClearCache:
        return result16.ClearCache(status="Accepted")

    @on("GetLocalListVersion")
    def list_version(self) -> result16.GetLocalListVersion:
        return result16.GetLocalListVersion(list_version=-1)


class Station201(ChargePoint201):
    @on("ClearCache")
    def clear_cache(self) -> result201.ClearCache:
        return result201.ClearCache(status="Rejected")


class Station21(ChargePoint21):
    @on("ClearCache")
    def clear_cache(self) -> result21.ClearCache:
        return result21.ClearCache(status="Rejected")


@pytest.fixture
async def sink(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[BenchSink]:
    # Validation in a thread would leave an executor behind; the check is the same.
    monkeypatch.setattr(ocpp.messages, "ASYNC_VALIDATION", False)
    logging.getLogger("ocpp").setLevel(logging.WARNING)
    engine = BenchSink()
    server = CsmsServer("127.0.0.1", 0, stations_allowed=lambda station: True)
    engine.server = server
    await server.start(engine)
    yield engine
    await server.stop()


async def test_16_boots_authorizes_and_charges(sink: BenchSink, expected_log: Callable[[str], None]) -> None:
    expected_log("Error while handling request")  # the stranger's own, of the action it does not know
    async with connect(f"{sink.server.url}/CP-16", subprotocols=["ocpp1.6"]) as socket:  # type: ignore[list-item]
        station = Station16("CP-16", socket, response_timeout=DEADLINE_S)
        async with running(station):
            boot = await station.call(call16.BootNotification(charge_point_model="M", charge_point_vendor="V"))
            assert (boot.status, boot.interval) == ("Accepted", 300)
            assert (await station.call(call16.Authorize(id_tag="GOOD"))).id_tag_info == {"status": "Accepted"}
            assert (await station.call(call16.Authorize(id_tag="BAD"))).id_tag_info == {"status": "Blocked"}
            started = await station.call(call16.StartTransaction(1, "GOOD", 0, TIME))
            assert started.id_tag_info == {"status": "Accepted"}
            assert list(sink.stations["CP-16"].transactions) == [str(started.transaction_id)]
            await station.call(call16.MeterValues(1, [{"timestamp": TIME, "sampledValue": [{"value": "1"}]}]))
            await station.call(call16.StopTransaction(5, TIME, started.transaction_id))
            assert sink.stations["CP-16"].transactions == {}

            answer = await sink.call("CP-16", "ClearCache")
            assert answer is not None
            assert answer.payload == {"status": "Accepted"}
            answer = await sink.call("CP-16", "Reset", type="Soft")  # the stranger has no handler for it
            assert answer is not None
            assert (answer.refused, answer.code) == (True, "NotImplemented")
    assert sink.findings == []
    assert all(message.decoded.faults == () for message in sink.journal.since(0))


@pytest.mark.parametrize(("version", "kind", "call"), [("2.0.1", Station201, call201), ("2.1", Station21, call21)])
async def test_2_boots_authorizes_and_charges(sink: BenchSink, version: str, kind: type[Any], call: Any) -> None:
    async with connect(f"{sink.server.url}/CP-2", subprotocols=[f"ocpp{version}"]) as socket:  # type: ignore[list-item]
        station = kind("CP-2", socket, response_timeout=DEADLINE_S)
        async with running(station):
            boot = await station.call(call.BootNotification({"model": "M", "vendorName": "V"}, "PowerUp"))
            assert boot.status == "Accepted"
            token = {"idToken": "GOOD", "type": "ISO14443"}
            assert (await station.call(call.Authorize(token))).id_token_info == {"status": "Accepted"}
            event: dict[str, Any] = {"timestamp": TIME, "transaction_info": {"transactionId": "t-1"}}
            started = await station.call(
                call.TransactionEvent("Started", trigger_reason="Authorized", seq_no=0, id_token=token, **event)
            )
            assert started.id_token_info == {"status": "Accepted"}
            assert list(sink.stations["CP-2"].transactions) == ["t-1"]
            ended = await station.call(
                call.TransactionEvent("Ended", trigger_reason="StopAuthorized", seq_no=1, **event)
            )
            assert ended.id_token_info is None
            assert sink.stations["CP-2"].transactions == {}

            answer = await sink.call("CP-2", "ClearCache")
            assert answer is not None
            assert answer.payload == {"status": "Rejected"}
    names = [m.decoded.name for m in sink.journal.since(0) if isinstance(m.decoded.body, Call)]
    assert names == ["BootNotification", "Authorize", "TransactionEvent", "TransactionEvent", "ClearCache"]
    assert sum(m.direction is Direction.OUT for m in sink.journal.since(0)) == 5
    assert sink.findings == []


class running:  # noqa: N801 - reads like the context it is
    """The stranger's read loop, for the length of a block."""

    def __init__(self, station: ChargePoint16 | ChargePoint201 | ChargePoint21) -> None:
        self._station = station

    async def __aenter__(self) -> None:
        self._group = asyncio.TaskGroup()
        await self._group.__aenter__()
        self._task = self._group.create_task(self._station.start())

    async def __aexit__(self, *error: object) -> None:
        self._task.cancel()
        await self._group.__aexit__(*error)  # type: ignore[arg-type]
