"""Station: what is known of each charging station, what can be asked of it, and its answer in plain words."""

from __future__ import annotations

import json
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QLineEdit,
    QPlainTextEdit,
    QPushButton,
    QSpinBox,
    QSplitter,
    QStackedLayout,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from bench.answers import CallAnswer, PushReport, Said
from bench.errors import OperatorError
from bench.masking import is_key_code, mask_tree, to_tree
from bench.station import Station
from bench.tokens.model import IdTokenType
from ui import theme
from ui.models.stations import StationTableModel
from ui.panels.base import Panel
from ui.panels.cells import make_table, set_widths
from ui.panels.free_call import FreeCall
from ui.panels.role import RoleTab
from ui.panels.station_settings import SettingsTable
from ui.widgets import ElidedLabel, EmptyState, RoleLabel, mark, readable_ms

if TYPE_CHECKING:
    from bench.session import Change, Session
    from bench.settings_flow import SettingValue, SettingWritten
    from bench.tasks import Tasks

SAMPLES = ("CP-0001-NO", "□ off", "2.0.1", "Accepted", "Wallbox One", "1.14.2", "not asked", "1.1 Av")
TOLD_ELSEWHERE = (4, 5, 8)
"""Columns left out of the table: vendor, model and firmware stand in the line below it, transactions among the orders."""
MAX_ANSWERS = 200
MAX_LEFT_OUT = 50
MAX_ANSWER_TEXT = 20_000
LOOPBACK = ("127.0.0.1", "localhost", "[::1]")


class StationPanel(Panel):
    """Asks one thing at a time; what the station says stays readable until the next answer and in the list below it."""

    title = "Station"

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._asking = False
        self._settings_of: str | None = None
        self._build()
        theme.on_change(self.table.viewport().update)

    # What the window uses

    def attach(self, session: Session, tasks: Tasks) -> None:
        super().attach(session, tasks)
        self.role.attach(session)
        self._say_where()
        self.refresh(set())

    def refresh(self, changes: set[tuple[Change, object]]) -> None:
        if self.session is None:
            return
        chosen = self._model.id_at(self.table.currentIndex().row())
        self._model.show(list(self.session.stations.values()))
        row = None if chosen is None else self._model.row_of(chosen)
        if self._model.rowCount() and (row is None or row != self.table.currentIndex().row()):
            self.table.selectRow(row or 0)
        self.role.refresh()
        self._stack.setCurrentWidget(self._page if self._model.rowCount() or self.role.there else self.empty)
        self._tell()

    def push_list(self) -> bool:
        """Push the store to the selected station (Ctrl+L)."""
        station = self.station
        if self.session is None or station is None or not station.connected or self._asking:
            return False
        self._ask(f"Pushing the list to {station.id}", self.session.push_list(station.id))
        return True

    def remembered(self) -> dict[str, str]:
        return {"presets": self.free_call.presets.remembered()}

    def recall(self, values: dict[str, str]) -> None:
        self.free_call.presets.recall(values.get("presets", ""))

    @property
    def station(self) -> Station | None:
        """The selected station."""
        chosen = self._model.id_at(self.table.currentIndex().row())
        return None if self.session is None or chosen is None else self.session.stations.get(chosen)

    # Building

    def _build(self) -> None:
        self._model = StationTableModel(self)
        self.table = make_table("Stations")
        self.table.setModel(self._model)
        set_widths(self.table, SAMPLES)
        for column in TOLD_ELSEWHERE:
            self.table.setColumnHidden(column, True)
        # A low dock shows the whole of the panel: one row each, and scrolling within the parts.
        self.table.setMinimumHeight(62)
        self.identity = ElidedLabel("", "muted")
        self.table.selectionModel().currentRowChanged.connect(lambda now, before: self._tell())
        self.said = RoleLabel("", "muted", bold=True, wrap=True)
        self.said.setAccessibleName("What the station said")
        self.said.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.answers = QPlainTextEdit()
        self.answers.setReadOnly(True)
        self.answers.setProperty("bare", True)
        self.answers.setFont(theme.mono_font(-0.5))
        self.answers.setMaximumBlockCount(MAX_ANSWERS)
        self.answers.setTabChangesFocus(True)
        self.answers.setMinimumHeight(24)
        self.answers.setAccessibleName("Answers so far, newest at the end")
        self.answers.setPlaceholderText("What the station answers is kept here.")

        answer = QWidget()
        column = QVBoxLayout(answer)
        column.setContentsMargins(10, 4, 10, 6)
        column.addWidget(self.said)
        column.addWidget(self.answers, 1)
        known = QWidget()
        column = QVBoxLayout(known)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.table, 1)
        line = QHBoxLayout()
        line.setContentsMargins(10, 2, 10, 2)
        line.addWidget(self.identity)
        column.addLayout(line)
        left = QSplitter(Qt.Orientation.Vertical)
        left.addWidget(known)
        left.addWidget(answer)
        left.setSizes([90, 130])
        self.free_call = FreeCall()
        self.free_call.asked.connect(self._call)
        self.settings = SettingsTable()
        self.settings.read_asked.connect(self._read_settings)
        self.settings.set_asked.connect(self._write_setting)
        self.tabs = QTabWidget()
        self.tabs.setDocumentMode(True)
        self.tabs.addTab(self._make_orders(), "Orders")
        self.tabs.addTab(self.free_call, "Any call")
        self.tabs.addTab(self.settings, "Settings")
        self.role = RoleTab(self.tabs)
        self._page = QSplitter(Qt.Orientation.Horizontal)
        self._page.addWidget(left)
        self._page.addWidget(self.tabs)
        self._page.setStretchFactor(0, 1)
        self._page.setStretchFactor(1, 1)
        self._page.setSizes([525, 725])
        self.empty = EmptyState("No station has connected yet", "", "Copy the URL")
        self.empty.asked.connect(self._copy_url)
        self._stack = QStackedLayout(self)
        self._stack.addWidget(self.empty)
        self._stack.addWidget(self._page)
        self._say_where()

    def _make_orders(self) -> QWidget:
        self.push_button = mark(
            self._button("Push list", self.push_list, "Send the store as a full list (Ctrl+L)"), "primary"
        )
        self.version_button = self._button("List version", self._list_version, "Read the version of the station's list")
        self.clear_button = self._button(
            "Clear cache", self._clear_cache, "Make the station forget the cards it was told of"
        )
        self.id_token = QLineEdit()
        self.id_token.setFont(theme.mono_font())
        self.id_token.setMaxLength(36)
        self.id_token.setPlaceholderText("token to start with")
        self.id_token.setAccessibleName("Token of the remote start")
        self.id_token.returnPressed.connect(self._remote_start)
        self.id_token.textChanged.connect(lambda text: self._tell())
        self.id_type = QComboBox()
        self.id_type.addItems([kind.value for kind in IdTokenType])
        self.id_type.setAccessibleName("Type of that token")
        self.id_type.currentTextChanged.connect(self._type_changed)
        self.evse = QSpinBox()
        self.evse.setRange(0, 999)
        self.evse.setValue(1)
        self.evse.setButtonSymbols(QSpinBox.ButtonSymbols.NoButtons)
        self.evse.setPrefix("EVSE ")
        self.evse.setSpecialValueText("any EVSE")
        self.evse.setAccessibleName("EVSE of the remote start")
        self.start_button = self._button(
            "Remote start", self._remote_start, "Start charging with that token, without a card"
        )
        self.transaction = QComboBox()
        self.transaction.setAccessibleName("Running transaction")
        self.stop_button = self._button("Remote stop", self._remote_stop, "End that transaction")

        self.availability = QComboBox()
        self.availability.addItems(["Operative", "Inoperative"])
        self.availability.setAccessibleName("Availability to set")
        self.availability_button = self._button(
            "Set availability", self._set_availability, "Of that EVSE, or of the whole station for any EVSE"
        )

        page = QWidget()
        column = QVBoxLayout(page)
        column.setContentsMargins(10, 6, 10, 4)
        column.setSpacing(6)
        for widgets in (
            (self.push_button, self.version_button, self.clear_button),
            (self.id_token, self.id_type, self.evse, self.start_button),
            (self.transaction, self.stop_button, self.availability, self.availability_button),
        ):
            row = QHBoxLayout()
            row.setSpacing(6)
            for widget in widgets:
                row.addWidget(widget, 3 if widget in (self.id_token, self.transaction) else 2)
            column.addLayout(row)
        column.addStretch(1)
        return page

    @staticmethod
    def _button(text: str, slot: Callable[[], object], tip: str) -> QPushButton:
        button = QPushButton(text)
        button.setToolTip(tip)
        button.clicked.connect(lambda checked=False: slot())
        return button

    # Showing

    def _say_where(self) -> None:
        url = self._url()
        if not url:
            self.empty.text.setText("The OCPP server is off. Choose where it listens in the settings of the OCPP link.")
        else:
            text = f"Type this URL into the charger:\n{url}"
            if any(f"://{host}:" in url for host in LOOPBACK):
                text += "\nOnly this computer can reach it. For a charger on the network, let the OCPP link listen on 0.0.0.0."
            elif "://0.0.0.0:" in url or "://[::]:" in url:
                text += "\nwith the address of this computer in the charger's network in place of the zeros."
            self.empty.text.setText(text)
        self.empty.text.setVisible(True)
        self.empty.text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.empty.button.setVisible(bool(url))

    def _url(self) -> str:
        server = getattr(self.session, "server", None)
        if self.session is None or server is None:
            return ""
        return f"{server.url.rstrip('/')}/{self.session.profile.charger.identity}"

    def _copy_url(self) -> None:
        QGuiApplication.clipboard().setText(self._url())
        self.notice.emit("info", "The URL is in the clipboard.")

    def _tell(self) -> None:
        """Offer what can be asked of the selected station now."""
        station = self.station
        ready = station is not None and station.connected and not self._asking
        for button in (self.push_button, self.version_button, self.clear_button):
            button.setEnabled(ready)
        free = self.id_type.currentText() == IdTokenType.NO_AUTHORIZATION.value
        self.start_button.setEnabled(ready and (bool(self.id_token.text().strip()) or free))
        running = [] if station is None else list(station.transactions)
        shown = [self.transaction.itemText(at) for at in range(self.transaction.count())]
        if running != shown:
            chosen = self.transaction.currentText()
            self.transaction.clear()
            self.transaction.addItems(running)
            self.transaction.setCurrentText(chosen)
        self.transaction.setPlaceholderText("no running transaction")
        self.transaction.setEnabled(bool(running))
        self.stop_button.setEnabled(ready and bool(running))
        self.free_call.setEnabled(ready)
        self.availability_button.setEnabled(ready)
        self.settings.set_ready(ready)
        if self._settings_of is not None and (station is None or station.id != self._settings_of):
            self._settings_of = None
            self.settings.show_values([], "")
        who = "" if station is None else who_is(station)
        self.identity.set_text(who)
        # OCPP 1.6 knows a token's value only.
        self.id_type.setEnabled(station is not None and station.version != "1.6")
        if station is not None and self.isVisible():
            self.free_call.set_version(station.version)

    def _type_changed(self, kind: str) -> None:
        hidden = QLineEdit.EchoMode.PasswordEchoOnEdit if is_key_code(kind) else QLineEdit.EchoMode.Normal
        self.id_token.setEchoMode(hidden)
        self._tell()

    # Asking

    def _list_version(self) -> None:
        if self.session is not None and self.station is not None:
            self._ask(f"Asking {self.station.id} for its list version", self.session.list_version(self.station.id))

    def _clear_cache(self) -> None:
        if self.session is not None and self.station is not None:
            self._ask(f"Asking {self.station.id} to clear its cache", self.session.clear_cache(self.station.id))

    def _remote_start(self) -> None:
        station = self.station
        if self.session is None or station is None or not self.start_button.isEnabled():
            return
        order = self.session.remote_start(
            station.id, self.id_token.text().strip(), IdTokenType(self.id_type.currentText()), self.evse.value() or None
        )
        self._ask(f"Asking {station.id} to start", order)

    def _remote_stop(self) -> None:
        station, transaction = self.station, self.transaction.currentText()
        if self.session is not None and station is not None and transaction:
            self._ask(f"Asking {station.id} to stop {transaction}", self.session.remote_stop(station.id, transaction))

    def _set_availability(self) -> None:
        if self.station is not None:
            action, payload = availability(self.station.version, self.evse.value(), self.availability.currentText())
            self._call(action, payload)

    def _call(self, action: str, payload: dict[str, object], raw: bool = False) -> None:
        if self.session is None or self.station is None or self._asking:
            return
        # Said only where it was asked for: sending nonsense is no habit.
        how: dict[str, bool] = {"raw": True} if raw else {}
        self._ask(f"Calling {action} on {self.station.id}", self.session.call(self.station.id, action, payload, **how))

    def _read_settings(self) -> None:
        if self.session is not None and self.station is not None:
            self._ask(f"Reading the settings of {self.station.id}", self._settings(self.session, self.station))

    def _write_setting(self, name: str, value: str) -> None:
        if self.session is not None and self.station is not None:
            what = f"Setting {name} of {self.station.id}"
            self._ask(what, self._written(self.session, self.station, name, value))

    async def _settings(self, session: Session, station: Station) -> Said:
        values: list[SettingValue] = await session.read_settings(station.id)
        if self.station is not None and self.station.id == station.id:
            self._settings_of = station.id
            self.settings.show_values(values, station.version)
        told = sum(each.value is not None for each in values)
        return Said(told > 0, f"{station.id} told {told} of {len(values)} settings")

    async def _written(self, session: Session, station: Station, name: str, value: str) -> Said:
        written: SettingWritten = await session.write_setting(station.id, name, value)
        await self._settings(session, station)
        return Said(written.ok, written.text)

    def _ask(self, what: str, order: Coroutine[Any, Any, Said | PushReport | CallAnswer]) -> None:
        if self._asking or self.tasks is None:
            order.close()
            return
        self._asking = True
        self._say("muted", f"{what}…")
        self._tell()
        self.run(self._wait(what, order), name="station order")

    async def _wait(self, what: str, order: Coroutine[Any, Any, Said | PushReport | CallAnswer]) -> None:
        assert self.session is not None
        began = self.session.clock.stamp().mono_ns
        try:
            answer = await order
            role, text, more = _in_words(answer)
            if isinstance(answer, CallAnswer):
                text += f" · {readable_ms(self._took_ms(answer, began))}"
        except OperatorError as error:
            role, text, more = "fail", str(error), ""
        finally:
            self._asking = False
            self._tell()
        sign = {"ok": "✔", "warn": "⚠"}.get(role, "✖")
        self._say(role, f"{sign} {text}")
        self.answers.appendPlainText(f"{what}: {sign} {text}" + (f"\n{more}" if more else ""))
        self.refresh(set())

    def _took_ms(self, answer: CallAnswer, began_ns: int) -> float:
        """From the call's last byte to the answer's, as they passed the wire; else since the call was asked for."""
        assert self.session is not None
        ends = [
            None if seq is None else self.session.journal.get(seq) for seq in (answer.request_seq, answer.answer_seq)
        ]
        if ends[0] is not None and ends[1] is not None:
            return (ends[1].mono_ns - ends[0].mono_ns) / 1e6
        return (self.session.clock.stamp().mono_ns - began_ns) / 1e6

    def _say(self, role: str, text: str) -> None:
        self.said.set_role(role)
        self.said.setText(text)


def who_is(station: Station) -> str:
    """Identity from BootNotification and how the station proved it, in one line."""
    parts = [
        f"{station.vendor} {station.model}".strip() or "no BootNotification yet",
        f"serial {station.serial_number}" if station.serial_number else "",
        f"firmware {station.firmware}" if station.firmware else "",
        f"from {station.peer}" if station.peer else "",
        f"user {station.user}" if station.user else "no password",
    ]
    return " · ".join(part for part in parts if part)


def availability(version: str, evse: int, word: str) -> tuple[str, dict[str, object]]:
    """ChangeAvailability (OCPP 1.6 section 5.2, 2.0.1 G03, G04). evse: 0 is the whole station; on 1.6 a connector."""
    if version == "1.6":
        return "ChangeAvailability", {"connectorId": evse, "type": word}
    return "ChangeAvailability", {"operationalStatus": word} | ({"evse": {"id": evse}} if evse else {})


def _in_words(answer: Said | PushReport | CallAnswer) -> tuple[str, str, str]:
    """Role, one sentence, and what else there is to read."""
    if isinstance(answer, PushReport):
        left_out = [f"  left out {uid}: {why}" for uid, why in answer.left_out[:MAX_LEFT_OUT]]
        if len(answer.left_out) > MAX_LEFT_OUT:
            left_out.append(f"  and {len(answer.left_out) - MAX_LEFT_OUT} more")
        role = "fail" if not answer.ok else "warn" if left_out else "ok"
        return role, answer.text, "\n".join(left_out)
    if isinstance(answer, Said):
        return ("ok" if answer.ok else "fail"), answer.text, ""
    if answer.payload is None:
        return "fail", f"{answer.action} refused: {answer.code} {answer.description}".rstrip(), ""
    status = answer.payload.get("status")
    text = f"{answer.action} answered" + (f": {status}" if isinstance(status, str) else "")
    body = json.dumps(mask_tree(to_tree(answer.payload)), indent=2, ensure_ascii=False)
    if len(body) > MAX_ANSWER_TEXT:
        body = f"{body[:MAX_ANSWER_TEXT]}\n… {len(body):,} characters; the whole of it is under Messages"
    # Any answer of a free call is an answer; only a word that says no is marked.
    refused = isinstance(status, str) and status in (
        "Rejected",
        "Failed",
        "NotSupported",
        "NotImplemented",
        "UnlockFailed",
    )
    return ("warn" if refused else "ok"), text, body
