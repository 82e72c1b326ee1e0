"""A small table of texts whose rows are made anew and told only where they differ."""

from __future__ import annotations

from collections.abc import Hashable
from typing import NamedTuple

from PySide6.QtCore import QModelIndex, QObject, QPersistentModelIndex, Qt

from ui import theme
from ui.models.table import KeptRows

Index = QModelIndex | QPersistentModelIndex


class TextRow(NamedTuple):
    """key: what the row stands for. role: colour role of its text, None for the usual one."""

    key: Hashable
    texts: tuple[str, ...]
    role: str | None = None


class TextTable(KeptRows[TextRow]):
    """Rows as they were at the latest :meth:`show`."""

    def __init__(self, headers: tuple[str, ...], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.headers = headers

    # Qt

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        row = self.at(index.row())
        if row is None or not index.isValid():
            return None
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.ToolTipRole):
            return row.texts[index.column()]
        if role == Qt.ItemDataRole.ForegroundRole and row.role is not None:
            return theme.color(row.role)
        return None
