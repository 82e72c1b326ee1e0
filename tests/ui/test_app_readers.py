"""What the window's composition root does for readers: keys of the window, and the bytes of a capture."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication

from bench.codecs import serial_bytes
from bench.journal.capture import Capture
from bench.ports import LinkState
from bench.session import Session
from bench.settings import BusSettings, Profile, ReaderSettings
from bench.tokens.store import TokenStore
from devices.rfid import drivers
from devices.rfid.serial_ports import ComputersPorts
from ui.app import Application

pytestmark = pytest.mark.gui

WINDOW = ReaderSettings(driver="keyboard_wedge", port="window")


@pytest.fixture
async def session(tmp_path: Path) -> AsyncIterator[Session]:
    session = Session(
        Profile(bus=BusSettings(url="off")),
        TokenStore(f"sqlite:///{tmp_path}/tokens.db"),
        capture=Capture(tmp_path / "capture.db"),
        serial_ports=ComputersPorts(lambda: ()),
    )
    await session.start()
    try:
        yield session
    finally:
        await session.stop()


async def test_a_reader_of_the_window_may_come_and_go_while_it_runs(qtbot, themed, session: Session) -> None:
    app = Application(None)
    app._app = QApplication.instance()
    app._watch_keys(session)
    assert app._wedge is None
    reader = await session.readers.use(WINDOW)
    assert session.links[f"reader:{reader.name}"].state is LinkState.UP
    first = app._wedge
    assert first is not None
    again = await session.readers.use(WINDOW)
    assert session.links[f"reader:{again.name}"].state is LinkState.UP
    assert app._wedge not in (None, first)
    await session.readers.drop(again.name)
    assert app._wedge is None
    await session.readers.use(WINDOW)
    await app._end_bench()
    await session.stop()
    assert app._wedge is None  # a bench that ends takes its keys along


async def test_the_bytes_of_a_capture_are_explained_as_those_of_a_running_bench(
    session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Window:
        def attach(self, session: object, tasks: object) -> None:
            pass

    await session.stop()
    monkeypatch.setattr(serial_bytes, "_EXPLAINED", {})  # a program that ran no bench yet
    drivers.all_drivers.cache_clear()
    app = Application(None)
    app.window, app._tasks = Window(), None
    await app._open_capture(str(tmp_path / "capture.db"))
    spans = serial_bytes.explain("stx_len_type", bytes.fromhex("020A022E00B6D7B5F203"))
    assert [span.name for span in spans] == ["STX", "LEN", "TYPE", "SN", "BCC", "ETX"]
    await app._end_bench()
    drivers.all_drivers.cache_clear()
