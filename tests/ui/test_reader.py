"""The Reader panel on true readers: a session, a driver's thread and a virtual device on a pseudo-terminal."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from PySide6.QtWidgets import QPushButton

from bench.ports import LinkState
from bench.serial_port import Detected, PortInfo
from bench.session import Change, Session
from bench.settings import BusSettings, Profile, ReaderSettings
from bench.tasks import Tasks
from bench.tokens.store import TokenStore
from devices.rfid.serial_ports import ComputersPorts
from fixtures.readers import Fault, VirtualAsciiReader, VirtualPN532
from tests.e2e.world import link, until
from ui.models.readers import ReaderTableModel, rows_of
from ui.panels.reader import ReaderPanel

pytestmark = [pytest.mark.gui, pytest.mark.qt_log_ignore("This plugin does not support")]

UID = "04A2B3C4D5E680"
LOW = 166
"""Height of the panel in a fresh window of 1280x800, in pixels."""


class Ports(ComputersPorts):
    """The computer's, but for what is plugged in and detected."""

    def __init__(self) -> None:
        super().__init__(lambda: ())
        self.there: list[PortInfo] = []
        self.found: Detected | None = None
        self.detected: list[str] = []

    async def ports(self) -> list[PortInfo]:
        return self.there

    async def detect(self, port: str) -> Detected | None:
        self.detected.append(port)
        return self.found


@pytest.fixture
def ports() -> Ports:
    return Ports()


@pytest.fixture
async def session(tmp_path: Path, ports: Ports) -> AsyncIterator[Session]:
    session = Session(
        Profile(bus=BusSettings(url="off")), TokenStore(f"sqlite:///{tmp_path}/tokens.db"), serial_ports=ports
    )
    await session.start()
    try:
        yield session
    finally:
        await session.stop()


class Shown:
    """A panel that is refreshed as the window does."""

    def __init__(self, panel: ReaderPanel, session: Session) -> None:
        self.panel, self.session = panel, session
        self.notices: list[tuple[str, str]] = []
        self.changes: set[tuple[Change, object]] = set()
        panel.notice.connect(lambda severity, text: self.notices.append((severity, text)))
        session.subscribe(lambda change, key: self.changes.add((change, key)))

    def refresh(self) -> None:
        changes, self.changes = self.changes, set()
        self.panel._looked_ns = 0  # as after two seconds
        self.panel.refresh(changes)

    async def until(self, holds: Callable[[], object], what: str) -> None:
        async with asyncio.timeout(8):
            while True:
                self.refresh()
                if holds():
                    return
                await asyncio.sleep(0.01)  # the window's own beat
        pytest.fail(what)


@pytest.fixture
async def shown(qtbot, themed, session: Session) -> AsyncIterator[Shown]:
    panel = ReaderPanel()
    qtbot.addWidget(panel)
    panel.resize(1260, 260)
    tasks = Tasks()
    panel.attach(session, tasks)
    panel.show()
    yield Shown(panel, session)
    await tasks.cancel()


def test_the_model_is_a_model(qtmodeltester, themed):
    model = ReaderTableModel()
    model.show(rows_of((), {}, [PortInfo("/dev/ttyUSB0", "/dev/ttyUSB0", "n/a", likely="CH340", driver="pn532")]))
    qtmodeltester.check(model)


async def test_a_free_port_is_offered_and_used(shown: Shown, ports: Ports):
    panel = shown.panel
    assert "No serial port" in panel.state.whole_text()
    with VirtualPN532() as device:
        ports.there = [
            PortInfo(device.port, device.port, "adapter", 0x1A86, 0x7523, likely="CH340 adapter", driver="pn532")
        ]
        await shown.until(lambda: panel.table.model().rowCount() == 1, "the port")
        row = [panel.table.model().index(0, column).data() for column in range(4)]
        assert row == [device.port, "free", "pn532?", "CH340 adapter"]
        assert panel.setup.driver.currentText() == "pn532"
        panel.setup.use_button.click()
        await shown.until(lambda: panel.reader is not None, "the reader")
        await link(shown.session, f"reader:{panel.reader.name}", LinkState.UP)
        device.present(UID)
        await shown.until(lambda: "04 A2 B3 C4 D5 E6 80" in panel.card.text(), "the card")
        assert "ISO14443" in panel.card.text()
        assert panel.counters["cards"].text() == "1"
        frames = panel.frames.table.model()
        await shown.until(frames.rowCount, "a frame")
        panel.frames.table.selectRow(frames.rowCount() - 1)
        assert panel.bytes.rows.rowCount() > 5
        panel.setup.drop_button.click()
        await shown.until(lambda: panel.reader is None, "the port free again")
        assert panel.table.model().index(0, 1).data() == "free"


async def test_a_test_tap_asks_nothing(shown: Shown, session: Session):
    panel = shown.panel
    with VirtualAsciiReader() as device:
        reader = await session.readers.use(ReaderSettings(driver="ascii", port=device.port))
        await link(session, f"reader:{reader.name}", LinkState.UP)
        shown.refresh()
        panel.testing.click()
        device.present(UID)
        await shown.until(lambda: panel.card.text(), "the card")
        assert session.exchanges == {}
        device.remove()
        await until(session, lambda: session.last_removed, "the card gone")
        panel.testing.click()
        device.present(UID)
        await until(session, lambda: session.exchanges, "the tap")


async def test_noise_is_counted(shown: Shown, session: Session):
    with VirtualPN532() as device:
        reader = await session.readers.use(ReaderSettings(driver="pn532", port=device.port))
        await link(session, f"reader:{reader.name}", LinkState.UP)
        device.inject(Fault.BAD_CHECKSUM)
        device.present(UID)
        await shown.until(lambda: shown.panel.counters["checksum"].text() == "1", "the bad frame")
        await shown.until(lambda: shown.panel.counters["cards"].text() == "1", "the card all the same")


async def test_detect_fills_in_the_form(shown: Shown, ports: Ports):
    panel = shown.panel
    panel.setup.port.setText("/dev/ttyUSB9")
    ports.found = Detected("ascii", 115200, "it read a card")
    panel.setup.detect_button.click()
    await shown.until(lambda: shown.notices and shown.notices[-1][0] == "ok", "the finding")
    assert ports.detected == ["/dev/ttyUSB9"]
    assert panel.setup.settings() == ReaderSettings(
        driver="ascii", port="/dev/ttyUSB9", baud=115200, options=panel.setup.settings().options
    )
    ports.found = None
    panel.setup.detect_button.click()
    await shown.until(lambda: shown.notices[-1][0] == "warn", "the word that there is none")


async def test_a_port_in_use_is_not_detected(shown: Shown, session: Session, ports: Ports):
    reader = await session.readers.use(ReaderSettings(driver="pn532", port="/dev/none"))
    shown.refresh()
    shown.panel.setup.detect_button.click()
    assert ports.detected == []
    assert "let go of it first" in shown.notices[-1][1]
    await session.readers.drop(reader.name)


async def test_a_reader_without_a_baud_rate_cannot_be_used(shown: Shown):
    setup = shown.panel.setup
    setup.port.setText("/dev/ttyUSB9")
    setup.driver.setCurrentText("twn4")
    assert setup.use_button.isEnabled()
    setup.baud.setEditText("")
    assert not setup.use_button.isEnabled()
    setup.baud.setEditText("9600")
    assert setup.use_button.isEnabled()


@pytest.mark.parametrize("driver", ["pn532", "ascii", "stronglink_aabb"])
async def test_nothing_of_the_panel_is_below_the_edge_of_a_low_window(shown: Shown, driver: str):
    shown.panel.setup.driver.setCurrentText(driver)
    assert shown.panel.minimumSizeHint().height() <= LOW


async def test_orders_are_buttons(shown: Shown, session: Session):
    def buttons() -> dict[str, QPushButton]:
        told = [each for each in shown.panel.findChildren(QPushButton) if each.toolTip().startswith("Tell the reader")]
        return {each.text().lower(): each for each in told if not each.isHidden()}

    for facts in session.readers.ports.drivers().values():
        reader = await session.readers.use(ReaderSettings(driver=facts.name, port="/dev/none"))
        wanted = {order.lower() for order in facts.orders}
        await shown.until(lambda wanted=wanted: set(buttons()) == wanted, f"the buttons {wanted}")
        for order in wanted:
            buttons()[order].click()
            await shown.until(lambda: shown.notices and "not ready" in shown.notices[-1][1], "the refusal")
            shown.notices.clear()
        await session.readers.drop(reader.name)


async def test_what_cannot_be_used_cannot_be_pressed(shown: Shown):
    setup = shown.panel.setup
    setup.port.setText("/dev/none")
    assert setup.use_button.isEnabled()
    for baud in ("", "fast", "0", "-9600", "9" * 5000):
        setup.baud.setEditText(baud)
        assert not setup.use_button.isEnabled()
        assert setup.settings() is None
    setup.baud.setEditText("250000")
    assert setup.use_button.isEnabled()


async def test_a_look_for_ports_that_never_began_is_not_the_last(qtbot, themed, session: Session, ports: Ports):
    panel, tasks = ReaderPanel(), Tasks()
    qtbot.addWidget(panel)
    panel.attach(session, tasks)
    await tasks.cancel()
    ports.there = [PortInfo("/dev/ttyUSB0", "/dev/ttyUSB0", "adapter", 0x1A86, 0x7523, driver="pn532")]
    panel.attach(session, tasks)
    shown = Shown(panel, session)
    await shown.until(lambda: panel.table.model().rowCount() == 1, "the port")
    await tasks.cancel()


async def test_a_port_that_comes_does_not_take_the_place_of_the_one_being_typed(shown: Shown, ports: Ports):
    panel = shown.panel
    panel.setup.port.setText("/dev/pts/7")
    ports.there = [PortInfo("/dev/ttyUSB0", "/dev/ttyUSB0", "adapter", 0x1A86, 0x7523, driver="pn532")]
    await shown.until(lambda: panel.table.model().rowCount() == 1, "the port")
    assert panel.setup.port.text() == "/dev/pts/7"
    panel.table.activated.emit(panel.table.currentIndex())
    assert panel.setup.port.text() == "/dev/ttyUSB0"


async def test_after_the_last_reader_nothing_is_there_to_let_go(shown: Shown, session: Session):
    panel = shown.panel
    await session.readers.use(ReaderSettings(driver="pn532", port="/dev/none"))
    await shown.until(lambda: panel.reader is not None, "the reader")
    assert panel.setup.drop_button.isEnabled()
    panel.setup.drop_button.click()
    await shown.until(lambda: panel.reader is None, "no reader")
    assert not panel.setup.drop_button.isEnabled()
    assert panel.setup.use_button.text() == "Use"
    assert panel.setup.port.text() == "/dev/none"
