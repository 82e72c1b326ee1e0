"""What happened to one token, as a table."""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from typing import TYPE_CHECKING

from PySide6.QtCore import QModelIndex, QObject, QPersistentModelIndex, Qt

from ui import theme
from ui.models.table import RowModel

if TYPE_CHECKING:
    from bench.tokens.history import TokenChange

Index = QModelIndex | QPersistentModelIndex
NOTHING = "–"
ROLES = {"added": "ok", "deleted": "fail"}
GLYPHS = {"added": "+", "changed": "→", "deleted": "✖"}


class Column(IntEnum):
    WHEN = 0
    WHAT = 1
    WHO = 2
    FIELDS = 3


def fields_text(change: TokenChange) -> str:
    """``valid: true → false; note: – → lost``; of an added token what it was given."""
    if change.what == "changed":
        told = [f"{name}: {_shown(old)} → {_shown(new)}" for name, old, new in change.differences()]
        return "; ".join(told) or "written again, the same"
    return "; ".join(f"{name}: {_shown(new if change.after else old)}" for name, old, new in change.differences())


def _shown(value: object) -> str:
    if value is None:
        return NOTHING
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return str(value.get("content", value)).replace("\n", " ")
    if isinstance(value, list):
        return " ".join(map(str, value))
    return str(value).replace("\n", " ")


class TokenChangeModel(RowModel):
    """Changes of one token, newest first."""

    headers = ("When", "What", "Who", "Fields")

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._changes: Sequence[TokenChange] = ()

    def show(self, changes: Sequence[TokenChange]) -> None:
        self.beginResetModel()
        self._changes = changes
        self.endResetModel()

    def count(self) -> int:
        return len(self._changes)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        if not index.isValid() or index.row() >= len(self._changes):
            return None
        change = self._changes[index.row()]
        column = index.column()
        if role == Qt.ItemDataRole.DisplayRole:
            return (
                f"{change.utc.astimezone():%Y-%m-%d %H:%M:%S}",
                f"{GLYPHS[change.what]} {change.what}",
                change.by,
                fields_text(change),
            )[column]
        if role == Qt.ItemDataRole.ToolTipRole and column == Column.FIELDS:
            return fields_text(change).replace("; ", "\n")
        if role == Qt.ItemDataRole.ForegroundRole and column == Column.WHAT and change.what in ROLES:
            return theme.color(ROLES[change.what])
        return None
