"""Stations that lie, dawdle, say nothing, break off or talk across: the bench ends in the right state each time, and tells."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.errors import LinkDown, OperatorError
from fixtures.bad_station import Vice, bad_station
from tests.e2e.world import ACCEPTED_UID, finding, options, profile, running, until

BOTH = pytest.mark.parametrize("version", ["1.6", "2.0.1"])
AUTHORIZE = {
    "1.6": {"idTag": ACCEPTED_UID},
    "2.0.1": {"idToken": {"idToken": ACCEPTED_UID, "type": "ISO14443"}},
}


@BOTH
async def test_one_that_accepts_every_list_and_never_moves_its_version(tmp_path: Path, version: str) -> None:
    async with running(options(tmp_path)) as bench:
        session = bench.session
        async with bad_station(session.server.url, Vice.LYING, version=version) as station:
            report = await session.push_list("BAD-1")
            assert (report.ok, report.status) == (False, "Accepted")
            assert (report.version_before, report.version_sent, report.version_read) == (3, 4, 3)
            assert "Accepted, but the version did not move: it is still 3, 4 was sent" in report.text
            await finding(session, "list.not-taken", "BAD-1: Accepted, but the version did not move")
            assert session.stations["BAD-1"].shadow is None
            assert session.stations["BAD-1"].list_version == 3

            # Nothing may be built on such a list: a change is not sent, auto sends the whole of it again.
            report = await session.push_list("BAD-1", "differential")
            assert (report.ok, report.status) == (False, "NotSent")
            assert "what the station holds is not known" in report.text
            await session.push_list("BAD-1", "auto")
            sent = [frame[3] for frame in station.heard if frame[2] == "SendLocalList"]
            assert [payload["updateType"] for payload in sent] == ["Full", "Full"]


@BOTH
async def test_one_that_accepts_every_setting_and_changes_none(tmp_path: Path, version: str) -> None:
    async with running(options(tmp_path)) as bench:
        session = bench.session
        async with bad_station(session.server.url, Vice.LYING, version=version):
            written = await session.write_setting("BAD-1", "list-enabled", True)
            assert (written.ok, written.status, written.read) == (False, "Accepted", "false")
            await finding(session, "setting.not-taken", "Accepted, but it reads false, true was written")


@BOTH
async def test_one_that_answers_after_the_limit(tmp_path: Path, version: str) -> None:
    async with running(options(tmp_path, profile=profile(call_timeout_s=0.2))) as bench:
        session = bench.session
        async with bad_station(session.server.url, Vice.SLOW, version=version) as station:
            with pytest.raises(OperatorError, match="did not answer ClearCache: no answer in time"):
                await session.clear_cache("BAD-1")
            await finding(session, "ocpp.no-answer", "ClearCache: no answer in time")
            await station.answer_late()
            await finding(session, "ocpp.late-answer", "the answer to ClearCache came after its time had run out")
            # The late answer is nobody's, and the connection goes on.
            station.vice = Vice.LYING
            assert (await session.clear_cache("BAD-1")).ok
            assert session.stations["BAD-1"].connected


@BOTH
async def test_one_that_says_nothing(tmp_path: Path, version: str) -> None:
    async with running(options(tmp_path, profile=profile(call_timeout_s=0.2))) as bench:
        session = bench.session
        async with bad_station(session.server.url, Vice.MUTE, version=version) as station:
            for asked in (session.push_list("BAD-1"), session.read_settings("BAD-1"), session.list_version("BAD-1")):
                with pytest.raises(OperatorError, match="no answer in time"):
                    await asked
            await finding(session, "ocpp.no-answer", "GetLocalListVersion: no answer in time")
            # It still speaks for itself, and is answered.
            answer = await station.call("Authorize", AUTHORIZE[version])
            assert answer[2]["idTagInfo" if version == "1.6" else "idTokenInfo"]["status"] == "Accepted"


@BOTH
async def test_one_that_closes_in_the_middle_of_a_frame(tmp_path: Path, version: str) -> None:
    async with running(options(tmp_path)) as bench:
        session = bench.session
        async with bad_station(session.server.url, Vice.BREAKING, version=version):
            with pytest.raises(LinkDown, match="did not answer ClearCache: the connection closed before the answer"):
                await session.clear_cache("BAD-1")
            await finding(session, "ocpp.no-answer", "ClearCache: the connection closed before the answer")
            await until(session, lambda: not session.stations["BAD-1"].connected, "the station is gone")
        # It comes back, and all is well.
        async with bad_station(session.server.url, Vice.LYING, version=version):
            assert (await session.clear_cache("BAD-1")).ok


@BOTH
async def test_one_that_calls_while_a_call_of_ours_is_open(tmp_path: Path, version: str) -> None:
    async with running(options(tmp_path)) as bench:
        session = bench.session
        async with bad_station(session.server.url, Vice.CROSSING, version=version) as station:
            for _ in range(3):
                assert not [f for f in session.findings if f.rule == "ocpp.calls-crossed"]  # once or twice is chance
                assert (await session.clear_cache("BAD-1")).ok
            await finding(session, "ocpp.calls-crossed", "Heartbeat before that to ClearCache")
            answer = await station.call("Authorize", AUTHORIZE[version])
            assert answer[0] == 3
            assert sorted(station.answers) == [f"bad-{n}" for n in range(1, 6)]
            assert all(frame[0] == 3 for frame in station.answers.values())
            assert len([f for f in session.findings if f.rule == "ocpp.calls-crossed"]) == 1
