"""``kill -9`` in the middle of a push, over real sockets: the push goes on where the station really is."""

from __future__ import annotations

import asyncio
from collections import deque
from pathlib import Path
from typing import Any

import httpx
import pytest

from bench.tasks import Tasks
from bench.tokens.store import TokenStore
from fixtures.charger.behaviour import Behaviour, ListFault
from fixtures.charger.charger import SimulatedCharger
from fixtures.samples import sample_tokens
from tests.e2e.world import LIMIT_S, Serve

PATH = "/bench/v1/stations/CP-001/local-list"


def heard(charger: SimulatedCharger, action: str, count: int = 1) -> asyncio.Event:
    """Set once the charger has handled that many calls of the action from now on."""
    event, left, handle = asyncio.Event(), [count], charger.station.handlers[action]

    def counted(payload: dict[str, Any]) -> Any:
        left[0] -= 1
        if left[0] <= 0:
            event.set()
        return handle(payload)

    charger.station.handlers[action] = counted
    return event


async def reached(event: asyncio.Event) -> None:
    async with asyncio.timeout(2 * LIMIT_S):
        await event.wait()


async def cut_off(client: httpx.AsyncClient) -> None:
    with pytest.raises(httpx.TransportError):
        await client.post(PATH, json={"mode": "full"})


@pytest.mark.parametrize(("version", "fault"), [("1.6", ListFault.MUTE_BEFORE), ("2.0.1", ListFault.MUTE_AFTER)])
async def test_a_push_goes_on_after_a_kill(tmp_path: Path, version: str, fault: ListFault) -> None:
    store = tmp_path / "tokens.db"
    async with TokenStore(str(store)) as opened:
        await opened.put_many(sample_tokens())
    tasks = Tasks()
    more = ("--mqtt", "off", "--store", str(store), "--capture", str(tmp_path / "capture.db"), "--reader", "off")
    with Serve(tmp_path, "--ocpp", "127.0.0.1:0", "--api", "127.0.0.1:0", *more) as serve:
        url = serve.ready["ocpp"]
        behaviour = Behaviour(items_per_message=2, list_faults=deque([ListFault.NONE, fault]))
        charger = SimulatedCharger(None, url, version=version, behaviour=behaviour)
        await charger.start()
        try:
            assert await charger.wait_ready(LIMIT_S)
            in_the_middle = heard(charger, "SendLocalList", 2)
            async with httpx.AsyncClient(base_url=serve.ready["api"], timeout=LIMIT_S) as client:
                pushing = tasks.spawn(cut_off(client), name="push")
                await reached(in_the_middle)
                serve.kill()
                await pushing
            asked = heard(charger, "GetLocalListVersion")
            again = ("--ocpp", url.removeprefix("ws://"), "--api", "127.0.0.1:0")
            with Serve(tmp_path, *again, *more) as restarted:
                await reached(asked)
                async with httpx.AsyncClient(base_url=restarted.ready["api"], timeout=LIMIT_S) as client:
                    await client.get(f"{PATH}/version")  # in line behind the bench's own question
                    told = (await client.get(PATH)).json()
                    held = 4 if fault is ListFault.MUTE_AFTER else 2
                    assert (told["known"], told["why_unknown"], told["counts"]["same"]) == (True, "", held)
                    assert told["shadow_version"] == held // 2
                    assert told["offer"].endswith("of its list differ from the store")
                    report = (await client.post(PATH, json={"mode": "auto"})).json()
                    assert report["ok"], report["text"]
                    assert {chunk["update_type"] for chunk in report["chunks"]} == {"Differential"}
                    assert report["sent"] == len(charger.station.local_list) - held
                    told = (await client.get(PATH)).json()
                    assert told["counts"] == {**told["counts"], "add": 0, "update": 0, "delete": 0}
                    assert told["counts"]["same"] == len(charger.station.local_list)
                assert restarted.terminate() == 0
        finally:
            await charger.stop()
