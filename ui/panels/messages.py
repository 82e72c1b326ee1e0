"""Messages: every link in one table, with a live filter, a view that follows or stands still, and copies to take away."""

from __future__ import annotations

import json
from array import array
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QItemSelectionModel, QModelIndex, QObject, QPoint, Qt, QTimer, Signal
from PySide6.QtGui import QAction, QGuiApplication, QKeyEvent, QKeySequence
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QMenu,
    QPushButton,
    QStackedLayout,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from bench.errors import OperatorError
from bench.journal.filter import Filter
from bench.journal.view import JournalContext, View
from bench.masking import message_json
from bench.message import Link, Message
from ui import theme
from ui.models.messages import HEADERS, SAMPLES, Column, MessageTableModel
from ui.panels.base import Panel, touches
from ui.panels.cells import LiveDelegate, make_table, set_widths
from ui.panels.copying import mosquitto_pub
from ui.panels.filter_line import FilterLine
from ui.panels.finder import Finder
from ui.panels.older_search import OlderSearch
from ui.panels.saved_filters import SavedFilters
from ui.widgets import EmptyState, RoleLabel, menu_button

if TYPE_CHECKING:
    from bench.change import Change
    from bench.session import Session
    from bench.tasks import Tasks

MAX_COPIED_ROWS = 10_000
AGEING_MS = 1000
"""How often requests in sight are asked whether their time is over."""


class MessagesPanel(Panel):
    """The table over the journal. Selection is by message number, so trimming and filtering never move it.

    note_wanted: the note of that message is to be edited.
    """

    title = "Messages"
    note_wanted = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._model: MessageTableModel | None = None
        self._context: JournalContext | None = None
        self._selected: int | None = None
        self._updating = False
        self._following = True
        self._search = OlderSearch(self, self._take_older)
        self._finder = Finder(self, lambda: self._selected, self._go_to)
        self._catch_up = QTimer(self)
        self._catch_up.setSingleShot(True)
        self._catch_up.setInterval(0)
        self._catch_up.timeout.connect(self._flush)
        self._ageing = QTimer(self)
        self._ageing.setInterval(AGEING_MS)
        self._ageing.timeout.connect(self._age)
        self._ageing.start()
        self._known = True
        self._build()
        theme.on_change(self._recolour)

    # What the window uses

    def attach(self, session: Session, tasks: Tasks) -> None:
        super().attach(session, tasks)
        self._context = JournalContext(session.pairs, session.exchange_of)
        old = self._model
        self._model = MessageTableModel(View(session.history, self._context), self._context, self)
        self._model.note_of = session.notes.of
        self._model.set_relative_time(self._relative.isChecked())
        self._model.view.show_routine(self._polls.isChecked())
        self._known = session.pairs.complete
        self._selected = None
        self.table.setModel(self._model)
        self._delegate.model = self._model
        self.table.selectionModel().currentRowChanged.connect(self._picked)
        set_widths(self.table, SAMPLES[:-1])
        for column, action in self._column_actions.items():  # a table without a model has no columns to hide
            self.table.setColumnHidden(column, not action.isChecked())
        if old is not None:
            old.deleteLater()
        self.pause_button.setChecked(False)
        self._apply(self.filter_line.filter)

    def refresh(self, changes: set[tuple[Change, object]]) -> None:
        if self._model is not None and touches(changes, "note"):
            self._model.redraw()
        self._flush()

    def select_message(self, seq: int) -> None:
        self._selected = seq
        self._restore_selection(scroll=True)

    def focus_filter(self) -> bool:
        self.filter_line.line.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.filter_line.line.selectAll()
        return True

    def toggle_pause(self) -> bool:
        self.pause_button.toggle()
        return True

    def show_exchange(self, exchange_id: int) -> None:
        """Show the messages of one tap."""
        self.filter_line.set_text(f"exchange:{exchange_id}")

    def remembered(self) -> dict[str, str]:
        hidden = [column.name.lower() for column in Column if self.table.isColumnHidden(column)]
        return {
            "filter": self.filter_line.text,
            "kept": self.saved.remembered(),
            "hidden": " ".join(hidden),
            "time": "relative" if self._relative.isChecked() else "absolute",
            "polls": "shown" if self._polls.isChecked() else "hidden",
        }

    def recall(self, values: dict[str, str]) -> None:
        if "hidden" in values:
            hidden = values["hidden"].split()
            for column, action in self._column_actions.items():
                action.setChecked(column.name.lower() not in hidden or column is Column.SEQ)
        self.saved.recall(values.get("kept", ""))
        self._relative.setChecked(values.get("time") == "relative")
        self._polls.setChecked(values.get("polls") == "shown")
        if (text := values.get("filter")) is not None:
            self.filter_line.set_text(text)

    # Building

    def _build(self) -> None:
        self.filter_line = FilterLine()
        self.filter_line.applied.connect(self._apply)
        self.count = RoleLabel("", "muted")
        self.count.setAccessibleName("How many messages are shown")
        self.pause_button = QPushButton("❚❚ pause")
        self.pause_button.setCheckable(True)
        self.pause_button.setAccessibleName("Pause the view, not the capture (Space)")
        self.pause_button.setToolTip("Stand still; everything is captured all the same (Space)")
        self.pause_button.toggled.connect(self._pause)
        self.follow_button = QPushButton("⤓ follow")
        self.follow_button.setCheckable(True)
        self.follow_button.setChecked(True)
        self.follow_button.setAccessibleName("Follow the newest message")
        self.follow_button.setToolTip("Keep the newest message in sight; scrolling up ends it (End)")
        self.follow_button.toggled.connect(self._follow)
        self.saved = SavedFilters(lambda: self.filter_line.text, self.filter_line.set_text, self)
        self.saved_button = menu_button("Saved", self.saved)
        self.saved_button.setAccessibleName("Filters that were kept")
        self.saved_button.setToolTip("Keep this filter, or take one that was kept")
        self.view_button = menu_button("View", self._view_menu())
        self.view_button.setAccessibleName("Columns and time")

        bar = QHBoxLayout()
        bar.setContentsMargins(10, 6, 10, 0)
        bar.setSpacing(8)
        bar.addWidget(self.filter_line, 1, Qt.AlignmentFlag.AlignTop)
        for widget in (self.saved_button, self.count, self.pause_button, self.follow_button, self.view_button):
            bar.addWidget(widget, 0, Qt.AlignmentFlag.AlignTop)
        self.count.setMinimumHeight(self.pause_button.sizeHint().height())

        self.table = self._make_table()
        self.empty = EmptyState(
            "No messages yet",
            "Whatever crosses the reader, the Josev bus or the OCPP link appears here, as it happens. "
            "Present a card, or connect a charger.",
        )
        self.nothing = EmptyState(
            "No message matches the filter", "New messages are tested as they come.", "Clear the filter"
        )
        self.nothing.asked.connect(self.filter_line.clear)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(5)
        layout.addLayout(bar)
        # In its place before it has pages: a page without a parent would show as a window and take the focus.
        self._stack = QStackedLayout()
        layout.addLayout(self._stack, 1)
        for page in (self.empty, self.nothing, self.table):
            self._stack.addWidget(page)
        self.setFocusProxy(self.table)

    def _make_table(self) -> QTableView:
        table = make_table("Messages", live=True)
        self._delegate = LiveDelegate(table)
        table.setItemDelegate(self._delegate)
        table.customContextMenuRequested.connect(self._context_menu)
        table.verticalScrollBar().valueChanged.connect(self._scrolled)
        table.verticalScrollBar().rangeChanged.connect(self._resized)
        table.installEventFilter(self)
        return table

    def _view_menu(self) -> QMenu:
        menu = QMenu(self)
        self._relative = QAction("Relative time", self, checkable=True)
        self._relative.toggled.connect(self._set_relative)
        menu.addAction(self._relative)
        self._polls = QAction("Reader polling without a card", self, checkable=True)
        self._polls.toggled.connect(self._show_polls)
        menu.addAction(self._polls)
        menu.addSeparator()
        self._column_actions: dict[Column, QAction] = {}
        for column in Column:
            action = QAction(HEADERS[column], self, checkable=True, checked=True)
            action.setEnabled(column is not Column.SEQ)
            action.toggled.connect(lambda on, column=column: self.table.setColumnHidden(column, not on))
            menu.addAction(action)
            self._column_actions[column] = action
        return menu

    # Flow

    def _flush(self) -> None:
        """Take in new rows; the rows in sight and the selection stay where they are."""
        model = self._model
        if model is None:
            return
        self._updating = True
        top = None if self._following else model.seq_at(self.table.rowAt(0))
        gone_before = model.removed
        more = model.flush()
        if self._following:
            self.table.scrollToBottom()
        elif model.removed != gone_before and top is not None:
            row = model.row_of(top) or 0
            self.table.scrollTo(model.index(row, 0), QAbstractItemView.ScrollHint.PositionAtTop)
        self._updating = False
        self._restore_selection()
        self._tell()
        if more:
            self._catch_up.start()

    def _tell(self) -> None:
        assert self._model is not None
        view, rows = self._model.view, self._model.rowCount()
        self._stack.setCurrentWidget(self.table if rows else self.nothing if view.filter else self.empty)
        polls = view.hidden_polls
        total = view.total - polls
        text = f"{total:,} message{'s' * (total != 1)}" if view.filter is None else f"{rows:,} of {total:,}"
        if (older := view.older) is not None:
            text += f" · searching {older[1] - older[0] + 1:,} older"
        elif view.unscanned and view.filter is not None:
            text += " · searching"
        if view.paused:
            text += f" · {view.waiting:,} waiting"
        if polls:
            text += f" · {polls:,} polls hidden"
        self.count.setText(text)

    def _apply(self, filter_: Filter | None) -> None:
        if self._model is None:
            return
        self._updating = True
        self._model.set_filter(filter_)
        self._updating = False
        self._flush()
        if not self._following:
            self._restore_selection(scroll=True)
        self._search.begin(self._model)

    def _take_older(self, model: MessageTableModel, found: array[int], start: int) -> None:
        """New rows at the top: what is in sight stays in sight."""
        self._updating = True
        top = None if self._following else model.seq_at(self.table.rowAt(0))
        model.put_before(found, start)
        if self._following:
            self.table.scrollToBottom()
        elif top is not None and len(found):
            row = model.row_of(top) or 0
            self.table.scrollTo(model.index(row, 0), QAbstractItemView.ScrollHint.PositionAtTop)
        self._updating = False
        self._restore_selection()
        self._tell()

    def _age(self) -> None:
        """What changes with time alone: a request whose answer does not come, and a capture whose pairs are known by now."""
        if self._model is None or self.session is None or not self.isVisible():
            return
        known = self.session.pairs.complete
        if known and not self._known:
            self._model.redraw()
        elif self._model.waiting:
            self._model.waiting = False
            self.table.viewport().update()
        self._known = known

    def _pause(self, paused: bool) -> None:
        self.pause_button.setText("▶ resume" if paused else "❚❚ pause")
        if self._model is not None:
            if paused:
                self._model.flush()
                self._model.view.pause()
            else:
                self._model.view.resume()
            self._flush()

    def _follow(self, following: bool) -> None:
        self._following = following
        if following:
            self.table.scrollToBottom()

    def _scrolled(self, value: int) -> None:
        if not self._updating and self._model is not None and self._model.rowCount():
            self.follow_button.setChecked(value >= self.table.verticalScrollBar().maximum())

    def _resized(self, lowest: int, highest: int) -> None:
        if self._following:
            self.table.verticalScrollBar().setValue(highest)

    def _set_relative(self, relative: bool) -> None:
        if self._model is not None:
            self._model.set_relative_time(relative)

    def _show_polls(self, shown: bool) -> None:
        if self._model is not None:
            self._model.view.show_routine(shown)
            self._apply(self.filter_line.filter)

    def _recolour(self) -> None:
        if self._model is not None:
            self._model.redraw()

    # Selection

    def _picked(self, current: QModelIndex, previous: QModelIndex) -> None:
        if self._updating or self._model is None:
            return
        seq = self._model.seq_at(current.row())
        if seq is not None and seq != self._selected:
            self._selected = seq
            self.message_selected.emit(seq)

    def _restore_selection(self, *, scroll: bool = False) -> None:
        """Mark the row of the selected message, or none while it is not shown. Nothing is told to others."""
        model = self._model
        if model is None or self._selected is None:
            return
        row = model.row_of(self._selected)
        selection = self.table.selectionModel()
        if row == selection.currentIndex().row() and (row is not None and selection.isRowSelected(row)):
            return
        self._updating = True
        if row is None:
            selection.clear()
        else:
            flags = QItemSelectionModel.SelectionFlag.ClearAndSelect | QItemSelectionModel.SelectionFlag.Rows
            selection.setCurrentIndex(model.index(row, 0), flags)
            if scroll:
                self.follow_button.setChecked(False)
                self.table.scrollTo(model.index(row, 0))
        self._updating = False

    # Marking and finding

    def toggle_bookmark(self) -> None:
        """Mark the selected message, or take its mark away; a note stays (Ctrl+B)."""
        if self.session is None or self._selected is None:
            self.notice.emit("info", "Pick a message to mark it.")
            return
        note = self.session.notes.of(self._selected)
        if note is not None and note.text:
            self.notice.emit("info", f"Message {self._selected} has a note; take that away in the Inspector.")
            return
        try:
            self.session.notes.write(self._selected, "", bookmarked=note is None)
        except OperatorError as error:
            self.notice.emit("fail", str(error))

    def next_note(self) -> None:
        """Go to the next message with a mark or a note (F2)."""
        found = None if self.session is None else self.session.notes.next_after(self._selected or 0)
        if found is None:
            self.notice.emit("info", "No message is marked; Ctrl+B marks the one that is picked.")
        else:
            self._go_to(found)

    def find(self, *, forwards: bool = True, anew: bool = False) -> None:
        """Go to the next message that matches, hiding none (F3, Shift+F3); anew asks for what (Ctrl+G)."""
        if self.session is None or self._context is None:
            self.notice.emit("info", "There are no messages yet.")
            return
        self.run(self._finder.find(self.session, self._context, forwards=forwards, anew=anew), name="find a message")

    def _go_to(self, seq: int) -> None:
        """Show a message here and everywhere; where the filter hides it, the filter goes."""
        if self._model is not None and self._model.row_of(seq) is None:
            self.filter_line.clear()
        self.select_message(seq)
        self.message_selected.emit(seq)

    # Taking away

    def copy_rows(self) -> None:
        """The selected rows as text with tabs between (Ctrl+C)."""
        model = self._model
        if model is None:
            return
        rows = sorted({index.row() for index in self.table.selectionModel().selectedRows()})[:MAX_COPIED_ROWS]
        _to_clipboard("\n".join(model.row_text(row) for row in rows))

    def copy_json(self) -> None:
        """The selected message as the control API tells it; secrets masked."""
        message = self._current()
        if message is not None and self.session is not None:
            shown = message_json(message, exchange=self.session.exchange_of(message.seq))
            _to_clipboard(json.dumps(shown, indent=2, ensure_ascii=False))

    def copy_mosquitto_pub(self) -> None:
        """The selected bus message as a command line; secrets masked."""
        message = self._current()
        if message is not None and self.session is not None:
            _to_clipboard(mosquitto_pub(message, self.session))

    def _current(self) -> Message | None:
        if self._model is None:
            return None
        return self._model.message_at(self.table.currentIndex().row())

    def _context_menu(self, where: QPoint) -> None:
        message = self._current()
        if message is None or self.session is None:
            return
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.addAction("Copy row", self.copy_rows, QKeySequence.StandardKey.Copy)
        menu.addAction("Copy as JSON", self.copy_json)
        marked = self.session.notes.of(message.seq)
        mark = menu.addAction("Take the mark away" if marked else "Mark", self.toggle_bookmark)
        mark.setShortcut(QKeySequence("Ctrl+B"))
        menu.addAction("Note…", lambda: self.note_wanted.emit(message.seq))
        publish = menu.addAction("Copy as mosquitto_pub", self.copy_mosquitto_pub)
        publish.setEnabled(message.link is Link.JOSEV)
        menu.addSeparator()
        exchange = self.session.exchange_of(message.seq)
        if exchange is not None:
            menu.addAction(f"Show exchange {exchange}", lambda: self.show_exchange(exchange))
        for field, value in _alike(message):
            term = f"{field}:{_quoted(value)}"
            menu.addAction(f"Only {field} {value}", lambda term=term: self._narrow(term))
        # popup, never exec: a nested event loop would starve the engine.
        menu.popup(self.table.viewport().mapToGlobal(where))

    def _narrow(self, term: str) -> None:
        text = self.filter_line.text.strip()
        self.filter_line.set_text(f"({text}) {term}" if " or " in text.lower() else f"{text} {term}".strip())

    # Qt

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if watched is self.table and event.type() is QEvent.Type.KeyPress:
            assert isinstance(event, QKeyEvent)
            if event.matches(QKeySequence.StandardKey.Copy):
                self.copy_rows()
                return True
            if event.key() == Qt.Key.Key_Space and not event.modifiers():
                self.toggle_pause()
                return True
            if event.key() == Qt.Key.Key_End:
                self.follow_button.setChecked(True)
        return super().eventFilter(watched, event)

    # For others

    def shown(self) -> array[int]:
        """Numbers of the messages whose rows the table shows now, rising."""
        return array("q") if self._model is None else self._model.view.visible[: self._model.rowCount()]


def _alike(message: Message) -> list[tuple[str, str]]:
    pairs = [("link", str(message.link)), ("name", message.decoded.name), ("channel", message.channel)]
    if message.decoded.correlation:
        pairs.append(("id", message.decoded.correlation))
    return [(field, value) for field, value in pairs if value and len(value) <= 64]


def _quoted(value: str) -> str:
    if value and all(c.isalnum() or c in "-_/." for c in value):
        return value
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _to_clipboard(text: str) -> None:
    QGuiApplication.clipboard().setText(text)
