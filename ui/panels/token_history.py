"""What happened to one token, and what other systems would say of it, beside the window."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QGridLayout, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from bench.clock import utc_now
from bench.tokens.elsewhere import elsewhere
from bench.tokens.model import Token
from ui.models.token_changes import TokenChangeModel
from ui.models.token_rows import shown_uid
from ui.panels.cells import make_table, set_widths
from ui.widgets import RoleLabel

if TYPE_CHECKING:
    from bench.tokens.history import TokenChange

SAMPLES = ("2026-11-21 12:57:40", "✖ changed", "command line", "valid: true → false; note: – → lost")
SIZE = (820, 460)


class TokenHistory(QDialog):
    """Not modal; shows what it was given."""

    def __init__(self, token: Token, changes: Sequence[TokenChange], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setModal(False)
        self.setWindowTitle(f"History of {token.visual_number or shown_uid(token)}")
        self.resize(*SIZE)
        self.model = TokenChangeModel(self)
        self.table = make_table("Changes of this token")
        self.table.setModel(self.model)
        self.model.show(changes)
        set_widths(self.table, SAMPLES)
        times = "once" if len(changes) == 1 else f"{len(changes):,} times"
        said = f"Written {times}, newest first." if changes else "No change of this token is recorded."
        origin = f" It came from: {token.source}." if token.source else ""
        self.said = RoleLabel(said + origin, "muted", wrap=True)
        self.others = QGridLayout()
        self.others.setHorizontalSpacing(14)
        self.others.setVerticalSpacing(3)
        self.others.setColumnStretch(2, 1)
        for row, told in enumerate(elsewhere(token, utc_now())):
            why = RoleLabel(told.why, "muted", wrap=True)
            for column, label in enumerate((RoleLabel(told.system), RoleLabel(told.says, bold=True), why)):
                self.others.addWidget(label, row, column, Qt.AlignmentFlag.AlignTop)
        close = QPushButton("Close")
        close.setDefault(True)
        close.clicked.connect(self.accept)
        buttons = QHBoxLayout()
        buttons.addStretch(1)
        buttons.addWidget(close)
        layout = QVBoxLayout(self)
        layout.addWidget(self.said)
        layout.addWidget(self.table, 1)
        layout.addWidget(RoleLabel("What other systems would say of it", bold=True))
        layout.addLayout(self.others)
        layout.addLayout(buttons)
