"""The decoded message as a tree whose verdicts stay in sight."""

from __future__ import annotations

from collections.abc import Iterable

from PySide6.QtCore import Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QHeaderView, QTreeView, QWidget

from ui import theme
from ui.models.tree import CHECK, FIELD, VALUE, Check, TreeModel
from ui.panels.cells import PADDING, CellDelegate

MAX_OPEN_DEPTH = 3
MAX_OPEN_ROWS = 200
MAX_NAME_SHARE = 0.45
MAX_CHECK_SHARE = 0.4
LEAST_CHECK = "✖ wrong"
MIN_NAME, MIN_VALUE = 60, 80
"""Pixels, and what of a verdict stays in sight where there is no room for all."""


class MessageTree(QTreeView):
    """Field, Value, Check. The first few levels are open; a long list fills as it is scrolled."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName("Decoded message")
        self.setFont(theme.mono_font())
        self.setUniformRowHeights(True)
        self.setItemDelegate(CellDelegate(self))
        self.setEditTriggers(QTreeView.EditTrigger.NoEditTriggers)
        self.setIndentation(14)
        self.setTabKeyNavigation(False)
        self._amiss = False
        self.rows = TreeModel(self)
        self.setModel(self.rows)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.header().setMinimumSectionSize(24)
        self.header().resizeSection(
            CHECK, self.header().minimumSectionSize()
        )  # its stretched width is never less than this
        self.header().setStretchLastSection(True)
        self.header().setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        theme.on_change(self.viewport().update)

    def show_tree(self, tree: object, checks: Iterable[tuple[str, Check]]) -> None:
        """Show JSON-able data, which is the tree's from now on, and what is known of its fields by path."""
        checks = list(checks)
        self._amiss = any(not check.ok for _, check in checks)
        self.rows.show(tree, checks)
        self.setColumnHidden(CHECK, not checks)
        self._open_branches()
        self._fit_columns()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit_columns()

    def _open_branches(self) -> None:
        waiting = [(self.rows.index(row, 0), 1) for row in range(min(self.rows.rowCount(), MAX_OPEN_ROWS))]
        opened = 0
        while waiting and opened < MAX_OPEN_ROWS:
            index, depth = waiting.pop(0)
            if not self.rows.hasChildren(index):
                continue
            if self.rows.canFetchMore(index):
                self.rows.fetchMore(index)
            self.expand(index)
            opened += 1
            if depth < MAX_OPEN_DEPTH:
                count = min(self.rows.rowCount(index), MAX_OPEN_ROWS)
                waiting += [(self.rows.index(row, 0, index), depth + 1) for row in range(count)]

    def _fit_columns(self) -> None:
        """Names as wide as they need, within their share, and so are verdicts where one says what is wrong; values have the
        rest, and give way first. Where all is well, the signs of the verdicts do."""
        room = self.viewport().width()
        names = min(self._wanted(FIELD), int(room * MAX_NAME_SHARE))
        verdicts = 0
        if not self.isColumnHidden(CHECK):
            least = self.fontMetrics().horizontalAdvance(LEAST_CHECK) + 2 * PADDING
            verdicts = max(least, min(self._wanted(CHECK), int(room * MAX_CHECK_SHARE))) if self._amiss else least
        values = max(min(self._wanted(VALUE), room - names - verdicts), MIN_VALUE)
        names = min(names, max(room - values - verdicts, MIN_NAME))
        self.setColumnWidth(FIELD, names)
        self.setColumnWidth(VALUE, values)

    def _wanted(self, column: int) -> int:
        return max(self.sizeHintForColumn(column), self.header().sectionSizeHint(column)) + 2 * PADDING
