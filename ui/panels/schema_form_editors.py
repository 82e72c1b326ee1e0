"""The editors of a schema form: one widget a scalar, made for what its field is."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Signal
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLineEdit, QPushButton, QWidget

from bench.codecs.ocpp_forms import Field, Kind
from bench.masking import is_secret_name
from ui import theme
from ui.panels.schema_form_values import ABSENT, suits, text_of, value_of
from ui.widgets import mark

NOT_SENT = "not sent"
MAX_TYPED = 100_000
"""Characters of one field; certificates are the longest there are."""


class Editor(QWidget):
    """One scalar.

    Signals:
        changed: the new value, or ABSENT.
    """

    changed = Signal(object)

    def __init__(self, inner: QWidget, name: str) -> None:
        super().__init__()
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(0, 1, 0, 1)
        self._row.setSpacing(4)
        self._row.addWidget(inner, 1)
        self.setFocusProxy(inner)
        inner.setAccessibleName(name)

    def set_secret(self, secret: bool) -> None:
        """Show dots, or the text."""

    def set_wrong(self, wrong: bool) -> None:
        """Mark it as what the schema refuses."""


class TextEditor(Editor):
    """Texts, numbers, and as JSON whatever has no editor of its own. Nothing is cut while typing: the fault is told instead."""

    def __init__(self, field: Field, kind: Kind, value: object, name: str, now: Callable[[], str]) -> None:
        self.line = QLineEdit(text_of(kind, value))
        super().__init__(self.line, name)
        self._secret_name = is_secret_name(field.name)
        self.line.setMaxLength(MAX_TYPED)
        self.line.setFont(theme.mono_font())
        self.line.setCursorPosition(0)
        if value is ABSENT:
            self.line.setPlaceholderText("missing" if field.required else NOT_SENT)
        elif kind is Kind.ANY:
            self.line.setPlaceholderText("JSON")
        self.line.textChanged.connect(lambda text: self.changed.emit(value_of(kind, text)))
        if field.limits.format == "date-time" and kind is Kind.STRING:
            button = mark(QPushButton("now"), "flat")
            button.setAccessibleName(f"{name}: now")
            button.clicked.connect(lambda: self.line.setText(now()))
            self._row.addWidget(button)
        self.set_secret(False)

    def set_secret(self, secret: bool) -> None:
        mode = QLineEdit.EchoMode.Password if secret or self._secret_name else QLineEdit.EchoMode.Normal
        if self.line.echoMode() is not mode:
            self.line.setEchoMode(mode)

    def set_wrong(self, wrong: bool) -> None:
        if bool(self.line.property("wrong")) != wrong:
            self.line.setProperty("wrong", wrong)
            self.line.style().unpolish(self.line)
            self.line.style().polish(self.line)


class _Choices(QComboBox):
    """The wheel scrolls the form; it changes no value in passing."""

    def wheelEvent(self, event: QWheelEvent) -> None:
        event.ignore()


class ChoiceEditor(Editor):
    """Enums and booleans. A word that is no choice stays as one more until another is taken."""

    def __init__(self, choices: list[tuple[str, object]], value: object, name: str) -> None:
        self.box = _Choices()
        super().__init__(self.box, name)
        for word, each in choices:
            self.box.addItem(word, each)
        known = [each for _, each in choices]
        # By identity: 0 and 1 equal a boolean.
        at = next(
            (n for n, each in enumerate(known) if each is value or (isinstance(value, str) and each == value)), -1
        )
        if at < 0 and value is not ABSENT:
            at = len(known)
            self.box.addItem(f"{value} (no choice)", value)
        self.box.setCurrentIndex(at)
        self.box.setPlaceholderText("missing")
        self.box.currentIndexChanged.connect(lambda index: self.changed.emit(self.box.itemData(index)))


def make_editor(field: Field, value: object, name: str, now: Callable[[], str]) -> Editor:
    """An editor for a value at a field. now: the time as RFC 3339, for date-times."""
    if not suits(field, value):
        return TextEditor(field, Kind.ANY, value, name, now)
    if field.kind is Kind.BOOLEAN:
        both: list[tuple[str, object]] = [("true", True), ("false", False)]
        return ChoiceEditor(both if field.required else [(NOT_SENT, ABSENT), *both], value, name)
    if field.choices:
        return ChoiceEditor([(word, word) for word in field.choices], value, name)
    return TextEditor(field, field.kind, value, name, now)
