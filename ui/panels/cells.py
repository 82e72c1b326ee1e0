"""How the tables of the data panels look: one cell delegate and one set of table manners."""

from __future__ import annotations

from typing import Protocol

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, Qt
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
)

from ui import theme

PADDING = 8
ROW_PADDING = 7
_LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter


class CellDelegate(QStyledItemDelegate):
    """Text with the header's padding; a cell keeps its colour when its row is selected.

    Painted by hand: a styled cell asks the model for twice as many roles, which live tables feel.
    """

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        rect = option.rect
        selected = bool(option.state & QStyle.StateFlag.State_Selected)
        if selected:
            painter.fillRect(rect, theme.color("selection"))
        text = index.data(Qt.ItemDataRole.DisplayRole)
        if not text:
            return
        color = index.data(Qt.ItemDataRole.ForegroundRole)
        painter.setPen(color or theme.color("selection_text" if selected else "text"))
        painter.setFont(option.font)
        room = rect.adjusted(PADDING, 0, -PADDING, 0)
        metrics = option.fontMetrics
        if metrics.horizontalAdvance(text) > room.width():
            text = metrics.elidedText(text, Qt.TextElideMode.ElideRight, room.width())
        painter.drawText(room, index.data(Qt.ItemDataRole.TextAlignmentRole) or _LEFT, text)


class LiveModel(Protocol):
    """A model whose cells can be had without a call into Qt for each of their roles."""

    def cell(self, row: int, column: int) -> tuple[str, str | None, bool]:
        """Text, colour role (None for the usual one), and whether it stands at the right."""
        ...


class LiveDelegate(QStyledItemDelegate):
    """As :class:`CellDelegate`, for a table that is painted while messages flood in.

    Each call into Qt lets another thread take its turn, and in a flood two others want one: a cell here costs half a dozen calls
    instead of two dozen.
    """

    def __init__(self, table: QTableView) -> None:
        super().__init__(table)
        self.model: LiveModel | None = None
        self._metrics = table.fontMetrics()
        self._wide = self._metrics.horizontalAdvance("W")
        self._fixed = self._wide == self._metrics.horizontalAdvance("i")

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        assert self.model is not None
        selected = QStyle.StateFlag.State_Selected in option.state
        if selected:
            painter.fillRect(option.rect, theme.color("selection"))
        text, role, right = self.model.cell(index.row(), index.column())
        if not text:
            return
        left, top, width, height = option.rect.getRect()
        painter.setPen(theme.color(role or ("selection_text" if selected else "text")))
        room = width - 2 * PADDING
        painter.drawText(left + PADDING, top, room, height, _RIGHT if right else _LEFT, self._fit(text, room))

    def _fit(self, text: str, room: int) -> str:
        if self._fixed and text.isascii():
            count = max(1, room // self._wide)
            return text if len(text) <= count else f"{text[: count - 1]}…"
        return self._metrics.elidedText(text, Qt.TextElideMode.ElideRight, room)


def make_table(name: str, *, live: bool = False) -> QTableView:
    """A table of whole rows, read only, with rows of one height; Tab leaves it. live: many rows may be selected."""
    table = QTableView()
    table.setAccessibleName(name)
    table.setFont(theme.mono_font())
    table.setItemDelegate(CellDelegate(table))
    table.setShowGrid(False)
    table.setWordWrap(False)
    table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
    mode = QAbstractItemView.SelectionMode
    table.setSelectionMode(mode.ExtendedSelection if live else mode.SingleSelection)
    table.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerItem)
    table.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
    table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
    table.setTabKeyNavigation(False)
    table.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
    rows = table.verticalHeader()
    rows.hide()
    rows.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
    rows.setDefaultSectionSize(table.fontMetrics().height() + ROW_PADDING)
    header = table.horizontalHeader()
    header.setHighlightSections(False)
    header.setStretchLastSection(True)
    header.setDefaultAlignment(_LEFT)
    return table


def set_widths(table: QTableView, samples: tuple[str, ...]) -> None:
    """Column widths from typical texts, never from live rows; the last column stretches."""
    metrics = table.fontMetrics()
    header = table.horizontalHeader()
    for column, sample in enumerate(samples):
        title = header.fontMetrics().horizontalAdvance(str(table.model().headerData(column, Qt.Orientation.Horizontal)))
        table.setColumnWidth(column, max(metrics.horizontalAdvance(sample), title) + 2 * PADDING + 4)
