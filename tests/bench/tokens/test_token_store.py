from __future__ import annotations

import asyncio
import os
import sqlite3
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bench.errors import BadInput, BenchBug, NotFound, StoreError
from bench.tokens import store as store_module
from bench.tokens.model import (
    AuthorizationStatus,
    CacheMode,
    IdTokenType,
    MessageFormat,
    PersonalMessage,
    Token,
    TokenKind,
)
from bench.tokens.store import TokenStore

TOKEN = Token("04a2B3c4", "gb", "twk", "GB-TWK-012345678-V", "Thoughtworks")
FULL = Token(
    "E00401500000AABB",
    "DE",
    "8AA",
    "DE8AACA2B3C4D5L",
    "Issuer Ünïcode",
    kind=TokenKind.OTHER,
    id_token_type=IdTokenType.ISO15693,
    valid=False,
    cache_mode=CacheMode.ALLOWED_OFFLINE,
    status=AuthorizationStatus.NO_CREDIT,
    visual_number="TAG-7",
    group_id="fleet",
    language_code="de",
    expiry=datetime(2030, 1, 2, 3, 4, 5, 678000, UTC),
    evse_ids=(1, 7),
    language2="en-US",
    personal_message=PersonalMessage('Grüß "dich"\n\\', MessageFormat.HTML, "de-AT"),
    charging_priority=-9,
    note="spare card\nin the drawer",
    source="file tokens.csv",
)


def file_url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'tokens.db'}"


async def opened(url: str, busy_timeout_s: float = 0.05) -> TokenStore:
    store = TokenStore(url, busy_timeout_s=busy_timeout_s)
    await store.open()
    return store


async def test_what_is_put_is_found_and_survives(store_url: str) -> None:
    store = await opened(store_url)
    kept = await store.put(TOKEN)
    assert (kept.contract_id, kept.country_code, kept.uid) == ("GBTWK012345678V", "GB", "04a2B3c4")
    assert kept.last_updated is not None
    assert kept.last_updated.utcoffset() is not None
    full = await store.put(FULL)
    assert full == replace(FULL, last_updated=full.last_updated)
    assert store.get("04A2B3C4", IdTokenType.ISO14443) == kept
    assert (store.count, store.valid_count, store.revision) == (2, 1, 2)
    before = store.all()
    await store.close()
    store = await opened(store_url)
    assert store.all() == before
    await store.close()


async def test_in_memory() -> None:
    async with TokenStore("sqlite://") as store:
        kept = await store.put(TOKEN)
        assert store.all() == [kept]
        assert [change.what for change in await store.recent_changes()] == ["added"]


async def test_closing_folds_the_log_into_the_file(tmp_path: Path) -> None:
    store = await opened(file_url(tmp_path))
    await store.put(TOKEN)
    await store.close()
    assert os.listdir(tmp_path) == ["tokens.db"]


async def test_putting_again_replaces_ignoring_case(store_url: str) -> None:
    async with TokenStore(store_url) as store:
        first = await store.put(TOKEN)
        second = await store.put(replace(TOKEN, uid="04A2B3C4", valid=False, last_updated=first.last_updated))
        assert store.all() == [second]
        assert first.last_updated is not None
        assert second.last_updated is not None
        assert second.last_updated >= first.last_updated
        await store.put(replace(TOKEN, id_token_type=IdTokenType.LOCAL))
        assert store.count == 2


async def test_a_batch_is_all_or_nothing(store_url: str) -> None:
    async with TokenStore(store_url) as store:
        with pytest.raises(BadInput, match="uid"):
            await store.put_many([TOKEN, replace(TOKEN, uid="")])
        assert (store.count, store.revision) == (0, 0)
        kept = await store.put_many([TOKEN, replace(TOKEN, uid="04A2B3C4", valid=False)])
        assert [(t.uid, t.valid) for t in kept] == [("04A2B3C4", False)]
        assert await store.put_many([]) == []
        assert store.revision == 1


async def test_a_large_batch_is_one_change(store_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_module, "RELOAD_FROM", 100)
    async with TokenStore(store_url) as store:
        await store.put(TOKEN)
        await store.put_many([replace(TOKEN, uid=f"{n:08X}") for n in range(300)])
        assert (store.count, store.revision) == (301, 2)
        values = [t.uid.casefold() for t in store.all()]
        assert values == sorted(values)
        assert [t.uid for t in store.page(2, 2)] == ["00000002", "00000003"]


async def test_delete(store_url: str) -> None:
    async with TokenStore(store_url) as store:
        await store.put(TOKEN)
        with pytest.raises(NotFound):
            await store.delete("04A2B3C4", IdTokenType.LOCAL)
        await store.delete("04A2B3C4", IdTokenType.ISO14443)
        assert (store.count, store.revision) == (0, 2)
    async with TokenStore(store_url) as store:
        assert store.count == 0


async def test_listeners_hear_every_change_and_only_changes(
    store_url: str, expected_log: Callable[[str], None]
) -> None:
    expected_log("listener of the token store")
    async with TokenStore(store_url) as store:
        heard: list[int] = []

        def faulty() -> None:
            raise RuntimeError("not the store's fault")

        store.subscribe(faulty)
        stop = store.subscribe(lambda: heard.append(store.revision))
        await store.put(TOKEN)
        with pytest.raises(BadInput):
            await store.put(replace(TOKEN, issuer=""))
        await store.delete(TOKEN.uid, TOKEN.id_token_type)
        stop()
        stop()
        await store.put(TOKEN)
        assert heard == [1, 2]


async def test_a_caller_that_gives_up_in_the_queue_changes_nothing(store_url: str) -> None:
    store = await opened(store_url)
    gate = threading.Event()
    assert store._executor is not None
    store._executor.submit(gate.wait, 5)
    putting = asyncio.get_running_loop().create_task(store.put(TOKEN))
    await asyncio.sleep(0)
    putting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await putting
    gate.set()
    await store.close()
    assert store.count == 0
    async with TokenStore(store_url) as again:
        assert again.count == 0


async def test_a_closed_store_refuses_writes_and_goes_on_answering(store_url: str) -> None:
    store = await opened(store_url)
    await store.put(TOKEN)
    await store.close()
    await store.close()
    with pytest.raises(StoreError, match="closed"):
        await store.put(TOKEN)
    assert store.get(TOKEN.uid, None) is not None
    assert not [t for t in threading.enumerate() if t.name.startswith("token-store")]


async def test_refresh_takes_over_what_another_program_wrote(tmp_path: Path) -> None:
    async with TokenStore(file_url(tmp_path)) as window, TokenStore(file_url(tmp_path)) as command:
        await window.put(TOKEN)
        assert await window.refresh() is False
        assert await command.refresh() is True
        assert command.count == 1
        await command.put(FULL)
        assert await window.refresh() is True
        assert window.count == 2
        assert window.revision == 2
        assert await window.refresh() is False


async def test_a_key_code_is_in_no_message() -> None:
    async with TokenStore("sqlite://") as store:
        with pytest.raises(NotFound) as caught:
            await store.delete("4711", IdTokenType.KEY_CODE)
        assert "4711" not in str(caught.value)


async def test_opening_twice_is_our_own_fault() -> None:
    async with TokenStore("sqlite://") as store:
        with pytest.raises(BenchBug):
            await store.open()


# What can be wrong with the file


async def test_locked_by_another_program_at_start(tmp_path: Path) -> None:
    await (await opened(file_url(tmp_path))).close()
    other = sqlite3.connect(tmp_path / "tokens.db", isolation_level=None)
    try:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(StoreError, match="locked by another program"):
            await opened(file_url(tmp_path))
    finally:
        other.close()
    await (await opened(file_url(tmp_path))).close()


async def test_locked_while_running_changes_nothing_and_answers_go_on(tmp_path: Path) -> None:
    store = await opened(file_url(tmp_path))
    other = sqlite3.connect(tmp_path / "tokens.db", isolation_level=None)
    try:
        await store.put(TOKEN)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match="locked by another program; close that program"):
            await store.put(FULL)
        assert (store.count, store.revision) == (1, 1)
        assert store.get(TOKEN.uid, None) is not None
        other.execute("ROLLBACK")
        await store.put(FULL)
        assert store.count == 2
    finally:
        other.close()
        await store.close()


async def test_read_only_file(tmp_path: Path) -> None:
    await (await opened(file_url(tmp_path))).close()
    with pytest.raises(StoreError, match="read-only; make it writable"):
        await opened(f"sqlite:///file:{tmp_path}/tokens.db?mode=ro&uri=true")
    assert not [t for t in threading.enumerate() if t.name.startswith("token-store")]


@pytest.mark.parametrize(
    "content",
    [b"this is no database at all, but long enough to be read as one" * 20, b"SQLite format 3\0" + b"\xff" * 5000],
)
async def test_a_file_that_is_no_database(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "tokens.db"
    file.write_bytes(content)
    with pytest.raises(StoreError, match="damaged or is no SQLite file"):
        await opened(file_url(tmp_path))
    assert file.read_bytes() == content


async def test_a_damaged_file(tmp_path: Path) -> None:
    store = await opened(file_url(tmp_path))
    await store.put_many([replace(TOKEN, uid=f"{n:014X}") for n in range(500)])
    await store.close()
    file = tmp_path / "tokens.db"
    with file.open("r+b") as handle:
        handle.seek(4096 * 5)
        handle.write(b"\xa5" * 8192)
    with pytest.raises(StoreError, match="damaged"):
        await opened(file_url(tmp_path))


async def test_a_row_that_cannot_be_read_names_the_token(tmp_path: Path) -> None:
    store = await opened(file_url(tmp_path))
    await store.put(TOKEN)
    await store.close()
    with sqlite3.connect(tmp_path / "tokens.db") as other:
        other.execute("UPDATE tokens SET status = 'Maybe'")
    other.close()
    with pytest.raises(StoreError, match="04a2B3c4.*Maybe"):
        await opened(file_url(tmp_path))


async def test_a_full_disk_changes_nothing(tmp_path: Path) -> None:
    store = await opened(file_url(tmp_path))
    await store.put(TOKEN)
    engine = store._engine
    assert engine is not None

    def no_more_pages() -> None:
        with engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA max_page_count = 1")

    await store._on_thread(no_more_pages)
    with pytest.raises(StoreError, match="no room"):
        await store.put_many([replace(TOKEN, uid=f"{n:014X}") for n in range(500)])
    assert (store.count, store.revision) == (1, 1)
    await store.close()
    async with TokenStore(file_url(tmp_path)) as again:
        assert again.count == 1


async def test_the_folder_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="does not exist"):
        await opened(f"sqlite:///{tmp_path / 'missing' / 'tokens.db'}")


async def test_the_store_is_a_folder(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="is a folder"):
        await opened(f"sqlite:///{tmp_path}")


async def test_a_path_is_a_file_and_the_default_lies_in_the_data_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with TokenStore(str(tmp_path / "mine.db")) as store:
        await store.put(TOKEN)
    assert (tmp_path / "mine.db").is_file()
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setattr(store_module.platformdirs, "user_data_dir", lambda *_, **__: str(tmp_path))
    assert TokenStore().url.endswith(f"{tmp_path}/tokens.db")


@pytest.mark.parametrize(
    ("url", "text"),
    [
        ("mysql://localhost/x", "cannot be kept in mysql"),
        ("postgresql+nodriver://localhost/x", "not installed"),
        ("://", "cannot be read"),
        ("sqlite+aiosqlite://", "not installed|asynchronous"),
    ],
)
async def test_urls_that_do_not_work(url: str, text: str) -> None:
    with pytest.raises(StoreError, match=text):
        await opened(url)


def test_a_password_is_not_shown() -> None:
    assert "secret" not in TokenStore("postgresql://me:secret@db/tokens").url
    assert "secret" not in TokenStore("postgresql://me@db/tokens?password=secret&sslpassword=secret").url
