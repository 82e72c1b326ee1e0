"""The sequence diagram: its layout as numbers, and the widget as a person uses it."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QGuiApplication, QImage

from bench.errors import OperatorError
from bench.exchange import Exchange, Party
from bench.journal.marks import Marked
from bench.message import Direction, Link
from tests.ui.stub_session import StubSession
from ui.diagram_layout import FAULT_LINE, MIN_LANE_GAP, ROW, lay_out, span
from ui.panels.diagram import DiagramPanel


def lanes(exchange: Exchange) -> list[Party]:
    return [lane.party for lane in lay_out(exchange, 800).lanes]


def test_the_charger_is_one_lane_where_josev_spoke(lively):
    diagram = lay_out(lively.exchanges[5], 900)
    assert [lane.party for lane in diagram.lanes] == [
        Party.READER, Party.BENCH, Party.JOSEV, Party.CSMS, Party.STORE, Party.HUB,
    ]  # fmt: skip
    authorize = next(arrow for arrow in diagram.arrows if arrow.name == "Authorize")
    josev = next(lane for lane in diagram.lanes if lane.party is Party.JOSEV)
    assert authorize.x1 == josev.x
    assert not diagram.lanes[-1].used, "nobody asked the hub"


def test_the_station_has_its_own_lane_where_josev_was_not_seen(stub: StubSession):
    exchange = stub.open(None, origin="authorize")
    stub.hop(exchange, None, Party.STATION, Party.CSMS, "Authorize")
    assert Party.STATION in lanes(exchange)
    assert Party.JOSEV not in lanes(exchange)


def test_charger_software_that_asks_josev_keeps_a_lane_apart(stub: StubSession):
    exchange = stub.open(None, origin="bus")
    stub.hop(exchange, None, Party.STATION, Party.JOSEV, "authorization request")
    stub.hop(exchange, None, Party.JOSEV, Party.STATION, "response accepted")
    shown = lay_out(exchange, 800)
    assert {Party.STATION, Party.JOSEV} <= {lane.party for lane in shown.lanes}
    assert not any(arrow.loop for arrow in shown.arrows)


def test_arrows_stand_in_order_with_the_time_between(lively):
    arrows = lay_out(lively.exchanges[5], 900).arrows
    assert [arrow.latency for arrow in arrows] == [
        "0.0", "+2.1 ms", "+12.4 ms", "+0.1 ms", "+0.2 ms", "+2.7 ms", "+124.6 ms", "+2.4 s",
    ]  # fmt: skip
    assert all(above.bottom == below.top for above, below in zip(arrows, arrows[1:], strict=False))
    assert [arrow.role for arrow in arrows] == ["in", "out", "in", "muted", "muted", "out", "in", "in"]
    assert [arrow.dashed for arrow in arrows] == [False] * 7 + [True]


def test_an_answer_that_never_came_is_drawn_where_it_was_missed(lively):
    last = lay_out(lively.exchanges[1], 900).arrows[-1]
    assert last.lost
    assert last.role == "fail"
    assert (last.name, last.fault) == ("no answer for 5.0 s", ""), "said once"


def test_a_late_answer_is_an_arrow_with_its_fault_below(stub: StubSession):
    exchange = stub.open(None)
    late = stub.message("josev", "in", "josev/cs", b"{}", "response", "authorization")
    stub.hop(exchange, late, Party.JOSEV, Party.BENCH, "response accepted", fault="2.1 s late")
    (arrow,) = lay_out(exchange, 900).arrows
    assert (arrow.name, arrow.fault, arrow.lost, arrow.role) == ("response accepted", "2.1 s late", False, "fail")
    assert arrow.bottom - arrow.top == ROW + FAULT_LINE


def test_a_step_to_the_same_party_is_a_loop(stub: StubSession):
    exchange = stub.open(None)
    stub.hop(exchange, None, Party.BENCH, Party.BENCH, "thinks")
    assert lay_out(exchange, 900).arrows[0].loop


def test_a_narrow_picture_grows_wider_rather_than_crowd_its_lanes(lively):
    diagram = lay_out(lively.exchanges[5], 100)
    gaps = [right.x - left.x for left, right in zip(diagram.lanes, diagram.lanes[1:], strict=False)]
    assert min(gaps) == pytest.approx(MIN_LANE_GAP)
    assert diagram.width == diagram.least_width > 100


def test_lanes_close_together_have_short_labels(lively):
    full, short = ([lane.label for lane in lay_out(lively.exchanges[5], width).lanes] for width in (600, 405))
    assert full == ["Reader", "Bench (CS)", "Josev", "OCPP · CSMS", "Store", "Hub"]
    assert short == ["Reader", "Bench", "Josev", "CSMS", "Store", "Hub"]
    assert lay_out(lively.exchanges[5], 405).width == 405, "the room of a window of 1000x700"


def test_room_is_given_to_the_rows(lively):
    tight = lay_out(lively.exchanges[5], 900)
    wide = lay_out(lively.exchanges[5], 900, 1000)
    assert tight.height == tight.least_height == wide.least_height
    assert wide.height > tight.height


def test_a_height_finds_its_arrow(lively):
    diagram = lay_out(lively.exchanges[5], 900)
    assert diagram.arrow_at(0) is None
    assert [diagram.arrow_at(arrow.y) for arrow in diagram.arrows] == list(range(len(diagram.arrows)))


@pytest.mark.parametrize(
    ("ms", "text"), [(0.06, "0.1 ms"), (999.9, "999.9 ms"), (2400, "2.4 s"), (240_000, "4 min"), (-3, "-3.0 ms")]
)
def test_spans_read_well(ms: float, text: str):
    assert span(ms) == text


# The panel


@pytest.fixture
def panel(qtbot, themed, lively) -> DiagramPanel:
    made = DiagramPanel()
    qtbot.addWidget(made)
    made.resize(800, 420)
    made.attach(lively, None)
    with qtbot.waitExposed(made):
        made.show()
    return made


def test_shows_the_newest_and_follows(panel, lively):
    assert panel.card.title.text() == "Exchange 5"
    lively.silent_tap("04B1C2D3E4F580")
    panel.refresh({("exchange", 6)})
    assert panel.card.title.text() == "Exchange 6"
    assert panel.badge.badge.word == "TIMED OUT"


def test_an_older_choice_ends_following_until_asked_for_again(panel, lively, qtbot):
    panel.select_exchange(2)
    assert not panel.follow_button.isChecked()
    lively.tap("04B1C2D3E4F580")
    panel.refresh({("exchange", 6)})
    assert panel.exchange_id == 2
    with qtbot.waitSignal(panel.exchange_selected) as told:
        qtbot.mouseClick(panel.follow_button, Qt.MouseButton.LeftButton)
    assert told.args == [6]


def test_a_hop_that_comes_later_is_drawn(panel, lively):
    before = len(panel.view.diagram.arrows)
    lively.hop(lively.exchanges[5], None, Party.BENCH, Party.BENCH, "more")
    panel.refresh({("exchange", 5)})
    assert len(panel.view.diagram.arrows) == before + 1


def test_a_click_on_an_arrow_picks_its_message(panel, lively, qtbot):
    arrow = panel.view.diagram.arrows[1]
    with qtbot.waitSignal(panel.message_selected) as picked:
        at = QPoint(round((arrow.x1 + arrow.x2) / 2), round(arrow.y))
        qtbot.mouseClick(panel.view, Qt.MouseButton.LeftButton, pos=at)
    assert picked.args == [arrow.seq]
    assert panel.view.current == 1


def test_up_and_down_walk_the_arrows(panel, qtbot):
    panel.view.setFocus()
    arrows = panel.view.diagram.arrows
    with qtbot.waitSignal(panel.message_selected) as picked:
        qtbot.keyClick(panel.view, Qt.Key.Key_Down)
    assert picked.args == [arrows[0].seq]
    for _ in range(20):
        qtbot.keyClick(panel.view, Qt.Key.Key_Down)
    assert panel.view.current == len(arrows) - 1
    qtbot.keyClick(panel.view, Qt.Key.Key_Up)
    assert panel.view.current == len(arrows) - 2
    assert "response accepted" in panel.view.accessibleDescription()
    with qtbot.waitSignal(panel.message_selected) as opened:
        qtbot.keyClick(panel.view, Qt.Key.Key_Return)
    assert opened.args == [arrows[-2].seq]


def test_a_click_on_a_step_without_a_message_is_answered(panel, qtbot):
    assert not panel.said.isVisible()
    with qtbot.assertNotEmitted(panel.message_selected):
        arrow = panel.view.diagram.arrows[3]
        qtbot.mouseClick(panel.view, Qt.MouseButton.LeftButton, pos=QPoint(100, round(arrow.y)))
    assert panel.view.current == 3
    assert panel.said.isVisible()
    assert panel.said.whole_text() == "No message crossed a link here: OCPP · CSMS to Store: 04A2B3C4…?"
    assert panel.view.accessibleDescription().startswith(panel.said.whole_text())
    qtbot.mouseClick(panel.view, Qt.MouseButton.LeftButton, pos=QPoint(100, 5))
    assert panel.view.current is None
    assert not panel.said.isVisible()


def test_the_keys_walk_over_steps_with_and_without_a_message(panel, lively, qtbot):
    panel.view.setFocus()
    picked, said = [], []
    panel.message_selected.connect(picked.append)
    for _ in panel.view.diagram.arrows:
        qtbot.keyClick(panel.view, Qt.Key.Key_Down)
        said.append(panel.said.whole_text())
    assert picked == lively.exchanges[5].sequences
    assert [text.startswith("No message crossed") for text in said] == [False] * 3 + [True] * 2 + [False] * 3
    assert said[2] == f"#{picked[2]} Josev to OCPP · CSMS: Authorize", "in the words of the lanes"


def test_a_missed_answer_is_told_once(panel, lively, qtbot):
    panel.select_exchange(1)
    panel.view.setFocus()
    qtbot.keyClick(panel.view, Qt.Key.Key_Up)
    assert panel.said.whole_text() == "No message crossed a link here: Josev to Bench (CS): no answer for 5.0 s"
    assert panel.view.current_arrow.tip.count("no answer") == 1


def test_a_marked_step_stays_in_sight_in_a_small_panel(panel, qtbot):
    panel.resize(430, 200)
    panel.view.setFocus()
    for _ in panel.view.diagram.arrows:
        qtbot.keyClick(panel.view, Qt.Key.Key_Down)
        arrow = panel.view.current_arrow
        seen = panel.view.visibleRegion().boundingRect()
        assert seen.top() <= arrow.top + 1
        assert arrow.bottom - 1 <= seen.bottom() + 1


def test_a_message_picked_elsewhere_is_marked(panel, lively, qtbot):
    seq = lively.exchanges[4].sequences[1]
    with qtbot.assertNotEmitted(panel.message_selected):
        panel.select_message(seq)
    assert panel.exchange_id == 4
    assert panel.view.diagram.arrows[panel.view.current].seq == seq


def test_copied_as_text_it_names_every_step(panel, qtbot):
    qtbot.mouseClick(panel.copy_button, Qt.MouseButton.LeftButton)
    text = QGuiApplication.clipboard().text()
    assert "Exchange 5" in text
    assert "authorization request" in text
    assert "update accepted" in text


def test_saved_as_svg_its_words_stay_words(panel, tmp_path, qtbot):
    with qtbot.waitSignal(panel.notice) as told:
        panel.save_picture(tmp_path / "tap.svg")
    assert told.args[0] == "ok"
    text = (tmp_path / "tap.svg").read_text(encoding="utf-8")
    assert "Authorize" in text
    assert "Exchange 5" in text


def test_saved_as_png_it_is_twice_as_fine(panel, tmp_path):
    panel.save_picture(tmp_path / "tap.png")
    image = QImage(str(tmp_path / "tap.png"))
    assert image.width() == 2 * round(panel.view.diagram.width)


def test_a_place_that_cannot_be_written_is_told(panel, tmp_path):
    with pytest.raises(OperatorError, match="could not be written"):
        panel.save_picture(tmp_path / "nowhere" / "tap.png")


def test_without_a_tap_it_says_what_would_fill_it(qtbot, themed, stub):
    panel = DiagramPanel()
    qtbot.addWidget(panel)
    panel.attach(stub, None)
    assert panel._pages.currentIndex() == 0
    assert not panel.copy_button.isEnabled()


# What does not fit


def test_what_does_not_fit_stands_at_its_arrow(stub: StubSession):
    exchange = stub.open(None)
    asked = stub.message(Link.JOSEV, Direction.IN, "cs/josev", b"{}", "request", "authorization", correlation="a")
    stub.hop(exchange, asked, Party.STATION, Party.JOSEV, "authorization request")
    (arrow,) = lay_out(exchange, 900, marked=Marked({asked.seq: "no answer"}, (), None)).arrows
    assert arrow.mark == "no answer"
    assert arrow.tip.splitlines()[0].endswith("authorization request (no answer)")
    assert lay_out(exchange, 900).arrows[0].mark == ""


def test_an_exchange_in_order_has_no_marks(panel):
    assert [arrow.mark for arrow in panel.view.diagram.arrows] == [""] * 8


def test_a_request_nobody_answered_is_marked_once_its_time_is_over(panel, lively):
    exchange = lively.open(None, origin="authorize")
    asked = lively.message(Link.OCPP, Direction.IN, "CP-001", b"[]", "CALL", "Authorize", correlation="x1")
    lively.hop(exchange, asked, Party.STATION, Party.CSMS, "Authorize")
    panel.refresh({("exchange", exchange.id)})
    assert [arrow.mark for arrow in panel.view.diagram.arrows] == [""]
    lively.clock.advance(30_001)
    panel.refresh(set())
    assert [arrow.mark for arrow in panel.view.diagram.arrows] == ["no answer"]


def test_a_late_answer_outside_of_the_exchange_is_drawn_into_it(panel, lively):
    exchange = lively.open(None, origin="remote_start")
    asked = lively.message(
        Link.OCPP, Direction.OUT, "CP-001", b"[]", "CALL", "RequestStartTransaction", correlation="r1"
    )
    lively.hop(exchange, asked, Party.CSMS, Party.STATION, "RequestStartTransaction")
    lively.clock.advance(30_000)
    lively.hop(exchange, None, Party.STATION, Party.CSMS, "no answer", fault="no answer in 30 s")
    panel.refresh({("exchange", exchange.id)})
    assert [arrow.mark for arrow in panel.view.diagram.arrows] == ["", ""], "said once"
    lively.clock.advance(1_500)
    late = lively.message(
        Link.OCPP, Direction.IN, "CP-001", b"[]", "CALLRESULT", "RequestStartTransaction", correlation="r1"
    )
    panel.view.setFocus()
    panel.view.mark_message(asked.seq)
    panel.refresh(set())
    last = panel.view.diagram.arrows[-1]
    assert (last.seq, last.mark, last.latency) == (late.seq, "late, after 31.5 s", "+1.5 s")
    assert panel.view.current_arrow.seq == asked.seq
    twice = lively.message(
        Link.OCPP, Direction.IN, "CP-001", b"[]", "CALLRESULT", "RequestStartTransaction", correlation="r1"
    )
    panel.refresh(set())
    assert panel.view.diagram.arrows[-1].mark == "second answer"
    panel.select_message(twice.seq)
    assert panel.view.current_arrow.seq == twice.seq
    panel.copy_text()
    copied = QGuiApplication.clipboard().text().splitlines()
    assert [line.partition("⚠ ")[2] for line in copied[-2:]] == ["late, after 31.5 s", "second answer"]


def test_an_id_used_before_is_marked(panel, lively):
    exchange = lively.open(None, origin="authorize")
    asked = lively.message(Link.OCPP, Direction.IN, "CP-001", b"[]", "CALL", "Authorize", correlation="c5")
    lively.hop(exchange, asked, Party.STATION, Party.CSMS, "Authorize")
    panel.refresh({("exchange", exchange.id)})
    assert panel.view.diagram.arrows[0].mark == "id used before"


def test_another_session_is_followed_again(panel, lively):
    panel.select_exchange(1)
    assert not panel.follow_button.isChecked()
    panel.attach(lively, panel.tasks)
    assert panel.follow_button.isChecked()
    assert panel.exchange_id == next(reversed(lively.exchanges))
