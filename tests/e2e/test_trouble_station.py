"""Trouble on the OCPP link: sockets that drop, frames that are none, answers to nothing, five megabytes."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from bench.errors import LinkDown, NotFound, OperatorError
from bench.exchange import Verdict
from bench.message import Link
from tests.e2e.strangers import raw_station
from tests.e2e.world import ACCEPTED_UID, finding, options, profile, running, until

AUTHORIZE = {"idToken": {"idToken": ACCEPTED_UID, "type": "ISO14443"}}


async def test_socket_dropped_in_the_middle_of_a_call_of_ours(tmp_path: Path) -> None:
    async with running(options(tmp_path)) as bench:
        session = bench.session
        url = session.server.url
        async with raw_station(url) as station, asyncio.TaskGroup() as group:
            starting = group.create_task(expect_down(session.remote_start("RAW-1", "USER-1")))
            _, call_id, action, _ = await station.hear()
            assert (action, bool(call_id)) == ("RequestStartTransaction", True)
            station.drop()
            said = await starting
        assert said.startswith(
            "station RAW-1 did not answer RequestStartTransaction: the connection closed before the answer"
        )
        [exchange] = session.exchanges.values()
        assert exchange.verdict is Verdict.FAILED
        assert exchange.findings[0].text == "the station did not answer: the connection closed before the answer"

        assert not session.stations["RAW-1"].connected
        said = await expect_down(session.clear_cache("RAW-1"))
        assert said == "station RAW-1 is not connected; wait until it connects again, then repeat"
        with pytest.raises(NotFound, match="no station named RAW-2 has connected; stations known: RAW-1"):
            await session.clear_cache("RAW-2")

        # It comes back, and all is well.
        async with raw_station(url) as station:
            assert (await station.ask([2, "a", "Authorize", AUTHORIZE]))[2]["idTokenInfo"]["status"] == "Accepted"


async def expect_down(asked: object) -> str:
    with pytest.raises(LinkDown) as error:
        await asked  # type: ignore[misc]
    return str(error.value)


async def test_a_station_that_never_answers(tmp_path: Path) -> None:
    asked = options(tmp_path, profile=profile(call_timeout_s=0.3))
    async with running(asked) as bench, raw_station(bench.session.server.url) as station:
        with pytest.raises(OperatorError, match="station RAW-1 did not answer ClearCache: no answer in time"):
            await bench.session.clear_cache("RAW-1")
        _, call_id, _, _ = await station.hear()
        await station.say([3, call_id, {"status": "Accepted"}])
        await finding(bench.session, "ocpp.late-answer", "the answer to ClearCache came after its time had run out")


async def test_frames_that_are_none_are_answered_told_and_kept(tmp_path: Path) -> None:
    async with running(options(tmp_path)) as bench:
        session = bench.session
        async with raw_station(session.server.url) as station:
            junk = ["{ this is not JSON", "[]", '"hello"', '[9,"x1","Authorize",{}]', '[2,"x2"]']
            for frame in junk:
                answer = await station.ask(frame)  # type: ignore[arg-type]
                assert answer[0] == 4, frame
            await station.say([3, "no-call-of-yours", {"status": "Accepted"}])
            await finding(session, "ocpp.orphan-answer", "no call of ours has that id")
            await finding(session, "malformed", "RAW-1")

            # The same connection goes on.
            assert (await station.ask([2, "a", "Authorize", AUTHORIZE]))[2]["idTokenInfo"]["status"] == "Accepted"
            kept = [m.raw.decode() for m in session.journal.since(0, 100_000) if m.link is Link.OCPP and m.malformed]
            assert kept == junk
            assert session.counters()["malformed"] == len(junk)


async def test_an_answer_given_twice(tmp_path: Path) -> None:
    async with running(options(tmp_path)) as bench:
        session = bench.session
        async with raw_station(session.server.url) as station, asyncio.TaskGroup() as group:
            clearing = group.create_task(session.clear_cache("RAW-1"))
            _, call_id, _, _ = await station.hear()
            for status in ("Accepted", "Rejected"):
                await station.say([3, call_id, {"status": status}])
            assert (await clearing).ok  # the first one counts
            await finding(session, "ocpp.orphan-answer", "no call of ours has that id")


async def test_five_megabytes_in_one_message(tmp_path: Path) -> None:
    async with running(options(tmp_path)) as bench:
        session = bench.session
        async with raw_station(session.server.url) as station:
            transfer = {"vendorId": "Raw", "data": "x" * 5_000_000}
            answer = await station.ask([2, "big", "DataTransfer", transfer])
            assert answer[:2] == [3, "big"]
            await station.say("y" * 5_000_000)
            assert (await station.hear())[0] == 4
            assert (await station.ask([2, "a", "Authorize", AUTHORIZE]))[2]["idTokenInfo"]["status"] == "Accepted"
        big = [m.raw for m in session.journal.since(0, 100_000) if len(m.raw) >= 5_000_000]
        assert len(big) == 2
        assert json.loads(big[0])[3] == transfer
        await until(session, lambda: not session.stations["RAW-1"].connected, "the station's goodbye")
        assert max((len(f.text) for f in session.findings), default=0) < 1000
