"""What the selected station reported: security events, monitored variables, vendor data, states, progress."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, Qt, Signal
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QPushButton, QStackedWidget, QVBoxLayout, QWidget

from bench.csms.events import EventKind, StationEvent
from bench.station import Station
from ui.models.station_events import SAMPLES, StationEventsModel
from ui.panels.cells import make_table, set_widths
from ui.widgets import EmptyState, RoleLabel

ALL = "all kinds"
WORDS: dict[EventKind, str] = {
    EventKind.SECURITY: "security events",
    EventKind.EVENT: "monitored variables",
    EventKind.REPORT: "reports",
    EventKind.DATA: "vendor data",
    EventKind.STATUS: "states",
    EventKind.PROGRESS: "firmware and logs",
}


class StationEvents(QWidget):
    """Follows the newest until the operator scrolls up. Call :meth:`show_station` while it is in sight.

    Signals:
        message_selected: journal number of the message an event came in (double click or Enter).
    """

    message_selected = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._events: list[StationEvent] = []
        self._moving = False
        self._live = True
        self.kind = QComboBox()
        self.kind.addItem(ALL, None)
        for kind, word in WORDS.items():
            self.kind.addItem(word, kind)
        self.kind.setAccessibleName("Kind of events shown")
        self.kind.currentIndexChanged.connect(lambda at: self._show())
        self.count = RoleLabel("", "muted")
        self.follow_button = QPushButton("⤓ follow")
        self.follow_button.setCheckable(True)
        self.follow_button.setChecked(True)
        self.follow_button.setAccessibleName("Follow the newest event")
        self.follow_button.setToolTip("Keep the newest event in sight; scrolling up ends it")
        self.follow_button.toggled.connect(lambda following: self._stick())
        self.model = StationEventsModel(self)
        self.table = make_table("Events of the station, newest last")
        self.table.setModel(self.model)
        set_widths(self.table, SAMPLES[:-1])
        self.table.activated.connect(self._open)
        self.table.setToolTip("Double-click or press Enter for the whole message")
        self.table.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        bar = self.table.verticalScrollBar()
        bar.rangeChanged.connect(lambda least, most: self._stick())
        bar.valueChanged.connect(self._scrolled)
        self.table.setMinimumHeight(60)
        self.empty = EmptyState("Nothing reported yet")
        self._pages = QStackedWidget()
        self._pages.addWidget(self.empty)
        self._pages.addWidget(self.table)
        row = QHBoxLayout()
        row.addWidget(self.kind)
        row.addWidget(self.count, 1)
        row.addWidget(self.follow_button)
        column = QVBoxLayout(self)
        column.setContentsMargins(10, 6, 10, 6)
        column.setSpacing(4)
        column.addLayout(row)
        column.addWidget(self._pages, 1)
        self._show()

    def show_station(self, station: Station, *, live: bool = True) -> None:
        """Show what that station reported; cheap where nothing is new. live: False for one of an opened capture."""
        events = station.events
        old = self._events
        if live is not self._live:
            self._live = live
            self._show()
        if len(events) == len(old) and (not old or (events[0] is old[0] and events[-1] is old[-1])):
            return
        self._events = list(events)
        self._show()

    def _show(self) -> None:
        kind: EventKind | None = self.kind.currentData()
        self._moving = True
        self.model.show(self._events, kind)
        self._moving = False
        self._stick()
        shown, told = self.model.rowCount(), len(self._events)
        self.count.setText("" if not told else f"{shown}" if shown == told else f"{shown} of {told}")
        if told:
            self.empty.say(f"No {self.kind.currentText()} among {told} events", "Choose all kinds to see them.")
        elif not self._live:
            self.empty.say(
                "An opened capture keeps no list of events",
                "They are among its messages: filter for name:NotifyEvent,SecurityEventNotification,StatusNotification.",
            )
        else:
            self.empty.say(
                "Nothing reported yet",
                "Security events, monitored variables, vendor data, states of connectors and firmware updates stand here as the"
                " station tells them. TriggerMessage under Any call makes it tell its state.",
            )
        self._pages.setCurrentWidget(self.table if shown else self.empty)

    def _stick(self) -> None:
        """To the newest, where that is wanted: a table that grows or is resized does not move by itself."""
        if self.follow_button.isChecked():
            moving, self._moving = self._moving, True
            self.table.scrollToBottom()
            self._moving = moving

    def _scrolled(self, value: int) -> None:
        if not self._moving:
            self.follow_button.setChecked(value >= self.table.verticalScrollBar().maximum())

    def _open(self, index: QModelIndex) -> None:
        event = self.model.event_at(index.row())
        if event is not None:
            self.message_selected.emit(event.seq)
