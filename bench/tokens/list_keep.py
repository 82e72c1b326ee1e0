"""A station's list in the database of the token store, so that it survives a restart in the middle of a push.

Every change of the :class:`~bench.tokens.list_shadow.Shadow` goes through here; :meth:`KeptList.save` then writes what differs. A
message is saved before it is sent, so after ``kill -9`` the version that the station tells decides which were taken.
"""

from __future__ import annotations

import uuid
from typing import Any

import orjson
from sqlalchemy import Connection, delete, insert, or_, select, update

from bench.errors import StoreError
from bench.tokens.list_shadow import Chunk, Shadow
from bench.tokens.list_tables import local_list_chunks as chunks
from bench.tokens.list_tables import local_lists as lists
from bench.tokens.store import TokenStore

COMPACT_FROM = 64
"""Rows of a list from which on it is looked at whether fewer would do."""

SNAPSHOT_ROWS = 1_000
"""Entries in one row of a list that was written anew."""


async def kept_stations(store: TokenStore) -> set[str]:
    """The stations of which a list is kept.

    Raises:
        StoreError: the database refused.
    """
    return await store.transact(lambda connection: set(connection.scalars(select(lists.c.station))))


class KeptList:
    """The list of one station, in memory and in the database. old: it speaks OCPP 1.6.

    The rows ``first`` to ``last`` make the list; those above are messages to be sent, or whose fate is open.
    """

    def __init__(self, store: TokenStore, station: str, old: bool) -> None:
        self.shadow = Shadow(old)
        self._store = store
        self._station = station
        self._first, self._last = 1, 0
        self._open: list[Chunk] = []  # of the rows above
        self._new = False  # those rows are to be written
        self._size = 0  # entries in all rows
        self._swept = True  # no rows beyond first and last are in the database
        self._whole = True  # the database does not hold what is here, row by row
        self._mark = ""

    # What happens to the list

    def announce(self, chunks: list[Chunk]) -> None:
        """These messages are next, one after the other; save before the first is sent."""
        self._swept = self._swept and not self._open
        self._open, self._new = list(chunks), True

    def send(self, chunk: Chunk) -> None:
        """That message, the first of those announced, is about to be sent."""
        self.shadow.send(chunk)

    def told(self, number: int) -> int:
        """The station told its version. How many of the open messages turned out to be taken."""
        pending = self.shadow.pending
        count = self.shadow.told(number)
        self._last += count
        for number_of, chunk in enumerate(pending[:count], self._last - count + 1):
            self._size += len(chunk.entries)
            if chunk.full:
                self._first, self._size, self._swept = number_of, len(chunk.entries), False
        del self._open[:count]
        self._follow()
        return count

    def refused(self) -> None:
        """The station did not take the open message, or it was not sent after all; nor are those announced behind it."""
        self.shadow.refused()
        self._new = False
        self._follow()

    def doubt(self, why: str) -> None:
        """What it holds is not known until its version is read."""
        self.shadow.doubt(why)

    def forget(self, why: str) -> None:
        """Nobody knows what it holds."""
        self.shadow.forget(why)
        self._follow()

    def settle(self) -> None:
        """The connection on which the open message went is over."""
        self.shadow.settle()
        self._follow()

    def honours_expiry(self, said: bool | None) -> None:
        """What the station said of an expiry in its list."""
        if said is not None and said is not self.shadow.honours_expiry:
            self.shadow.honours_expiry = said
            self.shadow.revision += 1

    def _follow(self) -> None:
        if not self.shadow.entries and self._first <= self._last:
            self._first, self._size, self._swept = self._last + 1, 0, False

    # The database

    async def save(self) -> None:
        """Write what changed; all of it where that takes fewer rows, or where another bench has written meanwhile.

        What was announced and is neither new nor open is not going to be sent any more.

        Raises:
            StoreError: the database refused; what is in memory goes on.
        """
        before, self._mark = self._mark, uuid.uuid4().hex
        if not self._new and len(self._open) > len(self.shadow.pending):
            self._open, self._swept = list(self.shadow.pending), False
        many = self._last - self._first >= COMPACT_FROM and self._size > 2 * len(self.shadow.entries)
        whole = self._whole or (many and not self._open)

        def job(connection: Connection) -> int | None:
            mine = lists.c.station == self._station
            if not whole:
                known = connection.execute(update(lists).where(mine, lists.c.mark == before), self._head(self._last))
                if known.rowcount == 1:
                    self._write_changes(connection)
                    return None
            connection.execute(delete(chunks).where(chunks.c.station == self._station))
            rows = list(self.shadow.snapshot(SNAPSHOT_ROWS))
            for number, chunk in enumerate(rows, 1):
                connection.execute(insert(chunks), self._row(number, chunk))
            self._write_open(connection, len(rows))
            connection.execute(delete(lists).where(mine))
            connection.execute(insert(lists), {"station": self._station, **self._head(len(rows))})
            return len(rows)

        self._whole = True  # unless this comes to its end
        try:
            written = await self._store.transact(job)
        except StoreError:
            self._mark = before  # nothing was written: what is here is newer than what stands there
            raise
        if written is not None:
            self._first, self._last, self._size = 1, written, len(self.shadow.entries)
        self._whole, self._new, self._swept = False, False, True

    def _write_changes(self, connection: Connection) -> None:
        if not self._swept:
            last = self._last + (0 if self._new else len(self._open))
            beyond = or_(chunks.c.number < self._first, chunks.c.number > last)
            connection.execute(delete(chunks).where(chunks.c.station == self._station, beyond))
        if self._new:
            self._write_open(connection, self._last)

    def _write_open(self, connection: Connection, last: int) -> None:
        rows = [self._row(number, chunk) for number, chunk in enumerate(self._open, last + 1)]
        if rows:
            connection.execute(insert(chunks), rows)

    async def load(self) -> bool:
        """Take over what is in the database, where another bench or an earlier run wrote it. Whether anything is kept.

        Raises:
            StoreError: the database refused, or a row cannot be read.
        """
        station, mine = self._station, self._mark

        def job(connection: Connection) -> tuple[Any, dict[int, Chunk]] | None:
            head = connection.execute(select(lists).where(lists.c.station == station)).one_or_none()
            if head is None or head.mark == mine:
                return None if head is None else (head, {})
            rows = connection.execute(select(chunks).where(chunks.c.station == station).order_by(chunks.c.number))
            return head, {row.number: _chunk(station, row) for row in rows}

        found = await self._store.transact(job)
        if found is not None and found[0].mark != mine:
            self._take_over(*found)
        return found is not None

    def _take_over(self, head: Any, rows: dict[int, Chunk]) -> None:
        shadow, self._mark = self.shadow, head.mark
        taken = {number: chunk for number, chunk in rows.items() if head.pending is None or number < head.pending}
        pending = [chunk for number, chunk in rows.items() if number not in taken]
        version, why = head.version, head.why_unknown
        self._first, self._last = min(taken, default=1), max(taken, default=0)
        self._size = sum(len(chunk.entries) for chunk in taken.values())
        self._whole = bool(pending) and head.pending != self._last + 1
        if (head.ocpp == "1.6") is not shadow.old:
            taken, pending, version, self._whole = {}, [], None, True
            why = f"it spoke another version of OCPP, {head.ocpp}, when its list was pushed"
        self._open, self._new, self._swept = list(pending), False, True
        shadow.honours_expiry = head.honours_expiry
        shadow.restore(taken.values(), version, why, pending)

    def _row(self, number: int, chunk: Chunk) -> dict[str, object]:
        body = orjson.dumps({"entries": chunk.entries, "secret": chunk.secret}).decode()
        row = {"station": self._station, "number": number, "version": chunk.version, "is_full": chunk.full}
        return {**row, "body": body}

    def _head(self, last: int) -> dict[str, object]:
        shadow = self.shadow
        return {
            "ocpp": "1.6" if shadow.old else "2",
            "version": shadow.version,
            "why_unknown": shadow.why_unknown,
            "pending": last + 1 if self._open else None,
            "honours_expiry": shadow.honours_expiry,
            "mark": self._mark,
        }


def _chunk(station: str, row: Any) -> Chunk:
    try:
        body = orjson.loads(row.body)
        return Chunk(row.version, row.is_full, list(body["entries"]), tuple(body["secret"]))
    except (orjson.JSONDecodeError, KeyError, TypeError) as error:
        raise StoreError(
            f"the local list kept of station {station} cannot be read: {error}",
            "delete its rows of the table local_list_chunks, then push the full list",
        ) from error
