"""The connect page: the addresses of this laptop and the exact URL to type into the charger, with a QR code."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import segno
from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QGuiApplication, QPainter, QPaintEvent
from PySide6.QtNetwork import QAbstractSocket, QNetworkInterface
from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QFormLayout,
    QHBoxLayout,
    QLineEdit,
    QPushButton,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from ui import theme
from ui.widgets import RoleLabel, mark

if TYPE_CHECKING:
    from bench.session import Session

STATION_LIMIT = 48
"""OCPP 2.0.1 Part 4, 3.1.1: a station's identity in the URL has at most 48 characters."""


@dataclass(frozen=True, slots=True)
class Address:
    """An address of this computer. loopback: only programs on it can use that one."""

    ip: str
    interface: str
    loopback: bool

    @property
    def label(self) -> str:
        return f"{self.ip}   (this computer only)" if self.loopback else f"{self.ip}   ({self.interface})"


def local_addresses() -> list[Address]:
    """IPv4 addresses of interfaces that are up, those a charger can reach first."""
    found = []
    for interface in QNetworkInterface.allInterfaces():
        flags = interface.flags()
        if not flags & QNetworkInterface.InterfaceFlag.IsUp:
            continue
        for entry in interface.addressEntries():
            address = entry.ip()
            if address.protocol() is QAbstractSocket.NetworkLayerProtocol.IPv4Protocol:
                found.append(Address(address.toString(), interface.humanReadableName(), address.isLoopback()))
    if not any(address.loopback for address in found):
        found.append(Address("127.0.0.1", "lo", True))
    return sorted(found, key=lambda address: (address.loopback, address.ip))


class ConnectPage(QDialog):
    """What to type into the charger. Shown with ``open()``; never blocks.

    Signals:
        listen_requested: ``HOST:PORT`` the OCPP listener should bind instead. certificates_requested: for ``wss://``.
    """

    listen_requested = Signal(str)
    certificates_requested = Signal()

    def __init__(self, parent: QWidget | None = None, addresses: list[Address] | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Connect a charger")
        self._bound_host = "127.0.0.1"
        self._port = 9000
        self._scheme = "ws"
        self._given = addresses
        self._build()
        self.address.currentIndexChanged.connect(self._show)
        self.station.textChanged.connect(self._show)
        theme.on_change(self.qr.update)

    def show_session(self, session: Session | None) -> None:
        """Take over where the bench listens. Without a session, what a fresh one would use."""
        if session is not None:
            server = getattr(session, "server", None)
            listen = server.url if server is not None else f"ws://{session.profile.ocpp.listen}"
            parts = urlsplit(listen)
            self._scheme = parts.scheme or "ws"
            self._bound_host = parts.hostname or "127.0.0.1"
            self._port = parts.port or 9000
            bus = getattr(session, "bus", None)
            self.bus.setText(bus.url if bus is not None else "off")
            if not self.station.isModified():
                self.station.setText(session.profile.charger.identity)
        self._fill_addresses()
        self._show()

    @property
    def url(self) -> str:
        """The URL to type into the charger."""
        return f"{self._scheme}://{self._chosen().ip}:{self._port}/{self.station.text().strip()}"

    def _build(self) -> None:
        layout = QHBoxLayout(self)
        layout.setContentsMargins(22, 20, 22, 20)
        layout.setSpacing(22)
        words = QVBoxLayout()
        words.setSpacing(10)
        words.addWidget(RoleLabel("Connect a charger", bold=True, delta=4))
        words.addWidget(
            RoleLabel("Type this URL into the charger as the address of its central system (CSMS).", "muted", wrap=True)
        )
        self.url_label = RoleLabel("", "in", mono=True, delta=2.5, wrap=True)
        self.url_label.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        words.addWidget(self.url_label)
        form = QFormLayout()
        form.setHorizontalSpacing(12)
        form.setVerticalSpacing(8)
        self.address = QComboBox()
        self.address.setAccessibleName("Address of this computer")
        form.addRow("Address", self.address)
        self.station = QLineEdit("CP-001")
        self.station.setMaxLength(STATION_LIMIT)
        self.station.setAccessibleName("Identity of the station")
        form.addRow("Station", self.station)
        self.bus = RoleLabel("", mono=True)
        form.addRow("Josev bus", self.bus)
        words.addLayout(form)
        self.note = RoleLabel("", "muted", wrap=True)
        words.addWidget(self.note)
        words.addStretch(1)
        buttons = QHBoxLayout()
        self.listen_button = mark(QPushButton(""), "primary")
        self.listen_button.clicked.connect(self._ask_to_listen)
        self.copy_button = QPushButton("Copy URL")
        self.copy_button.clicked.connect(lambda: QGuiApplication.clipboard().setText(self.url))
        self.certificates_button = QPushButton("Certificates…")
        self.certificates_button.setToolTip("Make a CA, a server certificate and station certificates, for wss://")
        self.certificates_button.clicked.connect(lambda checked=False: self.certificates_requested.emit())
        close = QPushButton("Close")
        close.clicked.connect(self.reject)
        for button in (self.listen_button, self.copy_button, self.certificates_button, close):
            button.setAutoDefault(False)
            buttons.addWidget(button)
        buttons.addStretch(1)
        words.addLayout(buttons)
        layout.addLayout(words, 1)
        self.qr = QrCode()
        layout.addWidget(self.qr, 0, Qt.AlignmentFlag.AlignTop)
        self.setMinimumWidth(800)

    def _fill_addresses(self) -> None:
        self._addresses = self._given if self._given is not None else local_addresses()
        kept = self.address.currentText()
        self.address.blockSignals(True)
        self.address.clear()
        self.address.addItems([address.label for address in self._addresses])
        bound = next((n for n, a in enumerate(self._addresses) if a.ip == self._bound_host), None)
        again = self.address.findText(kept)
        self.address.setCurrentIndex(
            again if again >= 0 else bound if bound is not None and not self._on_loopback() else 0
        )
        self.address.blockSignals(False)

    def _chosen(self) -> Address:
        index = self.address.currentIndex()
        return self._addresses[index] if 0 <= index < len(self._addresses) else Address("127.0.0.1", "lo", True)

    def _on_loopback(self) -> bool:
        return self._bound_host == "localhost" or (_is_ip(self._bound_host) and _ip(self._bound_host).is_loopback)

    def _reachable(self) -> bool:
        """Whether the listener as bound answers on the chosen address."""
        if _is_ip(self._bound_host) and _ip(self._bound_host).is_unspecified:
            return True
        return self._bound_host == self._chosen().ip or (self._on_loopback() and self._chosen().loopback)

    def _show(self) -> None:
        self.url_label.setText(self.url)
        self.url_label.setAccessibleName(f"URL to type into the charger: {self.url}")
        self.qr.set_text(self.url)
        chosen = self._chosen()
        reachable = self._reachable()
        self.url_label.set_role("in" if reachable else "muted")
        self.qr.set_good(reachable)
        self.listen_button.setVisible(not reachable)
        self.listen_button.setText(f"Listen on {chosen.ip}:{self._port}")
        if not reachable:
            self.note.set_role("warn")
            where = "this computer only" if self._on_loopback() else self._bound_host
            self.note.setText(
                f"Nothing answers at this URL yet: the bench listens on {where}. Listen on {chosen.ip} first to open it to "
                "the charger's network; stations connected now must connect again."
            )
        elif chosen.loopback:
            self.note.set_role("muted")
            self.note.setText("This address is for programs on this computer. A charger needs one of its own network.")
        else:
            self.note.set_role("muted")
            self.note.setText("The charger must be in the same network, and no firewall may close this port.")

    def _ask_to_listen(self) -> None:
        self.listen_requested.emit(f"{self._chosen().ip}:{self._port}")


class QrCode(QWidget):
    """A text as a QR code, dark on light in every theme: many phones cannot read it the other way round."""

    QUIET = 4
    """Modules of margin that ISO/IEC 18004 asks for."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._modules: list[bytearray] = []
        self._good = True
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)

    def set_text(self, text: str) -> None:
        self._modules = [bytearray(row) for row in segno.make(text, error="m", micro=False).matrix]
        self.setAccessibleName(f"QR code of {text}")
        self.update()

    def set_good(self, good: bool) -> None:
        """A text that leads nowhere yet is shown too faint to be read by a phone."""
        self._good = good
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(232, 232)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor("#ffffff"))
        painter.drawRoundedRect(QRectF(self.rect()), 6, 6)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        count = len(self._modules)
        if not count:
            return
        # Whole pixels: a module that is blurred at its edge is one a camera may misread.
        side = self.width() // (count + 2 * self.QUIET)
        start = (self.width() - side * count) // 2
        ink = QColor("#000000" if self._good else "#e6e6e6")
        for y, row in enumerate(self._modules):
            for x, dark in enumerate(row):
                if dark:
                    painter.fillRect(start + x * side, start + y * side, side, side, ink)


def _is_ip(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _ip(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    return ipaddress.ip_address(host)
