"""The table of taps: its model against the session, and what a person does with it."""

from __future__ import annotations

import asyncio

import pytest
from PySide6.QtCore import Qt

from bench.exchange import DecidedBy, Party, TapCard, Verdict
from bench.journal.pairs import Pairs
from bench.message import Direction, Link
from bench.ports import LinkState
from bench.tasks import Tasks
from tests.ui.stub_session import StubSession
from ui import theme
from ui.models import exchanges as models
from ui.models.exchanges import Column, ExchangesModel, bus_ms, card_text, decided_text, ocpp_ms
from ui.panels.exchanges import ExchangesPanel
from ui.widgets import BADGE_ROLE


class SlowPairs(Pairs):
    """Of a capture that is still to be gone through."""

    def __init__(self, known: Pairs) -> None:
        super().__init__(known._clock)
        self._known = known

    @property
    def complete(self) -> bool:
        return self.head > 0

    async def fill(self) -> None:
        await asyncio.sleep(0)
        self.take(self._known._journal.since(0))


def row(model: ExchangesModel, number: int) -> list[str]:
    return [model.data(model.index(number, column)) for column in Column]


def changed(session: StubSession) -> set[tuple[str, object]]:
    return {("exchange", id_) for id_ in session.exchanges}


@pytest.fixture
def panel(qtbot, themed) -> ExchangesPanel:
    made = ExchangesPanel()
    qtbot.addWidget(made)
    made.resize(900, 300)
    made.show()
    return made


def test_a_row_tells_the_tap_in_short(themed, lively):
    model = ExchangesModel()
    model.show_session(lively)
    newest, silent, free = row(model, 0), row(model, 4), row(model, 3)
    assert newest[Column.CARD :] == [
        "04A2B3C4D5E680", "ACCEPTED", "store · TAG-7 · M. Okafor", "140 ms", "3.0 ms", "142 ms",
    ]  # fmt: skip
    assert silent[Column.VERDICT :] == ["TIMED OUT", "nobody · Josev silent", "—", "—", "5.00 s"]
    assert free[Column.CARD] == "— free charging"
    badge = model.data(model.index(4, Column.VERDICT), BADGE_ROLE)
    assert (badge.word, badge.glyph, badge.role) == ("TIMED OUT", "clock", "warn")


def test_hops_give_the_times_of_bus_and_ocpp(lively):
    exchange = lively.exchanges[5]
    assert bus_ms(exchange) == pytest.approx(140.0)
    assert ocpp_ms(exchange) == pytest.approx(3.0)
    assert bus_ms(lively.exchanges[1]) is None, "a request that nobody answered"


def test_a_key_code_stays_masked(stub):
    exchange = stub.open(TapCard("1234", None, "key_code"), token_type="key_code")
    assert "1234" not in card_text(exchange)
    stub.close(exchange, Verdict.REJECTED, DecidedBy.STORE, "blocked", "TAG-9")
    assert decided_text(exchange) == "store · blocked (TAG-9)"
    exchange.decided_by, exchange.reason, exchange.token_label = DecidedBy.OPERATOR, "blocked by the operator", ""
    assert decided_text(exchange) == "operator · blocked"


def test_the_model_keeps_the_contract_of_qt(themed, lively, qtmodeltester):
    model = ExchangesModel()
    model.show_session(lively)
    qtmodeltester.check(model)


def test_new_taps_are_inserted_on_top_and_changes_touch_their_row_only(themed, lively, qtmodeltester):
    model = ExchangesModel()
    qtmodeltester.check(model)
    model.show_session(lively)
    inserted, altered = [], []
    model.rowsInserted.connect(lambda parent, first, last: inserted.append((first, last)))
    model.dataChanged.connect(lambda first, last: altered.append((first.row(), last.row())))
    lively.tap("04B1C2D3E4F580", label="TAG-8")
    lively.tap("04B1C2D3E4F580", label="TAG-8")
    lively.exchanges[1].revision += 1
    lively.exchanges[1].reason = "late"
    assert model.update([1, 6, 7]) == 2
    assert inserted == [(0, 1)], "one insert for all of a flush"
    assert (6, 6) in altered
    assert row(model, 6)[Column.DECIDED_BY] == "nobody · late"
    assert model.accepted == 4


def test_what_the_session_forgot_falls_off_the_end(themed, lively):
    model = ExchangesModel()
    model.show_session(lively)
    removed = []
    model.rowsRemoved.connect(lambda parent, first, last: removed.append((first, last)))
    del lively.exchanges[1], lively.exchanges[2]
    model.update([])
    assert removed == [(3, 4)]
    assert [model.id_at(n) for n in range(model.rowCount())] == [5, 4, 3]
    assert model.row_of(1) is None
    assert model.row_of(4) == 1
    assert model.accepted == 1


def test_nothing_yet_says_what_would_fill_it(panel, stub):
    panel.attach(stub, None)
    assert panel._pages.currentIndex() == 0
    assert panel.card.note.text() == ""


def test_the_selection_follows_the_newest_until_another_is_picked(panel, lively, qtbot):
    panel.attach(lively, None)
    assert panel.selected_id == 5
    assert panel.card.note.text() == "5 taps · 2 accepted · newest first"
    lively.tap("04B1C2D3E4F580")
    panel.refresh(changed(lively))
    assert panel.selected_id == 6
    with qtbot.waitSignal(panel.exchange_selected) as picked:
        where = panel.table.visualRect(panel.model.index(2, Column.CARD)).center()
        qtbot.mouseClick(panel.table.viewport(), Qt.MouseButton.LeftButton, pos=where)
    assert picked.args == [4]
    lively.tap("04B1C2D3E4F580")
    panel.refresh(changed(lively))
    assert panel.selected_id == 4, "the operator's choice stays, wherever its row went"


def test_the_keyboard_walks_the_rows(panel, lively, qtbot):
    panel.attach(lively, None)
    panel.table.setFocus()
    with qtbot.waitSignal(panel.exchange_selected) as picked:
        qtbot.keyClick(panel.table, Qt.Key.Key_Down)
    assert picked.args == [4]


def test_a_choice_made_elsewhere_is_shown_and_not_told_again(panel, lively, qtbot):
    panel.attach(lively, None)
    with qtbot.assertNotEmitted(panel.exchange_selected):
        panel.select_exchange(2)
        panel.select_message(lively.exchanges[3].sequences[0])
    assert panel.selected_id == 3


def test_where_there_is_little_room_the_milliseconds_go(panel, lively):
    panel.attach(lively, None)
    assert len(row(panel.model, 0)[Column.TIME]) == len("00:00:00.000")
    panel.resize(500, 300)
    assert len(row(panel.model, 0)[Column.TIME]) == len("00:00:00")


# What does not fit


def test_a_message_that_does_not_fit_puts_a_sign_into_the_row(panel, stub):
    exchange = stub.open(TapCard("04A2", None, "ISO14443"))
    panel.attach(stub, None)
    for at in (0, 31_000):
        stub.clock.advance(at)
        kind, direction = ("CALLRESULT", Direction.OUT) if at else ("CALL", Direction.IN)
        message = stub.message(Link.OCPP, direction, "CP-001", b"[]", kind, "Authorize", correlation="a")
        lanes = (Party.CSMS, Party.STATION) if at else (Party.STATION, Party.CSMS)
        stub.hop(exchange, message, *lanes, "Accepted" if at else "Authorize")
    stub.close(exchange, Verdict.ACCEPTED, DecidedBy.STORE, "valid", "TAG-7")
    panel.refresh(changed(stub))
    index = panel.model.index(0, Column.DECIDED_BY)
    assert panel.model.data(index) == "⚠ store · TAG-7"
    tip = panel.model.data(index, Qt.ItemDataRole.ToolTipRole)
    assert tip == "store · TAG-7\n#2 Accepted: late, after 31.0 s"
    assert panel.model.data(index, Qt.ItemDataRole.AccessibleTextRole) == "warning: store · TAG-7"
    assert panel.model.troubles(exchange.id) == ("#2 Accepted: late, after 31.0 s",)
    assert panel.model.data(index, Qt.ItemDataRole.ForegroundRole) == theme.color("warn")


def test_what_the_flow_told_is_in_the_tooltip_once(panel, stub):
    exchange = stub.open(None)
    for kind, channel, fault in (
        ("request", "cs/josev", None),
        ("response", "josev/cs", "late by 2.00 s"),
        ("response", "josev/cs", "second response to one request"),
    ):
        direction = Direction.IN if kind == "response" else Direction.OUT
        message = stub.message(Link.JOSEV, direction, channel, b"{}", kind, "authorization", correlation="a")
        stub.hop(exchange, message, Party.JOSEV, Party.BENCH, kind, fault)
        stub.clock.advance(7_000)
    panel.attach(stub, None)
    assert panel.model.troubles(exchange.id) == (
        "#2 response: late by 2.00 s",
        "#3 response: second response to one request",
    )


def test_a_request_becomes_unanswered_when_its_time_is_over(panel, stub):
    exchange = stub.open(TapCard("04A2", None, "ISO14443"))
    asked = stub.message(Link.OCPP, Direction.IN, "CP-001", b"[]", "CALL", "Authorize", correlation="a")
    stub.hop(exchange, asked, Party.STATION, Party.CSMS, "Authorize")
    panel.attach(stub, None)
    index = panel.model.index(0, Column.DECIDED_BY)
    assert panel.model.data(index) == ""
    stub.clock.advance(30_001)
    told = []
    panel.model.dataChanged.connect(lambda first, last: told.append(first.row()))
    panel.refresh(set())
    assert told == [0]
    assert panel.model.data(index) == "⚠ no answer"
    panel.refresh(set())
    assert told == [0], "told once"


def test_an_answer_outside_of_the_exchange_puts_a_sign_into_its_row_as_it_comes(panel, stub):
    """The flow gave up waiting; nothing tells the exchange of what came afterwards."""
    exchange = stub.open(None, origin="remote_start")
    asked = stub.message(Link.OCPP, Direction.OUT, "CP-001", b"[]", "CALL", "ClearCache", correlation="r1")
    stub.hop(exchange, asked, Party.CSMS, Party.STATION, "ClearCache")
    stub.clock.advance(30_000)
    stub.hop(exchange, None, Party.STATION, Party.CSMS, "no answer", fault="no answer in 30 s")
    stub.close(exchange, Verdict.TIMED_OUT, DecidedBy.NOBODY, "silent")
    panel.attach(stub, None)
    index = panel.model.index(0, Column.DECIDED_BY)
    assert panel.model.data(index) == "nobody · silent"
    stub.clock.advance(1_000)
    late = stub.message(Link.OCPP, Direction.IN, "CP-001", b"[]", "CALLRESULT", "ClearCache", correlation="r1")
    touched = []
    panel.model.dataChanged.connect(lambda first, last: touched.append(first.row()))
    panel.refresh(set())
    assert touched == [0]
    assert panel.model.data(index) == "⚠ nobody · silent"
    assert panel.model.troubles(exchange.id) == (f"#{late.seq} ClearCache: late, after 31.0 s",)
    stub.message(Link.OCPP, Direction.IN, "CP-001", b"[]", "CALLRESULT", "ClearCache", correlation="r1")
    stub.message(Link.OCPP, Direction.IN, "CP-001", b"[]", "CALLRESULT", "ClearCache", correlation="other")
    panel.refresh(set())
    assert touched == [0, 0], "an answer to nothing belongs to no row"
    tip = panel.model.data(index, Qt.ItemDataRole.ToolTipRole)
    assert tip.splitlines()[-1] == f"#{late.seq + 1} ClearCache: second answer"


def test_an_id_used_in_an_earlier_tap_is_told_in_both_places(panel, stub):
    for _ in range(2):
        exchange = stub.open(TapCard("04A2", None, "ISO14443"))
        asked = stub.message(Link.OCPP, Direction.IN, "CP-001", b"[]", "CALL", "Authorize", correlation="1")
        stub.hop(exchange, asked, Party.STATION, Party.CSMS, "Authorize")
        said = stub.message(Link.OCPP, Direction.OUT, "CP-001", b"[]", "CALLRESULT", "Authorize", correlation="1")
        stub.hop(exchange, said, Party.CSMS, Party.STATION, "Accepted")
        stub.close(exchange, Verdict.ACCEPTED, DecidedBy.STORE, "valid", "TAG-7")
    panel.attach(stub, None)
    assert [panel.model.troubles(id_) for id_ in (1, 2)] == [(), ("#3 Authorize: id used before",)]


def test_more_than_can_be_looked_at_makes_every_row_anew(panel, lively, monkeypatch):
    panel.attach(lively, None)
    row(panel.model, 0)
    monkeypatch.setattr(models, "MAX_LOOKED_AT", 10)
    for _ in range(11):
        lively.message(Link.OCPP, Direction.IN, "CP-001", b"[]", "CALLRESULT", "Authorize", correlation="stray")
    touched = []
    panel.model.dataChanged.connect(lambda first, last: touched.append((first.row(), last.row())))
    panel.refresh(set())
    panel.refresh(set())
    assert touched == [(0, 4)]


async def test_the_rows_of_a_long_capture_are_right_once_it_was_gone_through(panel, stub, tasks, monkeypatch):
    exchange = stub.open(TapCard("04A2", None, "ISO14443"))
    for kind, direction in (("CALL", Direction.IN), ("CALLRESULT", Direction.OUT)):
        message = stub.message(Link.OCPP, direction, "CP-001", b"[]", kind, "Authorize", correlation="1")
        stub.hop(exchange, message, Party.STATION, Party.CSMS, kind)
        stub.clock.advance(31_000)
    known = stub.pairs
    stub.pairs = SlowPairs(known)
    panel.attach(stub, tasks)
    index = panel.model.index(0, Column.DECIDED_BY)
    assert panel.model.data(index) == ""
    await asyncio.gather(*tasks._tasks)
    assert panel.model.data(index) == "⚠ late, after 31.0 s"


def test_taps_in_order_have_no_sign(panel, lively):
    panel.attach(lively, None)
    assert not any("⚠" in row(panel.model, n)[Column.DECIDED_BY] for n in range(5))
    index = panel.model.index(0, Column.DECIDED_BY)
    assert panel.model.data(index, Qt.ItemDataRole.ForegroundRole) is None


# Comparing


def select(panel: ExchangesPanel, qtbot, *rows: int) -> None:
    for n, number in enumerate(rows):
        where = panel.table.visualRect(panel.model.index(number, Column.CARD)).center()
        held = Qt.KeyboardModifier.ControlModifier if n else Qt.KeyboardModifier.NoModifier
        qtbot.mouseClick(panel.table.viewport(), Qt.MouseButton.LeftButton, held, where)


def test_two_selected_rows_are_compared(panel, lively, qtbot):
    panel.attach(lively, None)
    select(panel, qtbot, 0, 1)
    assert panel.selected_ids == [4, 5]
    menu = panel.context_menu()
    (action,) = menu.actions()
    assert action.text() == "Compare the two selected"
    action.trigger()
    assert (panel.compare.left.chosen, panel.compare.right.chosen) == (4, 5)
    assert panel.compare.isVisible()
    assert not panel.compare.isModal()
    lively.tap("04B1C2D3E4F580")
    panel.refresh(changed(lively))
    assert panel.selected_ids == [4, 5], "a new tap does not undo the choice"


def test_one_selected_row_is_compared_with_the_nearest(panel, lively, qtbot):
    lively.tap("04A2B3C4D5E680")
    panel.attach(lively, None)
    select(panel, qtbot, 0)
    (action,) = panel.context_menu().actions()
    assert action.text() == "Compare with…"
    action.trigger()
    assert (panel.compare.left.chosen, panel.compare.right.chosen) == (6, 5)
    with qtbot.waitSignal(panel.capture_wanted):
        panel.compare.capture_button.click()


def test_three_selected_rows_cannot_be_compared(panel, lively, qtbot):
    panel.attach(lively, None)
    select(panel, qtbot, 0, 1, 2)
    (action,) = panel.context_menu().actions()
    assert not action.isEnabled()


def test_a_capture_without_taps_does_not_ask_for_a_card(qtbot, themed, stub):
    panel = ExchangesPanel()
    qtbot.addWidget(panel)
    panel.attach(stub, Tasks())
    assert panel.empty.title.text() == "No taps yet"
    stub.link("store", LinkState.OFF, "a capture holds no tokens")
    panel.attach(stub, Tasks())
    assert panel.empty.title.text() == "No taps in this capture"
