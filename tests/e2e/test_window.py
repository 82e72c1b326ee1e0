"""The real window over the whole demo bench, driven as a person would: keyboard, mouse, eyes on what it says."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import pytest_asyncio
from PySide6.QtCore import QEvent, Qt
from PySide6.QtWidgets import QApplication

from bench.assembly import Options
from bench.exchange import Verdict
from bench.tasks import Tasks
from fixtures.demo import Demo
from ui.models.station_events import Column
from ui.window import MainWindow, make_window

pytestmark = [pytest.mark.gui, pytest.mark.qt_log_ignore("This plugin does not support", extend=True)]

LIMIT_S = 10.0
NEW_CARD = "04CAFE12345680"


class Technician:
    """Hands and eyes at one window."""

    def __init__(self, qtbot, window: MainWindow, demo: Demo) -> None:
        self.qtbot = qtbot
        self.window = window
        self.work = window.workspace
        self.demo = demo
        self.session = demo.session

    async def see(self, what: Callable[[], bool], told: Callable[[], object] = lambda: "") -> None:
        """Look until it is so."""
        try:
            async with asyncio.timeout(LIMIT_S):
                while not what():  # noqa: ASYNC110 - nothing tells of a repaint
                    await asyncio.sleep(0.02)  # the loop is Qt's: this is the window painting, not a wait for luck
        except TimeoutError:
            pytest.fail(f"never seen; the window says {told()!r}")

    def click(self, widget) -> None:
        assert widget.isEnabled(), widget.text()
        self.qtbot.mouseClick(widget, Qt.MouseButton.LeftButton)

    def type_into(self, field, text: str) -> None:
        field.selectAll()
        self.qtbot.keyClicks(field, text)

    async def present(self, uid: str) -> None:
        """Type a UID and present it; the verdict card tells when it is through."""
        before = max(self.session.exchanges, default=0)
        self.type_into(self.work.tap.uid, uid)
        self.click(self.work.tap.present_button)
        await self.see(lambda: max(self.session.exchanges, default=0) > before)
        exchange = self.session.exchanges[max(self.session.exchanges)]
        await self.see(lambda: not exchange.open)
        words = {Verdict.ACCEPTED: "ACCEPTED", Verdict.REJECTED: "REJECTED"}
        await self.see(
            lambda: words[exchange.verdict] in self.work.tap.verdict.word.text(),
            lambda: self.work.tap.verdict.word.text(),
        )

    async def said(self, part: str) -> None:
        station = self.work.station
        await self.see(lambda: part in station.said.text(), station.said.text)


@pytest_asyncio.fixture
async def technician(qtbot, tmp_path: Path) -> AsyncIterator[Technician]:
    _, window = make_window(size=(1280, 800), state_file=tmp_path / "window.ini", theme="light")
    window.show()
    options = Options(ocpp="127.0.0.1:0", api="off", mqtt="embedded", charger="sim", temporary=True)
    tasks = Tasks()
    async with Demo(options, "pn532", ()) as demo:
        window.attach(demo.session, tasks)
        yield Technician(qtbot, window, demo)
        await tasks.cancel()
        window.release()
    # Not handed to qtbot, which would delete it while the session still speaks to it.
    window.hide()
    window.deleteLater()
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


async def test_a_swipe_shows_its_verdict_story_and_messages(technician: Technician) -> None:
    exchange = await technician.demo.tap("04A2B3C4D5E680")
    work = technician.work
    await technician.see(lambda: "ACCEPTED" in work.tap.verdict.word.text(), work.tap.verdict.word.text)
    await technician.see(lambda: "".join(work.tap.card.uid_label.text().split()) == "04A2B3C4D5E680")
    await technician.see(lambda: work.exchanges.table.model().rowCount() == 1)
    technician.window.select_exchange(exchange.id)
    technician.window.messages.show_exchange(exchange.id)
    shown = len(exchange.sequences)
    await technician.see(lambda: technician.window.messages.table.model().rowCount() >= shown)


async def test_an_unknown_card_is_refused_enrolled_and_accepted(technician: Technician) -> None:
    await technician.present(NEW_CARD)
    assert "REJECTED" in technician.work.tap.verdict.word.text()
    assert technician.session.store.get(NEW_CARD) is None
    technician.click(technician.work.tap.enrol_button)
    await technician.see(lambda: technician.session.store.get(NEW_CARD) is not None)
    token = technician.session.store.get(NEW_CARD)
    assert token.contract_id.startswith("GBABX")
    assert len(token.contract_id) == 15
    await technician.present(NEW_CARD)
    assert "ACCEPTED" in technician.work.tap.verdict.word.text()


async def test_a_token_is_blocked_and_the_next_tap_is_refused(technician: Technician) -> None:
    tokens = technician.work.tokens
    technician.work.show_panel(tokens)
    technician.type_into(tokens.search, "TAG-7")
    await technician.see(lambda: tokens.table.model() is not None and tokens.table.model().rowCount() == 1)
    tokens.table.selectRow(0)
    technician.click(tokens.block_button)
    await technician.see(lambda: not technician.session.store.get("04A2B3C4D5E680").valid)
    await technician.present("04A2B3C4D5E680")
    assert "REJECTED" in technician.work.tap.verdict.word.text()
    assert technician.session.exchanges[max(technician.session.exchanges)].reason == "blocked"


async def test_a_filter_narrows_the_messages_and_a_wrong_one_says_where(technician: Technician) -> None:
    await technician.present("04A2B3C4D5E680")
    messages = technician.window.messages
    technician.qtbot.keyClick(technician.window, Qt.Key.Key_F, Qt.KeyboardModifier.ControlModifier)
    line = messages.filter_line.line
    technician.type_into(line, "link:ocpp name:Authorize")
    model = messages.table.model()
    await technician.see(lambda: model.rowCount() == 2, model.rowCount)
    technician.type_into(line, "link:ocpp (name:")
    await technician.see(lambda: bool(messages.filter_line.error.text()), messages.filter_line.error.text)


async def test_the_list_is_pushed_and_a_known_card_no_longer_asks(technician: Technician) -> None:
    station = technician.work.station
    technician.work.show_panel(station)
    await technician.see(lambda: station.table.model() is not None and station.table.model().rowCount() == 1)
    technician.click(station.orders.push_button)
    await technician.said("accepted as version 1")
    technician.click(station.orders.version_button)
    await technician.said("1")
    await technician.present("04A2B3C4D5E680")
    exchange = technician.session.exchanges[max(technician.session.exchanges)]
    assert exchange.decided_by == "list"
    assert not any(hop.name == "Authorize" for hop in exchange.hops)


async def test_the_cache_is_cleared_and_the_card_asks_again(technician: Technician) -> None:
    station = technician.work.station
    technician.work.show_panel(station)
    await technician.present("04A2B3C4D5E680")
    await technician.present("04A2B3C4D5E680")
    assert technician.session.exchanges[max(technician.session.exchanges)].decided_by == "cache"
    await technician.see(lambda: station.orders.clear_button.isEnabled())
    technician.click(station.orders.clear_button)
    await technician.said("cleared")
    await technician.present("04A2B3C4D5E680")
    assert technician.session.exchanges[max(technician.session.exchanges)].decided_by == "store"


async def test_an_evse_is_taken_out_of_service_and_the_station_s_word_is_opened(technician: Technician) -> None:
    station = technician.work.station
    technician.work.show_panel(station)
    await technician.see(lambda: station.table.model() is not None and station.table.model().rowCount() == 1)
    orders = station.orders
    orders.availability_evse.setValue(1)
    orders.availability.setCurrentText("Inoperative")
    technician.click(orders.availability_button)
    await technician.said("changed its availability")
    technician.type_into(orders.vendor_id, "com.example")
    technician.type_into(orders.vendor_data, "lamp on")
    technician.click(orders.data_button)
    await technician.said("does not know that vendor")
    station.tabs.setCurrentWidget(station.events)
    table = station.events.table

    def values() -> list[str]:
        return [table.model().index(row, Column.VALUE).data() for row in range(table.model().rowCount())]

    await technician.see(lambda: {"Unavailable", "lamp on"} <= set(values()), values)
    index = table.model().index(values().index("Unavailable"), Column.WHAT)
    technician.qtbot.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, pos=table.visualRect(index).center())
    technician.qtbot.keyClick(table, Qt.Key.Key_Return)
    message = technician.work.inspector.message
    assert message.decoded.name == "StatusNotification"
    assert b"Unavailable" in message.raw
    station.tabs.setCurrentWidget(station.facts)
    await technician.see(lambda: "PowerUp" in [fact.value for fact in station.facts._shown])
