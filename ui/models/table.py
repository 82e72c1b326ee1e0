"""What every small table model of the window shares: rows that are counted, and headers of fixed words."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, Qt

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
