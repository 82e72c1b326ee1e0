"""The bytes of a reader's message, explained: every field with its bytes, its meaning and whether it is right."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QEvent, QModelIndex, QObject, QPersistentModelIndex, QRect, Qt
from PySide6.QtGui import (
    QFont,
    QFontMetrics,
    QMouseEvent,
    QPainter,
    QResizeEvent,
    QTextCharFormat,
    QTextCursor,
    QTextOption,
)
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QPlainTextEdit,
    QStyle,
    QStyleOptionViewItem,
    QTextEdit,
    QVBoxLayout,
    QWidget,
)

from bench.codecs.spans import Span
from ui import theme
from ui.models.table import RowModel
from ui.panels.cells import PADDING, ROW_PADDING, CellDelegate, make_table
from ui.widgets import RoleLabel

HEADERS = ("At", "Bytes", "Field", "Meaning")
AT, BYTES, FIELD, MEANING = range(4)
WRAPPED = (FIELD, MEANING)
MAX_WRAPPED_ROWS = 200
"""Rows whose height is measured; those of longer messages are cut, and told in full at the foot."""
MAX_CELL_BYTES = 16
MAX_ROW_HEIGHT = 400
MAX_TOLD_BYTES = 64
MAX_DUMP = 4_096
"""Bytes of the dump above the table; the Bytes tab has all of them."""
MAX_DUMP_LINES = 6
NARROW = 360
_WRAP = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter | Qt.TextFlag.TextWordWrap
Index = QModelIndex | QPersistentModelIndex


class SpanModel(RowModel):
    """Spans as rows."""

    headers = HEADERS

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._raw = b""
        self._spans: Sequence[Span] = ()

    def show(self, raw: bytes, spans: Sequence[Span]) -> None:
        self.beginResetModel()
        self._raw = raw
        self._spans = spans
        self.endResetModel()

    def span(self, row: int) -> Span | None:
        return self._spans[row] if 0 <= row < len(self._spans) else None

    def row_of(self, at: int) -> int:
        """The row whose bytes hold that offset, or -1."""
        return next((row for row, span in enumerate(self._spans) if span.start <= at < span.end), -1)

    def told(self, row: int) -> str:
        """One span in full: what the cells have no room for."""
        span = self.span(row)
        if span is None:
            return ""
        where = f"byte {span.start}" if span.end - span.start == 1 else f"bytes {span.start} to {span.end - 1}"
        return f"{span.name}, {where}: {_hex(self._raw, span, MAX_TOLD_BYTES)}\n{_signed(span)}"

    def count(self) -> int:
        return len(self._spans)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        span = self.span(index.row())
        if span is None:
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            if index.column() == BYTES:
                return _hex(self._raw, span, MAX_CELL_BYTES)
            return (str(span.start), "", span.name, _signed(span))[index.column()]
        if role == Qt.ItemDataRole.ForegroundRole:
            if index.column() == MEANING and span.ok is not None:
                return theme.color("ok" if span.ok else "fail")
            return {AT: theme.color("muted"), BYTES: theme.color("in")}.get(index.column())
        if role in (Qt.ItemDataRole.ToolTipRole, Qt.ItemDataRole.AccessibleTextRole):
            return self.told(index.row())
        return None


def words_font() -> QFont:
    """That of names and meanings; narrower than the one of bytes."""
    return theme.ui_font(-0.25)


class _Wrapped(CellDelegate):
    """Names and meanings in as many lines as they need: the meaning is what the table is read for."""

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        if index.column() not in WRAPPED:
            super().paint(painter, option, index)
            return
        selected = bool(option.state & QStyle.StateFlag.State_Selected)
        if selected:
            painter.fillRect(option.rect, theme.color("selection"))
        painter.setPen(
            index.data(Qt.ItemDataRole.ForegroundRole) or theme.color("selection_text" if selected else "text")
        )
        painter.setFont(words_font())
        painter.drawText(option.rect.adjusted(PADDING, 0, -PADDING, 0), _WRAP, str(index.data()))


class _Dump(QPlainTextEdit):
    """The whole message in hex, with one span marked. A click picks the span under it."""

    def __init__(self, view: FrameView) -> None:
        super().__init__()
        self._view = view
        self.width_in_bytes = 8
        self.setProperty("bare", True)
        self.setReadOnly(True)
        self.setFont(theme.mono_font())
        self.setWordWrapMode(QTextOption.WrapMode.NoWrap)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setAccessibleName("All bytes of the message")
        self.setTabChangesFocus(True)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        super().mouseReleaseEvent(event)
        if not self.textCursor().hasSelection():
            cursor = self.cursorForPosition(event.position().toPoint())
            self._view.select_byte(cursor.blockNumber() * self.width_in_bytes + cursor.positionInBlock() // 3)


class FrameView(QWidget):
    """The dump above, its fields below; the field picked is marked in the dump and told in full at the foot."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._raw = b""
        self.dump = _Dump(self)
        self.rows = SpanModel(self)
        self.table = make_table("Fields of the message")
        self.table.setModel(self.rows)
        self.table.setItemDelegate(_Wrapped(self.table))
        self.table.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.table.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.table.horizontalHeader().setMinimumSectionSize(20)
        self.table.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        self.table.viewport().installEventFilter(self)
        self.table.selectionModel().selectionChanged.connect(self._picked)
        self.told = RoleLabel("", wrap=True)
        self.told.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addWidget(self.dump)
        layout.addWidget(self.table, 1)
        layout.addWidget(self.told)
        theme.on_change(self._mark)

    def show_frame(self, raw: bytes, spans: Sequence[Span]) -> None:
        """Show a message; its first wrong field is picked."""
        self._raw = raw
        self.rows.show(raw, spans)
        self._lay_out()
        self._fit_columns()
        wrong = next((row for row, span in enumerate(spans) if span.ok is False), None)
        self.told.setVisible(wrong is not None)
        if wrong is not None:
            self.table.selectRow(wrong)
        else:
            self.table.clearSelection()
            self._mark()

    def select_byte(self, at: int) -> None:
        """Pick the field that holds this byte."""
        row = self.rows.row_of(at)
        if row >= 0:
            self.table.selectRow(row)

    def marked(self) -> tuple[int, int] | None:
        """First and past-the-end offset of the bytes marked."""
        span = self._span()
        return None if span is None else (span.start, span.end)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._lay_out()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() is QEvent.Type.Resize:  # of the table's viewport: a scroll bar came or went as well
            self._fit_columns()
        return super().eventFilter(watched, event)

    def _span(self) -> Span | None:
        rows = self.table.selectionModel().selectedRows()
        return self.rows.span(rows[0].row()) if rows else None

    def _picked(self) -> None:
        span = self._span()
        self.told.setVisible(span is not None)
        if span is not None:
            self.told.setText(self.rows.told(self.table.selectionModel().selectedRows()[0].row()))
            self.told.set_role("fail" if span.ok is False else "text")
        self._mark()

    def _lay_out(self) -> None:
        """As many bytes a line as there is room for: 8, 16 or 32."""
        column = self.dump.fontMetrics().horizontalAdvance("0") * 3
        room = max(8, (self.width() - 12) // max(1, column))
        width = next(size for size in (32, 16, 8) if size <= room)
        shown = self._raw[:MAX_DUMP]
        self.dump.width_in_bytes = width
        lines = [shown[at : at + width].hex(" ").upper() for at in range(0, len(shown), width)]
        if len(self._raw) > MAX_DUMP:
            lines.append(f"… {len(self._raw) - MAX_DUMP:,} more under Bytes")
        text = "\n".join(lines)
        if text != self.dump.toPlainText():
            self.dump.setPlainText(text)
        height = self.dump.fontMetrics().lineSpacing() * min(MAX_DUMP_LINES, max(1, len(lines)))
        self.dump.setFixedHeight(height + 2 * round(self.dump.document().documentMargin()) + 2)
        self._mark()

    def _mark(self) -> None:
        """Mark the bytes of the field that is picked."""
        span = self._span()
        marks = []
        width = self.dump.width_in_bytes
        if span is not None:
            shade = QTextCharFormat()
            shade.setBackground(theme.color("accent"))
            shade.setForeground(theme.color("on_accent"))
            end = min(span.end, MAX_DUMP)
            for line in range(span.start // width, -(-end // width)):
                first, last = max(span.start, line * width), min(end, (line + 1) * width)
                mark = QTextEdit.ExtraSelection()
                mark.format = shade
                mark.cursor = QTextCursor(self.dump.document().findBlockByNumber(line))
                start = mark.cursor.position()
                mark.cursor.setPosition(start + 3 * (first - line * width))
                mark.cursor.setPosition(start + 3 * (last - line * width) - 1, QTextCursor.MoveMode.KeepAnchor)
                marks.append(mark)
        self.dump.setExtraSelections(marks)
        if marks:
            bar = self.dump.verticalScrollBar()
            line = marks[0].cursor.blockNumber()
            if not bar.value() <= line < bar.value() + MAX_DUMP_LINES:
                bar.setValue(line)

    def _fit_columns(self) -> None:
        """Offsets and fields as wide as they need, bytes a quarter at most, and the meaning has the rest."""
        metrics, words = self.table.fontMetrics(), QFontMetrics(words_font())
        room = self.table.viewport().width()
        digits = max(2, len(str(max(0, len(self._raw) - 1))))
        at = metrics.horizontalAdvance("0" * digits) + 2 * PADDING
        widest = (2 if room < NARROW else 4) * 3
        shown = metrics.horizontalAdvance("0" * widest) + 2 * PADDING
        names = [self.rows.data(self.rows.index(row, FIELD)) for row in range(min(200, self.rows.rowCount()))]
        name = max((words.horizontalAdvance(str(text)) for text in names), default=40) + 2 * PADDING
        # Names are wrapped between words only.
        word = max((words.horizontalAdvance(part) for text in names for part in str(text).split()), default=0)
        name = min(name, max(int(room * 0.27), min(word + 2 * PADDING + 1, int(room * 0.4))))
        for column, width in ((AT, at), (BYTES, shown), (FIELD, name)):
            self.table.setColumnWidth(column, width)
        self._fit_rows({FIELD: name, MEANING: room - at - shown - name})

    def _fit_rows(self, widths: dict[int, int]) -> None:
        """The last column takes its width later, so it is told."""
        metrics, words = self.table.fontMetrics(), QFontMetrics(words_font())
        line = metrics.height() + ROW_PADDING
        for row in range(min(MAX_WRAPPED_ROWS, self.rows.rowCount())):
            tallest = line
            for column, width in widths.items():
                room = QRect(0, 0, width - 2 * PADDING, MAX_ROW_HEIGHT)
                text = str(self.rows.data(self.rows.index(row, column)))
                tallest = max(tallest, words.boundingRect(room, _WRAP, text).height() + ROW_PADDING)
            if self.table.rowHeight(row) != tallest:
                self.table.setRowHeight(row, tallest)


def _hex(raw: bytes, span: Span, limit: int) -> str:
    part = raw[span.start : min(span.end, span.start + limit)].hex(" ").upper()
    return part if span.end - span.start <= limit else f"{part} … ({span.end - span.start:,})"


def _signed(span: Span) -> str:
    return span.text if span.ok is None else f"{'✔' if span.ok else '✖'} {span.text}"
