"""SerialReader with drivers for readers that send by themselves, on the pseudo-terminals of their virtual twins."""

from __future__ import annotations

import pytest

from bench.card import Technology
from bench.clock import NS_PER_MS, NS_PER_S, stamp
from bench.ports import LinkState
from fixtures.readers.base import Fault, Writing
from fixtures.readers.models import find_model
from tests.devices.rfid.reading import reading

CARD, OTHER = "2E00AF0EC9", "62E3086CED"
MODELS = ["rdm6300", "id12la", "em18", "em4100-plain", "em4100-sum", "7941e"]
DRIVERS = {model: find_model(model).driver for model in MODELS}


@pytest.mark.parametrize(
    ("model", "writing"),
    [(model, Writing.BURSTS) for model in MODELS]
    + [(model, writing) for model in ("em18", "7941e") for writing in (Writing.WHOLE, Writing.BYTEWISE)],
)
async def test_a_card_comes_and_goes(model: str, writing: Writing) -> None:
    with find_model(model).make(writing=writing, repeat_s=0.05 if model != "em18" else 0.15) as device:
        async with reading(DRIVERS[model], device) as (sink, reader):
            device.present(CARD)
            card = await sink.tap()
            await sink.until(lambda: len(sink.messages()) >= 4, "the card sent again")
            began = stamp().mono_ns
            device.remove()
            await sink.until(lambda: sink.removed, "the card removed")
            took_ns = stamp().mono_ns - began
    assert (card.reader, card.uid_hex, card.technology) == (reader.name, CARD, Technology.EM4100)
    assert len(sink.taps) == 1
    assert sink.removed[0].repeats >= 2
    assert 0.8 * NS_PER_S < took_ns < 3 * NS_PER_S
    message = sink.journal.get(sink.taps[0][1])
    assert message is not None
    assert message.raw == card.raw
    assert not any(told.malformed for told in sink.messages())


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize(
    ("fault", "writing"),
    [
        (Fault.NOISE, Writing.WHOLE),
        (Fault.NOISE, Writing.BURSTS),
        (Fault.BAD_CHECKSUM, Writing.BYTEWISE),
        (Fault.HALF_FRAME, Writing.WHOLE),
        (Fault.SILENT, Writing.WHOLE),
    ],
)
async def test_a_card_comes_through(model: str, fault: Fault, writing: Writing) -> None:
    with find_model(model).make(writing=writing, repeat_s=0.15) as device:
        async with reading(DRIVERS[model], device) as (sink, _):
            device.inject(fault)
            device.present(CARD)
            card = await sink.tap()
    assert card.uid_hex == CARD
    malformed = b"".join(message.raw for message in sink.messages() if message.malformed)
    if fault is Fault.NOISE:
        assert malformed.startswith(device.noise.rstrip(b"\r\n"))
    else:
        assert bool(malformed) is (fault is not Fault.SILENT)
    told = [rule for rule, *_ in sink.findings if rule == "reader.checksum"]
    assert len(told) == (fault is Fault.BAD_CHECKSUM and model != "em4100-plain")


@pytest.mark.parametrize("model", MODELS)
async def test_unplugged_within_a_frame_and_plugged_in_again(model: str) -> None:
    with find_model(model).make(repeat_s=0.15) as device:
        async with reading(DRIVERS[model], device) as (sink, _):
            device.inject(Fault.HALF_FRAME_UNPLUG)
            device.present(CARD)
            await sink.until(lambda: sink.links[-1].state is LinkState.FAULTY, "the loss")
            assert sink.taps == []
            device.remove()
            device.replug()
            back = stamp().mono_ns
            await sink.up()
            took_ms = (stamp().mono_ns - back) / NS_PER_MS
            device.present(OTHER)
            assert (await sink.tap()).uid_hex == OTHER
    assert took_ms < 1500


@pytest.mark.parametrize("transport", ["auto", "socket"])
async def test_what_each_technology_of_a_7941e_becomes(transport: str) -> None:
    uids = {
        "6B3D12D6": Technology.ISO14443,
        "04A2B3C4D5E680": Technology.ISO14443,
        "E004010012345678": Technology.ISO15693,
        "2E00B6D7B5": Technology.EM4100,
    }
    with find_model("7941e").make(transport=transport) as device:
        async with reading(DRIVERS["7941e"], device) as (sink, _):
            for number, uid in enumerate(uids, 1):
                device.present(uid)
                await sink.tap(number)
    assert {card.uid_hex: card.technology for card, _ in sink.taps} == uids


async def test_the_sum_is_told_as_a_finding() -> None:
    with find_model("em4100-sum").make() as device:
        async with reading("em4100", device) as (sink, _):
            device.present(CARD)
            await sink.until(lambda: sink.findings, "the finding")
    assert sink.findings[0][:2] == ("reader.checksum-sum", "info")
