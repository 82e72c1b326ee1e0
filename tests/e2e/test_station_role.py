"""The bench as a station of another bench: taps become Authorize there, its list and cache obey, its loss is told."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from bench.assembly import Bench
from bench.authorization import TapRequest
from bench.errors import OperatorError
from bench.exchange import DecidedBy, Exchange, Party, Verdict
from bench.message import Direction
from bench.ports import LinkState
from bench.session import Session
from bench.settings import CsmsSettings
from bench.tokens.model import JosevTokenType
from bench.tokens.store import TokenStore
from fixtures.samples import sample_tokens
from tests.e2e.world import (
    ACCEPTED_UID,
    BLOCKED_UID,
    LIMIT_S,
    UNKNOWN_UID,
    Serve,
    closed,
    command,
    finding,
    link,
    options,
    profile,
    recorded,
    running,
    until,
)

VERSIONS = ["1.6", "2.0.1", "2.1"]
IDENTITY = "BENCH-1"


def asked(folder: Path, url: str, version: str, *, answer_limit_s: float = 5.0) -> Bench:
    """A bench that is a station of that CSMS."""
    folder.mkdir(exist_ok=True)
    plain = profile(answer_limit_s=answer_limit_s)
    csms = CsmsSettings(url=url, identity=IDENTITY, versions=(version,))  # type: ignore[arg-type]
    ocpp = plain.ocpp.model_copy(update={"csms": csms})
    return Bench(options(folder, profile=plain.model_copy(update={"ocpp": ocpp})))


@asynccontextmanager
async def station(folder: Path, url: str, version: str, **more: float) -> AsyncIterator[Session]:
    bench = asked(folder, url, version, **more)
    await bench.start()
    try:
        yield bench.session
    finally:
        await bench.stop()


async def tap(session: Session, uid: str, kind: JosevTokenType = JosevTokenType.ISO14443) -> Exchange:
    return await closed(session, session.present(TapRequest(uid, kind)))


@pytest.mark.parametrize("version", VERSIONS)
async def test_a_tap_becomes_an_authorize(tmp_path: Path, version: str) -> None:
    async with running(options(tmp_path)) as csms:
        assert csms.session.server is not None
        async with station(tmp_path / "station", csms.session.server.url, version) as session:
            await link(session, "csms", LinkState.UP, version)
            accepted = await tap(session, ACCEPTED_UID)
            assert (accepted.verdict, accepted.decided_by) == (Verdict.ACCEPTED, DecidedBy.CSMS)
            hops = [(hop.from_, hop.to, hop.name) for hop in accepted.hops]
            assert hops == [
                (Party.READER, Party.BENCH, "presented"),
                (Party.BENCH, Party.CSMS, "Authorize"),
                (Party.CSMS, Party.BENCH, "Authorize Accepted"),
            ]
            blocked = await tap(session, BLOCKED_UID)
            assert (blocked.verdict, blocked.decided_by, blocked.reason) == (
                Verdict.REJECTED,
                DecidedBy.CSMS,
                "blocked",
            )
            unknown = await tap(session, UNKNOWN_UID)
            assert (unknown.verdict, unknown.reason) == (Verdict.REJECTED, "invalid" if version == "1.6" else "unknown")

            again = await tap(session, ACCEPTED_UID)
            assert (again.verdict, again.decided_by) == (Verdict.ACCEPTED, DecidedBy.CACHE)
            assert all(hop.to is not Party.CSMS for hop in again.hops)

            seq = accepted.sequences[0]
            message = session.journal.get(seq)
            assert message is not None
            assert (message.direction, message.channel) == (Direction.OUT, IDENTITY)
            assert session.pairs.of(seq).answered_by == accepted.sequences[1]
            assert [f for f in session.findings if f.severity != "info"] == []
            assert list(csms.session.stations) == [IDENTITY]
            assert csms.session.stations[IDENTITY].boot == "Accepted"
        assert [f.text for f in csms.session.findings if f.severity != "info"] == []


@pytest.mark.parametrize("version", VERSIONS)
async def test_the_list_decides_while_the_csms_is_gone(tmp_path: Path, version: str) -> None:
    async with running(options(tmp_path)) as csms:
        assert csms.session.server is not None
        url = csms.session.server.url
        address = url.removeprefix("ws://")
        async with station(tmp_path / "station", url, version) as session:
            assert session.role is not None
            await link(session, "csms", LinkState.UP)
            report = await csms.session.push_list(IDENTITY)
            assert report.ok, report.text
            assert session.role.view().list_version == report.version_read == report.version_sent
            listed = await tap(session, ACCEPTED_UID)
            assert (listed.verdict, listed.decided_by) == (Verdict.ACCEPTED, DecidedBy.LIST)

            token = csms.session.store.get(ACCEPTED_UID)
            assert token is not None
            await csms.session.store.put(replace(token, valid=False))
            changed = await csms.session.push_list(IDENTITY, "differential")
            assert changed.ok, changed.text
            assert changed.sent == 1
            said = await csms.session.clear_cache(IDENTITY)
            assert said.ok

            await csms.session.server.stop()
            await until(session, lambda: not session.role.view().connected, "the loss")
            assert (await tap(session, ACCEPTED_UID)).verdict is Verdict.REJECTED
            unknown = await tap(session, UNKNOWN_UID)
            assert (unknown.verdict, unknown.decided_by) == (Verdict.FAILED, DecidedBy.NOBODY)
            assert "neither list nor cache" in await finding(session, "role.offline", "")
            await finding(session, "role.csms-down", "cannot be reached")
            await csms.session.store.put(token)
            await csms.listen_on(address)
            await link(session, "csms", LinkState.UP)
            assert (await tap(session, ACCEPTED_UID)).verdict is Verdict.ACCEPTED
        async with station(tmp_path / "station", url, version) as session:  # D01: the list outlives a restart
            assert session.role is not None
            assert session.role.view().list_version == changed.version_sent
            assert session.role.view().list_entries == report.sent


async def test_serve_is_a_station_of_another(tmp_path: Path) -> None:
    """Two programs: taps by the API of one are Authorize at the other; a kill of that one is told, and its return."""
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    there.mkdir()
    quiet = ("--mqtt", "off", "--api", "127.0.0.1:0", "--store", "tokens.db", "--capture", "capture.db")
    store = TokenStore(f"sqlite:///{there / 'tokens.db'}")
    await store.open()
    await store.put_many(sample_tokens())
    await store.close()
    with Serve(there, "--ocpp", "127.0.0.1:0", *quiet) as csms:
        url = csms.ready["ocpp"]
        with Serve(here, "--ocpp", "127.0.0.1:0", *quiet, "--csms", url, "--csms-version", "2.0.1") as serve:
            assert serve.ready["csms"] == f"{url}/CP-001"
            async with httpx.AsyncClient(base_url=serve.ready["api"], trust_env=False, timeout=LIMIT_S) as client:
                taps = [
                    (await client.post("/bench/v1/taps", json={"uid": uid})).json()
                    for uid in (ACCEPTED_UID, BLOCKED_UID, ACCEPTED_UID)
                ]
                assert [(tap["verdict"], tap["decided_by"]) for tap in taps] == [
                    ("accepted", "csms"),
                    ("rejected", "csms"),
                    ("accepted", "cache"),
                ]
                assert [hop["to"] for hop in taps[0]["hops"]] == ["bench", "csms", "bench"]
                role = (await client.get("/bench/v1/role")).json()
                assert (role["boot"], role["version"], role["cache"]["count"]) == ("Accepted", "2.0.1", 2)
                assert (await client.delete("/bench/v1/role/cache")).json()["cache"]["count"] == 0
                assert (await client.delete("/bench/v1/role/list")).json()["list"]["version"] == 0
                too_long = await client.post("/bench/v1/taps", json={"uid": "x" * 37, "token_type": "local"})
                assert too_long.status_code == 400
                assert "36" in too_long.text
                csms.kill()
                tap = (await client.post("/bench/v1/taps", json={"uid": ACCEPTED_UID})).json()
                assert (tap["verdict"], tap["decided_by"]) == ("failed", "nobody")
                state = (await client.get("/bench/v1/state")).json()
                assert state["links"]["csms"]["state"] in ("connecting", "faulty")
            assert serve.terminate() == 0
        names = {
            m.decoded.name for m in recorded(serve.capture if serve.capture.is_absolute() else here / serve.capture)
        }
        assert {"BootNotification", "StatusNotification", "Authorize"} <= names


def test_the_version_alone_is_refused(tmp_path: Path) -> None:
    done = command(tmp_path, "serve", "--csms-version", "1.6")
    assert (done.returncode, "--csms URL" in done.stderr) == (2, True)
    done = command(tmp_path, "serve", "--api", "off", "--mqtt", "off", "--csms", "http://csms.example")
    assert (done.returncode, "ws://csms.example" in done.stderr) == (2, True)


async def test_there_is_no_role_without_a_csms(tmp_path: Path) -> None:
    async with running(options(tmp_path, api="127.0.0.1:0")) as bench:
        assert bench.api is not None
        async with httpx.AsyncClient(base_url=bench.api.url, trust_env=False) as client:
            found = await client.get("/bench/v1/role")
        assert (found.status_code, "--csms" in found.text) == (404, True)


async def test_a_password_that_is_nowhere_is_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bench.assembly.secret", lambda name: None)
    csms = CsmsSettings(url="ws://127.0.0.1:9", user="CP-001")
    plain = profile()
    ocpp = plain.ocpp.model_copy(update={"csms": csms})
    bench = Bench(options(tmp_path, profile=plain.model_copy(update={"ocpp": ocpp})))
    with pytest.raises(OperatorError, match="authbench secret set ocpp-csms:CP-001"):
        await bench.start()
