"""Serial ports, the drivers for readers on them, and what may be on a port: facts for panels and the command line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from bench.ports import Reader

if TYPE_CHECKING:
    from bench.settings import ReaderSettings


@dataclass(frozen=True, slots=True)
class PortInfo:
    """One serial port.

    device: name today (``/dev/ttyUSB0``). path: name that survives re-plugging, else the device.
    likely: what such USB ids are often found on, or empty; driver: what may read it, or empty. A bridge chip says
    nothing of the reader behind it: both only rank. rank: higher is likelier.
    problem, cure: why it cannot be opened and what to do, or empty.
    """

    device: str
    path: str
    description: str
    vid: int | None = None
    pid: int | None = None
    serial_number: str = ""
    location: str = ""
    likely: str = ""
    driver: str = ""
    rank: int = 0
    problem: str = ""
    cure: str = ""

    @property
    def identity(self) -> str:
        """Stable name of the device behind the port: USB ids with serial number, else where it is plugged in."""
        if self.vid is None or self.pid is None:
            return self.device
        return f"{self.vid:04X}:{self.pid:04X}:{self.serial_number or self.location or self.device}"


@dataclass(frozen=True, slots=True)
class Option:
    """A setting of a driver. name: ``format``. text: what it decides. choices: what it may be; empty = any text."""

    name: str
    text: str
    default: str
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DriverFacts:
    """What an operator chooses a driver by. reads: readers and cards. bauds: the usual rate first."""

    name: str
    reads: str
    bauds: tuple[int, ...]
    options: tuple[Option, ...] = ()
    orders: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Detected:
    """A reader that was found on a port. detail: what it says of itself, or which card gave it away."""

    driver: str
    baud: int
    detail: str


class SerialPorts(Protocol):
    """The serial ports of this computer."""

    def drivers(self) -> Mapping[str, DriverFacts]:
        """By name."""
        ...

    async def ports(self) -> list[PortInfo]:
        """Those there are now, likeliest first. Opens none."""
        ...

    async def detect(self, port: str) -> Detected | None:
        """Which reader is on that port, or None: listens first, then asks; only this port, and back within seconds.

        Raises:
            OperatorError: it cannot be opened, or was lost.
        """
        ...

    def make(self, settings: ReaderSettings) -> Reader:
        """A reader, not started yet.

        Raises:
            BadInput: no such driver or option, or no port.
        """
        ...
