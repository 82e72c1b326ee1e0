"""Where the port of one reader is now: plugged in again, the same device may come back under another name."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterable

from serial.tools import list_ports as pyserial_ports
from serial.tools.list_ports_common import ListPortInfo

from bench.serial_port import PortInfo
from devices.rfid.discovery import list_ports
from devices.rfid.trouble import AnotherDevice

Lister = Callable[[], Iterable[ListPortInfo]]


class Whereabouts:
    """Follows one device by its USB identity (ids and serial number, else the socket it is plugged into).

    port: as the operator gave it. lister: stands in for pyserial's in tests. A URL, a built-in port and a path that no listing
    knows (a pseudo-terminal, a link of one's own) are opened as they are given.
    """

    def __init__(self, port: str, lister: Lister = pyserial_ports.comports) -> None:
        self._port = port
        self._lister = lister
        self._known: PortInfo | None = None
        self._expected = ""  # identity of what the found path led to; empty where any may be there
        self._others: frozenset[str] = frozenset()  # identities of what was there beside it

    def find(self) -> str:
        """The path to open now.

        Raises:
            AnotherDevice: another device has taken the place of the reader, which is nowhere to be seen.
        """
        if self._known is None:
            return self._port
        ports = [port for port in list_ports(self._lister) if port.vid is not None]
        found = next((port for port in ports if port.identity == self._known.identity), None)
        found = found or self._moved(ports)
        self._expected = (found or self._known).identity
        if found is not None:
            return self._port if _same_node(found.device, self._port) else found.path
        if any(_same_node(port.device, self._port) for port in ports):
            raise AnotherDevice(errno.ENODEV, f"another device is at {self._port} now")
        return self._port

    def opened(self, path: str) -> None:
        """That path was opened, and what is behind it is our reader from now on.

        Raises:
            AnotherDevice: since it was found, another device has taken that name.
        """
        if "://" in path:
            return
        ports = [port for port in list_ports(self._lister) if port.vid is not None]
        here = next((port for port in ports if _same_node(port.device, path)), None)
        if here is None:
            return
        if self._expected and here.identity != self._expected:
            raise AnotherDevice(errno.ENODEV, f"another device is at {path} now")
        self._known = here
        self._remember_others(ports)

    def lost(self) -> None:
        """The reader has just gone: what is there now is something else."""
        if self._known is not None:
            self._remember_others([port for port in list_ports(self._lister) if port.vid is not None])

    def _remember_others(self, ports: list[PortInfo]) -> None:
        self._others = frozenset(port.identity for port in ports) - {self._known.identity if self._known else ""}

    def _moved(self, ports: list[PortInfo]) -> PortInfo | None:
        """An adapter without a serial number that is in another socket now: only where no other one can be meant.

        One that was there beside it is not it: another reader, or a board that must not be written to.
        """
        known = self._known
        if known is None or known.serial_number:
            return None
        new = [port for port in ports if port.identity not in self._others]
        alike = [port for port in new if (port.vid, port.pid, port.serial_number) == (known.vid, known.pid, "")]
        return alike[0] if len(alike) == 1 else None


def _same_node(device: str, path: str) -> bool:
    return device == path or os.path.realpath(device) == os.path.realpath(path)
