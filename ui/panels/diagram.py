"""The story of one tap as a sequence diagram: a lane a party, an arrow a step, faults drawn where they happened."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QFont,
    QFontMetricsF,
    QGuiApplication,
    QHelpEvent,
    QImage,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QPolygonF,
    QResizeEvent,
)
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QPushButton,
    QScrollArea,
    QStackedWidget,
    QToolTip,
    QVBoxLayout,
    QWidget,
)

from bench.errors import OperatorError
from bench.exchange import Exchange, Hop
from bench.journal.pairing import Marked, Surroundings
from bench.message import Link
from ui import theme
from ui.diagram_layout import LOOP, TOP, Arrow, Diagram, lay_out
from ui.dialogs import ask_save_path
from ui.glyphs import paint_glyph
from ui.panels.base import Panel, touches
from ui.widgets import VERDICT_BADGES, BadgeLabel, Card, ElidedLabel, EmptyState, mark

if TYPE_CHECKING:
    from bench.session import Change, Session
    from bench.tasks import Tasks

HEAD = 7.0
"""Length of an arrow's head."""


class DiagramPanel(Panel):
    """The diagram of the selected exchange; with *follow*, of the newest."""

    title = "Sequence"

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.exchange_id: int | None = None
        self._revision = -1
        self._surroundings: Surroundings | None = None
        self.card = Card("Sequence", margin=0)
        self.badge = BadgeLabel()
        self.copy_button = mark(QPushButton("Copy"), "flat")
        self.copy_button.setToolTip("Copy the exchange as text")
        self.save_button = mark(QPushButton("Save picture"), "flat")
        self.save_button.setToolTip("Save the diagram as SVG or PNG")
        self.follow_button = mark(QPushButton("Follow"), "flat")
        self.follow_button.setCheckable(True)
        self.follow_button.setChecked(True)
        self.follow_button.setToolTip("Show every new tap as it comes")
        self.card.header.insertWidget(1, self.badge)
        for button in (self.copy_button, self.save_button, self.follow_button):
            self.card.header.addWidget(button)
        self.view = DiagramView()
        self.view.message_selected.connect(self.message_selected)
        self._scroll = scroll = QScrollArea()
        self.view.current_changed.connect(self._show_current)
        scroll.setWidget(self.view)
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.viewport().setAutoFillBackground(False)
        self.view.setAutoFillBackground(False)
        self._pages = QStackedWidget()
        self._pages.addWidget(
            EmptyState(
                "No tap yet", "Hold a card to the reader, or press Ctrl+T: each step of the tap becomes an arrow here."
            )
        )
        # What is marked, in words: a step without a message opens nothing, and this is its answer to a click.
        self.said = ElidedLabel("", "muted", delta=-0.75)
        words = QHBoxLayout()
        words.setContentsMargins(10, 0, 10, 2)
        words.addWidget(self.said)
        page = QWidget()
        column = QVBoxLayout(page)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        column.addWidget(scroll, 1)
        column.addLayout(words)
        self._pages.addWidget(page)
        self.card.body.setContentsMargins(1, 0, 1, 3)
        self.card.body.addWidget(self._pages)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.card)
        self.setFocusProxy(self.view)
        self.copy_button.clicked.connect(self.copy_text)
        self.save_button.clicked.connect(lambda: self.run(self._save(), name="save diagram"))
        self.follow_button.toggled.connect(self._follow_toggled)
        self._show_current()
        self._show(None)

    def attach(self, session: Session, tasks: Tasks) -> None:
        super().attach(session, tasks)
        self.exchange_id = None
        limits = {Link.JOSEV: session.profile.answer_limit_s, Link.OCPP: session.profile.ocpp.call_timeout_s}
        self._surroundings = Surroundings(session.journal, session.clock, limits)
        self._follow_newest()
        if self.exchange_id is None:
            self._show(None)

    def refresh(self, changes: set[tuple[Change, object]]) -> None:
        if touches(changes, "exchange"):
            self._follow_changes()
        self._look_again()

    def _follow_changes(self) -> None:
        if self.follow_button.isChecked():
            self._follow_newest()
        exchange = self._exchange()
        if exchange is not None and exchange.revision != self._revision:
            self._show(exchange)

    def _look_again(self) -> None:
        """A late answer may have come, or the time of one run out, since the exchange was shown."""
        exchange = self._exchange()
        if exchange is None:
            return
        looked = self._surroundings.look(exchange) if self._surroundings is not None else None
        if looked is not None:
            self.view.show_marks(looked)

    def select_exchange(self, exchange_id: int) -> None:
        """Show one exchange. Following goes on only where it is the newest."""
        self.exchange_id = exchange_id
        newest = self.session is not None and exchange_id == next(reversed(self.session.exchanges), None)
        self.follow_button.blockSignals(True)
        self.follow_button.setChecked(newest)
        self.follow_button.blockSignals(False)
        self._show(self._exchange())

    def select_message(self, seq: int) -> None:
        if self.session is None:
            return
        exchange_id = self.session.exchange_of(seq)
        if exchange_id is not None and exchange_id != self.exchange_id:
            self.select_exchange(exchange_id)
        self.view.mark_message(seq)

    def copy_text(self) -> None:
        """Put the exchange on the clipboard, a hop a line."""
        from bench.story import as_text

        exchange = self._exchange()
        if exchange is not None:
            QGuiApplication.clipboard().setText(as_text(exchange))
            self.notice.emit("ok", f"Exchange {exchange.id} copied as text")

    def save_picture(self, path: Path) -> None:
        """Write the diagram as it stands, ``.svg`` or ``.png``.

        Raises:
            OperatorError: the file cannot be written.
        """
        if not self.view.write_picture(path, self.card.title.text()):
            raise OperatorError(f"the picture could not be written to {path}", "choose another folder or name")
        self.notice.emit("ok", f"Saved {path.name}")

    async def _save(self) -> None:
        suggestion = f"exchange-{self.exchange_id}.svg"
        chosen = await ask_save_path(self, "Save the diagram", suggestion, "SVG (*.svg);;PNG (*.png)")
        if chosen is not None:
            path = Path(chosen)
            self.save_picture(path if path.suffix.lower() in (".svg", ".png") else path.with_name(path.name + ".svg"))

    def _show_current(self) -> None:
        """Bring the marked step into view and say what it is."""
        arrow = self.view.current_arrow
        self.said.set_text("" if arrow is None else arrow.tip.splitlines()[0])
        self.said.setVisible(arrow is not None)
        if arrow is not None:
            # Showing the line took room from the rows; where the step is now, is known after that.
            self._scroll.parentWidget().layout().activate()
            self._make_visible()

    def _make_visible(self) -> None:
        arrow = self.view.current_arrow
        if arrow is not None:
            across = self._scroll.horizontalScrollBar().value()
            middle, room = round((arrow.top + arrow.bottom) / 2), round(arrow.bottom - arrow.top)
            self._scroll.ensureVisible(across, middle, 0, room)

    def _follow_toggled(self, on: bool) -> None:
        if on:
            self._follow_newest()
            if self.exchange_id is not None:
                self.exchange_selected.emit(self.exchange_id)

    def _follow_newest(self) -> None:
        newest = next(reversed(self.session.exchanges), None) if self.session is not None else None
        if newest is not None and newest != self.exchange_id:
            self.exchange_id = newest
            self._show(self._exchange())

    def _exchange(self) -> Exchange | None:
        if self.session is None or self.exchange_id is None:
            return None
        return self.session.exchanges.get(self.exchange_id)

    def _show(self, exchange: Exchange | None) -> None:
        self._revision = -1 if exchange is None else exchange.revision
        self.card.title.setText("Sequence" if exchange is None else f"Exchange {exchange.id}")
        self.badge.set_badge(None if exchange is None else VERDICT_BADGES[exchange.verdict])
        for button in (self.copy_button, self.save_button):
            button.setEnabled(exchange is not None)
        self._pages.setCurrentIndex(0 if exchange is None else 1)
        self.view.show_exchange(exchange)
        if exchange is not None and self._surroundings is not None:
            self.view.show_marks(self._surroundings.judge(exchange))


class DiagramView(QWidget):
    """Paints a :class:`Diagram`. Up and Down walk the arrows, a click or Enter opens the message of one.

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
        self._marks: dict[int, str] = {}
        self._strays: tuple[Hop, ...] = ()
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
            self._marks, self._strays = {}, ()
        self._exchange = exchange
        self._lay_out()

    def show_marks(self, judged: Marked) -> None:
        """Write beside the steps what does not fit, and draw the steps that came besides."""
        if (judged.words, judged.strays) != (self._marks, self._strays):
            picked = self.current_arrow
            self._marks, self._strays = judged.words, judged.strays
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

    def write_picture(self, path: Path, title: str) -> bool:
        """SVG, or PNG at twice the size; False where the file cannot be written."""
        if self.diagram is None:
            return False
        size = QSize(round(self.diagram.width), round(self.diagram.height))
        if path.suffix.lower() == ".svg":
            from PySide6.QtSvg import QSvgGenerator

            drawing = QSvgGenerator()
            drawing.setFileName(str(path))
            drawing.setSize(size)
            drawing.setViewBox(QRectF(0, 0, size.width(), size.height()))
            drawing.setTitle(title)
            painter = QPainter()
            if not painter.begin(drawing):
                return False
            paint_diagram(painter, self.diagram, size)
            return painter.end()
        image = QImage(size * 2, QImage.Format.Format_RGB32)
        image.setDevicePixelRatio(2)
        painter = QPainter(image)
        paint_diagram(painter, self.diagram, size)
        painter.end()
        return image.save(str(path))

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
            self.diagram = lay_out(self._exchange, self.width(), self.height(), self._marks, self._strays)
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


def paint_diagram(
    painter: QPainter,
    diagram: Diagram,
    size: QSize,
    current: int | None = None,
    hover: int | None = None,
    *,
    focus: bool = False,
) -> None:
    """Draw a diagram in the colours of the theme on a ground of ``size``."""
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.fillRect(QRectF(0, 0, size.width(), size.height()), theme.color("panel"))
    for index, role in ((hover, "surface"), (current, "selection")):
        if index is not None and index < len(diagram.arrows):
            arrow = diagram.arrows[index]
            band = QRectF(0, arrow.top + 1, size.width(), arrow.bottom - arrow.top)
            painter.fillRect(band, theme.color(role))
            if focus and index is current:
                painter.setPen(QPen(theme.color("accent"), 1))
                painter.drawRect(band.adjusted(0.5, 0.5, -1.5, -0.5))
    _paint_lanes(painter, diagram, max(diagram.height, size.height()))
    for arrow in diagram.arrows:
        _paint_arrow(painter, arrow, diagram.width)


def _paint_lanes(painter: QPainter, diagram: Diagram, height: float) -> None:
    font = theme.ui_font(-0.25, bold=True)
    painter.setFont(font)
    half = min(120.0, (diagram.lanes[1].x - diagram.lanes[0].x) if len(diagram.lanes) > 1 else 120.0) / 2 + 4
    for lane in diagram.lanes:
        painter.setPen(theme.color("text" if lane.used else "muted"))
        head = QRectF(lane.x - half, 8, 2 * half, TOP - 17)
        painter.drawText(head, Qt.AlignmentFlag.AlignCenter, lane.label)
        style = Qt.PenStyle.SolidLine if lane.used else Qt.PenStyle.DashLine
        painter.setPen(QPen(theme.color("border"), 1.2, style))
        painter.drawLine(QPointF(lane.x, TOP - 6), QPointF(lane.x, height - 8))


def _paint_arrow(painter: QPainter, arrow: Arrow, width: float) -> None:
    ink = theme.color(arrow.role)
    pen = QPen(ink, 1.7, Qt.PenStyle.DashLine if arrow.dashed or arrow.lost else Qt.PenStyle.SolidLine)
    painter.setPen(pen)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    if arrow.loop:
        painter.drawPolyline(
            QPolygonF(
                [
                    QPointF(arrow.x1, arrow.y - 7),
                    QPointF(arrow.x1 + LOOP, arrow.y - 7),
                    QPointF(arrow.x1 + LOOP, arrow.y),
                    QPointF(arrow.x1 + HEAD, arrow.y),
                ]
            )
        )
        _paint_head(painter, arrow.x1, arrow.y, -1, ink)
    else:
        towards = 1 if arrow.x2 > arrow.x1 else -1
        ends = (arrow.x1 + arrow.x2) / 2 if arrow.lost else arrow.x2 - towards * HEAD
        painter.drawLine(QPointF(arrow.x1, arrow.y), QPointF(ends, arrow.y))
        if arrow.lost:
            painter.setPen(QPen(ink, 2))
            for slope in (-1, 1):
                painter.drawLine(QPointF(ends - 4, arrow.y - 4 * slope), QPointF(ends + 4, arrow.y + 4 * slope))
        else:
            _paint_head(painter, arrow.x2, arrow.y, towards, ink)
    _paint_words(painter, arrow, width, ink)


def _paint_head(painter: QPainter, x: float, y: float, towards: int, ink: QColor) -> None:
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(ink)
    back = x - towards * HEAD * 1.2
    painter.drawPolygon(QPolygonF([QPointF(x, y), QPointF(back, y - HEAD / 2), QPointF(back, y + HEAD / 2)]))


def _paint_words(painter: QPainter, arrow: Arrow, width: float, ink: QColor) -> None:
    font = theme.ui_font(-0.75)
    metrics = QFontMetricsF(font)
    painter.setFont(font)
    left = arrow.left + (LOOP + 6 if arrow.loop else 9)
    # The mark is what is looked for: the name gives way to it.
    kept = _mark_width(arrow.mark) if arrow.mark else 0.0
    name = metrics.elidedText(arrow.name, Qt.TextElideMode.ElideRight, max(width / 8, width - left - 6 - kept))
    painter.setPen(theme.color("fail" if arrow.lost else "text"))
    base = arrow.y - (7 if arrow.lost else 4.5)
    painter.drawText(QPointF(left, base), name)
    if arrow.mark:
        _paint_mark(painter, QPointF(left + metrics.horizontalAdvance(name) + 8, base), arrow.mark, width)
    small = theme.ui_font(-1.25)
    painter.setFont(small)
    painter.setPen(theme.color("muted"))
    small_metrics = QFontMetricsF(small)
    beside = arrow.left - 8 - small_metrics.horizontalAdvance(arrow.latency)
    painter.drawText(QPointF(beside, arrow.y + small_metrics.ascent() / 2 - 1), arrow.latency)
    if arrow.fault:
        painter.setFont(small)
        painter.setPen(ink)
        fault = small_metrics.elidedText(arrow.fault, Qt.TextElideMode.ElideRight, width - left - 6)
        painter.drawText(QPointF(left, arrow.y + small_metrics.height()), fault)


def _mark_font() -> QFont:
    return theme.ui_font(-1.0, bold=True)


def _mark_width(words: str) -> float:
    metrics = QFontMetricsF(_mark_font())
    return 8 + metrics.ascent() + 4 + metrics.horizontalAdvance(words)


def _paint_mark(painter: QPainter, at: QPointF, words: str, width: float) -> None:
    """A warning sign and what does not fit, from the foot of its words."""
    font = _mark_font()
    metrics = QFontMetricsF(font)
    side = metrics.ascent()
    ink = theme.color("warn")
    paint_glyph(painter, QRectF(at.x(), at.y() - side + 1.5, side, side), "warning", ink)
    painter.setFont(font)
    painter.setPen(ink)
    room = width - at.x() - side - 4 - 4
    painter.drawText(QPointF(at.x() + side + 4, at.y()), metrics.elidedText(words, Qt.TextElideMode.ElideRight, room))
