"""Which reader is on a port, found by listening and asking."""

from __future__ import annotations

import asyncio
import os
import threading
import tty
from pathlib import Path

import pytest

from bench.errors import OperatorError
from bench.tasks import Tasks
from devices.rfid.detect import detect
from devices.rfid.drivers import all_drivers
from fixtures.readers import Fault, VirtualAsciiReader, VirtualPN532, VirtualReader
from fixtures.readers.twn4 import VERSION, VirtualTWN4


async def test_a_polled_reader_is_asked_who_it_is() -> None:
    with VirtualPN532() as device:
        found = await detect(device.port)
    assert found is not None
    assert (found.driver, found.baud, found.detail) == ("pn532", 115200, "PN532 firmware 1.6")


@pytest.mark.parametrize("with_crc", [False, True])
async def test_a_reader_of_lines_is_found_after_the_questions_to_others(with_crc: bool) -> None:
    """What was asked of other readers before stands in its line, and would spoil the first question it understands."""
    asked_at_9600 = [info for info in all_drivers().values() if info.probe is not None and 9600 in info.bauds]
    assert asked_at_9600[-1].name == "twn4"
    with VirtualTWN4(with_crc=with_crc) as device:
        found = await detect(device.port, asked_at_9600)
    assert found is not None
    assert (found.driver, found.detail) == ("twn4", VERSION)


async def test_a_reader_that_speaks_is_known_by_its_card() -> None:
    with VirtualAsciiReader() as device:
        searching = Tasks().spawn(detect(device.port, [all_drivers()["ascii"]]), name="detect")
        while not searching.done():
            device.present("04A2B3C4D5E680")
            await asyncio.wait([searching], timeout=0.05)
            device.remove()
        found = await searching
    assert found is not None
    assert found.driver == "ascii"
    assert found.detail == "it read the ISO14443 card 04A2B3C4D5E680"


async def test_a_silent_port_is_given_up_in_time() -> None:
    with VirtualPN532() as device:
        device.inject(Fault.SILENT, None)
        began = asyncio.get_running_loop().time()
        assert await detect(device.port, deadline_s=1.0) is None
        assert asyncio.get_running_loop().time() - began < 5
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("detect ")]


async def test_listening_drivers_send_nothing() -> None:
    """Without a driver that polls, not one byte goes out."""
    sent: list[bytes] = []

    class Ear(VirtualReader):
        def received(self, data: bytes) -> None:
            sent.append(data)

    with Ear() as device:
        assert await detect(device.port, [all_drivers()["ascii"]], deadline_s=2.0) is None
    assert sent == []


async def test_a_port_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(OperatorError, match="does not exist"):
        await detect(str(tmp_path / "ttyRFID"))


async def test_a_port_that_is_lost_meanwhile_is_told() -> None:
    master, slave = os.openpty()
    tty.setraw(slave)
    asked = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_reader(master, asked.set)

    async def unplug_once_asked() -> None:
        await asked.wait()  # a probe came: the port is open
        loop.remove_reader(master)
        os.close(master)

    try:
        found, _ = await asyncio.gather(detect(os.ttyname(slave)), unplug_once_asked(), return_exceptions=True)
    finally:
        os.close(slave)
    assert isinstance(found, OperatorError)
    assert "was unplugged" in found.what
