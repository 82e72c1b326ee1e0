"""Listing ports without opening one."""

from __future__ import annotations

from pathlib import Path

import pytest
from serial.tools.list_ports_common import ListPortInfo

from devices.rfid import discovery
from devices.rfid.discovery import likely_readers, list_ports


def port(device: str, vid: int | None = None, pid: int | None = None, serial_number: str | None = None) -> ListPortInfo:
    info = ListPortInfo(device)
    info.description = "n/a"
    info.vid, info.pid, info.serial_number, info.location = vid, pid, serial_number, "1-2"
    return info


PORTS = [port("/dev/ttyS0"), port("/dev/ttyUSB0", 0x1A86, 0x7523), port("/dev/ttyACM0", 0x09D8, 0x0420, "17")]


def test_the_likeliest_reader_comes_first() -> None:
    listed = list_ports(lambda: PORTS)
    assert [(info.device, info.driver) for info in listed] == [
        ("/dev/ttyACM0", "twn4"),
        ("/dev/ttyUSB0", "pn532"),
        ("/dev/ttyS0", ""),
    ]
    assert "CH340" in listed[1].likely


def test_identity_survives_another_port_name() -> None:
    by_device = {info.device: info.identity for info in list_ports(lambda: PORTS)}
    assert by_device == {
        "/dev/ttyACM0": "09D8:0420:17",
        "/dev/ttyUSB0": "1A86:7523:1-2",
        "/dev/ttyS0": "/dev/ttyS0",
    }


@pytest.mark.parametrize("error", [TypeError("device vanished"), OSError(5, "Input/output error")])
def test_a_device_that_vanishes_in_mid_scan(error: Exception) -> None:
    answers = iter([error, PORTS])

    def lister() -> list[ListPortInfo]:
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    assert len(list_ports(lister)) == 3

    def broken() -> list[ListPortInfo]:
        raise error

    assert list_ports(broken) == []


def test_auto_chooses_one_port_at_most() -> None:
    assert likely_readers(lambda: PORTS) == [("twn4", "/dev/ttyACM0")]
    assert likely_readers(lambda: [port("/dev/ttyS0"), port("/dev/ttyUSB1", 0x1234, 0x5678)]) == []


def test_a_stable_name_is_preferred_and_a_missing_permission_explained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    node = tmp_path / "ttyUSB7"
    node.touch()
    stable = tmp_path / "by-id"
    stable.mkdir()
    (stable / "usb-1a86_USB_Serial-if00-port0").symlink_to(node)
    monkeypatch.setattr(discovery.os, "access", lambda path, mode: False)
    monkeypatch.setattr(discovery, "group_of", lambda path: "dialout")
    (info,) = list_ports(lambda: [port(str(node), 0x1A86, 0x7523)], by_id=stable)
    assert info.path == str(stable / "usb-1a86_USB_Serial-if00-port0")
    assert info.problem == "your user is not in the group dialout"
    assert info.cure == "run: sudo usermod -aG dialout $USER and log in again"


def test_the_real_lister_answers() -> None:
    assert isinstance(list_ports(), list)
