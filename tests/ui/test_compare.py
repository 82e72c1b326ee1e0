"""The comparison window as a person uses it."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt

from bench.exchange import TapCard, to_json
from bench.message import Decoded, Direction, Link, Message
from tests.ui.stub_session import StubSession
from ui import theme
from ui.panels.compare import CompareWindow
from ui.panels.compare_sources import RecordedSource


@pytest.fixture
def window(qtbot, themed, lively) -> CompareWindow:
    lively.tap("04A2B3C4D5E680", accepted=False, reason="blocked", update=False)
    made = CompareWindow()
    qtbot.addWidget(made)
    made.show_session(lively)
    made.choose(5, 6)
    with qtbot.waitExposed(made):
        made.show()
    return made


def texts(window: CompareWindow) -> list[list[str]]:
    """Rows and the fields below them, a list of cells each; fields begin with two spaces."""
    found = []
    for n in range(window.tree.topLevelItemCount()):
        item = window.tree.topLevelItem(n)
        found.append([item.text(column) for column in range(4)])
        for k in range(item.childCount()):
            found.append([f"  {item.child(k).text(0)}", *(item.child(k).text(column) for column in (1, 2, 3))])
    return found


def test_two_exchanges_stand_side_by_side(window):
    assert window.total.whole_text() == "≠ another outcome · 2 changed · 1 only left · 3 same"
    assert texts(window) == [
        ["≠ changed", "Outcome", "", ""],
        ["  ", "verdict", "accepted", "rejected"],
        ["  ", "reason", "valid", "blocked"],
        ["= same", "▼ IN reader frame InListPassiveTarget", "#16", "#22"],
        ["= same", "▲ OUT josev request authorization", "#17   +2.1 ms", "#23   +2.1 ms"],
        ["= same", "▼ IN ocpp CALL Authorize", "#18   +12 ms", "#24   +12 ms"],
        ["≠ changed", "▲ OUT ocpp CALLRESULT Authorize", "#19   +3.0 ms", "#25   +3.0 ms"],
        ["  ", "payload.idTokenInfo.status", "Accepted", "Invalid"],
        ["≠ changed", "▼ IN josev response authorization", "#20   +125 ms", "#26   +125 ms"],
        ["  ", "data.status", "accepted", "rejected"],
        ["◀ only left", "▼ IN josev update authorization", "#21   +2.40 s", "—"],
    ]


def test_ids_and_times_are_behind_a_switch(window, qtbot):
    assert not any("set aside" in row[0] for row in texts(window))
    window.ids_and_times.setFocus()
    qtbot.keyClick(window.ids_and_times, Qt.Key.Key_Space)
    aside = [row for row in texts(window) if "set aside" in row[0]]
    assert ["  ~ set aside", "id", "c5", "c6"] in aside
    assert len(aside) == 4
    assert window.total.whole_text().startswith("≠ another outcome · 2 changed"), "they count for nothing"


def test_a_choice_on_one_side_is_compared_at_once(window, qtbot):
    window.right.setFocus()
    qtbot.keyClick(window.right, Qt.Key.Key_Down)
    assert window.right.chosen == 5
    assert window.total.whole_text() == "The same exchange on both sides"
    window.swap()
    window.choose(2, 6)
    assert (window.left.chosen, window.right.chosen) == (2, 6)
    window.swap()
    assert (window.left.chosen, window.right.chosen) == (6, 2)


def test_equal_exchanges_say_so(window, lively):
    again = lively.tap("04A2B3C4D5E680", label="TAG-7 · M. Okafor")
    window.choose(5, again.id)
    assert window.total.whole_text() == "= 6 same, but for ids and times"


def test_without_a_choice_the_nearest_of_the_same_card_is_beside_it(window):
    window.choose(6)
    assert window.right.chosen == 5
    window.choose(5)
    assert window.right.chosen == 6
    window.choose(3)
    assert window.right.chosen == 2, "no other of that card: the one before"


def test_the_keys_walk_the_differences_and_open_messages(window, qtbot):
    window.tree.setFocus()
    seen = []
    for _ in range(4):
        qtbot.keyClick(window.tree, Qt.Key.Key_Down, Qt.KeyboardModifier.AltModifier)
        seen.append(window.tree.currentItem().text(1))
    assert seen == [
        "▲ OUT ocpp CALLRESULT Authorize",
        "▼ IN josev response authorization",
        "▼ IN josev update authorization",
        "Outcome",
    ]
    qtbot.keyClick(window.tree, Qt.Key.Key_Up, Qt.KeyboardModifier.AltModifier)
    with qtbot.waitSignal(window.message_selected) as picked:
        qtbot.keyClick(window.tree, Qt.Key.Key_Return)
    assert picked.args == [21]
    qtbot.keyClick(window, Qt.Key.Key_Escape)
    assert not window.isVisible()


def test_an_exchange_that_grows_is_compared_again(window, lively):
    lively.message(Link.OCPP, Direction.IN, "CP-001", b"[]", "CALL", "Heartbeat")
    exchange = lively.exchanges[6]
    update = lively.message(Link.JOSEV, Direction.IN, "ocpp/15118", b"{}", "update", "authorization")
    lively.hop(exchange, update, "josev", "bench", "update")
    window.refresh()
    assert "only left" not in window.total.whole_text()
    assert "3 changed" in window.total.whole_text()


def test_another_capture_is_asked_for_and_stands_on_the_right(window, lively, qtbot):
    with qtbot.waitSignal(window.capture_wanted):
        qtbot.mouseClick(window.capture_button, Qt.MouseButton.LeftButton)
    recorded = RecordedSource(StubReader(lively), "depot-south.db")
    window.show_capture(recorded)
    assert window.right_name.whole_text() == "Exchange on the right · depot-south.db"
    assert window.right.chosen == 6, "the newest of the same card"
    window.choose(5, 5)
    assert window.total.whole_text() == "= 6 same, but for ids and times", (
        "what was recorded has no bodies, and compares all the same"
    )
    qtbot.mouseClick(window.session_button, Qt.MouseButton.LeftButton)
    assert window.right_name.whole_text() == "Exchange on the right · this session"
    assert not window.session_button.isVisible()


def test_a_key_code_stays_masked(window, lively):
    for code in ("1234", "9876"):
        exchange = lively.open(TapCard(code, None, "key_code"), token_type="key_code")
        raw = b'{"id":"a","name":"authorization","type":"request","data":{"id_token":"%s","token_type":"key_code"}}'
        request = lively.message(Link.JOSEV, Direction.OUT, "cs/josev", raw % code.encode(), "request", "authorization")
        lively.hop(exchange, request, "bench", "josev", "authorization request")
    window.choose(7, 8)
    shown = str(texts(window)) + window.left.currentText() + window.right.currentText()
    assert ["  ", "data.id_token", "••••", "••••"] in texts(window)
    assert "1234" not in shown
    assert "9876" not in shown


def test_colours_follow_the_theme(window):
    light = window.tree.topLevelItem(0).foreground(0).color()
    theme.current.choose(theme.Choice.DARK)
    assert window.tree.topLevelItem(0).foreground(0).color() == theme.color("warn") != light


def test_nothing_to_compare_says_what_is_needed(qtbot, themed):
    window = CompareWindow()
    qtbot.addWidget(window)
    window.show_session(StubSession())
    window.choose()
    assert window._pages.currentWidget() is window.empty
    assert not window.swap_button.isEnabled()
    window.step(1)
    window.refresh()
    assert window.total.whole_text() == ""


class StubReader:
    """A capture of a session: messages without bodies, exchanges as JSON."""

    def __init__(self, session: StubSession) -> None:
        self._messages = [
            made._replace(decoded=Decoded(*made.decoded[:3], None, made.decoded.faults))
            for made in session.journal.since(0)
        ]
        self._exchanges = [to_json(exchange) for exchange in session.exchanges.values()]

    def messages(self, after: int = 0, limit: int = 1000) -> list[Message]:
        return [made for made in self._messages if made.seq > after][:limit]

    def exchanges(self, after: int = 0, limit: int = 1000) -> list[dict[str, object]]:
        return [entry for entry in self._exchanges if int(str(entry["id"])) > after][:limit]

    def newest_exchanges(self, count: int) -> list[dict[str, object]]:
        return self._exchanges[-count:]
