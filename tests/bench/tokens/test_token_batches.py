"""A large batch: told of while it is written, given up as a whole, not in the way of the loop."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import replace

import pytest

from bench.errors import BadInput
from bench.tokens import store as store_module
from bench.tokens import writing
from bench.tokens.model import IdTokenType, Token
from bench.tokens.store import TokenStore

TOKEN = Token("00000000", "GB", "TWK", "GBTWK012345678V", "Thoughtworks")
BATCH = [replace(TOKEN, uid=f"{n * 7919 % 100_000:08X}") for n in range(1000)]
KEYS = [(token.uid, IdTokenType.ISO14443) for token in BATCH]


@pytest.fixture(autouse=True)
def small_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "SLICE", 100)
    monkeypatch.setattr(store_module, "RELOAD_FROM", 500)


async def test_progress_is_told_on_the_loop(store_url: str) -> None:
    told: list[tuple[int, int]] = []

    def progress(done: int, total: int) -> None:
        assert threading.current_thread() is threading.main_thread()
        told.append((done, total))

    async with TokenStore(store_url) as store:
        kept = await store.put_many(BATCH, progress=progress)
        assert told == [(n, 1000) for n in range(0, 1001, 100)]
        assert [token.uid for token in kept] == [token.uid for token in BATCH]
        assert (store.count, store.revision) == (1000, 1)
        assert store.all() == sorted(kept, key=lambda token: token.key)
        told.clear()
        assert await store.delete_many(KEYS, progress=progress) == 1000
        assert told[-1] == (1000, 1000)
        assert (store.count, store.revision) == (0, 2)


async def test_giving_up_in_the_middle_leaves_everything_as_it_was(store_url: str) -> None:
    async with TokenStore(store_url) as store:
        before = await store.put(replace(TOKEN, uid=BATCH[0].uid, visual_number="before"))
        half = asyncio.Event()
        importing = asyncio.get_running_loop().create_task(
            store.put_many(BATCH, progress=lambda done, total: half.set() if done >= 300 else None)
        )
        await half.wait()
        importing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await importing
        # Where it was committed already, all of it is there; else nothing.
        assert store.all() == [before] or store.count == 1000
        seen = store.all()
        await store.put(replace(TOKEN, uid="FFFFFFFF"))  # the store goes on
    async with TokenStore(store_url) as again:
        assert [token for token in again.all() if token.uid != "FFFFFFFF"] == seen


async def test_given_up_before_the_commit_is_rolled_back(store_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async with TokenStore(store_url) as store:
        before = await store.put(TOKEN)
        reached, go_on = threading.Event(), threading.Event()
        settle = store_module._Job.settle

        def held(job: store_module._Job) -> None:
            settle(job)
            reached.set()
            go_on.wait(10)

        monkeypatch.setattr(store_module._Job, "settle", held)
        importing = asyncio.get_running_loop().create_task(store.put_many(BATCH))
        await asyncio.to_thread(reached.wait, 10)
        importing.cancel()
        await asyncio.sleep(0)
        go_on.set()
        with pytest.raises(asyncio.CancelledError):
            await importing
        assert store.all() == [before]
        assert [change.key[0] for change in await store.recent_changes()] == ["00000000"]
    async with TokenStore(store_url) as again:
        assert again.all() == [before]


async def test_a_bad_one_in_a_late_slice_undoes_the_early_ones(store_url: str) -> None:
    async with TokenStore(store_url) as store:
        with pytest.raises(BadInput, match="issuer"):
            await store.put_many([*BATCH, replace(TOKEN, uid="FFFFFFFF", issuer="")])
        assert (store.count, store.revision) == (0, 0)
        assert await store.recent_changes() == []


async def test_changes_made_while_a_batch_is_written_are_not_lost(store_url: str) -> None:
    async with TokenStore(store_url) as store:
        singles = [replace(TOKEN, uid=f"AA{n:06X}") for n in range(20)]
        await asyncio.gather(
            *(store.put(token) for token in singles[:10]),
            store.put_many(BATCH),
            *(store.put(token) for token in singles[10:]),
            store.delete_many(KEYS[:600]),
        )
        assert store.count == 20 + 400
        shown = store.all()
    async with TokenStore(store_url) as again:
        assert again.all() == shown
