"""Notes and bookmarks: what the operator writes beside a message, kept in the capture."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable
from contextlib import closing
from pathlib import Path

from bench.clock import Clock
from bench.errors import NotFound
from bench.journal import capture_schema as schema
from bench.journal.capture_file import LOCK_WAIT_S, Note, blame
from bench.journal.capture_reader import CaptureReader

MAX_NOTE = 10_000
"""Characters of a note."""


class NoteBook:
    """The notes of a session or of an opened capture, by message.

    keep: called with the number and the note (None: it went) before it counts; what it raises is the caller's to tell.
    """

    def __init__(self, keep: Callable[[int, Note | None], None], clock: Clock, notes: Iterable[Note] = ()) -> None:
        self._keep = keep
        self._clock = clock
        self._notes = {note.seq: note for note in notes}

    def of(self, seq: int) -> Note | None:
        return self._notes.get(seq)

    def write(self, seq: int, text: str, *, bookmarked: bool = True) -> None:
        """Write the note of a message; with neither text nor bookmark it goes.

        Raises:
            OperatorError: it could not be kept.
        """
        text = text.strip()[:MAX_NOTE]
        note = Note(seq, text, self._clock.stamp().utc_ns) if text or bookmarked else None
        self._keep(seq, note)
        if note is None:
            self._notes.pop(seq, None)
        else:
            self._notes[seq] = note

    def next_after(self, seq: int) -> int | None:
        """The next message with a note, going round at the end; None where there is none at all."""
        return min((s for s in self._notes if s > seq), default=min(self._notes, default=None))


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
