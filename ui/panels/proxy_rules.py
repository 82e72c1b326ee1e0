"""The proxy's rules as a list in the order in which they are applied, with how often each was."""

from __future__ import annotations

import json
from collections.abc import Callable

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from bench.errors import BadInput
from bench.masking import mask_tree
from bench.proxy_desk import ProxyDesk
from bench.proxy_rules import Deed, Rule
from ui import theme
from ui.models.texts import TextRow, TextTable
from ui.panels.cells import make_table, set_widths
from ui.panels.proxy_rule import SIDES, RuleForm
from ui.widgets import RoleLabel, mark

HEADERS = ("#", "Messages", "Deed", "Said by", "For", "Applied")
SAMPLES = ("10", "name=Authorize .id", "edit: patch {…", "Either side", "10 of 10", "")
MAX_SHOWN = 120


class RuleList(QWidget):
    """Add, edit, remove and reorder; what is done is in force at once.

    Signals:
        refused: a rule could not be taken, in words.
    """

    refused = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.desk: ProxyDesk | None = None
        self.model = TextTable(HEADERS, self)
        self.table = make_table("Rules of the proxy")
        self.table.setModel(self.model)
        set_widths(self.table, SAMPLES)
        self.table.setMinimumHeight(60)
        self.table.doubleClicked.connect(lambda index: self.edit())
        self.table.selectionModel().currentRowChanged.connect(lambda now, before: self._offer())
        theme.on_change(self.table.viewport().update)
        self.hint = RoleLabel("No rules: every message passes untouched.", "muted", wrap=True)
        self.add_button = mark(self._button("Add rule…", self.add, "Hold, edit, delay or drop messages"), "primary")
        self.edit_button = self._button("Edit…", self.edit, "Change the rule that is picked (Enter)")
        self.up_button = self._button("▲", lambda: self.move_rule(-1), "Apply it earlier (Alt+Up)", "Move the rule up")
        self.down_button = self._button(
            "▼", lambda: self.move_rule(1), "Apply it later (Alt+Down)", "Move the rule down"
        )
        self.remove_button = self._button("Remove", self.remove, "Take the rule away (Del)")
        for keys, slot in (
            ("Return", self.edit),
            ("Del", self.remove),
            ("Alt+Up", lambda: self.move_rule(-1)),
            ("Alt+Down", lambda: self.move_rule(1)),
        ):
            shortcut = QShortcut(QKeySequence(keys), self.table, slot)
            shortcut.setContext(Qt.ShortcutContext.WidgetShortcut)
        row = QHBoxLayout()
        row.setContentsMargins(10, 4, 10, 4)
        row.setSpacing(6)
        for button in (self.add_button, self.edit_button, self.up_button, self.down_button, self.remove_button):
            row.addWidget(button)
        row.addWidget(self.hint, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addLayout(row)
        layout.addWidget(self.table, 1)
        self._offer()

    def show_rules(self) -> None:
        """Take in the rules as they are, counts included."""
        if self.desk is None:
            return
        rules = self.desk.rules
        chosen = self.table.currentIndex().row()
        self.model.show(
            [
                _row(number, rule, applied)
                for number, (rule, applied) in enumerate(zip(rules.rules, rules.applied, strict=True), 1)
            ]
        )
        if self.model.rowCount() and self.table.currentIndex().row() < 0:
            self.table.selectRow(min(max(chosen, 0), self.model.rowCount() - 1))
        self.hint.setVisible(not rules.rules)
        self._offer()

    # What is done

    def add(self) -> None:
        self._open(RuleForm(None, self))

    def edit(self) -> None:
        rule = self._chosen()
        if rule is not None:
            self._open(RuleForm(rule, self))

    def remove(self) -> None:
        row = self.table.currentIndex().row()
        if self._chosen() is not None:
            self._replace(lambda rules: [*rules[:row], *rules[row + 1 :]])

    def move_rule(self, by: int) -> None:
        """Move the chosen rule; it stays chosen."""
        row, rule = self.table.currentIndex().row(), self._chosen()
        if rule is None or not 0 <= row + by < self.model.rowCount():
            return
        self._replace(lambda rules: _moved(rules, row, row + by))
        self.table.selectRow(row + by)

    # Inside

    def _open(self, form: RuleForm) -> None:
        form.saved.connect(self._saved)
        form.show()

    def _saved(self, before: Rule | None, rule: Rule) -> None:
        if before is None:
            self._replace(lambda rules: [*rules, rule])
        else:  # by itself: its place may be another one by now, or none
            self._replace(lambda rules: [rule if one is before else one for one in rules])

    def _replace(self, changed: Callable[[list[Rule]], list[Rule]]) -> None:
        if self.desk is None:
            return
        try:
            self.desk.rules.replace(changed(list(self.desk.rules.rules)))
        except BadInput as error:
            self.refused.emit(str(error))
        self.show_rules()

    def _chosen(self) -> Rule | None:
        row = self.table.currentIndex().row()
        rules = () if self.desk is None else self.desk.rules.rules
        return rules[row] if 0 <= row < len(rules) else None

    def _offer(self) -> None:
        row, count = self.table.currentIndex().row(), self.model.rowCount()
        for button in (self.edit_button, self.remove_button):
            button.setEnabled(row >= 0)
        self.up_button.setEnabled(row > 0)
        self.down_button.setEnabled(0 <= row < count - 1)

    @staticmethod
    def _button(text: str, slot: Callable[[], None], tip: str, name: str = "") -> QPushButton:
        button = QPushButton(text)
        button.setToolTip(tip)
        button.setAccessibleName(name or text.rstrip("…"))
        button.clicked.connect(lambda checked=False: slot())
        return button


def _moved(rules: list[Rule], at: int, to: int) -> list[Rule]:
    rules.insert(to, rules.pop(at))
    return rules


def _row(number: int, rule: Rule, applied: int) -> TextRow:
    times = "all" if rule.times is None else f"{min(applied, rule.times)} of {rule.times}"
    texts = (str(number), rule.filter.text or "every message", deed_text(rule), SIDES[rule.side], times, str(applied))
    return TextRow((number, id(rule)), texts, "muted" if rule.times is not None and applied >= rule.times else None)


def deed_text(rule: Rule) -> str:
    """The deed with what it needs: ``delay 500 ms``, ``edit {"status": "Blocked"}``; secrets masked."""
    if rule.deed is Deed.DELAY:
        return f"delay {rule.delay_ms} ms"
    if rule.deed is Deed.EDIT:
        change = rule.patch if rule.patch is not None else rule.payload
        text = json.dumps(mask_tree(dict(change or {})), ensure_ascii=False)
        verb = "patch" if rule.patch is not None else "replace by"
        return f"edit: {verb} {text if len(text) <= MAX_SHOWN else text[: MAX_SHOWN - 1] + '…'}"
    return str(rule.deed)
