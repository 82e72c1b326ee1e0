"""How the tables of the data panels look: one cell delegate and one set of table manners."""

from __future__ import annotations

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
