"""What the operator writes beside a message: a line and a star, kept in the capture."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QSignalBlocker, Signal
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QPushButton, QWidget

from bench.errors import OperatorError
from bench.journal.notes import MAX_NOTE, NoteBook
from ui.widgets import mark

if TYPE_CHECKING:
    from bench.session import Session


class NoteLine(QWidget):
    """The note of the message shown; hidden while there is nowhere to keep one.

    A text is a bookmark too. The star taken away takes the text with it; set again on the same message, it brings it back.

    Signals:
        refused: the note could not be kept; why.
    """

    refused = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._notes: NoteBook | None = None
        self._seq = 0
        self._kept = ""
        self._taken = ""
        self.text = QLineEdit()
        self.text.setPlaceholderText("note to this message")
        self.text.setAccessibleName("Note to this message")
        self.text.setMaxLength(MAX_NOTE)
        self.text.editingFinished.connect(self.commit)
        self.star = mark(QPushButton("☆"), "flat")
        self.star.setCheckable(True)
        self.star.setAccessibleName("Bookmark")
        self.star.toggled.connect(self._starred)
        row = QHBoxLayout(self)
        row.setContentsMargins(9, 0, 9, 0)
        row.setSpacing(4)
        row.addWidget(self.star)
        row.addWidget(self.text, 1)
        self.hide()

    def attach(self, session: Session) -> None:
        # What only looks like a session (another capture format) need not keep notes.
        self._notes = getattr(session, "notes", None)
        self._seq = 0
        self.setVisible(self._notes is not None)

    def show_note(self, seq: int) -> None:
        """Show the note of another message; what was typed for the one before is kept first."""
        self.commit()
        self._seq = seq
        self._taken = ""
        self._read()

    def refresh(self) -> None:
        """The note may have been changed elsewhere; what is being typed stays."""
        if self.text.text().strip() == self._kept:
            self._read()

    def commit(self) -> None:
        """Keep what was typed."""
        text = self.text.text().strip()
        if self._seq and text != self._kept:
            self._write(text, bookmarked=bool(text) or self.star.isChecked())

    def _starred(self, on: bool) -> None:
        typed = self.text.text().strip()
        if on:
            self._write(typed or self._taken, bookmarked=True)
        else:
            self._taken = typed
            self._write("", bookmarked=False)

    def _write(self, text: str, *, bookmarked: bool) -> None:
        if self._notes is None or not self._seq:
            return
        try:
            self._notes.write(self._seq, text, bookmarked=bookmarked)
        except OperatorError as error:
            self.refused.emit(f"The note was not kept: {error}")
            self._mark_star()
            return
        self._read()

    def _read(self) -> None:
        note = self._notes.of(self._seq) if self._notes is not None else None
        self._kept = note.text if note is not None else ""
        if self.text.text() != self._kept:
            self.text.setText(self._kept)
            self.text.setCursorPosition(0)  # a long note is read from its beginning
        self.text.setToolTip(self._kept or "Kept in the capture when you press Enter; F2 goes from note to note")
        self._mark_star()

    def _mark_star(self) -> None:
        on = self._notes is not None and self._notes.of(self._seq) is not None
        with QSignalBlocker(self.star):
            self.star.setChecked(on)
        self.star.setText("★" if on else "☆")
        self.star.setToolTip("Take the bookmark away, and the note with it" if on else "Bookmark this message")
