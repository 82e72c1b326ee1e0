"""A JSON object typed by hand: judged while typing, with what is wrong under it. Secrets in it are dots until typed over."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from PySide6.QtCore import QTimer, Signal
from PySide6.QtWidgets import QPlainTextEdit, QVBoxLayout, QWidget

from ui import theme
from ui.panels.schema_form_values import Veiled, pretty, read_json, veil
from ui.widgets import RoleLabel

JUDGE_AFTER_MS = 150
MAX_TEXT = 200_000
MAX_FAULTS = 3

Complaints = Callable[[dict[str, Any]], list[str]]
"""What is wrong with an object beyond its being none, in words; it may be sent all the same."""


class JsonField(QWidget):
    """complaints: asked while typing. Wrong JSON has no value; a complaint does not keep it from having one.

    Signals:
        judged: after each judgement.
    """

    judged = Signal()

    def __init__(self, name: str, complaints: Complaints | None = None, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._complaints = complaints or (lambda value: [])
        self._veil = Veiled({})
        self.editor = QPlainTextEdit("{}")
        self.editor.setFont(theme.mono_font())
        self.editor.setAccessibleName(name)
        self.editor.setTabChangesFocus(True)
        self.verdict = RoleLabel("", "muted", wrap=True)
        self.verdict.setAccessibleName(f"What is wrong with: {name}")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(3)
        layout.addWidget(self.editor, 1)
        layout.addWidget(self.verdict)
        self.setFocusProxy(self.editor)
        self._later = QTimer(self)
        self._later.setSingleShot(True)
        self._later.setInterval(JUDGE_AFTER_MS)
        self._later.timeout.connect(self.judge)
        self.editor.textChanged.connect(self._later.start)

    def show_value(self, value: Mapping[str, Any]) -> None:
        self._veil = veil(dict(value))
        self.editor.setPlainText(pretty(self._veil.shown))
        self.judge()

    def judge(self) -> dict[str, Any] | None:
        """The object, with its true secrets; None, and a word of why, where it is none."""
        self._later.stop()
        value = self._read()
        if value is not None:
            wrong = self._complaints(value)
            more = [f"and {len(wrong) - MAX_FAULTS} more"] if len(wrong) > MAX_FAULTS else []
            lines = [*(f"⚠ {text}" for text in wrong[:MAX_FAULTS]), *more]
            self._say("warn" if wrong else "ok", "\n".join(lines) or "✔ a JSON object")
        self.judged.emit()
        return value

    def _read(self) -> dict[str, Any] | None:
        text = self.editor.toPlainText()
        if len(text) > MAX_TEXT:
            return self._refuse(f"too long: {len(text):,} characters, at most {MAX_TEXT:,}")
        try:
            value = read_json(text or "{}")
        except json.JSONDecodeError as error:
            return self._refuse(f"not JSON at line {error.lineno}, column {error.colno}: {error.msg}")
        except ValueError as error:
            return self._refuse(f"not JSON: {error}")
        except RecursionError:
            return self._refuse("nested too deep")
        if not isinstance(value, dict):
            return self._refuse("a JSON object is needed: { }")
        lifted: dict[str, Any] = self._veil.lift(value)
        return lifted

    def _refuse(self, why: str) -> None:
        self._say("fail", f"✖ {why}")

    def _say(self, role: str, text: str) -> None:
        self.verdict.set_role(role)
        self.verdict.setText(text)
