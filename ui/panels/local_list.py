"""Local list: the store and a station's list side by side, and making the one the other."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import QModelIndex, Qt, QTimer, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QHBoxLayout,
    QLineEdit,
    QSplitter,
    QStackedLayout,
    QVBoxLayout,
    QWidget,
)

from bench.answers import PushReport, Said
from bench.errors import OperatorError
from bench.exchange import MASK
from bench.list_view import ListView, Mode, Plan, Progress
from bench.station import Station
from ui import theme
from ui.models.list_words import (
    ASKING,
    CHUNK_HEADERS,
    CHUNK_SAMPLES,
    FAILED,
    OK,
    Counts,
    Verdict,
    chunk_rows,
    counts_text,
    facts,
    offer_text,
    outcome,
    outdated,
    sentence,
    standing,
)
from ui.models.local_list import Column, LocalListModel
from ui.models.texts import TextTable
from ui.panels.base import Panel, touches
from ui.panels.cells import make_table, set_widths
from ui.panels.local_list_offer import OfferLine
from ui.panels.local_list_orders import ListOrders
from ui.widgets import ElidedLabel, EmptyState, RoleLabel

if TYPE_CHECKING:
    from bench.change import Change
    from bench.session import Session
    from bench.tasks import Tasks

SAMPLES = ("E0 04 01 50 3A 9F 2C 11", "○ left out", "✔ Accepted · group F", "✔ Accepted · group F", "ISO14443", "")
REST_FACTOR = 5
"""A view of a large store takes a while to make: the window is left alone this many times as long before the next."""
MANY = 5_000
"""Rows from which on what Reconcile would send is made out later than them, so that the window answers in between."""
SEARCH_MS = 120
LIST_MESSAGES = "name:SendLocalList,GetLocalListVersion,ClearCache"
PAGE_WIDTHS = (380, 860)
LEAST_SIDE = 77
"""Pixels for the filter line and two rows."""

Order = Callable[[], Awaitable[Verdict]]
"""Asks a station something, and tells what came of it."""


class LocalListPanel(Panel):
    """One station's list at a time. Orders to several stations may run beside each other, one to each.

    Signals:
        connect_wanted: the connect page. tokens_wanted: the panel Tokens, with that search (empty: as it is).
        messages_wanted: a filter for Messages.
    """

    title = "Local list"
    connect_wanted = Signal()
    tokens_wanted = Signal(str)
    messages_wanted = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._view: ListView | None = None
        self._counts: Counts = {}
        self._plan: Plan | None = None
        self._glimpse: tuple[object, ...] = ()
        self._stale = True
        self._due_ns = 0
        self._asking: set[str] = set()
        self._verdicts: dict[str, Verdict] = {}
        self._reports: dict[str, PushReport] = {}
        self._build()
        theme.on_change(self.table.viewport().update)

    # What the window uses

    def attach(self, session: Session, tasks: Tasks) -> None:
        super().attach(session, tasks)
        for kept in (self._verdicts, self._reports, self._asking):
            kept.clear()
        self.offer.forget()
        self._view, self._plan, self._glimpse, self._due_ns = None, None, (), 0
        self.picker.clear()
        self._fill_picker()
        self._renew()

    def refresh(self, changes: set[tuple[Change, object]]) -> None:
        if self.session is None:
            return
        if touches(changes, "list", "tokens") or (touches(changes, "station") and self._glimpsed() != self._glimpse):
            self._stale = True
        if self._now() < self._due_ns:
            return
        if self._stale:
            self._look()
        elif self._view is not None and self._view.progress is None and self._plan is None:
            self._make_plan(self._view)
            self._show_state(self._view)

    def push_list(self) -> bool:
        """Reconcile the list of the picked station (Ctrl+L)."""
        if self.obstacle:
            return False
        self.push(Mode.RECONCILE)
        return True

    @property
    def obstacle(self) -> str:
        """Why nothing can be pushed now, in a sentence; empty where it can."""
        station = self.station
        if station is None or not station.connected:
            return "No station is connected, so there is no local list to push to."
        if station.id in self._asking:
            return f"{station.id} is being asked already."
        if station.list_version is not None and station.list_version < 0:
            return f"{station.id} says that it supports no local list."
        return ""

    @property
    def station(self) -> Station | None:
        """The picked station."""
        if self.session is None or not self.has_store:
            return None
        return self.session.stations.get(self.picker.currentData() or "")

    def select_station(self, station: str) -> None:
        if self.session is None:
            return
        self._fill_picker()
        at = self.picker.findData(station)
        if at >= 0 and at != self.picker.currentIndex():
            self.picker.setCurrentIndex(at)
            self._renew()

    def focus_filter(self) -> bool:
        self.search.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.search.selectAll()
        return True

    def remembered(self) -> dict[str, str]:
        return {"only_differences": str(int(self.only.isChecked()))}

    def recall(self, values: dict[str, str]) -> None:
        self.only.setChecked(values.get("only_differences") == "1")

    # Building

    def _build(self) -> None:
        self.picker = QComboBox()
        self.picker.setAccessibleName("Station")
        self.picker.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        self.picker.setMinimumContentsLength(8)
        self.picker.activated.connect(self._picked)
        self.link = RoleLabel("", "muted", bold=True)
        self.facts = ElidedLabel("", "muted")
        top = QHBoxLayout()
        top.setContentsMargins(10, 4, 10, 0)
        top.setSpacing(10)
        top.addWidget(self.picker)
        top.addWidget(self.link)
        top.addWidget(self.facts, 1)

        self.orders = ListOrders()
        self.orders.push_asked.connect(lambda mode: self.push(Mode(mode)))
        self.orders.version_asked.connect(self.get_version)
        self.orders.clear_asked.connect(self.clear_cache)
        self.orders.cancel_asked.connect(self.cancel)
        self.orders.report_toggled.connect(lambda on: self._tell_rows())
        self._split = QSplitter(Qt.Orientation.Horizontal)
        self._split.setChildrenCollapsible(False)
        self._split.addWidget(self.orders)
        self._split.addWidget(self._make_side())
        self._split.setStretchFactor(0, 0)
        self._split.setStretchFactor(1, 1)
        self._split.setSizes(list(PAGE_WIDTHS))
        self._page = QWidget()
        column = QVBoxLayout(self._page)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        column.addLayout(top)
        column.addWidget(self._split, 1)

        self.no_station = EmptyState(
            "No station has connected yet",
            "Once a charger has connected over OCPP, its local list stands here beside the token store: what it holds, what it "
            "should hold, and one button that makes them the same.",
            "Connect a charger…",
        )
        self.no_station.asked.connect(self.connect_wanted)
        self.capture = EmptyState(
            "This is a capture",
            "Nothing can be asked of a station in it. How its lists were pushed is among the messages.",
            "Show those messages",
        )
        self.capture.asked.connect(lambda: self.messages_wanted.emit(LIST_MESSAGES))
        self._stack = QStackedLayout(self)
        for page in (self.no_station, self.capture, self._page):
            self._stack.addWidget(page)

    def _make_side(self) -> QWidget:
        self.search = QLineEdit()
        self.search.setPlaceholderText("filter: UID, type, status, group, difference")
        self.search.setAccessibleName("Filter the list")
        self.search.setClearButtonEnabled(True)
        self.search.setMinimumWidth(90)
        self._search_timer = QTimer(self)
        self._search_timer.setSingleShot(True)
        self._search_timer.setInterval(SEARCH_MS)
        self._search_timer.timeout.connect(self._search)
        self.search.textChanged.connect(lambda text: self._search_timer.start())
        self.only = QCheckBox("only differences")
        self.only.setAccessibleName("Only differences")
        self.only.toggled.connect(self._show_only)
        self.counts = ElidedLabel("", "muted")
        bar = QHBoxLayout()
        bar.setContentsMargins(4, 2, 10, 2)
        bar.setSpacing(10)
        bar.addWidget(self.search, 1)
        bar.addWidget(self.only)
        bar.addWidget(self.counts, 3)

        self.offer = OfferLine()
        self.offer.accepted.connect(lambda: self.push(Mode.RECONCILE))

        self._model = LocalListModel(self)
        self.table = make_table("Store and station")
        self.table.setModel(self._model)
        self.table.setToolTip("Enter or a double click opens the token under Tokens")
        self.table.activated.connect(self._open_token)
        self.table.setSortingEnabled(True)
        self.table.sortByColumn(Column.UID, Qt.SortOrder.AscendingOrder)
        self.table.setMinimumHeight(24)
        set_widths(self.table, SAMPLES)
        self.report = make_table("Messages of the latest push")
        self._chunks = TextTable(CHUNK_HEADERS, self)
        self.report.setModel(self._chunks)
        self.report.setMinimumHeight(24)
        set_widths(self.report, CHUNK_SAMPLES)
        self.nothing = EmptyState("Nothing matches the filter")
        self.empty = EmptyState(
            "The store holds no tokens",
            "Add or import the tokens that stations shall know offline.",
            "Open Tokens",
        )
        self.empty.asked.connect(lambda: self.tokens_wanted.emit(""))
        self.unsupported = EmptyState(
            "No local list on this station",
            "It answered that it supports none. If it has one, switch it on under Station, Settings, then press Get version.",
        )
        self._table_stack = QStackedLayout()
        for page in (self.table, self.report, self.nothing, self.empty, self.unsupported):
            self._table_stack.addWidget(page)
        side = QWidget()
        side.setMinimumHeight(LEAST_SIDE)  # an offer takes its room from the table: the dock must not grow under a hand
        column = QVBoxLayout(side)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        column.addLayout(bar)
        column.addWidget(self.offer)
        column.addLayout(self._table_stack, 1)
        return side

    # Showing

    def _now(self) -> int:
        assert self.session is not None
        return self.session.clock.stamp().mono_ns

    def _glimpsed(self) -> tuple[object, ...]:
        """What of the stations shows here: a station that only sent a heartbeat changes nothing."""
        assert self.session is not None
        links = tuple((each.id, each.connected) for each in self.session.stations.values())
        station = self.station
        return links if station is None else (links, station.version, station.list_version, repr(station.limits))

    def _fill_picker(self) -> None:
        assert self.session is not None
        stations = list(self.session.stations.values()) if self.has_store else []
        texts = [each.id if each.connected else f"{each.id} (off)" for each in stations]
        if texts == [self.picker.itemText(at) for at in range(self.picker.count())]:
            return
        chosen = self.picker.currentData()
        self.picker.clear()
        for text, each in zip(texts, stations, strict=True):
            self.picker.addItem(text, each.id)
        at = self.picker.findData(chosen)
        if at < 0:
            at = next((n for n, each in enumerate(stations) if each.connected), 0)
        self.picker.setCurrentIndex(at if stations else -1)

    def _renew(self) -> None:
        """Show all anew, now or once somebody sees it: comparing a large store for nobody would hold up the start."""
        self._stale, self._due_ns = True, 0
        if self.isVisible() and not self.visibleRegion().isEmpty():
            self._look()

    def _look(self) -> None:
        """Show the picked station's list as it is now."""
        assert self.session is not None
        self._fill_picker()
        self._stale = False
        glimpse, self._glimpse = self._glimpse, self._glimpsed()
        station = self.station
        if station is None:
            self._view = None
            self._stack.setCurrentWidget(self.no_station if self.has_store else self.capture)
            return
        began = self._now()
        before, view = self._view, self.session.lists.view(station.id)
        same = (
            before is not None
            and before.station == view.station
            and before.rows is view.rows
            and before.known is view.known
        )
        counts = self._counts = self._counts if same else view.counts
        self._view = view
        if view.last_report is not None and view.last_report is not self._reports.get(station.id):
            self._reports[station.id] = view.last_report
            self._verdicts[station.id] = outcome(view.last_report)
        self.link.setText("● connected" if view.connected else "□ not connected")
        self.link.set_role("ok" if view.connected else "muted")
        self.facts.set_text(facts(view, counts))
        self.counts.set_text("" if _unsupported(view) else counts_text(counts))
        self._show_rows(view, same=same)
        if not same or glimpse != self._glimpse:
            self._plan = None
        if self._plan is None and view.progress is None and len(view.rows) < MANY:
            self._make_plan(view)
        self._show_state(view)
        self._show_offer(view)
        self._stack.setCurrentWidget(self._page)
        now = self._now()
        self._due_ns = now + REST_FACTOR * (now - began)

    def _make_plan(self, view: ListView) -> None:
        assert self.session is not None
        self._plan = self.session.lists.preview(view.station, Mode.RECONCILE)

    def _show_state(self, view: ListView) -> None:
        verdict = self._verdicts.get(view.station)
        if verdict is None or outdated(verdict, view, self._counts):
            verdict = standing(view, self._counts)
        free = view.connected and view.progress is None and view.station not in self._asking
        self.orders.show_view(view, self._plan, verdict, free=free)

    def _show_rows(self, view: ListView, *, same: bool) -> None:
        if not same:
            self._renew_rows(view)
        self._chunks.show(chunk_rows(view.last_report))
        self._tell_rows()

    def _renew_rows(self, view: ListView) -> None:
        picked = self._model.row_at(self.table.currentIndex().row())
        place = self.table.verticalScrollBar().value()
        self._model.show(view.rows, known=view.known)
        row = None if picked is None else self._model.row_of(picked.uid, picked.id_token_type)
        if row is not None:
            self.table.selectRow(row)
        self.table.verticalScrollBar().setValue(place)

    def _tell_rows(self) -> None:
        view = self._view
        page: QWidget = self.table
        if self.orders.report_button.isChecked():
            page = self.report
        elif view is not None and _unsupported(view):
            page = self.unsupported
        elif not self._model.total:
            page = self.empty
        elif not self._model.rowCount():
            page = self.nothing
            searched = bool(self.search.text().strip())
            self.nothing.say("Nothing matches the filter" if searched else "Nothing differs", "")
        self._table_stack.setCurrentWidget(page)

    def _show_offer(self, view: ListView) -> None:
        ready = view.connected and view.station not in self._asking
        self.offer.offer(view.station, "" if view.progress is not None else offer_text(view), ready=ready)

    def _picked(self, at: int) -> None:
        self._look()
        self.station_selected.emit(self.picker.itemData(at))

    def _open_token(self, index: QModelIndex) -> None:
        row = self._model.row_at(index.row())
        if row is not None and row.uid != MASK:
            self.tokens_wanted.emit(row.uid)

    def _search(self) -> None:
        self._model.search(self.search.text())
        self._tell_rows()

    def _show_only(self, only: bool) -> None:
        self._model.only_differences(only)
        self._tell_rows()

    # Asking

    def push(self, mode: Mode) -> None:
        """Push to the picked station, unless something stands in the way."""
        session, station = self.session, self.station
        if session is not None and station is not None and not self.obstacle:
            self._ask(station.id, f"Pushing the list to {station.id}…", lambda: self._pushed(session, station.id, mode))

    def get_version(self) -> None:
        session, station = self.session, self.station
        if session is not None and station is not None:
            what = f"Asking {station.id} for the version of its list…"
            self._ask(station.id, what, lambda: _in_words(session.lists.read_version(station.id)))

    def clear_cache(self) -> None:
        session, station = self.session, self.station
        if session is not None and station is not None:
            what = f"Asking {station.id} to clear its cache…"
            self._ask(station.id, what, lambda: _in_words(session.lists.clear_cache(station.id)))

    def cancel(self) -> None:
        """Stop the push to the picked station before its next message."""
        if self.session is not None and self.station is not None:
            self.orders.cancel_button.setEnabled(False)
            self.session.lists.cancel(self.station.id)

    def _ask(self, station: str, what: str, order: Order) -> None:
        if station in self._asking or self.tasks is None:
            return
        self._asking.add(station)
        self._verdicts[station] = Verdict(ASKING, what)
        self._renew()
        self.run(self._wait(station, order), name="local list order")

    async def _wait(self, station: str, order: Order) -> None:
        session = self.session
        try:
            verdict = await order()
        except OperatorError as error:
            verdict = Verdict(FAILED, sentence(str(error)))
        finally:
            self._asking.discard(station)
            self._verdicts.pop(station, None)  # that it is being asked
        if self.session is session:
            self._verdicts[station] = verdict
            self._renew()

    async def _pushed(self, session: Session, station: str, mode: Mode) -> Verdict:
        report = await session.lists.push(station, mode, lambda progress: self._progressed(station, progress))
        self._reports[station] = report
        return outcome(report)

    def _progressed(self, station: str, progress: Progress) -> None:
        if self._view is not None and self._view.station == station:
            self.orders.show_progress(progress)


def _unsupported(view: ListView) -> bool:
    return view.list_version is not None and view.list_version < 0


async def _in_words(order: Awaitable[Said]) -> Verdict:
    said = await order
    return Verdict(OK if said.ok else FAILED, sentence(said.text))
