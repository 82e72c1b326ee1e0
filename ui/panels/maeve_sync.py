"""Sync with MaEVe: the difference to the store as a table, and what was chosen of it done, beside the window."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialog,
    QHBoxLayout,
    QLineEdit,
    QProgressBar,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from bench.errors import OperatorError
from bench.tokens.sync import USUAL, Comparison, Conflict, Deed, Direction, Kind, Plan
from ui.dialogs import fit_to_window
from ui.models.maeve_sync import SyncModel, details
from ui.panels.cells import make_table, set_widths
from ui.widgets import RoleLabel, buddy_label, mark

if TYPE_CHECKING:
    from bench.maeve_desk import MaeveDesk
    from bench.tasks import Tasks

SIZE = (1080, 620)
SIDE = "not valid · GBABXC012345678 · Ex"
SAMPLES = ("04A2B3C4D5E68000", "case collision", SIDE, SIDE, "leave: ours counts")
DIRECTIONS = (
    ("Both ways", Direction.BOTH),
    ("Push: from the store to MaEVe", Direction.PUSH),
    ("Pull: from MaEVe into the store", Direction.PULL),
)
RULES = (("the newer counts", Conflict.NEWER), ("ours counts", Conflict.OURS), ("MaEVe's counts", Conflict.THEIRS))
HINT = "Compare reads all tokens of MaEVe; nothing is written before Apply. Fields that it cannot keep are named for each token."


class SyncDialog(QDialog):
    """Does not block. Closing it while tokens are written ends after the one under way.

    Signals:
        pulled: list of (token before or None, token now) that were taken into the store, for undo.
    """

    pulled = Signal(object)

    def __init__(self, desk: MaeveDesk, tasks: Tasks, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._desk = desk
        self._tasks = tasks
        self._comparison: Comparison | None = None
        self._plan: Plan | None = None
        self._url = ""
        self._task: asyncio.Task[Any] | None = None
        self._writing = False
        self._stop = False
        self._closing = False
        self.setWindowTitle("Sync with MaEVe")
        self.setAccessibleName("Sync with MaEVe")
        fit_to_window(self, *SIZE)
        self._build()
        self.url.setText(desk.url)
        self._enable()

    # What is chosen; Qt would make plain texts of these words as the boxes' data.

    @property
    def _direction(self) -> Direction:
        return DIRECTIONS[self.direction.currentIndex()][1]

    @property
    def _rule(self) -> Conflict:
        return RULES[self.rule.currentIndex()][1]

    # Building

    def _build(self) -> None:
        self.url = QLineEdit()
        self.url.setAccessibleName("URL of MaEVe's manager API")
        self.url.setPlaceholderText("http://host:9410")
        self.url.textChanged.connect(self._stale)
        self.key_codes = QCheckBox("Key codes too")
        self.key_codes.setToolTip("MaEVe shows them in the clear to whoever asks it")
        self.key_codes.toggled.connect(self._stale)
        self.compare_button = QPushButton("Compare")
        self.compare_button.clicked.connect(self.compare)
        self.said = RoleLabel(HINT, "muted", wrap=True)
        self.model = SyncModel(self)
        self.table = make_table("Differences")
        self.table.setModel(self.model)
        self.table.setContextMenuPolicy(Qt.ContextMenuPolicy.DefaultContextMenu)
        set_widths(self.table, SAMPLES)
        self.table.selectionModel().currentChanged.connect(lambda *_: self._detail())
        self.model.modelReset.connect(self._detail)
        self.detail = RoleLabel("", "muted", wrap=True)
        self.detail.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.equal = QCheckBox("Equal ones too")
        self.equal.toggled.connect(self.model.show_equal)
        self.direction = _choice("Direction", [text for text, _ in DIRECTIONS])
        self.direction.currentIndexChanged.connect(lambda _: self._direction_chosen())
        self.rule = _choice("Which side counts where a token differs", [text for text, _ in RULES])
        self.rule.currentIndexChanged.connect(lambda _: self._plan_anew())
        self.progress = QProgressBar()
        self.progress.setAccessibleName("Progress")
        self.progress.hide()
        self.cancel_button = QPushButton("Cancel")
        self.cancel_button.clicked.connect(self.cancel)
        self.apply_button = mark(QPushButton("Apply"), "primary")
        self.apply_button.clicked.connect(self.apply)
        self.close_button = QPushButton("Close")
        self.close_button.clicked.connect(self.close)
        for button in (self.compare_button, self.cancel_button, self.apply_button, self.close_button):
            button.setAutoDefault(False)
        self.url.returnPressed.connect(self.compare)

        top = _row(buddy_label("MaEVe", self.url), self.url, self.key_codes, self.compare_button)
        choices = _row(self.direction, buddy_label("where a token differs,", self.rule), self.rule, None, self.equal)
        bottom = _row(self.progress, None, self.cancel_button, self.apply_button, self.close_button)
        layout = QVBoxLayout(self)
        layout.addLayout(top)
        layout.addLayout(choices)
        layout.addWidget(self.said)
        layout.addWidget(self.table, 1)
        layout.addWidget(self.detail)
        layout.addLayout(bottom)

    # Comparing

    def compare(self) -> None:
        """Read all tokens there and show what differs."""
        url = self.url.text().strip()
        if url and self._task is None:
            self._run(self._compare(url, self.key_codes.isChecked()), "compare with MaEVe")

    async def _compare(self, url: str, key_codes: bool) -> None:
        self._forget()
        self._say("muted", "Reading the tokens of MaEVe…")
        self._comparison = await self._desk.compare(url, key_codes=key_codes, progress=self._progress)
        self._url = url
        self._plan_anew()

    def _plan_anew(self) -> None:
        """Show what would be done with what was compared."""
        if self._comparison is None:
            return
        self._plan = self._desk.plan(self._url, self._comparison, self._direction, self._rule)
        self.model.show(self._plan)
        self._tell_plan(self._comparison, self._plan)
        self._enable()

    def _tell_plan(self, comparison: Comparison, plan: Plan) -> None:
        counts = comparison.counts()
        words = [f"{counts[kind]:,} {kind}" for kind in Kind if counts[kind]] or ["no tokens on either side"]
        if comparison.held_back:
            words.append(f"{comparison.held_back:,} key code{'s' * (comparison.held_back != 1)} left aside")
        text = " · ".join(words)
        if comparison.doubt:
            self._say("warn", f"⚠ {text}\n{comparison.doubt}")
        elif plan.to_do():
            self._say("text", text)
        else:
            self._say("ok", f"✔ {text}: nothing to do this way")

    def _direction_chosen(self) -> None:
        """Each direction has its usual rule; choosing another one plans anew."""
        usual = USUAL[self._direction]
        if self._rule is usual:
            self._plan_anew()
        else:
            self.rule.setCurrentIndex([rule for _, rule in RULES].index(usual))

    # Doing

    def apply(self) -> None:
        """Do what the table says."""
        if self._plan is not None and self._plan.to_do() and self._task is None:
            self._run(self._apply(self._plan), "sync with MaEVe")

    async def _apply(self, plan: Plan) -> None:
        self._writing, self._stop = True, False
        self._enable()
        self._say("muted", "Writing…")
        report = await self._desk.apply(self._url, plan, self._progress, lambda: self._stop)
        self._comparison = self._plan = None  # what it says is the past: compare again before more is written
        self.model.show(plan, report.results)
        self._say("ok" if report.ok else "fail", f"{'✔' if report.ok else '✖'} {report.text}")
        if report.pulled:
            self.pulled.emit(report.pulled)

    def cancel(self) -> None:
        """End the reading at once, the writing after the token under way."""
        if self._writing:
            self._stop = True
            self._say("muted", "Ending after the token under way…")
        elif self._task is not None:
            self._task.cancel()

    def reject(self) -> None:
        """Escape and the window's own button too. A task must not find its dialog gone: it closes it when it ends."""
        if self._task is None:
            super().reject()
        else:
            self._closing = True
            self.cancel()

    # Around a task

    def _run(self, work: Coroutine[Any, Any, None], name: str) -> None:
        self._closing = False
        task = self._task = self._tasks.spawn(self._guarded(work), name=name)
        task.add_done_callback(lambda _: self._ended(work))
        self._enable()

    async def _guarded(self, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except OperatorError as error:
            self._say("fail", f"✖ {error}")

    def _ended(self, work: Coroutine[Any, Any, None]) -> None:
        work.close()  # cancelled before it began, nobody would have awaited it
        if self._task is not None and self._task.cancelled():
            self._say("muted", "Cancelled." if self._writing else "Cancelled; nothing was written.")
        self._task, self._writing = None, False
        self.progress.hide()
        self._enable()
        if self._closing:
            self.close()

    def _progress(self, done: int, total: int) -> None:
        self.progress.setRange(0, total)
        self.progress.setValue(done)
        self.progress.show()

    # Showing

    def _stale(self) -> None:
        if self._comparison is not None:
            self._forget()
            self._say("muted", HINT)
        self._enable()

    def _forget(self) -> None:
        self._comparison = self._plan = None
        self.model.show(None)

    def _enable(self) -> None:
        idle = self._task is None
        for widget in (self.url, self.key_codes, self.direction, self.rule):
            widget.setEnabled(idle)
        self.compare_button.setEnabled(idle and bool(self.url.text().strip()))
        self.cancel_button.setVisible(not idle)
        counts = self._plan.counts() if self._plan is not None else {}
        words = [
            f"{word} {counts[deed]:,}" for deed, word in ((Deed.PUSH, "Push"), (Deed.PULL, "pull")) if counts.get(deed)
        ]
        text = " and ".join(words)
        self.apply_button.setText(f"{text[:1].upper()}{text[1:]}" if text else "Apply")
        self.apply_button.setEnabled(idle and bool(words))

    def _detail(self) -> None:
        step = self.model.step_at(self.table.currentIndex().row())
        self.detail.setText("" if step is None else details(step))

    def _say(self, role: str, text: str) -> None:
        self.said.set_role(role)
        self.said.setText(text)


def _choice(name: str, options: list[str]) -> QComboBox:
    box = QComboBox()
    box.setAccessibleName(name)
    box.addItems(options)
    return box


def _row(*widgets: QWidget | None) -> QHBoxLayout:
    """Widgets beside each other; a line of text takes what room there is, None too."""
    row = QHBoxLayout()
    row.setSpacing(8)
    for widget in widgets:
        if widget is None:
            row.addStretch(1)
        else:
            row.addWidget(widget, 1 if isinstance(widget, QLineEdit) else 0)
    return row
