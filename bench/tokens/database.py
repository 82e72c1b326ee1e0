"""The database under the token store: engine, pragmas, and its errors in words an operator can act on.

Everything here runs on the store's database thread.
"""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, StaticPool, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError

from bench.errors import StoreError
from bench.tokens import postgres

DIALECTS = ("sqlite", "postgresql")


def parse(url: str) -> URL:
    """An SQLAlchemy URL; a bare path means an SQLite file.

    Raises:
        StoreError: not a URL, or of a database that is not supported.
    """
    try:
        made = make_url(url) if "://" in url else URL.create("sqlite", database=str(Path(url).expanduser()))
    except (ArgumentError, ValueError) as error:
        raise StoreError(
            "the URL of the token store cannot be read", "write it as sqlite:////path/to/tokens.db"
        ) from error
    made = postgres.with_driver(made)
    if made.get_backend_name() not in DIALECTS:
        raise StoreError(f"the token store cannot be kept in {made.get_backend_name()}", "use sqlite or postgresql")
    return made


def file_of(url: URL) -> Path | None:
    """The SQLite file, or None for a server or a database in memory."""
    if url.get_backend_name() != "sqlite" or url.database in (None, "", ":memory:"):
        return None
    name = str(url.database).removeprefix("file:")
    return None if name == ":memory:" else Path(name)


def place_of(url: URL) -> str:
    """The file, else the URL without its password: how messages name the store."""
    file = file_of(url)
    if url.get_backend_name() == "postgresql":
        return postgres.place_of(url)
    return str(file) if file is not None else url.render_as_string(hide_password=True)


def make_engine(url: URL, busy_timeout_s: float, password: postgres.Password | None = None) -> Engine:
    """An engine with one connection. password: looks up that of a server whose URL holds none.

    Raises:
        StoreError: the driver is not installed, or the folder is not there.
    """
    file = file_of(url)
    if file is not None and not file.parent.is_dir():
        raise StoreError(
            f"the folder {file.parent} for the token store does not exist", "create it, or name another file"
        )
    server = url.get_backend_name() == "postgresql"
    one: dict[str, Any] = {"pool_size": 1, "max_overflow": 0, "pool_pre_ping": server}
    if server:
        one["connect_args"] = postgres.connect_args(busy_timeout_s)
    if url.get_backend_name() == "sqlite" and file is None:
        one = {"poolclass": StaticPool}
    try:
        engine = create_engine(url, **one)
    except (ModuleNotFoundError, NoSuchModuleError) as error:
        raise StoreError(
            f"the driver for {url.drivername} is not installed ({error})",
            postgres.DRIVER_CURE if server else "install it with pip",
        ) from error
    if engine.dialect.is_async:
        raise StoreError(
            f"{url.drivername} is an asynchronous driver", "name the plain one, such as sqlite or postgresql"
        )
    if engine.dialect.name == "sqlite":
        _prepare_sqlite(engine, busy_timeout_s)
    else:
        postgres.ask_password(engine, password)
    return engine


def _prepare_sqlite(engine: Engine, busy_timeout_s: float) -> None:
    @event.listens_for(engine, "connect")
    def _connected(dbapi: sqlite3.Connection, _record: object) -> None:
        # The driver must not begin and commit by itself: a migration is one transaction, DDL included.
        dbapi.isolation_level = None
        for pragma in (
            f"busy_timeout = {int(busy_timeout_s * 1000)}",
            "foreign_keys = ON",
            "journal_mode = WAL",
            "synchronous = NORMAL",
        ):
            dbapi.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        # Taking the write lock at once makes a second program wait here and not fail half-way.
        connection.exec_driver_sql("BEGIN IMMEDIATE")


def check_state(connection: Connection, url: URL) -> None:
    """Is the database fit to be the store; on PostgreSQL, this waits for another bench that migrates it.

    Raises:
        StoreError: an SQLite file that is damaged; a server that takes no writes or no Unicode.
    """
    if connection.dialect.name == "postgresql":
        postgres.check_server(connection, url)
        postgres.lock_migration(connection)
    else:
        found = connection.exec_driver_sql("PRAGMA integrity_check(1)").scalar_one()
        if found != "ok":
            raise _corrupt(place_of(url), str(found))


def check_writable(engine: Engine, url: URL) -> None:
    """Write and take back: a read-only file, which SQLite opens gladly, fails here and not at the first enrolment."""
    with engine.connect() as connection:
        if engine.dialect.name == "postgresql":
            postgres.check_rights(connection, url)
        else:
            connection.exec_driver_sql("PRAGMA user_version = 1")
            connection.rollback()


def begin_writing(connection: Connection) -> None:
    """Wait for others that write; SQLite has done so when the transaction began."""
    if connection.dialect.name == "postgresql":
        postgres.take_turn(connection)


def tell_others(connection: Connection) -> None:
    """Wake the benches that share the store once this transaction is committed; with SQLite they look by themselves."""
    if connection.dialect.name == "postgresql":
        postgres.tell_others(connection)


def data_version(connection: Connection) -> int | None:
    """SQLite's mark that moves when another connection has written; None where the database has no such mark."""
    if connection.dialect.name != "sqlite":
        return None
    return int(connection.exec_driver_sql("PRAGMA data_version").scalar_one())


def close(engine: Engine) -> None:
    """Fold the write-ahead log into the file and let go of it."""
    try:
        if engine.dialect.name == "sqlite":
            raw = engine.raw_connection()
            try:
                raw.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")
            finally:
                raw.close()
    finally:
        engine.dispose()


def explain(error: Exception, url: URL) -> StoreError:
    """A database error in the operator's words."""
    place = place_of(url)
    original = error.orig if isinstance(error, DBAPIError) else error
    if not isinstance(original, sqlite3.Error):
        return postgres.explain(original if original is not None else error, url)
    file = file_of(url)
    # Errors of Python's own sqlite3 module carry no code of the library.
    code = getattr(original, "sqlite_errorname", "")
    if code.startswith("SQLITE_READONLY_DBMOVED"):
        return StoreError(
            f"the token store {place} was moved or deleted while it was open", "put it back, then restart"
        )
    if code.startswith(("SQLITE_READONLY", "SQLITE_CANTOPEN", "SQLITE_PERM", "SQLITE_AUTH")):
        return _not_writable(place, file)
    if code.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return StoreError(f"the token store {place} is locked by another program", "close that program, then try again")
    if code.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")):
        return _corrupt(place, str(original))
    if code.startswith("SQLITE_FULL"):
        return StoreError(f"there is no room to write the token store {place}", "free space on that disk")
    if code.startswith("SQLITE_IOERR"):
        return StoreError(f"the disk refused the token store {place}: {original}", "check the disk and its free space")
    return StoreError(f"the token store {place} failed: {original}", "name another file as the store")


def _corrupt(place: str, detail: str) -> StoreError:
    return StoreError(
        f"the token store {place} is damaged or is no SQLite file ({detail.splitlines()[0] if detail else 'no detail'})",
        "move it away and import the tokens again, or name another file as the store",
    )


def _not_writable(place: str, file: Path | None) -> StoreError:
    if file is not None and not os.access(file.parent, os.W_OK):
        return StoreError(
            f"the folder {file.parent} of the token store is read-only", "make it writable, or name a file elsewhere"
        )
    if file is not None and file.is_dir():
        return StoreError(f"the token store {place} is a folder", "name a file in it")
    return StoreError(f"the token store {place} is read-only", "make it writable, or name another file")
