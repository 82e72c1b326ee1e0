"""Which serial ports there are, what is likely on them, and whether they may be opened. Never opens one."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from serial.tools import list_ports as pyserial_ports
from serial.tools.list_ports_common import ListPortInfo

from bench.serial_port import PortInfo
from devices.rfid.trouble import group_of, permission_trouble

BY_ID = Path("/dev/serial/by-id")


@dataclass(frozen=True, slots=True)
class _Likely:
    name: str
    driver: str
    rank: int


_BRIDGE = 2
# Names from usb.ids; which readers sit behind a bridge, from the issues of go-pn532, Zaparoo and EVerest.
_LIKELY = {
    (0x09D8, 0x0420): _Likely("Elatec TWN4 (CDC)", "twn4", 5),
    (0x0C27, 0x232A): _Likely("rf IDEAS pcProx Plus", "ascii", 5),
    (0x1A86, 0x55D3): _Likely("PN532Killer or a CH343 adapter", "pn532", 4),
    (0x1A86, 0x7523): _Likely("CH340 adapter: PN532 board or Arduino clone", "pn532", _BRIDGE + 1),
    (0x1A86, 0x7522): _Likely("CH340 adapter", "pn532", _BRIDGE),
    (0x1A86, 0x5523): _Likely("CH341 adapter", "pn532", _BRIDGE),
    (0x1A86, 0x55D4): _Likely("CH9102 adapter", "pn532", _BRIDGE),
    (0x10C4, 0xEA60): _Likely("CP210x adapter", "pn532", _BRIDGE),
    (0x10C4, 0xEA70): _Likely("CP2105 adapter", "pn532", _BRIDGE),
    (0x0403, 0x6001): _Likely("FT232R adapter", "pn532", _BRIDGE),
    (0x0403, 0x6010): _Likely("FT2232 adapter", "pn532", _BRIDGE),
    (0x0403, 0x6011): _Likely("FT4232 adapter", "pn532", _BRIDGE),
    (0x0403, 0x6014): _Likely("FT232H adapter", "pn532", _BRIDGE),
    (0x0403, 0x6015): _Likely("FT-X adapter", "pn532", _BRIDGE),
    (0x067B, 0x2303): _Likely("PL2303 adapter: often a PN532 board", "pn532", _BRIDGE),
    (0x2341, 0x0043): _Likely("Arduino Uno", "ascii", _BRIDGE),
    (0x2341, 0x0001): _Likely("Arduino Uno", "ascii", _BRIDGE),
    (0x2341, 0x0042): _Likely("Arduino Mega", "ascii", _BRIDGE),
    (0x2341, 0x8036): _Likely("Arduino Leonardo", "ascii", _BRIDGE),
    (0x16C0, 0x0483): _Likely("Teensy", "ascii", _BRIDGE),
    (0x0483, 0x5740): _Likely("STM32 virtual port", "ascii", _BRIDGE),
}
_UNKNOWN_USB = _Likely("", "", 1)
_NO_USB = _Likely("", "", 0)


def list_ports(
    lister: Callable[[], Iterable[ListPortInfo]] = pyserial_ports.comports, by_id: Path = BY_ID
) -> list[PortInfo]:
    """The ports, likeliest first. May take seconds on Windows (Bluetooth ports): call it off the loop's thread.

    lister: stands in for pyserial's in tests. by_id: where Linux keeps stable names.
    """
    try:
        found = list(lister())
    except (TypeError, OSError):
        # pyserial raises TypeError where a device vanishes in mid-scan (its issues 550 and 774): look once more.
        try:
            found = list(lister())
        except (TypeError, OSError):
            return []
    stable = _stable_names(by_id)
    ports = [_describe(port, stable) for port in found]
    return sorted(ports, key=lambda port: (-port.rank, port.device))


def likely_readers(lister: Callable[[], Iterable[ListPortInfo]] = pyserial_ports.comports) -> list[tuple[str, str]]:
    """Driver and path of what ``auto`` should open: the one likeliest port, or none.

    One only: each further guess would send a wake-up to a device that may be something else.
    """
    return [(port.driver, port.path) for port in list_ports(lister) if port.driver and not port.problem][:1]


def _describe(port: ListPortInfo, stable: dict[str, str]) -> PortInfo:
    usb = None if port.vid is None or port.pid is None else (port.vid, port.pid)
    likely = _NO_USB if usb is None else _LIKELY.get(usb, _UNKNOWN_USB)
    problem, cure = _access(port.device)
    return PortInfo(
        device=port.device,
        path=stable.get(os.path.realpath(port.device), port.device),
        description="" if port.description in (None, "n/a") else port.description,  # pyserial knows nothing of it
        vid=port.vid,
        pid=port.pid,
        serial_number=port.serial_number or "",
        location=port.location or "",
        likely=likely.name,
        driver=likely.driver,
        rank=likely.rank,
        problem=problem,
        cure=cure,
    )


def _stable_names(by_id: Path) -> dict[str, str]:
    """Device -> its symlink under ``/dev/serial/by-id``; empty where there is none."""
    try:
        return {os.path.realpath(link): str(link) for link in sorted(by_id.iterdir(), reverse=True)}
    except OSError:
        return {}


def _access(device: str) -> tuple[str, str]:
    """Problem and cure of a device node that this user may not open; two empty texts where it may."""
    if not os.path.exists(device) or os.access(device, os.R_OK | os.W_OK):
        return "", ""
    return permission_trouble(group_of(device))
