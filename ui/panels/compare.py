"""Two exchanges side by side: messages aligned, differences marked, what differs every time set aside."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

from PySide6.QtCore import QSignalBlocker, Qt, Signal
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import (
    QAbstractItemView,
    QCheckBox,
    QComboBox,
    QDialog,
    QGridLayout,
    QHBoxLayout,
    QHeaderView,
    QPushButton,
    QStackedWidget,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from bench.clock import from_iso, to_datetime
from bench.exchange import to_json
from bench.journal.compare import (
    CaptureSource,
    Difference,
    Row,
    State,
    compare_messages,
    differing_facts,
    exchange_messages,
    totals,
)
from bench.message import Message
from ui import theme
from ui.models.messages import ARROWS
from ui.widgets import Card, ElidedLabel, EmptyState, mark, readable_ms

if TYPE_CHECKING:
    from bench.session import Session

MAX_CHOICES = 500
"""Newest exchanges a picker offers."""
MAX_SHOWN = 200
"""Differences of one message that become rows."""
MAX_CELL = 300
SEQ = Qt.ItemDataRole.UserRole
STATE = Qt.ItemDataRole.UserRole + 1

SIGNS = {State.SAME: "=", State.CHANGED: "≠", State.LEFT: "◀", State.RIGHT: "▶"}
ROLES = {State.SAME: "muted", State.CHANGED: "warn", State.LEFT: "info", State.RIGHT: "info"}
ASIDE = "~ set aside"


class Source(Protocol):
    """Where exchanges come from. name: how it is called beside its picker."""

    @property
    def name(self) -> str: ...

    def entries(self) -> dict[int, Mapping[str, object]]:
        """The newest exchanges by number, in the shape of ``GET /bench/v1/exchanges/{id}``, oldest first."""
        ...

    def entry(self, exchange_id: int) -> Mapping[str, object] | None: ...

    def messages(self, exchange_id: int) -> list[Message]: ...


class SessionSource:
    """The exchanges of the running session."""

    name = "this session"

    def __init__(self, session: Session) -> None:
        self.session = session

    def entries(self) -> dict[int, Mapping[str, object]]:
        newest = deque(self.session.exchanges.values(), MAX_CHOICES)
        return {exchange.id: to_json(exchange) for exchange in newest}

    def entry(self, exchange_id: int) -> Mapping[str, object] | None:
        exchange = self.session.exchanges.get(exchange_id)
        return None if exchange is None else to_json(exchange)

    def messages(self, exchange_id: int) -> list[Message]:
        exchange = self.session.exchanges.get(exchange_id)
        numbers = [] if exchange is None else sorted(set(exchange.sequences))
        return [message for seq in numbers if (message := self.session.journal.get(seq)) is not None]


class RecordedSource:
    """The exchanges of a capture. reader: opened on the window's thread, and open as long as this is shown."""

    def __init__(self, reader: CaptureSource, name: str) -> None:
        self.name = name
        self._reader = reader

    def entries(self) -> dict[int, Mapping[str, object]]:
        newest: deque[dict[str, object]] = deque(maxlen=MAX_CHOICES)
        after = 0
        while page := self._reader.exchanges(after, 1000):
            newest.extend(page)
            after = int(str(page[-1]["id"]))
        return {int(str(entry["id"])): entry for entry in newest}

    def entry(self, exchange_id: int) -> Mapping[str, object] | None:
        found = self._reader.exchanges(exchange_id - 1, 1)
        return found[0] if found and found[0]["id"] == exchange_id else None

    def messages(self, exchange_id: int) -> list[Message]:
        entry = self.entry(exchange_id)
        return [] if entry is None else exchange_messages(self._reader, entry)


class Picker(QComboBox):
    """One side: the exchange that is shown there. The list is made anew whenever it drops down."""

    def __init__(self, side: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.source: Source | None = None
        self.setAccessibleName(f"Exchange on the {side}")
        self.setFont(theme.mono_font(-0.25))
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.setMinimumContentsLength(24)
        self.setMaxVisibleItems(20)

    @property
    def chosen(self) -> int | None:
        value = self.currentData()
        return value if isinstance(value, int) else None

    def fill(self, chosen: int | None) -> None:
        """Offer what the source has, newest first, with one of them chosen (None: the newest); tells nobody."""
        entries = dict(self.source.entries()) if self.source is not None else {}
        if chosen is not None and chosen not in entries and self.source is not None:
            older = self.source.entry(chosen)
            if older is not None:
                entries = {chosen: older, **entries}
        with QSignalBlocker(self):
            self.clear()
            for id_, entry in reversed(entries.items()):
                self.addItem(_label(entry), id_)
            at = self.findData(chosen) if chosen is not None else -1
            self.setCurrentIndex(max(at, 0) if entries else -1)

    def showPopup(self) -> None:
        self.fill(self.chosen)
        super().showPopup()


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
        self.tree = self._make_tree()
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
        self.right.fill(_alike(source, self._entry(self.left), None))
        self._compare()

    def choose(self, left: int | None = None, right: int | None = None) -> None:
        """Show these two exchanges. None: the newest on the left; on the right the nearest of the same card, else the nearest."""
        self.left.fill(left if left is not None else self.left.chosen)
        if right is None and self.right.source is not None:
            same = self._within_one_source()
            right = _alike(self.right.source, self._entry(self.left), self.left.chosen if same else None)
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

    def _make_tree(self) -> QTreeWidget:
        tree = QTreeWidget()
        tree.setAccessibleName("Messages of both exchanges, aligned")
        tree.setColumnCount(4)
        tree.setHeaderLabels(["Result", "Message · field", "Left", "Right"])
        tree.setFont(theme.mono_font(-0.25))
        tree.setUniformRowHeights(True)
        tree.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        tree.setTextElideMode(Qt.TextElideMode.ElideRight)
        tree.setAllColumnsShowFocus(True)
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
                picker.fill(_alike(other.source, self._entry(other), other.chosen))
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
        item = self._item(State.CHANGED, "Outcome", "", "")
        for fact in self._facts:
            item.addChild(_field_item(fact))
        return item

    def _row_item(self, row: Row, aside: bool) -> QTreeWidgetItem:
        message = row.left or row.right
        assert message is not None
        decoded = message.decoded
        text = f"{ARROWS[message.direction]} {message.link} {decoded.kind} {decoded.name}".strip()
        item = self._item(row.state, text, _place(row.left, row.left_ms), _place(row.right, row.right_ms))
        numbers = [
            side.seq if side is not None and isinstance(picker.source, SessionSource) else None
            for side, picker in ((row.left, self.left), (row.right, self.right))
        ]
        item.setData(0, SEQ, next((seq for seq in numbers if seq is not None), None))
        shown = [difference for difference in row.differences if aside or not difference.volatile]
        for difference in shown[:MAX_SHOWN]:
            item.addChild(_field_item(difference))
        if len(shown) > MAX_SHOWN:
            item.addChild(QTreeWidgetItem(["", f"and {len(shown) - MAX_SHOWN} more fields"]))
        return item

    def _item(self, state: State, text: str, left: str, right: str) -> QTreeWidgetItem:
        item = QTreeWidgetItem([f"{SIGNS[state]} {state}", text, left, right])
        item.setForeground(0, theme.brush(ROLES[state]))
        if state is State.SAME:
            for column in (1, 2, 3):
                item.setForeground(column, theme.brush("muted"))
        else:
            item.setData(0, STATE, str(state))
            item.setFont(0, theme.mono_font(-0.25, bold=True))
        return item

    def _activated(self, item: QTreeWidgetItem) -> None:
        seq = (item.parent() or item).data(0, SEQ)
        if isinstance(seq, int):
            self.message_selected.emit(seq)


def _field_item(difference: Difference) -> QTreeWidgetItem:
    values = difference.left, difference.right
    missing = ["— not there" if value is None else value for value in values]
    item = QTreeWidgetItem([ASIDE if difference.volatile else "", difference.path, *map(_cut, missing)])
    roles = ("muted",) * 4 if difference.volatile else ("warn", "muted", *_value_roles(values))
    for column, role in enumerate(roles):
        item.setForeground(column, theme.brush(role))
    for column, value in ((2, difference.left), (3, difference.right)):
        item.setToolTip(column, value or "")
    return item


def _value_roles(values: tuple[str | None, str | None]) -> tuple[str, str]:
    left, right = ("muted" if value is None else "warn" for value in values)
    return left, right


def _place(message: Message | None, ms: float | None) -> str:
    """Number of a message and the time since the one before."""
    if message is None:
        return "—"
    return f"#{message.seq}" if ms is None else f"#{message.seq}   +{readable_ms(ms)}"


def _cut(text: str) -> str:
    line = " ".join(text.splitlines())
    return line if len(line) <= MAX_CELL else f"{line[: MAX_CELL - 1]}…"


def _label(entry: Mapping[str, object]) -> str:
    """An exchange in a list: ``5 · 12:03:11 · 04A2B3C4D5E680 · accepted``."""
    card = entry.get("card")
    uid = str(card.get("uid") or "no card") if isinstance(card, dict) else "no card"
    verdict = str(entry.get("verdict") or "waiting").replace("_", " ")
    return f"{entry.get('id')} · {_time(str(entry.get('opened', '')))} · {uid} · {verdict}"


def _time(text: str) -> str:
    try:
        return f"{to_datetime(from_iso(text)).astimezone():%H:%M:%S}"
    except ValueError:
        return "—"


def _alike(source: Source, entry: Mapping[str, object] | None, not_this: int | None) -> int | None:
    """The exchange to compare with: the nearest before it of the same card, else any of that card, else the nearest before."""
    if entry is None:
        return None
    own, at = entry.get("card"), not_this if not_this is not None else 1 << 62
    others = {id_: other for id_, other in source.entries().items() if id_ != not_this}
    uid = own.get("uid") if isinstance(own, dict) else None
    alike = [
        id_
        for id_, other in others.items()
        if (card.get("uid") if isinstance(card := other.get("card"), dict) else None) == uid
    ]
    for ids in (alike, list(others)):
        if ids:
            before = [id_ for id_ in ids if id_ < at]
            return before[-1] if before else ids[0]
    return None
