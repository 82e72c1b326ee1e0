"""The latest frames of one reader, as they come."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from PySide6.QtCore import QModelIndex, QObject, QPersistentModelIndex, Qt, Signal
from PySide6.QtWidgets import QCheckBox, QVBoxLayout, QWidget

from bench.clock import to_datetime
from bench.journal.log import Journal
from bench.journal.view import routine
from bench.message import Direction, Link, Message
from ui import theme
from ui.models.table import RowModel
from ui.panels.cells import make_table, set_widths

Index = QModelIndex | QPersistentModelIndex

KEPT = 500
MAX_LOOK = 5_000
"""Messages looked through at a time; a flood on another link must not hold the window up."""
MAX_BYTES = 24
HEADERS = ("Time", "", "What", "Bytes")
TIME, WAY, WHAT, BYTES = range(4)


class FrameModel(RowModel):
    """Newest last, bounded."""

    headers = HEADERS

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._messages: deque[Message] = deque()

    def clear(self) -> None:
        self.beginResetModel()
        self._messages.clear()
        self.endResetModel()

    def add(self, messages: list[Message]) -> None:
        """One insert for all of them."""
        messages = messages[-KEPT:]
        over = len(self._messages) + len(messages) - KEPT
        if over > 0:
            self.beginRemoveRows(QModelIndex(), 0, over - 1)
            for _ in range(over):
                self._messages.popleft()
            self.endRemoveRows()
        if messages:
            first = len(self._messages)
            self.beginInsertRows(QModelIndex(), first, first + len(messages) - 1)
            self._messages.extend(messages)
            self.endInsertRows()

    def at(self, row: int) -> Message | None:
        return self._messages[row] if 0 <= row < len(self._messages) else None

    def count(self) -> int:
        return len(self._messages)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        message = self.at(index.row())
        if message is None or not index.isValid():
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return _text(message, index.column())
        if role == Qt.ItemDataRole.ForegroundRole:
            if index.column() == WAY:
                return theme.color("in" if message.direction is Direction.IN else "out")
            if index.column() == WHAT and message.decoded.kind == "malformed":
                return theme.color("fail")
        if role == Qt.ItemDataRole.ToolTipRole:
            return message.decoded.summary
        return None


def _text(message: Message, column: int) -> str:
    if column == TIME:
        return f"{to_datetime(message.utc_ns):%H:%M:%S.%f}"[:-3]
    if column == WAY:
        return "→ in" if message.direction is Direction.IN else "← out"
    if column == WHAT:
        return message.decoded.summary or message.decoded.name or message.decoded.kind
    shown = message.raw[:MAX_BYTES].hex(" ").upper()
    return f"{shown} …" if len(message.raw) > MAX_BYTES else shown


class FrameList(QWidget):
    """A live table.

    Signals:
        picked: number of the message that was selected. opened: of one that was double-clicked or entered.
    """

    picked = Signal(int)
    opened = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._model = FrameModel(self)
        self._reader = ""
        self._after = 0
        self.table = make_table("Frames of the reader")
        self.table.setModel(self._model)
        set_widths(self.table, ("12:00:00.000", "← out", "1 target, UID 04A2B3C4"))
        self.table.selectionModel().currentRowChanged.connect(lambda now, before: self._tell(self.picked, now.row()))
        self.table.activated.connect(lambda index: self._tell(self.opened, index.row()))
        self.quiet = QCheckBox("Hide polling")
        self.quiet.setChecked(True)
        self.quiet.setToolTip("Leave out what a polled reader is asked again and again, and its answers without a card")
        self.quiet.toggled.connect(lambda on: self.clear())
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        column.addWidget(self.table, 1)
        column.addWidget(self.quiet)

    def clear(self) -> None:
        self._model.clear()
        self._after = 0

    def follow(self, journal: Journal, reader: str, exchange_of: Callable[[int], int | None]) -> None:
        """Take in what came from that reader since the last call; another reader starts afresh.

        exchange_of: the exchange of a message, by its number.
        """
        if reader != self._reader:
            self._reader = reader
            self.clear()
        if not reader:
            return
        after = max(self._after, journal.head - MAX_LOOK)
        fresh = [message for message in journal.since(after) if self._shown(message, exchange_of)]
        self._after = journal.head
        bar = self.table.verticalScrollBar()
        at_end = bar.value() >= bar.maximum()
        self._model.add(fresh)
        if fresh and at_end:
            self.table.scrollToBottom()

    def _shown(self, message: Message, exchange_of: Callable[[int], int | None]) -> bool:
        if message.link is not Link.READER or message.channel != self._reader:
            return False
        return not (self.quiet.isChecked() and routine(message, exchange_of))

    def _tell(self, signal: Signal, row: int) -> None:
        message = self._model.at(row)
        if message is not None:
            signal.emit(message.seq)
