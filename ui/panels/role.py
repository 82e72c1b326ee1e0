"""This bench as a station: the CSMS it dialled, how that one took it, and what it remembers of tokens."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QAbstractItemView,
    QComboBox,
    QHBoxLayout,
    QHeaderView,
    QPushButton,
    QTabWidget,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from bench.ports import LinkState
from bench.station_role.view import RoleEntry, RoleView
from ui import theme
from ui.widgets import ElidedLabel, RoleLabel

if TYPE_CHECKING:
    from bench.role_desk import RoleDesk
    from bench.session import Session

TITLE = "This bench"
TOKENS, SETTINGS = "Tokens", "Settings"
TOKEN_HEADS = ("Token", "Type", "Status", "Kept in", "Expires", "Group")
TOKEN_WIDTHS = (170, 90, 110, 64, 140, 60)
SETTING_HEADS = ("Setting", "Value", "Meaning")
SETTING_WIDTHS = (250, 90, 100)
BOOT_ROLES = {"Accepted": "ok", "Pending": "warn", "Rejected": "fail"}


class RoleTab(QWidget):
    """A tab that is there only while the bench is a station of another CSMS. tabs: where it appears."""

    def __init__(self, tabs: QTabWidget) -> None:
        # Without a parent it would be destroyed whenever Python comes to it, perhaps after Qt itself.
        super().__init__(tabs)
        self.hide()  # until it is a tab
        self.setAccessibleName("This bench as a station")
        self._tabs = tabs
        self._session: Session | None = None
        self._shown: tuple[RoleView, str] | None = None
        self.state = RoleLabel("", "muted", bold=True)
        self.state.setAccessibleName("What the CSMS says of this bench")
        self.where = ElidedLabel("", "muted")
        self.memory = RoleLabel("", "muted")
        self.memory.setAccessibleName("Local list and cache of this bench")
        self.choice = QComboBox()
        self.choice.addItems([TOKENS, SETTINGS])
        self.choice.setAccessibleName("What the table shows")
        self.choice.currentTextChanged.connect(lambda text: self._fill())
        self.clear_list = QPushButton("Clear list")
        self.clear_list.setToolTip("Forget the local list, as a factory reset does: its version is 0 again")
        self.clear_list.clicked.connect(lambda: self._desk.clear_list())
        self.clear_cache = QPushButton("Clear cache")
        self.clear_cache.setToolTip("Forget what the CSMS answered of cards: the next tap asks again")
        self.clear_cache.clicked.connect(lambda: self._desk.clear_cache())
        self.table = QTreeWidget()
        self.table.setRootIsDecorated(False)
        self.table.setUniformRowHeights(True)
        self.table.setMinimumHeight(60)
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.table.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        first = QHBoxLayout()
        first.setSpacing(10)
        first.addWidget(self.state)
        first.addWidget(self.where, 1)
        second = QHBoxLayout()
        second.setSpacing(6)
        second.addWidget(self.memory, 1)
        for widget in (self.choice, self.clear_list, self.clear_cache):
            second.addWidget(widget)
        column = QVBoxLayout(self)
        column.setContentsMargins(10, 6, 10, 4)
        column.setSpacing(6)
        column.addLayout(first)
        column.addLayout(second)
        column.addWidget(self.table, 1)

    @property
    def there(self) -> bool:
        """Whether the bench is a station."""
        return self._session is not None

    def attach(self, session: Session) -> None:
        """Come or go with the session's role."""
        self._session = session if getattr(session, "role", None) is not None else None
        self._shown = None
        at = self._tabs.indexOf(self)
        if self.there and at < 0:
            self._tabs.addTab(self, TITLE)
        elif not self.there and at >= 0:
            self._tabs.removeTab(at)
        self.refresh()

    def refresh(self) -> None:
        """Show what changed."""
        if self._session is None:
            return
        view = self._desk.view()
        link = self._session.links.get("csms")
        trouble = f"{link.detail}; {link.cure}" if link is not None and link.state is LinkState.FAULTY else ""
        if (view, trouble) == self._shown:
            return
        self._shown = (view, trouble)
        word = view.boot or ("waiting for its answer" if view.connected else "not connected")
        if not view.in_service:
            word += ", out of service"
        self.state.setText(f"{view.identity}: {word}")
        self.state.set_role("fail" if trouble else BOOT_ROLES.get(view.boot or "", "warn"))
        self.where.set_text(trouble or f"{view.url} · OCPP {view.version}")
        version = "not supported" if view.list_version < 0 else f"version {view.list_version}"
        self.memory.setText(f"List: {version}, {_entries(view.list_entries)} · Cache: {_entries(view.cache_entries)}")
        self.clear_list.setEnabled(bool(view.list_entries or view.list_version > 0))
        self.clear_cache.setEnabled(bool(view.cache_entries))
        self._fill()

    # Inside

    @property
    def _desk(self) -> RoleDesk:
        assert self._session is not None
        assert self._session.role is not None
        return self._session.role

    def _fill(self) -> None:
        if self._shown is None:
            return
        view = self._shown[0]
        tokens = self.choice.currentText() == TOKENS
        heads, widths = (TOKEN_HEADS, TOKEN_WIDTHS) if tokens else (SETTING_HEADS, SETTING_WIDTHS)
        rows = _token_rows(view) if tokens else [(s.name, s.value, s.means) for s in view.settings]
        self.table.clear()
        self.table.setColumnCount(len(heads))
        self.table.setHeaderLabels(heads)
        self.table.setAccessibleName(f"{self.choice.currentText()} of this bench as a station")
        self.table.header().setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        for at, width in enumerate(widths):
            self.table.setColumnWidth(at, width)
        for row in rows:
            item = QTreeWidgetItem(list(row))
            item.setFont(0, theme.mono_font())
            for at, text in enumerate(row):
                item.setToolTip(at, text)
            item.setFlags(Qt.ItemFlag.ItemIsSelectable | Qt.ItemFlag.ItemIsEnabled)
            self.table.addTopLevelItem(item)


def _token_rows(view: RoleView) -> list[tuple[str, ...]]:
    listed = [_row(entry, "list") for entry in view.listed]
    return listed + [_row(entry, "cache") for entry in reversed(view.cached)]


def _row(entry: RoleEntry, kept_in: str) -> tuple[str, ...]:
    return entry.token, entry.type, entry.status, kept_in, _time(entry.expires), entry.group


def _time(moment: datetime | None) -> str:
    if moment is None:
        return ""
    try:
        return f"{moment.astimezone():%Y-%m-%d %H:%M:%S}"
    except (OverflowError, OSError):  # no local time so far away: 9999-12-31 east of Greenwich, on Windows much sooner
        return f"{moment:%Y-%m-%d %H:%M:%S} UTC"


def _entries(number: int) -> str:
    return "1 token" if number == 1 else f"{number} tokens"
