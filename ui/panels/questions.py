"""The question to the operator: may this card, which the store does not know, charge now."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QTimer, Signal
from PySide6.QtWidgets import QApplication, QCheckBox, QHBoxLayout, QPushButton, QWidget

from bench.questions import Question
from bench.tokens.model import AuthorizationStatus, IdTokenType
from ui import theme
from ui.tips import plain_tip
from ui.widgets import Card, ElidedLabel, GlyphLabel, RoleLabel, grouped, mark

if TYPE_CHECKING:
    from bench.session import Session

TICK_MS = 250
SETTLE_MS = 400
"""A click that was aimed at the question before must not answer the next one."""
ANSWERS = (
    (AuthorizationStatus.ACCEPTED, "Accept", "Alt+A", "Let it charge"),
    (AuthorizationStatus.INVALID, "Refuse", "Alt+R", "Do not let it charge: Invalid"),
    (AuthorizationStatus.BLOCKED, "Block", "Alt+B", "Do not let it charge: Blocked"),
)
FONT = 3.0
"""Points larger than other text: the seven bytes of a usual card fit into one line."""
LINE = 20
"""Characters of a line."""
NOT_KEPT = frozenset((IdTokenType.CENTRAL, IdTokenType.NO_AUTHORIZATION))


class QuestionCard(Card):
    """The oldest open question, hidden while there is none. It takes no focus and stops nothing.

    Signals:
        answered: id of the question, the status chosen, and whether the store is to keep the token.
    """

    answered = Signal(int, object, bool)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(role="warn_bg", framed=False, parent=parent)
        self.question: Question | None = None
        self._session: Session | None = None
        self.body.setSpacing(5)
        self.body.setContentsMargins(11, 8, 11, 9)
        self.ask = ElidedLabel("May it charge?", "warn", bold=True, delta=1.0)
        self.left = RoleLabel("", "warn", bold=True, delta=1.0)
        self.left.setAccessibleName("Time left to answer")
        self.token = RoleLabel("", mono=True, delta=FONT, wrap=True)
        self.facts = ElidedLabel("", "warn")
        self.remember = QCheckBox("remember")
        self.remember.setAccessibleName("Remember the card in the store")
        self.remember.setToolTip("The store keeps the card with that answer, and is not asked about it again")
        self.buttons = tuple(self._button(*answer) for answer in ANSWERS)
        top = QHBoxLayout()
        top.setSpacing(7)
        top.addWidget(GlyphLabel("wait", "warn", 17))
        top.addWidget(self.ask, 1)
        top.addWidget(self.left)
        self.body.addLayout(top)
        self.body.addWidget(self.token)
        beside = QHBoxLayout()
        beside.setSpacing(7)
        beside.addWidget(self.facts, 1)
        beside.addWidget(self.remember)
        self.body.addLayout(beside)
        row = QHBoxLayout()
        row.setSpacing(4)
        for button in self.buttons:
            row.addWidget(button, 1)
        self.body.addLayout(row)
        theme.on_change(self._set_font)
        self._set_font()
        self._tick = QTimer(self)
        self._tick.setInterval(TICK_MS)
        self._tick.timeout.connect(self._count_down)
        self._settle = QTimer(self)
        self._settle.setSingleShot(True)
        self._settle.setInterval(SETTLE_MS)
        self._settle.timeout.connect(lambda: self._enable(True))
        self.hide()

    def show_questions(self, session: Session | None) -> None:
        """The oldest question of a session, and how many wait behind it; None: there can be none."""
        self._session = session
        waiting = [] if session is None else session.questions.open
        question = waiting[0] if waiting else None
        self.ask.set_text(f"May it charge? 1 of {len(waiting)}" if len(waiting) > 1 else "May it charge?")
        if question != self.question:
            self._show(question)
        self._count_down()
        self.setVisible(question is not None)

    def _show(self, question: Question | None) -> None:
        replaces = self.question is not None
        self.question = question
        self.remember.setChecked(False)
        if question is None:
            self._tick.stop()
            return
        self._tick.start()
        self._enable(not replaces)
        if replaces:
            self._settle.start()
        where = question.station or "a tap on the bus"
        evse = "" if question.evse is None else f"EVSE {question.evse}"
        kind = str(question.token_type or "idTag")
        self.token.setText(lines(grouped(question.token)))
        self.token.setToolTip(plain_tip(question.token))
        self.facts.set_text(" · ".join(part for part in (where, evse, kind) if part))
        self.remember.setEnabled(question.token_type not in NOT_KEPT)
        self.setAccessibleName(f"Question: may {question.token} charge at {where}?")
        QApplication.alert(self.window())

    def _count_down(self) -> None:
        if self.question is not None and self._session is not None:
            self.left.setText(f"{self.question.left_s(self._session.clock.stamp()):.0f} s")

    def _enable(self, on: bool) -> None:
        for button in self.buttons:
            button.setEnabled(on)

    def _answer(self, status: AuthorizationStatus) -> None:
        if self.question is not None and self.isVisible():
            self._enable(False)
            self._settle.start()
            self.answered.emit(self.question.id, status, self.remember.isChecked())

    def _button(self, status: AuthorizationStatus, text: str, keys: str, tip: str) -> QPushButton:
        button = QPushButton(text)
        button.setShortcut(keys)
        button.setToolTip(f"{tip} ({keys})")
        button.setAccessibleName(f"{text} this card")
        button.clicked.connect(lambda: self._answer(status))
        return mark(button, "primary") if status is AuthorizationStatus.ACCEPTED else button

    def _set_font(self) -> None:
        self.token.setFont(theme.mono_font(FONT))


def lines(text: str) -> str:
    """A token in two lines, where it has no spaces to break it at; what is longer is cut."""
    if " " in text or len(text) <= LINE:
        return text
    second = text[LINE:]
    return f"{text[:LINE]}\n{second if len(second) <= LINE else second[: LINE - 1] + '…'}"
