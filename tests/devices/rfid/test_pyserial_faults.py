"""What pyserial 3.5 really raises when a port goes away under it, each provoked at its worst moment on a true pseudo-terminal."""

from __future__ import annotations

import select
import termios
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
import serial
from serial import serialposix

from bench.errors import OperatorError
from bench.ports import LinkState
from devices.rfid.detect import detect
from devices.rfid.port import SerialReader
from fixtures.readers import VirtualAsciiReader, VirtualPN532
from tests.devices.rfid.reading import FakeSink

UID = "5237AB3B"


class Spy:
    """Runs an action once before the real thing, and keeps what the real thing then raises."""

    def __init__(self, action: Callable[[], None]) -> None:
        self.action: Callable[[], None] | None = action
        self.raised: list[BaseException] = []

    def __call__(self, real: Callable[..., Any], *args: Any) -> Any:
        action, self.action = self.action, None
        if action is not None:
            action()
        try:
            return real(*args)
        except BaseException as error:
            self.raised.append(error)
            raise


async def lost_and_back(
    device: VirtualAsciiReader, reader: SerialReader, sink: FakeSink, provoke: Callable[[], None]
) -> None:
    """The loss is told in words, no card comes of it, and the reader is there again once it is plugged in."""
    await reader.start(sink)
    try:
        await sink.up()
        provoke()
        await sink.until(lambda: sink.links[-1].state is LinkState.FAULTY, "the loss")
        assert sink.taps == []
        if "does not exist" not in sink.links[-1].detail:
            assert "was unplugged" in sink.links[-1].detail
        device.replug()
        await sink.up()
        device.remove()
        device.present(UID)
        assert (await sink.tap()).uid_hex == UID
    finally:
        await reader.stop()


async def test_in_waiting_raises_a_bare_oserror(monkeypatch: pytest.MonkeyPatch) -> None:
    """pyserial issue 401: not a SerialException."""
    with VirtualAsciiReader() as device:
        spy = Spy(device.unplug)
        real = serial.Serial.in_waiting.fget
        monkeypatch.setattr(serial.Serial, "in_waiting", property(lambda port: spy(real, port)))
        await lost_and_back(device, SerialReader("ascii", device.port), FakeSink(), lambda: device.say(b"Card"))
    assert [type(error) for error in spy.raised] == [OSError]


async def test_a_close_during_a_read_raises_a_typeerror(monkeypatch: pytest.MonkeyPatch) -> None:
    """pyserial issues 713 and 328: the file number is None by the time it is read from."""
    raised: list[BaseException] = []
    with VirtualAsciiReader() as device:
        reader = SerialReader("ascii", device.port)
        armed = True

        def closing_select(*args: Any) -> Any:
            nonlocal armed
            found = select.select(*args)
            if armed and found[0]:
                armed = False
                assert reader._pump is not None
                assert reader._pump._wire is not None
                reader._pump._wire.close()
            return found

        real = serial.Serial.read

        def read(port: serial.Serial, size: int = 1) -> bytes:
            try:
                return bytes(real(port, size))
            except BaseException as error:
                raised.append(error)
                raise

        monkeypatch.setattr(serialposix, "select", SimpleNamespace(select=closing_select, error=select.error))
        monkeypatch.setattr(serial.Serial, "read", read)
        await lost_and_back(device, reader, FakeSink(), lambda: device.say(b"Card"))
    assert [type(error) for error in raised] == [TypeError]


async def test_a_flush_raises_a_termios_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is no OSError."""
    with VirtualPN532() as device:
        spy = Spy(device.unplug)
        real = serial.Serial.reset_input_buffer
        monkeypatch.setattr(serial.Serial, "reset_input_buffer", lambda port: spy(real, port))
        with pytest.raises(OperatorError, match="was unplugged"):
            await detect(device.port)
    assert [type(error) for error in spy.raised] == [termios.error]


async def test_a_write_to_a_port_that_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    with VirtualPN532() as device:
        spy = Spy(device.unplug)
        real = serial.Serial.write
        sink = FakeSink()
        reader = SerialReader("pn532", device.port)
        await reader.start(sink)
        await sink.up()
        monkeypatch.setattr(serial.Serial, "write", lambda port, data: spy(real, port, data))
        await sink.until(lambda: sink.links[-1].state is LinkState.FAULTY, "the loss")
        device.replug()
        await sink.up()
        await reader.stop()
    assert [type(error) for error in spy.raised] == [serial.SerialException]
