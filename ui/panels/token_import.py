"""What an import would do, shown before it is done, and how its file is read: columns, defaults, tokens that are there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pydantic import ValidationError
from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialog,
    QFormLayout,
    QHBoxLayout,
    QLineEdit,
    QPlainTextEdit,
    QProgressBar,
    QPushButton,
    QSplitter,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from bench.errors import BadInput
from bench.settings import EnrolSettings
from bench.tokens.edits import MAX_TOKENS
from bench.tokens.import_plan import Existing, Outcome, Plan, RowError
from bench.tokens.token_file import FileFormat, Reading, TokenFile
from ui import theme
from ui.dialogs import fit_to_window
from ui.models.import_rows import SAMPLES, ImportRowsModel
from ui.panels.cells import make_table, set_widths
from ui.panels.token_import_columns import ColumnTable
from ui.widgets import ElidedLabel, RoleLabel, buddy_label, mark

if TYPE_CHECKING:
    from ui.transfer import Work

SHOW_MS = 100
MAX_LISTED = 1_000
EXISTING = {
    Existing.UPDATE: "take what the file says, keep the rest",
    Existing.REPLACE: "replace them whole",
    Existing.KEEP: "leave them as they are",
}
ENCODINGS = {
    None: "as the file tells",
    "cp1252": "Windows-1252 (Western European)",
    "utf-16": "UTF-16",
    "utf-8": "UTF-8",
}


class ImportPreview(QDialog):
    """Not modal. A file with a wrong row is not imported at all.

    Signals:
        changed: it is to be read in another way; answered with :meth:`begin` and :meth:`show_plan` or :meth:`fail`.
        ordered: import it. save_errors: the list of wrong rows is wanted as a file.
    """

    changed = Signal()
    ordered = Signal()
    save_errors = Signal()

    def __init__(self, file: str, defaults: EnrolSettings, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(f"Import {file}")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.plan = Plan()
        self.revision = 0  # of the store that the plan was made with
        self._work: Work | None = None
        self._importing = False
        self._sheet = False  # a CSV file was opened, so its first line was judged
        self._timer = QTimer(self)
        self._timer.setInterval(SHOW_MS)
        self._timer.timeout.connect(self._show_progress)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(18, 14, 18, 14)
        layout.setSpacing(10)
        layout.addLayout(self._head(file))
        self.fields = QSplitter(Qt.Orientation.Horizontal)
        self.fields.setChildrenCollapsible(False)
        self.fields.setHandleWidth(12)
        self.fields.addWidget(self._how(defaults))
        self.fields.addWidget(self._outcome())
        self.fields.setSizes([390, 790])
        self.fields.setStretchFactor(1, 1)
        layout.addWidget(self.fields, 1)
        self.said = RoleLabel("", "muted", bold=True, wrap=True)
        self.said.setAccessibleName("What the import would do")
        layout.addWidget(self.said)
        layout.addLayout(self._foot())
        fit_to_window(self, 1200, 640)

    # Building

    def _head(self, file: str) -> QHBoxLayout:
        self.told = RoleLabel("", "muted")
        head = QHBoxLayout()
        head.setSpacing(10)
        name = ElidedLabel(file, bold=True, delta=2, mode=Qt.TextElideMode.ElideMiddle)
        head.addWidget(name, 1)
        head.addWidget(self.told)
        return head

    def _how(self, defaults: EnrolSettings) -> QWidget:
        self.columns = ColumnTable()
        self.columns.chosen.connect(self.changed)
        self.named = QCheckBox("The &first line names the columns")
        self.named.clicked.connect(self.changed)
        self.encoding = _combo("Encoding", ENCODINGS)
        self.existing = _combo("Tokens that are there already", EXISTING)
        for box in (self.encoding, self.existing):
            box.activated.connect(lambda _: self.changed.emit())
        self.country = _line(defaults.country_code, "Country where a row names none", 48)
        self.party = _line(defaults.party_id, "Party where a row names none", 56)
        self.issuer = _line(defaults.issuer, "Issuer where a row names none", 0)
        missing = QHBoxLayout()
        for line in (self.country, self.party, self.issuer):
            line.editingFinished.connect(self._defaults_edited)
            missing.addWidget(line)
        self._defaults = defaults
        form = QFormLayout()
        form.setHorizontalSpacing(12)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        form.addRow("&Encoding", self.encoding)
        form.addRow(buddy_label("&Where none is named", self.country), missing)
        form.addRow("&Already there", self.existing)
        how = QWidget()
        column = QVBoxLayout(how)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addWidget(self.columns, 1)
        column.addWidget(self.named)
        column.addLayout(form)
        return how

    def _outcome(self) -> QWidget:
        self.model = ImportRowsModel(self)
        self.table = make_table("First rows of the file")
        self.table.setModel(self.model)
        set_widths(self.table, SAMPLES)
        self.wrong = _list("Wrong rows")
        self.notes = _list("Notes")
        self.save_button = QPushButton("Save the list…")
        self.save_button.setToolTip("Write line, field and reason of every wrong row as CSV")
        self.save_button.setAutoDefault(False)
        self.save_button.clicked.connect(self.save_errors)
        self._wrong_page = QWidget()
        wrong = QVBoxLayout(self._wrong_page)
        wrong.setContentsMargins(0, 0, 0, 0)
        wrong.setSpacing(6)
        wrong.addWidget(self.wrong, 1)
        wrong.addWidget(self.save_button, 0, Qt.AlignmentFlag.AlignRight)
        self.tabs = QTabWidget()
        self.tabs.addTab(self.table, "First rows")
        self.tabs.addTab(self._wrong_page, "Wrong rows")
        self.tabs.addTab(self.notes, "Notes")
        self._hide_lists()
        return self.tabs

    def _hide_lists(self) -> None:
        """Wrong rows and notes, while there are none."""
        for page in (self._wrong_page, self.notes):
            self.tabs.setTabVisible(self.tabs.indexOf(page), False)

    def _foot(self) -> QHBoxLayout:
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setFixedHeight(10)
        self.bar.setAccessibleName("How far it is")
        self.progress = RoleLabel("", "muted")
        self.import_button = mark(QPushButton("Import"), "primary")
        self.import_button.setDefault(True)
        self.import_button.clicked.connect(self.ordered)
        self.cancel_button = QPushButton("Cancel")
        self.cancel_button.setAutoDefault(False)
        self.cancel_button.clicked.connect(self.reject)
        buttons = QHBoxLayout()
        buttons.setSpacing(8)
        buttons.addWidget(self.bar, 1)
        buttons.addWidget(self.progress)
        buttons.addStretch(1)
        buttons.addWidget(self.cancel_button)
        buttons.addWidget(self.import_button)
        self.bar.hide()
        return buttons

    # What is chosen

    @property
    def chosen(self) -> Existing:
        return Existing(self.existing.currentData())

    def reading(self, *, mapped: bool = True) -> Reading:
        """How to read the file. mapped: with the fields chosen for columns."""
        return Reading(
            mapping=self.columns.mapping() if mapped else {},
            encoding=self.encoding.currentData() or None,
            named=self.named.isChecked() if mapped and self._sheet else None,
            defaults=self._defaults,
        )

    def _defaults_edited(self) -> None:
        try:
            made = EnrolSettings(
                country_code=self.country.text(), party_id=self.party.text(), issuer=self.issuer.text().strip()
            )
        except ValidationError:
            self.fail(BadInput("country, party or issuer cannot be", "2 letters, 3 letters or digits, and a name"))
            return
        if made != self._defaults:
            self._defaults = made
            self.changed.emit()

    # What is found

    def show_file(self, file: TokenFile) -> None:
        """What the file is, and what its columns are taken for."""
        self.told.setText(file.told)
        self._sheet = file.format is FileFormat.CSV
        self.named.setVisible(self._sheet)
        self.named.setChecked(file.named)
        self.columns.show_columns(file.columns, file.mapping, file.samples)

    def begin(self, work: Work, *, importing: bool = False) -> None:
        """Show how far a piece of work is until it ended."""
        self._work = work
        self._importing = importing
        self.fields.setEnabled(not importing)
        self.import_button.setEnabled(False)
        if not importing:
            self.said.set_role("muted")
            self.said.setText("Reading the file…")
        self.bar.show()
        self._show_progress()
        self._timer.start()

    def show_first(self, plan: Plan) -> None:
        """The first rows, while the rest is being read."""
        self.model.show(plan.first)
        self.said.set_role("muted")
        self.said.setText("Reading the rest of the file…")

    def show_plan(self, plan: Plan) -> None:
        """All that the import would do."""
        self._end_work()
        self.plan = plan
        self.model.show(plan.first)
        rows = plan.rows
        self.tabs.setTabText(
            0, f"First {len(plan.first):,} of {rows:,} rows" if rows > len(plan.first) else f"Rows ({rows:,})"
        )
        for page, text_edit, name, entries in (
            (self._wrong_page, self.wrong, "Wrong rows", plan.errors),
            (self.notes, self.notes, "Notes", plan.notes),
        ):
            at = self.tabs.indexOf(page)
            self.tabs.setTabText(at, f"{name} ({len(entries):,})")
            self.tabs.setTabVisible(at, bool(entries))
            text_edit.setPlainText("\n".join(_lines(entries)))
        self.tabs.setCurrentIndex(1 if plan.errors else 0)
        fit = bool(plan.tokens) and not plan.errors
        self.said.set_role("fail" if plan.errors or not rows else "ok")
        self.said.setText(_summary(plan))
        count = len(plan.tokens)
        self.import_button.setText(f"Import {count:,} token{'s' * (count != 1)}" if fit else "Import")
        self.import_button.setEnabled(fit)

    def fail(self, error: Exception) -> None:
        """The file cannot be read so."""
        self._end_work()
        self.plan = Plan()
        self.model.show(())
        self._hide_lists()
        self.tabs.setCurrentIndex(0)
        self.said.set_role("fail")
        self.said.setText(f"✖ {error}")
        self.import_button.setEnabled(False)

    def stopped(self, text: str) -> None:
        """An import ended without anything done."""
        self._end_work()
        self.import_button.setEnabled(bool(self.plan.tokens) and not self.plan.errors)
        self.said.set_role("fail" if text.startswith("✖") else "muted")
        self.said.setText(text)

    def remark(self, text: str) -> None:
        """Say something beside what the import would do."""
        self.said.setText(f"{text}\n{self.said.text()}")

    def reject(self) -> None:
        """Escape or Cancel: an import under way is called off first, and tells so here."""
        if self._work is not None:
            self._work.stop()
            if self._importing:
                self.progress.setText("Stopping")
                return
        super().reject()

    def dismiss(self) -> None:
        """Call off what runs, and leave."""
        if self._work is not None:
            self._work.stop()
        super().reject()

    def _end_work(self) -> None:
        self._timer.stop()
        self._work = None
        self._importing = False
        self.bar.hide()
        self.progress.setText("")
        self.fields.setEnabled(True)

    def _show_progress(self) -> None:
        work = self._work
        if work is not None:
            self.bar.setRange(0, 1000 if work.total else 0)
            self.bar.setValue(1000 * work.done // work.total if work.total else 0)
            percent = f" · {100 * work.done // work.total} %" if work.total else "…"
            self.progress.setText(f"{work.what}{percent}")


def _summary(plan: Plan) -> str:
    if plan.errors:
        wrong = plan.counts[Outcome.WRONG]
        told = "1 row is" if wrong == 1 else f"{wrong:,} rows are"
        more = "" if plan.whole else " so far; the rest was not read"
        return f"✖ {told} wrong{more}. Nothing is imported until the file is in order."
    if not plan.rows:
        return "✖ There is no token in this file."
    parts = [f"{count:,} {outcome}" for outcome, count in plan.counts.items() if count]
    text = f"✔ {plan.rows:,} token{'s' * (plan.rows != 1)}: {', '.join(parts)}."
    if len(plan.tokens) > MAX_TOKENS:
        text += f" Over {MAX_TOKENS:,} tokens cannot be taken back with Ctrl+Z: export the store first."
    return text


def _combo(name: str, entries: dict[Existing, str] | dict[None, str] | dict[str | None, str]) -> QComboBox:
    box = QComboBox()
    box.setAccessibleName(name)
    box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    for value, text in entries.items():
        box.addItem(text, value)
    return box


def _line(text: str, name: str, width: int) -> QLineEdit:
    line = QLineEdit(text)
    line.setAccessibleName(name)
    line.setToolTip(name)
    line.setMaxLength(64)
    if width:
        line.setFixedWidth(width)
    return line


def _list(name: str) -> QPlainTextEdit:
    made = QPlainTextEdit()
    made.setReadOnly(True)
    made.setFont(theme.mono_font(-0.25))
    made.setAccessibleName(name)
    return made


def _lines(entries: Sequence[RowError]) -> list[str]:
    return [
        f"{f'row {entry.row}' if entry.row else 'file':<10} {f'{entry.field}: ' if entry.field else ''}{entry.why}"
        for entry in entries[:MAX_LISTED]
    ]
