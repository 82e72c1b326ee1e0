"""Why a port does not open, in plain words."""

from __future__ import annotations

import errno

import pytest
import serial

from devices.rfid.trouble import errno_of, group_of, loss_trouble, open_trouble, permission_trouble

termios = pytest.importorskip("termios")
PORT = "/dev/ttyUSB0"


@pytest.mark.parametrize(
    ("error", "what", "cure"),
    [
        (
            serial.SerialException(errno.EACCES, "could not open port"),
            "no permission for /dev/ttyUSB0: your user is not in the group dialout",
            "run: sudo usermod -aG dialout $USER and log in again",
        ),
        (
            serial.SerialException(errno.EAGAIN, "Could not exclusively lock port"),
            "in use by another program",
            "ModemManager",
        ),
        (serial.SerialException(errno.EBUSY, "could not open port"), "in use by another program", "close that program"),
        (serial.SerialException(errno.ENOENT, "could not open port"), "does not exist", "plug the reader in"),
        (serial.SerialException(errno.ENOENT, "could not open port"), "does not exist", "brltty"),
        (termios.error(errno.ENOTTY, "Inappropriate ioctl for device"), "is not a serial port", "authbench readers"),
        (
            serial.SerialException("Could not configure port: [Errno 25] Inappropriate ioctl for device"),
            "is not a serial port",
            "authbench readers",
        ),
        (serial.SerialException("Could not open port: [Errno 111] Connection refused"), "nothing listens", "start"),
        (ValueError("Not a valid baudrate: -1"), "cannot be opened", "correct the port or the baud rate"),
        (OSError("odd"), "cannot be opened: odd", "tries again"),
    ],
)
def test_an_error_becomes_a_sentence_and_a_cure(error: Exception, what: str, cure: str) -> None:
    trouble = open_trouble(error, PORT, "dialout")
    assert what in trouble.what
    assert cure in trouble.cure


def test_the_group_is_that_of_the_device_node() -> None:
    assert permission_trouble("uucp").cure == "run: sudo usermod -aG uucp $USER and log in again"
    assert "udev" in permission_trouble("root").cure
    assert "udev" in permission_trouble(None).cure
    assert group_of("/dev/null") == "root"
    assert group_of("/nowhere/ttyUSB0") is None


def test_the_number_is_found_behind_other_errors() -> None:
    outer = RuntimeError("wrapped")
    outer.__cause__ = OSError(errno.EBUSY, "busy")
    assert errno_of(outer) == errno.EBUSY
    busy = serial.SerialException("could not open port 'COM5': PermissionError(13, 'Access is denied.', None, 5)")
    assert errno_of(busy) == errno.EACCES
    assert errno_of(None) is None
    assert errno_of(RuntimeError("nothing")) is None


def test_a_port_that_keeps_vanishing_hints_at_what_takes_it() -> None:
    error = serial.SerialException("device disconnected")
    assert "brltty" not in loss_trouble(error, PORT, short_lived=False).cure
    assert "brltty" in loss_trouble(error, PORT, short_lived=True).cure


def test_a_keyboard_has_words_of_its_own() -> None:
    what, cure = open_trouble(OSError(errno.EBUSY, "busy"), "/dev/input/event3")
    assert "taken all keys" in what
    assert "ModemManager" not in cure
    what, cure = open_trouble(PermissionError(errno.EACCES, "denied"), "/dev/input/event3", "input")
    assert "group input" in what
    assert "usermod -aG input" in cure
