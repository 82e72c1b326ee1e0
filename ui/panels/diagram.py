"""The story of one tap as a sequence diagram: a lane a party, an arrow a step, faults drawn where they happened."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFrame, QHBoxLayout, QPushButton, QScrollArea, QStackedWidget, QVBoxLayout, QWidget

from bench.errors import OperatorError
from bench.exchange import Exchange
from bench.journal.marks import judge
from ui.dialogs import ask_save_path
from ui.panels.base import Panel, touches
from ui.panels.diagram_paint import write_picture
from ui.panels.diagram_view import DiagramView
from ui.widgets import VERDICT_BADGES, BadgeLabel, Card, ElidedLabel, EmptyState, mark

if TYPE_CHECKING:
    from bench.change import Change
    from bench.session import Session
    from bench.tasks import Tasks

EMPTY = ("No tap yet", "Hold a card to the reader, or press Ctrl+T: each step of the tap becomes an arrow here.")
EMPTY_CAPTURE = ("No tap in this capture", "A message shows its request or answer under Pair in the Inspector.")


class DiagramPanel(Panel):
    """The diagram of the selected exchange; with *follow*, of the newest."""

    title = "Sequence"

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.exchange_id: int | None = None
        self._revision = -1
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
        self.empty = EmptyState(*EMPTY)
        self._pages.addWidget(self.empty)
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
        self.empty.say(*(EMPTY if self.has_store else EMPTY_CAPTURE))
        self._set_following(True)  # as the table above it, which begins with the newest
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
        if exchange is not None and self.session is not None:
            self.view.show_marks(judge(exchange, self.session.pairs, self.session.history.get))

    def select_exchange(self, exchange_id: int) -> None:
        """Show one exchange. Following goes on only where it is the newest."""
        self.exchange_id = exchange_id
        newest = self.session is not None and exchange_id == next(reversed(self.session.exchanges), None)
        self._set_following(newest)
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
            QGuiApplication.clipboard().setText(as_text(exchange, self.view.marked))
            self.notice.emit("ok", f"Exchange {exchange.id} copied as text")

    def save_picture(self, path: Path) -> None:
        """Write the diagram as it stands, ``.svg`` or ``.png``.

        Raises:
            OperatorError: the file cannot be written.
        """
        diagram = self.view.diagram
        if diagram is None or not write_picture(diagram, path, self.card.title.text()):
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

    def _set_following(self, on: bool) -> None:
        self.follow_button.blockSignals(True)
        self.follow_button.setChecked(on)
        self.follow_button.blockSignals(False)

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
        self._look_again()
