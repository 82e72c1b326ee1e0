"""Two benches and a command line on one PostgreSQL, and that server restarting under them."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from bench.errors import StoreError
from bench.exchange import DecidedBy, Verdict
from bench.ports import LinkState
from bench.session import Session, TapRequest
from bench.tokens.model import IdTokenType
from tests.e2e.world import ACCEPTED_UID, UNKNOWN_UID, closed, command, options, running, until
from tests.postgresql import Cluster, postgresql

__all__ = ["postgresql"]


def store_is(session: Session, state: LinkState) -> bool:
    return session.links["store"].state is state


async def test_what_one_bench_enrols_the_other_accepts(tmp_path: Path, postgresql: Cluster) -> None:
    url = postgresql.database()
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    async with (
        running(options(tmp_path / "one", store=url)) as one,
        running(options(tmp_path / "two", store=url)) as two,
    ):
        refused = await closed(one.session, one.session.present(TapRequest(UNKNOWN_UID)))
        assert refused.verdict is Verdict.REJECTED
        await one.session.enrol(refused.id)
        await until(two.session, lambda: two.session.store.get(UNKNOWN_UID), "the card the other bench enrolled")
        accepted = await closed(two.session, two.session.present(TapRequest(UNKNOWN_UID)))
        assert (accepted.verdict, accepted.decided_by) == (Verdict.ACCEPTED, DecidedBy.STORE)

        done = await asyncio.to_thread(command, tmp_path, "tokens", "--store", url, "block", UNKNOWN_UID)
        assert done.returncode == 0, done.stderr
        for bench in (one, two):
            token = bench.session.store.get
            await until(bench.session, lambda token=token: not token(UNKNOWN_UID).valid, "the card blocked")
        changes = await one.session.store.history(UNKNOWN_UID, type_of(two.session))
        assert [(change.what, change.by) for change in changes] == [("changed", "command line"), ("added", "enrol")]


def type_of(session: Session) -> IdTokenType:
    token = session.store.get(UNKNOWN_UID)
    assert token is not None
    return token.id_token_type


async def test_a_server_that_restarts_is_told_and_found_again(tmp_path: Path, postgresql: Cluster) -> None:
    async with running(options(tmp_path, store=postgresql.database())) as bench:
        session = bench.session
        assert store_is(session, LinkState.UP)
        await asyncio.to_thread(postgresql.stop)
        try:
            await until(session, lambda: store_is(session, LinkState.FAULTY), "the store is told to be faulty")
            status = session.links["store"]
            assert "is not reachable" in status.detail
            assert status.cure.startswith("start it")
            known = await closed(session, session.present(TapRequest(ACCEPTED_UID)))
            assert (known.verdict, known.decided_by) == (Verdict.ACCEPTED, DecidedBy.STORE)
            unknown = await closed(session, session.present(TapRequest(UNKNOWN_UID)))
            with pytest.raises(StoreError, match="not reachable"):
                await session.enrol(unknown.id)
        finally:
            await asyncio.to_thread(postgresql.start)
        await until(session, lambda: store_is(session, LinkState.UP), "the store is up again", 20.0)
        await session.enrol(unknown.id)
        assert session.store.get(UNKNOWN_UID) is not None
