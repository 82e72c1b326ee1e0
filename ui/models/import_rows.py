"""The first rows of a file of tokens, each with what becomes of it."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, Qt

from bench.tokens.import_plan import Judged, Outcome
from ui import theme
from ui.models.table import RowModel
from ui.models.tokens import TEXTS, Column

Index = QModelIndex | QPersistentModelIndex

_OF_TOKEN = (Column.UID, Column.TYPE, Column.STATUS, Column.NUMBER, Column.EXPIRY, Column.GROUP)
_GLYPHS = {
    Outcome.NEW: ("✚", "ok"),
    Outcome.CHANGED: ("✎", "warn"),
    Outcome.UNCHANGED: ("=", "muted"),
    Outcome.KEPT: ("=", "muted"),
    Outcome.WRONG: ("✖", "fail"),
    Outcome.LEFT_OUT: ("—", "muted"),
}
SAMPLES = (
    "1204",
    "✎ unchanged",
    "04A2B3C4D5E680",
    "contractId, groupId, status",
    "ISO14443",
    "✔ Accepted",
    "TAG-7 · M. Ok",
)
SAMPLES += ("2030-12-31 · in 9 months", "FLEET-2")


class ImportRowsModel(RowModel):
    """Rows as :func:`bench.tokens.import_plan.plan_import` judged them. Key codes are masked."""

    headers = ("Row", "Outcome", "UID", "What changes", "Type", "Status", "Printed number", "Expiry", "Group")

    def __init__(self, parent: object = None) -> None:
        super().__init__(parent)  # type: ignore[arg-type]
        self._judged: Sequence[Judged] = ()

    def show(self, judged: Sequence[Judged]) -> None:
        """Show these instead."""
        self.beginResetModel()
        self._judged = judged
        self.endResetModel()

    def count(self) -> int:
        return len(self._judged)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        if not index.isValid():
            return None
        row, outcome, token, why = self._judged[index.row()]
        glyph, color = _GLYPHS[outcome]
        column = index.column()
        if role == Qt.ItemDataRole.ForegroundRole:
            return theme.color(color) if column == 1 or (column == 3 and outcome is Outcome.WRONG) else None
        if role == Qt.ItemDataRole.ToolTipRole:
            return why or None
        if role != Qt.ItemDataRole.DisplayRole:
            return None
        if column < 2:
            return (str(row), f"{glyph} {outcome}")[column]
        if column == 3:
            return why
        shown = _OF_TOKEN[column - 2 if column == 2 else column - 3]
        return "" if token is None else TEXTS[shown](token)
