"""A call in the name of one side of a proxied connection to the other, which neither of them knows of."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QVBoxLayout, QWidget

from bench.proxy_desk import ProxyDesk
from bench.proxy_rules import Side
from ui.panels.free_call import FreeCall
from ui.widgets import RoleLabel

NOBODY = "No station is connected through the proxy."
TO = {Side.STATION: "to the station", Side.CSMS: "to its CSMS"}


class InjectedCall(QWidget):
    """place: which connection and which way, to stand beside the tab's name: a low dock leaves little height.

    Signals:
        asked: station, side it goes to, action, payload.
    """

    asked = Signal(str, str, str, object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.desk: ProxyDesk | None = None
        self.station = QComboBox()
        self.station.setAccessibleName("Station whose connection it goes on")
        self.station.setMinimumContentsLength(10)
        self.station.currentTextChanged.connect(lambda text: self._fit())
        self.side = QComboBox()
        for side, words in TO.items():
            self.side.addItem(words, side)
        self.side.setAccessibleName("Side it goes to")
        self.side.currentIndexChanged.connect(lambda index: self._fit())
        self.said = RoleLabel("", "muted", wrap=True)
        self.said.setAccessibleName("What was answered")
        self.said.setContentsMargins(10, 2, 10, 0)
        self.call = FreeCall()
        self.call.asked.connect(self._ask)
        self.place = QWidget()
        row = QHBoxLayout(self.place)
        row.setContentsMargins(0, 0, 10, 0)
        row.setSpacing(6)
        row.addWidget(self.station)
        row.addWidget(self.side)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.said)
        layout.addWidget(self.call, 1)
        self.say("muted", NOBODY)

    def show_stations(self) -> None:
        """Offer the stations that are connected."""
        names = [] if self.desk is None else list(self.desk.stations)
        if names != [self.station.itemText(at) for at in range(self.station.count())]:
            chosen = self.station.currentText()
            self.station.blockSignals(True)
            self.station.clear()
            self.station.addItems(names)
            if chosen in names:
                self.station.setCurrentText(chosen)
            self.station.blockSignals(False)
            if not names:
                self.say("muted", NOBODY)
            elif chosen not in names:
                self.say("muted", "")
        self.call.setEnabled(bool(names))
        self._fit()

    def say(self, role: str, text: str) -> None:
        self.said.set_role(role)
        self.said.setText(text)
        self.said.setVisible(bool(text))

    def _fit(self) -> None:
        station = self.station.currentText()
        if self.desk is not None and station in self.desk.stations and self.isVisible():
            self.call.set_version(self.desk.version(station), by_station=self.side.currentData() == Side.CSMS)

    def _ask(self, action: str, payload: object, although_wrong: bool) -> None:
        if not although_wrong and self.call.is_wrong:
            self.say("warn", "⚠ Not sent: see below what is wrong, or tick “although wrong”.")
            return
        self.asked.emit(self.station.currentText(), str(self.side.currentData()), action, payload)
