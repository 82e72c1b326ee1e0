"""Who was registered with this bench over the MaEVe API and OCPI, and what came of the orders given to them."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QAbstractItemView, QTabWidget, QTreeWidget, QTreeWidgetItem, QVBoxLayout, QWidget

from bench.maeve.model import PENDING, ChargeStation, InstallState
from bench.ocpi.model import Party, Status
from ui import theme
from ui.widgets import RoleLabel

if TYPE_CHECKING:
    from bench.maeve.registry import Registry
    from bench.session import Session

TITLE = "Registered"
HEADS = ("Who", "What", "State", "Why")
WIDTHS = (260, 125, 140)
MAX_ROWS = 500
"""Stations and parties that are shown; how many more there are is said."""
_FINE = frozenset(("Accepted", "RebootRequired"))


class RegisteredTab(QWidget):
    """A tab that is there only while something is registered. tabs: where it appears."""

    def __init__(self, tabs: QTabWidget) -> None:
        # Without a parent it would be destroyed whenever Python comes to it, perhaps after Qt itself.
        super().__init__(tabs)
        self.hide()  # until it is a tab
        self.setAccessibleName("Registered stations and parties")
        self._tabs = tabs
        self._session: Session | None = None
        self._shown: object = None
        self.summary = RoleLabel("", "muted", wrap=True)
        self.summary.setAccessibleName("How many are registered, and what waits")
        self.tree = QTreeWidget()
        self.tree.setHeaderLabels(HEADS)
        self.tree.setAccessibleName("Registered stations with their orders, and parties")
        self.tree.setUniformRowHeights(True)
        self.tree.setMinimumHeight(60)
        self.tree.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.tree.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        for at, width in enumerate(WIDTHS):
            self.tree.setColumnWidth(at, width)
        column = QVBoxLayout(self)
        column.setContentsMargins(10, 6, 10, 4)
        column.setSpacing(6)
        column.addWidget(self.summary)
        column.addWidget(self.tree, 1)
        theme.on_change(self._fill)

    @property
    def there(self) -> bool:
        """Whether anything is registered."""
        registry = self._registry
        return registry is not None and bool(registry.stations.stations or registry.ocpi.parties)

    def attach(self, session: Session) -> None:
        """Show those of this session."""
        self._session, self._shown = session, None
        self.refresh()

    def refresh(self) -> None:
        """Show what changed."""
        at = self._tabs.indexOf(self)
        if not self.there:
            if at >= 0:
                self._tabs.removeTab(at)
            return
        if at < 0:
            self._tabs.addTab(self, TITLE)
        registry = self._registry
        assert registry is not None
        now = (
            registry.stations.stations,
            registry.ocpi.parties,
            registry.stations.certificates,
            len(registry.stations.locations),
        )
        if now != self._shown:
            self._shown = now
            self._fill()

    # Inside

    @property
    def _registry(self) -> Registry | None:
        return getattr(self._session, "registry", None)  # a capture that was opened again has none

    def _fill(self) -> None:
        registry = self._registry
        if registry is None or self._shown is None:
            return
        stations, parties = registry.stations.stations, registry.ocpi.parties
        waiting = sum(station.waiting for station in stations)
        self.summary.setText(
            " · ".join(
                (
                    _number(len(stations), "station"),
                    f"{waiting} waiting" if waiting else "nothing waits",
                    _number(len(parties), "OCPI party", "OCPI parties"),
                    _number(registry.stations.certificates, "client certificate"),
                    _number(len(registry.stations.locations), "location"),
                )
            )
        )
        opened = {item.text(0) for item in self._items() if item.isExpanded()}
        self.tree.clear()
        items = [*map(_station_item, stations), *map(_party_item, parties)]
        for item in islice(items, MAX_ROWS):
            self.tree.addTopLevelItem(item)
            item.setExpanded(item.text(0) in opened or len(items) == 1)
        if len(items) > MAX_ROWS:
            self.tree.addTopLevelItem(_item(f"and {len(items) - MAX_ROWS} more", "", "", ""))

    def _items(self) -> list[QTreeWidgetItem]:
        found = (self.tree.topLevelItem(at) for at in range(self.tree.topLevelItemCount()))
        return [item for item in found if item is not None]


def _station_item(station: ChargeStation) -> QTreeWidgetItem:
    """One station, its orders below it."""
    auth = station.auth
    what = "orders only" if auth is None else f"security profile {auth.ocpp_profile}"
    state = (
        "to be configured"
        if not station.provisioned
        else f"{station.waiting} waiting"
        if station.waiting
        else "configured"
    )
    made = _item(station.id, what, state, "", "" if station.idle else "warn", mono=True)
    for name, wanted in station.settings.items():
        made.addChild(_item(name, wanted.shown(name), wanted.status, wanted.why, _role(wanted.status)))
    for one in station.certificates:
        made.addChild(_item(f"Root certificate {one.use}", "", one.status, one.why, _role(one.status)))
    for trigger in station.triggers:
        made.addChild(_item(f"Trigger {trigger}", "", PENDING, "", "warn"))
    if station.reset_due:
        made.addChild(_item("Reboot", "", PENDING, "its new settings need it", "warn"))
    return made


def _party_item(party: Party) -> QTreeWidgetItem:
    registered = party.status is Status.REGISTERED
    return _item(
        party.names or "OCPI party", party.url or "comes by itself", party.status, "", "ok" if registered else "warn"
    )


def _item(who: str, what: str, state: str, why: str, role: str = "", *, mono: bool = False) -> QTreeWidgetItem:
    made = QTreeWidgetItem([who, what, state, why])
    made.setFlags(Qt.ItemFlag.ItemIsSelectable | Qt.ItemFlag.ItemIsEnabled)
    for at, text in enumerate((who, what, state, why)):
        made.setToolTip(at, text)
    if mono:
        made.setFont(0, theme.mono_font())
    if role:
        made.setForeground(2, theme.brush(role))
    return made


def _role(status: str) -> str:
    return "ok" if status in _FINE else "warn" if status in (PENDING, InstallState.PENDING) else "fail"


def _number(number: int, one: str, many: str = "") -> str:
    return f"1 {one}" if number == 1 else f"{number} {many or one + 's'}"
