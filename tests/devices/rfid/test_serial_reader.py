"""SerialReader from wire to engine, against virtual readers that speak the true protocols."""

from __future__ import annotations

import asyncio
import statistics
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
import serial

from bench.assembly import parse_reader
from bench.card import Technology
from bench.clock import NS_PER_MS, Stamp, stamp
from bench.errors import BadInput, BenchBug
from bench.message import Direction
from bench.ports import LinkState
from devices.rfid.port import SerialReader
from fixtures.readers import Fault, VirtualAsciiReader, VirtualPN532, VirtualReader, Writing
from fixtures.readers.ascii import ZAPAROO
from tests.devices.rfid.reading import FakeSink, reading

UID4, UID7 = "5237AB3B", "04A2B3C4D5E680"


@pytest.fixture(params=list(Writing))
def writing(request: pytest.FixtureRequest) -> Writing:
    return request.param


@pytest.mark.parametrize("transport", ["auto", "socket"])
async def test_a_pn532_card_in_every_way_of_writing(writing: Writing, transport: str) -> None:
    with VirtualPN532(writing=writing, transport=transport) as device:
        async with reading("pn532", device) as (sink, reader):
            device.present(UID7)
            card = await sink.tap()
            device.remove()
            await sink.until(lambda: sink.removed, "the card removed")
    assert reader.name == f"pn532:{device.port}"
    assert (card.reader, card.uid_hex, card.technology) == (reader.name, UID7, Technology.ISO14443)
    assert (card.sak, card.atqa) == (0x00, 0x0044)
    message = sink.journal.get(sink.taps[0][1])
    assert message is not None
    assert message.raw == card.raw
    assert message.decoded.summary == f"1 target, SENS_RES 0044, UID {UID7}"
    assert len(sink.taps) == 1
    assert not any(message.malformed for message in sink.journal.since(0))
    assert "PN532 firmware 1.6" in sink.links[-2].detail


@pytest.mark.parametrize("transport", ["auto", "socket"])
async def test_an_ascii_card_in_every_way_of_writing(writing: Writing, transport: str) -> None:
    with VirtualAsciiReader(writing=writing, transport=transport) as device:
        async with reading("ascii", device) as (sink, _):
            device.present(UID7)
            device.present(UID4)
            await sink.tap(2)
    assert [card.uid_hex for card, _ in sink.taps] == [UID7, UID4]
    assert [sink.journal.get(seq).raw.strip() for _, seq in sink.taps] == [
        b"Card UID: 04 A2 B3 C4 D5 E6 80",
        b"Card UID: 52 37 AB 3B",
    ]


async def test_a_held_card_is_one_tap_and_its_repeats_are_counted() -> None:
    with VirtualPN532() as device:
        async with reading("pn532", device) as (sink, _):
            device.present(UID7)
            await sink.tap()
            hits = lambda: [m for m in sink.messages() if m.decoded.summary.startswith("1 target")]  # noqa: E731
            await sink.until(lambda: len(hits()) >= 4, "four reads")
            reads = len(hits())
            device.remove()
            await sink.until(lambda: sink.removed, "the card removed")
    assert len(sink.taps) == 1
    assert sink.removed[0].repeats >= reads - 1


async def test_two_cards_with_and_without_ats() -> None:
    with VirtualPN532() as device:
        async with reading("pn532", device) as (sink, _):
            device.present(UID7, ats=bytes.fromhex("067577810280"))
            device.present(UID4)
            await sink.tap(2)
    assert {(card.uid_hex, card.sak, card.ats.hex()) for card, _ in sink.taps} == {
        (UID7, 0x20, "067577810280"),
        (UID4, 0x08, ""),
    }


@pytest.mark.parametrize(
    ("fault", "writing"),
    [
        (Fault.NOISE, Writing.BURSTS),
        (Fault.BAD_CHECKSUM, Writing.BYTEWISE),
        (Fault.HALF_FRAME, Writing.WHOLE),
        (Fault.RESPONSE_BEFORE_ACK, Writing.WHOLE),
        (Fault.RESPONSE_BEFORE_ACK, Writing.BURSTS),
    ],
)
async def test_a_pn532_card_comes_through(fault: Fault, writing: Writing) -> None:
    with VirtualPN532(writing=writing) as device:
        async with reading("pn532", device) as (sink, _):
            device.inject(fault)
            device.present(UID7)
            card = await sink.tap()
    assert card.uid_hex == UID7
    malformed = b"".join(message.raw for message in sink.journal.since(0) if message.malformed)
    match fault:
        case Fault.NOISE:
            assert device.noise in malformed
        case Fault.BAD_CHECKSUM | Fault.HALF_FRAME:
            assert bytes.fromhex("00FF0FF1D54B01") in malformed
        case Fault.RESPONSE_BEFORE_ACK:
            assert not malformed


@pytest.mark.parametrize(
    ("fault", "writing"),
    [(Fault.NOISE, Writing.BURSTS), (Fault.NOISE, Writing.BYTEWISE), (Fault.HALF_FRAME, Writing.WHOLE)],
)
async def test_an_ascii_card_comes_through(fault: Fault, writing: Writing) -> None:
    with VirtualAsciiReader(writing=writing, style=ZAPAROO) as device:
        async with reading("ascii", device) as (sink, _):
            device.say(b"PN532 reader v1\r\n")
            device.inject(fault)
            device.present(UID7)
            if fault is Fault.HALF_FRAME:
                await sink.until(lambda: sink.journal.malformed, "the half line")
                device.repeat()
            card = await sink.tap()
    assert card.uid_hex == UID7
    assert sink.journal.malformed


async def test_a_pn532_that_does_not_answer_is_told_and_woken_again() -> None:
    with VirtualPN532() as device:
        async with reading("pn532", device) as (sink, _):
            device.inject(Fault.NO_ACK, times=None)
            await sink.until(lambda: sink.links[-1].state is LinkState.FAULTY, "the fault")
            assert "stopped answering" in sink.links[-1].detail
            assert sink.links[-1].cure
            device.clear_faults()
            await sink.up()
            device.present(UID4)
            assert (await sink.tap()).uid_hex == UID4


async def test_a_port_without_a_pn532_behind_it() -> None:
    with VirtualAsciiReader() as device:
        sink = FakeSink()
        reader = SerialReader("pn532", device.port)
        await reader.start(sink)
        await sink.until(lambda: sink.links and sink.links[-1].state is LinkState.FAULTY, "the fault")
        await reader.stop()
    assert "no PN532 answers on this port" in sink.links[-2].detail


@pytest.mark.parametrize(
    ("driver", "model", "transport"),
    [("pn532", VirtualPN532, "auto"), ("ascii", VirtualAsciiReader, "auto"), ("ascii", VirtualAsciiReader, "socket")],
)
async def test_unplug_and_replug(driver: str, model: type[VirtualReader], transport: str) -> None:
    with model(transport=transport) as device:
        async with reading(driver, device) as (sink, _):
            device.present(UID7)
            await sink.tap()
            device.unplug()
            await sink.until(lambda: sink.links[-1].state is LinkState.FAULTY, "the loss")
            missing = "nothing listens" if transport == "socket" else "does not exist"
            await sink.until(lambda: missing in sink.links[-1].detail, "the missing port")
            assert [removed.uid.hex().upper() for removed in sink.removed] == [UID7]
            device.replug()
            back = stamp().mono_ns
            await sink.up()
            took_ms = (stamp().mono_ns - back) / NS_PER_MS
            device.remove()
            device.present(UID4)
            await sink.until(lambda: sink.taps[-1][0].uid_hex == UID4, "the card after replugging")
    assert took_ms < 1500


@pytest.mark.parametrize(("driver", "model"), [("pn532", VirtualPN532), ("ascii", VirtualAsciiReader)])
async def test_half_a_frame_then_unplugged_gives_no_card(driver: str, model: type[VirtualReader]) -> None:
    with model() as device:
        async with reading(driver, device) as (sink, _):
            device.inject(Fault.HALF_FRAME_UNPLUG)
            device.present(UID7)
            await sink.until(lambda: sink.links[-1].state is LinkState.FAULTY, "the loss")
            assert sink.taps == []
            device.replug()
            await sink.up()
            device.remove()
            device.present(UID4)
            assert (await sink.tap()).uid_hex == UID4


async def test_a_missing_port_is_awaited(tmp_path: Path) -> None:
    sink = FakeSink()
    reader = SerialReader("ascii", str(tmp_path / "ttyRFID"))
    await reader.start(sink)
    await sink.until(lambda: sink.links and sink.links[-1].state is LinkState.FAULTY, "the fault")
    assert "does not exist" in sink.links[-1].detail
    with VirtualAsciiReader() as device:
        (tmp_path / "ttyRFID").symlink_to(device.port)
        await sink.up()
        await reader.stop()


async def test_a_busy_port_is_told_and_taken_once_it_is_free() -> None:
    with VirtualAsciiReader() as device:
        other = serial.Serial(device.port, exclusive=True)
        sink = FakeSink()
        reader = SerialReader("ascii", device.port)
        await reader.start(sink)
        await sink.until(lambda: sink.links and sink.links[-1].state is LinkState.FAULTY, "the fault")
        assert "in use by another program" in sink.links[-1].detail
        assert "ModemManager" in sink.links[-1].cure
        other.close()
        await sink.up()
        await reader.stop()


async def test_while_we_read_nobody_else_gets_the_port() -> None:
    with VirtualAsciiReader() as device:
        async with reading("ascii", device):
            with pytest.raises(serial.SerialException, match="exclusively lock"):
                serial.Serial(device.port, exclusive=True)


async def test_a_file_is_no_port(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    sink = FakeSink()
    reader = SerialReader("ascii", str(tmp_path / "file"))
    await reader.start(sink)
    await sink.until(lambda: sink.links and sink.links[-1].state is LinkState.FAULTY, "the fault")
    await reader.stop()
    assert "is not a serial port" in sink.links[-2].detail


async def test_a_url_that_cannot_be_is_not_tried_again() -> None:
    sink = FakeSink()
    reader = SerialReader("ascii", "nonsense://x")
    await reader.start(sink)
    await sink.until(lambda: sink.links and sink.links[-1].state is LinkState.FAULTY, "the fault")
    assert "correct the port" in sink.links[-1].cure
    await reader.stop()


@pytest.mark.parametrize(("driver", "port"), [("pn533", "/dev/ttyUSB0"), ("pn532", " ")])
def test_what_cannot_be_a_reader(driver: str, port: str) -> None:
    with pytest.raises(BadInput):
        SerialReader(driver, port)


async def test_a_lost_zero_becomes_a_finding() -> None:
    with VirtualAsciiReader() as device:
        async with reading("ascii", device) as (sink, _):
            device.say(b"Card UID: 4a2b3c4d5e680\r\n")
            await sink.until(lambda: sink.findings, "the finding")
    rule, severity, text, cure = sink.findings[0]
    assert (rule, severity) == ("reader.lost-zero", "warn")
    assert "dropped a leading zero" in text
    assert cure
    assert sink.taps == []


async def test_every_frame_both_ways_is_journaled() -> None:
    with VirtualPN532() as device:
        async with reading("pn532", device) as (sink, _):
            device.present(UID7)
            await sink.tap()
    assert [message.decoded.name for message in sink.messages(Direction.OUT)][:4] == [
        "SAMConfiguration",
        "GetFirmwareVersion",
        "RFConfiguration",
        "InListPassiveTarget",
    ]
    names = [message.decoded.name for message in sink.messages()]
    assert names[:6] == ["ACK", "SAMConfiguration", "ACK", "GetFirmwareVersion", "ACK", "RFConfiguration"]


async def test_a_reader_stops_twice_and_starts_again() -> None:
    with VirtualAsciiReader() as device:
        sink = FakeSink()
        reader = SerialReader("ascii", device.port)
        await reader.stop()
        for _ in range(2):
            await reader.start(sink)
            with pytest.raises(BenchBug):
                await reader.start(sink)
            await sink.up()
            await reader.stop()
            await reader.stop()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("reader ")]


async def test_stop_is_quick_whatever_the_reader_does(tmp_path: Path) -> None:
    sink = FakeSink()
    waiting = SerialReader("ascii", str(tmp_path / "none"))
    await waiting.start(sink)
    await sink.until(lambda: sink.links and sink.links[-1].state is LinkState.FAULTY, "the fault")
    with VirtualAsciiReader() as device:
        blocked = SerialReader("ascii", device.port)
        await blocked.start(sink)
        await sink.up()
        began = stamp().mono_ns
        await asyncio.gather(waiting.stop(), blocked.stop())
        assert (stamp().mono_ns - began) / NS_PER_MS < 1000


async def test_a_fault_of_a_driver_stops_its_reader_and_is_told(
    monkeypatch: pytest.MonkeyPatch, expected_log: Callable[[str], None]
) -> None:
    from devices.rfid.drivers.ascii import AsciiLines

    def broken(self: AsciiLines, data: bytes, at: Stamp) -> list:
        raise ValueError("ours")

    expected_log("fault in this program")
    with VirtualAsciiReader() as device:
        async with reading("ascii", device) as (sink, _):
            monkeypatch.setattr(AsciiLines, "feed", broken)
            device.present(UID4)
            await sink.until(lambda: sink.links[-1].state is LinkState.FAULTY, "the fault")
            assert "fault in the bench" in sink.links[-1].detail


async def test_a_flood_of_lines_arrives_whole_and_in_order() -> None:
    lines = [f"line {number}" for number in range(3000)]
    with VirtualAsciiReader() as device:
        async with reading("ascii", device) as (sink, _):
            device.say("".join(line + "\r\n" for line in lines).encode())
            await sink.until(lambda: sink.journal.head >= len(lines), "all lines")
    assert [message.raw.decode().strip() for message in sink.messages()] == lines


async def test_from_the_last_byte_to_the_engine_takes_about_a_millisecond() -> None:
    with VirtualAsciiReader() as device:
        async with reading("ascii", device) as (sink, _):
            for number in range(1, 51):
                device.present(bytes([0x52, 0x37, 0xAB, number]))
                await sink.tap(number)
                device.remove()
    # Generous: the machine may be busy with other things.
    assert statistics.median(sink.delays_ns) / NS_PER_MS < 5


async def test_a_baud_rate_beyond_all_is_told_with_a_cure() -> None:
    """pyserial raises OverflowError for it: no fault of ours."""
    with pytest.raises(BadInput, match="no baud rate"):
        parse_reader(f"pn532,baud={'9' * 5000}:/dev/none")
    with VirtualPN532() as device:
        sink = FakeSink()
        reader = SerialReader("pn532", device.port, 1 << 40)
        await reader.start(sink)
        await sink.until(lambda: sink.links and sink.links[-1].state is LinkState.FAULTY, "the refusal")
        assert "correct the port or the baud rate" in sink.links[-1].cure
        await reader.stop()
