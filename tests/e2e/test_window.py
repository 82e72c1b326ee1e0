"""The real window over the whole demo bench, driven as a person would: keyboard, mouse, eyes on what it says."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt

from tests.e2e.technician import Technician
from ui.models.station_events import Column

pytestmark = [pytest.mark.gui, pytest.mark.qt_log_ignore("This plugin does not support", extend=True)]

NEW_CARD = "04CAFE12345680"


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
    await technician.key(Qt.Key.Key_F)
    line = messages.filter_line.line
    assert line.hasFocus()
    technician.type_into(line, "link:ocpp name:Authorize")
    model = messages.table.model()
    await technician.see(lambda: model.rowCount() == 2, model.rowCount)
    technician.type_into(line, "link:ocpp (name:")
    await technician.see(lambda: bool(messages.filter_line.error.text()), messages.filter_line.error.text)


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
