"""What an export needs of a capture beside what everybody does: rows as they stand, and all of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import orjson

from bench.journal.capture_file import ExchangeRow, Gap
from bench.journal.capture_reader import CaptureReader

PAGE = 2_000


class WholeReader(CaptureReader):
    """Goes over every exchange and every gap of a capture, page by page.

    Of one that is being recorded it sees what was there when it was opened: what came after a redaction has learnt its values must
    not be written.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        if self._rows("PRAGMA journal_mode", (), lambda row: row[0] == "wal")[0]:
            self._rows("BEGIN", (), lambda row: row)
            self.span()

    def exchange_rows(self) -> Iterator[ExchangeRow]:
        """Every exchange with its columns, by number; also one whose JSON could not hold all of it."""
        query = "SELECT id, opened_utc, verdict, decided_by, json FROM exchanges WHERE id > ? ORDER BY id LIMIT ?"
        after = -(2**63)
        while page := self._rows(
            query, (after, PAGE), lambda row: ExchangeRow(row[0], row[1], row[2], row[3], row[4], ())
        ):
            after = page[-1].id
            members: dict[int, list[int]] = {}
            for number, seq in self._rows(
                "SELECT exchange, seq FROM exchange_messages WHERE exchange BETWEEN ? AND ? ORDER BY exchange, seq",
                (page[0].id, after),
                lambda row: (int(row[0]), int(row[1])),
            ):
                members.setdefault(number, []).append(seq)
            yield from (replace(row, sequences=tuple(members.get(row.id, ()))) for row in page)

    def every_gap(self) -> Iterator[Gap]:
        """Every gap, in the order they were made."""
        query = "SELECT id, what, first, last, count, why FROM gaps WHERE id > ? ORDER BY id LIMIT ?"
        after = 0
        while page := self._rows(query, (after, PAGE), lambda row: (int(row[0]), Gap(*row[1:]))):
            after = page[-1][0]
            yield from (gap for _, gap in page)

    def exchange_tree(self, row: ExchangeRow) -> dict[str, object]:
        """An exchange as the API tells it.

        Raises:
            BadInput: the row was not written by a capture.
        """
        try:
            return dict(orjson.loads(row.json))
        except (ValueError, TypeError) as error:
            raise self._unreadable(error) from error
