from __future__ import annotations

import asyncio
import io
import logging
import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import create_engine

from bench.errors import StoreError
from bench.tokens.database import parse
from bench.tokens.migrations import VERSION_TABLE, config, migrate
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
from bench.tokens.tables import metadata

ROOT = Path(__file__).resolve().parents[3]


FIRST_SCHEMA = """
CREATE TABLE tokens (
    uid_key VARCHAR(36) NOT NULL, id_token_type VARCHAR(16) NOT NULL, uid VARCHAR(36) NOT NULL, kind VARCHAR(16) NOT NULL,
    country_code VARCHAR(2) NOT NULL, party_id VARCHAR(3) NOT NULL, contract_id VARCHAR(15) NOT NULL, visual_number VARCHAR(64),
    issuer VARCHAR(64) NOT NULL, group_id VARCHAR(36), valid BOOLEAN NOT NULL, status VARCHAR(24), language_code VARCHAR(2),
    cache_mode VARCHAR(16) NOT NULL, last_updated DATETIME NOT NULL, CONSTRAINT pk_tokens PRIMARY KEY (uid_key, id_token_type)
);
INSERT INTO tokens VALUES ('04a2', 'ISO14443', '04A2', 'RFID', 'GB', 'TWK', 'GBTWK012345678V', 'TAG-7', 'Us', 'fleet', 0, 'Expired',
    'de', 'NEVER', '2026-01-02 03:04:05.678000');
INSERT INTO tokens VALUES ('1234', 'KeyCode', '1234', 'OTHER', 'GB', 'TWK', 'GBTWK012345678V', NULL, 'Us', NULL, 1, NULL,
    NULL, 'ALWAYS', '2026-01-02 03:04:05.678000');
"""


async def test_a_store_of_the_first_schema_keeps_all_and_takes_what_is_new(tmp_path: Path) -> None:
    file = tmp_path / "tokens.db"
    with sqlite3.connect(file) as other:
        other.executescript(f"CREATE TABLE {VERSION_TABLE} (version_num VARCHAR(32) NOT NULL);{FIRST_SCHEMA}")
        other.execute(f"INSERT INTO {VERSION_TABLE} VALUES ('0001')")
    other.close()
    written = datetime(2026, 1, 2, 3, 4, 5, 678000, UTC)
    made = Token("04A2", "GB", "TWK", "GBTWK012345678V", "Us", last_updated=written)
    card = replace(
        made,
        valid=False,
        status=AuthorizationStatus.EXPIRED,
        visual_number="TAG-7",
        group_id="fleet",
        language_code="de",
        cache_mode=CacheMode.NEVER,
    )
    pin = replace(made, uid="1234", id_token_type=IdTokenType.KEY_CODE, kind=TokenKind.OTHER)
    more = replace(
        card,
        expiry=datetime(2030, 1, 2, 3, 4, 5, 678000, UTC),
        evse_ids=(1, 7),
        language2="en-US",
        personal_message=PersonalMessage("Grüß dich", MessageFormat.HTML, "de-AT"),
        charging_priority=-9,
        note="spare card\nin the drawer",
        source="file tokens.csv",
    )
    async with TokenStore(str(file)) as store:
        assert store.all() == [card, pin]
        kept = await store.put(more)
        assert replace(kept, last_updated=written) == more
    async with TokenStore(str(file)) as store:
        assert store.all() == [kept, pin]


async def test_a_newer_schema_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "tokens.db"
    async with TokenStore(str(file)):
        pass
    with sqlite3.connect(file) as other:
        other.execute(f"UPDATE {VERSION_TABLE} SET version_num = '9999'")
    other.close()
    with pytest.raises(StoreError, match="schema 9999, written by a newer version"):
        await TokenStore(str(file)).open()


async def test_a_database_of_another_program_is_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "capture.db"
    with sqlite3.connect(file) as other:
        other.execute("CREATE TABLE messages (seq INTEGER)")
    other.close()
    with pytest.raises(StoreError, match="no token store: it holds messages"):
        await TokenStore(str(file)).open()
    with sqlite3.connect(file) as other:
        assert other.execute("SELECT name FROM sqlite_master").fetchall() == [("messages",)]
    other.close()


async def test_a_migration_that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    file = tmp_path / "tokens.db"
    with sqlite3.connect(file) as other:  # the version is right for a first step, the table is in its way
        other.execute(f"CREATE TABLE {VERSION_TABLE} (version_num VARCHAR(32) NOT NULL)")
        other.execute("CREATE TABLE tokens (uid TEXT)")
    other.close()
    with pytest.raises(StoreError, match="already exists"):
        await TokenStore(str(file)).open()
    with sqlite3.connect(file) as other:
        assert other.execute(f"SELECT count(*) FROM {VERSION_TABLE}").fetchone() == (0,)
    other.close()


def test_the_migrations_make_the_tables_of_the_code(store_url: str) -> None:
    engine = create_engine(parse(store_url))
    with engine.begin() as connection:
        migrate(connection)
        context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE, "compare_type": True})
        assert compare_metadata(context, metadata) == []
    engine.dispose()


def test_the_migrations_are_portable_to_postgresql() -> None:
    made = config()
    made.output_buffer = io.StringIO()
    made.attributes["dialect"] = "postgresql"
    command.upgrade(made, "head", sql=True)
    text = made.output_buffer.getvalue()
    assert "CREATE TABLE tokens" in text
    assert "TIMESTAMP WITH TIME ZONE" in text
    assert VERSION_TABLE in text


def test_opening_leaves_logging_as_it_was(tmp_path: Path) -> None:
    before = (logging.getLogger().level, list(logging.getLogger().handlers), logging.getLogger("alembic").level)
    engine = create_engine(f"sqlite:///{tmp_path / 't.db'}")
    with engine.begin() as connection:
        migrate(connection)
    engine.dispose()
    assert before == (logging.getLogger().level, list(logging.getLogger().handlers), logging.getLogger("alembic").level)


WRITER = """
import asyncio, sys
from dataclasses import replace
from bench.tokens.model import Token
from bench.tokens.store import TokenStore

async def main():
    store = TokenStore(sys.argv[1])
    await store.open()
    token = Token("00000000", "GB", "TWK", "GB-TWK-012345678-V", "x")
    for n in range(1_000_000):
        await store.put_many([replace(token, uid=f"{n:08X}-{half}") for half in "ab"])
        print(n, flush=True)

asyncio.run(main())
"""


def kill_a_writer(file: Path) -> int:
    """Number of the last batch that the writer said was stored."""
    writer = subprocess.Popen([sys.executable, "-c", WRITER, str(file)], stdout=subprocess.PIPE, text=True, cwd=ROOT)
    assert writer.stdout is not None
    with writer:
        told = -1
        for line in writer.stdout:
            told = int(line)
            if told == 40:
                writer.kill()
                break
        told = max([told, *(int(line) for line in writer.stdout if line.endswith("\n"))])
    assert writer.returncode == -signal.SIGKILL
    return told


@pytest.mark.skipif(os.name == "nt", reason="kill -9 is a POSIX word")
async def test_a_writer_that_is_killed_leaves_whole_batches(tmp_path: Path) -> None:
    file = tmp_path / "tokens.db"
    told = await asyncio.to_thread(kill_a_writer, file)
    async with TokenStore(str(file)) as store:
        assert store.count % 2 == 0
        assert store.count >= 2 * (told + 1)  # what was told to be stored is there
        await store.put(Token("AFTER", "GB", "TWK", "GB-TWK-012345678-V", "x"))


OPENER = """
import asyncio, os, sys
from bench.errors import StoreError
from bench.tokens.store import TokenStore

async def main():
    async with TokenStore("sqlite://"):
        pass  # everything is imported now: the next user may not read this interpreter's files
    if os.geteuid() == 0:
        os.setuid(65534)  # root may write everywhere
    try:
        await TokenStore(sys.argv[1]).open()
    except StoreError as error:
        print(error)

asyncio.run(main())
"""


def run_opener(file: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-c", OPENER, str(file)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=30,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.skipif(os.name == "nt", reason="folders have other rights there")
@pytest.mark.parametrize("what", ["file", "folder", "new"])
def test_without_the_right_to_write(what: str) -> None:
    with tempfile.TemporaryDirectory() as name:  # pytest's own folders are closed to other users
        folder = Path(name)
        file = folder / "tokens.db"
        if what != "new":
            asyncio.run(make_store(file))
            file.chmod(0o444 if what == "file" else 0o666)
        folder.chmod(0o777 if what == "file" else 0o555)
        said = run_opener(file)
        folder.chmod(0o777)
    where = f"token store {file} is read-only" if what == "file" else f"folder {folder} of the token store is read-only"
    assert where in said


async def make_store(file: Path) -> None:
    async with TokenStore(str(file)):
        pass
