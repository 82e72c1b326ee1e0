"""How a reader is set up: its driver, port, baud rate, and the driver's own options."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QIntValidator
from PySide6.QtWidgets import (
    QComboBox,
    QFormLayout,
    QGridLayout,
    QHBoxLayout,
    QLineEdit,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from bench.serial_port import DriverFacts, Option
from bench.settings import ReaderSettings
from ui import theme
from ui.widgets import ElidedLabel, RoleLabel, mark

MAX_TEXT = 200
MAX_BAUD = 4_000_000
AREA_HEIGHT = 30
"""Least room for the options, in pixels: one of them; in a low window they scroll."""
ACRONYMS = {"crc": "CRC", "uid": "UID", "iso15693": "ISO 15693"}


class ReaderSetup(QWidget):
    """A form for :class:`bench.settings.ReaderSettings`.

    Signals:
        wanted: use a reader with these settings. detect_wanted: find out what is on that port. drop_wanted: let go of it.
    """

    wanted = Signal(object)
    detect_wanted = Signal(str)
    drop_wanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._drivers: Mapping[str, DriverFacts] = {}
        self._options: dict[str, QComboBox | QLineEdit] = {}
        self._shown_port = ""
        self.driver = QComboBox()
        self.driver.setAccessibleName("Driver of the reader")
        self.driver.currentTextChanged.connect(lambda name: self._driver_chosen(name))
        self.reads = ElidedLabel("", "muted")
        self.port = QLineEdit()
        self.port.setFont(theme.mono_font())
        self.port.setMaxLength(MAX_TEXT)
        self.port.setPlaceholderText("/dev/ttyUSB0, COM3 or socket://host:port")
        self.port.setAccessibleName("Port of the reader")
        self.port.textChanged.connect(lambda text: self._enable())
        self.baud = QComboBox()
        self.baud.setEditable(True)
        self.baud.setAccessibleName("Baud rate")
        self.baud.setValidator(QIntValidator(1, MAX_BAUD, self.baud))
        self.baud.editTextChanged.connect(lambda text: self._enable())
        self.use_button = mark(QPushButton("Use"), "primary")
        self.use_button.setToolTip("Open this port with this driver; a reader that has it ends before")
        self.use_button.clicked.connect(self._use)
        self.detect_button = QPushButton("Detect")
        self.detect_button.setToolTip(
            "Listen on this port, then ask, to find out which reader is there. Hold a card to it. No other port is touched."
        )
        self.detect_button.clicked.connect(lambda: self.detect_wanted.emit(self.port.text().strip()))
        self.drop_button = QPushButton("Let go")
        self.drop_button.setToolTip("End this reader and free its port")
        self.drop_button.clicked.connect(self.drop_wanted)
        # Above the options, which scroll: a notice at the foot of the window never lies over the buttons.
        fixed = QGridLayout()
        fixed.setColumnStretch(1, 1)
        where = QHBoxLayout()
        where.addWidget(self.port, 1)
        where.addWidget(self.detect_button)
        where.addWidget(self.use_button)
        where.addWidget(self.drop_button)
        kind = QHBoxLayout()
        kind.setSpacing(8)
        kind.addWidget(self.driver)
        kind.addWidget(RoleLabel("Baud rate"))
        kind.addWidget(self.baud)
        kind.addWidget(self.reads, 1)
        fixed.addWidget(RoleLabel("Port"), 0, 0)
        fixed.addLayout(where, 0, 1)
        fixed.addWidget(RoleLabel("Driver"), 1, 0)
        fixed.addLayout(kind, 1, 1)
        self._form = QFormLayout()
        self._form.setContentsMargins(0, 0, 0, 0)
        self._form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.ExpandingFieldsGrow)
        self._form.setVerticalSpacing(4)
        inner = QWidget()
        inner.setLayout(self._form)
        area = QScrollArea()
        area.setWidget(inner)
        area.setWidgetResizable(True)
        area.setFrameShape(QScrollArea.Shape.NoFrame)
        area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        area.setMinimumHeight(AREA_HEIGHT)
        area.viewport().setAutoFillBackground(False)
        inner.setAutoFillBackground(False)
        column = QVBoxLayout(self)
        column.setContentsMargins(10, 6, 10, 6)
        column.setSpacing(6)
        column.addLayout(fixed)
        column.addWidget(area, 1)
        stops = (self.port, self.detect_button, self.use_button, self.drop_button, self.driver, self.baud)
        for before, after in pairwise(stops):
            QWidget.setTabOrder(before, after)
        self._enable()

    def set_drivers(self, drivers: Mapping[str, DriverFacts]) -> None:
        """What may be chosen."""
        self._drivers = drivers
        chosen = self.driver.currentText()
        self.driver.blockSignals(True)
        self.driver.clear()
        self.driver.addItems(list(drivers))
        for at, facts in enumerate(drivers.values()):
            self.driver.setItemData(at, facts.reads, Qt.ItemDataRole.ToolTipRole)
        self.driver.setCurrentText(chosen)
        self.driver.blockSignals(False)
        self._driver_chosen(self.driver.currentText())

    def show_settings(self, settings: ReaderSettings, *, running: bool) -> None:
        """Fill in. running: a reader of these settings is there to be let go."""
        self.port.setText(settings.port)
        if settings.driver in self._drivers:
            self.driver.setCurrentText(settings.driver)
            self._driver_chosen(settings.driver)
        if settings.baud is not None:
            self.baud.setCurrentText(str(settings.baud))
        for name, value in settings.options.items():
            editor = self._options.get(name)
            if isinstance(editor, QComboBox):
                editor.setCurrentText(value)
            elif editor is not None:
                editor.setText(value)
        self.show_running(running)
        self._shown_port = settings.port

    def show_running(self, running: bool) -> None:
        """Whether a reader is there to be let go."""
        self.drop_button.setEnabled(running)
        self.use_button.setText("Use again" if running else "Use")

    @property
    def edited(self) -> bool:
        """Whether the operator has begun to name another port than the one that was filled in."""
        return self.port.text() != self._shown_port

    def settings(self) -> ReaderSettings | None:
        """As filled in, or None while something is missing or wrong."""
        port, baud = self.port.text().strip(), self.baud.currentText().strip()
        is_rate = baud.isascii() and baud.isdigit() and len(baud) < 10 and int(baud) > 0
        if not port or not self.driver.currentText() or not is_rate:
            return None
        options = {
            name: editor.currentText() if isinstance(editor, QComboBox) else editor.text()
            for name, editor in self._options.items()
        }
        return ReaderSettings(driver=self.driver.currentText(), port=port, baud=int(baud), options=options)

    def _driver_chosen(self, name: str) -> None:
        facts = self._drivers.get(name)
        self.reads.set_text("" if facts is None else facts.reads)
        self.baud.clear()
        if facts is not None:
            self.baud.addItems([str(baud) for baud in facts.bauds])
        while self._form.rowCount():
            self._form.removeRow(self._form.rowCount() - 1)
        self._options.clear()
        for option in facts.options if facts is not None else ():
            self._form.addRow(ACRONYMS.get(option.name, option.name.capitalize()), self._editor(option))
        self._enable()

    def _editor(self, option: Option) -> QWidget:
        editor: QComboBox | QLineEdit
        if option.choices:
            editor = QComboBox()
            editor.addItems(list(option.choices))
            editor.setCurrentText(option.default)
        else:
            editor = QLineEdit(option.default)
            editor.setMaxLength(MAX_TEXT)
        editor.setToolTip(option.text)
        editor.setAccessibleName(f"{option.name}: {option.text}")
        self._options[option.name] = editor
        return editor

    def _enable(self) -> None:
        self.use_button.setEnabled(self.settings() is not None)
        self.detect_button.setEnabled(bool(self.port.text().strip()))

    def _use(self) -> None:
        settings = self.settings()
        if settings is not None:
            self.wanted.emit(settings)
