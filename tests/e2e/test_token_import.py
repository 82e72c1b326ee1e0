"""An import into a real store: all of it or nothing, and back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from bench.tasks import Tasks
from bench.tokens.edits import Edits
from bench.tokens.export import write_tokens
from bench.tokens.import_plan import Outcome, plan_import
from bench.tokens.model import Token
from bench.tokens.store import TokenStore
from bench.tokens.token_file import Reading

COUNT = 12_000


@pytest_asyncio.fixture
async def store(tmp_path: Path) -> AsyncIterator[TokenStore]:
    async with TokenStore(str(tmp_path / "tokens.db")) as opened:
        yield opened


def cards() -> list[Token]:
    return [Token(f"04{number:012X}", "GB", "TWK", "GBTWK012345678V", "Us") for number in range(COUNT)]


async def test_a_file_is_imported_compared_taken_back_and_made_again(store: TokenStore, tmp_path: Path) -> None:
    file = tmp_path / "cards.csv"
    write_tokens(cards(), file)
    edits = Edits(store)
    plan = await asyncio.to_thread(plan_import, file, Reading(), store.get, origin="file cards.csv")
    assert plan.counts[Outcome.NEW] == COUNT
    told: list[int] = []
    assert await edits.make("Imported", plan.tokens, by="import", progress=lambda done, total: told.append(done))
    assert store.count == COUNT
    assert told == sorted(told)
    (change,) = await store.history(plan.tokens[0].uid, plan.tokens[0].id_token_type)
    assert change.by == "import"
    again = await asyncio.to_thread(plan_import, file, Reading(), store.get)
    assert again.counts[Outcome.UNCHANGED] == COUNT
    assert again.tokens == []
    await edits.undo()
    assert store.count == 0
    await edits.redo()
    assert store.count == COUNT


async def test_an_import_that_is_called_off_leaves_nothing(store: TokenStore) -> None:
    await store.put(cards()[0])
    edits = Edits(store)
    begun = asyncio.Event()

    def tell(done: int, total: int) -> None:
        if done:
            begun.set()

    importing = Tasks().spawn(edits.make("Imported", cards(), by="import", progress=tell), name="import")
    async with asyncio.timeout(20):
        await begun.wait()
    importing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await importing
    assert store.count in (1, COUNT), "all or nothing; what was committed already stays"
    assert bool(edits.undoable) == (store.count == COUNT)
