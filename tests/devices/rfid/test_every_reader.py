"""What every driver must stand, shown with every virtual reader: unplugged at any byte, back again, no thread left."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import pytest

from bench.card import Technology
from bench.clock import NS_PER_MS, stamp
from bench.ports import LinkState
from devices.rfid.drivers import all_drivers
from devices.rfid.port import SerialReader
from fixtures.readers import Fault, Writing
from fixtures.readers.base import Model
from fixtures.readers.models import all_models
from tests.devices.rfid.reading import FakeSink

_FIRST = {model.driver: name for name, model in reversed(all_models().items())}
MODELS = [  # one for each driver; its other models are for the slow lane
    pytest.param(model, id=name, marks=() if _FIRST[model.driver] == name else pytest.mark.slow)
    for name, model in all_models().items()
]
FIRST = [pytest.param(all_models()[name], id=name) for name in sorted(_FIRST.values())]
SPARE = {"pn532": 1}
"""Bytes at the end of a driver's frames that say nothing (the PN532's postamble): without them the card may count, or not."""
UIDS = {len(uid) // 2: bytes.fromhex(uid) for uid in ("5237AB3B", "3C00CE754C", "04A2B3C4D5E680", "E0241A2B3C4D5E6F")}


def uid_for(model: Model) -> bytes:
    return UIDS[next(length for length in (7, 4, 5, 8) if length in model.lengths)]


@pytest.mark.parametrize("model", MODELS)
async def test_unplugged_in_a_frame_and_back(model: Model) -> None:
    await unplugged(model, (1, 4, 8))


@pytest.mark.slow
@pytest.mark.parametrize("model", FIRST)
async def test_unplugged_at_any_byte_and_back(model: Model) -> None:
    await unplugged(model, range(1, 24))


async def unplugged(model: Model, cuts: Sequence[int]) -> None:
    """After each number of bytes of its frame; the card that was cut off is no tap, the next one is."""
    uid = uid_for(model)
    with model.make() as device:
        sink = FakeSink()
        reader = SerialReader(model.driver, device.port, options=model.options)
        await reader.start(sink)
        try:
            await sink.up()
            for cut in cuts:
                taps = len(sink.taps)
                device.cut_at = cut
                device.inject(Fault.HALF_FRAME_UNPLUG)
                device.present(uid)
                await sink.until(lambda: sink.links[-1].state is LinkState.FAULTY, f"the loss after {cut} bytes")
                device.remove()
                if device.withheld > SPARE.get(model.driver, 0):
                    assert len(sink.taps) == taps, f"a tap from {cut} bytes"
                else:
                    assert all(card.uid == uid for card, _ in sink.taps[taps:])
                device.replug()
                back = stamp().mono_ns
                await sink.up()
                assert (stamp().mono_ns - back) / NS_PER_MS < 2000
            taps = len(sink.taps)
            device.present(uid)
            card = await sink.tap(taps + 1)
            assert card.uid == uid
            if len(uid) == 5:
                assert card.technology is Technology.EM4100
        finally:
            await reader.stop()
        assert reader.stats.ups == len(cuts) + 1
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("reader ")]


@pytest.mark.parametrize("writing", list(Writing))
@pytest.mark.parametrize("model", MODELS)
async def test_a_card_in_every_way_of_writing(model: Model, writing: Writing) -> None:
    uid = uid_for(model)
    with model.make(writing=writing) as device:
        sink = FakeSink()
        reader = SerialReader(model.driver, device.port, options=model.options)
        await reader.start(sink)
        try:
            await sink.up()
            device.inject(Fault.NOISE)
            device.present(uid)
            assert (await sink.tap()).uid == uid
            device.remove()
            if writing is Writing.BURSTS:
                await sink.until(lambda: sink.removed, "the card gone")
            assert len(sink.taps) == 1
        finally:
            await reader.stop()


def test_every_driver_has_a_twin() -> None:
    assert {model.driver for model in all_models().values()} == set(all_drivers())
