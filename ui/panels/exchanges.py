"""Exchanges: a row a tap, newest first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QModelIndex, QPoint, Qt, Signal
from PySide6.QtGui import QFont, QFontMetrics, QResizeEvent
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QMenu, QStackedWidget, QTableView, QVBoxLayout, QWidget

from bench.exchange import Verdict
from ui import theme
from ui.models.exchanges import HEADERS, Column, ExchangesModel
from ui.panels.base import Panel, touches
from ui.widgets import VERDICT_BADGES, BadgeDelegate, Card, EmptyState, badge_font, badge_size

if TYPE_CHECKING:
    from bench.change import Change
    from bench.journal.pairs import Pairs
    from bench.session import Session
    from bench.tasks import Tasks
    from ui.panels.compare import CompareWindow

SAMPLES = {
    Column.TIME: "00:00:00.000",
    Column.CARD: "04A2B3C4D5E680",
    Column.BUS: "000 ms",
    Column.OCPP: "00.0 ms",
    Column.TOTAL: "000 ms",
}
EMPTY = ("No taps yet", "Every card held to a reader, and every one the charger asks about, becomes a row here.")
EMPTY_CAPTURE = (
    "No taps in this capture",
    "All it holds stands under Messages; what was imported from a log or a trace has no taps.",
)
NARROW = 680
"""Width below which the milliseconds of the time of day make room for who decided."""


class ExchangesPanel(Panel):
    """The table of taps. The selection follows the newest until the operator picks another.

    compare: the window that compares two of them, once it was asked for.

    Signals:
        capture_wanted: the operator wants to compare with an exchange of another capture; hand it to ``compare.show_capture``.
    """

    title = "Exchanges"
    capture_wanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.model = ExchangesModel(self)
        self.compare: CompareWindow | None = None
        self._ours = False
        self.card = Card("Exchanges", margin=0)
        self.card.body.setContentsMargins(0, 0, 0, 3)
        self.table = QTableView()
        self._set_up_table()
        self._pages = QStackedWidget()
        self.empty = EmptyState(*EMPTY)
        self._pages.addWidget(self.empty)
        self._pages.addWidget(self.table)
        self.card.body.addWidget(self._pages)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.card)
        self.setFocusProxy(self.table)
        theme.on_change(self.model.repaint_all)

    def attach(self, session: Session, tasks: Tasks) -> None:
        super().attach(session, tasks)
        self.model.show_session(session)
        self.empty.say(*(EMPTY if self.has_store else EMPTY_CAPTURE))
        if not session.pairs.complete:
            self.run(self._judge_all(session.pairs), name="pairing")
        if self.compare is not None:
            self.compare.show_session(session)
        self._show_counts()
        self._select_row(0)

    def refresh(self, changes: set[tuple[Change, object]]) -> None:
        self.model.look_again()
        if not touches(changes, "exchange"):
            return
        # Two rows picked to be compared stay picked.
        followed = self.table.currentIndex().row() in (-1, 0) and len(self.selected_ids) < 2
        self.model.update([key for kind, key in changes if kind == "exchange"])
        self._show_counts()
        if self.compare is not None:
            self.compare.refresh()
        if followed:
            self._select_row(0)

    def select_exchange(self, exchange_id: int) -> None:
        row = self.model.row_of(exchange_id)
        if row is not None:
            self._select_row(row)

    def select_message(self, seq: int) -> None:
        exchange_id = self.session.exchange_of(seq) if self.session is not None else None
        if exchange_id is not None:
            self.select_exchange(exchange_id)

    @property
    def selected_id(self) -> int | None:
        return self.model.id_at(self.table.currentIndex().row())

    @property
    def selected_ids(self) -> list[int]:
        """The exchanges of the selected rows, oldest first."""
        rows = self.table.selectionModel().selectedRows()
        return sorted(id_ for index in rows if (id_ := self.model.id_at(index.row())) is not None)

    def context_menu(self) -> QMenu:
        """What can be done with the selected rows."""
        chosen = self.selected_ids
        menu = QMenu(self.table)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        two = len(chosen) == 2
        action = menu.addAction("Compare the two selected" if two else "Compare with…")
        action.setEnabled(len(chosen) in (1, 2))
        action.triggered.connect(lambda: self.show_compare(*chosen))
        return menu

    def show_compare(self, left: int | None = None, right: int | None = None) -> CompareWindow:
        """Open the comparison, or bring it to the front. Without ``right``, the nearest exchange of the same card is beside it."""
        from ui.panels.compare import CompareWindow

        if self.compare is None:
            self.compare = CompareWindow(self)
            self.compare.capture_wanted.connect(self.capture_wanted)
            self.compare.message_selected.connect(self.message_selected)
        if self.session is not None:
            self.compare.show_session(self.session)
        self.compare.choose(left, right)
        self.compare.show()
        self.compare.raise_()
        self.compare.activateWindow()
        return self.compare

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        narrow = self.width() < NARROW
        self.model.set_short_time(narrow)
        sample = SAMPLES[Column.TIME].partition(".")[0] if narrow else SAMPLES[Column.TIME]
        self.table.horizontalHeader().resizeSection(Column.TIME, _advance(theme.mono_font(-0.25), sample) + 15)

    def _set_up_table(self) -> None:
        table = self.table
        table.setModel(self.model)
        table.setAccessibleName("Exchanges, newest first")
        table.setItemDelegate(BadgeDelegate(table))
        table.setFont(theme.ui_font())
        table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        table.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        table.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        table.customContextMenuRequested.connect(self._open_menu)
        table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        table.setTabKeyNavigation(False)
        table.setShowGrid(False)
        table.setWordWrap(False)
        table.setTextElideMode(Qt.TextElideMode.ElideRight)
        table.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        table.verticalHeader().hide()
        table.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        table.verticalHeader().setDefaultSectionSize(25)
        header = table.horizontalHeader()
        header.setHighlightSections(False)
        header.setMinimumSectionSize(48)
        header.setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        header.setSectionResizeMode(Column.DECIDED_BY, QHeaderView.ResizeMode.Stretch)
        mono, words = theme.mono_font(-0.25), theme.ui_font(bold=True)
        for column, sample in SAMPLES.items():
            font = mono if column <= Column.CARD else words
            header.resizeSection(column, _advance(font, sample) + 15)
        header.resizeSection(Column.VERDICT, badge_size(VERDICT_BADGES[Verdict.TIMED_OUT], badge_font()).width() + 14)
        assert header.count() == len(HEADERS)
        table.selectionModel().currentRowChanged.connect(self._row_changed)

    def _show_counts(self) -> None:
        taps = self.model.rowCount()
        self._pages.setCurrentIndex(1 if taps else 0)
        word = "tap" if taps == 1 else "taps"
        self.card.note.setText(f"{taps} {word} · {self.model.accepted} accepted · newest first" if taps else "")

    def _select_row(self, row: int) -> None:
        index = self.model.index(row, 0)
        if not index.isValid() or row == self.table.currentIndex().row():
            return
        self._ours = True
        self.table.setCurrentIndex(index)
        self._ours = False

    def _open_menu(self, at: QPoint) -> None:
        # popup, never exec: a menu that waits would hold up every task.
        self.context_menu().popup(self.table.viewport().mapToGlobal(at))

    async def _judge_all(self, pairs: Pairs) -> None:
        """A long capture is gone through beside the window; the rows are right for all of it afterwards."""
        await pairs.fill()
        if self.session is not None and self.session.pairs is pairs:
            self.model.judge_anew()

    def _row_changed(self, current: QModelIndex, previous: QModelIndex) -> None:
        exchange_id = self.model.id_at(current.row())
        if exchange_id is not None and not self._ours:
            self.exchange_selected.emit(exchange_id)


def _advance(font: QFont, sample: str) -> int:
    return QFontMetrics(font).horizontalAdvance(sample)
