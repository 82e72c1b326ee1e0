"""Text of any length in a window that never stops: a first slice at once, the rest on demand, a piece at a time."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Protocol

from PySide6.QtCore import QTimer
from PySide6.QtGui import QTextCursor, QTextOption
from PySide6.QtWidgets import QHBoxLayout, QPlainTextEdit, QPushButton, QVBoxLayout, QWidget

from ui import theme
from ui.widgets import RoleLabel

FIRST_CHARS = 64 * 1024
SLICE_CHARS = 32 * 1024
PORTION_CHARS = 8_000_000
"""Characters added by one click: a widget takes ten times the room of its text."""
MAX_LINE = 2_000
"""Longer lines are broken for display: a text layout is slow in the length of one line."""

_UNSEEN = re.compile(r"[\x00-\x08\x0b-\x0c\x0e-\x1f\x7f]")


class Growing(Protocol):
    """Text in pieces that are made as they are shown. share: how much of its source was used, from 0 to 1."""

    @property
    def share(self) -> float: ...

    def __iter__(self) -> Iterator[str]: ...


class SlicedText(QWidget):
    """Read-only text fed from pieces. The line under it says how much is shown while that is not all."""

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._pieces: Iterator[str] = iter(())
        self._shown = 0
        self._until = 0
        self._ahead: str | None = None  # the next piece: whether there is one, tells whether the text is complete
        self._share: Callable[[], float] = lambda: 1.0
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
        self.all_button.clicked.connect(self._show_more)
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
        self._begin(pieces, lambda: self._shown / total if total else 1.0)

    def show_growing(self, pieces: Growing) -> None:
        """The same of a text that is as long as it turns out to be."""
        self._begin(pieces, lambda: pieces.share)

    def _begin(self, pieces: Iterable[str], share: Callable[[], float]) -> None:
        self._timer.stop()
        self._pieces = iter(pieces)
        self._ahead = next(self._pieces, None)
        self._share = share
        self._shown = 0
        self.text.clear()
        self._append(FIRST_CHARS)
        self.text.moveCursor(QTextCursor.MoveOperation.Start)
        self._tell()

    @property
    def complete(self) -> bool:
        """Whether all of the text is shown."""
        return self._ahead is None

    @property
    def share(self) -> float:
        """How much of the text is shown, from 0 to 1."""
        return 1.0 if self.complete else self._share()

    def _show_more(self) -> None:
        self._until = self._shown + PORTION_CHARS
        self._timer.start()
        self._tell()

    def _next(self) -> None:
        bar = self.text.verticalScrollBar()
        at = bar.value()
        self._append(SLICE_CHARS)
        bar.setValue(at)
        if self.complete or self._shown >= self._until:
            self._timer.stop()
        self._tell()

    def _append(self, limit: int) -> None:
        taken: list[str] = []
        size = 0
        while size < limit and self._ahead is not None:
            taken.append(self._ahead)
            size += len(self._ahead)
            self._ahead = next(self._pieces, None)
        cursor = QTextCursor(self.text.document())
        cursor.movePosition(QTextCursor.MoveOperation.End)
        cursor.insertText("".join(taken))
        self._shown += size

    def _tell(self) -> None:
        self._foot.setVisible(not self.complete)
        if not self.complete:
            self.said.setText(f"{self._shown:,} characters shown, {self.share:.0%} of it")
            rest = self._shown / self.share - self._shown if self.share else PORTION_CHARS + 1
            self.all_button.setText("Show all" if rest <= PORTION_CHARS else "Show more")
            self.all_button.setEnabled(not self._timer.isActive())


class Verbatim:
    """The pieces of a text as it is, see :func:`pieces_of`; characters that nobody would see become ``\\x00``."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._given = 0

    @property
    def share(self) -> float:
        """How much of the text was given, from 0 to 1."""
        return min(1.0, self._given / len(self._text)) if self._text else 1.0

    def __iter__(self) -> Iterator[str]:
        for piece in pieces_of(self._text):
            self._given += len(piece)
            yield _UNSEEN.sub(lambda found: f"\\x{ord(found[0]):02x}", piece)


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
    """``0008  22 3A 20 22 35 37 38 32  ": "5782``, a line for so many bytes."""
    digits = 3 * width - 1
    offset = offset_digits(len(data))
    for start in range(0, len(data), width):
        part = data[start : start + width]
        words = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in part)
        yield f"{start:0{offset}X}  {part.hex(' ').upper():<{digits}}  {words}\n"


def hex_length(size: int, width: int = 16) -> int:
    """Characters of the hex dump of so many bytes."""
    lines = -(-size // width)
    return lines * (hex_line_length(size, width) - width + 1) + size


def hex_line_length(size: int, width: int) -> int:
    """Characters of a full line in the hex dump of so many bytes."""
    return offset_digits(size) + 2 + 3 * width - 1 + 2 + width


def offset_digits(size: int) -> int:
    """Four where they do, which is for most messages: the room is better used for bytes."""
    return 4 if size <= 0x10000 else 8
