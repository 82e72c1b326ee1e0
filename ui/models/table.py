"""What every small table model of the window shares: rows that are counted, and headers of fixed words."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Generic, Protocol, TypeVar

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt

Index = QModelIndex | QPersistentModelIndex


class RowModel(QAbstractTableModel):
    """headers: one a column. Subclasses count their rows and say what is in a cell."""

    headers: Sequence[str] = ()

    def count(self) -> int:
        """How many rows there are."""
        return 0

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else self.count()

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self.headers)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        named = orientation is Qt.Orientation.Horizontal and 0 <= section < len(self.headers)
        return self.headers[section] if named and role == Qt.ItemDataRole.DisplayRole else None


class Keyed(Protocol):
    """A row that says what it stands for; rows are equal where they show the same."""

    @property
    def key(self) -> Hashable: ...


Kept = TypeVar("Kept", bound=Keyed)


class KeptRows(RowModel, Generic[Kept]):
    """Rows that are made anew each time and told only where they differ from those at the latest :meth:`show`."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._rows: list[Kept] = []

    def show(self, rows: Sequence[Kept]) -> bool:
        """Take in the rows; returns whether anything is shown differently."""
        before, fresh = self._rows, list(rows)
        if fresh == before:
            return False
        if [row.key for row in fresh] == [row.key for row in before]:
            self._rows = fresh
            self.dataChanged.emit(self.index(0, 0), self.index(len(fresh) - 1, len(self.headers) - 1))
        else:
            self.beginResetModel()
            self._rows = fresh
            self.endResetModel()
        return True

    def at(self, row: int) -> Kept | None:
        return self._rows[row] if 0 <= row < len(self._rows) else None

    def key_at(self, row: int) -> Hashable | None:
        found = self.at(row)
        return None if found is None else found.key

    def row_of(self, key: Hashable) -> int | None:
        return next((number for number, row in enumerate(self._rows) if row.key == key), None)

    def count(self) -> int:
        return len(self._rows)
