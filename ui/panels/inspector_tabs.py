"""The views of one message, of which those are offered that fit it."""

from __future__ import annotations

from collections.abc import Iterable

from PySide6.QtCore import Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QCheckBox, QPlainTextEdit, QTabWidget, QVBoxLayout, QWidget

from ui import theme
from ui.panels.frame_view import FrameView
from ui.panels.inspector_prepare import BYTES, DECODED, FRAME, HTTP, PAIR, RAW, TIMING, Prepared
from ui.panels.inspector_tree import SteppedTree
from ui.panels.pair_view import PairView
from ui.panels.sliced_text import SlicedText, hex_length, hex_line_length, hex_lines
from ui.widgets import RoleLabel

EXPLAINED = frozenset((FRAME, HTTP, DECODED))
"""Views that say what a message means; which of them, depends on the message."""
PAGE_MARGIN = 8
DUMP_WIDTHS = (16, 8, 4)
"""Bytes a line of the dump may have; the most that fit."""


class MessageTabs(QTabWidget):
    """All views. The one the operator chose is kept from message to message where it fits.

    Signals:
        wanted: the name of a view that is looked at and not filled yet.
    """

    wanted = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._names: list[str] = []
        self._filled: set[str] = set()
        self._chosen: str | None = None
        self._offering = False
        self._dump_width = DUMP_WIDTHS[0]
        self._dump_size = 0
        self.setDocumentMode(True)
        self.setAccessibleName("Views of the message")
        # Five of them stand in a dock of 300 pixels.
        self.tabBar().setStyleSheet("QTabBar::tab { padding: 7px 6px 6px 6px; margin: 0 1px; }")
        self.frame = FrameView()
        self.start_line = RoleLabel("", mono=True, bold=True, wrap=True)
        self.http = SteppedTree("Headers and body")
        self.decoded = SteppedTree()
        self.raw = SlicedText("Raw text of the message")
        self.verbatim = QCheckBox("Verbatim, as it crossed the link")
        self.verbatim.setToolTip("Without line breaks and indents of ours; what cannot be shown stands as \\x00")
        self.verbatim.toggled.connect(lambda on: self.refill(RAW))
        self.bytes = SlicedText("Bytes of the message")
        self.bytes.text.setFont(theme.mono_font(-0.75))  # eight bytes a line in the dock of a small window
        self.pair = PairView()
        self.timing = _plain_text("When the message crossed the link")
        for name, parts in (
            (FRAME, (self.frame,)),
            (HTTP, (self.start_line, self.http)),
            (DECODED, (self.decoded,)),
            (RAW, (self.verbatim, self.raw)),
            (BYTES, (self.bytes,)),
            (PAIR, (self.pair,)),
            (TIMING, (self.timing,)),
        ):
            self._names.append(name)
            self.addTab(_padded(parts), name)
        self.currentChanged.connect(self._changed)

    def offer(self, names: Iterable[str]) -> None:
        """Offer these views of another message, none of them filled; the best first."""
        names = list(names)
        self._filled.clear()
        self._offering = True
        shown = self._chosen if self._chosen in names else names[0]
        self._set_visible(self._names.index(shown), True)
        self.setCurrentIndex(self._names.index(shown))
        for index, name in enumerate(self._names):
            self._set_visible(index, name in names)
        self._offering = False
        self._ask()

    def set_offered(self, name: str, offered: bool) -> None:
        """Offer one more, or one less."""
        self._set_visible(self._names.index(name), offered)

    def _set_visible(self, index: int, visible: bool) -> None:
        # Qt forgets that the tabs are to be laid out anew when it is told again what it knows already.
        if self.isTabVisible(index) != visible:
            self.setTabVisible(index, visible)

    def choose(self, name: str) -> None:
        """Look at a view, as a click on its tab does."""
        self.setCurrentIndex(self._names.index(name))

    @property
    def shown(self) -> str:
        """The name of the view that is looked at."""
        return self._names[self.currentIndex()]

    @property
    def offered(self) -> list[str]:
        return [name for index, name in enumerate(self._names) if self.isTabVisible(index)]

    def refill(self, *names: str) -> None:
        """What these show is out of date."""
        self._filled.difference_update(names)
        self._ask()

    def show_http(self, prepared: Prepared) -> None:
        assert prepared.http is not None
        self.start_line.setText(prepared.http.start)
        self.http.show_tree(prepared.tree)

    def show_bytes(self, raw: bytes) -> None:
        self._dump_size = len(raw)
        self._dump_width = width = self._fitting_dump()
        self.bytes.show_pieces(hex_lines(raw, width), hex_length(len(raw), width))

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if BYTES in self._filled and self._fitting_dump() != self._dump_width:
            self.refill(BYTES)

    def _fitting_dump(self) -> int:
        """Bytes a line of the dump has room for. The text's own width is not known before it was shown."""
        text = self.bytes.text
        around = (
            2 * PAGE_MARGIN + 2 * round(text.document().documentMargin()) + text.verticalScrollBar().sizeHint().width()
        )
        fits = (self.width() - around) // max(1, text.fontMetrics().horizontalAdvance("0"))
        return next((size for size in DUMP_WIDTHS if hex_line_length(self._dump_size, size) <= fits), DUMP_WIDTHS[-1])

    def _changed(self, index: int) -> None:
        if not self._offering:
            self._chosen = None if self.shown in EXPLAINED else self.shown
            self._ask()

    def _ask(self) -> None:
        if not self._offering and self.shown not in self._filled:
            self._filled.add(self.shown)
            self.wanted.emit(self.shown)


def _plain_text(name: str) -> QPlainTextEdit:
    text = QPlainTextEdit()
    text.setProperty("bare", True)
    text.setReadOnly(True)
    text.setFont(theme.mono_font())
    text.setAccessibleName(name)
    text.setTabChangesFocus(True)
    text.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
    return text


def _padded(parts: Iterable[QWidget]) -> QWidget:
    """A page; its last part takes the room."""
    page = QWidget()
    column = QVBoxLayout(page)
    column.setContentsMargins(PAGE_MARGIN, 6, PAGE_MARGIN, 6)
    for part in parts:
        column.addWidget(part)
    column.setStretch(column.count() - 1, 1)
    return page
