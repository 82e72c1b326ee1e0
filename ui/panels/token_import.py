"""What an import would do, shown before it is done."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from PySide6.QtWidgets import QDialog, QHBoxLayout, QPlainTextEdit, QPushButton, QTabWidget, QVBoxLayout, QWidget

from bench.tokens.model import Token
from ui import theme
from ui.models.tokens import TokenTableModel
from ui.panels.cells import make_table, set_widths
from ui.widgets import RoleLabel, mark

SAMPLES = ("04A2B3C4D5E68000", "NoAuthorization", "✖ ConcurrentTx", "TAG-7 · M. Okafor", "GBABXC012345678", "FLEET-2")
MAX_LISTED = 1_000


class ImportPreview(QDialog):
    """Tokens that a file holds and rows that are wrong. A file with a wrong row is not imported at all.

    errors, notes: things with ``row``, ``field`` and ``why`` (:class:`bench.tokens.transfer.RowError`).
    """

    def __init__(
        self,
        file: str,
        tokens: Sequence[Token],
        errors: Sequence[object],
        notes: Sequence[object],
        replaced: int,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle(f"Import {file}")
        self.resize(860, 460)
        if errors:
            wrong = "1 row is" if len(errors) == 1 else f"{len(errors):,} rows are"
            text = f"✖ {wrong} wrong. Nothing is imported until the file is in order."
        elif tokens:
            new = len(tokens) - replaced
            text = f"✔ {len(tokens):,} tokens: {new:,} new, {replaced:,} replace what the store has."
        else:
            text = "✖ There is no token in this file."
        self.said = RoleLabel(text, "ok" if tokens and not errors else "fail", bold=True, wrap=True)
        model = TokenTableModel(self)
        table = make_table("Tokens of the file")
        table.setModel(model)
        model.show(tokens)
        set_widths(table, SAMPLES)
        self.wrong = QPlainTextEdit("\n".join(_lines(errors)))
        self.lost = QPlainTextEdit("\n".join(_lines(notes)))
        tabs = QTabWidget()
        tabs.addTab(table, f"Tokens ({len(tokens):,})")
        for text_edit, name, entries in ((self.wrong, "Wrong rows", errors), (self.lost, "Notes", notes)):
            text_edit.setReadOnly(True)
            text_edit.setFont(theme.mono_font())
            text_edit.setAccessibleName(name)
            if entries:
                tabs.addTab(text_edit, f"{name} ({len(entries):,})")
        if errors:
            tabs.setCurrentIndex(1)
        self.import_button = mark(QPushButton(f"Import {len(tokens):,} tokens"), "primary")
        self.import_button.setEnabled(bool(tokens) and not errors)
        self.import_button.clicked.connect(self.accept)
        cancel = QPushButton("Cancel")
        cancel.setAutoDefault(False)
        cancel.clicked.connect(self.reject)
        buttons = QHBoxLayout()
        buttons.addStretch(1)
        buttons.addWidget(cancel)
        buttons.addWidget(self.import_button)
        layout = QVBoxLayout(self)
        layout.addWidget(self.said)
        layout.addWidget(tabs, 1)
        layout.addLayout(buttons)


def _lines(entries: Iterable[object]) -> list[str]:
    lines = []
    for entry in list(entries)[:MAX_LISTED]:
        row, field, why = (getattr(entry, name) for name in ("row", "field", "why"))
        place = f"row {row}" if row else "file"
        lines.append(f"{place:<8} {field + ': ' if field else ''}{why}")
    return lines
