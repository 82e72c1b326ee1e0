"""Who changed which token, when, and how it was before: on both kinds of database."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from sqlalchemy import create_engine, text

from bench.errors import BadInput
from bench.exchange import MASK
from bench.tokens import history
from bench.tokens.database import parse
from bench.tokens.history import What
from bench.tokens.model import AuthorizationStatus, IdTokenType, MessageFormat, PersonalMessage, Token
from bench.tokens.store import TokenStore

CARD = Token("04a2B3c4", "GB", "TWK", "GBTWK012345678V", "Thoughtworks")
FULL = replace(
    CARD,
    status=AuthorizationStatus.NO_CREDIT,
    valid=False,
    visual_number="TAG-7",
    group_id="fleet",
    language_code="de",
    language2="en-US",
    expiry=datetime(2030, 1, 2, 3, 4, 5, 678000, UTC),
    evse_ids=(1, 7),
    personal_message=PersonalMessage('Grüß "dich"\n\\', MessageFormat.HTML, "de-AT"),
    charging_priority=-9,
    note="spare card\nin the drawer",
    source="file tokens.csv",
)
KEY = ("04a2b3c4", IdTokenType.ISO14443)


async def test_each_change_says_what_was_before_and_after(store_url: str) -> None:
    async with TokenStore(store_url) as store:
        added = await store.put(FULL, by="import")
        blocked = await store.put(replace(CARD, uid="04A2B3C4", valid=False), by="window")
        await store.put(replace(CARD, id_token_type=IdTokenType.LOCAL))
        await store.delete("04A2b3c4", IdTokenType.ISO14443, by="api")
        again = await store.put(CARD, by="sync")
        told = await store.history("04A2B3C4", IdTokenType.ISO14443)
        assert [(change.what, change.by, change.before, change.after) for change in told] == [
            (What.ADDED, "sync", None, again),
            (What.DELETED, "api", blocked, None),
            (What.CHANGED, "window", added, blocked),
            (What.ADDED, "import", None, added),
        ]
        assert {change.key for change in told} == {KEY}
        numbers = [change.number for change in told]
        assert numbers == sorted(numbers, reverse=True)
        assert [change.utc for change in told[:1]] == [again.last_updated]
        recent = await store.recent_changes(3)
        assert [(change.key[1], change.by) for change in recent] == [
            (IdTokenType.ISO14443, "sync"),
            (IdTokenType.ISO14443, "api"),
            (IdTokenType.LOCAL, "bench"),
        ]
        assert await store.history("04A2B3C4", IdTokenType.ISO14443, limit=2) == told[:2]
        assert await store.history("unknown", IdTokenType.ISO14443) == []


async def test_the_fields_that_differ_by_the_names_of_the_api(store_url: str) -> None:
    async with TokenStore(store_url) as store:
        await store.put(CARD)
        await store.put(replace(CARD, valid=False, note="lost", evse_ids=(2,)))
        changed, added = await store.history(CARD.uid, CARD.id_token_type)
    assert sorted(changed.differences()) == [("evseIds", None, [2]), ("note", None, "lost"), ("valid", True, False)]
    assert ("uid", None, "04a2B3c4") in added.differences()


async def test_a_key_code_is_in_no_difference(store_url: str) -> None:
    code = replace(CARD, uid="4711", id_token_type=IdTokenType.KEY_CODE)
    async with TokenStore(store_url) as store:
        await store.put(code)
        await store.put(replace(code, contract_id="GBTWK123456789B"))
        told = [change.differences() for change in await store.history("4711", IdTokenType.KEY_CODE)]
    assert "4711" not in str(told)
    assert "GBTWK" not in str(told)
    assert ("uid", None, MASK) in told[1]


async def test_what_was_refused_is_no_change(store_url: str) -> None:
    async with TokenStore(store_url) as store:
        with pytest.raises(BadInput):
            await store.put_many([CARD, replace(CARD, uid="")])
        assert await store.recent_changes() == []


async def test_deleting_many_is_one_change_of_the_store(store_url: str) -> None:
    async with TokenStore(store_url) as store:
        await store.put_many([replace(CARD, uid=f"{n:08X}") for n in range(10)])
        revision = store.revision
        keys = [(f"{n:08x}", IdTokenType.ISO14443) for n in range(3, 12)]
        assert await store.delete_many(keys + keys[:1], by="sync") == 7
        assert (store.count, store.revision) == (3, revision + 1)
        told = await store.recent_changes()
        assert [change.what for change in told] == [What.DELETED] * 7 + [What.ADDED] * 10
        assert await store.delete_many([]) == 0
    async with TokenStore(store_url) as store:
        assert store.count == 3


async def test_only_the_newest_changes_are_kept(store_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history.prune, "__defaults__", (5,))
    async with TokenStore(store_url) as store, TokenStore(store_url) as other:
        for n in range(9):
            await store.put(replace(CARD, visual_number=str(n)), by=str(n))
        told = await store.recent_changes()
        assert [change.by for change in told] == ["8", "7", "6", "5", "4"]
        assert [change.before and change.before.visual_number for change in told] == ["7", "6", "5", "4", "3"]
        assert await other.refresh() is True  # the record no longer reaches back to what it knew
        assert other.all() == store.all()


async def test_what_another_program_wrote_without_a_record_is_seen(store_url: str) -> None:
    async with TokenStore(store_url) as store, TokenStore(store_url) as other:
        await store.put(CARD)
        await other.refresh()
        engine = create_engine(parse(store_url))
        with engine.begin() as connection:
            connection.execute(text("UPDATE tokens SET visual_number = 'by hand'"))
            connection.execute(text("DELETE FROM token_changes"))
            if engine.dialect.name == "postgresql":  # as psql may do it; SQLite is looked at by itself
                connection.execute(text("NOTIFY authbench_tokens"))
        engine.dispose()
        assert await other.refresh() is True
        assert [token.visual_number for token in other.all()] == ["by hand"]
