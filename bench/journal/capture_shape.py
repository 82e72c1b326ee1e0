"""Whether a SQLite file that calls itself a capture has the tables of one, and nothing that would run when it is read."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from functools import lru_cache

from bench.journal import capture_schema as schema

_COLUMNS = """
SELECT t.name, c.name, upper(c.type), c."notnull", c.pk, c.hidden
FROM sqlite_schema AS t, pragma_table_xinfo(t.name) AS c
WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite%' ORDER BY t.name, c.cid
"""
_FOREIGN = """
SELECT type, name FROM sqlite_schema
WHERE type IN ('view', 'trigger') OR (type = 'table' AND sql LIKE 'CREATE VIRTUAL%') LIMIT 1
"""
_Columns = dict[str, list[tuple[object, ...]]]


def guard(db: sqlite3.Connection) -> None:
    """Have a connection trust nothing in the schema of its file (``sqlite.org/security.html``, untrusted files)."""
    db.execute("PRAGMA trusted_schema = OFF")
    db.execute("PRAGMA cell_size_check = ON")


def check(db: sqlite3.Connection, version: int) -> None:
    """Refuse what no capture of that version has: views, triggers, virtual tables, other columns, numbers out of bounds.

    A view that calls itself a table could be endless, a trigger would run when a note is written.

    Raises:
        ValueError: says what is wrong. sqlite3.Error: it cannot be read.
    """
    if (foreign := db.execute(_FOREIGN).fetchone()) is not None:
        raise ValueError(f"it holds the {foreign[0]} {foreign[1]}, which no capture has")
    found = _columns(db)
    for table, columns in _expected(version).items():
        if found.get(table) != columns:
            raise ValueError(f"its table {table} is missing or not that of a capture")
    db.execute("SELECT rowid FROM messages LIMIT 0")  # fails where numbers might not be whole
    first, last = db.execute("SELECT (SELECT min(seq) FROM messages), (SELECT max(seq) FROM messages)").fetchone()
    if first is not None and not 1 <= first <= last <= schema.MAX_SEQ:
        raise ValueError(f"its messages are numbered {first} to {last}")


@lru_cache(maxsize=8)
def _expected(version: int) -> _Columns:
    with closing(sqlite3.connect(":memory:")) as db:
        db.executescript(schema.TABLES + "".join(schema.MIGRATIONS[number] for number in range(2, version + 1)))
        return _columns(db)


def _columns(db: sqlite3.Connection) -> _Columns:
    columns: _Columns = {}
    for table, *column in db.execute(_COLUMNS):
        columns.setdefault(table, []).append(tuple(column))
    return columns
