"""Who the selected station is: all that its BootNotification said, how it proved it, when it was last heard of."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QGuiApplication, QKeyEvent, QKeySequence
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QPushButton,
    QTreeWidget,
    QTreeWidgetItem,
    QWidget,
)

from bench.station import Station
from ui import theme
from ui.models.station_facts import Fact, copied, facts
from ui.widgets import BadgeDelegate

NAME, VALUE = range(2)


class StationFacts(QWidget):
    """Call :meth:`show_station` while it is in sight: ages go on. Ctrl+C copies what is selected, the button all of it."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._shown: list[Fact] = []
        self.table = QTreeWidget()
        self.table.setRootIsDecorated(False)
        self.table.setHeaderHidden(True)
        self.table.setColumnCount(2)
        self.table.setColumnWidth(NAME, 165)
        self.table.setMinimumHeight(60)
        self.table.setAccessibleName("Identity of the station")
        self.table.setItemDelegate(BadgeDelegate(self.table))
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.table.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.table.installEventFilter(self)
        self.copy_button = QPushButton("Copy all")
        self.copy_button.setToolTip("Copy all of it as text; Ctrl+C copies the selected lines")
        self.copy_button.clicked.connect(lambda checked=False: self._copy(self._shown))
        row = QHBoxLayout(self)
        row.setContentsMargins(10, 6, 10, 6)
        row.setSpacing(8)
        row.addWidget(self.table, 1)
        row.addWidget(self.copy_button, 0, Qt.AlignmentFlag.AlignTop)
        theme.on_change(self._recolour)

    def show_station(self, station: Station, now_utc_ns: int) -> None:
        """Show what is known of a station at that time; only lines that differ are touched."""
        fresh = facts(station, now_utc_ns)
        if [fact.name for fact in fresh] != [fact.name for fact in self._shown]:
            self.table.clear()
            self._shown = []
            for fact in fresh:
                item = QTreeWidgetItem(self.table, [fact.name, ""])
                item.setFont(VALUE, theme.mono_font())
                item.setForeground(NAME, theme.color("muted"))
        for row, fact in enumerate(fresh):
            if row >= len(self._shown) or fact != self._shown[row]:
                self._write(row, fact)
        self._shown = fresh

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if (
            isinstance(event, QKeyEvent)
            and event.type() is QEvent.Type.KeyPress
            and event.matches(QKeySequence.StandardKey.Copy)
        ):
            rows = sorted(index.row() for index in self.table.selectionModel().selectedRows())
            self._copy([self._shown[row] for row in rows] or self._shown)
            return True
        return super().eventFilter(watched, event)

    def _write(self, row: int, fact: Fact) -> None:
        item = self.table.topLevelItem(row)
        item.setText(VALUE, fact.value)
        item.setToolTip(VALUE, fact.value)
        item.setForeground(VALUE, theme.color(fact.role or "text"))

    def _recolour(self) -> None:
        for row, fact in enumerate(self._shown):
            self.table.topLevelItem(row).setForeground(NAME, theme.color("muted"))
            self._write(row, fact)

    def _copy(self, chosen: list[Fact]) -> None:
        # One value alone is wanted as such: a serial number to paste into another form.
        text = chosen[0].value if len(chosen) == 1 else copied(chosen)
        QGuiApplication.clipboard().setText(text)
