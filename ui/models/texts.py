"""A small table of texts whose rows are made anew and told only where they differ."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import NamedTuple

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt

from ui import theme

Index = QModelIndex | QPersistentModelIndex


class TextRow(NamedTuple):
    """key: what the row stands for. role: colour role of its text, None for the usual one."""

    key: Hashable
    texts: tuple[str, ...]
    role: str | None = None


class TextTable(QAbstractTableModel):
    """Rows as they were at the latest :meth:`show`."""

    def __init__(self, headers: tuple[str, ...], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._headers = headers
        self._rows: list[TextRow] = []

    def show(self, rows: Sequence[TextRow]) -> None:
        """Take in the rows; nothing is told where nothing is shown differently."""
        before, fresh = self._rows, list(rows)
        if fresh == before:
            return
        if [row.key for row in fresh] == [row.key for row in before]:
            self._rows = fresh
            self.dataChanged.emit(self.index(0, 0), self.index(len(fresh) - 1, len(self._headers) - 1))
        else:
            self.beginResetModel()
            self._rows = fresh
            self.endResetModel()

    def key_at(self, row: int) -> Hashable | None:
        return self._rows[row].key if 0 <= row < len(self._rows) else None

    def row_of(self, key: Hashable) -> int | None:
        return next((row for row, each in enumerate(self._rows) if each.key == key), None)

    # Qt

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self._rows)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self._headers)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        horizontal = orientation is Qt.Orientation.Horizontal and section < len(self._headers)
        return self._headers[section] if horizontal and role == Qt.ItemDataRole.DisplayRole else None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        if not index.isValid() or index.row() >= len(self._rows):
            return None
        row = self._rows[index.row()]
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.ToolTipRole):
            return row.texts[index.column()]
        if role == Qt.ItemDataRole.ForegroundRole and row.role is not None:
            return theme.color(row.role)
        return None
