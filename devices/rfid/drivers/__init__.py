"""The reader drivers: every module of this package that offers a ``DRIVER`` is one; nothing else needs to know of it."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache

from bench.errors import BadInput
from devices.rfid.driver import DriverInfo


@cache
def all_drivers() -> dict[str, DriverInfo]:
    """The drivers by name, without their aliases."""
    found = {}
    for module in pkgutil.iter_modules(__path__):
        info = getattr(importlib.import_module(f"{__name__}.{module.name}"), "DRIVER", None)
        if isinstance(info, DriverInfo):
            found[info.name] = info
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
