"""The stations as a small table."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from PySide6.QtCore import QModelIndex, QObject, QPersistentModelIndex, Qt

from bench.station import Station
from ui import theme
from ui.models.table import RowModel

Index = QModelIndex | QPersistentModelIndex

HEADERS = ("Station", "Link", "OCPP", "Boot", "Vendor and model", "Firmware", "List", "EVSEs", "Transactions")
LINK, BOOT = 1, 3


@dataclass(frozen=True, slots=True)
class _Row:
    id: str
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


def list_text(version: int | None) -> str:
    """A list version in words: ``v7``; -1 is OCPP 1.6 for "no local list", 0 an empty one."""
    if version is None:
        return "not asked"
    if version == -1:
        return "none"
    return "empty" if version == 0 else f"v{version}"


class StationTableModel(RowModel):
    """One row a station, as it was at the latest :meth:`show`."""

    headers = HEADERS

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._rows: list[_Row] = []

    def show(self, stations: Iterable[Station]) -> bool:
        """Take in the stations; returns whether anything is shown differently."""
        rows = [_Row(each.id, each.connected, tuple(text(each) for text in _TEXTS)) for each in stations]
        if rows == self._rows:
            return False
        if [row.id for row in rows] == [row.id for row in self._rows]:
            self._rows = rows
            self.dataChanged.emit(self.index(0, 0), self.index(len(rows) - 1, len(HEADERS) - 1))
        else:
            self.beginResetModel()
            self._rows = rows
            self.endResetModel()
        return True

    def id_at(self, row: int) -> str | None:
        return self._rows[row].id if 0 <= row < len(self._rows) else None

    def row_of(self, station: str) -> int | None:
        return next((row for row, each in enumerate(self._rows) if each.id == station), None)

    # Qt

    def count(self) -> int:
        return len(self._rows)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        if not index.isValid() or index.row() >= len(self._rows):
            return None
        row = self._rows[index.row()]
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
