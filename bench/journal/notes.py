"""Notes and bookmarks: what the operator writes beside a message."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from bench.clock import Clock

MAX_NOTE = 10_000
"""Characters of a note."""


@dataclass(frozen=True, slots=True)
class Note:
    """What the operator wrote beside a message; an empty text is a bare bookmark. utc_ns: when it was last changed."""

    seq: int
    text: str
    utc_ns: int


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
