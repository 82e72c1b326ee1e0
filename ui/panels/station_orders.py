"""What a technician asks of a station most: cache, remote start and stop, availability, vendor data, and the way to its list."""

from __future__ import annotations

import json
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import (
    QComboBox,
    QFrame,
    QHBoxLayout,
    QLineEdit,
    QScrollArea,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from bench.answers import CallAnswer, Said
from bench.masking import is_key_code
from bench.station import Station
from bench.tokens.model import IdTokenType
from ui import theme
from ui.widgets import order_button

if TYPE_CHECKING:
    from bench.session import Session

MAX_DATA = 60_000
"""Characters of vendor data in one line; more goes through Any call."""

Order = Callable[["Session", str], Coroutine[Any, Any, Said | CallAnswer]]
"""Makes the order to a station of that id, to be awaited."""


class StationOrders(QScrollArea):
    """Rows of orders. asked is called with what is being done, in words with ``{}`` for the station, and the order.

    Call :meth:`show_station` whenever the station or its state changed.

    Signals:
        list_wanted: the station's local list should be shown.
    """

    list_wanted = Signal()

    def __init__(self, asked: Callable[[str, Order], None], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._asked = asked
        self._version = ""
        self._ready = False
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setWidgetResizable(True)
        self.viewport().setAutoFillBackground(False)
        page = QWidget()
        column = QVBoxLayout(page)
        column.setContentsMargins(10, 4, 10, 2)
        column.setSpacing(4)
        for make in (self._make_list_row, self._make_start_row, self._make_availability_row, self._make_data_row):
            row = QHBoxLayout()
            row.setSpacing(6)
            make(row)
            column.addLayout(row)
        column.addStretch(1)
        self.setWidget(page)
        page.setAutoFillBackground(False)  # which a scroll area switches on
        self.show_station(None, False)

    def show_station(self, station: Station | None, ready: bool) -> None:
        """Offer what can be asked of that station now. ready: it is connected, and nothing else is being asked."""
        self._ready = ready
        if station is not None and station.version != self._version:
            self._use_version(station.version)
        self._show_running([] if station is None else list(station.transactions))
        self.id_type.setEnabled(station is not None and station.version != "1.6")
        self._enable()

    # Building

    def _make_list_row(self, row: QHBoxLayout) -> None:
        self.list_button = order_button(
            "Local list…", self.list_wanted.emit, "Compare the station's local list with the store and push it (Ctrl+L)"
        )
        self.clear_button = order_button(
            "Clear cache", self._clear_cache, "Make the station forget the cards it was told of"
        )
        self.transaction = QComboBox()
        self.transaction.setAccessibleName("Running transaction")
        self.transaction.setPlaceholderText("no running transaction")
        self.transaction.setMinimumContentsLength(8)
        self.stop_button = order_button("Remote stop", self._remote_stop, "End that transaction")
        for widget in (self.list_button, self.clear_button):
            row.addWidget(widget, 2)
        row.addWidget(self.transaction, 3)
        row.addWidget(self.stop_button, 2)

    def _make_start_row(self, row: QHBoxLayout) -> None:
        self.id_token = _line("token to start with", "Token of the remote start", self._remote_start)
        self.id_token.setFont(theme.mono_font())
        self.id_token.textChanged.connect(lambda text: self._enable())
        self.id_type = QComboBox()
        self.id_type.addItems([kind.value for kind in IdTokenType])
        self.id_type.setAccessibleName("Type of that token")
        self.id_type.currentTextChanged.connect(self._type_changed)
        self.evse = _number("EVSE", "any EVSE", "EVSE of the remote start")
        self.evse.setValue(1)
        self.start_button = order_button(
            "Remote start", self._remote_start, "Start charging with that token, without a card"
        )
        row.addWidget(self.id_token, 3)
        for widget in (self.id_type, self.evse, self.start_button):
            row.addWidget(widget, 2)

    def _make_availability_row(self, row: QHBoxLayout) -> None:
        self.availability_evse = _number("EVSE", "whole station", "EVSE to make available or not")
        self.availability_evse.valueChanged.connect(lambda number: self._enable())
        self.connector = _number("connector", "all of it", "Connector to make available or not")
        self.availability = QComboBox()
        self.availability.addItems(["Operative", "Inoperative"])
        self.availability.setAccessibleName("Availability to set")
        self.availability_button = order_button(
            "Set availability", self._set_availability, "Take it out of service, or put it back"
        )
        row.addWidget(self.availability_evse, 3)
        for widget in (self.connector, self.availability, self.availability_button):
            row.addWidget(widget, 2)

    def _make_data_row(self, row: QHBoxLayout) -> None:
        self.vendor_id = _line("vendor id", "Vendor id of the data", self._send_data)
        self.vendor_id.textChanged.connect(lambda text: self._enable())
        self.message_id = _line("message id", "Message id of the data", self._send_data)
        self.vendor_data = _line("data", "Data to send", self._send_data)
        self.vendor_data.setFont(theme.mono_font())
        self.vendor_data.setMaxLength(MAX_DATA)
        self.data_button = order_button("Send data", self._send_data, "Send vendor data (DataTransfer)")
        row.addWidget(self.vendor_id, 3)
        for widget in (self.message_id, self.vendor_data, self.data_button):
            row.addWidget(widget, 2)

    # Showing

    def _use_version(self, version: str) -> None:
        """Limits and names of that OCPP version: 1.6 knows connectors of the station, and no EVSEs."""
        from bench.csms.limits import max_id_token, max_length  # the window is painted before schemas are loaded

        self._version = version
        old = version == "1.6"
        self.id_token.setMaxLength(max_id_token(version))
        self.vendor_id.setMaxLength(max_length(version, "DataTransfer", "vendorId"))
        self.message_id.setMaxLength(max_length(version, "DataTransfer", "messageId"))
        self.vendor_data.setToolTip("Text" if old else "Text; what is a JSON object or array is sent as such")
        self.availability_evse.setVisible(not old)
        self.connector.setSpecialValueText("whole station" if old else "all of it")
        self.evse.setPrefix("connector " if old else "EVSE ")
        self.evse.setSpecialValueText("any connector" if old else "any EVSE")

    def _show_running(self, running: list[str]) -> None:
        if running != [self.transaction.itemText(at) for at in range(self.transaction.count())]:
            chosen = self.transaction.currentText()
            self.transaction.clear()
            self.transaction.addItems(running)
            self.transaction.setCurrentIndex(running.index(chosen) if chosen in running else 0 if running else -1)
        self.transaction.setEnabled(bool(running))

    def _enable(self) -> None:
        for button in (self.clear_button, self.availability_button):
            button.setEnabled(self._ready)
        free = self.id_type.currentText() == IdTokenType.NO_AUTHORIZATION.value
        self.start_button.setEnabled(self._ready and (free or bool(self.id_token.text().strip())))
        self.stop_button.setEnabled(self._ready and self.transaction.count() > 0)
        self.connector.setEnabled(self._version == "1.6" or self.availability_evse.value() > 0)
        self.data_button.setEnabled(self._ready and bool(self.vendor_id.text().strip()))

    def _type_changed(self, kind: str) -> None:
        hidden = QLineEdit.EchoMode.PasswordEchoOnEdit if is_key_code(kind) else QLineEdit.EchoMode.Normal
        self.id_token.setEchoMode(hidden)
        self._enable()

    # Asking

    def _clear_cache(self) -> None:
        self._asked("Asking {} to clear its cache", lambda session, station: session.clear_cache(station))

    def _remote_start(self) -> None:
        if not self.start_button.isEnabled():
            return
        token, kind, evse = (
            self.id_token.text().strip(),
            IdTokenType(self.id_type.currentText()),
            self.evse.value() or None,
        )
        self._asked("Asking {} to start", lambda session, station: session.remote_start(station, token, kind, evse))

    def _remote_stop(self) -> None:
        transaction = self.transaction.currentText()
        if transaction:
            self._asked(
                f"Asking {{}} to stop {transaction}", lambda session, station: session.remote_stop(station, transaction)
            )

    def _set_availability(self) -> None:
        word = self.availability.currentText()
        old = self._version == "1.6"
        evse = None if old else self.availability_evse.value() or None
        connector = (self.connector.value() or None) if old or evse is not None else None
        self._asked(
            f"Setting {{}} {word.lower()}",
            lambda session, station: session.change_availability(station, word == "Operative", evse, connector),
        )

    def _send_data(self) -> None:
        if not self.data_button.isEnabled():
            return
        vendor, message, data = self.vendor_id.text().strip(), self.message_id.text().strip(), self.vendor_data.text()
        sent = typed_data(self._version, data)
        self._asked(
            "Sending data to {}", lambda session, station: session.data_transfer(station, vendor, message, sent)
        )


def typed_data(version: str, text: str) -> object:
    """Vendor data as it is sent: None for nothing; on 2.x what reads as a JSON object or array becomes one; else the text."""
    if not text:
        return None
    if version == "1.6" or not text.lstrip().startswith(("{", "[")):
        return text
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def _line(placeholder: str, name: str, entered: Callable[[], object]) -> QLineEdit:
    line = QLineEdit()
    line.setPlaceholderText(placeholder)
    line.setAccessibleName(name)
    line.returnPressed.connect(entered)
    return line


def _number(prefix: str, none: str, name: str) -> QSpinBox:
    """From 1; 0 stands for none."""
    box = QSpinBox()
    box.setRange(0, 999)
    box.setButtonSymbols(QSpinBox.ButtonSymbols.NoButtons)
    box.setPrefix(f"{prefix} ")
    box.setSpecialValueText(none)
    box.setAccessibleName(name)
    return box
