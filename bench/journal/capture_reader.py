"""Reads captures: finished ones, those a crash left behind, and the one being written."""

from __future__ import annotations

import sqlite3
from array import array
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar
from urllib.parse import quote

import orjson

from bench.errors import BadInput, NotFound
from bench.journal import capture_schema as schema
from bench.journal.capture_file import LOCK_WAIT_S, Gap
from bench.journal.capture_shape import check, guard
from bench.journal.filter.narrowing import Narrowing, Sql, Value
from bench.journal.notes import Note
from bench.message import Message

T = TypeVar("T")

SOME = 500
"""Messages asked for by number at once."""


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
            for row in self._db.execute(
                schema.SELECT_MESSAGES, (after, last if last is not None else schema.MAX_SEQ, limit)
            ):
                message = schema.from_row(row)
                found.append(message)
                size += len(message.raw)
                if max_bytes is not None and size >= max_bytes:
                    break
        except (sqlite3.Error, ValueError, TypeError, KeyError, OverflowError) as error:
            raise self._unreadable(error) from error
        return found

    def halves(self, after: int, last: int) -> list[Message]:
        """Requests, answers and changes of links numbered above ``after`` and up to ``last``, without bytes and body: enough to
        tell who answers whom.
        """
        return self._rows(schema.SELECT_HALVES, (after, last), schema.half_from_row)

    def candidates(self, first: int, last: int, narrowing: Narrowing, *, routine: bool) -> list[tuple[int, bool]]:
        """Numbers from first to last of messages that a filter may let through, and whether it must look at them to know.

        routine: polls of a reader that found nothing too.
        """
        may, may_not = narrowing.may or Sql("1"), narrowing.may_not or Sql("1")
        shown = "" if routine else f"AND NOT ({schema.ROUTINE})"
        query = (
            f"SELECT seq, {may_not.text} FROM messages WHERE seq BETWEEN ? AND ? {shown} AND {may.text} ORDER BY seq"
        )
        values = (*may_not.values, first, last, *may.values)
        return self._rows(query, values, lambda row: (int(row[0]), bool(row[1])))

    def numbered(self, numbers: Sequence[int]) -> Iterator[Message]:
        """The messages of those numbers (rising), as far as they exist."""
        for start in range(0, len(numbers), SOME):
            some = numbers[start : start + SOME]
            yield from self._each(schema.select_numbered(len(some)), tuple(some), schema.from_row)

    def next_number(self, after: int) -> int | None:
        """Number of the first message above ``after``."""
        return self._rows("SELECT min(seq) FROM messages WHERE seq > ?", (after,), _number)[0]

    def number_before(self, before: int) -> int | None:
        """Number of the last message below ``before``."""
        return self._rows("SELECT max(seq) FROM messages WHERE seq < ?", (before,), _number)[0]

    def span(self) -> tuple[int, int]:
        """Numbers of the first and the last message, (1, 0) where there is none."""
        # Each for itself: of both at once SQLite reads the whole table.
        query = "SELECT (SELECT min(seq) FROM messages), (SELECT max(seq) FROM messages)"
        first, last = self._rows(query, (), lambda row: (row[0], row[1]))[0]
        return (1, 0) if first is None else (int(first), int(last))

    def numbers(self) -> array[int]:
        """Numbers of all messages, rising. Half a second for a million."""
        return array("q", self._rows("SELECT seq FROM messages ORDER BY seq", (), lambda row: int(row[0])))

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
        return self._rows(query, (seq,), _number)[0]

    def gaps(self) -> list[Gap]:
        """What is missing, and why; of more than 10,000 gaps the rest is one for messages and one for exchanges."""
        limit = 10_000
        query = "SELECT what, first, last, count, why, id FROM gaps ORDER BY id LIMIT ?"
        found = self._rows(query, (limit,), lambda row: (_gap(row), int(row[5])))
        gaps = [gap for gap, _ in found]
        if len(found) == limit:
            query = "SELECT what, min(first), max(last), sum(count), count(*) FROM gaps WHERE id > ? GROUP BY what"
            gaps += self._rows(
                query,
                (found[-1][1],),
                lambda row: _gap((*row[:4], f"{row[4]:,} further gaps, told as one")),
            )
        return gaps

    @property
    def version(self) -> int:
        """Of its schema."""
        return self._version

    def notes(self) -> list[Note]:
        """Bookmarks and notes, by message; none in a capture of version 1."""
        if self._version < 2:
            return []
        return self._rows(
            "SELECT seq, text, utc_ns FROM notes ORDER BY seq",
            (),
            lambda row: Note(int(row[0]), str(row[1]), int(row[2])),
        )

    def stations(self) -> dict[str, str]:
        """The OCPP version each station spoke, by id; empty in a capture of version 1."""
        if self._version < 2:
            return {}
        return dict(self._rows("SELECT id, version FROM stations ORDER BY id", (), _two_texts))

    def facts(self) -> dict[str, str]:
        """What is told of the capture as a whole (``redacted``), by name; empty before version 3."""
        if self._version < 3:
            return {}
        return dict(self._rows("SELECT name, value FROM facts ORDER BY name", (), _two_texts))

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
            raise BadInput(
                f"{self.path} is not a capture",
                "if it is an export or a log, import it (menu, Import…; authbench journal import)",
            )
        if version > schema.SCHEMA_VERSION:
            raise BadInput(f"the capture {self.path} was made by a newer version", "update this program to read it")
        self._version = int(version)
        try:
            guard(self._db)
            check(self._db, self._version)
        except (sqlite3.Error, ValueError, TypeError) as error:
            raise self._unreadable(error) from error

    def _rows(self, query: str, values: tuple[Value, ...], make: Callable[[Any], T]) -> list[T]:
        return list(self._each(query, values, make))

    def _each(self, query: str, values: tuple[Value, ...], make: Callable[[Any], T]) -> Iterator[T]:
        try:
            for row in self._db.execute(query, values):
                yield make(row)
        except (sqlite3.Error, ValueError, TypeError, KeyError, OverflowError) as error:
            raise self._unreadable(error) from error

    def _unreadable(self, error: Exception) -> BadInput:
        return BadInput(
            f"the capture {self.path} cannot be read: {error}",
            "if it is an export or a log, import it (menu, Import…; authbench journal import)",
        )


def _number(row: Sequence[Any]) -> int | None:
    return None if row[0] is None else int(row[0])


def _two_texts(row: Sequence[Any]) -> tuple[str, str]:
    return str(row[0]), str(row[1])


def _gap(row: Sequence[Any]) -> Gap:
    return Gap(str(row[0]), int(row[1]), int(row[2]), int(row[3]), str(row[4]))


def read_messages(path: Path, after: int = 0, limit: int = 1000) -> list[Message]:
    """One page of a capture's messages, numbered above ``after``.

    Raises:
        NotFound, BadInput: see :class:`CaptureReader`.
    """
    with CaptureReader(path) as reader:
        return reader.messages(after, limit)
