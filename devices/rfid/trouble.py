"""Why a port cannot be used, in plain words, and what to do about it. Pure but for the look at a device node's group."""

from __future__ import annotations

import errno
import os
import re
from typing import NamedTuple

_IN_TEXT = re.compile(r"\[Errno (\d+)\]|Error\((\d+),")
_NUISANCES = (
    "a device that appears and vanishes may be taken by brltty (sudo apt remove brltty) "
    "or probed by ModemManager (udev rule ID_MM_DEVICE_IGNORE=1)"
)


class AnotherDevice(OSError):
    """What is at that path now is not the reader that was there. The bench never writes to it."""


class PortTrouble(NamedTuple):
    """what: one plain sentence part. cure: what to do."""

    what: str
    cure: str


def errno_of(error: BaseException | None) -> int | None:
    """The system's error number, also where pyserial hides it in a text, a termios.error or an earlier exception."""
    seen = 0
    while error is not None and seen < 8:
        number = getattr(error, "errno", None)
        if isinstance(number, int):
            return number
        # termios.error has (number, text); OSError with one argument has a text only.
        if len(error.args) == 2 and isinstance(error.args[0], int):
            return error.args[0]
        if found := _IN_TEXT.search(str(error)):
            return int(found[1] or found[2])
        error = error.__cause__ or error.__context__
        seen += 1
    return None


def permission_trouble(group: str | None) -> PortTrouble:
    """group: the group that owns the device node (dialout on Debian, uucp on Arch); None where there is none to join."""
    if group is None or group == "root":
        return PortTrouble(
            "you may not open this port", "ask your administrator for a udev rule that gives your user access to it"
        )
    return PortTrouble(
        f"your user is not in the group {group}", f"run: sudo usermod -aG {group} $USER and log in again"
    )


def group_of(port: str) -> str | None:
    """The group that owns a device node, or None where it cannot be told (Windows, no such file)."""
    try:
        import grp

        return grp.getgrgid(os.stat(port).st_gid).gr_name
    except (ImportError, OSError, KeyError):
        return None


def open_trouble(error: BaseException, port: str, group: str | None = None) -> PortTrouble:
    """Why a port did not open. group: see :func:`group_of`."""
    number = errno_of(error)
    if number in (errno.EBUSY, errno.EAGAIN) and port.startswith("/dev/input/"):
        return PortTrouble(
            f"another program has taken all keys of {port}", "close that program: another bench, evtest or a key mapper"
        )
    if number in (errno.EBUSY, errno.EAGAIN):
        return PortTrouble(
            f"{port} is in use by another program",
            "close that program; ModemManager lets go of a newly plugged port by itself after about 10 s "
            "(udev rule ID_MM_DEVICE_IGNORE=1 keeps it away)",
        )
    if number in (errno.EACCES, errno.EPERM):
        if os.name == "nt":
            return PortTrouble(f"{port} is in use by another program", "close that program")
        what, cure = permission_trouble(group)
        return PortTrouble(f"no permission for {port}: {what}", cure)
    if isinstance(error, AnotherDevice):
        return PortTrouble(
            f"another device has taken the place of the reader at {port}",
            "plug the reader in again; or, if this is the reader now, choose its port once more",
        )
    if number in (errno.ENOENT, errno.ENODEV, errno.ENXIO):
        return PortTrouble(f"{port} does not exist", f"plug the reader in, or choose another port; {_NUISANCES}")
    if number == errno.ECONNREFUSED:
        return PortTrouble(f"nothing listens at {port}", "start the reader's server, or correct the address")
    if number in (errno.ENOTTY, errno.EINVAL, errno.EISDIR):
        return PortTrouble(f"{port} is not a serial port", "choose another port; authbench readers lists them")
    if isinstance(error, (ValueError, OverflowError)):
        return PortTrouble(f"{port} cannot be opened: {error}", "correct the port or the baud rate of this reader")
    return PortTrouble(f"{port} cannot be opened: {error}", "check the port; the bench tries again by itself")


def loss_trouble(error: BaseException, port: str, short_lived: bool) -> PortTrouble:
    """Why an open port was lost. short_lived: it was lost soon after opening, and not for the first time."""
    cure = "plug it in again, and see that no other program uses it; the bench reconnects by itself"
    return PortTrouble(f"the reader at {port} was unplugged: {error}", f"{cure}; {_NUISANCES}" if short_lived else cure)
