"""The sequence diagram as a widget: walked by keys, picked by clicks, explained by tooltips."""

from __future__ import annotations

import math

from PySide6.QtCore import QEvent, Qt, Signal
from PySide6.QtGui import QHelpEvent, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QToolTip, QWidget

from bench.exchange import Exchange
from bench.journal.marks import UNMARKED, Marked
from ui import theme
from ui.diagram_layout import Arrow, Diagram, lay_out
from ui.panels.diagram_paint import paint_diagram


class DiagramView(QWidget):
    """Paints a :class:`Diagram`. Up and Down walk the arrows, a click or Enter opens the message of one.

    marked: what does not fit among the messages shown.

    Signals:
        message_selected: journal number of the arrow that was picked, where a message crossed a link.
        current_changed: another row is highlighted now, or none.
    """

    message_selected = Signal(int)
    current_changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.diagram: Diagram | None = None
        self.current: int | None = None
        self._hover: int | None = None
        self._exchange: Exchange | None = None
        self.marked = UNMARKED
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self.setAccessibleName("Sequence diagram; up and down walk the steps")
        theme.on_change(self.update)

    @property
    def current_arrow(self) -> Arrow | None:
        """The arrow whose row is highlighted."""
        return None if self.current is None or self.diagram is None else self.diagram.arrows[self.current]

    def show_exchange(self, exchange: Exchange | None) -> None:
        if exchange is not self._exchange:
            self._set_current(None)
            self._hover = None
            self.marked = UNMARKED
        self._exchange = exchange
        self._lay_out()

    def show_marks(self, judged: Marked) -> None:
        """Write beside the steps what does not fit, and draw the steps that came besides."""
        before, self.marked = self.marked, judged
        if (judged.words, judged.strays) != (before.words, before.strays):
            picked = self.current_arrow
            self._lay_out()
            if picked is not None and picked.seq is not None:
                self.mark_message(picked.seq)

    def mark_message(self, seq: int) -> None:
        """Highlight the arrow of a message, if it is one of these."""
        marked = self.current_arrow
        if marked is not None and marked.seq == seq:
            return
        arrows = self.diagram.arrows if self.diagram is not None else ()
        self._set_current(next((n for n, arrow in enumerate(arrows) if arrow.seq == seq), None))

    # Qt

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        if self.diagram is not None:
            paint_diagram(painter, self.diagram, self.size(), self.current, self._hover, focus=self.hasFocus())

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._lay_out()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        hover = self.diagram.arrow_at(event.position().y()) if self.diagram is not None else None
        if hover != self._hover:
            self._hover = hover
            self.setCursor(Qt.CursorShape.ArrowCursor if hover is None else Qt.CursorShape.PointingHandCursor)
            self.update()

    def leaveEvent(self, event: QEvent) -> None:
        self._hover = None
        self.update()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() is Qt.MouseButton.LeftButton and self.diagram is not None:
            self._pick(self.diagram.arrow_at(event.position().y()))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        count = len(self.diagram.arrows) if self.diagram is not None else 0
        step = {Qt.Key.Key_Up: -1, Qt.Key.Key_Down: 1}.get(Qt.Key(event.key()))
        if step is not None and count:
            now = self.current if self.current is not None else (count if step < 0 else -1)
            self._pick(min(count - 1, max(0, now + step)))
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self.current is not None:
            self._pick(self.current)
        else:
            super().keyPressEvent(event)

    def event(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent) and self.diagram is not None:
            at = self.diagram.arrow_at(event.pos().y())
            QToolTip.showText(event.globalPos(), "" if at is None else self.diagram.arrows[at].tip, self)
            return True
        return super().event(event)

    def _lay_out(self) -> None:
        if self._exchange is None:
            self.diagram = None
            self.setMinimumSize(0, 0)
        else:
            self.diagram = lay_out(self._exchange, self.width(), self.height(), self.marked)
            self.setMinimumSize(math.ceil(self.diagram.least_width), math.ceil(self.diagram.least_height))
            if self.current is not None and self.current >= len(self.diagram.arrows):
                self._set_current(None)
        self.update()

    def _pick(self, index: int | None) -> None:
        self._set_current(index)
        if index is not None and self.diagram is not None and (seq := self.diagram.arrows[index].seq) is not None:
            self.message_selected.emit(seq)

    def _set_current(self, index: int | None) -> None:
        if index != self.current:
            self.current = index
            arrow = self.current_arrow
            self.setAccessibleDescription("" if arrow is None else arrow.tip)
            self.current_changed.emit()
            self.update()
