"""Reads captures: finished ones, those a crash left behind, and the one being written."""

from __future__ import annotations

import sqlite3
from array import array
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar
from urllib.parse import quote

import orjson

from bench.errors import BadInput, NotFound
from bench.journal import capture_schema as schema
from bench.journal.capture_file import LOCK_WAIT_S, Gap
from bench.journal.notes import Note
from bench.message import Message

T = TypeVar("T")

MAX_SEQ = 2**63 - 1


class CaptureReader:
    """A capture opened for reading, as a context manager. Blocks; used by one thread at a time.

    Raises:
        NotFound: no such file. BadInput: it is no capture, of a newer schema, or damaged.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        if not path.is_file():
            raise NotFound(f"there is no capture {path}", "check its name")
        try:
            self._db = sqlite3.connect(
                f"file:{quote(str(path.absolute()))}?mode=ro",
                uri=True,
                timeout=LOCK_WAIT_S,
                isolation_level=None,
                check_same_thread=False,
            )
        except sqlite3.Error as error:
            raise self._unreadable(error) from error
        try:
            self._check()
        except BaseException:
            self._db.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._db.close()

    def messages(
        self, after: int = 0, limit: int = 1000, *, last: int | None = None, max_bytes: int | None = None
    ) -> list[Message]:
        """Messages numbered above ``after`` and up to ``last``, oldest first, at most ``limit``, and no more of them once they
        hold ``max_bytes`` raw bytes (but one at least); see :func:`capture_schema.from_row`.
        """
        found: list[Message] = []
        size = 0
        try:
            for row in self._db.execute(schema.SELECT_MESSAGES, (after, last if last is not None else MAX_SEQ, limit)):
                message = schema.from_row(row)
                found.append(message)
                size += len(message.raw)
                if max_bytes is not None and size >= max_bytes:
                    break
        except (sqlite3.Error, ValueError, TypeError, KeyError, OverflowError) as error:
            raise self._unreadable(error) from error
        return found

    def span(self) -> tuple[int, int]:
        """Numbers of the first and the last message, (1, 0) where there is none."""
        first, last = self._rows("SELECT min(seq), max(seq) FROM messages", (), lambda row: (row[0], row[1]))[0]
        return (1, 0) if first is None else (int(first), int(last))

    def polls(self) -> array[int]:
        """Numbers of a reader's polls that found nothing, rising."""
        return array("q", self._rows(schema.SELECT_POLLS, (), lambda row: int(row[0])))

    def exchanges_of(self, first: int, last: int) -> dict[int, int]:
        """The exchange of each message from first to last that belongs to one."""
        query = "SELECT seq, min(exchange) FROM exchange_messages WHERE seq BETWEEN ? AND ? GROUP BY seq"
        return dict(self._rows(query, (first, last), lambda row: (int(row[0]), int(row[1]))))

    def exchanges(self, after: int = 0, limit: int = 1000) -> list[dict[str, object]]:
        """Exchanges numbered above ``after`` in the shape of ``GET /bench/v1/exchanges/{id}``, oldest first."""
        query = "SELECT json FROM exchanges WHERE id > ? ORDER BY id LIMIT ?"
        return self._rows(query, (after, limit), lambda row: dict(orjson.loads(row[0])))

    def newest_exchanges(self, count: int) -> list[dict[str, Any]]:
        """The last exchanges, oldest of them first, in the shape of :meth:`exchanges`."""
        query = "SELECT json FROM (SELECT id, json FROM exchanges ORDER BY id DESC LIMIT ?) ORDER BY id"
        return self._rows(query, (count,), lambda row: dict(orjson.loads(row[0])))

    def exchange_of(self, seq: int) -> int | None:
        """The exchange a message belongs to (the first, where several), or None."""
        query = "SELECT min(exchange) FROM exchange_messages WHERE seq = ?"
        found: list[int | None] = self._rows(query, (seq,), lambda row: row[0])
        return found[0]

    def gaps(self) -> list[Gap]:
        """What is missing, and why."""
        query = "SELECT what, first, last, count, why FROM gaps ORDER BY id LIMIT 10000"
        return self._rows(query, (), lambda row: Gap(*row))

    @property
    def version(self) -> int:
        """Of its schema."""
        return self._version

    def notes(self) -> list[Note]:
        """Bookmarks and notes, by message; none in a capture of version 1."""
        if self._version < 2:
            return []
        return self._rows("SELECT seq, text, utc_ns FROM notes ORDER BY seq", (), lambda row: Note(*row))

    def stations(self) -> dict[str, str]:
        """The OCPP version each station spoke, by id; empty in a capture of version 1."""
        if self._version < 2:
            return {}
        return dict(self._rows("SELECT id, version FROM stations ORDER BY id", (), lambda row: (row[0], row[1])))

    def facts(self) -> dict[str, str]:
        """What is told of the capture as a whole (``redacted``), by name; empty before version 3."""
        if self._version < 3:
            return {}
        return dict(self._rows("SELECT name, value FROM facts ORDER BY name", (), lambda row: (row[0], row[1])))

    def count(self) -> int:
        """How many messages it holds."""
        return self._rows("SELECT count(*) FROM messages", (), lambda row: int(row[0]))[0]

    def _check(self) -> None:
        application, version = self._rows(
            "SELECT application_id, user_version FROM pragma_application_id, pragma_user_version",
            (),
            lambda row: (row[0], row[1]),
        )[0]
        if application != schema.APPLICATION_ID:
            raise BadInput(f"{self.path} is not a capture")
        if version > schema.SCHEMA_VERSION:
            raise BadInput(f"the capture {self.path} was made by a newer version", "update this program to read it")
        self._version = int(version)

    def _rows(self, query: str, values: tuple[int, ...], make: Callable[[Any], T]) -> list[T]:
        try:
            return [make(row) for row in self._db.execute(query, values)]
        except (sqlite3.Error, ValueError, TypeError, KeyError, OverflowError) as error:
            raise self._unreadable(error) from error

    def _unreadable(self, error: Exception) -> BadInput:
        return BadInput(
            f"the capture {self.path} cannot be read: {error}", "if it is an export or a log: authbench journal import"
        )


def read_messages(path: Path, after: int = 0, limit: int = 1000) -> list[Message]:
    """One page of a capture's messages, numbered above ``after``.

    Raises:
        NotFound, BadInput: see :class:`CaptureReader`.
    """
    with CaptureReader(path) as reader:
        return reader.messages(after, limit)
