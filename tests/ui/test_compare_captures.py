"""Whole captures compared in the window: a known difference is found, opened side by side, and can be called off."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import Qt

from bench.errors import BadInput
from bench.journal.capture import Capture
from bench.journal.compare import State
from bench.message import Direction, Link
from tests.ui.stub_session import StubSession, lively_session
from ui import theme
from ui.panels import compare_outline
from ui.panels.compare_captures import CapturesWindow
from ui.panels.compare_outline import outline
from ui.transfer import CalledOff
from ui.window import MainWindow

pytestmark = pytest.mark.gui


async def record(session: StubSession, path: Path) -> Path:
    capture = Capture(path)
    await capture.open()
    capture.pull(session.journal)
    for exchange in session.exchanges.values():
        capture.offer_exchange(exchange)
    await capture.close()
    return path


@pytest.fixture
async def two(tmp_path: Path) -> tuple[Path, Path]:
    """The same day twice; in the second a card is refused, another is new, and a heartbeat more came."""
    first, second = lively_session(), lively_session()
    first.tap("04A2B3C4D5E680", label="TAG-7")
    second.tap("04C0FFEE000180")
    second.tap("04A2B3C4D5E680", accepted=False, reason="blocked", label="TAG-7")
    second.message(Link.OCPP, Direction.IN, "CP-001", b'[2,"h","Heartbeat",{}]', "CALL", "Heartbeat")
    return await record(first, tmp_path / "monday.db"), await record(second, tmp_path / "tuesday.db")


@pytest.fixture
def window(qapp, themed, tasks) -> Iterator[MainWindow]:
    made = MainWindow()
    made.resize(1280, 800)
    made.show()
    made.workspace.use(tasks)
    yield made
    made.release()
    made.deleteLater()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - what changes on a page tells nobody
            await asyncio.sleep(0.005)


def opened(window: MainWindow) -> CapturesWindow:
    next(action for action in window.menu.menu.actions() if action.text() == "Compare captures…").trigger()
    return window.workspace.comparisons.captures


async def compared(window: MainWindow, left: Path, right: Path) -> CapturesWindow:
    page = opened(window)
    page.name(left, right)
    page.compare_button.click()
    await until(lambda: page.outline is not None)
    return page


def top(page: CapturesWindow) -> list[list[str]]:
    items = [page.tree.topLevelItem(n) for n in range(page.tree.topLevelItemCount())]
    return [[item.text(0), item.text(1)] for item in items]


async def test_a_known_difference_is_shown(window, two):
    page = await compared(window, *two)
    assert page.isVisible()
    assert not page.isModal()
    assert page.total.whole_text() == "≠ of 7 taps: 1 changed · 1 only right · 5 same"
    assert top(page) == [
        ["≠ changed", "04A2B3C4D5E680 · verdict, reason, payload.idTokenInfo.status, data.status"],
        ["▶ only right", "04C0FFEE000180"],
    ]
    item = page.tree.topLevelItem(0)
    assert item.isExpanded()
    outcome = item.child(0)
    assert [outcome.child(0).text(column) for column in (1, 2, 3)] == ["verdict", "accepted", "rejected"]
    kinds = [
        [page.kinds.topLevelItem(n).text(column) for column in range(4)] for n in range(page.kinds.topLevelItemCount())
    ]
    assert ["▶ 1", "ocpp in CALL Heartbeat", "0", "1"] in kinds


async def test_what_is_the_same_and_ids_are_behind_switches(window, two):
    page = await compared(window, *two)
    assert page.tree.topLevelItemCount() == 2
    page.only_different.click()
    assert page.tree.topLevelItemCount() == 7
    same = next(
        item
        for n in range(7)
        if (item := page.tree.topLevelItem(n)).text(0) == "= same" and "80E6D5C4B3A204" in item.text(1)
    )
    same.setExpanded(True)
    assert not fields_of(same)
    page.ids_and_times.click()
    changed = page.tree.topLevelItem([row[0] for row in top(page)].index("≠ changed"))
    assert any("set aside" in text for text in fields_of(changed))
    assert page.total.whole_text() == "≠ of 7 taps: 1 changed · 1 only right · 5 same", "they count for nothing"


def fields_of(item) -> list[str]:
    lines = [item.child(n) for n in range(item.childCount())]
    return [line.child(n).text(0) for line in lines for n in range(line.childCount())]


async def test_a_tap_opens_side_by_side(window, two, qtbot):
    page = await compared(window, *two)
    page.tree.setFocus()
    page.tree.setCurrentItem(page.tree.topLevelItem(0))
    qtbot.keyClick(page.tree, Qt.Key.Key_Return)
    beside = window.workspace.exchanges.compare
    assert beside.isVisible()
    assert (beside.left.chosen, beside.right.chosen) == (6, 7)
    assert beside.left_name.whole_text().endswith("monday.db")
    assert beside.right_name.whole_text().endswith("tuesday.db")
    assert beside.total.whole_text().startswith("≠ another outcome")
    page.tree.itemActivated.emit(page.tree.topLevelItem(1).child(0) or page.tree.topLevelItem(1), 0)
    assert beside.right.chosen == 6, "a tap that only one side has"
    beside.swap()
    page.tree.itemActivated.emit(page.tree.topLevelItem(0), 0)
    beside.refresh()
    assert (beside.left.chosen, beside.right.chosen) == (6, 7)
    assert len(window.workspace.comparisons._open) == 2, "no more are open than are shown"


async def test_the_capture_of_the_session_is_on_the_left_and_written_out_first(window, two, tasks, tmp_path):
    session = lively_session()
    capture = Capture(tmp_path / "live.db")
    await capture.open()
    session.capture = capture
    try:
        window.attach(session, tasks)
        session.tap("04A2B3C4D5E680", label="TAG-7")
        for exchange in session.exchanges.values():
            capture.offer_exchange(exchange)
        page = await compared(window, tmp_path / "live.db", two[0])
        assert page.total.whole_text() == "= 6 taps same, but for ids and times"
        assert page.outline.alike
    finally:
        await capture.close()


async def test_captures_without_taps_are_compared_message_by_message(window, tmp_path):
    first, second = StubSession(), StubSession()
    for session, status in ((first, "Accepted"), (second, "Blocked")):
        for n in range(3):
            raw = f'[3,"{n}",{{"status":"{status if n == 1 else "Accepted"}"}}]'.encode()
            session.message(Link.OCPP, Direction.OUT, "CP-001", raw, "CALLRESULT", "Authorize")
    paths = await record(first, tmp_path / "a.db"), await record(second, tmp_path / "b.db")
    page = await compared(window, *paths)
    assert page.total.whole_text() == "≠ of 3 messages: 1 changed · 2 same"
    item = page.tree.topLevelItem(0)
    assert [item.child(0).text(column) for column in (1, 2, 3)] == ["payload.status", "Accepted", "Blocked"]
    page.tree.itemActivated.emit(item, 0)
    assert window.workspace.exchanges.compare is None


async def test_it_can_be_called_off(window, two, monkeypatch):
    begun, go_on = threading.Event(), threading.Event()
    real = compare_outline.outline

    def slow(left, right, say):
        def told(*so_far):
            begun.set()
            go_on.wait(5)
            say(*so_far)

        return real(left, right, told)

    monkeypatch.setattr(compare_outline, "outline", slow)
    page = opened(window)
    page.name(*two)
    page.compare_button.click()
    await until(begun.is_set)
    assert page.running
    assert page.cancel_button.isVisible()
    assert not page.left.isEnabled()
    page.cancel_button.click()
    go_on.set()
    await until(lambda: not page.running)
    assert page.total.whole_text() == "Called off."
    assert page.compare_button.isVisible()


async def test_what_cannot_be_compared_is_told(window, two, tmp_path):
    page = opened(window)
    page.compare_button.click()
    await until(lambda: page.total.whole_text() != "")
    assert page.total.whole_text() == "no capture is named on the left; choose one"
    page.name(two[0], two[0])
    page.compare_button.click()
    await until(lambda: "the same capture" in page.total.whole_text())
    page.name(two[0], tmp_path / "none.db")
    page.compare_button.click()
    await until(lambda: "there is no capture" in page.total.whole_text())
    assert not page.running


async def test_colours_follow_the_theme(window, two):
    page = await compared(window, *two)
    light = page.tree.topLevelItem(0).foreground(0).color()
    theme.current.choose(theme.Choice.DARK)
    assert page.tree.topLevelItem(0).foreground(0).color() == theme.color("warn") != light


# The outline


async def test_an_outline_keeps_to_its_bounds(two, monkeypatch):
    monkeypatch.setattr(compare_outline, "MAX_DIFFERENT", 1)
    monkeypatch.setattr(compare_outline, "MAX_SAME", 2)
    monkeypatch.setattr(compare_outline, "MAX_FIELDS", 1)
    told: list[str] = []
    made = outline(*two, lambda what, done, total: told.append(what))
    assert [entry.state for entry in made.entries].count(State.SAME) == 2
    assert len(made.entries) == 3
    assert made.counts.total() == 7
    assert max(sum(len(line.fields) for line in entry.lines) for entry in made.entries) == 1
    assert told[-1] == "Counting kinds of messages"


async def test_what_it_tells_may_end_it(two):
    def stop(*_: object) -> None:
        raise CalledOff

    with pytest.raises(CalledOff):
        outline(*two, stop)
    with pytest.raises(BadInput, match="the same capture"):
        outline(two[0], two[0], lambda *_: None)
