"""Certificates in one click: a CA, a server certificate for this computer and one for each station."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialog,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QLineEdit,
    QPlainTextEdit,
    QPushButton,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from bench.certificate_set import CertificateFiles, CertificatesWanted
from ui import theme
from ui.widgets import RoleLabel, mark

DAYS = 825
MAX_DAYS = 3650
KEY_TYPES = (("EC P-256 (ECDSA)", "ec"), ("RSA 2048, for stations that only take that", "rsa"))
LEVELS = (("3: TLS with station certificates", 3), ("2: TLS with passwords", 2))


class CertificatesDialog(QDialog):
    """Shown with ``open()``; never blocks. What is typed stays until it is closed for good.

    Signals:
        make_asked: a :class:`CertificatesWanted`. use_asked: the :class:`CertificateFiles` made and the security profile.
    """

    make_asked = Signal(object)
    use_asked = Signal(object, int)

    def __init__(self, folder: Path, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Make certificates")
        self._files: CertificateFiles | None = None
        self._build(folder)
        self._enable()

    def suggest(self, hosts: list[str], stations: list[str]) -> None:
        """Fill in names, where the operator has not typed any."""
        for line, names in ((self.hosts, hosts), (self.stations, stations)):
            if not line.isModified():
                line.setText(", ".join(names))

    @property
    def wanted(self) -> CertificatesWanted:
        return CertificatesWanted(
            Path(self.folder.text().strip()).expanduser(),
            names_in(self.hosts.text().replace(" ", ",")),
            names_in(self.stations.text()),
            self.days.value(),
            self.key_type.currentData(),
            self.replace.isChecked(),
        )

    def show_busy(self) -> None:
        self.make_button.setEnabled(False)
        self._say("muted", "Making them…")

    def show_made(self, files: CertificateFiles) -> None:
        """The files, each with what it is for."""
        self._files = files
        lines = [
            f"{files.ca}\n    the CA: install this one in the stations",
            f"{files.server}\n    of this bench, its key beside it: {files.server_key.name}",
        ]
        lines += [
            f"{file}\n    for station {name}, its key beside it: {key.name}" for name, file, key in files.stations
        ]
        self.made.setPlainText("\n".join(lines))
        self.level.setCurrentIndex(0 if files.stations else 1)
        self._say("ok", f"✔ {2 + len(files.stations)} certificates are in {files.ca.parent}")
        self._enable()

    def show_fault(self, text: str) -> None:
        self._say("fail", f"✖ {text}")
        self._enable()

    def show_used(self, text: str) -> None:
        self._say("ok", f"✔ {text}")

    # Building

    def _build(self, folder: Path) -> None:
        self.folder = QLineEdit(str(folder))
        self.folder.setAccessibleName("Folder for the certificates")
        self.folder.textChanged.connect(lambda text: self._enable())
        self.browse_button = QPushButton("Choose…")
        self.browse_button.clicked.connect(self._browse)
        where = QHBoxLayout()
        where.setSpacing(6)
        where.addWidget(self.folder, 1)
        where.addWidget(self.browse_button)
        self.hosts = QLineEdit()
        self.hosts.setAccessibleName("Names and addresses of this computer")
        self.hosts.setToolTip("What stations type as the host of the URL; loopback is always added")
        self.stations = QLineEdit()
        self.stations.setAccessibleName("Stations")
        self.stations.setToolTip("The common name: a station's serial number (OCPP 2.0.1 A00.FR.405), or its id")
        self.stations.setPlaceholderText("serial numbers or ids; none for security profile 2")
        self.days = QSpinBox()
        self.days.setRange(1, MAX_DAYS)
        self.days.setValue(DAYS)
        self.days.setSuffix(" days")
        self.days.setButtonSymbols(QSpinBox.ButtonSymbols.NoButtons)
        self.days.setAccessibleName("Term of the certificates")
        self.key_type = QComboBox()
        for words, kind in KEY_TYPES:
            self.key_type.addItem(words, kind)
        self.key_type.setAccessibleName("Type of the keys")
        self.replace = QCheckBox("Replace what is there, the CA too")
        self.replace.setToolTip("Stations with certificates of the old CA are refused from then on")
        form = QFormLayout()
        form.setHorizontalSpacing(12)
        form.setVerticalSpacing(8)
        form.addRow("Folder", where)
        form.addRow("This computer", self.hosts)
        form.addRow("Stations", self.stations)
        form.addRow("Term", self.days)
        form.addRow("Keys", self.key_type)
        form.addRow("", self.replace)

        self.said = RoleLabel("", "muted", wrap=True)
        self.said.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.said.setAccessibleName("What came of it")
        self.made = QPlainTextEdit()
        self.made.setReadOnly(True)
        self.made.setFont(theme.mono_font(-0.5))
        self.made.setTabChangesFocus(True)
        self.made.setAccessibleName("Files made")
        self.made.setPlaceholderText("The files are listed here, each with what it is for.")
        self.made.setMinimumHeight(130)

        self.make_button = mark(QPushButton("Make certificates"), "primary")
        self.make_button.clicked.connect(lambda checked=False: self.make_asked.emit(self.wanted))
        self.level = QComboBox()
        for words, level in LEVELS:
            self.level.addItem(words, level)
        self.level.setAccessibleName("Security profile to use them with")
        self.use_button = QPushButton("Use them in this profile")
        self.use_button.setToolTip("Writes [ocpp.security] of the profile file; comments in that file are lost")
        self.use_button.clicked.connect(self._use)
        close = QPushButton("Close")
        close.clicked.connect(self.reject)
        buttons = QHBoxLayout()
        for widget in (self.make_button, self.level, self.use_button):
            buttons.addWidget(widget)
        buttons.addStretch(1)
        buttons.addWidget(close)
        for button in (self.make_button, self.use_button, self.browse_button, close):
            button.setAutoDefault(False)
        column = QVBoxLayout(self)
        column.setContentsMargins(22, 20, 22, 20)
        column.setSpacing(10)
        column.addWidget(RoleLabel("Make certificates", bold=True, delta=4))
        words = "A CA, a certificate of this bench for wss://, and one for each station. A CA that is in the folder is used again."
        column.addWidget(RoleLabel(words, "muted", wrap=True))
        column.addLayout(form)
        column.addWidget(self.made, 1)
        column.addWidget(self.said)
        column.addLayout(buttons)
        self.setMinimumWidth(720)

    # Inside

    def _enable(self) -> None:
        self.make_button.setEnabled(bool(self.folder.text().strip()))
        for widget in (self.level, self.use_button):
            widget.setEnabled(self._files is not None)

    def _say(self, role: str, text: str) -> None:
        self.said.set_role(role)
        self.said.setText(text)

    def _use(self) -> None:
        if self._files is not None:
            self.use_asked.emit(self._files, self.level.currentData())

    def _browse(self) -> None:
        chooser = QFileDialog(self, "Folder for the certificates", self.folder.text())
        chooser.setFileMode(QFileDialog.FileMode.Directory)
        chooser.setOption(QFileDialog.Option.ShowDirsOnly)
        chooser.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        chooser.fileSelected.connect(self.folder.setText)
        chooser.open()


def names_in(text: str) -> tuple[str, ...]:
    """What is listed with commas or semicolons, each once. A serial number may hold spaces."""
    return tuple(dict.fromkeys(name.strip() for name in text.replace(";", ",").split(",") if name.strip()))
