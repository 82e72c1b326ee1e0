"""One rule of the proxy as a form, beside the window, judged while typing."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QFormLayout,
    QHBoxLayout,
    QPushButton,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from bench.errors import BadInput
from bench.journal.filter import FilterError
from bench.proxy_rules import MAX_DELAY_MS, Deed, Rule, Side, make_rule
from ui.panels.filter_line import FilterLine
from ui.panels.json_field import JsonField
from ui.widgets import RoleLabel, mark

MAX_TIMES = 1_000_000
DEEDS = {
    Deed.HOLD: "Hold until released",
    Deed.EDIT: "Edit the payload",
    Deed.DELAY: "Delay",
    Deed.DROP: "Drop",
}
SIDES: dict[Side | None, str] = {None: "Either side", Side.STATION: "The station", Side.CSMS: "The CSMS"}
PATCH, PAYLOAD = "Change these members (JSON Merge Patch)", "Replace the payload"


class RuleForm(QDialog):
    """Not modal; closes when saved.

    Signals:
        saved: the rule it was opened for, or None, and the rule as it is wanted.
    """

    saved = Signal(object, object)

    def __init__(self, rule: Rule | None = None, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._rule = rule
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setModal(False)
        self.setWindowTitle("Add a rule" if rule is None else "Edit a rule")
        self.resize(540, 420)
        self._build()
        if rule is not None:
            self._show(rule)
        self._fit()

    def _build(self) -> None:
        self.filter = FilterLine()
        self.filter.line.setAccessibleName("Which messages")
        self.filter.line.setPlaceholderText("name=Authorize .idTag:04*  (empty: every message)")
        self.deed = QComboBox()
        for deed, words in DEEDS.items():
            self.deed.addItem(words, deed)
        self.deed.setAccessibleName("What becomes of them")
        self.deed.currentIndexChanged.connect(self._fit)
        self.side = QComboBox()
        for side, words in SIDES.items():
            self.side.addItem(words, side)
        self.side.setAccessibleName("Who says them")
        self.times = _spin("How many messages", 0, MAX_TIMES, "every one", " messages")
        self.delay = _spin("Delay in milliseconds", 1, MAX_DELAY_MS, "", " ms")
        self.delay.setValue(1000)
        self.how = QComboBox()
        self.how.addItems([PATCH, PAYLOAD])
        self.how.setAccessibleName("How the payload is edited")
        self.json = JsonField("Edit, as JSON")
        self.json.show_value({})
        self.problem = RoleLabel("", "fail", wrap=True)
        self.problem.setAccessibleName("What is wrong with the rule")
        self.save_button = mark(QPushButton("Save"), "primary")
        self.save_button.setToolTip("Ctrl+Enter")
        self.save_button.clicked.connect(self.save)
        close = QPushButton("Close")
        close.setAutoDefault(False)
        close.clicked.connect(self.close)
        for keys in ("Ctrl+Return", "Ctrl+Enter"):
            QShortcut(QKeySequence(keys), self, self.save)
        self._form = form = QFormLayout()
        form.addRow("Messages", self.filter)
        form.addRow("Said by", self.side)
        form.addRow("Deed", self.deed)
        form.addRow("Delay", self.delay)
        form.addRow("Edit", self.how)
        form.addRow("For", self.times)
        buttons = QHBoxLayout()
        buttons.addStretch(1)
        buttons.addWidget(close)
        buttons.addWidget(self.save_button)
        layout = QVBoxLayout(self)
        layout.addLayout(form)
        layout.addWidget(self.json, 1)
        layout.addStretch(0)
        layout.addWidget(self.problem)
        layout.addLayout(buttons)

    def _show(self, rule: Rule) -> None:
        self.filter.set_text(rule.filter.text)
        self.deed.setCurrentIndex(self.deed.findData(rule.deed))
        self.side.setCurrentIndex(self.side.findData(rule.side))
        self.times.setValue(rule.times or 0)
        self.delay.setValue(rule.delay_ms or self.delay.value())
        if rule.deed is Deed.EDIT:
            self.how.setCurrentText(PATCH if rule.patch is not None else PAYLOAD)
            self.json.show_value(rule.patch if rule.patch is not None else rule.payload or {})

    def _fit(self) -> None:
        """Show what the deed needs."""
        deed = Deed(self.deed.currentData())
        self._form.setRowVisible(self.delay, deed is Deed.DELAY)
        self._form.setRowVisible(self.how, deed is Deed.EDIT)
        self.json.setVisible(deed is Deed.EDIT)

    def save(self) -> None:
        """Hand over the rule, or say what keeps it from being one and go there."""
        deed, side = Deed(self.deed.currentData()), self.side.currentData()
        editing = self.json.judge() if deed is Deed.EDIT else None
        if deed is Deed.EDIT and editing is None:
            self.problem.setText("The edit is not JSON yet.")
            self.json.setFocus()
            return
        self.filter.apply()
        patched = self.how.currentText() == PATCH
        try:
            rule = make_rule(
                self.filter.text,
                deed,
                side=None if side is None else Side(side),
                times=self.times.value() or None,
                delay_ms=self.delay.value() if deed is Deed.DELAY else 0,
                patch=editing if patched else None,
                payload=None if patched else editing,
            )
        except FilterError:
            self.problem.setText("The filter cannot be read.")
            self.filter.setFocus()
            return
        except BadInput as error:
            self.problem.setText(str(error))
            return
        self.saved.emit(self._rule, rule)
        self.close()


def _spin(name: str, least: int, most: int, special: str, suffix: str) -> QSpinBox:
    spin = QSpinBox()
    spin.setRange(least, most)
    spin.setSuffix(suffix)
    spin.setButtonSymbols(QSpinBox.ButtonSymbols.NoButtons)
    spin.setSpecialValueText(special)
    spin.setAccessibleName(name)
    return spin
