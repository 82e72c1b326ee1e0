"""A station written by somebody else, on the plain ``ocpp`` package with schema validation, works with the bench."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ocpp.v16 import call as call16
from ocpp.v201 import call as call201

from bench.exchange import DecidedBy, Verdict
from tests.e2e.strangers import Stranger16, Stranger201, stranger
from tests.e2e.world import ACCEPTED_UID, BLOCKED_UID, UNKNOWN_UID, options, running, until

NOW = "2030-01-01T12:00:00Z"
STATION = "STRANGER-1"
CARDS = [
    (ACCEPTED_UID, "Accepted", Verdict.ACCEPTED, DecidedBy.STORE),
    (BLOCKED_UID, "Blocked", Verdict.REJECTED, DecidedBy.STORE),
]


async def test_a_16_station_boots_authorizes_and_charges(tmp_path: Path) -> None:
    async with running(options(tmp_path)) as bench, stranger(bench.session.server.url, Stranger16) as station:
        session = bench.session
        boot = await station.call(call16.BootNotification("Model", "Vendor"))
        assert (boot.status, boot.interval) == ("Accepted", 300)

        for uid, status, verdict, decided_by in [*CARDS, (UNKNOWN_UID, "Invalid", Verdict.REJECTED, DecidedBy.DEFAULT)]:
            answer = await station.call(call16.Authorize(uid))
            assert answer.id_tag_info["status"] == status
            latest = list(session.exchanges.values())[-1]
            assert (latest.origin, latest.verdict, latest.decided_by) == ("authorize", verdict, decided_by)

        started = await station.call(call16.StartTransaction(1, ACCEPTED_UID, 0, NOW))
        assert started.id_tag_info["status"] == "Accepted"
        assert started.transaction_id > 0
        stopped = await station.call(call16.StopTransaction(10, NOW, started.transaction_id, id_tag=ACCEPTED_UID))
        assert stopped.id_tag_info["status"] == "Accepted"

        assert len(session.exchanges) == 3  # the transaction belongs to the tap that allowed it
        names = [hop.name for hop in session.exchanges[1].hops]
        assert [name for name in names if name[0].isupper() and name != "Accepted"] == [
            "Authorize",
            "TAG-7?",
            "StartTransaction",
            "TAG-7?",
            "StopTransaction",
            "TAG-7?",
        ]
        assert [f.text for f in session.findings] == []


async def test_a_201_station_boots_authorizes_and_charges(tmp_path: Path) -> None:
    async with running(options(tmp_path)) as bench, stranger(bench.session.server.url, Stranger201) as station:
        session = bench.session
        boot = await station.call(call201.BootNotification({"model": "Model", "vendor_name": "Vendor"}, "PowerUp"))
        assert (boot.status, boot.interval) == ("Accepted", 300)

        for uid, status, verdict, decided_by in [*CARDS, (UNKNOWN_UID, "Unknown", Verdict.REJECTED, DecidedBy.DEFAULT)]:
            answer = await station.call(call201.Authorize({"id_token": uid, "type": "ISO14443"}))
            assert answer.id_token_info["status"] == status
            latest = list(session.exchanges.values())[-1]
            assert (latest.origin, latest.verdict, latest.decided_by) == ("authorize", verdict, decided_by)

        started = await station.call(event("Started", 0, "Authorized", uid=ACCEPTED_UID))
        assert started.id_token_info["status"] == "Accepted"
        await station.call(event("Updated", 1, "ChargingStateChanged"))
        await station.call(event("Ended", 2, "StopAuthorized", uid=ACCEPTED_UID))

        assert len(session.exchanges) == 3
        names = [
            hop.name for hop in session.exchanges[1].hops if hop.name.startswith(("Authorize", "TransactionEvent"))
        ]
        assert names == ["Authorize", "TransactionEvent Started", "TransactionEvent Updated", "TransactionEvent Ended"]
        assert [f.text for f in session.findings] == []


@pytest.mark.parametrize("kind", [Stranger16, Stranger201])
async def test_the_bench_works_the_station(
    tmp_path: Path, kind: type[Any], expected_log: Callable[[str], None]
) -> None:
    expected_log("Error while handling request '<Call")  # how the ocpp package notes that it knows no Reset
    async with running(options(tmp_path)) as bench, stranger(bench.session.server.url, kind) as station:
        session = bench.session
        await until(session, lambda: STATION in session.stations, "the station")

        pushed = await session.push_list(STATION)
        assert pushed.ok
        assert pushed.text.startswith(f"{pushed.sent} entries accepted as version 1 (before: 0)")
        assert (pushed.version_before, pushed.version_sent, pushed.version_read) == (0, 1, 1)
        assert len(station.local_list) == pushed.sent
        assert pushed.sent + len(pushed.left_out) == session.store.count
        assert ACCEPTED_UID in station.local_list

        assert (await session.list_version(STATION)).text == "the local list has version 1"
        assert session.stations[STATION].list_version == 1

        cleared = await session.clear_cache(STATION)
        assert (cleared.ok, cleared.text) == (True, "the station cleared its authorization cache")
        assert station.cache_cleared == 1

        said = await session.remote_start(STATION, "WEB-USER-1")
        assert (said.ok, said.text) == (True, "the station accepted the remote start")
        if kind is Stranger16:
            assert station.told_to_start == [{"id_tag": "WEB-USER-1", "connector_id": 1}]
            await station.call(call16.StartTransaction(1, "WEB-USER-1", 0, NOW))
        else:
            [asked] = station.told_to_start
            assert asked["id_token"] == {"id_token": "WEB-USER-1", "type": "Central"}
            started = event(
                "Started", 0, "RemoteStart", uid="WEB-USER-1", start=asked["remote_start_id"], kind="Central"
            )
            await station.call(started)
        [exchange] = [exchange for exchange in session.exchanges.values() if exchange.origin == "remote_start"]
        assert (exchange.verdict, exchange.decided_by) == (Verdict.ACCEPTED, DecidedBy.OPERATOR)
        assert len(session.exchanges) == 1

        # What the station does not know, it says, and the bench says it on.
        refused = await session.call(
            STATION, "Reset", {"type": "Hard"} if kind is Stranger16 else {"type": "Immediate"}
        )
        assert (refused.refused, refused.code) == (True, "NotImplemented")


def event(
    kind_of: str, number: int, trigger: str, *, uid: str | None = None, start: int | None = None, kind: str = "ISO14443"
) -> Any:
    """A TransactionEvent."""
    info: dict[str, Any] = {"transaction_id": "T-1"}
    if start is not None:
        info["remote_start_id"] = start
    token = None if uid is None else {"id_token": uid, "type": kind}
    return call201.TransactionEvent(
        kind_of, NOW, trigger, number, info, evse={"id": 1, "connector_id": 1}, id_token=token
    )
