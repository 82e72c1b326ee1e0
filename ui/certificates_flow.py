"""What the certificates dialog needs around it: who makes them, what is filled in, whose profile they go into."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QMainWindow

from bench.errors import OperatorError
from ui.transfer import Orders

if TYPE_CHECKING:
    from bench.certificate_set import CertificateFiles, CertificatesWanted
    from bench.session import Session
    from bench.station import Station
    from ui.panels.certificates import CertificatesDialog

Make = Callable[["CertificatesWanted"], "CertificateFiles"]
"""Makes the files, on another thread. Raises OperatorError."""

Use = Callable[["CertificateFiles", int], str]
"""Sets them in the profile at that security profile; what was done, in words. Raises OperatorError."""

FOLDER = "authbench-certificates"


class Certificates:
    """The dialog of one window. make, use: given by the composition root; without them nothing is offered.

    dialog: once it was asked for.
    """

    def __init__(self, window: QMainWindow, orders: Orders) -> None:
        self._window = window
        self._orders = orders
        self.make: Make | None = None
        self.use: Use | None = None
        self.dialog: CertificatesDialog | None = None

    def show(self, session: Session | None, station: Station | None) -> None:
        """Open the dialog; the station's serial number, or its id, is filled in, and the names of this computer."""
        from ui.panels.certificates import CertificatesDialog
        from ui.panels.connect import local_addresses

        if self.dialog is None:
            self.dialog = CertificatesDialog(Path.home() / FOLDER, self._window)
            self.dialog.make_asked.connect(self._make)
            self.dialog.use_asked.connect(self._use)
        hosts = [socket.gethostname(), *(each.ip for each in local_addresses() if not each.loopback)]
        self.dialog.suggest([host for host in hosts if host != "localhost"], [_name_of(session, station)])
        self.dialog.open()

    def end(self) -> None:
        """The window closes."""
        dialog, self.dialog = self.dialog, None
        if dialog is not None:
            dialog.close()
            dialog.deleteLater()

    def _make(self, wanted: CertificatesWanted) -> None:
        if self.make is not None and self.dialog is not None:
            self.dialog.show_busy()
            self._orders.run(self._made(self.make, wanted, self.dialog), name="certificates")

    async def _made(self, make: Make, wanted: CertificatesWanted, dialog: CertificatesDialog) -> None:
        try:
            files = await asyncio.to_thread(make, wanted)
        except OperatorError as error:
            dialog.show_fault(str(error))
        else:
            dialog.show_made(files)

    def _use(self, files: CertificateFiles, level: int) -> None:
        if self.use is None or self.dialog is None:
            return
        try:
            self.dialog.show_used(self.use(files, level))
        except OperatorError as error:
            self.dialog.show_fault(str(error))


def _name_of(session: Session | None, station: Station | None) -> str:
    if station is not None:
        return station.serial_number or station.id
    return "" if session is None else session.profile.charger.identity
