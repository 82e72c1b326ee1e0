"""The rows of a comparison: what became of a message or a tap, and below it the fields that differ."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTreeWidget, QTreeWidgetItem

from bench.journal.compare import Difference, State
from bench.message import Message
from ui import theme
from ui.models.messages import ARROWS
from ui.widgets import BadgeDelegate, readable_ms

MAX_SHOWN = 200
"""Differences of one message that become rows."""
MAX_CELL = 300
STATE = Qt.ItemDataRole.UserRole + 1

SIGNS = {State.SAME: "=", State.CHANGED: "≠", State.LEFT: "◀", State.RIGHT: "▶"}
ROLES = {State.SAME: "muted", State.CHANGED: "warn", State.LEFT: "info", State.RIGHT: "info"}
ASIDE = "~ set aside"


def make_tree(name: str, headers: Sequence[str]) -> QTreeWidget:
    """A tree of four columns: result, what, left, right. name: for a screen reader."""
    tree = QTreeWidget()
    tree.setAccessibleName(name)
    tree.setColumnCount(4)
    tree.setHeaderLabels(list(headers))
    tree.setFont(theme.mono_font(-0.25))
    tree.setUniformRowHeights(True)
    tree.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
    tree.setTextElideMode(Qt.TextElideMode.ElideRight)
    tree.setItemDelegate(BadgeDelegate(tree))
    header = tree.header()
    header.setStretchLastSection(False)
    header.setMinimumSectionSize(60)
    header.setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
    header.setSectionResizeMode(2, QHeaderView.ResizeMode.Stretch)
    header.setSectionResizeMode(3, QHeaderView.ResizeMode.Stretch)
    metrics = tree.fontMetrics()
    tree.setColumnWidth(0, metrics.horizontalAdvance("▶ only right") + 48)
    tree.setColumnWidth(1, metrics.horizontalAdvance("▲ OUT josev response authorization") + 24)
    return tree


def row_item(state: State, text: str, left: str, right: str) -> QTreeWidgetItem:
    """A row in the colours of its state; one that differs holds it under :data:`STATE`."""
    item = QTreeWidgetItem([f"{SIGNS[state]} {state}", text, left, right])
    item.setForeground(0, theme.brush(ROLES[state]))
    if state is State.SAME:
        for column in (1, 2, 3):
            item.setForeground(column, theme.brush("muted"))
    else:
        item.setData(0, STATE, str(state))
        item.setFont(0, theme.mono_font(-0.25, bold=True))
    return item


def add_fields(item: QTreeWidgetItem, differences: Sequence[Difference], *, aside: bool) -> None:
    """The fields that differ below a row. aside: those too that differ every time."""
    shown = [difference for difference in differences if aside or not difference.volatile]
    item.addChildren([field_item(difference) for difference in shown[:MAX_SHOWN]])
    if len(shown) > MAX_SHOWN:
        item.addChild(QTreeWidgetItem(["", f"and {len(shown) - MAX_SHOWN} more fields"]))


def field_item(difference: Difference) -> QTreeWidgetItem:
    """One field with both values."""
    values = difference.left, difference.right
    missing = ["— not there" if value is None else value for value in values]
    item = QTreeWidgetItem([ASIDE if difference.volatile else "", difference.path, *map(one_line, missing)])
    roles = ("muted",) * 4 if difference.volatile else ("warn", "muted", *_value_roles(values))
    for column, role in enumerate(roles):
        item.setForeground(column, theme.brush(role))
    for column, value in ((2, difference.left), (3, difference.right)):
        item.setToolTip(column, value or "")
    return item


def name_of(message: Message) -> str:
    """``▼ IN ocpp CALL Authorize``."""
    decoded = message.decoded
    return f"{ARROWS[message.direction]} {message.link} {decoded.kind} {decoded.name}".strip()


def place(message: Message | None, ms: float | None) -> str:
    """Number of a message and the time since the one before."""
    if message is None:
        return "—"
    return f"#{message.seq}" if ms is None else f"#{message.seq}   +{readable_ms(ms)}"


def one_line(text: str) -> str:
    """What fits into a cell."""
    line = " ".join(text.splitlines())
    return line if len(line) <= MAX_CELL else f"{line[: MAX_CELL - 1]}…"


def _value_roles(values: tuple[str | None, str | None]) -> tuple[str, str]:
    left, right = ("muted" if value is None else "warn" for value in values)
    return left, right
