"""What can be asked of a station's local list, and what came of it: the left half of the Local list panel."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QProgressBar,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from bench.list_view import ListView, Mode, Plan, Progress
from ui.models.list_words import RUNNING, Verdict, plan_text, progress_text
from ui.widgets import BadgeLabel, RoleLabel, mark, order_button

LEAST_WIDTH = 372


class ListOrders(QWidget):
    """Buttons that never move, below them how things stand and what Reconcile would send; that part scrolls.

    Signals:
        push_asked: with the :class:`bench.list_view.Mode`. version_asked, clear_asked, cancel_asked: those buttons.
        report_toggled: whether the messages of the latest push should be shown.
    """

    push_asked = Signal(str)
    version_asked = Signal()
    clear_asked = Signal()
    cancel_asked = Signal()
    report_toggled = Signal(bool)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setMinimumWidth(LEAST_WIDTH)
        column = QVBoxLayout(self)
        column.setContentsMargins(10, 2, 2, 2)
        column.setSpacing(4)
        column.addLayout(self._make_buttons())
        column.addWidget(self._make_state(), 1)

    def _make_state(self) -> QScrollArea:
        self.badge = BadgeLabel()
        self.versions = RoleLabel("", bold=True, mono=True)
        self.versions.setAccessibleDescription("Version before and after")
        self.bar = QProgressBar()
        self.bar.setAccessibleName("Progress of the push")
        self.bar.setTextVisible(False)
        self.bar.setFixedHeight(12)
        self.bar.hide()
        self.said = RoleLabel("", wrap=True)
        self.said.setAccessibleName("How the list stands")
        self.said.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.plan = RoleLabel("", "muted", wrap=True, delta=-0.5)
        self.plan.setAccessibleName("What Reconcile would send")
        verdict = QHBoxLayout()
        verdict.setSpacing(8)
        verdict.addWidget(self.badge)
        verdict.addWidget(self.versions)
        verdict.addWidget(self.bar, 1)
        verdict.addStretch(0)
        self.report_button = mark(QPushButton("Messages"), "flat")
        self.report_button.setCheckable(True)
        self.report_button.setAccessibleName("Messages of the latest push")
        self.report_button.setToolTip(
            "Each message of the latest push: what was sent, the answer, the version read back"
        )
        self.report_button.toggled.connect(self.report_toggled)
        policy = self.report_button.sizePolicy()
        policy.setRetainSizeWhenHidden(True)
        self.report_button.setSizePolicy(policy)
        verdict.addWidget(self.report_button)
        page = QWidget()
        column = QVBoxLayout(page)
        column.setContentsMargins(0, 0, 4, 0)
        column.setSpacing(2)
        column.addLayout(verdict)
        column.addWidget(self.said)
        column.addWidget(self.plan)
        column.addStretch(1)
        state = QScrollArea()
        state.setFrameShape(QFrame.Shape.NoFrame)
        state.setWidgetResizable(True)
        state.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        state.setMinimumHeight(24)
        state.setAccessibleName("State of the local list")
        state.setWidget(page)
        for each in (state.viewport(), page):
            each.setAutoFillBackground(False)
        return state

    def _make_buttons(self) -> QGridLayout:
        self.reconcile_button = mark(self._push_button("Reconcile", Mode.RECONCILE), "primary")
        self.full_button = self._push_button("Push Full", Mode.FULL)
        self.full_button.setToolTip("Replace the station's list by the whole of the store")
        self.differential_button = self._push_button("Push Differential", Mode.DIFFERENTIAL)
        self.differential_button.setToolTip("Send only what differs from what the station holds")
        self.version_button = order_button(
            "Get version", self.version_asked.emit, "Ask for the version of the station's list"
        )
        self.clear_button = order_button(
            "Clear cache",
            self.clear_asked.emit,
            "Make the station forget the cards it was told of (ClearCache); its list stays",
        )
        self.cancel_button = order_button(
            "Cancel", self.cancel_asked.emit, "Stop before the next message; what was accepted by then stays"
        )
        grid = QGridLayout()
        grid.setSpacing(6)
        buttons = (
            self.reconcile_button,
            self.full_button,
            self.differential_button,
            self.version_button,
            self.clear_button,
            self.cancel_button,
        )
        for at, button in enumerate(buttons):
            grid.addWidget(button, at // 3, at % 3)
        for at in range(3):
            grid.setColumnStretch(at, 1)
        return grid

    def _push_button(self, text: str, mode: Mode) -> QPushButton:
        return order_button(text, lambda: self.push_asked.emit(mode.value))

    # Showing

    def show_view(self, view: ListView, plan: Plan | None, verdict: Verdict, *, free: bool) -> None:
        """The state of one list. plan: what Reconcile would send, None where it is not known. free: the station can be asked, and
        nothing is being asked."""
        listed = view.list_version is None or view.list_version >= 0
        for button in (self.reconcile_button, self.full_button):
            button.setEnabled(free and listed)
        self.differential_button.setEnabled(free and listed and view.known)
        for button in (self.version_button, self.clear_button):
            button.setEnabled(free)
        told = view.last_report is not None and bool(view.last_report.chunks)
        self.report_button.setVisible(told)
        if not told:
            self.report_button.setChecked(False)
        words = "" if plan is None or not listed else plan_text(plan)
        self.plan.setText(words)
        self.reconcile_button.setToolTip(
            "\n".join(part for part in ("Make the station's list that of the store (Ctrl+L)", words) if part)
        )
        if view.progress is None:
            self.bar.hide()
            self.cancel_button.setEnabled(False)
            self._say(verdict)
        else:
            self.show_progress(view.progress)

    def show_progress(self, progress: Progress) -> None:
        """A push under way."""
        self.bar.setRange(0, max(1, progress.entries_total))
        self.bar.setValue(progress.entries_done)
        self.bar.show()
        self.plan.setText("")
        self.cancel_button.setEnabled(progress.cancellable)
        self._say(Verdict(RUNNING, progress_text(progress)))

    def _say(self, verdict: Verdict) -> None:
        self.badge.set_badge(verdict.badge)
        self.versions.setText(verdict.versions)
        self.said.set_role(verdict.badge.role if verdict.badge.role == "fail" else "text")
        self.said.setText(verdict.text)
