from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bench.errors import BadInput, StoreError
from bench.tokens import edits as module
from bench.tokens.edits import Edits
from bench.tokens.model import IdTokenType, Token
from bench.tokens.store import TokenStore


def token(uid: str, **changes: object) -> Token:
    return replace(Token(uid, "GB", "TWK", "GBTWK012345678V", "Us"), **changes)  # type: ignore[arg-type]


class Shelf:
    """A store in a dictionary; each write stamps its tokens with a later time."""

    def __init__(self) -> None:
        self.tokens: dict[tuple[str, IdTokenType], Token] = {}
        self.refuse: Exception | None = None
        self.by: list[str] = []
        self._writes = 0

    def get(self, value: str, id_token_type: IdTokenType | None = None) -> Token | None:
        assert id_token_type is not None
        return self.tokens.get((value.casefold(), id_token_type))

    async def refresh(self) -> bool:
        return False

    async def put_many(self, batch: Iterable[Token], *, by: str = "", progress: object = None) -> list[Token]:
        if self.refuse is not None:
            raise self.refuse
        self._writes += 1
        self.by.append(by)
        kept = [replace(one, last_updated=datetime(2026, 1, self._writes, tzinfo=UTC)) for one in batch]
        self.tokens |= {one.key: one for one in kept}
        return kept

    async def delete_many(
        self, keys: Iterable[tuple[str, IdTokenType]], *, by: str = "", progress: object = None
    ) -> int:
        if self.refuse is not None:
            raise self.refuse
        self.by.append(by)
        return sum(self.tokens.pop(key, None) is not None for key in list(keys))

    def said(self) -> dict[str, str | None]:
        return {one.uid: one.visual_number for one in self.tokens.values()}


async def test_back_and_forth() -> None:
    shelf = Shelf()
    edits = Edits(shelf)
    await edits.make("Added A", [token("AA", visual_number="one")])
    await edits.make("Edited A", [token("AA", visual_number="two"), token("BB")], by="import")
    await edits.make("Deleted A", remove=[token("AA")])
    assert shelf.by == ["window", "import", "window"]
    assert shelf.said() == {"BB": None}
    assert (edits.undoable, edits.redoable) == ("Deleted A", "")
    assert (await edits.undo()).what == "Deleted A"
    assert shelf.said() == {"BB": None, "AA": "two"}
    await edits.undo()
    assert shelf.said() == {"AA": "one"}
    await edits.undo()
    assert shelf.said() == {}
    assert (edits.undoable, edits.redoable) == ("", "Added A")
    for said in ({"AA": "one"}, {"AA": "two", "BB": None}, {"BB": None}):
        await edits.redo()
        assert shelf.said() == said
    with pytest.raises(BadInput, match="nothing to make again"):
        await edits.redo()


async def test_what_another_changed_is_left_alone() -> None:
    shelf = Shelf()
    edits = Edits(shelf)
    await edits.make("Blocked 2 tokens", [token("aa", valid=False), token("4711", id_token_type=IdTokenType.KEY_CODE)])
    await shelf.put_many([token("AA", visual_number="theirs")])
    with pytest.raises(BadInput, match="^blocked 2 tokens cannot be taken back: AA was changed since; see"):
        await edits.undo()
    assert shelf.said() == {"AA": "theirs", "4711": None}
    assert edits.undoable == ""
    await edits.make("Deleted", remove=[token("4711", id_token_type=IdTokenType.KEY_CODE)])
    await edits.undo()
    await shelf.delete_many([("4711", IdTokenType.KEY_CODE)])
    with pytest.raises(BadInput, match="cannot be made again: •") as caught:
        await edits.redo()
    assert "4711" not in str(caught.value)


async def test_a_new_change_ends_redo() -> None:
    edits = Edits(Shelf())
    await edits.make("one", [token("AA")])
    await edits.undo()
    await edits.make("two", [token("BB")])
    assert (edits.undoable, edits.redoable) == ("two", "")


async def test_a_store_that_refuses_changes_nothing() -> None:
    shelf = Shelf()
    edits = Edits(shelf)
    await edits.make("one", [token("AA")])
    shelf.refuse = StoreError("full")
    with pytest.raises(StoreError):
        await edits.undo()
    assert edits.undoable == "one"
    with pytest.raises(StoreError):
        await edits.make("two", [token("BB")])
    assert edits.undoable == "one"


async def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_TOKENS", 3)
    edits = Edits(Shelf())
    assert await edits.make("one", [token("AA"), token("BB")])
    assert await edits.make("two", [token("CC"), token("DD")])
    assert not await edits.make("large", [token(f"{n:04}") for n in range(4)])
    assert (await edits.undo()).what == "two"
    assert edits.undoable == ""


async def test_what_another_bench_changed_a_moment_ago_is_not_passed_over(tmp_path: Path) -> None:
    file = str(tmp_path / "tokens.db")
    async with TokenStore(file) as store, TokenStore(file) as other:
        edits = Edits(store)
        await edits.make("Added A", [token("AA")])
        await other.put(token("AA", visual_number="theirs"))
        with pytest.raises(BadInput, match="was changed since"):
            await edits.undo()
        assert [one.visual_number for one in store.all()] == ["theirs"]


async def test_changes_made_at_once_are_taken_back_one_by_one(tmp_path: Path) -> None:
    async with TokenStore(str(tmp_path / "tokens.db")) as store:
        edits = Edits(store)
        await store.put(token("AA", visual_number="0"))
        await asyncio.gather(*(edits.make(number, [token("AA", visual_number=number)]) for number in "12"))
        await asyncio.gather(edits.undo(), edits.undo())
        assert [one.visual_number for one in store.all()] == ["0"]
        await edits.redo()
        assert [one.visual_number for one in store.all()] == ["1"]
