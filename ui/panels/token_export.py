"""Which tokens go into a file, in which form, and whether key codes are among them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from PySide6.QtWidgets import QButtonGroup, QCheckBox, QComboBox, QRadioButton, QVBoxLayout, QWidget

from bench.errors import BadInput
from bench.tokens.export import ExportForm
from ui.panels.transfer_page import WorkPage
from ui.widgets import RoleLabel

NAMES = {
    ExportForm.CSV: "CSV, all fields",
    ExportForm.JSON: "JSON, all fields",
    ExportForm.CHARGER: "CSV for a charger's own page (idTag, expiry, parent, status)",
    ExportForm.LIST_16: "Local list of OCPP 1.6 (SendLocalList, JSON)",
    ExportForm.LIST_201: "Local list of OCPP 2.0.1 (SendLocalList, JSON)",
}
HINTS = {
    ExportForm.CSV: "Imported again it gives the same tokens. A cell that a spreadsheet would run is written with ' before it.",
    ExportForm.JSON: "The fields of the MaEVe API, one token a line. Imported again it gives the same tokens.",
    ExportForm.CHARGER: "What the pages of many chargers take; each status as OCPP 1.6 says it.",
    ExportForm.LIST_16: "What a station would be sent in full, as version 1. What 1.6 cannot carry is left out, and told.",
    ExportForm.LIST_201: "What a station would be sent in full, as version 1; tokens that are never cached stay out.",
}


class Scope(StrEnum):
    """What is exported."""

    ALL = "all"
    SHOWN = "shown"
    SELECTED = "selected"


@dataclass(frozen=True, slots=True)
class Choice:
    """What was chosen on the page."""

    scope: Scope
    form: ExportForm
    key_codes: bool
    target: Path


class TokenExportPage(WorkPage):
    """Never modal; stays open to say what came of it."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Export tokens", "Export", parent)
        self.scopes = {scope: QRadioButton() for scope in Scope}
        group = QButtonGroup(self)
        what = QVBoxLayout()
        what.setSpacing(6)
        for radio in self.scopes.values():
            group.addButton(radio)
            what.addWidget(radio)
        self.form.addRow("What", what)
        self.format = QComboBox()
        self.format.setAccessibleName("Format")
        for form, name in NAMES.items():
            self.format.addItem(name, form)
        self.hint = RoleLabel("", "muted", delta=-0.5, wrap=True)
        formats = QVBoxLayout()
        formats.setSpacing(4)
        formats.addWidget(self.format)
        formats.addWidget(self.hint)
        self.form.addRow("Format", formats)
        self.key_codes = QCheckBox("Write &key codes too; they are secret")
        self.form.addRow("Key codes", self.key_codes)
        self.file, self.choose, row = self._file_row("File to write")
        self.file.setText(str(Path.home() / "tokens.csv"))
        self.form.addRow("File", row)
        self.format.currentIndexChanged.connect(self._format_changed)
        self._format_changed()

    @property
    def chosen_form(self) -> ExportForm:
        return ExportForm(self.format.currentData())

    def offer(self, total: int, shown: int, selected: int) -> None:
        """How many tokens there are, how many of them the search shows, and how many are selected."""
        for scope, text, count in (
            (Scope.ALL, "The whole store", total),
            (Scope.SHOWN, "What the search shows", shown),
            (Scope.SELECTED, "What is selected", selected),
        ):
            self.scopes[scope].setText(f"{text} · {count:,} token{'s' * (count != 1)}")
        self.scopes[Scope.SHOWN].setEnabled(shown < total)
        self.scopes[Scope.SELECTED].setEnabled(selected > 0)
        best = Scope.SELECTED if selected > 1 else Scope.SHOWN if shown < total else Scope.ALL
        self.scopes[best].setChecked(True)
        self._outcome_row.hide()
        self._fit()

    def choice(self) -> Choice:
        """What was chosen.

        Raises:
            BadInput: no file is named, or it is in no folder.
        """
        text = self.file.text().strip()
        if not text:
            raise BadInput("no file is named", "name one to write to")
        target = Path(text).expanduser()
        target = target if target.is_absolute() else Path.home() / target
        target = target if target.suffix else target.with_suffix(self.chosen_form.ending)
        if not target.parent.is_dir():
            raise BadInput(f"there is no folder {target.parent}", "choose another, or make it")
        self.file.setText(str(target))
        scope = next(scope for scope, radio in self.scopes.items() if radio.isChecked())
        return Choice(scope, self.chosen_form, self.key_codes.isChecked(), target)

    def _format_changed(self) -> None:
        form = self.chosen_form
        self.hint.setText(HINTS[form])
        path = Path(self.file.text())
        if path.suffix in (".csv", ".json"):
            self.file.setText(str(path.with_suffix(form.ending)))
        if self.isVisible():
            self._fit()
