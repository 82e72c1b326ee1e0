"""Tables of the capture file and how a message becomes a row and comes back.

Plain SQL: a capture is a SQLite file by definition, and its driver alone writes a batch several times
as fast as SQLAlchemy does.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson

from bench.message import Decoded, Direction, Fault, Link, Malformed, Message

APPLICATION_ID = 0x41424D31  # "ABM1": tells a capture from any other SQLite file
SCHEMA_VERSION = 3
MAX_SEQ = 2**63 - 2**32
"""The highest number a message can have: so far from what 64 bits hold that sums with it fit as well."""

TABLES = """
CREATE TABLE messages (
    seq         INTEGER PRIMARY KEY,  -- number in the journal, from 1
    mono_ns     INTEGER NOT NULL,     -- monotonic stamp: only differences within this file have a meaning
    utc_ns      INTEGER NOT NULL,     -- since the Unix epoch
    link        TEXT NOT NULL,
    dir         TEXT NOT NULL,        -- in, out: as seen from the bench
    channel     TEXT NOT NULL,        -- topic, station or port
    kind        TEXT NOT NULL,
    name        TEXT NOT NULL,
    correlation TEXT,
    raw         BLOB NOT NULL,        -- the bytes as they crossed the link, nothing masked
    summary     TEXT NOT NULL,
    meta        TEXT,                 -- JSON object of transport facts
    faults      TEXT,                 -- JSON array of {rule, text, where}
    injected    INTEGER NOT NULL
);
CREATE TABLE exchanges (
    id         INTEGER PRIMARY KEY,
    opened_utc INTEGER NOT NULL,      -- nanoseconds since the Unix epoch
    verdict    TEXT,
    decided_by TEXT,
    json       TEXT NOT NULL          -- as GET /bench/v1/exchanges/{id} tells it
);
CREATE TABLE exchange_messages (
    seq      INTEGER NOT NULL,
    exchange INTEGER NOT NULL,
    PRIMARY KEY (exchange, seq)
) WITHOUT ROWID;
CREATE TABLE gaps (
    id      INTEGER PRIMARY KEY,
    what    TEXT NOT NULL,            -- messages or exchanges
    first   INTEGER NOT NULL,         -- numbers not recorded, from first to last
    last    INTEGER NOT NULL,
    count   INTEGER NOT NULL,
    why     TEXT NOT NULL
);
"""
"""Schema version 1. A change of it is one more step in :data:`MIGRATIONS`, never an edit here."""

MIGRATIONS: dict[int, str] = {
    2: """
CREATE TABLE notes (
    seq     INTEGER PRIMARY KEY,      -- the message it belongs to
    text    TEXT NOT NULL,            -- empty for a bare bookmark
    utc_ns  INTEGER NOT NULL          -- when it was last changed
);
CREATE INDEX exchange_of ON exchange_messages (seq);
CREATE INDEX polls ON messages (seq) WHERE link = 'reader' AND kind IN ('frame', 'ack') AND faults IS NULL;
CREATE TABLE stations (
    id      TEXT PRIMARY KEY,
    version TEXT NOT NULL             -- the OCPP version it spoke last
);
""",
    3: """
CREATE TABLE facts (
    name  TEXT PRIMARY KEY,           -- of the capture as a whole: redacted, source
    value TEXT NOT NULL
);
""",
}
"""What leads from the version before to this one. Applied in order; each once, in one transaction with its number."""

COLUMNS = "seq, mono_ns, utc_ns, link, dir, channel, kind, name, correlation, raw, summary, meta, faults, injected"

# Making a member of an enum from its word takes longer than all the rest.
_LINKS = {link.value: link for link in Link}
_DIRECTIONS = {direction.value: direction for direction in Direction}
_FAULT = ("rule", "text", "where")
# A commit that failed may have happened all the same; the batch then comes again, and a number is one message only.
_PLACES = ", ".join("?" * len(COLUMNS.split(",")))
INSERT_MESSAGE = f"INSERT INTO messages ({COLUMNS}) VALUES ({_PLACES}) ON CONFLICT (seq) DO NOTHING"
# Exchanges change while they are open and may gain findings afterwards: the latest state stands.
UPSERT_EXCHANGE = "INSERT OR REPLACE INTO exchanges (id, opened_utc, verdict, decided_by, json) VALUES (?, ?, ?, ?, ?)"
INSERT_MEMBER = "INSERT OR IGNORE INTO exchange_messages (exchange, seq) VALUES (?, ?)"
UPSERT_NOTE = "INSERT OR REPLACE INTO notes (seq, text, utc_ns) VALUES (?, ?, ?)"
UPSERT_STATION = "INSERT OR REPLACE INTO stations (id, version) VALUES (?, ?)"
UPSERT_FACT = "INSERT OR REPLACE INTO facts (name, value) VALUES (?, ?)"
INSERT_GAP = "INSERT INTO gaps (what, first, last, count, why) VALUES (?, ?, ?, ?, ?)"
SELECT_HALVES = """
SELECT seq, mono_ns, link, dir, channel, kind, name, correlation FROM messages
WHERE seq > ? AND seq <= ? AND kind IN ('CALL', 'CALLRESULT', 'CALLERROR', 'request', 'response', 'link') ORDER BY seq
"""
ROUTINE = """
link = 'reader' AND kind IN ('frame', 'ack') AND faults IS NULL AND seq NOT IN (SELECT seq FROM exchange_messages)
"""
SELECT_POLLS = f"SELECT seq FROM messages WHERE {ROUTINE} ORDER BY seq"
SELECT_MESSAGES = f"SELECT {COLUMNS} FROM messages WHERE seq > ? AND seq <= ? ORDER BY seq LIMIT ?"


def select_numbered(count: int) -> str:
    """The query for that many messages by their numbers."""
    return f"SELECT {COLUMNS} FROM messages WHERE seq IN ({', '.join('?' * count)}) ORDER BY seq"


def migration(version: int) -> str:
    """The script that brings a capture of that version (0: an empty file) to :data:`SCHEMA_VERSION`, in one transaction."""
    steps = [TABLES] if version == 0 else []
    steps += [MIGRATIONS[number] for number in range(max(version, 1) + 1, SCHEMA_VERSION + 1)]
    return f"BEGIN IMMEDIATE; {''.join(steps)} PRAGMA user_version = {SCHEMA_VERSION}; COMMIT;"


def to_row(message: Message) -> tuple[object, ...]:
    """The columns of one message, in the order of :data:`COLUMNS`."""
    decoded = message.decoded
    return (
        message.seq,
        message.mono_ns,
        message.utc_ns,
        message.link.value,
        message.direction.value,
        _text(message.channel),
        _text(decoded.kind),
        _text(decoded.name),
        None if decoded.correlation is None else _text(decoded.correlation),
        message.raw,
        _text(decoded.summary),
        to_json_text(dict(message.meta)) if message.meta else None,
        to_json_text([_fault(fault) for fault in decoded.faults]) if decoded.faults else None,
        int(message.injected),
    )


def from_row(row: Sequence[Any]) -> Message:
    """A message as recorded. Its body is :class:`Malformed` or None: the codec of its link decodes ``raw`` anew.

    Raises:
        ValueError, TypeError, KeyError: the row was not written by a capture.
    """
    seq, mono_ns, utc_ns, link, direction, channel, kind, name, correlation, raw, summary, meta, faults, injected = row
    found = tuple(Fault(*(str(f[part]) for part in _FAULT)) for f in orjson.loads(faults)) if faults else ()
    body = Malformed(found[0].text, found[0].where) if kind == "malformed" and found else None
    asked = None if correlation is None else str(correlation)
    decoded = Decoded(str(kind), str(name), asked, body, found, str(summary))
    known = orjson.loads(meta) if meta else None
    if not isinstance(raw, bytes) or not (known is None or isinstance(known, dict)):
        raise TypeError("raw is not a blob or meta is not an object")
    where = (_LINKS[link], _DIRECTIONS[direction], str(channel))
    return Message(int(seq), int(mono_ns), int(utc_ns), *where, raw, decoded, known, bool(injected))


def half_from_row(row: Sequence[Any]) -> Message:
    """A row of :data:`SELECT_HALVES`: a message without bytes and body, enough to tell who answers whom.

    Raises:
        ValueError, TypeError, KeyError: the row was not written by a capture.
    """
    seq, mono_ns, link, direction, channel, kind, name, correlation = row
    decoded = Decoded(str(kind), str(name), None if correlation is None else str(correlation), None)
    return Message(int(seq), int(mono_ns), 0, _LINKS[link], _DIRECTIONS[direction], str(channel), b"", decoded)


def _text(value: str) -> str:
    """Text SQLite can hold: lone surrogates, which a decoder may have let through, become question marks."""
    return value if value.isascii() else value.encode("utf-8", "replace").decode()


def _fault(fault: Fault) -> dict[str, str]:
    return {"rule": _text(fault.rule), "text": _text(fault.text), "where": _text(fault.where)}


def to_json_text(value: object) -> str:
    """JSON of a value, whatever it holds."""
    try:
        return orjson.dumps(value, default=str, option=orjson.OPT_NON_STR_KEYS).decode()
    except TypeError:  # lone surrogates, numbers beyond 64 bits: kept as text rather than lost
        return orjson.dumps({"text": _text(repr(value))}).decode()
