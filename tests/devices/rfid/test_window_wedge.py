"""The reader ``keyboard_wedge:window``: bursts of the window as frames and cards of the engine."""

from __future__ import annotations

import asyncio

import pytest

from bench.assembly import Bench, Options, parse_reader
from bench.clock import NS_PER_S, stamp
from bench.errors import BadInput, BenchBug
from bench.ports import LinkState
from bench.settings import ReaderSettings
from devices.rfid import window_wedge
from devices.rfid.window_wedge import WindowWedge
from tests.devices.rfid.test_serial_reader import FakeSink


async def test_a_burst_is_a_frame_and_a_tap_and_its_repeat_is_none() -> None:
    sink, reader = FakeSink(), WindowWedge({"digits": "decimal"})
    await reader.start(sink)
    with pytest.raises(BenchBug):
        await reader.start(sink)
    assert (sink.links[-1].state, bool(sink.links[-1].cure)) == (LinkState.CONNECTING, True)
    reader.window_opened()
    assert sink.links[-1].state is LinkState.UP
    reader.typed("1379380027", stamp())
    reader.typed("1379380027", stamp())
    (card, seq) = sink.taps[0]
    assert len(sink.taps) == 1
    assert (card.reader, card.uid_hex) == ("keyboard_wedge:window", "5237AB3B")
    assert sink.journal.get(seq).raw == b"1379380027"
    await reader.stop()
    assert [removed.repeats for removed in sink.removed] == [1]
    assert sink.links[-1].state is LinkState.OFF
    reader.typed("1379380027", stamp())
    assert len(sink.taps) == 1


async def test_a_card_is_gone_after_a_second_of_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    sink, reader = FakeSink(), WindowWedge()
    now = [stamp()]
    monkeypatch.setattr(window_wedge, "stamp", lambda: now[0])
    await reader.start(sink)
    reader.typed("5237AB3B", now[0])
    now[0] = now[0]._replace(mono_ns=now[0].mono_ns + NS_PER_S)
    reader._gone()
    assert [removed.uid.hex() for removed in sink.removed] == ["5237ab3b"]
    reader.typed("5237AB3B", now[0])
    assert len(sink.taps) == 2
    await reader.stop()


@pytest.mark.parametrize("text", ["4a2b3c4d5e680", "grüße!", "hello you", "7" * 500])
async def test_other_bursts_are_journaled_and_no_card(text: str) -> None:
    sink, reader = FakeSink(), WindowWedge()
    await reader.start(sink)
    reader.typed(text, stamp())
    await reader.stop()
    assert len(sink.journal.since(0)) == 1
    assert sink.taps == []
    assert [finding[0] for finding in sink.findings] == (["reader.lost-zero"] if text.startswith("4a") else [])


def test_bad_options_are_told_at_once() -> None:
    with pytest.raises(BadInput):
        WindowWedge({"digits": "octal"})


@pytest.mark.parametrize(
    "settings",
    [
        ReaderSettings(driver="keyboard_wedge", port="window", options={"digits": "decimal"}),
        ReaderSettings(driver="ascii", port="COM3", baud=9600, options={"prefix": "Card 100%3A: x,y"}),
        ReaderSettings(driver="ascii", port="/dev/ttyUSB0", options={"prefix": r"/^T:(\w+),/"}),
    ],
)
def test_reader_settings_survive_their_text(settings: ReaderSettings) -> None:
    assert parse_reader(settings.text) == settings


async def test_a_bench_has_it_where_it_is_asked_for() -> None:
    options = Options(
        readers=("keyboard_wedge,order=reversed:window",), mqtt="off", ocpp="127.0.0.1:0", api="off", temporary=True
    )
    bench = Bench(options)
    async with asyncio.timeout(20):
        await bench.start()
        try:
            (reader,) = bench.session.readers
            assert isinstance(reader, WindowWedge)
            assert bench.session.links[f"reader:{reader.name}"].state is LinkState.CONNECTING
        finally:
            await bench.stop()
