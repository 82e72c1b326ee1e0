"""The Local list panel: store and station side by side, what would be sent, what came of it."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from dataclasses import replace

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QPushButton

from bench.answers import ChunkReport, PushReport
from bench.errors import LinkDown
from bench.exchange import MASK
from bench.list_view import Difference, ListRow, Mode, Plan, Progress
from bench.ports import LinkState
from bench.station import ListLimits, Station
from bench.tokens.list_shadow import NOT_PUSHED
from bench.tokens.model import CacheMode, IdTokenType
from tests.ui.stub_session import make_token
from ui.models import list_words
from ui.models.local_list import Column, LocalListModel, entry_text
from ui.panels.local_list import LIST_MESSAGES, LocalListPanel
from ui.widgets import grouped

FIRST, SECOND, THIRD = "04A2B3C4D5E680", "04B1C2D3E4F580", "04C1C2D3E4F580"


@pytest.fixture
def shelf(stub):
    """Two tokens that CP-001 holds as they are, and CP-002, which is away."""
    for uid in (FIRST, SECOND):
        token = make_token(uid)
        stub.store.tokens[token.key] = token
    stub.stations["CP-001"] = Station(
        "CP-001", "2.0.1", list_version=7, limits=ListLimits(20, 8192, 1000, enabled=True)
    )
    stub.stations["CP-002"] = Station("CP-002", "1.6", connected=False)
    stub.lists.holds("CP-001", stub.store.all(), 7)
    return stub


@pytest.fixture
def panel(qtbot, themed, shelf, tasks):
    made = LocalListPanel()
    qtbot.addWidget(made)
    made.resize(1250, 230)
    made.attach(shelf, tasks)
    made.show()
    made.refresh(set())
    return made


async def settled(tasks):
    """Wait until what the panel started has ended."""
    async with asyncio.timeout(5):
        await asyncio.gather(*tasks._tasks, return_exceptions=True)


async def changed(panel, stub, *tokens):
    await stub.store.put_many(list(tokens))
    panel.refresh({("tokens", None)})


def shown(panel, column=Column.UID):
    model = panel.table.model()
    return [model.index(row, column).data() for row in range(model.rowCount())]


def click(qtbot, button):
    assert button.isEnabled(), button.text()
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


# The table


def row(uid="04A2", kind="ISO14443", wanted=None, held=None, difference=Difference.SAME, why=""):
    return ListRow(uid, kind, wanted, held, difference, why)


def test_the_model_is_a_model(qtmodeltester, themed):
    model = LocalListModel()
    model.show([row(), row("4711", difference=Difference.ADD)], known=True)
    qtmodeltester.check(model)


def test_entries_of_either_version_are_told_alike():
    new = {
        "idToken": {"idToken": "04A2", "type": "ISO14443"},
        "idTokenInfo": {
            "status": "Accepted",
            "groupIdToken": {"idToken": "FLEET-2", "type": "Central"},
            "cacheExpiryDateTime": "2026-12-31T23:59:00Z",
        },
    }
    old = {
        "idTag": "04A2",
        "idTagInfo": {"status": "Accepted", "parentIdTag": "FLEET-2", "expiryDate": "2026-12-31T23:59:00Z"},
    }
    assert entry_text(new) == entry_text(old) == "✔ Accepted · until 2026-12-31 23:59Z · group FLEET-2"
    assert entry_text({"idTag": "04A2"}) == "listed"
    assert entry_text(None) == ""
    assert entry_text({"idTag": "04A2", "idTagInfo": {"status": "Blocked"}}) == "✖ Blocked"


def test_a_group_that_is_a_key_code_is_masked():
    info = {"status": "Accepted", "groupIdToken": {"idToken": "4711", "type": "KeyCode"}}
    assert "4711" not in entry_text({"idToken": {}, "idTokenInfo": info})


def test_a_difference_is_a_word_a_sign_and_a_colour(themed):
    model = LocalListModel()
    model.show([row(difference=each) for each in Difference], known=True)
    at = [model.index(n, Column.DIFFERENCE) for n in range(len(Difference))]
    assert {index.data() for index in at} == {"= same", "+ add", "≠ update", "− delete", "○ left out"}
    assert len({index.data(Qt.ItemDataRole.ForegroundRole).name() for index in at}) == len(Difference)


def test_what_the_station_holds_may_be_unknown(themed):
    model = LocalListModel()
    entry = {"idTag": "04A2", "idTagInfo": {"status": "Accepted"}}
    model.show([row(wanted=entry), row("04B1", wanted=entry, held=entry)], known=False)
    assert [model.index(n, Column.STATION).data() for n in (0, 1)] == ["? unknown", "? ✔ Accepted"]
    model.show([row(wanted=entry)], known=True)
    assert model.index(0, Column.STATION).data() == "—"


def test_a_hundred_thousand_rows_are_filtered_and_sorted_without_a_stall(themed):
    entry = {"idTag": "x", "idTagInfo": {"status": "Accepted"}}
    rows = [
        row(f"{n:014X}", "", entry, entry, Difference.ADD if n % 1000 == 0 else Difference.SAME) for n in range(100_000)
    ]
    model = LocalListModel()
    began = time.process_time()
    model.show(rows, known=True)
    model.only_differences(True)
    assert model.rowCount() == 100
    model.only_differences(False)
    model.search("1869F")
    assert model.rowCount() == 1
    model.search("")
    model.sort(Column.DIFFERENCE)
    assert model.index(0, Column.DIFFERENCE).data() == "+ add"
    assert time.process_time() - began < 3, "five whole passes; measured 0.4 s"


async def test_an_edit_shows_as_a_difference_and_reconcile_ends_it(qtbot, panel, shelf, tasks):
    assert shown(panel, Column.DIFFERENCE) == ["= same", "= same"]
    assert panel.orders.badge.badge.word == "IN STEP"
    assert "nothing to send" in panel.orders.plan.text()
    await changed(panel, shelf, make_token(FIRST, valid=False), make_token(THIRD))
    assert shown(panel) == [grouped(uid) for uid in (FIRST, SECOND, THIRD)]
    assert shown(panel, Column.DIFFERENCE) == ["≠ update", "= same", "+ add"]
    assert shown(panel, Column.STORE)[0] == "✖ Blocked"
    assert shown(panel, Column.STATION)[0] == "✔ Accepted"
    assert panel.orders.badge.badge.word == "DIFFERS"
    assert panel.counts.whole_text() == "1 add · 1 update · 0 delete · 0 left out · 1 same"
    assert panel.orders.plan.text() == "Reconcile sends: Differential, 2 entries in 1 message, 331 bytes"
    assert "Differential, 2 entries" in panel.orders.reconcile_button.toolTip()
    click(qtbot, panel.orders.reconcile_button)
    await settled(tasks)
    assert shelf.orders == [("push", "CP-001", "reconcile")]
    assert shown(panel, Column.DIFFERENCE) == ["= same"] * 3
    assert panel.orders.badge.badge.word == "PUSHED"
    assert panel.orders.versions.text() == "v7 → v8"
    assert panel.orders.said.text() == "3 entries accepted as version 8 (before: 7)."
    await changed(panel, shelf, make_token(SECOND, valid=False))
    assert panel.orders.badge.badge.word == "DIFFERS"


async def test_why_a_token_is_left_out_stands_beside_it(panel, shelf):
    await changed(panel, shelf, make_token(THIRD, cache_mode=CacheMode.NEVER))
    at = shown(panel, Column.DIFFERENCE).index("○ left out")
    assert shown(panel, Column.WHY)[at] == "its cacheMode is NEVER"
    assert "1 left out" in panel.counts.whole_text()


async def test_key_codes_are_masked(panel, shelf):
    shelf.store.tokens.clear()
    await changed(panel, shelf, make_token("4711", id_token_type=IdTokenType.KEY_CODE))
    assert shown(panel)[-1] == MASK
    texts = [text for column in Column for text in shown(panel, column)]
    assert not any("4711" in text for text in texts)
    panel.search.setText("4711")
    panel._search()
    assert shown(panel) == [], "what is masked is not found by it either"


async def test_a_filter_takes_uids_as_they_are_printed(qtbot, panel, shelf):
    qtbot.keyClicks(panel.search, "04 b1 c2")
    qtbot.waitUntil(lambda: shown(panel) == [grouped(SECOND)])
    panel.search.setText("04:A2:B3")
    qtbot.waitUntil(lambda: shown(panel) == [grouped(FIRST)])
    panel.search.setText("no such card")
    qtbot.waitUntil(lambda: panel.nothing.isVisible())
    assert panel.nothing.title.text() == "Nothing matches the filter"


async def test_only_differences(qtbot, panel, shelf):
    panel.only.click()
    assert panel.nothing.isVisible()
    assert panel.nothing.title.text() == "Nothing differs"
    await changed(panel, shelf, make_token(FIRST, valid=False))
    assert shown(panel) == [grouped(FIRST)]
    kept = panel.remembered()
    panel.only.click()
    panel.recall(kept)
    assert panel.only.isChecked()


async def test_the_picked_row_stays_picked_while_rows_come(panel, shelf):
    panel.table.selectRow(1)
    await changed(panel, shelf, make_token("0400000000000A"), make_token("0400000000000B"))
    assert panel.table.currentIndex().data() == grouped(SECOND)


# Facts


def test_one_line_tells_the_facts(panel):
    assert panel.facts.whole_text() == (
        "OCPP 2.0.1 · list v7, expected v7 · holds 2 of 1,000 entries · 20 entries and 8,192 bytes a message · enabled"
    )
    assert panel.link.text() == "● connected"


async def test_a_list_that_is_switched_off_is_told(panel, shelf):
    shelf.stations["CP-001"].limits.enabled = False
    panel.refresh({("station", "CP-001")})
    assert panel.facts.whole_text().endswith("⚠ switched off")


async def test_what_is_not_known_is_said_with_its_reason(panel, shelf):
    shelf.lists.of("CP-001").shadow.forget(NOT_PUSHED)
    shelf.stations["CP-001"].limits = ListLimits()
    panel.refresh({("list", "CP-001")})
    assert panel.orders.badge.badge.word == "UNKNOWN"
    assert panel.orders.said.text() == "What CP-001 holds is unknown: this bench has not pushed a list to it."
    assert "what it holds now is unknown · limits not known yet" in panel.facts.whole_text()
    assert not panel.orders.differential_button.isEnabled(), "a change of nobody knows what"
    assert panel.orders.reconcile_button.isEnabled()
    assert "Full, 2 entries" in panel.orders.plan.text()


async def test_another_station_is_picked_by_hand_and_from_elsewhere(qtbot, panel, shelf):
    assert [panel.picker.itemText(n) for n in range(panel.picker.count())] == ["CP-001", "CP-002 (off)"]
    with qtbot.waitSignal(panel.station_selected) as told:
        panel.picker.setCurrentIndex(1)
        panel.picker.activated.emit(1)
    assert told.args == ["CP-002"]
    assert panel.link.text() == "□ not connected"
    assert not panel.orders.reconcile_button.isEnabled()
    with qtbot.assertNotEmitted(panel.station_selected):
        panel.select_station("CP-001")
    assert panel.link.text() == "● connected"
    shelf.stations["CP-003"] = Station("CP-003", "2.0.1")
    panel.refresh({("station", "CP-003")})
    assert panel.station.id == "CP-001", "one that comes takes nothing over"


def test_nothing_is_compared_before_somebody_looks(qtbot, themed, shelf, tasks):
    panel = LocalListPanel()
    qtbot.addWidget(panel)
    panel.attach(shelf, tasks)
    assert panel.station.id == "CP-001"
    assert shelf.lists.views == 0


async def test_a_heartbeat_makes_nothing_anew(panel, shelf):
    before = shelf.lists.views
    shelf.stations["CP-001"].last_heartbeat_utc_ns = 5
    panel.refresh({("station", "CP-001")})
    assert shelf.lists.views == before
    shelf.stations["CP-001"].connected = False
    panel.refresh({("station", "CP-001")})
    assert panel.link.text() == "□ not connected"


# Orders


def place_of(panel):
    buttons = [each for each in panel.orders.findChildren(QPushButton) if each.text() != "Messages"]
    return [each.mapTo(panel, each.rect().topLeft()).toTuple() + each.size().toTuple() for each in buttons]


async def test_a_push_shows_each_message_and_is_cancelled(qtbot, panel, shelf, tasks):
    await changed(panel, shelf, make_token(THIRD))
    shelf.lists.hold = asyncio.Event()
    text = "cancelled after 2 of 5 messages; it took 100 of 250 entries before"
    shelf.lists.answer = PushReport(False, "Cancelled", text, 100, (), 7, 9, 9)
    orders = panel.orders
    before = place_of(panel)
    click(qtbot, orders.full_button)
    await asyncio.sleep(0)
    assert orders.badge.badge.word == "PUSHING"
    assert orders.said.text() == "message 2 of 5 · 100 of 250 entries accepted"
    assert (orders.bar.isVisible(), orders.bar.value(), orders.bar.maximum()) == (True, 100, 250)
    assert not any(
        each.isEnabled()
        for each in (orders.reconcile_button, orders.full_button, orders.version_button, orders.clear_button)
    )
    QApplication.processEvents()
    assert place_of(panel) == before
    click(qtbot, orders.cancel_button)
    assert not orders.cancel_button.isEnabled()
    shelf.lists.hold.set()
    await settled(tasks)
    assert [order[0] for order in shelf.orders] == ["push", "cancel"]
    assert (orders.badge.badge.word, orders.badge.badge.role) == ("CANCELLED", "warn")
    assert orders.said.text() == "Cancelled after 2 of 5 messages; it took 100 of 250 entries before."
    assert orders.versions.text() == "v7 → v9"
    assert not orders.bar.isVisible()
    QApplication.processEvents()
    assert place_of(panel) == before


async def test_accepted_without_moving_cannot_be_overlooked(qtbot, panel, shelf, tasks):
    text = "Accepted, but the version did not move: it is still 7, 8 was sent"
    chunk = ChunkReport(1, "Full", 8, 2, 412, "Accepted", 7)
    shelf.lists.answer = PushReport(False, "Accepted", text, 2, (), 7, 8, 7, (chunk,))
    click(qtbot, panel.orders.full_button)
    await settled(tasks)
    assert (panel.orders.badge.badge.word, panel.orders.badge.badge.role) == ("DID NOT MOVE", "fail")
    assert panel.orders.versions.text() == "v7 → v7"
    assert panel.orders.said.text() == f"{text}."
    panel.orders.report_button.click()
    assert panel.report.isVisible()
    cells = [panel.report.model().index(0, column).data() for column in range(8)]
    assert cells == ["1", "Full", "2", "412", "v8", "Accepted", "v7", "✖ not taken"]
    panel.orders.report_button.click()
    assert panel.table.isVisible()


async def test_a_refusal_says_the_next_step(qtbot, panel, shelf, tasks):
    text = "the station answered VersionMismatch: its list stays as it was; push the full list"
    shelf.lists.answer = PushReport(False, "VersionMismatch", text, 0, (), 7, 8, 7)
    click(qtbot, panel.orders.differential_button)
    await settled(tasks)
    assert shelf.orders == [("push", "CP-001", "differential")]
    assert panel.orders.badge.badge.word == "VERSION MISMATCH"
    assert panel.orders.said.text().endswith("push the full list.")


async def test_a_link_that_breaks_is_told_where_it_was_asked(qtbot, panel, shelf, tasks):
    shelf.refuse = LinkDown("CP-001 is gone", "wait until it is back")
    click(qtbot, panel.orders.reconcile_button)
    await settled(tasks)
    assert panel.orders.badge.badge.word == "FAILED"
    assert panel.orders.said.text() == "CP-001 is gone; wait until it is back."
    assert panel.orders.reconcile_button.isEnabled()


async def test_version_and_cache_are_asked_for(qtbot, panel, shelf, tasks):
    click(qtbot, panel.orders.version_button)
    assert panel.orders.said.text() == "Asking CP-001 for the version of its list…"
    await settled(tasks)
    assert panel.orders.said.text() == "The local list has version 7."
    click(qtbot, panel.orders.clear_button)
    await settled(tasks)
    assert panel.orders.said.text() == "The station cleared its cache."
    assert [order[0] for order in shelf.orders] == ["read_version", "clear_cache"]


async def test_what_came_of_it_stays_with_its_station(qtbot, panel, shelf, tasks):
    click(qtbot, panel.orders.version_button)
    await settled(tasks)
    panel.select_station("CP-002")
    assert panel.orders.badge.badge.word == "UNKNOWN"
    panel.select_station("CP-001")
    assert panel.orders.said.text() == "The local list has version 7."


async def test_a_push_by_somebody_else_is_told_too(panel, shelf):
    kept = shelf.lists.of("CP-001")
    kept.progress = Progress(Mode.FULL, 1, 3, 0, 60)
    panel.refresh({("list", "CP-001")})
    assert panel.orders.said.text() == "message 1 of 3 · 0 of 60 entries accepted"
    kept.progress, kept.report = None, PushReport(True, "Accepted", "60 entries accepted", 60, (), 7, 10, 10)
    panel.refresh({("list", "CP-001")})
    assert panel.orders.badge.badge.word == "PUSHED"


async def test_ctrl_l_reconciles_or_says_why_not(panel, shelf, tasks):
    assert panel.push_list()
    assert not panel.push_list()
    assert panel.obstacle == "CP-001 is being asked already."
    await settled(tasks)
    assert shelf.orders == [("push", "CP-001", "reconcile")]
    shelf.stations["CP-001"].list_version = -1
    assert "supports no local list" in panel.obstacle
    shelf.stations["CP-001"].connected = False
    assert panel.obstacle == "No station is connected, so there is no local list to push to."


# Offers


async def test_a_push_is_offered_once_and_may_be_declined(qtbot, panel, shelf, tasks):
    assert not panel.offer.isVisible()
    kept = shelf.lists.of("CP-001")
    kept.offer = "5 entries of its list differ from the store"
    panel.refresh({("list", "CP-001")})
    assert panel.offer.isVisible()
    assert (
        panel.offer.text.whole_text() == "CP-001 is back with version 7: 5 entries of its list differ from the store."
    )
    click(qtbot, panel.offer.decline_button)
    panel.refresh({("list", "CP-001")})
    assert not panel.offer.isVisible()
    kept.offer = "6 entries of its list differ from the store"
    panel.refresh({("list", "CP-001")})
    click(qtbot, panel.offer.accept_button)
    kept.offer = ""
    await settled(tasks)
    assert shelf.orders == [("push", "CP-001", "reconcile")]
    assert not panel.offer.isVisible()


# Nothing to show


def test_before_a_station_came_the_connect_page_is_offered(qtbot, themed, stub, tasks):
    panel = LocalListPanel()
    qtbot.addWidget(panel)
    panel.attach(stub, tasks)
    panel.show()
    panel.refresh(set())
    assert panel.no_station.isVisible()
    with qtbot.waitSignal(panel.connect_wanted):
        panel.no_station.button.click()
    assert not panel.push_list()


async def test_an_empty_store_points_to_tokens(qtbot, panel, shelf):
    shelf.store.tokens.clear()
    shelf.lists.holds("CP-001", [], 7)
    panel.refresh({("tokens", None)})
    assert panel.empty.isVisible()
    assert panel.orders.reconcile_button.isEnabled(), "a list can be emptied"
    with qtbot.waitSignal(panel.tokens_wanted) as told:
        panel.empty.button.click()
    assert told.args == [""]


async def test_enter_on_a_row_opens_its_token(qtbot, panel, shelf):
    await changed(panel, shelf, make_token("4711", id_token_type=IdTokenType.KEY_CODE))
    panel.table.selectRow(shown(panel).index(grouped(SECOND)))
    with qtbot.waitSignal(panel.tokens_wanted) as told:
        qtbot.keyClick(panel.table, Qt.Key.Key_Return)
    assert told.args == [SECOND]
    panel.table.selectRow(shown(panel).index(MASK))
    with qtbot.assertNotEmitted(panel.tokens_wanted):
        qtbot.keyClick(panel.table, Qt.Key.Key_Return)


async def test_a_station_without_lists_says_so(panel, shelf):
    shelf.stations["CP-001"].list_version = -1
    panel.refresh({("station", "CP-001")})
    assert panel.unsupported.isVisible()
    assert panel.orders.badge.badge.word == "NO LIST"
    assert not panel.orders.reconcile_button.isEnabled()
    assert panel.orders.version_button.isEnabled()
    assert panel.facts.whole_text() == "OCPP 2.0.1 · no local list"


def test_a_capture_offers_its_messages(qtbot, themed, shelf, tasks):
    shelf.link("store", LinkState.OFF, "a capture")
    panel = LocalListPanel()
    qtbot.addWidget(panel)
    panel.attach(shelf, tasks)
    panel.show()
    panel.refresh(set())
    assert panel.capture.isVisible()
    assert panel.station is None
    with qtbot.waitSignal(panel.messages_wanted) as told:
        panel.capture.button.click()
    assert told.args == [LIST_MESSAGES]


# Reach


async def test_everything_is_reached_by_tab_and_has_a_name(qtbot, panel, shelf):
    await changed(panel, shelf, make_token(THIRD))
    wanted = {
        panel.picker, panel.orders.reconcile_button, panel.orders.full_button, panel.orders.differential_button,
        panel.orders.version_button, panel.orders.clear_button, panel.search, panel.only, panel.table,
    }  # fmt: skip
    chain, at = set(), panel.picker
    for _ in range(200):
        chain.add(at)
        at = at.nextInFocusChain()
    assert wanted <= chain
    for widget in wanted:
        assert widget.focusPolicy() & Qt.FocusPolicy.TabFocus
        assert widget.accessibleName() or widget.text()


@pytest.mark.parametrize("size", [(967, 136), (840, 150), (1250, 230), (1250, 420)])
@pytest.mark.parametrize("theme_word", ["light", "dark"])
async def test_nothing_is_cut_at_any_size(panel, shelf, themed, size, theme_word):
    themed.choose(type(themed.choice)(theme_word))
    panel.resize(*size)
    QApplication.processEvents()
    assert panel.height() == size[1], "it fits the lowest dock"
    orders = panel.orders
    for button in orders.findChildren(QPushButton):
        room = button.fontMetrics().horizontalAdvance(button.text())
        assert button.width() >= room + 8, button.text()
        assert panel.rect().contains(button.mapTo(panel, button.rect().bottomRight())) or button is orders.report_button
    assert panel.table.viewport().height() >= panel.table.rowHeight(0)


# Words


def test_a_plan_says_what_is_in_the_way():
    assert list_words.plan_text(Plan("", 0, 0, 0, "the list holds all of it already, as version 7")) == (
        "Reconcile has nothing to send: the list holds all of it already, as version 7"
    )
    stuck = Plan("", 0, 0, 0, "the station's list holds 10 entries, the store has 12 for it", False)
    assert list_words.plan_text(stuck).startswith("Reconcile cannot send it: the station's list holds 10")
    assert list_words.plan_text(Plan("Full", 2, 1500, 99_000, "")) == (
        "Reconcile sends: Full, 1,500 entries in 2 messages, 99,000 bytes"
    )


@pytest.mark.parametrize(
    ("report", "word", "role"),
    [
        (PushReport(True, "Accepted", "x", 3, (), 7, 8, 8), "PUSHED", "ok"),
        (PushReport(True, "Accepted", "x", 3, (("04", "NEVER"),), 7, 8, 8), "PUSHED, SOME LEFT OUT", "warn"),
        (PushReport(True, "NotSent", "x", 0, (), 7, None, 7), "OK", "ok"),
        (PushReport(False, "Accepted", "x", 3, (), 7, 8, 7), "DID NOT MOVE", "fail"),
        (PushReport(False, "Accepted", "x", 3, (), 7, 8, 12), "OTHER VERSION", "fail"),
        (PushReport(False, "Accepted", "x", 3, (), 7, 8, None), "NOT READ BACK", "fail"),
        (PushReport(False, "Failed", "x", 0, (), 7, 8, 7), "FAILED", "fail"),
        (PushReport(False, "NoAnswer", "x", 0, (), 7, 8, None), "NO ANSWER", "fail"),
        (PushReport(False, "Cancelled", "x", 0, (), 7, 8, 8), "CANCELLED", "warn"),
    ],
)
def test_an_outcome_is_a_word_with_a_colour(report, word, role):
    badge = list_words.outcome(report).badge
    assert (badge.word, badge.role) == (word, role)


def test_a_push_without_an_answer_is_forgotten_once_the_list_is_known_to_be_taken(shelf):
    lost = list_words.outcome(PushReport(False, "NoAnswer", "x", 0, (), 6, 7, None))
    view = shelf.lists.view("CP-001")
    assert list_words.outdated(lost, view, view.counts)
    assert not list_words.outdated(lost, replace(view, connected=False), view.counts)
    assert not list_words.outdated(lost, replace(view, list_version=6), view.counts)
    refused = list_words.outcome(PushReport(False, "Failed", "x", 0, (), 7, 8, 7))
    assert not list_words.outdated(refused, view, view.counts)


def test_the_strip_tells_both_versions(shelf):
    words = list_words.versions_text
    view = shelf.lists.view("CP-001")
    assert words(view) == "v7 = v7"
    assert words(replace(view, list_version=9)) == "v9 ≠ v7"
    assert words(replace(view, known=False)) == "v7 · unknown"
    assert words(replace(view, list_version=None)) == "not asked"
    assert words(replace(view, list_version=-1)) == "not supported"
    assert words(replace(view, progress=Progress(Mode.FULL, 2, 5, 0, 0))) == "pushing 2 of 5"


def test_counts_are_all_told_even_where_none():
    assert list_words.counts_text(Counter()) == "0 add · 0 update · 0 delete · 0 left out · 0 same"
