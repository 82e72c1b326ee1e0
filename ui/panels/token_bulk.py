"""What several tokens get at once: status, group, expiry, cacheMode. Only what is ticked changes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from PySide6.QtCore import Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialog,
    QFormLayout,
    QHBoxLayout,
    QLineEdit,
    QPushButton,
    QVBoxLayout,
)

from bench.errors import BadInput
from bench.tokens.api_form import moment
from bench.tokens.checks import checked
from bench.tokens.model import AuthorizationStatus, CacheMode, Token
from ui.widgets import RoleLabel, mark


class TokenBulkForm(QDialog):
    """Not modal; closes when saved.

    Signals:
        saved: the tokens to keep, as a list.
    """

    saved = Signal(object)

    def __init__(self, tokens: Sequence[Token], parent: object = None) -> None:
        super().__init__(parent)  # type: ignore[arg-type]
        self._tokens = tuple(tokens)
        self.setWindowTitle(f"{len(tokens):,} tokens")
        self.status = QComboBox()
        self.status.addItems([word.value for word in AuthorizationStatus])
        self.group = QLineEdit()
        self.group.setPlaceholderText("empty: in no group")
        self.expiry = QLineEdit()
        self.expiry.setPlaceholderText("2030-12-31, empty: never")
        self.cache = QComboBox()
        self.cache.addItems([word.value for word in CacheMode])
        form = QFormLayout()
        self.ticks: dict[str, QCheckBox] = {}
        for name, text, editor in (
            ("status", "&Status", self.status),
            ("group", "&Group", self.group),
            ("expiry", "&Expiry", self.expiry),
            ("cache", "C&ache", self.cache),
        ):
            tick = QCheckBox(text)
            tick.setAccessibleName(f"Change {name}")
            tick.setMinimumHeight(editor.sizeHint().height())
            editor.setAccessibleName(name.capitalize())
            changed = editor.textEdited if isinstance(editor, QLineEdit) else editor.activated
            changed.connect(lambda _, tick=tick: tick.setChecked(True))
            changed.connect(lambda _: self.judge())
            tick.toggled.connect(lambda _: self.judge())
            self.ticks[name] = tick
            form.addRow(tick, editor)
        self.verdict = RoleLabel("", "muted", wrap=True)
        self.verdict.setAccessibleName("What would change")
        self.save_button = mark(QPushButton("Save"), "primary")
        self.save_button.setDefault(True)
        self.save_button.clicked.connect(self.save)
        cancel = QPushButton("Cancel")
        cancel.setAutoDefault(False)
        cancel.clicked.connect(self.reject)
        buttons = QHBoxLayout()
        buttons.addStretch(1)
        buttons.addWidget(cancel)
        buttons.addWidget(self.save_button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(18, 16, 18, 16)
        layout.setSpacing(12)
        layout.addWidget(RoleLabel(f"Change {len(tokens):,} tokens", bold=True, delta=1))
        layout.addLayout(form)
        layout.addWidget(self.verdict)
        layout.addLayout(buttons)
        self.setMinimumWidth(420)
        self._changed: list[Token] = []
        self.judge()

    def judge(self) -> None:
        """Say what would change, or what is wrong."""
        self._changed = []
        try:
            made = self._made()
        except BadInput as error:
            self._say("fail", f"✖ {error}")
        else:
            self._changed = [after for before, after in zip(self._tokens, made, strict=True) if after != before]
            if self._changed:
                self._say("ok", f"✔ {len(self._changed):,} of {len(self._tokens):,} tokens change")
            else:
                self._say("muted", "Tick what all of them should get.")
        self.save_button.setEnabled(bool(self._changed))

    def save(self) -> None:
        """Give the changed tokens away."""
        self.judge()
        if self._changed:
            self.saved.emit(self._changed)
            self.accept()

    def _made(self) -> list[Token]:
        changes: dict[str, object] = {}
        if self.ticks["status"].isChecked():
            status = AuthorizationStatus(self.status.currentText())
            plain = status in (AuthorizationStatus.ACCEPTED, AuthorizationStatus.BLOCKED)
            changes |= {"valid": status is AuthorizationStatus.ACCEPTED, "status": None if plain else status}
        if self.ticks["group"].isChecked():
            changes["group_id"] = self.group.text().strip() or None
        if self.ticks["expiry"].isChecked():
            changes["expiry"] = moment("expiry", self.expiry.text().strip())
        if self.ticks["cache"].isChecked():
            changes["cache_mode"] = CacheMode(self.cache.currentText())
        if not changes:
            return list(self._tokens)
        # What is wrong with one is wrong with all, and a thousand are not judged at each key.
        checked(replace(self._tokens[0], **changes))  # type: ignore[arg-type]
        return [replace(token, **changes) for token in self._tokens]  # type: ignore[arg-type]

    def _say(self, role: str, text: str) -> None:
        self.verdict.set_role(role)
        self.verdict.setText(text)
