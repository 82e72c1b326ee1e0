"""Two whole captures compared: tap by tap, and how often each kind of message occurs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QDialog,
    QGridLayout,
    QHBoxLayout,
    QHeaderView,
    QLineEdit,
    QProgressBar,
    QPushButton,
    QSplitter,
    QStackedWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from bench.journal.compare import State
from ui import theme
from ui.panels.compare_outline import MAX_KINDS, Entry, Line, Outline
from ui.panels.compare_tree import add_fields, make_tree, row_item
from ui.widgets import Card, ElidedLabel, EmptyState, mark

if TYPE_CHECKING:
    from ui.transfer import Work

ENTRY = Qt.ItemDataRole.UserRole
SHOW_MS = 100
MAX_OPEN = 10
"""Entries that differ and show their fields at once."""


class CapturesWindow(QDialog):
    """A window of its own that stays open beside the other; shown with ``show()``.

    Signals:
        ordered: both captures are named; compare them, and answer with :meth:`begin` and :meth:`show_outline` or :meth:`fail`.
        choose: a capture is to be asked for; ``left`` or ``right``.
        tap_opened: numbers of an exchange in the left and in the right capture (0: not there) to be shown side by side.
    """

    ordered = Signal()
    choose = Signal(str)
    tap_opened = Signal(int, int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Compare captures")
        self.setWindowFlag(Qt.WindowType.WindowMaximizeButtonHint)
        self.setMinimumSize(760, 420)
        self.resize(1060, 640)
        self.outline: Outline | None = None
        self._work: Work | None = None
        self._timer = QTimer(self)
        self._timer.setInterval(SHOW_MS)
        self._timer.timeout.connect(self._show_progress)
        self.left, self.right = (_line_for(side) for side in ("left", "right"))
        self.compare_button = mark(QPushButton("Compare"), "primary")
        self.compare_button.setDefault(True)
        self.cancel_button = QPushButton("Cancel")
        self.ids_and_times = QCheckBox("Show ids and &times")
        self.ids_and_times.setToolTip(
            "Message ids, transaction ids and times differ every time; they count for nothing"
        )
        self.only_different = QCheckBox("Only what &differs")
        self.only_different.setChecked(True)
        self.total = ElidedLabel("", bold=True)
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setFixedSize(160, 10)
        self.bar.setAccessibleName("How far it is")
        self.tree = make_tree("Taps of both captures", ["Result", "Tap · message · field", "Left", "Right"])
        self.tree.setColumnWidth(1, self.tree.columnWidth(1) + 60)
        self.kinds = make_tree("Kinds of messages that differ in number", ["More", "Kind of message", "Left", "Right"])
        for column in (2, 3):
            self.kinds.header().setSectionResizeMode(column, QHeaderView.ResizeMode.Interactive)
        self.kinds.header().setSectionResizeMode(1, QHeaderView.ResizeMode.Stretch)
        self.kinds.setRootIsDecorated(False)
        self.empty = EmptyState(
            "Nothing compared yet",
            "Name two captures. The n-th tap of a card in one is compared with the n-th of that card in the other.",
        )
        self._pages = QStackedWidget()
        self._lay_out()
        self.compare_button.clicked.connect(self.ordered)
        self.cancel_button.clicked.connect(self._call_off)
        self.ids_and_times.toggled.connect(self._fill)
        self.only_different.toggled.connect(self._fill)
        self.tree.itemExpanded.connect(self._expanded)
        self.tree.itemActivated.connect(self._activated)
        self.tree.setExpandsOnDoubleClick(False)  # a double click opens both sides
        theme.on_change(self._fill)
        self._idle(running=False)
        self._fill()

    @property
    def running(self) -> bool:
        return self._work is not None

    def name(self, left: Path | None = None, right: Path | None = None) -> None:
        """Put the names of captures into their lines; None leaves one as it is."""
        for line, path in ((self.left, left), (self.right, right)):
            if path is not None:
                line.setText(str(path))

    def begin(self, work: Work) -> None:
        """Show how far a comparison is."""
        self._work = work
        self.outline = None
        self._idle(running=True)
        self._fill()
        self._show_progress()
        self._timer.start()

    def show_outline(self, outline: Outline) -> None:
        """It is done."""
        self._end()
        self.outline = outline
        # With nothing that differs, hiding what is the same would leave an empty list.
        self._fill()
        self.tree.setFocus()

    def fail(self, severity: str, text: str) -> None:
        """It ended without a result."""
        self._end()
        self.total.set_text(text)
        self.total.set_role("text" if severity == "info" else severity)

    def reject(self) -> None:
        """Escape or close: what runs is called off."""
        self._call_off()
        super().reject()

    # Inside

    def _lay_out(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 11, 12, 12)
        column.setSpacing(9)
        names = QGridLayout()
        names.setHorizontalSpacing(7)
        names.setVerticalSpacing(2)
        for at, (side, line) in enumerate((("left", self.left), ("right", self.right))):
            button = QPushButton("Choose…")
            button.setAutoDefault(False)
            button.setAccessibleName(f"Choose the capture on the {side}")
            button.clicked.connect(lambda _=False, side=side: self.choose.emit(side))
            names.addWidget(ElidedLabel(f"Capture on the {side}", "muted", delta=-0.75), 0, 3 * at)
            names.addWidget(line, 1, 3 * at)
            names.addWidget(button, 1, 3 * at + 1)
            names.setColumnStretch(3 * at, 1)
        names.setColumnMinimumWidth(2, 10)
        names.addWidget(self.compare_button, 1, 5)
        names.addWidget(self.cancel_button, 1, 5)
        column.addLayout(names)
        row = QHBoxLayout()
        row.setSpacing(9)
        row.addWidget(self.total, 1)
        for widget in (self.bar, self.only_different, self.ids_and_times):
            row.addWidget(widget)
        column.addLayout(row)
        self.kinds_card = Card("Kinds of messages", margin=0)
        taps_card = Card(margin=0)
        for card, inside in ((taps_card, self._pages), (self.kinds_card, self.kinds)):
            card.body.setContentsMargins(1, 1, 1, 1)
            card.body.addWidget(inside)
        self._pages.addWidget(self.empty)
        self._pages.addWidget(self.tree)
        split = QSplitter(Qt.Orientation.Vertical)
        split.setChildrenCollapsible(False)
        split.setHandleWidth(8)
        split.addWidget(taps_card)
        split.addWidget(self.kinds_card)
        split.setSizes([400, 170])
        split.setStretchFactor(0, 1)
        column.addWidget(split, 1)
        self.cancel_button.setAutoDefault(False)

    def _idle(self, *, running: bool) -> None:
        for control in (self.left, self.right, self.compare_button):
            control.setEnabled(not running)
        self.compare_button.setVisible(not running)
        self.cancel_button.setVisible(running)
        self.bar.setVisible(running)

    def _end(self) -> None:
        self._timer.stop()
        self._work = None
        self._idle(running=False)

    def _call_off(self) -> None:
        if self._work is not None:
            self._work.stop()

    def _show_progress(self) -> None:
        work = self._work
        if work is not None:
            self.bar.setRange(0, 1000 if work.total else 0)
            self.bar.setValue(1000 * min(work.done, work.total) // work.total if work.total else 0)
            self.total.set_text(f"{work.what}…")
            self.total.set_role("muted")

    def _fill(self) -> None:
        """Make the rows, in the colours of the theme; what is below an entry is made when it opens."""
        made = self.outline
        self.tree.clear()
        self.kinds.clear()
        self.kinds_card.setVisible(made is not None)
        self._pages.setCurrentIndex(0 if made is None else 1)
        if made is None:
            if self._work is None:
                self.total.set_text("")
            return
        self._show_total(made)
        only = self.only_different.isChecked() and any(entry.state is not State.SAME for entry in made.entries)
        shown = [entry for entry in made.entries if not (only and entry.state is State.SAME)]
        items = [self._entry_item(entry) for entry in shown]
        if (hidden := made.counts.total() - len(made.entries)) > 0:
            items.append(QTreeWidgetItem(["", f"and {hidden:,} more, counted above and not listed"]))
        self.tree.addTopLevelItems(items)
        opened = [item for item, entry in zip(items, shown, strict=False) if entry.state is State.CHANGED]
        for item in opened[:MAX_OPEN]:
            item.setExpanded(True)
        self.tree.setCurrentItem(items[0] if items else None)
        self._fill_kinds(made)

    def _fill_kinds(self, made: Outline) -> None:
        rows = []
        for kind in made.kinds:
            state = State.LEFT if kind.left > kind.right else State.RIGHT
            text = f"{kind.link} {kind.direction} {kind.kind} {kind.name}".strip()
            item = row_item(state, text, f"{kind.left:,}", f"{kind.right:,}")
            item.setText(0, f"{'◀' if state is State.LEFT else '▶'} {abs(kind.left - kind.right):,}")
            rows.append(item)
        self.kinds.addTopLevelItems(rows)
        left, right = made.messages
        differ = f"{len(rows):,}{'+' * (len(rows) == MAX_KINDS)} differ in number · " if rows else ""
        self.kinds_card.note.setText(f"{differ}{made.kinds_same:,} in equal number · {left:,} and {right:,} messages")

    def _show_total(self, made: Outline) -> None:
        what = "taps" if made.taps else "messages"
        counts = made.counts
        words = [f"{counts[state]:,} {state}" for state in State if counts[state] and state is not State.SAME]
        if not counts.total():
            text, role = "Neither holds messages", "muted"
        elif words:
            text, role = (
                f"≠ of {counts.total():,} {what}: " + " · ".join((*words, f"{counts[State.SAME]:,} same")),
                "warn",
            )
        elif made.kinds:
            text, role = f"≠ {counts[State.SAME]:,} {what} same, but other messages beside them", "warn"
        else:
            text, role = f"= {counts[State.SAME]:,} {what} same, but for ids and times", "ok"
        self.total.set_text(text)
        self.total.set_role(role)

    def _entry_item(self, entry: Entry) -> QTreeWidgetItem:
        item = row_item(entry.state, entry.text, entry.left, entry.right)
        item.setData(0, ENTRY, entry)
        for column, text in ((1, entry.text), (2, entry.left), (3, entry.right)):
            item.setToolTip(column, text)
        if entry.lines:
            item.setChildIndicatorPolicy(QTreeWidgetItem.ChildIndicatorPolicy.ShowIndicator)
        return item

    def _expanded(self, item: QTreeWidgetItem) -> None:
        entry = item.data(0, ENTRY)
        if not isinstance(entry, Entry) or item.childCount():
            return
        aside = self.ids_and_times.isChecked()
        taps = self.outline is not None and self.outline.taps
        if not taps:
            add_fields(item, entry.lines[0].fields, aside=aside)
            return
        for line in entry.lines:
            child = _line_item(line, aside=aside)
            item.addChild(child)
            child.setExpanded(True)

    def _activated(self, item: QTreeWidgetItem) -> None:
        """A double click or Enter on a tap, or on anything below it, opens both sides."""
        top = item
        while top.parent() is not None:
            top = top.parent()
        entry = top.data(0, ENTRY)
        if isinstance(entry, Entry) and (entry.left_id or entry.right_id):
            self.tap_opened.emit(entry.left_id or 0, entry.right_id or 0)


def _line_item(line: Line, *, aside: bool) -> QTreeWidgetItem:
    item = row_item(line.state, line.text, line.left, line.right)
    add_fields(item, line.fields, aside=aside)
    return item


def _line_for(side: str) -> QLineEdit:
    line = QLineEdit()
    line.setFont(theme.mono_font(-0.25))
    line.setPlaceholderText("a capture (.db)")
    line.setAccessibleName(f"Capture on the {side}")
    return line
