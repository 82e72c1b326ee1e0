"""The token store: a database written through, and the index in memory that answers.

Decisions: the engine is synchronous on one thread of its own (measured: six times the writes of an asynchronous SQLite
driver, and writes keep their order). The database is written first, the index after it, so nothing is ever answered that
would not survive a restart; when a write fails, the index goes on answering as before.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple, TypeVar

import platformdirs
from sqlalchemy import Connection, Engine, Executable, and_, delete, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import SQLAlchemyError

from bench.clock import utc_now
from bench.errors import BenchBug, NotFound, StoreError
from bench.exchange import MASK
from bench.tokens import database
from bench.tokens.checks import checked
from bench.tokens.index import TokenIndex
from bench.tokens.migrations import migrate
from bench.tokens.model import IdTokenType, Token
from bench.tokens.tables import from_row, to_row, tokens

log = logging.getLogger(__name__)

T = TypeVar("T")
BUSY_TIMEOUT_S = 2.0
RELOAD_FROM = 2_000


class _Change(NamedTuple):
    """What a write made: the tokens as kept, and a whole new index where the batch was large."""

    kept: list[Token]
    reloaded: TokenIndex | None


class TokenStore:
    """Tokens by value and type. All methods on the loop's thread; reading never waits.

    url: SQLAlchemy URL (``sqlite:////path``, ``sqlite://`` in memory, ``postgresql://...``), a path, or None for the
    file in the user's data folder. busy_timeout_s: how long a write waits for another program to let go of the file.
    """

    def __init__(self, url: str | None = None, *, busy_timeout_s: float = BUSY_TIMEOUT_S) -> None:
        self._url = database.parse(url if url is not None else _default_file())
        self._busy_timeout_s = busy_timeout_s
        self._executor: ThreadPoolExecutor | None = None
        self._engine: Engine | None = None
        self._index = TokenIndex()
        self._data_version: int | None = None
        self._listeners: list[Callable[[], None]] = []
        self.revision = 0

    # Opening and closing

    async def open(self) -> None:
        """Check the database, bring it to the newest shape and load it.

        Raises:
            StoreError: read-only, locked by another program, damaged, not ours, of a newer version, no room.
        """
        if self._executor is not None:
            raise BenchBug("the token store is open already")
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="token-store")
        try:
            self._index = await self._on_thread(self._open_database)
        except BaseException:
            await asyncio.shield(self._end())
            raise

    async def close(self) -> None:
        """Wait for writes under way, fold the log into the file and end the thread. Closing twice is no error."""
        await self._end()

    async def __aenter__(self) -> TokenStore:
        await self.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    # Reading

    @property
    def url(self) -> str:
        """Where the tokens are kept, a password hidden."""
        return self._url.render_as_string(hide_password=True)

    @property
    def index(self) -> TokenIndex:
        """For look-ups that :func:`bench.tokens.forms.near_miss` makes; to be read only."""
        return self._index

    @property
    def count(self) -> int:
        return len(self._index)

    @property
    def valid_count(self) -> int:
        """How many of them an Authorize would be answered Accepted for."""
        return self._index.valid_count

    def get(self, value: str, id_token_type: IdTokenType | None = None) -> Token | None:
        """The token of that value and type, ignoring case; without a type (OCPP 1.6) a card first."""
        return self._index.get(value, id_token_type)

    def all(self) -> list[Token]:
        """All tokens ordered by value (ignoring case), then type."""
        return self._index.page()

    def page(self, offset: int = 0, limit: int | None = None) -> list[Token]:
        """A stretch of :meth:`all`."""
        return self._index.page(offset, limit)

    def subscribe(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Be called after every change, on the loop's thread. Returns the unsubscribe function."""
        self._listeners.append(callback)

        def unsubscribe() -> None:
            if callback in self._listeners:
                self._listeners.remove(callback)

        return unsubscribe

    # Writing

    async def put(self, token: Token) -> Token:
        """Add, or replace the one of equal value and type. Returns it as kept: normalised, with its last_updated.

        Raises:
            BadInput: a field breaks its limit. StoreError: the database refused; nothing changed.
        """
        return (await self.put_many([token]))[0]

    async def put_many(self, batch: Iterable[Token]) -> list[Token]:
        """Add or replace all or none; of equal ones in the batch the last counts. Returns them as kept.

        Raises:
            BadInput: a field breaks its limit. StoreError: the database refused; nothing changed.
        """
        given = list(batch)
        if not given:
            return []

        def take(change: _Change) -> None:
            if change.reloaded is not None:
                self._index = change.reloaded
            else:
                self._index.put(change.kept)
            self._tell()

        return (await self._after(lambda: self._keep(given), take)).kept

    async def delete(self, uid: str, id_token_type: IdTokenType) -> None:
        """Take one token out.

        Raises:
            NotFound: it is not there. StoreError: the database refused; nothing changed.
        """
        token = self._index.get(uid, id_token_type)
        if token is None:
            shown = MASK if id_token_type is IdTokenType.KEY_CODE else uid
            raise NotFound(f"there is no {id_token_type} token {shown} in the store")
        folded, kind = token.key
        statement = delete(tokens).where(and_(tokens.c.uid_key == folded, tokens.c.id_token_type == kind.value))

        def remove() -> None:
            with self._opened().begin() as connection:
                connection.execute(statement)

        def take(_: None) -> None:
            self._index.remove(uid, id_token_type)
            self._tell()

        await self._after(remove, take)

    async def refresh(self) -> bool:
        """Load again what another program may have written (``authbench tokens import`` beside a window). True if it had.

        Raises:
            StoreError: the database refused; the index stays as it was.
        """

        def take(index: TokenIndex | None) -> None:
            if index is not None:
                self._index = index
                self._tell()

        return await self._after(self._reload, take) is not None

    async def transact(self, job: Callable[[Connection], T]) -> T:
        """Run ``job`` in a transaction of its own on the database thread, in line with all other writes.

        Raises:
            StoreError: the database refused; nothing changed.
        """

        def run() -> T:
            with self._opened().begin() as connection:
                return job(connection)

        return await self._on_thread(run)

    # The database thread

    def _open_database(self) -> TokenIndex:
        engine = database.make_engine(self._url, self._busy_timeout_s)
        try:
            mark = _mark(engine)
            with engine.begin() as connection:
                database.check_integrity(connection, self._url)
                migrate(connection)
                index = _load(connection)
            database.check_writable(engine)
        except BaseException:
            engine.dispose()
            raise
        self._engine, self._data_version = engine, mark
        return index

    def _keep(self, batch: list[Token]) -> _Change:
        """Check and write a batch. A large one is loaded back here, so that the loop has not to index it."""
        now = utc_now()
        kept = list({token.key: replace(checked(token), last_updated=now) for token in batch}.values())
        rows = [to_row(token) for token in kept]
        with self._opened().begin() as connection:
            connection.execute(_upsert(connection.dialect.name), rows)
            return _Change(kept, _load(connection) if len(kept) >= RELOAD_FROM else None)

    def _reload(self) -> TokenIndex | None:
        engine = self._opened()
        mark = _mark(engine)
        if mark is not None and mark == self._data_version:
            return None
        with engine.begin() as connection:
            index = _load(connection)
        self._data_version = mark
        return index

    def _opened(self) -> Engine:
        if self._engine is None:
            raise StoreError("the token store is closed", "open it first")
        return self._engine

    # Between loop and thread

    async def _after(self, job: Callable[[], T], apply: Callable[[T], None]) -> T:
        """Run ``job`` on the thread and ``apply`` on the loop, in order, even where the caller is cancelled meanwhile."""
        future = self._submit(job)

        def finish(done: asyncio.Future[T]) -> None:
            if not done.cancelled() and done.exception() is None:
                apply(done.result())

        future.add_done_callback(finish)
        return await asyncio.shield(future)

    async def _on_thread(self, job: Callable[[], T]) -> T:
        return await asyncio.shield(self._submit(job))

    def _submit(self, job: Callable[[], T]) -> asyncio.Future[T]:
        if self._executor is None:
            raise StoreError("the token store is closed", "open it first")
        return asyncio.wrap_future(self._executor.submit(self._guarded, job))

    def _guarded(self, job: Callable[[], T]) -> T:
        try:
            return job()
        except (SQLAlchemyError, sqlite3.Error) as error:
            raise database.explain(error, self._url) from error

    async def _end(self) -> None:
        executor, self._executor = self._executor, None
        if executor is None:
            return
        try:
            await asyncio.shield(asyncio.wrap_future(executor.submit(self._guarded, self._close_database)))
        finally:
            executor.shutdown(wait=True)

    def _close_database(self) -> None:
        engine, self._engine = self._engine, None
        if engine is not None:
            database.close(engine)

    def _tell(self) -> None:
        self.revision += 1
        for listener in tuple(self._listeners):
            try:
                listener()
            except Exception:  # noqa: BLE001 - one listener's fault must not keep the others from being told
                log.exception("a listener of the token store failed")


def _default_file() -> str:
    return str(Path(platformdirs.user_data_dir("authbench", appauthor=False, ensure_exists=True)) / "tokens.db")


def _mark(engine: Engine) -> int | None:
    """What tells that another program has written; None where the database has no such mark."""
    return database.data_version(engine) if engine.dialect.name == "sqlite" else None


def _load(connection: Connection) -> TokenIndex:
    found = []
    for row in connection.execute(select(tokens)):
        try:
            found.append(from_row(row._mapping))
        except (KeyError, TypeError, ValueError) as error:
            shown = MASK if row.id_token_type == IdTokenType.KEY_CODE else row.uid
            raise StoreError(
                f"the token {shown} in the store cannot be read: {error}",
                "correct or delete that row with an SQLite tool",
            ) from error
    index = TokenIndex(found)
    index.sort()
    return index


def _upsert(dialect: str) -> Executable:
    statement = (postgresql.insert if dialect == "postgresql" else sqlite.insert)(tokens)
    key = [column.name for column in tokens.primary_key]
    values = {column.name: statement.excluded[column.name] for column in tokens.columns if column.name not in key}
    return statement.on_conflict_do_update(index_elements=key, set_=values)
