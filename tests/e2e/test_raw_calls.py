"""``POST /bench/v1/stations/{id}/calls/{Action}?raw=true``: what is wrong goes out as given, marked, and the refusal comes back."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from bench.assembly import Bench
from bench.message import Message
from tests.e2e.strangers import raw_station
from tests.e2e.world import LIMIT_S, options, running

WRONG: list[tuple[str, str, dict[str, Any], str]] = [
    ("1.6", "ChangeAvailability", {"connectorId": -1, "type": "Sideways"}, "ocpp.schema.enum"),
    ("2.0.1", "SetVariables", {"setVariableData": []}, "ocpp.schema.minItems"),
    ("2.0.1", "Reset", {"type": "Immediate", "surprise": True}, "ocpp.schema.additionalProperties"),
    ("2.1", "GetLocalListVersion", {"x": [1, 2.5, None, "ü"]}, "ocpp.schema.additionalProperties"),
    ("2.0.1", "MakeCoffee", {"cups": 2}, "ocpp.action"),
]


def sent(bench: Bench, action: str) -> Message:
    return next(m for m in bench.session.journal.since(0) if m.decoded.name == action and m.raw.startswith(b"[2"))


@pytest.mark.parametrize(("version", "action", "payload", "rule"), WRONG)
async def test_it_goes_out_as_given_and_the_refusal_comes_back(
    tmp_path: Path, version: str, action: str, payload: dict[str, Any], rule: str
) -> None:
    async with (
        running(options(tmp_path, api="127.0.0.1:0")) as bench,
        httpx.AsyncClient(base_url=str(bench.ready_line()["api"]), trust_env=False, timeout=LIMIT_S) as api,
        raw_station(bench.session.server.url, version=version) as station,
    ):
        where = f"/bench/v1/stations/RAW-1/calls/{action}"
        refused = await api.post(where, json=payload)
        assert refused.status_code == 400  # not without being asked to
        assert not [m for m in bench.session.journal.since(0) if m.decoded.name == action]

        asked = asyncio.gather(api.post(where, params={"raw": "true"}, json=payload))
        heard = await station.hear()
        assert heard[2:] == [action, payload]
        await station.say([4, heard[1], "FormatViolation", "no such thing", {"seen": 1}])
        (answer,) = await asked
        assert answer.status_code == 200
        error = {"code": "FormatViolation", "description": "no such thing", "details": {"seen": 1}}
        assert answer.json() == {"error": error}

        message = sent(bench, action)
        assert message.injected
        assert rule in [fault.rule for fault in message.decoded.faults]
        shown = await api.get("/bench/v1/messages", params={"filter": "injected"})
        assert [json.loads(m["raw"])[2:] for m in shown.json()] == [[action, payload]]


async def test_the_description_names_it(tmp_path: Path) -> None:
    async with (
        running(options(tmp_path, api="127.0.0.1:0")) as bench,
        httpx.AsyncClient(base_url=str(bench.ready_line()["api"]), trust_env=False, timeout=LIMIT_S) as api,
    ):
        told = (await api.get("/bench/v1/openapi.json")).json()
        call = told["paths"]["/bench/v1/stations/{station}/calls/{action}"]["post"]
        raw = next(one for one in call["parameters"] if one["name"] == "raw")
        assert (raw["in"], raw["required"], raw["schema"]["default"]) == ("query", False, False)
        assert "breaks the schema" in raw["description"]
        assert (await api.post("/bench/v1/stations/X/calls/Reset?raw=perhaps", json={})).status_code == 400
