"""Everything inside the window: panels, docks, what passes between them, and the one timer that refreshes what is visible."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from PySide6.QtCore import QEvent, QObject, Qt, QTimer, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QApplication,
    QMainWindow,
    QSplitter,
    QStackedWidget,
    QTabBar,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from bench.clock import SystemClock
from ui.certificates_flow import Certificates
from ui.docks import PanelDock
from ui.keys import KeysCard
from ui.panels.base import Panel, touches
from ui.panels.compare_flow import Comparisons
from ui.panels.diagram import DiagramPanel
from ui.panels.exchanges import ExchangesPanel
from ui.panels.findings import FindingsPanel
from ui.panels.inspector import InspectorPanel
from ui.panels.link_strip import LinkStrip
from ui.panels.local_list import LocalListPanel
from ui.panels.messages import MessagesPanel
from ui.panels.proxy import ProxyPanel
from ui.panels.reader import ReaderPanel
from ui.panels.station import StationPanel
from ui.panels.tap import TapPanel
from ui.panels.tokens import TokensPanel
from ui.start_page import StartPage
from ui.status import StatusLine
from ui.transfer import Orders, Transfers, importable
from ui.widgets import Banner

if TYPE_CHECKING:
    from bench.change import Change
    from bench.session import Session
    from bench.tasks import Tasks
    from ui.panels.connect import ConnectPage
    from ui.state import UiState

FLUSH_MS = 100
MAX_PENDING = 20_000
"""Changes kept for a panel that nobody looks at; beyond it, it is told that any exchange may have changed."""

_Picked = TypeVar("_Picked", int, str)
Changes = set[tuple["Change", object]]


class Workspace(QObject):
    """The panels of one window and the traffic between them.

    panels: in the order of their keys, Ctrl+1 first, the link strip last. docks: those that can be moved.

    Signals:
        demo_requested, connect_requested: a door was chosen. listen_requested: ``HOST:PORT`` the OCPP listener should bind.
        capture_requested: a capture should be opened; empty where its name is still to be asked for.
    """

    demo_requested = Signal()
    connect_requested = Signal()
    listen_requested = Signal(str)
    capture_requested = Signal(str)

    def __init__(self, window: QMainWindow) -> None:
        super().__init__(window)
        self._window = window
        self._session: Session | None = None
        self._unsubscribe: Callable[[], None] | None = None
        self._clock = SystemClock()
        self._fresh: Changes = set()
        self._keys: KeysCard | None = None
        self.connect_page: ConnectPage | None = None

        self.strip = LinkStrip()
        self.tap = TapPanel()
        self.exchanges = ExchangesPanel()
        self.diagram = DiagramPanel()
        self.inspector = InspectorPanel()
        self.messages = MessagesPanel()
        self.tokens = TokensPanel()
        self.local_list = LocalListPanel()
        self.station = StationPanel()
        self.findings = FindingsPanel()
        self.reader = ReaderPanel()
        self.proxy = ProxyPanel()
        self.panels: tuple[Panel, ...] = (
            self.tap,
            self.exchanges,
            self.diagram,
            self.inspector,
            self.messages,
            self.tokens,
            self.local_list,
            self.station,
            self.findings,
            self.reader,
            self.proxy,
            self.strip,
        )
        self._pending: dict[Panel, Changes] = {panel: set() for panel in self.panels}
        self.banner = Banner(window)
        self._build_top()
        self._build_centre()
        self._build_docks()
        self.orders = Orders(self.show_notice)
        self.transfers = Transfers(window, self.messages, self.orders, self.capture_requested.emit)
        self.comparisons = Comparisons(window, self.exchanges, self.orders)
        self.certificates = Certificates(window, self.orders)
        self.status = StatusLine()
        window.setStatusBar(self.status)
        for panel in self.panels:
            panel.message_selected.connect(self._router(self.select_message, panel))
            panel.exchange_selected.connect(self._router(self.select_exchange, panel))
            panel.station_selected.connect(self._router(self.select_station, panel))
            panel.notice.connect(self.show_notice)
        self._default_layout = window.saveState()
        self._timer = QTimer(self)
        self._timer.setInterval(FLUSH_MS)
        self._timer.timeout.connect(self.flush)
        self._timer.start()

    # The session

    def use(self, tasks: Tasks) -> None:
        """What is done without a session, an import for one, runs in these."""
        self.orders.tasks = tasks

    def attach(self, session: Session, tasks: Tasks) -> None:
        """Show a session; the one before, if any, is let go."""
        self._let_go()
        self._session = session
        self.use(tasks)
        self._fresh.clear()
        for panel, pending in self._pending.items():
            pending.clear()
            panel.attach(session, tasks)
        self.docks[self.proxy].setVisible(self._is_proxy)
        self._unsubscribe = session.subscribe(self._heard)
        if not self.banner.is_fault:
            self.banner.hide()  # what was said of the session before, or of there being none
        self.transfers.attach(session)
        self.comparisons.attach(session)
        self._close_connect_page()
        self.status.reset()
        self.centre.setCurrentWidget(self._split)
        self.flush()

    @property
    def _is_proxy(self) -> bool:
        return self._session is not None and self._session.proxy is not None

    @property
    def attached(self) -> bool:
        return self._session is not None

    def flush(self) -> None:
        """Let every visible panel show what changed."""
        if self._session is None or not self._window.isVisible() or self._window.isMinimized():
            return
        fresh, self._fresh = self._fresh, set()
        if self.connect_page is not None and self.connect_page.isVisible() and touches(fresh, "link"):
            self.connect_page.show_session(self._session)
        for panel in self.panels:
            pending = self._pending[panel]
            pending |= fresh
            # A dock behind a tab counts as visible for Qt; its visible region is empty.
            if panel.isVisible() and not panel.visibleRegion().isEmpty():
                self._pending[panel] = set()
                panel.refresh(pending)
            elif len(pending) > MAX_PENDING:
                self._pending[panel] = _coarse(pending)
        self.status.show_counts(self._session, self._clock.stamp())

    def end(self) -> None:
        """Nothing is shown any more."""
        self._timer.stop()
        self._let_go()
        self._close_connect_page()
        self.transfers.end()
        self.comparisons.end()
        self.certificates.end()

    # What passes between panels

    def select_exchange(self, exchange_id: int, source: Panel | None = None) -> None:
        """Show an exchange everywhere but where it was picked."""
        self.flush()
        for panel in self.panels:
            if panel is not source:
                panel.select_exchange(exchange_id)

    def select_message(self, seq: int, source: Panel | None = None) -> None:
        """Show a message everywhere but where it was picked."""
        self.flush()
        for panel in self.panels:
            if panel is not source:
                panel.select_message(seq)

    def select_station(self, station: str, source: Panel | None = None) -> None:
        """Show a station everywhere but where it was picked."""
        for panel in self.panels:
            if panel is not source:
                panel.select_station(station)

    def show_notice(self, severity: str, text: str) -> None:
        """A notice at the foot of the window (``info ok warn fail``)."""
        self.banner.show_notice(severity, text)

    # Orders of menu and keys

    def take_file(self, file: str) -> None:
        """A file that was dropped here: tokens go into the store, a capture is opened, what may become one is imported."""
        if self.tokens.take_file(Path(file)):
            self.show_panel(self.tokens)
        elif importable(Path(file)):
            self.transfers.import_file(file)
        else:
            self.capture_requested.emit(file)

    def tell_drop(self, file: str) -> None:
        """Say what letting go of a file would do."""
        path = Path(file)
        deed = "open the capture"
        if self.tokens.takes(path):
            deed = "import tokens from"
        elif importable(path):
            deed = "make a capture of"
        self.show_notice("info", f"Let go to {deed} {path.name}.")

    def show_panel(self, panel: Panel) -> None:
        """Bring a panel to the front and put the focus into it."""
        dock = self.docks.get(panel)
        if dock is not None:
            dock.show()
            dock.raise_()
        elif self.attached:
            self.centre.setCurrentWidget(self._split)
        panel.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.flush()

    def show_doors(self) -> None:
        self.centre.setCurrentWidget(self.start)
        self.start.demo.setFocus()

    def connect_charger(self) -> None:
        """The connect page; where nothing runs yet, whoever starts the bench is asked first."""
        if self.attached:
            self.show_connect()
        else:
            self.connect_requested.emit()

    def show_connect(self) -> None:
        from ui.panels.connect import ConnectPage

        page = self.connect_page
        if page is None:
            page = ConnectPage(self._window)
            page.listen_requested.connect(self.listen_requested)
            page.certificates_requested.connect(self.show_certificates)
            self.connect_page = page
        page.show_session(self._session)
        page.open()

    def show_certificates(self) -> None:
        """Make certificates, with what is known of this computer and the selected station filled in."""
        self.certificates.show(self._session, self.station.station)

    def show_keys(self) -> None:
        if self._keys is None:
            self._keys = KeysCard(self._window)
        self._keys.show()

    @property
    def keys_card(self) -> KeysCard | None:
        return self._keys

    def pause(self) -> None:
        """Pause or resume the view of messages."""
        any(panel.toggle_pause() for panel in self.panels)

    def focus_filter(self) -> None:
        """The filter of the panel with the focus, else that of the messages."""
        focus = QApplication.focusWidget()
        within = [panel for panel in self.panels if focus is not None and panel.isAncestorOf(focus)]
        for panel in (*within, self.messages):
            if panel.focus_filter():
                self.show_panel(panel)
                panel.focus_filter()
                return

    def push_list(self) -> None:
        """Bring the local list of the picked station to the store's state, and show how that goes."""
        self.show_panel(self.local_list)
        if not self.local_list.push_list():
            self.show_notice("info", self.local_list.obstacle)

    # Layout

    def size_docks(self) -> None:
        """The proportions of a fresh window."""
        width, height = self._window.width(), self._window.height()
        rows = 5 if height >= 880 else 4
        self._split.setSizes([66 + rows * 25, height])
        sides = [self.docks[self.tap], self.docks[self.inspector]]
        self._window.resizeDocks(sides, [238, max(300, width * 26 // 100)], Qt.Orientation.Horizontal)
        below = max(196, height * 30 // 100)
        self._window.resizeDocks([self.docks[self.messages]], [below], Qt.Orientation.Vertical)

    def reset_layout(self) -> None:
        """Docks as they were at first."""
        self._window.restoreState(self._default_layout)
        for dock in self.docks.values():
            dock.setFloating(False)
            dock.setVisible(dock.panel is not self.proxy or self._is_proxy)
        self.docks[self.messages].raise_()
        self.size_docks()

    def recall(self, state: UiState) -> None:
        """Panels take back what they asked to remember."""
        for panel in self.panels:
            panel.recall(state.panel(panel.title))
        self.transfers.recall(state.panel("Export"))

    def keep(self, state: UiState) -> None:
        for panel in self.panels:
            state.keep_panel(panel.title, panel.remembered())
        state.keep_panel("Export", self.transfers.remembered())

    # Qt

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        # Tables take Space for themselves; here it pauses, as everywhere but in text fields and on buttons.
        space = isinstance(event, QKeyEvent) and event.key() == Qt.Key.Key_Space and not event.modifiers()
        if space and event.type() is QEvent.Type.KeyPress:
            self.pause()
            return True
        return super().eventFilter(watched, event)

    # Building

    def _build_top(self) -> None:
        top = QWidget()
        column = QVBoxLayout(top)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.strip)
        column.addSpacing(9)
        self._window.setMenuWidget(top)
        self.strip.picked.connect(self._chip_picked)

    def _build_centre(self) -> None:
        self.start = StartPage()
        self.start.demo_requested.connect(self.demo_requested)
        self.start.connect_requested.connect(self.connect_requested)
        self.start.capture_requested.connect(lambda: self.capture_requested.emit(""))
        self._split = QSplitter(Qt.Orientation.Vertical)
        self._split.setChildrenCollapsible(False)
        self._split.setHandleWidth(8)
        self._split.addWidget(self.exchanges)
        self._split.addWidget(self.diagram)
        self._split.setStretchFactor(0, 0)
        self._split.setStretchFactor(1, 1)
        self.centre = QStackedWidget()
        self.centre.addWidget(self.start)
        self.centre.addWidget(self._split)
        self.centre.setMinimumSize(420, 240)
        self._window.setCentralWidget(self.centre)

    def _build_docks(self) -> None:
        window = self._window
        window.setDockOptions(QMainWindow.DockOption.AllowTabbedDocks | QMainWindow.DockOption.AllowNestedDocks)
        window.setTabPosition(Qt.DockWidgetArea.AllDockWidgetAreas, QTabWidget.TabPosition.North)
        window.setDocumentMode(True)
        self.messages.note_wanted.connect(self._edit_note)
        self.station.list_wanted.connect(lambda: self.show_panel(self.local_list))
        self.local_list.connect_wanted.connect(self.connect_charger)
        self.local_list.tokens_wanted.connect(self._search_tokens)
        self.local_list.messages_wanted.connect(self._filter_messages)
        self.docks: dict[Panel, PanelDock] = {
            self.tap: PanelDock(self.tap, "dock.tap", framed=False),
            self.inspector: PanelDock(self.inspector, "dock.inspector"),
            self.messages: PanelDock(self.messages, "dock.messages"),
            self.tokens: PanelDock(self.tokens, "dock.tokens"),
            self.local_list: PanelDock(self.local_list, "dock.local-list"),
            self.station: PanelDock(self.station, "dock.station", scrolled=True),
            self.findings: PanelDock(self.findings, "dock.findings"),
            self.reader: PanelDock(self.reader, "dock.reader", scrolled=True),
            self.proxy: PanelDock(self.proxy, "dock.proxy"),
        }
        window.addDockWidget(Qt.DockWidgetArea.LeftDockWidgetArea, self.docks[self.tap])
        window.addDockWidget(Qt.DockWidgetArea.RightDockWidgetArea, self.docks[self.inspector])
        tabs = (self.messages, self.tokens, self.local_list, self.station, self.findings, self.reader, self.proxy)
        below = [self.docks[panel] for panel in tabs]
        for dock in below:
            window.addDockWidget(Qt.DockWidgetArea.BottomDockWidgetArea, dock)
        for before, dock in zip(below, below[1:], strict=False):
            window.tabifyDockWidget(before, dock)
        self.docks[self.proxy].hide()  # until there is a proxy
        below[0].raise_()
        self._settle_timer = QTimer(self)
        self._settle_timer.setSingleShot(True)
        self._settle_timer.setInterval(0)
        self._settle_timer.timeout.connect(self._settle)
        for dock in self.docks.values():
            dock.dockLocationChanged.connect(self._settle_later)
            dock.topLevelChanged.connect(self._settle_later)
            dock.visibilityChanged.connect(self._settle_later)
        self._settle()
        for panel in (self.messages, self.exchanges, self.findings):
            for view in panel.findChildren(QAbstractItemView):
                view.installEventFilter(self)

    # Inside

    def _edit_note(self, seq: int) -> None:
        self.select_message(seq)
        self.show_panel(self.inspector)
        self.inspector.edit_note()

    def _search_tokens(self, text: str) -> None:
        self.show_panel(self.tokens)
        if text:
            self.tokens.search.setText(text)

    def _filter_messages(self, text: str) -> None:
        self.show_panel(self.messages)
        self.messages.filter_line.set_text(text)

    def _heard(self, change: Change, key: object) -> None:
        self._fresh.add((change, key))
        if len(self._fresh) > MAX_PENDING:
            self._fresh = _coarse(self._fresh)  # nobody flushes while the window is hidden

    def _let_go(self) -> None:
        if self._unsubscribe is not None:
            self._unsubscribe()
            self._unsubscribe = None

    def _close_connect_page(self) -> None:
        page, self.connect_page = self.connect_page, None
        if page is not None:
            page.close()
            page.deleteLater()

    def _chip_picked(self, key: str) -> None:
        if key == "start":
            self.show_doors()
        elif key in ("josev", "ocpp"):
            self.show_connect()
        else:
            by_key = {"store": self.tokens, "list": self.local_list, "csms": self.station}
            self.show_panel(self.reader if key.startswith("reader") else by_key.get(key, self.findings))

    def _router(self, select: Callable[[_Picked, Panel], None], source: Panel) -> Callable[[_Picked], None]:
        return lambda picked: select(picked, source)

    def _settle_later(self) -> None:
        self._settle_timer.start()

    def _settle(self) -> None:
        for dock in self.docks.values():
            beside = [other for other in self._window.tabifiedDockWidgets(dock) if not other.isHidden()]
            dock.settle(tabbed=bool(beside) and not dock.isFloating())
        for bar in self._window.findChildren(QTabBar, options=Qt.FindChildOption.FindDirectChildrenOnly):
            bar.setAccessibleName("Panels")  # Qt makes and drops these bars as docks move
        self.banner.raise_()  # a dock that comes to the front does so over everything


def _coarse(changes: Changes) -> Changes:
    """The same, with one entry for all exchanges."""
    return {(kind, None if kind == "exchange" else key) for kind, key in changes}
