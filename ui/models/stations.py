"""The stations as a small table."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, Qt

from bench.station import Station
from ui import theme
from ui.models.table import KeptRows

Index = QModelIndex | QPersistentModelIndex

HEADERS = ("Station", "Link", "OCPP", "Boot", "Vendor and model", "Firmware", "List", "EVSEs", "Transactions")
LINK, BOOT = 1, 3


@dataclass(frozen=True, slots=True)
class StationRow:
    """key: the station's id. texts: one a column."""

    key: str
    connected: bool
    texts: tuple[str, ...]


_TEXTS: tuple[Callable[[Station], str], ...] = (
    lambda station: station.id,
    lambda station: "● up" if station.connected else "□ off",
    lambda station: station.version,
    lambda station: station.boot or "not yet",
    lambda station: f"{station.vendor} {station.model}".strip(),
    lambda station: station.firmware,
    lambda station: list_text(station.list_version),
    lambda station: " · ".join(f"{name} {word}" for name, word in list(station.connectors.items())[:8]),
    lambda station: " · ".join(list(station.transactions)[:4]),
)


def rows_of(stations: Iterable[Station]) -> list[StationRow]:
    """One row each, as they are now."""
    return [StationRow(each.id, each.connected, tuple(text(each) for text in _TEXTS)) for each in stations]


def list_text(version: int | None) -> str:
    """A list version in words: ``v7``; -1 is OCPP 1.6 for "no local list", 0 an empty one."""
    if version is None:
        return "not asked"
    if version == -1:
        return "none"
    return "empty" if version == 0 else f"v{version}"


class StationTableModel(KeptRows[StationRow]):
    """One row a station, as it was at the latest :meth:`show`."""

    headers = HEADERS

    # Qt

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        row = self.at(index.row())
        if row is None or not index.isValid():
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return row.texts[index.column()]
        if role == Qt.ItemDataRole.ToolTipRole:
            return row.texts[index.column()]
        if role == Qt.ItemDataRole.ForegroundRole:
            if index.column() == LINK:
                return theme.color("ok" if row.connected else "muted")
            if index.column() == BOOT:
                return theme.color({"Accepted": "ok", "Rejected": "fail"}.get(row.texts[BOOT], "warn"))
        return None
