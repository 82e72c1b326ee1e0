"""The bench as a station of another bench: taps become Authorize there, its list and cache obey, its loss is told."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from bench.assembly import Bench
from bench.authorization import TapRequest
from bench.exchange import DecidedBy, Exchange, Party, Verdict
from bench.message import Direction
from bench.ports import LinkState
from bench.session import Session
from bench.settings import CsmsSettings
from bench.tokens.model import JosevTokenType
from tests.e2e.world import (
    ACCEPTED_UID,
    BLOCKED_UID,
    UNKNOWN_UID,
    closed,
    finding,
    link,
    options,
    profile,
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
