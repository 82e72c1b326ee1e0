"""Readers that come and go while the bench runs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bench.card import CardRead, Technology
from bench.clock import stamp
from bench.errors import BadInput, LinkDown, NotFound
from bench.ports import LinkState
from bench.session import Session
from bench.settings import BusSettings, Profile, ReaderSettings
from bench.tokens.store import TokenStore
from devices.rfid.serial_ports import ComputersPorts
from fixtures.readers import VirtualAsciiReader, VirtualPN532
from tests.e2e.world import link, until


@pytest.fixture
async def session(tmp_path: Path) -> AsyncIterator[Session]:
    profile = Profile(bus=BusSettings(url="off"))
    session = Session(profile, TokenStore(f"sqlite:///{tmp_path}/tokens.db"), serial_ports=ComputersPorts(lambda: ()))
    await session.start()
    try:
        yield session
    finally:
        await session.stop()


async def test_a_reader_is_added_set_up_otherwise_and_taken_away(session: Session) -> None:
    with VirtualPN532() as device:
        reader = await session.readers.use(ReaderSettings(driver="pn532", port=device.port))
        await link(session, f"reader:{reader.name}", LinkState.UP)
        assert session.state()["readers"] == [
            {"name": reader.name, "state": "up", "detail": session.links[f"reader:{reader.name}"].detail}
        ]
        with pytest.raises(BadInput, match="cannot sing"):
            session.readers.order(reader.name, "sing")
        other = await session.readers.use(ReaderSettings(driver="ascii", port=device.port, baud=115200))
        assert [each.name for each in session.readers] == [other.name]
        assert other.settings.baud == 115200
        assert f"reader:{reader.name}" not in session.links
        await session.readers.drop(other.name)
    assert not session.readers
    assert session.state()["readers"] == []
    with pytest.raises(NotFound):
        session.readers.order(other.name, "beep")


async def test_a_port_has_one_reader_however_many_are_asked_for_at_once(session: Session) -> None:
    with VirtualAsciiReader() as device:
        for _ in range(2):  # at first the port is free, then it is taken
            wanted = [ReaderSettings(driver=name, port=device.port) for name in ("ascii", "em4100", "ascii")]
            await asyncio.gather(*(session.readers.use(settings) for settings in wanted))
            assert len(session.readers) == 1
        await session.readers.drop(session.readers[0].name)


async def test_its_cards_are_taps(session: Session) -> None:
    with VirtualAsciiReader() as device:
        reader = await session.readers.use(ReaderSettings(driver="ascii", port=device.port))
        await link(session, f"reader:{reader.name}", LinkState.UP)
        device.present("04A2B3C4D5E680")
        await until(session, lambda: session.last_card, "a card")
        assert session.last_card is not None
        assert session.last_card.uid_hex == "04A2B3C4D5E680"
        assert (reader.stats.frames, reader.stats.cards, reader.stats.ups) == (1, 1, 1)
        assert reader.stats.octets > 14


async def test_what_cannot_be_used_changes_nothing(session: Session) -> None:
    with pytest.raises(BadInput):
        await session.readers.use(ReaderSettings(driver="crystal", port="/dev/ttyUSB0"))
    with pytest.raises(BadInput, match="has no option"):
        await session.readers.use(ReaderSettings(driver="pn532", port="/dev/ttyUSB0", options={"sing": "on"}))
    assert not session.readers


async def test_an_order_needs_a_reader_that_is_there(session: Session) -> None:
    assert session.readers.ports is not None
    for facts in session.readers.ports.drivers().values():
        for order in facts.orders:
            reader = await session.readers.use(ReaderSettings(driver=facts.name, port="/dev/none"))
            with pytest.raises(LinkDown):
                session.readers.order(reader.name, order)
            await session.readers.drop(reader.name)


async def test_a_reader_under_test_that_is_set_up_anew_stays_so(session: Session) -> None:
    first = await session.readers.use(ReaderSettings(driver="ascii", port="/dev/none"))
    session.readers.test(first.name, True)
    for driver in ("ascii", "em4100"):
        reader = await session.readers.use(ReaderSettings(driver=driver, port="/dev/none"))
        assert session.readers.is_testing(reader.name)
    await session.readers.drop(reader.name)
    assert not session.readers.is_testing(reader.name)
    again = await session.readers.use(ReaderSettings(driver="em4100", port="/dev/none"))
    assert not session.readers.is_testing(again.name)


async def test_the_last_card_of_a_reader_under_test_is_no_tap(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Read, but not told yet when the reader is taken away: its end tells it."""
    reader = await session.readers.use(ReaderSettings(driver="ascii", port="/dev/none"))
    session.readers.test(reader.name, True)
    stop = reader.stop

    async def tell_and_stop() -> None:
        session.card_read(CardRead(reader.name, b"\x52\x37\xab\x3b", Technology.ISO14443, b"", stamp()), 0)
        await stop()

    monkeypatch.setattr(reader, "stop", tell_and_stop)
    await session.readers.drop(reader.name)
    assert session.last_card is not None
    assert session.exchanges == {}
