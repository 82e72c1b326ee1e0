"""The SQLite file behind a capture: created, written in batches, closed as one self-contained file.

Everything here blocks; :class:`bench.journal.capture.Capture` gives it a thread of its own.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from bench.errors import BadInput, StoreError
from bench.journal import capture_schema as schema
from bench.journal.notes import Note
from bench.message import Message

LOCK_WAIT_S = 1.0


@dataclass(frozen=True, slots=True)
class Gap:
    """Numbers that are not in the file. what: ``messages`` or ``exchanges``."""

    what: str
    first: int
    last: int
    count: int
    why: str

    def words(self) -> str:
        """``1,204 messages were not recorded (#12 to #1215): the disk is full``."""
        count = f"{self.count:,} {self.what} were" if self.count != 1 else f"1 {self.what.removesuffix('s')} was"
        return f"{count} not recorded (#{self.first} to #{self.last}): {self.why}"


@dataclass(frozen=True, slots=True)
class ExchangeRow:
    """One exchange as it stood when it was handed over. utc_ns: when it opened; sequences: numbers of its messages."""

    id: int
    utc_ns: int
    verdict: str | None
    decided_by: str | None
    json: str
    sequences: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Batch:
    """What one transaction writes. unnoted: numbers of messages whose notes go. stations: id and OCPP version.
    facts: name and value, of the capture as a whole.
    """

    messages: Sequence[Message] = ()
    exchanges: Sequence[ExchangeRow] = ()
    gaps: Sequence[Gap] = ()
    notes: Sequence[Note] = ()
    unnoted: Sequence[int] = ()
    stations: Sequence[tuple[str, str]] = ()
    facts: Sequence[tuple[str, str]] = ()


class CaptureFile:
    """One capture on disk.

    WAL with ``synchronous=NORMAL``: a committed batch outlives this process however it ends (``kill -9`` too);
    a power cut may take the last batches, never the consistency of the file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.size = 0
        self._db: sqlite3.Connection | None = None
        self._identity: tuple[int, int] | None = None
        self._written: tuple[int, int, int] | None = None  # first, last, count of the messages in this file

    def open(self) -> None:
        """Create the file, readable by its owner only; an earlier capture of that name is set aside as ``NAME-1``.

        Raises:
            BadInput: the path holds something that is no capture; it stays untouched.
            StoreError: it cannot be created, or the earlier capture is in use.
        """
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            set_aside(self.path)
            os.close(os.open(self.path, os.O_CREAT | os.O_RDWR, 0o600))
            self.path.chmod(0o600)
            db = self._connect()
            with closing_on_error(db):
                db.execute(f"PRAGMA application_id = {schema.APPLICATION_ID}")
                db.execute("PRAGMA journal_mode = WAL")
                db.executescript(schema.migration(0))
                self._identity = _identity(self.path)
        except (OSError, sqlite3.Error) as error:
            raise blame(error, self.path) from error
        self._db = db
        self._written = None
        self._measure()

    def write(self, batch: Batch) -> int:
        """Write a batch in one transaction, whole or not at all; the number of messages lost with a file that vanished.

        A file that was removed or replaced while recording is begun anew, with a gap for what it held.

        Raises:
            BadInput, StoreError: nothing of the batch was written; say so and try again later.
        """
        lost = self._begin_anew() if self._identity != _identity(self.path) else None
        try:
            if self._db is None:
                self._db = self._connect()
            self._insert(self._db, batch if lost is None else replace(batch, gaps=(lost, *batch.gaps)))
        except sqlite3.Error as error:
            raise blame(error, self.path) from error
        if batch.messages:
            first, _, count = self._written or (batch.messages[0].seq, 0, 0)
            self._written = (first, batch.messages[-1].seq, count + len(batch.messages))
        self._measure()
        return lost.count if lost else 0

    def close(self) -> None:
        """Fold the write-ahead log into the file, which is then complete by itself."""
        db, self._db = self._db, None
        if db is None:
            return
        try:
            db.execute("PRAGMA journal_mode = DELETE")
        except sqlite3.OperationalError:
            pass  # a reader holds it or the disk is full: the file and its -wal together are still whole
        finally:
            db.close()

    def _connect(self) -> sqlite3.Connection:
        db = sqlite3.connect(self.path, timeout=LOCK_WAIT_S, isolation_level=None)
        with closing_on_error(db):
            db.execute("PRAGMA synchronous = NORMAL")
        return db

    def _insert(self, db: sqlite3.Connection, batch: Batch) -> None:
        try:
            db.execute("BEGIN IMMEDIATE")
            db.executemany(schema.INSERT_MESSAGE, map(schema.to_row, batch.messages))
            rows = batch.exchanges
            db.executemany(schema.UPSERT_EXCHANGE, ((r.id, r.utc_ns, r.verdict, r.decided_by, r.json) for r in rows))
            db.executemany(schema.INSERT_MEMBER, ((row.id, seq) for row in rows for seq in row.sequences))
            db.executemany("DELETE FROM notes WHERE seq = ?", ((seq,) for seq in batch.unnoted))
            db.executemany(schema.UPSERT_NOTE, ((note.seq, note.text, note.utc_ns) for note in batch.notes))
            db.executemany(schema.UPSERT_STATION, batch.stations)
            db.executemany(schema.UPSERT_FACT, batch.facts)
            for gap in batch.gaps:
                db.execute(schema.INSERT_GAP, (gap.what, gap.first, gap.last, gap.count, gap.why))
            db.execute("COMMIT")
        except BaseException:
            self._roll_back(db)
            raise

    def _roll_back(self, db: sqlite3.Connection) -> None:
        if not db.in_transaction:
            return
        try:
            db.execute("ROLLBACK")
        except sqlite3.Error:
            # A transaction that cannot even be rolled back ends with its connection; the next write makes a new one.
            self._db = None
            db.close()

    def _begin_anew(self) -> Gap | None:
        written = self._written
        if self._db is not None:
            self._db.close()
            self._db = None
        self.open()
        if written is None:
            return None
        first, last, count = written
        return Gap("messages", first, last, count, "the file that held them was removed while recording")

    def _measure(self) -> None:
        self.size = sum(_size(Path(f"{self.path}{end}")) for end in ("", "-wal"))


def set_aside(path: Path) -> Path | None:
    """Give an earlier capture the first free name of ``NAME-1``, ``NAME-2``...; where it went, None if there was none.

    Raises:
        BadInput: the file is no capture. StoreError: another program uses it.
        OSError, sqlite3.Error: it cannot be read or renamed.
    """
    if not path.exists() or path.stat().st_size == 0:
        return None
    foreign = BadInput(f"{path} is not a capture and is left as it is", "give the capture another name")
    with closing(sqlite3.connect(path, timeout=0, isolation_level=None)) as db:
        try:
            application = db.execute("PRAGMA application_id").fetchone()[0]
            if application != schema.APPLICATION_ID:
                raise foreign
            # Leaving WAL needs the file alone: tells whether another bench records here, folds in what a crash left.
            db.execute("PRAGMA journal_mode = DELETE")
        except sqlite3.DatabaseError as error:
            code = _code(error)
            if code == sqlite3.SQLITE_NOTADB:
                raise foreign from error
            if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
                what = f"the capture {path} is in use by another program"
                raise StoreError(what, "give the capture another name") from error
            raise
    number = 1
    while (target := path.with_name(f"{path.stem}-{number}{path.suffix}")).exists():
        number += 1
    return path.rename(target)


@contextmanager
def closing_on_error(db: sqlite3.Connection) -> Iterator[None]:
    """Close the connection if what follows fails."""
    try:
        yield
    except BaseException:
        db.close()
        raise


def blame(error: OSError | sqlite3.Error, path: Path) -> StoreError:
    """What is wrong in the operator's world, and what to do."""
    if isinstance(error, OSError):
        why = error.strerror or error
        return StoreError(f"the capture {path} cannot be written: {why}", "make its folder writable")
    code = _code(error)
    if path.is_dir():
        return StoreError(f"the capture {path} is a folder", f"name a file in it, such as {path / 'capture.db'}")
    if code == sqlite3.SQLITE_FULL:
        return StoreError(f"the disk is full: the capture {path} cannot grow", "free space on that disk")
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return StoreError(f"another program keeps the capture {path} locked", "close that program")
    if code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM, sqlite3.SQLITE_CANTOPEN):
        return StoreError(f"the capture {path} may not be written: {error}", "make it and its folder writable")
    if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return StoreError(f"the capture {path} is damaged: {error}", "move it away, a new one is begun in its place")
    return StoreError(f"the capture {path} cannot be written: {error}", "see to that disk")


def _code(error: sqlite3.Error) -> int:
    """SQLite's primary result code (``sqlite.org/rescode.html``), 0 where the driver itself refused."""
    return int(getattr(error, "sqlite_errorcode", 0)) & 0xFF


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
