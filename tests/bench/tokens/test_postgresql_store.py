"""What only a server brings: benches that write at once, news without polling, and all that a server can refuse."""

from __future__ import annotations

import asyncio
import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import create_engine

from bench.errors import StoreError
from bench.tokens import postgres
from bench.tokens.database import parse
from bench.tokens.model import IdTokenType, Token
from bench.tokens.store import TokenStore
from tests.postgresql import Cluster

ROOT = Path(__file__).resolve().parents[3]
TOKEN = Token("04A2B3C4", "GB", "TWK", "GBTWK012345678V", "Thoughtworks")
LIMIT_S = 20.0


@pytest.fixture
def own_server(postgresql: Cluster) -> Iterator[Cluster]:
    """The server, for a test that stops it: runs again for the next."""
    yield postgresql
    postgresql.stop()
    postgresql.start()


async def until(store: TokenStore, reached: Callable[[], bool], what: str) -> None:
    """Follow what others write, as a session does, until it is so."""

    async def follow() -> None:
        while not reached():
            await store.wait_elsewhere(0.05)
            try:
                await store.refresh()
            except StoreError:
                await asyncio.sleep(0.05)

    try:
        await asyncio.wait_for(follow(), LIMIT_S)
    except TimeoutError:
        pytest.fail(f"never: {what}")


async def test_what_another_bench_writes_is_told_at_once(postgresql: Cluster) -> None:
    url = postgresql.database()
    async with TokenStore(url) as one, TokenStore(url) as two:
        await until(two, lambda: two._elsewhere.is_set() or two._listener is not None, "listening")
        kept = await one.put(TOKEN)
        await until(two, lambda: two.all() == [kept], "the token of the other bench")
        await two.put(replace(TOKEN, valid=False), by="window")
        await until(one, lambda: one.valid_count == 0, "blocked by the other bench")
        await one.delete(TOKEN.uid, TOKEN.id_token_type)
        await until(two, lambda: two.count == 0, "deleted by the other bench")
        assert await two.refresh() is False
        assert [change.by for change in await two.recent_changes()] == ["bench", "window", "bench"]


WRITER = """
import asyncio, random, sys
from dataclasses import replace
from bench.tokens.model import Token
from bench.tokens.store import TokenStore

async def main():
    token = Token("04A2B3C4", "GB", "TWK", "GBTWK012345678V", "third")
    chance = random.Random(3)
    async with TokenStore(sys.argv[1], busy_timeout_s=30) as store:
        for n in range(60):
            uid = f"{chance.randrange(40):08X}"
            if chance.random() < 0.3:
                await store.delete_many([(uid, token.id_token_type)], by="third")
            else:
                await store.put(replace(token, uid=uid, visual_number=f"third {n}"), by="third")

asyncio.run(main())
"""


async def hammer(store: TokenStore, name: str, seed: int) -> None:
    chance = random.Random(seed)
    for n in range(60):
        uids = [f"{chance.randrange(40):08X}" for _ in range(chance.choice((1, 1, 5)))]
        if chance.random() < 0.3:
            await store.delete_many([(uid, IdTokenType.ISO14443) for uid in uids], by=name)
        else:
            await store.put_many([replace(TOKEN, uid=uid, visual_number=f"{name} {n}") for uid in uids], by=name)
        if chance.random() < 0.3:
            await store.refresh()  # between the commits of the others


async def test_three_benches_that_write_at_once_end_with_the_same_tokens(postgresql: Cluster) -> None:
    url = postgresql.database()
    async with TokenStore(url, busy_timeout_s=30) as one, TokenStore(url, busy_timeout_s=30) as two:
        third = await asyncio.create_subprocess_exec(
            sys.executable, "-c", WRITER, url, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        )
        try:
            await asyncio.gather(hammer(one, "one", 1), hammer(two, "two", 2))
            _, said = await asyncio.wait_for(third.communicate(), 2 * LIMIT_S)
        finally:
            if third.returncode is None:
                third.kill()
                await third.wait()
        assert third.returncode == 0, said.decode()
        await one.refresh()
        await two.refresh()
        async with TokenStore(url) as fresh:
            assert one.all() == two.all() == fresh.all()
            # The record tells the same story: each change begins where the one before it ended.
            after: dict[object, Token | None] = {}
            changes = await fresh.recent_changes(1000)
            for change in reversed(changes):
                assert change.before == after.get(change.key)
                after[change.key] = change.after
            assert {key: token for key, token in after.items() if token is not None} == {
                token.key: token for token in fresh.all()
            }
            assert {change.by for change in changes} == {"one", "two", "third"}


async def test_many_that_start_at_once_make_the_tables_once(postgresql: Cluster) -> None:
    url = postgresql.database()
    stores = [TokenStore(url) for _ in range(4)]
    try:
        await asyncio.gather(*(store.open() for store in stores))
        assert [store.count for store in stores] == [0, 0, 0, 0]
    finally:
        for store in stores:
            await store.close()


async def test_a_bench_waits_its_turn_and_no_longer(postgresql: Cluster) -> None:
    url = postgresql.database()
    async with TokenStore(url, busy_timeout_s=0.2) as store:
        engine = create_engine(parse(url))
        with engine.begin() as connection:
            postgres.take_turn(connection)
            with pytest.raises(StoreError, match="kept busy by another bench"):
                await store.put(TOKEN)
            assert store.count == 0
        engine.dispose()
        await store.put(TOKEN)


# The server goes away


async def test_a_server_that_restarts_is_found_again(own_server: Cluster) -> None:
    url = own_server.database()
    async with TokenStore(url) as store, TokenStore(url) as other:
        kept = await store.put(TOKEN)
        await until(other, lambda: other.count == 1, "the first token")
        await asyncio.to_thread(own_server.stop)
        await asyncio.wait_for(lost(store), LIMIT_S)
        with pytest.raises(StoreError, match="not reachable.*; start it, or correct host and port"):
            await store.put(replace(TOKEN, valid=False))
        with pytest.raises(StoreError, match="not reachable"):
            await store.refresh()
        assert store.get(TOKEN.uid) == kept  # what is known goes on being answered
        await asyncio.to_thread(own_server.start)
        await asyncio.to_thread(own_server.sql, "UPDATE tokens SET visual_number = 'by hand'", url.rpartition("/")[2])
        await until(store, lambda: store._trouble is None, "connected again")
        changed = await store.put(replace(TOKEN, valid=False))
        await until(other, lambda: other.all() == [changed], "the change after the restart")


async def lost(store: TokenStore) -> None:
    while True:
        await store.wait_elsewhere(0.05)
        try:
            await store.refresh()
        except StoreError:
            return


async def test_a_connection_that_is_cut_in_a_batch_changes_nothing(postgresql: Cluster) -> None:
    url = postgresql.database()
    name = url.rpartition("/")[2]
    cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname = current_database()"
    async with TokenStore(url) as store:
        await store.put(TOKEN)
        progress = 0

        def tell(done: int, total: int) -> None:
            nonlocal progress
            if done and not progress:
                progress = done
                postgresql.sql(cut, name)  # blocks the loop, and so the thread soon waits for it

        with pytest.raises(StoreError):
            await store.put_many([replace(TOKEN, uid=f"{n:08X}") for n in range(40_000)], progress=tell)
        assert progress
        assert store.count == 1
        await until(store, lambda: store._trouble is None, "connected again")
        await store.put(replace(TOKEN, valid=False))
        assert [token.valid for token in store.all()] == [False]


# What a server refuses


async def refused(url: str, **more: object) -> str:
    with pytest.raises(StoreError) as caught:
        await TokenStore(url, **more).open()  # type: ignore[arg-type]
    assert "secret" not in str(caught.value).replace("authbench secret set", "")
    return str(caught.value)


async def test_nobody_listens(unused_tcp_port: int) -> None:
    said = await refused(f"postgresql://me:secret@127.0.0.1:{unused_tcp_port}/tokens")
    assert f"postgresql://me@127.0.0.1:{unused_tcp_port}/tokens is not reachable" in said
    assert "start it, or correct host and port" in said


async def test_no_such_database_or_user(postgresql: Cluster) -> None:
    said = await refused(postgresql.url("missing"))
    assert "there is no database" in said
    assert "createdb --encoding=UTF8 --template=template0 missing" in said
    said = await refused(postgresql.url("postgres", "stranger"))
    assert 'role "stranger" does not exist' in said


async def test_the_password_is_looked_up_and_a_wrong_one_told(postgresql: Cluster) -> None:
    url = postgresql.database()
    mine = url.replace("bench_admin", "guarded")
    with postgresql.guarded("guarded", "secret-1"):
        said = await refused(mine, password=lambda: "secret-2")
        assert "password authentication failed" in said
        assert f"authbench secret set guarded@127.0.0.1:{postgresql.port}" in said
        assert "authbench secret set" in await refused(mine, password=lambda: None)
        asked: list[str] = []

        def look_up() -> str:
            asked.append("asked")
            return "secret-1"

        async with TokenStore(mine, password=look_up) as store:
            await store.put(TOKEN)
            await until(store, lambda: len(asked) >= 2, "the listener asked for the password too")
        async with TokenStore(mine.replace("guarded@", "guarded:secret-1@")) as store:
            assert store.count == 1
            assert "secret" not in store.url


async def test_no_right_to_the_tables(postgresql: Cluster) -> None:
    url = postgresql.database()
    name = url.rpartition("/")[2]
    postgresql.sql("CREATE ROLE visitor LOGIN")
    visiting = url.replace("bench_admin", "visitor")
    assert "permission denied for schema public" in await refused(visiting)
    async with TokenStore(url) as store:
        await store.put(TOKEN)
    postgresql.sql("GRANT SELECT ON ALL TABLES IN SCHEMA public TO visitor", name)
    said = await refused(visiting)
    assert "refuses this user: INSERT on tokens" in said
    assert "GRANT SELECT, INSERT, UPDATE, DELETE" in said
    postgresql.sql("GRANT INSERT, UPDATE, DELETE ON tokens, token_changes TO visitor", name)
    assert "USAGE on the numbers" in await refused(visiting)
    postgresql.sql("GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO visitor", name)
    async with TokenStore(visiting) as store:
        await store.put(replace(TOKEN, valid=False))


async def test_a_server_that_takes_no_writes(postgresql: Cluster) -> None:
    url = postgresql.database()
    async with TokenStore(url):
        pass
    name = url.rpartition("/")[2]
    postgresql.sql(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    assert "takes no writes; name the primary server and not a standby" in await refused(url)


@pytest.mark.parametrize("encoding", ["LATIN1", "SQL_ASCII"])
async def test_a_database_that_keeps_not_every_character(postgresql: Cluster, encoding: str) -> None:
    said = await refused(postgresql.database(encoding))
    assert f"keeps {encoding}" in said
    assert "createdb --encoding=UTF8" in said


async def test_a_database_that_holds_other_tables_too(postgresql: Cluster) -> None:
    url = postgresql.database()
    postgresql.sql("CREATE TABLE others (number integer)", url.rpartition("/")[2])
    async with TokenStore(url) as store:
        await store.put(TOKEN)


async def test_without_the_driver_the_cure_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    said = await refused("postgresql://localhost/x")
    assert "the driver for postgresql+psycopg is not installed" in said
    assert "pip install 'authbench[postgresql]'" in said
