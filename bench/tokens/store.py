"""The token store: a database written through, and the index in memory that answers.

Decisions: the engine is synchronous on one thread of its own (measured: six times the writes of an asynchronous SQLite
driver, and writes keep their order). The database is written first, the index after it, so nothing is ever answered that
would not survive a restart; when a write fails, the index goes on answering as before. Benches that share a database take
turns in writing, the last writer of a token counts, and each takes over what others wrote by the record of changes.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import nullcontext
from pathlib import Path
from typing import NamedTuple, TypeVar

import platformdirs
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from bench.clock import utc_now
from bench.collector import uncollected
from bench.errors import BenchBug, NotFound, StoreError
from bench.exchange import MASK
from bench.tokens import database, history, writing
from bench.tokens.history import Key, TokenChange
from bench.tokens.index import TokenIndex
from bench.tokens.migrations import migrate
from bench.tokens.model import IdTokenType, Token
from bench.tokens.postgres import Listener, Password

log = logging.getLogger(__name__)

T = TypeVar("T")
Progress = Callable[[int, int], None]
BUSY_TIMEOUT_S = 2.0
RELOAD_FROM = 2_000
CATCH_UP = 50_000
CANCEL_S = 10.0
SETTLE_S = 30.0
HISTORY_LIMIT = 100


class _Cancelled(Exception):
    """The caller gave up; the transaction is rolled back."""


class _Job:
    """One job of the database thread and who waits for it."""

    def __init__(self, loop: asyncio.AbstractEventLoop, progress: Progress | None = None) -> None:
        self.loop = loop
        self._progress = progress
        self.cancelled = threading.Event()

    def step(self, done: int, total: int) -> None:
        """Tell the loop how far it is; give up where the caller did."""
        self.check()
        if self._progress is not None:
            self.loop.call_soon_threadsafe(self._progress, done, total)

    def check(self) -> None:
        """Give up where the caller did."""
        if self.cancelled.is_set():
            raise _Cancelled

    def settle(self) -> None:
        """Wait until what earlier jobs made is in the index: from then on nobody else changes it."""
        settled = threading.Event()
        self.loop.call_soon_threadsafe(settled.set)
        if not settled.wait(SETTLE_S):
            raise StoreError(f"the program was too busy for {SETTLE_S:.0f} s to take the tokens over", "try again")


class _Change(NamedTuple):
    """What a job found or made in the database.

    kept, removed: tokens to put into the index and keys to take out, or whole: another index in its place.
    """

    kept: Sequence[Token] = ()
    removed: Sequence[Key] = ()
    whole: TokenIndex | None = None

    def __bool__(self) -> bool:
        return self.whole is not None or bool(self.kept or self.removed)


class TokenStore:
    """Tokens by value and type. All methods on the loop's thread; reading never waits.

    url: SQLAlchemy URL (``sqlite:////path``, ``sqlite://`` in memory, ``postgresql://user@host/db``), a path, or None for the
    file in the user's data folder. busy_timeout_s: how long a write waits for another program that writes. password: looks
    up that of a server whose URL holds none; called on the store's threads.
    """

    def __init__(
        self, url: str | None = None, *, busy_timeout_s: float = BUSY_TIMEOUT_S, password: Password | None = None
    ) -> None:
        self._url = database.parse(url if url is not None else _default_file())
        self._busy_timeout_s = busy_timeout_s
        self._password = password
        self._executor: ThreadPoolExecutor | None = None
        self._engine: Engine | None = None
        self._index = TokenIndex()
        self._seen = 0  # the latest change that the index knows, or will when jobs under way are applied
        self._data_version: int | None = None
        self._listener: Listener | None = None
        self._elsewhere = asyncio.Event()
        self._trouble: StoreError | None = None
        self._listeners: list[Callable[[], None]] = []
        self.revision = 0

    # Opening and closing

    async def open(self) -> None:
        """Check the database, bring it to the newest shape and load it.

        Raises:
            StoreError: read-only, locked by another program, damaged, not ours, of a newer version, no room; a server that is
                not reachable or does not let us in.
        """
        if self._executor is not None:
            raise BenchBug("the token store is open already")
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="token-store")
        try:
            self._index = await self._on_thread(self._open_database)
        except BaseException:
            await asyncio.shield(self._end())
            raise
        if self._url.get_backend_name() == "postgresql" and self._engine is not None:
            loop = asyncio.get_running_loop()
            self._listener = Listener(
                self._engine, self._password, lambda trouble: loop.call_soon_threadsafe(self._heard, trouble)
            )
            self._listener.start()

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
        """Where the tokens are kept, a password hidden, also one among the parameters."""
        shown = self._url.difference_update_query(("password", "sslpassword"))
        return shown.render_as_string(hide_password=True)

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

    async def history(self, uid: str, id_token_type: IdTokenType, limit: int = HISTORY_LIMIT) -> list[TokenChange]:
        """What happened to one token, newest first; it may be deleted by now.

        Raises:
            StoreError: the database refused.
        """
        key = uid.casefold(), id_token_type
        return await self._on_thread(lambda: self._read_history(key, limit))

    async def recent_changes(self, limit: int = HISTORY_LIMIT) -> list[TokenChange]:
        """What happened to all tokens, newest first, up to :data:`bench.tokens.history.MAX_ASKED`; raises as :meth:`history`."""
        return await self._on_thread(lambda: self._read_history(None, limit))

    def subscribe(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Be called after every change, on the loop's thread. Returns the unsubscribe function."""
        self._listeners.append(callback)

        def unsubscribe() -> None:
            if callback in self._listeners:
                self._listeners.remove(callback)

        return unsubscribe

    # Writing. Cancelling a caller rolls its transaction back where that is not committed yet: nothing is ever half applied.

    async def put(self, token: Token, *, by: str = "bench") -> Token:
        """Add, or replace the one of equal value and type. Returns it as kept: normalised, with its last_updated.

        by: who changes it, for its history: ``window``, ``api``, ``import``, ``enrol``, ``sync``, ``command line``.

        Raises:
            BadInput: a field breaks its limit. StoreError: the database refused; nothing changed.
        """
        return (await self.put_many([token], by=by))[0]

    async def put_many(
        self, batch: Iterable[Token], *, by: str = "bench", progress: Progress | None = None
    ) -> list[Token]:
        """Add or replace all or none; of equal ones in the batch the last counts. Returns them as kept.

        progress(done, total): called on the loop's thread while the batch is written.

        Raises:
            BadInput: a field breaks its limit. StoreError: the database refused; nothing changed.
        """
        given = list(batch)
        if not given:
            return []

        def keep(job: _Job) -> tuple[_Change, list[Token]]:
            kept: list[Token] = []
            by_key = {token.key: token for token in given}

            def write(connection: Connection) -> _Change:
                kept.extend(writing.put(connection, by_key, by, utc_now(), job.step))
                return _Change(kept=kept)

            with uncollected(stay=True) if len(given) >= writing.MANY else nullcontext():
                return self._write(job, write), kept

        return await self._change(keep, progress)

    async def delete(self, uid: str, id_token_type: IdTokenType, *, by: str = "bench") -> None:
        """Take one token out.

        Raises:
            NotFound: it is not there. StoreError: the database refused; nothing changed.
        """
        if self._index.get(uid, id_token_type) is None:
            shown = MASK if id_token_type is IdTokenType.KEY_CODE else uid
            raise NotFound(f"there is no {id_token_type} token {shown} in the store")
        await self.delete_many([(uid, id_token_type)], by=by)

    async def delete_many(
        self, keys: Iterable[tuple[str, IdTokenType]], *, by: str = "bench", progress: Progress | None = None
    ) -> int:
        """Take all of them out or none; values and types, those that are not there are passed over. Returns how many there were.

        Raises:
            StoreError: the database refused; nothing changed.
        """
        folded = list(dict.fromkeys((uid.casefold(), kind) for uid, kind in keys))
        if not folded:
            return 0

        def remove(job: _Job) -> tuple[_Change, int]:
            gone = 0

            def write(connection: Connection) -> _Change:
                nonlocal gone
                gone = writing.delete(connection, folded, by, utc_now(), job.step)
                return _Change(removed=folded)

            return self._write(job, write), gone

        return await self._change(remove, progress)

    # What others write

    async def refresh(self) -> bool:
        """Take over what another program may have written (``authbench tokens import`` beside a window). True if it had.

        Raises:
            StoreError: the database refused or is lost; the index stays as it was.
        """
        if self._trouble is not None:
            raise StoreError(self._trouble.what, self._trouble.cure)
        self._elsewhere.clear()
        try:
            return await self._change(self._take_over)
        except StoreError:
            self._elsewhere.set()
            raise

    async def wait_elsewhere(self, limit_s: float) -> None:
        """Return when another program may have written: told by PostgreSQL at once, else after that time."""
        if self._listener is None:
            await asyncio.sleep(limit_s)
        else:
            await self._elsewhere.wait()

    def _heard(self, trouble: StoreError | None) -> None:
        self._trouble = trouble
        self._elsewhere.set()

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
        engine = database.make_engine(self._url, self._busy_timeout_s, self._password)
        try:
            with engine.begin() as connection:
                database.check_state(connection, self._url)
                migrate(connection)
            with engine.begin() as connection:
                # Before the reading: what is committed meanwhile is taken over again, and nothing is passed over.
                self._seen, mark = history.newest(connection), database.data_version(connection)
                index = writing.load(connection)
            database.check_writable(engine, self._url)
        except BaseException:
            engine.dispose()
            raise
        self._engine, self._data_version = engine, mark
        return index

    def _write(self, job: _Job, write: Callable[[Connection], _Change]) -> _Change:
        """One transaction: first what others wrote, then ours."""
        with self._opened().begin() as connection:
            database.begin_writing(connection)
            others = self._changed_elsewhere(connection)
            made = self._merged(job, others, write(connection))
            database.tell_others(connection)
            seen = history.newest(connection)
            if others:
                self._data_version = database.data_version(connection)
            job.check()
        self._seen = seen
        return made

    def _take_over(self, job: _Job) -> tuple[_Change, bool]:
        engine = self._opened()
        if engine.dialect.name == "sqlite":
            with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                if database.data_version(connection) == self._data_version:
                    return _Change(), False
        with engine.begin() as connection:
            seen, mark = history.newest(connection), database.data_version(connection)
            found = self._changed_elsewhere(connection)
            # A program that keeps no record wrote tokens, or another bench what it keeps beside them.
            read = writing.load(connection) if not found and mark is not None else None
        if read is not None:
            job.settle()
            found = _Change() if read.same_as(self._index) else _Change(whole=read)
        self._seen, self._data_version = seen, mark
        return found, bool(found)

    def _changed_elsewhere(self, connection: Connection) -> _Change:
        """What others wrote since this bench last looked."""
        keys = history.changed_since(connection, self._seen, CATCH_UP)
        if keys is None:
            return _Change(whole=writing.load(connection))
        kept = list(history.read_tokens(connection, keys))
        there = {token.key for token in kept}
        return _Change(kept, [key for key in keys if key not in there])

    def _merged(self, job: _Job, others: _Change, ours: _Change) -> _Change:
        """Both, ours the later. A large change is made into an index here, so that the loop has not to do it."""
        gone = set(ours.removed)
        kept = [*(token for token in others.kept if token.key not in gone), *ours.kept]
        removed = [*others.removed, *ours.removed]
        if others.whole is None and len(kept) + len(removed) < RELOAD_FROM:
            return _Change(kept, removed)
        whole = others.whole
        if whole is None:
            job.settle()
            whole = self._index.copy()
        for key in removed:
            whole.remove(*key)
        whole.put(kept)
        whole.sort()
        return _Change(whole=whole)

    def _read_history(self, key: Key | None, limit: int) -> list[TokenChange]:
        with self._opened().begin() as connection:
            try:
                return history.read(connection, key, limit)
            except (KeyError, TypeError, ValueError) as error:
                raise StoreError(
                    f"the record of changes cannot be read: {error}", "it may be of a newer Authbench: update this one"
                ) from error

    def _opened(self) -> Engine:
        if self._engine is None:
            raise StoreError("the token store is closed", "open it first")
        return self._engine

    # Between loop and thread

    async def _change(self, work: Callable[[_Job], tuple[_Change, T]], progress: Progress | None = None) -> T:
        """Run ``work`` on the thread and take its change over on the loop, in order, whoever still waits for it."""
        job = _Job(asyncio.get_running_loop(), progress)

        def run() -> T:
            change, result = work(job)
            if change:
                job.loop.call_soon_threadsafe(self._apply, change)
            return result

        submitted = self._submit(run)
        future = asyncio.wrap_future(submitted)
        future.add_done_callback(_look_at)
        try:
            return await asyncio.shield(future)
        except asyncio.CancelledError:
            job.cancelled.set()
            if not submitted.cancel():  # it runs already: until it rolled back, or is committed
                await asyncio.wait([future], timeout=CANCEL_S)
            raise

    def _apply(self, change: _Change) -> None:
        if change.whole is not None:
            self._index = change.whole
        for key in change.removed:
            self._index.remove(*key)
        self._index.put(change.kept)
        self._tell()

    async def _on_thread(self, job: Callable[[], T]) -> T:
        return await asyncio.shield(asyncio.wrap_future(self._submit(job)))

    def _submit(self, job: Callable[[], T]) -> Future[T]:
        if self._executor is None:
            raise StoreError("the token store is closed", "open it first")
        return self._executor.submit(self._guarded, job)

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
        listener, self._listener = self._listener, None
        if listener is not None:
            listener.stop()
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


def _look_at(future: asyncio.Future[T]) -> None:
    """Its outcome is known: a caller that went away leaves no complaint behind."""
    if not future.cancelled():
        future.exception()
