"""Named pipes and keyboards as ports of readers."""

from __future__ import annotations

import errno
import os
import sys
import threading
from pathlib import Path

import pytest

from bench.ports import LinkState
from devices.rfid import descriptor
from devices.rfid.descriptor import EVIOCGRAB, FifoWire, InputWire, open_descriptor
from devices.rfid.port import SerialReader
from fixtures.readers import Fault
from fixtures.readers.everest_pipe import VirtualEverestPipe
from fixtures.readers.keyboard_wedge import VirtualKeyboard
from tests.devices.rfid.test_serial_reader import FakeSink, reading

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="named pipes of POSIX")

UID4, UID8 = "5237AB3B", "E004010012345678"


@pytest.fixture
def pipe(tmp_path: Path) -> str:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    return str(path)


def put(path: str, data: bytes) -> None:
    """As ``echo > pipe`` does: open, write, go."""
    end = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
    os.write(end, data)
    os.close(end)


def test_only_pipes_and_keyboards_are_opened_so(tmp_path: Path, pipe: str) -> None:
    plain = tmp_path / "file"
    plain.touch()
    for port in (str(plain), str(tmp_path / "none"), "socket://127.0.0.1:1", "COM3", "/dev/null"):
        assert open_descriptor(port) is None
    wire = open_descriptor(pipe)
    assert isinstance(wire, FifoWire)
    wire.close()


def test_a_pipe_is_read_while_writers_come_and_go(pipe: str) -> None:
    wire = FifoWire(pipe)
    assert wire.read(1) == b""
    for text in (b"one", b"two"):
        put(pipe, text)
        assert wire.read(1) == text[:1]
        assert wire.in_waiting == 2
        assert wire.read(9) == text[1:]
        assert wire.read(1) == b""
    wire.close()


def test_a_pipe_that_was_made_anew_is_lost(pipe: str) -> None:
    wire = FifoWire(pipe)
    os.unlink(pipe)
    with pytest.raises(OSError, match="No such file") as told:
        wire.read(1)
    assert told.value.errno == errno.ENOENT
    other = Path(pipe).with_name("other")
    os.mkfifo(other)
    other.rename(pipe)
    with pytest.raises(OSError, match="made anew"):
        wire.read(1)
    wire.close()


def test_a_second_reader_of_a_pipe_is_kept_out(pipe: str) -> None:
    before = len(os.listdir("/proc/self/fd")) if sys.platform == "linux" else None
    wire = FifoWire(pipe)
    with pytest.raises(BlockingIOError):
        FifoWire(pipe)
    wire.close()
    FifoWire(pipe).close()
    if before is not None:
        assert len(os.listdir("/proc/self/fd")) == before


def test_a_read_that_waits_can_be_cancelled(pipe: str) -> None:
    wire = FifoWire(pipe)
    wire.timeout = 30.0
    caller = threading.Thread(target=wire.cancel_read)
    caller.start()
    assert wire.read(1) == b""
    caller.join()
    wire.close()


@pytest.mark.parametrize("transport", ["fifo", "pty"])
async def test_everest_lines_from_a_pipe_and_from_a_port(transport: str) -> None:
    with VirtualEverestPipe(transport=transport) as device:
        async with reading("everest_pipe", device) as (sink, reader):
            device.present(UID4)
            device.present(UID8)
            await sink.tap(2)
            device.say(b"ISO14443:04A2B3C4D5E680\n")
            await sink.until(lambda: sink.findings, "the refusal")
    assert reader.name == f"everest_pipe:{device.port}"
    assert [(card.uid_hex, str(card.technology)) for card, _ in sink.taps] == [(UID4, "ISO14443"), (UID8, "ISO15693")]
    assert sink.findings[0][0] == "reader.everest-line"


async def test_a_pipe_that_is_removed_and_made_again() -> None:
    with VirtualEverestPipe(transport="fifo") as device:
        async with reading("everest_pipe", device) as (sink, _):
            device.inject(Fault.HALF_FRAME_UNPLUG)
            device.present(UID4)
            await sink.until(lambda: sink.links[-1].state is LinkState.FAULTY, "the loss")
            await sink.until(lambda: "does not exist" in sink.links[-1].detail, "the missing pipe")
            device.replug()
            await sink.up()
            device.repeat()
            assert (await sink.tap()).uid_hex == UID4
    assert any(message.malformed for message in sink.journal.since(0))


async def test_a_driver_that_sends_cannot_use_a_pipe(pipe: str) -> None:
    sink = FakeSink()
    reader = SerialReader("pn532", pipe)
    await reader.start(sink)
    await sink.until(lambda: sink.links and sink.links[-1].state is LinkState.FAULTY, "the fault")
    await reader.stop()
    assert "nothing can be sent" in sink.links[-2].detail
    assert "only listens" in sink.links[-2].cure


@pytest.fixture
def keyboard(monkeypatch: pytest.MonkeyPatch):
    """A virtual keyboard on a pseudo-terminal that passes for an input device; what was asked of it, in order."""
    asked: list[tuple[int, int]] = []
    monkeypatch.setattr(descriptor.fcntl, "ioctl", lambda end, request, value: asked.append((request, value)))
    with VirtualKeyboard(transport="pty") as device:
        monkeypatch.setattr(descriptor, "INPUT_MAJOR", os.major(os.stat(device.port).st_rdev))
        yield device, asked


@pytest.mark.skipif(sys.platform != "linux", reason="input devices of Linux")
async def test_a_keyboard_is_grabbed_and_its_keys_are_cards(keyboard) -> None:
    device, asked = keyboard
    async with reading("keyboard_wedge", device) as (sink, _):
        assert asked == [(EVIOCGRAB, 1)]
        device.present("04A2B3C4D5E680")
        assert (await sink.tap()).uid_hex == "04A2B3C4D5E680"
        device.unplug()
        await sink.until(lambda: "does not exist" in sink.links[-1].detail, "the missing keyboard")
        device.replug()
        await sink.up()


@pytest.mark.skipif(sys.platform != "linux", reason="input devices of Linux")
def test_a_keyboard_that_cannot_be_grabbed_is_let_go(keyboard, monkeypatch: pytest.MonkeyPatch) -> None:
    device, _ = keyboard

    def refuse(end: int, request: int, value: int) -> None:
        raise OSError(errno.EBUSY, "Device or resource busy")

    monkeypatch.setattr(descriptor.fcntl, "ioctl", refuse)
    before = len(os.listdir("/proc/self/fd"))
    with pytest.raises(OSError, match="busy"):
        InputWire(device.port)
    assert len(os.listdir("/proc/self/fd")) == before


async def test_keys_through_a_plain_serial_port() -> None:
    with VirtualKeyboard(enter=False) as device:
        async with reading("keyboard_wedge", device) as (sink, _):
            device.inject(Fault.NOISE)
            device.present(UID4)
            assert (await sink.tap()).uid_hex == UID4
    assert sink.journal.malformed
