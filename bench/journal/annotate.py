"""Notes are written into a capture that nobody records to."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from bench.errors import NotFound
from bench.journal import capture_schema as schema
from bench.journal.capture_file import LOCK_WAIT_S, blame
from bench.journal.capture_reader import CaptureReader
from bench.journal.notes import Note


def annotate(path: Path, seq: int, note: Note | None) -> None:
    """Write a note into a capture that nobody records to, or take it away. An older capture is brought to this schema first.

    Raises:
        NotFound: no such capture or message. BadInput: it is no capture, or of a newer schema. StoreError: it cannot be written.
    """
    with CaptureReader(path) as reader:  # refuses what is no capture, or newer
        version = reader.version
    try:
        with closing(sqlite3.connect(path, timeout=LOCK_WAIT_S, isolation_level=None)) as db:
            if version < schema.SCHEMA_VERSION:
                db.executescript(schema.migration(version))
            if note is None:
                db.execute("DELETE FROM notes WHERE seq = ?", (seq,))
            elif db.execute("SELECT 1 FROM messages WHERE seq = ?", (seq,)).fetchone() is None:
                raise NotFound(f"there is no message {seq} in {path}", "choose one that was recorded")
            else:
                db.execute(schema.UPSERT_NOTE, (note.seq, note.text, note.utc_ns))
    except sqlite3.Error as error:
        raise blame(error, path) from error
