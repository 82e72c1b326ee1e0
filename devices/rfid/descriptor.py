"""Ports that are no serial ports: named pipes, and keyboards of Linux (evdev). Opened without waiting, read as pyserial reads."""

from __future__ import annotations

import errno
import os
import select
import stat
import sys
from abc import ABC, abstractmethod
from pathlib import Path

from bench.errors import BadInput

if sys.platform != "win32":
    import fcntl

CHUNK = 4096
INPUT_MAJOR = 13
"""Device number of Linux input devices (Documentation/admin-guide/devices.txt)."""
EVIOCGRAB = 0x40044590
"""``_IOW('E', 0x90, int)`` of linux/input.h: all keys of the device to us alone."""


class DescriptorWire(ABC):
    """An open descriptor with what the reader's thread uses of :class:`serial.Serial`.

    timeout: seconds that :meth:`read` waits for a first byte. All errors are OSError.
    """

    def __init__(self, path: str) -> None:
        self.timeout = 0.0
        self._path = path
        self._buffer = bytearray()
        self._wake, self._ring = os.pipe()
        try:
            self._descriptor = self._opened()
        except BaseException:
            os.close(self._wake)
            os.close(self._ring)
            raise

    @property
    def in_waiting(self) -> int:
        return len(self._buffer)

    def read(self, size: int = 1) -> bytes:
        """Up to so many bytes; none when the time ran out or the read was cancelled."""
        if not self._buffer:
            ready, _, _ = select.select([self._descriptor, self._wake], [], [], self.timeout)
            if self._wake in ready:
                os.read(self._wake, CHUNK)
            elif ready:
                if not (data := os.read(self._descriptor, CHUNK)):
                    raise OSError(errno.ENODEV, "the device has gone", self._path)
                self._buffer += data
            else:
                self._still_there()
        taken = bytes(self._buffer[:size])
        del self._buffer[:size]
        return taken

    def write(self, data: bytes) -> int:
        """Refused.

        Raises:
            BadInput: always.
        """
        raise BadInput(f"nothing can be sent to {self._path}", "use a driver that only listens, such as everest_pipe")

    def cancel_read(self) -> None:
        """End a read that waits; from any thread."""
        os.write(self._ring, b"!")

    def close(self) -> None:
        for end in (self._descriptor, self._wake, self._ring):
            os.close(end)

    @abstractmethod
    def _opened(self) -> int: ...

    def _still_there(self) -> None:  # noqa: B027  # a device that is open stays the same
        """Raise OSError where the path now leads elsewhere."""


class FifoWire(DescriptorWire):
    """A named pipe, for us alone among benches. Writers come and go: while there is none, nothing is read.

    An end of our own for writing is kept open: without a writer a pipe would be ready, and empty, for ever.
    """

    def _opened(self) -> int:
        reading = os.open(self._path, os.O_RDONLY | os.O_NONBLOCK)
        try:
            fcntl.flock(reading, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._writing = os.open(self._path, os.O_WRONLY | os.O_NONBLOCK)
        except OSError:
            os.close(reading)
            raise
        return reading

    def _still_there(self) -> None:  # noqa: B027  # a device that is open stays the same
        if not os.path.samestat(os.stat(self._path), os.fstat(self._descriptor)):
            raise OSError(errno.ENOENT, "the pipe was made anew", self._path)

    def close(self) -> None:
        os.close(self._writing)
        super().close()


class InputWire(DescriptorWire):
    """A keyboard of Linux, grabbed: what it types reaches no other program, and the system's own console neither."""

    def _opened(self) -> int:
        descriptor = os.open(self._path, os.O_RDONLY | os.O_NONBLOCK)
        try:
            fcntl.ioctl(descriptor, EVIOCGRAB, 1)
        except OSError:
            os.close(descriptor)
            raise
        return descriptor


def open_descriptor(port: str) -> DescriptorWire | None:
    """The port as a named pipe or as a keyboard, or None where it is neither; never waits.

    Raises:
        OSError: it is one, but cannot be opened now.
    """
    if sys.platform == "win32" or "://" in port:
        return None
    try:
        found = Path(port).stat()
    except OSError:
        return None
    if stat.S_ISFIFO(found.st_mode):
        return FifoWire(port)
    if sys.platform == "linux" and stat.S_ISCHR(found.st_mode) and os.major(found.st_rdev) == INPUT_MAJOR:
        return InputWire(port)
    return None
