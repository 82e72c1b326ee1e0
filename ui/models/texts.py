"""A small table of texts whose rows are made anew and told only where they differ."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import NamedTuple

from PySide6.QtCore import QModelIndex, QObject, QPersistentModelIndex, Qt

from ui import theme
from ui.models.table import RowModel

Index = QModelIndex | QPersistentModelIndex


class TextRow(NamedTuple):
    """key: what the row stands for. role: colour role of its text, None for the usual one."""

    key: Hashable
    texts: tuple[str, ...]
    role: str | None = None


class TextTable(RowModel):
    """Rows as they were at the latest :meth:`show`."""

    def __init__(self, headers: tuple[str, ...], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.headers = headers
        self._rows: list[TextRow] = []

    def show(self, rows: Sequence[TextRow]) -> None:
        """Take in the rows; nothing is told where nothing is shown differently."""
        before, fresh = self._rows, list(rows)
        if fresh == before:
            return
        if [row.key for row in fresh] == [row.key for row in before]:
            self._rows = fresh
            self.dataChanged.emit(self.index(0, 0), self.index(len(fresh) - 1, len(self.headers) - 1))
        else:
            self.beginResetModel()
            self._rows = fresh
            self.endResetModel()

    def key_at(self, row: int) -> Hashable | None:
        return self._rows[row].key if 0 <= row < len(self._rows) else None

    def row_of(self, key: Hashable) -> int | None:
        return next((row for row, each in enumerate(self._rows) if each.key == key), None)

    # Qt

    def count(self) -> int:
        return len(self._rows)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        if not index.isValid() or index.row() >= len(self._rows):
            return None
        row = self._rows[index.row()]
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.ToolTipRole):
            return row.texts[index.column()]
        if role == Qt.ItemDataRole.ForegroundRole and row.role is not None:
            return theme.color(row.role)
        return None
