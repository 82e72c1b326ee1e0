"""Two benches and a command line on one PostgreSQL, and that server restarting under them."""

from __future__ import annotations

import asyncio
from pathlib import Path

import keyring.backends.fail
import pytest
from pydantic import ValidationError

from bench.assembly import Bench, Options, secret_variable
from bench.errors import StoreError
from bench.exchange import DecidedBy, Verdict
from bench.ports import LinkState
from bench.session import Session, TapRequest
from bench.settings import Profile
from bench.tokens.model import IdTokenType
from tests.e2e.world import ACCEPTED_UID, UNKNOWN_UID, closed, command, options, running, until
from tests.keyrings import keyring_in_use
from tests.postgresql import Cluster


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


async def test_the_password_comes_from_where_secrets_are(postgresql: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    url = postgresql.database().replace("bench_admin", "keeper")
    bench = Bench(Options(store=url))
    with keyring_in_use(keyring.backends.fail.Keyring()), postgresql.guarded("keeper", "secret-1"):
        with pytest.raises(StoreError, match=f"authbench secret set keeper@127.0.0.1:{postgresql.port}"):
            await bench.token_store().open()  # no keyring is no reason to stop: the server itself wants one
        monkeypatch.setenv(secret_variable(f"keeper@127.0.0.1:{postgresql.port}"), "secret-1")
        async with bench.token_store() as store:
            assert store.count == 0
            assert "secret" not in store.url


def test_a_password_does_not_belong_into_a_profile() -> None:
    with pytest.raises(ValidationError, match="authbench secret set"):
        Profile(store="postgresql://me:secret@db/tokens")
    assert Profile(store="postgresql://me@db/tokens").store == "postgresql://me@db/tokens"
