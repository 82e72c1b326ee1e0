"""Two exchanges side by side: messages aligned, differences marked, what differs every time set aside."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import (
    QCheckBox,
    QDialog,
    QGridLayout,
    QHBoxLayout,
    QPushButton,
    QStackedWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from bench.journal.compare import Difference, Row, State, compare_messages, differing_facts, totals
from ui import theme
from ui.panels.compare_sources import Picker, SessionSource, Source, alike
from ui.panels.compare_tree import STATE, add_fields, make_tree, name_of, place, row_item
from ui.widgets import Card, ElidedLabel, EmptyState, mark

if TYPE_CHECKING:
    from bench.session import Session

SEQ = Qt.ItemDataRole.UserRole


class CompareWindow(QDialog):
    """A window of its own that stays open beside the other; shown with ``show()``.

    Signals:
        capture_wanted: another capture is to be compared with; open one and give it to :meth:`show_capture`.
        message_selected: journal number of a message of this session that was activated.
    """

    capture_wanted = Signal()
    message_selected = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Compare exchanges")
        self.setWindowFlag(Qt.WindowType.WindowMaximizeButtonHint)
        self.setMinimumSize(760, 360)
        self.resize(980, 560)
        self.rows: list[Row] = []
        self._revisions: tuple[object, object] = (None, None)
        self.left, self.right = Picker("left"), Picker("right")
        self.left_name, self.right_name = (ElidedLabel("", "muted", delta=-0.75) for _ in "lr")
        self.capture_button = QPushButton("Open another capture…")
        self.capture_button.setToolTip("Compare with an exchange of another capture, on the right")
        self.session_button = mark(QPushButton("Back to this session"), "flat")
        self.swap_button = mark(QPushButton("⇄"), "flat")
        self.swap_button.setAccessibleName("Swap left and right")
        self.swap_button.setToolTip("Swap left and right")
        self.ids_and_times = QCheckBox("Show ids and &times")
        self.ids_and_times.setToolTip(
            "Message ids, transaction ids and times differ every time; they count for nothing"
        )
        self.total = ElidedLabel("", bold=True)
        self.before = mark(QPushButton("↑ Difference"), "flat")
        self.next = mark(QPushButton("↓ Difference"), "flat")
        self.before.setToolTip("Difference before (Alt+Up)")
        self.next.setToolTip("Next difference (Alt+Down)")
        self.tree = make_tree("Messages of both exchanges, aligned", ["Result", "Message · field", "Left", "Right"])
        self.empty = EmptyState("Nothing to compare", "Two exchanges are needed: hold a card to the reader twice.")
        self._pages = QStackedWidget()
        self._lay_out()
        self.left.currentIndexChanged.connect(self._picked)
        self.right.currentIndexChanged.connect(self._picked)
        self.capture_button.clicked.connect(self.capture_wanted)
        self.session_button.clicked.connect(self._back_to_session)
        self.swap_button.clicked.connect(self.swap)
        self.ids_and_times.toggled.connect(self._fill)
        self.before.clicked.connect(lambda: self.step(-1))
        self.next.clicked.connect(lambda: self.step(1))
        for keys, by in (("Alt+Up", -1), ("Alt+Down", 1)):
            QShortcut(QKeySequence(keys), self).activated.connect(lambda by=by: self.step(by))
        self.tree.itemActivated.connect(self._activated)
        theme.on_change(self._fill)
        self._compare()

    # What is compared

    def show_session(self, session: Session) -> None:
        """Compare within this session, unless a capture is on one side already."""
        for picker in (self.left, self.right):
            source = picker.source
            if source is None or (isinstance(source, SessionSource) and source.session is not session):
                picker.source = SessionSource(session)
                picker.fill(None)
        self._compare()

    def show_capture(self, source: Source) -> None:
        """Put the exchanges of another capture on the right; the one of the same card first."""
        self.right.source = source
        self.right.fill(alike(source, self._entry(self.left), None))
        self._compare()

    def show_sources(self, left: Source, right: Source) -> None:
        """Compare exchanges of these two; :meth:`choose` says which."""
        for picker, source in ((self.left, left), (self.right, right)):
            picker.source = source
            picker.fill(None)

    def choose(self, left: int | None = None, right: int | None = None) -> None:
        """Show these two exchanges. None: the newest on the left; on the right the nearest of the same card, else the nearest."""
        self.left.fill(left if left is not None else self.left.chosen)
        if right is None and self.right.source is not None:
            same = self._within_one_source()
            right = alike(self.right.source, self._entry(self.left), self.left.chosen if same else None)
        self.right.fill(right)
        self._compare()
        self.tree.setFocus()

    def swap(self) -> None:
        """Left becomes right."""
        left, right = (self.left.source, self.left.chosen), (self.right.source, self.right.chosen)
        (self.left.source, one), (self.right.source, other) = right, left
        self.left.fill(one)
        self.right.fill(other)
        self._compare()

    def refresh(self) -> None:
        """Show what changed in the exchanges that are compared; cheap where nothing did."""
        if self.isVisible() and self._revision() != self._revisions:
            self._compare()

    def step(self, by: int) -> None:
        """Go to the next difference (by 1) or the one before (-1)."""
        marked = [
            item
            for n in range(self.tree.topLevelItemCount())
            if (item := self.tree.topLevelItem(n)).data(0, STATE) is not None
        ]
        if not marked:
            return
        at = self.tree.currentItem()
        top = at.parent() or at if at is not None else None
        place = self.tree.indexOfTopLevelItem(top) if top is not None else (-1 if by > 0 else 1 << 30)
        places = [self.tree.indexOfTopLevelItem(item) for item in marked]
        further = [n for n in places if (n > place if by > 0 else n < place)]
        wanted = (further[0] if by > 0 else further[-1]) if further else (places[0] if by > 0 else places[-1])
        self.tree.setCurrentItem(self.tree.topLevelItem(wanted))
        self.tree.setFocus()

    # Inside

    def _lay_out(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 11, 12, 12)
        column.setSpacing(9)
        pickers = QGridLayout()
        pickers.setHorizontalSpacing(7)
        pickers.setVerticalSpacing(2)
        pickers.addWidget(self.left_name, 0, 0)
        pickers.addWidget(self.right_name, 0, 2)
        pickers.addWidget(self.left, 1, 0)
        pickers.addWidget(self.swap_button, 1, 1)
        pickers.addWidget(self.right, 1, 2)
        pickers.setColumnStretch(0, 1)
        pickers.setColumnStretch(2, 1)
        column.addLayout(pickers)
        row = QHBoxLayout()
        row.setSpacing(7)
        row.addWidget(self.total, 1)
        for widget in (self.ids_and_times, self.before, self.next, self.session_button, self.capture_button):
            row.addWidget(widget)
        column.addLayout(row)
        card = Card(margin=0)
        card.body.setContentsMargins(1, 1, 1, 1)
        self._pages.addWidget(self.empty)
        self._pages.addWidget(self.tree)
        card.body.addWidget(self._pages)
        column.addWidget(card, 1)
        for button in (self.capture_button, self.session_button, self.swap_button, self.before, self.next):
            button.setAutoDefault(False)  # Enter opens a message

    def _picked(self) -> None:
        self._compare()

    def _back_to_session(self) -> None:
        for picker, other in ((self.left, self.right), (self.right, self.left)):
            if isinstance(other.source, SessionSource) and not isinstance(picker.source, SessionSource):
                picker.source = other.source
                picker.fill(alike(other.source, self._entry(other), other.chosen))
        self._compare()

    def _within_one_source(self) -> bool:
        left, right = self.left.source, self.right.source
        if isinstance(left, SessionSource) and isinstance(right, SessionSource):
            return left.session is right.session
        return left is right

    def _entry(self, picker: Picker) -> Mapping[str, object] | None:
        if picker.source is None or picker.chosen is None:
            return None
        return picker.source.entry(picker.chosen)

    def _revision(self) -> tuple[object, object]:
        found: list[object] = []
        for picker in (self.left, self.right):
            source = picker.source
            exchange = source.session.exchanges.get(picker.chosen) if isinstance(source, SessionSource) else None
            found.append((picker.chosen, None if exchange is None else exchange.revision))
        return found[0], found[1]

    def _compare(self) -> None:
        self._revisions = self._revision()
        one, other = self._entry(self.left), self._entry(self.right)
        self._facts: tuple[Difference, ...] = ()
        self._paired = one is not None and other is not None
        self.rows = []
        if one is not None and other is not None:
            sides = [picker.source.messages(picker.chosen) for picker in (self.left, self.right)]  # type: ignore[union-attr, arg-type]
            self._facts = differing_facts(one, other)
            self.rows = list(compare_messages(*sides))
        for picker, label in ((self.left, self.left_name), (self.right, self.right_name)):
            label.set_text(f"{picker.accessibleName()} · {picker.source.name if picker.source else 'nothing yet'}")
        shown = [isinstance(picker.source, SessionSource) for picker in (self.left, self.right)]
        self.session_button.setVisible(any(shown) and not all(shown))
        self._fill()

    def _fill(self) -> None:
        """Make the rows, in the colours of the theme."""
        self._pages.setCurrentIndex(1 if self._paired else 0)
        for control in (self.swap_button, self.ids_and_times, self.before, self.next):
            control.setEnabled(self._paired)
        aside = self.ids_and_times.isChecked()
        self.tree.clear()
        self._show_total()
        if not self._paired:
            return
        items = [self._facts_item()] if self._facts else []
        items += [self._row_item(row, aside) for row in self.rows]
        self.tree.addTopLevelItems(items)
        for item in items:
            item.setExpanded(True)
        self.tree.setCurrentItem(items[0] if items else None)

    def _show_total(self) -> None:
        if not self._paired:
            self.total.set_text("")
            return
        counts = totals(self.rows)
        differ = sum(counts.values()) - counts[State.SAME]
        same_one = self._within_one_source() and self.left.chosen == self.right.chosen
        if same_one:
            text, role = "The same exchange on both sides", "muted"
        elif not self.rows and not self._facts:
            text, role = "Neither has messages in memory", "muted"
        elif differ or self._facts:
            words = [f"{counts[state]} {state}" for state in State if counts[state] and state is not State.SAME]
            outcome = ["another outcome"] if self._facts else []
            text, role = "≠ " + " · ".join((*outcome, *words, f"{counts[State.SAME]} same")), "warn"
        else:
            text, role = f"= {counts[State.SAME]} same, but for ids and times", "ok"
        self.total.set_text(text)
        self.total.set_role(role)

    def _facts_item(self) -> QTreeWidgetItem:
        item = row_item(State.CHANGED, "Outcome", "", "")
        add_fields(item, self._facts, aside=True)
        return item

    def _row_item(self, row: Row, aside: bool) -> QTreeWidgetItem:
        message = row.left or row.right
        assert message is not None
        item = row_item(row.state, name_of(message), place(row.left, row.left_ms), place(row.right, row.right_ms))
        numbers = [
            side.seq if side is not None and isinstance(picker.source, SessionSource) else None
            for side, picker in ((row.left, self.left), (row.right, self.right))
        ]
        item.setData(0, SEQ, next((seq for seq in numbers if seq is not None), None))
        add_fields(item, row.differences, aside=aside)
        return item

    def _activated(self, item: QTreeWidgetItem) -> None:
        seq = (item.parent() or item).data(0, SEQ)
        if isinstance(seq, int):
            self.message_selected.emit(seq)
