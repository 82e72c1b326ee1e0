"""TWN4, StrongLink and Ehuoyan readers from wire to engine, against their virtual twins."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

import pytest

from bench.card import Technology
from bench.clock import NS_PER_MS, stamp
from bench.message import Direction, Message
from bench.ports import LinkState
from devices.rfid.port import SerialReader
from fixtures.readers import Fault, VirtualReader, Writing
from fixtures.readers.models import find_model
from fixtures.readers.stronglink import VirtualAabb, VirtualStrongLink
from fixtures.readers.twn4 import VirtualTWN4
from tests.devices.rfid.test_serial_reader import FakeSink

UID4, UID7, EM, VICINITY = "5237AB3B", "04A2B3C4D5E680", "3C00CE754C", "E004010012345678"
POLLED_MODELS = ["twn4", "twn4-crc", "sl025", "sl032", "yhy523u"]
MODELS = [*POLLED_MODELS, "twn4-push"]


@asynccontextmanager
async def reading(driver: str, device: VirtualReader, **options: str) -> AsyncIterator[FakeSink]:
    sink = FakeSink()
    reader = SerialReader(driver, device.port, options=options)
    await reader.start(sink)
    try:
        await sink.up()
        yield sink
    finally:
        await reader.stop()


@asynccontextmanager
async def model(name: str, **made: object) -> AsyncIterator[tuple[VirtualReader, FakeSink]]:
    known = find_model(name)
    with known.make(**made) as device:
        async with reading(known.driver, device, **known.options) as sink:
            yield device, sink


@pytest.mark.parametrize("name", MODELS)
async def test_a_card_comes_and_goes(name: str) -> None:
    async with model(name, writing=Writing.BYTEWISE) as (device, sink):
        device.present(UID7)
        card = await sink.tap()
        device.remove()
        await sink.until(lambda: sink.removed, "the card removed")
        device.present(UID4)
        second = await sink.tap(2)
    assert (card.uid_hex, card.technology) == (UID7, Technology.ISO14443)
    assert second.uid_hex == UID4
    if name == "yhy523u":
        assert (card.atqa, second.sak, second.atqa) == (0x0044, 0x08, 0x0004)
    assert [message.raw for message in sink.messages() if message.raw == card.raw]
    assert len(sink.taps) == 2


@pytest.mark.parametrize("name", POLLED_MODELS)
async def test_a_resting_card_is_one_tap(name: str) -> None:
    async with model(name) as (device, sink):
        device.present(UID4)
        await sink.tap()

        def polls() -> list[Message]:
            asked = ("SearchTag", "Select card", "Request")
            return [message for message in sink.messages(Direction.OUT) if message.decoded.name in asked]

        found = sink.journal.head
        before = len(polls())
        await sink.until(lambda: len(polls()) >= before + 5, "five more polls")
        assert not [message for message in sink.journal.since(found) if message.malformed]
        assert not sink.removed
        device.remove()
        await sink.until(lambda: sink.removed, "the card removed")
    assert len(sink.taps) == 1
    assert sink.removed[0].repeats >= 2


@pytest.mark.parametrize("name", POLLED_MODELS)
@pytest.mark.parametrize(
    ("fault", "writing"),
    [
        (Fault.NOISE, Writing.BURSTS),
        (Fault.BAD_CHECKSUM, Writing.BYTEWISE),
        (Fault.HALF_FRAME, Writing.WHOLE),
    ],
)
async def test_a_card_comes_through(name: str, fault: Fault, writing: Writing) -> None:
    async with model(name, writing=writing) as (device, sink):
        device.inject(fault)
        device.present(UID7)
        card = await sink.tap()
    assert card.uid_hex == UID7
    assert len(sink.taps) == 1
    malformed = b"".join(message.raw for message in sink.journal.since(0) if message.malformed)
    assert device.noise in malformed if fault is Fault.NOISE else malformed


@pytest.mark.parametrize("name", MODELS)
async def test_half_a_frame_then_unplugged_and_back(name: str) -> None:
    async with model(name) as (device, sink):
        device.inject(Fault.HALF_FRAME_UNPLUG)
        device.present(UID7)
        await sink.until(lambda: sink.links[-1].state is LinkState.FAULTY, "the loss")
        assert sink.taps == []
        device.remove()
        device.replug()
        back = stamp().mono_ns
        await sink.up()
        assert (stamp().mono_ns - back) / NS_PER_MS < 2000
        device.present(UID4)
        assert (await sink.tap()).uid_hex == UID4


@pytest.mark.parametrize("name", POLLED_MODELS)
async def test_silence_is_told_and_the_reader_found_again(name: str) -> None:
    async with model(name) as (device, sink):
        device.present(UID4)
        await sink.tap()
        device.inject(Fault.SILENT, times=None)
        await sink.until(lambda: sink.links[-1].state is LinkState.FAULTY, "the fault")
        assert "stopped answering" in sink.links[-1].detail
        assert sink.links[-1].cure
        assert [removed.uid.hex().upper() for removed in sink.removed] == [UID4]
        device.clear_faults()
        await sink.up()
        assert (await sink.tap(2)).uid_hex == UID4


async def test_what_a_twn4_reads() -> None:
    with VirtualTWN4() as device:
        async with reading("twn4", device) as sink:
            for count, (uid, technology) in enumerate(
                [
                    (EM, Technology.EM4100),
                    (VICINITY, Technology.ISO15693),
                    ("02ABCDEF", Technology.HID),
                    ("0102030405060708", Technology.FELICA),
                    ("04112233445566778899", Technology.ISO14443),
                ],
                1,
            ):
                device.present(uid, technology=technology)
                card = await sink.tap(count)
                assert (card.uid_hex, card.technology) == (uid, technology)
                device.remove()
    assert not sink.findings


@pytest.mark.parametrize("with_crc", [False, True])
async def test_several_cards_on_a_twn4(with_crc: bool) -> None:
    with VirtualTWN4(with_crc=with_crc) as device:
        device.present(UID4)
        device.present(UID7)
        device.present("0102030405AA07")
        async with reading("twn4", device, firmware="simple") as sink:
            await sink.tap(3)
            device.remove(UID4)
            await sink.until(lambda: sink.removed, "one card removed")
    assert {card.uid_hex for card, _ in sink.taps} == {UID4, UID7, "0102030405AA07"}
    assert sink.removed[0].uid.hex().upper() == UID4


async def test_a_twn4_that_turns_iso15693() -> None:
    with VirtualTWN4(low_first=True) as device:
        device.present(VICINITY)
        async with reading("twn4", device) as sink:
            await sink.until(lambda: sink.findings, "the finding")
        assert sink.findings[0][0] == "reader.reversed-15693"
        async with reading("twn4", device, iso15693="reversed") as turned:
            assert (await turned.tap()).uid_hex == VICINITY
        assert not turned.findings


async def test_a_twn4_that_sends_by_itself_is_found_without_being_told() -> None:
    with VirtualTWN4(push=True) as device:
        async with reading("twn4", device) as sink:
            assert "listening" in sink.links[-1].detail
            device.present(EM)
            assert (await sink.tap()).technology is Technology.EM4100
            device.repeat()
            await sink.until(lambda: sink.removed, "the silence after it")
            device.inject(Fault.NOISE)
            device.present(UID7)
            assert (await sink.tap(2)).uid_hex == UID7
    assert len(sink.taps) == 2
    assert sink.removed[0].repeats == 1


async def test_two_cards_on_an_sl032_are_a_finding() -> None:
    with VirtualStrongLink(model="SL032") as device:
        device.present(UID4)
        async with reading("stronglink", device) as sink:
            await sink.tap()
            device.present(UID7)
            await sink.until(lambda: sink.findings, "the finding")
            assert not sink.removed
            device.remove(UID4)
            assert (await sink.tap(2)).uid_hex == UID7
    assert [finding[0] for finding in sink.findings] == ["reader.collision"]


@pytest.mark.parametrize("uid", ["12AA3456", "AAAAAAAA", "AABB0600", "04AABBAA00AABB"])
async def test_aa_in_a_uid(uid: str) -> None:
    with VirtualAabb() as device:
        device.present(uid)
        async with reading("stronglink_aabb", device) as sink:
            assert (await sink.tap()).uid_hex == uid
    assert not [message for message in sink.journal.since(0) if message.malformed]


@pytest.mark.parametrize("iso15693", [False, True])
async def test_an_sl500_obeys_another_id(iso15693: bool) -> None:
    make = partial(VirtualAabb, version="SL500F", device=b"\x00\x00", parameter=False)
    uid, options = (VICINITY, {"cards": "iso15693"}) if iso15693 else (UID4, {})
    with make(iso15693=iso15693) as device:
        device.present(uid)
        async with reading("stronglink_aabb", device, **options) as sink:
            assert (await sink.tap()).uid_hex == uid
            assert "SL500F" in sink.links[-1].detail


async def test_two_cards_collide_on_an_aabb_reader() -> None:
    with VirtualAabb(collides=True) as device:
        device.present(UID4)
        device.present("11223344")
        async with reading("stronglink_aabb", device) as sink:
            await sink.until(lambda: sink.findings, "the finding")
            device.remove(UID4)
            assert (await sink.tap()).uid_hex == "11223344"
    assert sink.findings[0][0] == "reader.collision"
