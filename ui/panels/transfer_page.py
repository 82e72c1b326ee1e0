"""The pages of export and import: what, how, where to; how far it is; what came of it. Never modal."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QHideEvent, QShowEvent
from PySide6.QtWidgets import (
    QButtonGroup,
    QCheckBox,
    QComboBox,
    QDialog,
    QFormLayout,
    QHBoxLayout,
    QLineEdit,
    QProgressBar,
    QPushButton,
    QRadioButton,
    QVBoxLayout,
    QWidget,
)

from bench.errors import BadInput
from bench.journal.formats.convert import Form, form_of
from ui import theme
from ui.widgets import SEVERITY_BADGES, ElidedLabel, GlyphLabel, RoleLabel, mark

if TYPE_CHECKING:
    from ui.transfer import Work

SHOW_MS = 100
OFFER_MS = 500
MAX_SUGGESTIONS = 1000

ENDS = {Form.LOSSLESS: ".jsonl", Form.TRACE: ".trace.jsonl", Form.CSV: ".csv"}
NAMES = {
    Form.LOSSLESS: "Authbench JSON Lines (.jsonl), lossless",
    Form.TRACE: "Open OCPP Trace (.trace.jsonl)",
    Form.CSV: "Rows as CSV (.csv)",
}
HINTS = {
    Form.LOSSLESS: "Every byte, exchange and note. Imported again it gives the same capture.",
    Form.TRACE: "OCPP messages only, in the neutral format that other tools read.",
    Form.CSV: "The columns of the table for a spreadsheet, without payloads. Key codes, PINs and passwords stay masked.",
}
SOURCES = {
    None: "By its content",
    Form.LOSSLESS: "Authbench JSON Lines",
    Form.TRACE: "Open OCPP Trace",
    Form.CSV: "Rows as CSV",
    Form.PLAIN: "Log of OCPP arrays, one a line",
}
REDACTED_AT_FIRST = {Form.LOSSLESS: False, Form.TRACE: True, Form.CSV: False}
"""A trace carries whole payloads and is made to be handed on. The lossless form is the copy of a capture one keeps, and rows
show what the table shows, in which secrets are masked already."""


class Scope(StrEnum):
    """What is exported."""

    WHOLE = "whole"
    FILTER = "filter"
    ROWS = "rows"


@dataclass(frozen=True, slots=True)
class Choice:
    """What was chosen on the page."""

    scope: Scope
    form: Form
    redact: bool
    target: Path


class WorkPage(QDialog):
    """Fields, one order that runs beside the loop, a bar, and what came of it. Shown with :meth:`present`.

    Signals:
        ordered: the operator wants it done; answered with :meth:`begin` and :meth:`finish`.
        choose_file: a file is to be asked for.
    """

    ordered = Signal()
    choose_file = Signal()

    def __init__(self, title: str, order: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(title)
        self._work: Work | None = None
        self._timer = QTimer(self)
        self._timer.setInterval(SHOW_MS)
        self._timer.timeout.connect(self._show_progress)
        column = QVBoxLayout(self)
        column.setContentsMargins(22, 18, 22, 18)
        column.setSpacing(12)
        column.addWidget(RoleLabel(title, bold=True, delta=3))
        self.fields = QWidget()
        self.form = QFormLayout(self.fields)
        self.form.setContentsMargins(0, 0, 0, 0)
        self.form.setHorizontalSpacing(16)
        self.form.setVerticalSpacing(10)
        self.form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        column.addWidget(self.fields)
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setFixedHeight(10)
        self.bar.setAccessibleName("How far it is")
        self.progress = RoleLabel("", "muted")
        self._progress_row = QWidget()
        progress = QVBoxLayout(self._progress_row)
        progress.setContentsMargins(0, 0, 0, 0)
        progress.setSpacing(4)
        progress.addWidget(self.bar)
        progress.addWidget(self.progress)
        column.addWidget(self._progress_row)
        self._sign = GlyphLabel("info", "info", 15)
        self.outcome = RoleLabel("", wrap=True)
        self.outcome.setAccessibleName("What came of it")
        self.outcome.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._outcome_row = QWidget()
        outcome = QHBoxLayout(self._outcome_row)
        outcome.setContentsMargins(0, 0, 0, 0)
        outcome.setSpacing(9)
        outcome.addWidget(self._sign, 0, Qt.AlignmentFlag.AlignTop)
        outcome.addWidget(self.outcome, 1)
        column.addWidget(self._outcome_row)
        column.addStretch(1)
        buttons = QHBoxLayout()
        buttons.setSpacing(8)
        buttons.addStretch(1)
        self.close_button = QPushButton("Close")
        self.close_button.setAutoDefault(False)
        self.order_button = mark(QPushButton(order), "primary")
        self.order_button.setDefault(True)
        buttons.addWidget(self.close_button)
        buttons.addWidget(self.order_button)
        column.addLayout(buttons)
        self.close_button.clicked.connect(self.reject)
        self.order_button.clicked.connect(self.ordered)
        self._progress_row.hide()
        self._outcome_row.hide()
        self.setMinimumWidth(600)

    @property
    def running(self) -> bool:
        return self._work is not None

    def present(self) -> None:
        """Show it, or bring it to the front; waits for nothing."""
        self.show()
        self.raise_()
        self.activateWindow()
        self.order_button.setFocus()

    def dismiss(self) -> None:
        """Call off what runs, and leave."""
        if self._work is not None:
            self._work.stop()
        self.hide()

    def begin(self, work: Work) -> None:
        """Show how far a piece of work is until :meth:`finish`."""
        self._work = work
        self._outcome_row.hide()
        self.fields.setEnabled(False)
        self.order_button.setEnabled(False)
        self.close_button.setText("Cancel")
        self._progress_row.show()
        self._show_progress()
        self._fit()
        self._timer.start()

    def finish(self, severity: str, text: str) -> None:
        """It ended; say how (``info ok warn fail``)."""
        self._timer.stop()
        self._work = None
        self._progress_row.hide()
        self.fields.setEnabled(True)
        self.order_button.setEnabled(True)
        self.close_button.setText("Close")
        self.tell(severity, text)

    def tell(self, severity: str, text: str) -> None:
        """Say something below the fields."""
        badge = SEVERITY_BADGES[severity]
        self._sign.set_glyph(badge.glyph, badge.role)
        self.outcome.set_role("text" if severity == "info" else badge.role)
        self.outcome.setText(text)
        self._outcome_row.show()
        self._fit()

    def reject(self) -> None:
        """Escape, Cancel or Close: what runs is called off first and tells so here."""
        if self._work is not None:
            self._work.stop()
            self.progress.setText("Stopping")
        else:
            super().reject()

    def _show_progress(self) -> None:
        work = self._work
        if work is None:
            return
        done, total = work.done, work.total
        self.bar.setRange(0, 1000 if total else 0)
        self.bar.setValue(1000 * min(done, total) // total if total else 0)
        self.progress.setText(f"{work.what} · {100 * min(done, total) // total} %" if total else f"{work.what}…")

    def _fit(self) -> None:
        """As high as the words need, never narrower than it was made by hand."""
        self.layout().activate()
        height = self.layout().totalHeightForWidth(self.width()) if self.layout().hasHeightForWidth() else 0
        self.resize(self.width(), max(height, self.sizeHint().height()))

    def _file_row(self, name: str) -> tuple[QLineEdit, QPushButton, QHBoxLayout]:
        line = QLineEdit()
        line.setFont(theme.mono_font(-0.25))
        line.setAccessibleName(name)
        button = QPushButton("Choose…")
        button.setAutoDefault(False)
        button.clicked.connect(self.choose_file)
        row = QHBoxLayout()
        row.setSpacing(7)
        row.addWidget(line, 1)
        row.addWidget(button)
        return line, button, row


class ExportPage(WorkPage):
    """What of a session goes into a file, in which format, redacted or not.

    Signals:
        stale: messages may have come and rows with them; answered with :meth:`offer`.
    """

    stale = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Export", "Export", parent)
        self._redact = dict(REDACTED_AT_FIRST)
        self._folder: Path | None = None
        self._suggested = ""
        self._again = QTimer(self)
        self._again.setInterval(OFFER_MS)
        self._again.timeout.connect(self.stale)
        self.scopes = {scope: QRadioButton() for scope in Scope}
        group = QButtonGroup(self)
        what = QVBoxLayout()
        what.setSpacing(6)
        for radio in self.scopes.values():
            group.addButton(radio)
            what.addWidget(radio)
        self.scopes[Scope.WHOLE].setChecked(True)
        self.scopes[Scope.ROWS].setToolTip("As filtered, with or without the polls of the reader, in their order")
        self.filter_text = ElidedLabel("", "in", mono=True, delta=-0.25)
        shown = QHBoxLayout()
        shown.setContentsMargins(24, 0, 0, 0)
        shown.addWidget(self.filter_text)
        what.insertLayout(2, shown)
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
        self.redact = QCheckBox("Replace card &UIDs, key codes, PINs and passwords by pseudonyms")
        self.redact.setToolTip(
            "Equal values get equal pseudonyms of the same shape, so the story can still be followed"
        )
        self.form.addRow("Redact", self.redact)
        self.file, self.choose, row = self._file_row("File to write")
        self.form.addRow("File", row)
        self.format.currentIndexChanged.connect(self._format_changed)
        self.redact.clicked.connect(self._redact_chosen)
        self._format_changed()

    @property
    def chosen_form(self) -> Form:
        return Form(self.format.currentData())

    def offer(self, messages: int, filter_text: str, rows: int, *, recorded: bool) -> None:
        """What there is: how many messages and rows, and the filter in force. recorded: in a capture, not only in memory."""
        whole = "The whole capture" if recorded else "What is in memory (nothing is recorded)"
        self.scopes[Scope.WHOLE].setText(f"{whole} · {messages:,} message{'s' * (messages != 1)}")
        by_filter = self.scopes[Scope.FILTER]
        by_filter.setText(
            "What the filter lets through" if filter_text else "What the filter lets through · none is set"
        )
        by_filter.setEnabled(bool(filter_text))
        self.filter_text.setVisible(bool(filter_text))
        self.filter_text.set_text(filter_text)
        self.scopes[Scope.ROWS].setText(f"The rows of the table as it stands · {rows:,} row{'s' * (rows != 1)}")
        if self._scope() is Scope.FILTER and not filter_text:
            self.scopes[Scope.WHOLE].setChecked(True)  # which is what no filter lets through

    def begin_with(self, *, rows: bool) -> None:
        """Forget what came of the last one; rows: offer the rows of the table, as CSV."""
        self._outcome_row.hide()
        if rows:
            self.scopes[Scope.ROWS].setChecked(True)
            self.format.setCurrentIndex(self.format.findData(Form.CSV))
        self._fit()

    def suggest(self, capture: Path | None) -> None:
        """A file beside the capture, or where the last one went; a name that was typed stays."""
        if self.file.text() and self.file.text() != self._suggested:
            return
        beside = capture.absolute().parent if capture is not None else Path.home()
        if beside.is_relative_to(tempfile.gettempdir()):
            beside = Path.home()  # the demo's capture goes with the demo, and its folder too
        folder = self._folder or beside
        name = capture.stem if capture is not None else "session"
        self._suggested = str(folder / f"{name}{ENDS[self.chosen_form]}")
        self.file.setText(self._suggested)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._again.start()

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self._again.stop()

    def choice(self) -> Choice:
        """What was chosen.

        Raises:
            BadInput: no file is named, or it is in no folder.
        """
        text = self.file.text().strip()
        if not text:
            raise BadInput("no file is named", "name one to write to")
        target = Path(text).expanduser()
        if not target.suffix:
            target = target.with_name(target.name + ENDS[self.chosen_form])
        target = target if target.is_absolute() else (self._folder or Path.home()) / target
        if not target.parent.is_dir():
            raise BadInput(f"there is no folder {target.parent}", "choose another, or make it")
        self._folder = target.parent
        self.file.setText(str(target))
        return Choice(self._scope(), self.chosen_form, self.redact.isChecked(), target)

    def name_filters(self) -> str:
        """For the file dialog."""
        return f"{NAMES[self.chosen_form].partition(' (')[0]} (*{ENDS[self.chosen_form]});;All files (*)"

    def remembered(self) -> dict[str, str]:
        values = {"format": str(self.chosen_form), "folder": str(self._folder or "")}
        return values | {f"redact.{form}": "yes" if on else "no" for form, on in self._redact.items()}

    def recall(self, values: dict[str, str]) -> None:
        folder = values.get("folder", "")
        self._folder = Path(folder) if folder and Path(folder).is_dir() else None
        for form in self._redact:
            if (kept := values.get(f"redact.{form}")) in ("yes", "no"):
                self._redact[form] = kept == "yes"
        at = self.format.findData(values.get("format", ""))
        self.format.setCurrentIndex(max(0, at))
        self._format_changed()

    def _scope(self) -> Scope:
        return next(scope for scope, radio in self.scopes.items() if radio.isChecked())

    def _format_changed(self) -> None:
        form = self.chosen_form
        self.hint.setText(HINTS[form])
        if self.isVisible():
            self._fit()  # the words may take another line
        self.redact.setChecked(self._redact[form])
        path = self.file.text()
        for ends in sorted(ENDS.values(), key=len, reverse=True):
            if path.endswith(ends):
                suggested = path == self._suggested
                self.file.setText(path.removesuffix(ends) + ENDS[form])
                self._suggested = self.file.text() if suggested else self._suggested
                break

    def _redact_chosen(self, on: bool) -> None:
        self._redact[self.chosen_form] = on


class ImportPage(WorkPage):
    """Which file becomes a capture, and where that goes."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Import", "Import", parent)
        self.source = Path()
        self.source_label = ElidedLabel("", mono=True, delta=-0.25, mode=Qt.TextElideMode.ElideMiddle)
        self.kind = RoleLabel("", "muted", delta=-0.5, wrap=True)
        told = QVBoxLayout()
        told.setSpacing(4)
        told.addWidget(self.source_label)
        told.addWidget(self.kind)
        self.form.addRow("File", told)
        self.format = QComboBox()
        self.format.setAccessibleName("Format of the file")
        self.format.setToolTip("Name it where neither the content nor the name of the file tells")
        for kind, name in SOURCES.items():
            self.format.addItem(name, kind)
        self.form.addRow("Format", self.format)
        self.file, self.choose, row = self._file_row("New capture")
        self.form.addRow("New capture", row)
        self.open_after = QCheckBox("&Open it then")
        self.open_after.setChecked(True)
        self.form.addRow("", self.open_after)

    def suggest(self, source: Path, *, busy: bool) -> None:
        """A file to import, and a new capture beside it. busy: something runs or is shown that the capture would replace."""
        self.source = source
        self.source_label.set_text(str(source))
        words = {
            Form.TRACE: "An Open OCPP Trace, by its name.",
            Form.LOSSLESS: "JSON Lines: an export of Authbench or a trace; its first line tells.",
            Form.CSV: "Rows: what was summarised, without payloads.",
            Form.PLAIN: "A log: OCPP arrays, one a line, in order. What else stands in a line is skipped.",
        }
        form = form_of(source)
        self.kind.setText("Its content tells the format." if form is None else words[form])
        self.format.setCurrentIndex(0)
        self.file.setText(str(_unused(source)))
        self.open_after.setText("&Open it then, in place of what is shown now" if busy else "&Open it then")
        self._outcome_row.hide()
        self._fit()

    @property
    def chosen_form(self) -> Form | None:
        """The format that was named; None where the file tells it."""
        value = self.format.currentData()
        return None if value is None else Form(value)

    def target(self) -> Path:
        """The capture to make.

        Raises:
            BadInput: none is named, or it exists.
        """
        text = self.file.text().strip()
        if not text:
            raise BadInput("no capture is named", "name a new file for it")
        target = Path(text).expanduser()
        target = target if target.is_absolute() else self.source.absolute().parent / target
        target = target if target.suffix else target.with_name(f"{target.name}.db")
        if target.exists():
            raise BadInput(f"{target} exists already", "name a new file: captures are never overwritten")
        self.file.setText(str(target))
        return target


def _unused(source: Path) -> Path:
    """A name beside a file for the capture made of it."""
    name = source.name
    for ends in (".trace.jsonl", source.suffix):
        if ends and name.lower().endswith(ends.lower()):
            name = name[: -len(ends)]
            break
    folder = source.absolute().parent
    candidates = [folder / f"{name}.db", *(folder / f"{name}-{n}.db" for n in range(2, MAX_SUGGESTIONS))]
    return next((path for path in candidates if not path.exists()), candidates[-1])
