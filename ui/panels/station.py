"""Station: what is known of each charging station, what can be asked of it, and its answer in plain words."""

from __future__ import annotations

import json
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import (
    QHBoxLayout,
    QPlainTextEdit,
    QSplitter,
    QStackedLayout,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from bench.answers import CallAnswer, Said
from bench.errors import OperatorError
from bench.masking import mask_tree, to_tree
from bench.station import Station
from ui import theme
from ui.models.stations import StationTableModel, rows_of
from ui.panels.base import Panel
from ui.panels.cells import make_table, set_widths
from ui.panels.free_call import FreeCall
from ui.panels.registered import RegisteredTab
from ui.panels.role import RoleTab
from ui.panels.station_events import StationEvents
from ui.panels.station_facts import StationFacts
from ui.panels.station_orders import Order, StationOrders
from ui.panels.station_settings import SettingsTable
from ui.widgets import ElidedLabel, EmptyState, RoleLabel, readable_ms

if TYPE_CHECKING:
    from bench.change import Change
    from bench.session import Session
    from bench.settings_flow import SettingValue, SettingWritten
    from bench.tasks import Tasks

SAMPLES = ("CP-0001-NO", "□ off", "2.0.1", "Accepted", "Wallbox One", "1.14.2", "not asked", "1.1 Av")
TOLD_ELSEWHERE = (4, 5, 8)
"""Columns left out of the table: vendor, model and firmware stand in the line below it, transactions among the orders."""
MAX_ANSWERS = 200
MAX_ANSWER_TEXT = 20_000
LOOPBACK = ("127.0.0.1", "localhost", "[::1]")


class StationPanel(Panel):
    """Asks one thing at a time; what the station says stays readable until the next answer and in the list below it.

    Signals:
        list_wanted: the local list of the selected station should be shown.
    """

    title = "Station"
    list_wanted = Signal()

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
        self.registered.attach(session)
        self._say_where()
        self.refresh(set())

    def refresh(self, changes: set[tuple[Change, object]]) -> None:
        if self.session is None:
            return
        chosen = self._model.key_at(self.table.currentIndex().row())
        self._model.show(rows_of(self.session.stations.values()))
        row = None if chosen is None else self._model.row_of(chosen)
        if self._model.rowCount() and (row is None or row != self.table.currentIndex().row()):
            self.table.selectRow(row or 0)
        self.role.refresh()
        self.registered.refresh()
        self._stack.setCurrentWidget(self._page if self._anybody else self.empty)
        self._tell()

    @property
    def _anybody(self) -> bool:
        return bool(self._model.rowCount()) or self.role.there or self.registered.there

    def select_station(self, station: str) -> None:
        row = self._model.row_of(station)
        if row is not None and row != self.table.currentIndex().row():
            self.table.selectRow(row)

    def remembered(self) -> dict[str, str]:
        return {"presets": self.free_call.presets.remembered()}

    def recall(self, values: dict[str, str]) -> None:
        self.free_call.presets.recall(values.get("presets", ""))

    @property
    def station(self) -> Station | None:
        """The selected station."""
        chosen = self._model.at(self.table.currentIndex().row())
        return None if self.session is None or chosen is None else self.session.stations.get(chosen.key)

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
        self.table.selectionModel().selectionChanged.connect(self._picked)
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
        self.tabs.tabBar().setAccessibleName("Of the station")
        self.orders = StationOrders(self._order)
        self.orders.list_wanted.connect(self.list_wanted)
        self.events = StationEvents()
        self.events.message_selected.connect(self.message_selected)
        self.facts = StationFacts()
        for name, page in (
            ("Orders", self.orders),
            ("Any call", self.free_call),
            ("Settings", self.settings),
            ("Events", self.events),
            ("Identity", self.facts),
        ):
            self.tabs.addTab(page, name)
        self.tabs.currentChanged.connect(lambda at: self._tell())
        self.role = RoleTab(self.tabs)
        self.registered = RegisteredTab(self.tabs)
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
        """Offer what can be asked of the selected station now, and show what is known of it."""
        station = self.station
        ready = station is not None and station.connected and not self._asking
        self.orders.show_station(station, ready)
        self.free_call.setEnabled(ready)
        self.settings.set_ready(ready)
        if self._settings_of is not None and (station is None or station.id != self._settings_of):
            self._settings_of = None
            self.settings.show_values([], "")
        self.identity.set_text("" if station is None else who_is(station))
        if station is None or self.session is None or not self.isVisible():
            return
        self.free_call.set_version(station.version)
        shown = self.tabs.currentWidget()
        if shown is self.events:
            self.events.show_station(station, live=self.has_store)
        elif shown is self.facts:
            self.facts.show_station(station, self.session.clock.stamp().utc_ns)

    def _picked(self) -> None:
        if self.station is not None:
            self.station_selected.emit(self.station.id)

    # Asking

    def _order(self, what: str, order: Order) -> None:
        if self.session is not None and self.station is not None and not self._asking:
            self._ask(what.format(self.station.id), order(self.session, self.station.id))

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

    def _ask(self, what: str, order: Coroutine[Any, Any, Said | CallAnswer]) -> None:
        if self._asking or self.tasks is None:
            order.close()
            return
        self._asking = True
        self._say("muted", f"{what}…")
        self._tell()
        self.run(self._wait(what, order), name="station order")

    async def _wait(self, what: str, order: Coroutine[Any, Any, Said | CallAnswer]) -> None:
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


def _in_words(answer: Said | CallAnswer) -> tuple[str, str, str]:
    """Role, one sentence, and what else there is to read."""
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
