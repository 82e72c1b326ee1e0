"""The message table's model: rows are numbers of a :class:`bench.journal.view.View`, texts are made when first shown."""

from __future__ import annotations

from array import array
from collections.abc import Callable
from enum import IntEnum

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt

from bench.clock import NS_PER_MS, NS_PER_S, iso_utc, stamp, to_datetime
from bench.journal.filter import Filter
from bench.journal.marks import SIGN, sentences, words_of
from bench.journal.notes import Note
from bench.journal.pairing import ASKS
from bench.journal.pairs import Pair
from bench.journal.view import JournalContext, View
from bench.message import Direction, Message
from bench.summary import summary
from ui import theme

SLICE = 2_000
FLUSH_BUDGET_MS = 25
KEEP_TEXTS = 4_096
MAX_CELL = 200

ARROWS = {Direction.IN: "▼ IN", Direction.OUT: "▲ OUT"}
Index = QModelIndex | QPersistentModelIndex


class Column(IntEnum):
    SEQ = 0
    TIME = 1
    LINK = 2
    DIR = 3
    CHANNEL = 4
    KIND = 5
    NAME = 6
    MS = 7
    SUMMARY = 8


HEADERS = ("#", "Time", "Link", "Dir", "Channel", "Kind", "Name", "ms", "Summary")
# What a typical cell holds: widths come from these, never from the live rows.
SAMPLES = (
    *("1204331", "12:03:11.204", "everest", "▲ OUT", "ocpp/iso15118"),
    *("✖ malformed", "GetLocalListVersion", "12345.6", ""),
)


class MessageTableModel(QAbstractTableModel):
    """Rows of a view. Call :meth:`flush` on the window's flush: one removal at the top, one insertion at the bottom.

    removed: rows that left at the top so far. note_of: the note or bookmark of a message. waiting: whether a request without
    an answer was shown lately: its row changes when its time is over, and when an answer comes.
    """

    def __init__(self, view: View, context: JournalContext, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._view = view
        self._context = context
        self.removed = 0
        self.waiting = False
        self.note_of: Callable[[int], Note | None] = lambda seq: None
        self._rows = 0
        self._relative = False
        self._base_ns: int | None = None
        self._texts: dict[int, tuple[str, ...]] = {}

    @property
    def view(self) -> View:
        return self._view

    @property
    def relative_time(self) -> bool:
        return self._relative

    def set_relative_time(self, relative: bool) -> None:
        """Show seconds since the first message instead of the time of day."""
        self._relative = relative
        self.redraw()

    def redraw(self) -> None:
        """Texts or colours changed: ask for all shown cells again."""
        self._texts.clear()
        if self._rows:
            self.dataChanged.emit(self.index(0, 0), self.index(self._rows - 1, len(HEADERS) - 1))

    def set_filter(self, filter_: Filter | None) -> None:
        """Start over with another filter; the next flushes bring the rows."""
        self.beginResetModel()
        self._view.set_filter(filter_)
        self._rows = 0
        self.endResetModel()

    def flush(self, budget_ms: float = FLUSH_BUDGET_MS) -> bool:
        """Take in what is new, for about as long as the budget. Returns whether more waits."""
        if self._view.overtaken:
            self.set_filter(self._view.filter)
        self._trim()
        deadline = stamp().mono_ns + int(budget_ms * NS_PER_MS)
        while self._view.unscanned and stamp().mono_ns < deadline:
            self._view.pull(SLICE)
        count = len(self._view.visible)
        if count > self._rows:
            self.beginInsertRows(QModelIndex(), self._rows, count - 1)
            self._rows = count
            self.endInsertRows()
        return self._view.unscanned > 0

    def put_before(self, found: array[int], searched_from: int) -> None:
        """Older messages that match come in at the top."""
        if len(found):
            self.beginInsertRows(QModelIndex(), 0, len(found) - 1)
            self._view.put_before(found, searched_from)
            self._rows += len(found)
            self.endInsertRows()
        else:
            self._view.put_before(found, searched_from)

    def seq_at(self, row: int) -> int | None:
        """The message shown in that row."""
        return self._view.visible[row] if 0 <= row < self._rows else None

    def row_of(self, seq: int) -> int | None:
        """The row that shows a message."""
        row = self._view.row_of(seq)
        return row if row is not None and row < self._rows else None

    def message_at(self, row: int) -> Message | None:
        seq = self.seq_at(row)
        return None if seq is None else self._view.message(seq)

    def row_text(self, row: int) -> str:
        """The cells of a row with tabs between, as copied."""
        message = self.message_at(row)
        return "\t".join(self._missing(row) if message is None else self._cells(message))

    def cell(self, row: int, column: int) -> tuple[str, str | None, bool]:
        """Text, colour role and whether it stands at the right: what painting a cell needs."""
        message = self.message_at(row)
        if message is None:
            return self._missing(row)[column], "fail" if column in (Column.KIND, Column.SUMMARY) else None, False
        return self._cells(message)[column], self._role(message, column), column == Column.MS

    # Qt

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else self._rows

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(HEADERS)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        if orientation is Qt.Orientation.Horizontal and 0 <= section < len(HEADERS):
            if role == Qt.ItemDataRole.DisplayRole:
                return HEADERS[section]
            if role == Qt.ItemDataRole.TextAlignmentRole:
                return _alignment(section)
        return None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        if role == Qt.ItemDataRole.DisplayRole:
            message = self.message_at(index.row())
            return (self._missing(index.row()) if message is None else self._cells(message))[index.column()]
        if role == Qt.ItemDataRole.ForegroundRole:
            message = self.message_at(index.row())
            wanted = None if message is None else self._role(message, index.column())
            return None if wanted is None else theme.color(wanted)
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _alignment(index.column())
        if role in (Qt.ItemDataRole.ToolTipRole, Qt.ItemDataRole.AccessibleTextRole):
            message = self.message_at(index.row())
            if message is None:
                return None
            return (
                self._tool_tip(message)
                if role == Qt.ItemDataRole.ToolTipRole
                else self._spoken(message, index.column())
            )
        return None

    def _missing(self, row: int) -> tuple[str, ...]:
        """A row whose message was never recorded: a gap says so, and why."""
        seq = self.seq_at(row)
        if seq is None:
            return ("",) * len(HEADERS)
        return (str(seq), "", "", "", "", "✖ gap", "", "", self._view.missing(seq) or "not recorded")

    def _trim(self) -> None:
        gone = min(self._view.expired(), self._rows)
        if gone:
            self.beginRemoveRows(QModelIndex(), 0, gone - 1)
            self._view.forget(gone)
            self._rows -= gone
            self.removed += gone
            self.endRemoveRows()

    def _cells(self, message: Message) -> tuple[str, ...]:
        cells = self._texts.get(message.seq)
        if cells is None:
            if len(self._texts) >= KEEP_TEXTS:
                self._texts.clear()
            pair = self._context.pair_of(message.seq)
            cells = self._make_cells(message, pair)
            if ASKS.get(message.decoded.kind) and pair.answered_by is None:
                self.waiting = True
            else:
                self._texts[message.seq] = cells
        return cells

    def _make_cells(self, message: Message, pair: Pair) -> tuple[str, ...]:
        decoded = message.decoded
        took = None if pair.answers is None else pair.ms
        return (
            str(message.seq),
            self._time(message),
            str(message.link),
            ARROWS[message.direction],
            _cut(message.channel),
            f"✖ {decoded.kind}" if message.malformed else _cut(decoded.kind),
            _cut(decoded.name),
            "" if took is None else f"{took:.1f}",
            ("★ " if self.note_of(message.seq) else "") + _marks(message, words_of(pair)) + summary(message),
        )

    def _time(self, message: Message) -> str:
        if not self._relative:
            local = to_datetime(message.utc_ns).astimezone()
            return f"{local:%H:%M:%S}.{message.utc_ns % NS_PER_S // NS_PER_MS:03}"
        if self._base_ns is None:
            first = self._view.message(self._view.oldest)
            self._base_ns = message.mono_ns if first is None else first.mono_ns
        return f"{(message.mono_ns - self._base_ns) / NS_PER_S:+.3f}"

    def _spoken(self, message: Message, column: int) -> str:
        text = self._cells(message)[column]
        return {Column.DIR: message.direction.value, Column.KIND: message.decoded.kind}.get(Column(column), text)

    def _role(self, message: Message, column: int) -> str | None:
        """The colour role of a cell, None for the usual one."""
        if column == Column.DIR:
            return message.direction.value
        if column == Column.SUMMARY and (message.decoded.faults or self._context.flags(message)):
            return "fail" if message.malformed else "warn"
        return "fail" if column == Column.KIND and message.malformed else None

    def _tool_tip(self, message: Message) -> str:
        lines = [f"#{message.seq} {iso_utc(message.utc_ns)}"]
        if message.injected:
            lines.append("injected by the operator")
        if (note := self.note_of(message.seq)) is not None and note.text:
            lines.append(f"★ {note.text}")
        lines += sentences(self._context.pair_of(message.seq))
        lines += [f"{fault.rule}: {_cut(fault.text)}" for fault in message.decoded.faults[:10]]
        return "\n".join(lines)


def _marks(message: Message, amiss: str) -> str:
    """What stands in front of the summary: a fault is never told by colour alone. amiss: as a request or an answer."""
    faulty = (message.decoded.faults and not message.malformed) or amiss
    return f"{f'{SIGN} ' if faulty else ''}{'✎ ' if message.injected else ''}{f'{amiss} · ' if amiss else ''}"


def _alignment(column: int) -> Qt.AlignmentFlag:
    side = Qt.AlignmentFlag.AlignRight if column == Column.MS else Qt.AlignmentFlag.AlignLeft
    return side | Qt.AlignmentFlag.AlignVCenter


def _cut(text: str) -> str:
    return text if len(text) <= MAX_CELL else text[: MAX_CELL - 1] + "…"
