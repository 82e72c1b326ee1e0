"""The serial ports of this computer, as the engine knows them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from serial.tools.list_ports import comports

from bench.ports import Reader
from bench.serial_port import Detected, DriverFacts, PortInfo
from bench.settings import ReaderSettings
from devices.rfid import window_wedge
from devices.rfid.detect import detect
from devices.rfid.discovery import list_ports
from devices.rfid.drivers import all_drivers, find, keyboard_wedge
from devices.rfid.port import SerialReader
from devices.rfid.whereabouts import Lister


class ComputersPorts:
    """Implements :class:`bench.serial_port.SerialPorts`. lister: stands in for pyserial's in tests."""

    def __init__(self, lister: Lister = comports) -> None:
        self._lister = lister

    def drivers(self) -> Mapping[str, DriverFacts]:
        return {
            name: DriverFacts(name, info.reads, info.bauds or (info.baud,), info.options, info.orders)
            for name, info in sorted(all_drivers().items())
        }

    async def ports(self) -> list[PortInfo]:
        # On Windows a Bluetooth port takes seconds to be listed.
        return await asyncio.to_thread(list_ports, self._lister)

    async def detect(self, port: str) -> Detected | None:
        return await detect(port)

    def make(self, settings: ReaderSettings) -> Reader:
        if settings.port == window_wedge.PORT and find(settings.driver) is keyboard_wedge.DRIVER:
            return window_wedge.WindowWedge(settings.options)
        return SerialReader(settings.driver, settings.port, settings.baud, settings.options, lister=self._lister)
