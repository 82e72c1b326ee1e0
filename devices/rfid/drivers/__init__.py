"""The reader drivers: every module of this package that offers a ``DRIVER`` (or several, ``DRIVERS``) is one; nothing else needs to
know of it.
"""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache

from bench.codecs import serial_bytes
from bench.errors import BadInput
from devices.rfid.driver import DriverInfo


@cache
def all_drivers() -> dict[str, DriverInfo]:
    """The drivers by name, without their aliases. From then on the bytes of each one's messages can be explained."""
    found = {}
    for each in pkgutil.iter_modules(__path__):
        module = importlib.import_module(f"{__name__}.{each.name}")
        offered = getattr(module, "DRIVERS", None) or (getattr(module, "DRIVER", None),)
        for info in offered:
            if isinstance(info, DriverInfo):
                found[info.name] = info
                serial_bytes.register(info.name, info.explain)
    return found


def find(name: str) -> DriverInfo:
    """The driver of that name or alias, ignoring case.

    Raises:
        BadInput: there is none; the error names those there are.
    """
    wanted = name.strip().lower()
    for info in all_drivers().values():
        if wanted in (info.name, *info.aliases):
            return info
    raise BadInput(f"there is no reader driver named {name!r}", f"choose one of: {', '.join(sorted(all_drivers()))}")
