"""The panel Local list over the whole demo bench: what a technician does with a charger's list, by mouse and keyboard."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from PySide6.QtCore import Qt

from bench.list_view import Progress
from tests.e2e.technician import Technician
from ui.models.local_list import Column
from ui.panels.local_list import LocalListPanel
from ui.widgets import grouped

pytestmark = [pytest.mark.gui, pytest.mark.qt_log_ignore("This plugin does not support", extend=True)]

CARD = "04A2B3C4D5E680"
CHARGER = "CP-001"


def difference(panel: LocalListPanel, uid: str) -> str:
    """What its row says of a card; empty where it has none."""
    model = panel.table.model()
    for row in range(model.rowCount()):
        if model.index(row, Column.UID).data() == grouped(uid):
            return str(model.index(row, Column.DIFFERENCE).data())
    return ""


def word(panel: LocalListPanel) -> str:
    badge = panel.orders.badge.badge
    return "" if badge is None else badge.word


async def opened(technician: Technician) -> LocalListPanel:
    """The panel, opened by its key, with the charger in it."""
    panel = technician.work.local_list
    await technician.key(Qt.Key.Key_7)
    await technician.see(lambda: panel.station is not None and panel.link.text() == "● connected")
    return panel


async def reconciled(technician: Technician) -> LocalListPanel:
    """The panel after a first push: the charger holds the store's list."""
    panel = await opened(technician)
    technician.click(panel.orders.reconcile_button)
    await technician.see(lambda: word(panel) == "PUSHED, SOME LEFT OUT", panel.orders.said.text)
    return panel


async def block(technician: Technician, uid: str) -> None:
    """Under Tokens, by hand."""
    tokens = technician.work.tokens
    technician.work.show_panel(tokens)
    technician.type_into(tokens.search, uid)
    await technician.see(lambda: tokens.table.model().rowCount() == 1)
    tokens.table.selectRow(0)
    technician.click(tokens.block_button)
    await technician.see(lambda: not technician.session.store.get(uid).valid)


def at_part(technician: Technician, part: int, do: Callable[[], None]) -> None:
    """Do that when the window shows that message of a push as the one under way, before it is sent."""
    orders = technician.work.local_list.orders
    show, parts = orders.show_progress, {part}

    def look(progress: Progress) -> None:
        show(progress)
        if progress.part in parts:
            parts.clear()
            do()

    orders.show_progress = look


async def test_an_edit_is_a_difference_until_it_is_reconciled(technician: Technician) -> None:
    panel = await reconciled(technician)
    assert panel.orders.versions.text() == "v0 → v1"
    assert difference(panel, CARD) == "= same"
    await block(technician, CARD)
    panel = await opened(technician)
    await technician.see(lambda: difference(panel, CARD) == "≠ update", lambda: difference(panel, CARD))
    assert panel.orders.plan.text().startswith("Reconcile sends: Differential, 1 entry in 1 message")
    technician.click(panel.orders.reconcile_button)
    await technician.see(lambda: panel.orders.versions.text() == "v1 → v2", panel.orders.said.text)
    await technician.see(lambda: difference(panel, CARD) == "= same")
    assert technician.demo.charger.station.local_list.version == 2
    chip = technician.work.strip.chips()["list"]
    await technician.see(lambda: chip.text_shown.detail == "v2 = v2", lambda: chip.text_shown.detail)


async def test_a_card_that_the_list_knows_no_longer_asks(technician: Technician) -> None:
    await technician.key(Qt.Key.Key_L)
    panel = technician.work.local_list
    await technician.see(lambda: word(panel) == "PUSHED, SOME LEFT OUT", panel.orders.said.text)
    assert not panel.visibleRegion().isEmpty(), "the key brings it to the front"
    technician.click(panel.orders.version_button)
    await technician.see(lambda: panel.orders.said.text() == "The local list has version 1.", panel.orders.said.text)
    await technician.present(CARD)
    exchange = technician.session.exchanges[max(technician.session.exchanges)]
    assert exchange.decided_by == "list"
    assert not any(hop.name == "Authorize" for hop in exchange.hops)


async def test_a_push_in_many_messages_is_cancelled_between_two(technician: Technician) -> None:
    technician.demo.charger.behaviour.items_per_message = 1
    panel = await opened(technician)
    at_part(technician, 4, lambda: technician.click(panel.orders.cancel_button))
    technician.click(panel.orders.full_button)
    await technician.see(lambda: word(panel) == "CANCELLED", panel.orders.said.text)
    held = technician.demo.charger.station.local_list
    assert len(held) == 4, "the message under way is finished"
    assert panel.orders.versions.text() == "v0 → v4"
    await technician.see(lambda: "4 same" in panel.counts.whole_text(), panel.counts.whole_text)
    panel.orders.report_button.click()
    outcomes = [panel.report.model().index(row, 7).data() for row in range(panel.report.model().rowCount())]
    assert outcomes == ["✔ taken"] * 4, "the state is known, message by message"
    technician.click(panel.orders.reconcile_button)
    await technician.see(lambda: word(panel) == "PUSHED, SOME LEFT OUT", panel.orders.said.text)
    assert "0 add · 0 update · 0 delete" in panel.counts.whole_text()


async def test_a_station_that_says_yes_and_does_nothing_is_told_loudly(technician: Technician) -> None:
    technician.demo.charger.behaviour.lying_list = True
    panel = await opened(technician)
    technician.click(panel.orders.full_button)
    await technician.see(lambda: word(panel) == "DID NOT MOVE", panel.orders.said.text)
    assert "Accepted, but the version did not move" in panel.orders.said.text()
    assert panel.orders.versions.text() == "v0 → v0"
    assert any(finding.rule == "list.not-taken" for finding in technician.session.findings)


async def test_a_station_that_drops_in_the_middle_is_offered_the_rest(technician: Technician) -> None:
    behaviour = technician.demo.charger.behaviour
    behaviour.items_per_message = 1
    panel = await opened(technician)
    at_part(technician, 4, lambda: behaviour.drop_link_on.add("SendLocalList"))
    technician.click(panel.orders.full_button)
    await technician.see(lambda: panel.link.text() == "□ not connected" or word(panel) == "NO ANSWER", panel.link.text)
    behaviour.drop_link_on.clear()
    await technician.see(panel.offer.isVisible, lambda: (panel.link.text(), panel.orders.said.text()))
    assert "is back with version 3" in panel.offer.text.whole_text()
    technician.click(panel.offer.accept_button)
    await technician.see(lambda: word(panel) == "PUSHED, SOME LEFT OUT", panel.orders.said.text)
    await technician.see(lambda: not panel.offer.isVisible())
    assert "0 add · 0 update · 0 delete" in panel.counts.whole_text()
    entries = technician.session.lists.view(CHARGER).rows
    assert len(technician.demo.charger.station.local_list) == sum(row.held is not None for row in entries)
