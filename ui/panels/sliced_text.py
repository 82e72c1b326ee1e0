"""Text of any length in a window that never stops: a first slice at once, the rest on demand, a piece at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from PySide6.QtCore import QTimer
from PySide6.QtGui import QTextCursor, QTextOption
from PySide6.QtWidgets import QHBoxLayout, QPlainTextEdit, QPushButton, QVBoxLayout, QWidget

from ui import theme
from ui.widgets import RoleLabel

FIRST_CHARS = 64 * 1024
SLICE_CHARS = 32 * 1024
MAX_LINE = 2_000
"""Longer lines are broken for display: a text layout is slow in the length of one line."""


class SlicedText(QWidget):
    """Read-only text fed from pieces. The line under it says how much is shown while that is not all."""

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._pieces: Iterator[str] = iter(())
        self._shown = 0
        self._total = 0
        self._more = False
        self.text = QPlainTextEdit()
        self.text.setProperty("bare", True)
        self.text.setReadOnly(True)
        self.text.setUndoRedoEnabled(False)
        self.text.setFont(theme.mono_font())
        self.text.setWordWrapMode(QTextOption.WrapMode.WrapAnywhere)
        self.text.setAccessibleName(name)
        self.text.setTabChangesFocus(True)
        self.said = RoleLabel("", "muted")
        self.all_button = QPushButton("Show all")
        self.all_button.clicked.connect(self._show_all)
        row = QHBoxLayout()
        row.addWidget(self.said, 1)
        row.addWidget(self.all_button)
        self._foot = QWidget()
        self._foot.setLayout(row)
        row.setContentsMargins(0, 4, 0, 0)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.text, 1)
        layout.addWidget(self._foot)
        self._foot.hide()
        self._timer = QTimer(self)
        self._timer.setInterval(0)
        self._timer.timeout.connect(self._next)

    def show_pieces(self, pieces: Iterable[str], total: int) -> None:
        """Show the first slice. total: characters of all pieces together, for the line that tells."""
        self._timer.stop()
        self._pieces = iter(pieces)
        self._total = total
        self._shown = 0
        self.text.clear()
        self._more = True
        self._append(FIRST_CHARS)
        self.text.moveCursor(QTextCursor.MoveOperation.Start)
        self._tell()

    @property
    def complete(self) -> bool:
        """Whether all of the text is shown."""
        return not self._more

    def _show_all(self) -> None:
        self._timer.start()
        self._tell()

    def _next(self) -> None:
        bar = self.text.verticalScrollBar()
        at = bar.value()
        self._append(SLICE_CHARS)
        bar.setValue(at)
        if not self._more:
            self._timer.stop()
        self._tell()

    def _append(self, limit: int) -> None:
        taken: list[str] = []
        size = 0
        while size < limit:
            piece = next(self._pieces, None)
            if piece is None:
                self._more = False
                break
            taken.append(piece)
            size += len(piece)
        cursor = QTextCursor(self.text.document())
        cursor.movePosition(QTextCursor.MoveOperation.End)
        cursor.insertText("".join(taken))
        self._shown += size
        if self._shown >= self._total:
            self._more = False

    def _tell(self) -> None:
        self._foot.setVisible(self._more)
        if self._more:
            share = self._shown / self._total if self._total else 0
            self.said.setText(f"{self._shown:,} of {self._total:,} characters shown ({share:.0%})")
            self.all_button.setEnabled(not self._timer.isActive())


def pieces_of(text: str) -> Iterator[str]:
    """A text in pieces, with line breaks put into lines that are too long to lay out."""
    for line in _lines(text):
        if len(line) <= MAX_LINE:
            yield line
        else:
            for start in range(0, len(line), MAX_LINE):
                part = line[start : start + MAX_LINE]
                yield part if start + MAX_LINE >= len(line) else part + "\n"


def _lines(text: str) -> Iterator[str]:
    start = 0
    while start < len(text):
        end = text.find("\n", start) + 1 or len(text)
        yield text[start:end]
        start = end


def length_of_pieces(text: str) -> int:
    """Characters that :func:`pieces_of` gives, without making them all at once."""
    return sum(len(line) + (max(0, len(line) - 1) // MAX_LINE if len(line) > MAX_LINE else 0) for line in _lines(text))


def hex_lines(data: bytes, width: int = 16) -> Iterator[str]:
    """``00000008  22 3A 20 22 35 37 38 32  ": "5782``, a line for so many bytes."""
    digits = 3 * width - 1
    for start in range(0, len(data), width):
        part = data[start : start + width]
        words = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in part)
        yield f"{start:08X}  {part.hex(' ').upper():<{digits}}  {words}\n"


def hex_length(size: int, width: int = 16) -> int:
    """Characters of the hex dump of so many bytes."""
    lines = -(-size // width)
    return lines * (8 + 2 + 3 * width - 1 + 2 + 1) + size
