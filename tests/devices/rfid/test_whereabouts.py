"""The same reader under another name."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import pytest
from serial.tools.list_ports_common import ListPortInfo

from bench.clock import NS_PER_MS, stamp
from bench.ports import LinkState
from devices.rfid.port import SerialReader
from devices.rfid.trouble import AnotherDevice
from devices.rfid.whereabouts import Whereabouts
from fixtures.readers import VirtualPN532, VirtualReader
from tests.devices.rfid.reading import FakeSink


def port(
    device: str, vid: int | None = 0x1A86, pid: int = 0x7523, serial: str = "", location: str = "1-2"
) -> ListPortInfo:
    info = ListPortInfo(device)
    info.vid, info.pid, info.serial_number, info.location = vid, pid, serial or None, location
    return info


def node_of(device: VirtualReader) -> str:
    """The pseudo-terminal behind it now."""
    return str(Path(device.port).resolve())


class Bus:
    """What is plugged in now."""

    def __init__(self, *ports: ListPortInfo) -> None:
        self.ports: Iterable[ListPortInfo] = ports

    def __call__(self) -> Iterable[ListPortInfo]:
        return self.ports


def test_a_numbered_device_is_found_under_its_new_name() -> None:
    bus = Bus(port("/dev/ttyUSB0", serial="A5"))
    where = Whereabouts("/dev/ttyUSB0", bus)
    assert where.find() == "/dev/ttyUSB0"
    where.opened("/dev/ttyUSB0")
    bus.ports = [port("/dev/ttyUSB0", serial="B6"), port("/dev/ttyUSB1", serial="A5", location="1-3")]
    assert where.find() == "/dev/ttyUSB1"


def test_an_adapter_without_a_number_is_known_by_its_socket() -> None:
    bus = Bus(port("/dev/ttyUSB0", location="1-2"), port("/dev/ttyUSB1", location="1-3"))
    where = Whereabouts("/dev/ttyUSB0", bus)
    where.opened("/dev/ttyUSB0")
    bus.ports = [port("/dev/ttyUSB0", location="1-3"), port("/dev/ttyUSB1", location="1-2")]
    assert where.find() == "/dev/ttyUSB1"
    bus.ports = [port("/dev/ttyUSB7", location="1-9")]
    assert where.find() == "/dev/ttyUSB7"
    bus.ports = [port("/dev/ttyUSB7", location="1-8"), port("/dev/ttyUSB8", location="1-9")]
    assert where.find() == "/dev/ttyUSB0"  # either may be meant: neither is touched


def test_an_adapter_that_was_there_beside_it_is_not_taken_for_it() -> None:
    """Unplug one of two alike: the other one is somebody else's board."""
    ours, beside = port("/dev/ttyUSB0", location="1-2"), port("/dev/ttyUSB1", location="1-3")
    bus = Bus(ours, beside)
    where = Whereabouts("/dev/ttyUSB0", bus)
    where.opened("/dev/ttyUSB0")
    bus.ports = [beside]
    assert where.find() == "/dev/ttyUSB0"
    bus.ports = [beside, port("/dev/ttyUSB2", location="1-9")]
    assert where.find() == "/dev/ttyUSB2"


def test_nor_one_that_came_while_the_reader_was_in_use() -> None:
    bus = Bus(port("/dev/ttyUSB0", location="1-2"))
    where = Whereabouts("/dev/ttyUSB0", bus)
    where.opened("/dev/ttyUSB0")
    bus.ports = [port("/dev/ttyUSB1", location="1-3")]
    where.lost()
    assert where.find() == "/dev/ttyUSB0"


def test_another_device_that_takes_the_name_while_it_is_opened_is_told() -> None:
    bus = Bus(port("/dev/ttyUSB0", serial="A5"))
    where = Whereabouts("/dev/ttyUSB0", bus)
    where.opened("/dev/ttyUSB0")
    assert where.find() == "/dev/ttyUSB0"
    bus.ports = [port("/dev/ttyUSB0", serial="B6")]
    with pytest.raises(AnotherDevice):
        where.opened("/dev/ttyUSB0")


def test_another_device_in_its_place_is_not_opened() -> None:
    bus = Bus(port("/dev/ttyUSB0", serial="A5"))
    where = Whereabouts("/dev/ttyUSB0", bus)
    where.opened("/dev/ttyUSB0")
    bus.ports = [port("/dev/ttyUSB0", 0x2341, 0x0043)]
    with pytest.raises(AnotherDevice):
        where.find()
    bus.ports = []
    assert where.find() == "/dev/ttyUSB0"  # opening it says that it does not exist


@pytest.mark.parametrize("given", ["socket://127.0.0.1:1", "/dev/ttyS0", "link-of-my-own"])
def test_what_no_listing_knows_stays_as_given(given: str) -> None:
    where = Whereabouts(given, Bus(port("/dev/ttyS0", None), port("/dev/ttyUSB0")))
    where.opened(given)
    assert where.find() == given


async def test_unplugged_and_back_under_another_name() -> None:
    with VirtualPN532() as device:
        bus = Bus(port(node_of(device), serial="A5"))
        sink = FakeSink()
        reader = SerialReader("pn532", node_of(device), lister=bus)
        await reader.start(sink)
        await sink.up()
        device.present("5237AB3B")
        await sink.tap()
        device.unplug()
        await sink.until(lambda: sink.links[-1].state is LinkState.FAULTY, "the loss")
        taken, _ = os.openpty()  # the old number is in use by something else when the reader comes back
        device.replug()
        bus.ports = [port(node_of(device), serial="A5")]
        back = stamp().mono_ns
        await sink.up()
        assert (stamp().mono_ns - back) / NS_PER_MS < 2000
        assert sink.links[-1].detail.endswith(node_of(device))
        await reader.stop()
        os.close(taken)
        assert reader.stats.ups == 2
        assert reader.stats.cards >= 1
