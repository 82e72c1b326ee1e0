from __future__ import annotations

import asyncio
import json
import subprocess
import sys

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QMenu

from bench.clock import stamp
from bench.codecs import josev, ocpp
from bench.journal.filter import parse
from bench.journal.log import Journal
from bench.journal.view import JournalContext, View
from bench.message import Decoded, Direction, Link
from bench.tasks import Tasks
from ui import theme
from ui.models.messages import Column, MessageTableModel
from ui.panels.messages import MessagesPanel

# What the offscreen platform says of every window that is shown.
pytestmark = pytest.mark.qt_log_ignore("This plugin does not support")

ARGUMENTS = {"evse_id": "GB*SEV*E1", "id_token": "04A2B3C4D5E680", "token_type": "ISO14443"}


def on_bus(session, data=ARGUMENTS, kind="request", topic="cs/josev", direction=Direction.OUT):
    message = {"id": "57828133-8cfe-477d-b829-0b60aff90c2a", "name": "authorization", "type": kind, "data": data}
    raw = json.dumps(message).encode()
    decoded = josev.decode(raw, topic, session.profile.bus.topics)
    return session.journal.append(Link.JOSEV, direction, topic, raw, decoded, session.clock.stamp(), {"qos": 1})


def on_link(session, frame, direction=Direction.IN, raw=None):
    raw = json.dumps(frame).encode() if raw is None else raw
    decoded = ocpp.decode(raw, "2.0.1", lambda call_id: "Authorize")
    return session.journal.append(Link.OCPP, direction, "CP-001", raw, decoded, session.clock.stamp())


def heartbeats(session, count):
    decoded = Decoded("CALL", "Heartbeat", "h", ocpp.Call("h", "Heartbeat", {}))
    for _ in range(count):
        session.clock.advance(1)
        session.journal.append(
            Link.OCPP, Direction.IN, "CP-001", b'[2,"h","Heartbeat",{}]', decoded, session.clock.stamp()
        )


@pytest.fixture
def panel(qtbot, themed, stub):
    panel = MessagesPanel()
    qtbot.addWidget(panel)
    panel.resize(1200, 300)
    panel.attach(stub, Tasks())
    panel.show()
    return panel


def rows(panel):
    model = panel.table.model()
    return [model.seq_at(row) for row in range(model.rowCount())]


def cells(panel, row):
    model = panel.table.model()
    return [model.index(row, column).data() for column in range(model.columnCount())]


def selected(panel):
    return [panel.table.model().seq_at(index.row()) for index in panel.table.selectionModel().selectedRows()]


def test_the_model_is_a_model(qtmodeltester, themed, stub):
    heartbeats(stub, 5)
    context = JournalContext(stub.pairs, stub.exchange_of)
    model = MessageTableModel(View(stub.journal, context), context)
    model.flush()
    qtmodeltester.check(model)


def test_a_row_tells_the_message(panel, stub):
    request = on_bus(stub)
    stub.clock.advance(138.2)
    answer = on_bus(stub, {"status": "accepted"}, "response", "josev/cs", Direction.IN)
    assert stub.pairs.of(answer.seq).answers == request.seq
    panel.refresh(set())
    first, second = cells(panel, 0), cells(panel, 1)
    assert first[0] == "1"
    assert first[2:7] == ["josev", "▲ OUT", "cs/josev", "request", "authorization"]
    assert first[Column.MS] == ""
    assert first[Column.SUMMARY] == "ISO14443 04A2B3C4D5E680 · GB*SEV*E1"
    assert second[Column.DIR] == "▼ IN"
    assert second[Column.MS] == "138.2"
    assert second[Column.SUMMARY] == "accepted"


def test_what_does_not_fit_is_told_in_the_row(panel, stub):
    stub.clock.advance(10)
    answer, error = [3, "a", {"idTokenInfo": {"status": "Accepted"}}], [4, "x", "GenericError", "", {}]
    call = [2, "a", "Authorize", {"idToken": {"idToken": "04A2", "type": "ISO14443"}}]
    on_link(stub, call)
    panel.refresh(set())
    assert cells(panel, 0)[Column.SUMMARY] == "ISO14443 04A2"
    stub.clock.advance(31_000)
    panel._ageing.timeout.emit()
    assert cells(panel, 0)[Column.SUMMARY] == "⚠ no answer · ISO14443 04A2"
    on_link(stub, answer, Direction.OUT)
    on_link(stub, answer, Direction.OUT)
    on_link(stub, error, Direction.OUT)
    on_link(stub, call)
    panel.refresh(set())
    assert [cells(panel, row)[Column.SUMMARY].rpartition(" · ")[0] for row in range(5)] == [
        "",
        "⚠ late, after 31.0 s",
        "⚠ second answer",
        "⚠ answers nothing",
        "⚠ id used before",
    ]
    model = panel.table.model()
    assert model.cell(3, Column.SUMMARY)[1] == "warn"
    assert model.cell(0, Column.SUMMARY)[1] is None
    assert "It came late: 31.0 s after its request #1." in model.index(1, 0).data(Qt.ItemDataRole.ToolTipRole)
    panel.filter_line.set_text("flag:late,orphan")
    assert rows(panel) == [2, 4]
    panel.filter_line.set_text("flag")
    assert rows(panel) == [2, 3, 4, 5]
    panel.filter_line.set_text("not flag")
    assert rows(panel) == [1]


def test_direction_and_faults_are_told_by_sign_and_colour(panel, stub):
    on_bus(stub)
    on_link(stub, None, raw=b"[2,oops")
    on_link(stub, [2, "a", "Authorize", {"idToken": {"idToken": "04A2", "type": "Nonsense"}}])
    panel.refresh(set())
    model = panel.table.model()

    def colour(row, column):
        return model.index(row, column).data(Qt.ItemDataRole.ForegroundRole)

    assert colour(0, Column.DIR) == theme.color("out")
    assert colour(1, Column.DIR) == theme.color("in")
    assert cells(panel, 1)[Column.KIND] == "✖ malformed"
    assert colour(1, Column.KIND) == theme.color("fail")
    assert cells(panel, 2)[Column.SUMMARY].startswith("⚠ ")
    assert colour(2, Column.SUMMARY) == theme.color("warn")
    theme.current.choose(theme.Choice.DARK)
    assert colour(0, Column.DIR) == theme.color("out")


def test_empty_says_what_would_fill_it(panel, stub):
    panel.refresh(set())
    assert panel.empty.isVisible()
    on_bus(stub)
    panel.refresh(set())
    assert panel.table.isVisible()


def test_filter_is_live_for_old_and_new(qtbot, panel, stub):
    heartbeats(stub, 3)
    on_bus(stub)
    panel.refresh(set())
    panel.focus_filter()
    qtbot.keyClicks(panel.filter_line.line, "link:josev")
    qtbot.waitUntil(lambda: rows(panel) == [4])
    assert panel.count.text() == "1 of 4"
    heartbeats(stub, 2)
    on_bus(stub)
    panel.refresh(set())
    assert rows(panel) == [4, 7]
    panel.filter_line.clear()
    assert rows(panel) == [1, 2, 3, 4, 5, 6, 7]
    assert panel.count.text() == "7 messages"


def test_a_wrong_filter_says_where_and_keeps_the_rows(qtbot, panel, stub):
    heartbeats(stub, 2)
    on_bus(stub)
    panel.filter_line.set_text("link:josev")
    qtbot.keyClicks(panel.filter_line.line, " zzz:1")
    panel.filter_line.apply()
    assert panel.filter_line.error.isVisible()
    assert panel.filter_line.error.text().startswith("character 12, at “zzz:1”: there is no field zzz")
    assert rows(panel) == [3]
    panel.filter_line.set_text("link:ocpp")
    assert not panel.filter_line.error.isVisible()
    assert rows(panel) == [1, 2]


def test_nothing_found_offers_to_clear(qtbot, panel, stub):
    heartbeats(stub, 2)
    panel.filter_line.set_text("nosuchword")
    assert panel.nothing.isVisible()
    qtbot.mouseClick(panel.nothing.button, Qt.MouseButton.LeftButton)
    assert rows(panel) == [1, 2]


def test_completion_replaces_the_word_at_the_cursor(qtbot, panel):
    line = panel.filter_line.line
    with qtbot.waitActive(panel):
        panel.activateWindow()
    line.setFocus()
    qtbot.keyClicks(line, "dir:in li")
    popup = panel.filter_line.completer.popup()
    qtbot.waitUntil(popup.isVisible)
    qtbot.keyClick(popup, Qt.Key.Key_Down)
    qtbot.keyClick(popup, Qt.Key.Key_Return)
    assert line.text() == "dir:in link:"
    qtbot.keyClicks(line, "oc")
    qtbot.keyClick(popup, Qt.Key.Key_Escape)
    assert line.text() == "dir:in link:oc"


def test_pause_stands_still_and_tells_what_waits(qtbot, panel, stub):
    heartbeats(stub, 3)
    panel.refresh(set())
    panel.table.setFocus()
    qtbot.keyClick(panel.table, Qt.Key.Key_Space)
    heartbeats(stub, 4)
    panel.refresh(set())
    assert rows(panel) == [1, 2, 3]
    assert panel.count.text() == "7 messages · 4 waiting"
    assert panel.pause_button.text() == "▶ resume"
    panel.toggle_pause()
    assert rows(panel) == [1, 2, 3, 4, 5, 6, 7]
    assert panel.count.text() == "7 messages"


def test_follows_until_scrolled_up(qtbot, panel, stub):
    heartbeats(stub, 200)
    panel.refresh(set())
    bar = panel.table.verticalScrollBar()
    assert bar.value() == bar.maximum() > 0
    bar.setValue(50)
    assert not panel.follow_button.isChecked()
    heartbeats(stub, 100)
    panel.refresh(set())
    assert bar.value() == 50
    qtbot.mouseClick(panel.follow_button, Qt.MouseButton.LeftButton)
    assert bar.value() == bar.maximum()
    heartbeats(stub, 100)
    panel.refresh(set())
    assert bar.value() == bar.maximum()


def test_rows_in_sight_stay_when_the_head_is_trimmed(qtbot, themed, stub):
    stub.journal = Journal(window=300)
    panel = MessagesPanel()
    qtbot.addWidget(panel)
    panel.resize(1200, 300)
    panel.attach(stub, Tasks())
    panel.show()
    heartbeats(stub, 300)
    panel.refresh(set())
    panel.table.verticalScrollBar().setValue(200)
    top = panel.table.model().seq_at(panel.table.rowAt(0))
    heartbeats(stub, 60)
    panel.refresh(set())
    assert stub.journal.first == 32
    assert rows(panel)[0] == 32
    assert panel.table.model().seq_at(panel.table.rowAt(0)) == top


def test_selection_is_by_number(qtbot, themed, stub):
    stub.journal = Journal(window=100)
    panel = MessagesPanel()
    qtbot.addWidget(panel)
    panel.resize(1200, 300)
    panel.attach(stub, Tasks())
    panel.show()
    heartbeats(stub, 98)
    on_bus(stub)
    heartbeats(stub, 1)
    panel.refresh(set())
    with qtbot.waitSignal(panel.message_selected) as picked:
        panel.table.selectRow(98)
    assert picked.args == [99]
    emitted = []
    panel.message_selected.connect(emitted.append)

    panel.filter_line.set_text("link:josev")
    assert (rows(panel), selected(panel)) == ([99], [99])
    panel.filter_line.set_text("name:Heartbeat")
    assert selected(panel) == []
    panel.filter_line.clear()
    assert selected(panel) == [99]
    heartbeats(stub, 60)  # trims the head
    panel.refresh(set())
    assert rows(panel)[0] > 1
    assert selected(panel) == [99]
    heartbeats(stub, 200)  # and now the message itself
    panel.refresh(set())
    assert selected(panel) == []
    assert emitted == []


def test_a_message_picked_elsewhere_is_shown(panel, stub):
    heartbeats(stub, 300)
    panel.refresh(set())
    panel.select_message(20)
    assert selected(panel) == [20]
    model = panel.table.model()
    assert panel.table.visualRect(model.index(19, 0)).intersects(panel.table.viewport().rect())
    heartbeats(stub, 5)
    panel.refresh(set())
    assert panel.table.visualRect(model.index(19, 0)).intersects(panel.table.viewport().rect())


def test_show_exchange(panel, stub):
    exchange = stub.tap("04A2B3C4D5E680")
    heartbeats(stub, 2)
    panel.show_exchange(exchange.id)
    assert panel.filter_line.text == f"exchange:{exchange.id}"
    assert rows(panel) == exchange.sequences


def test_columns_time_and_filter_are_remembered(qtbot, themed, stub, panel):
    heartbeats(stub, 2)
    panel._column_actions[Column.KIND].trigger()
    panel._relative.trigger()
    panel.filter_line.set_text("name:Heartbeat")
    assert panel.table.isColumnHidden(Column.KIND)
    assert cells(panel, 1)[Column.TIME] == "+0.001"
    other = MessagesPanel()
    qtbot.addWidget(other)
    other.recall(panel.remembered())
    other.attach(stub, Tasks())
    other.refresh(set())
    assert other.table.isColumnHidden(Column.KIND)
    assert cells(other, 1)[Column.TIME] == "+0.001"
    assert rows(other) == [1, 2]
    assert other.filter_line.filter.text == "name:Heartbeat"
    other.recall({"hidden": "nonsense seq", "filter": "link:", "time": "?"})
    assert not other.table.isColumnHidden(Column.SEQ)
    assert rows(other) == [1, 2]


def test_copies(qtbot, panel, stub):
    on_bus(stub)
    on_bus(stub, {"id_token": "4711", "token_type": "key_code"})
    panel.refresh(set())
    panel.table.selectRow(0)
    qtbot.keyClick(panel.table, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    clipboard = QGuiApplication.clipboard()
    assert clipboard.text().split("\t") == cells(panel, 0)
    panel.copy_mosquitto_pub()
    assert clipboard.text().startswith("mosquitto_pub -h 127.0.0.1 -p 1883 -t cs/josev -q 1 -m '{")
    panel.table.selectRow(1)
    panel.copy_json()
    shown = json.loads(clipboard.text())
    assert shown["seq"] == 2
    assert "4711" not in clipboard.text()
    panel.copy_mosquitto_pub()
    assert "4711" not in clipboard.text()


def test_another_session_takes_the_place(panel, stub):
    heartbeats(stub, 3)
    panel.refresh(set())
    other = type(stub)()
    on_bus(other)
    panel.attach(other, Tasks())
    panel.refresh(set())
    assert rows(panel) == [1]
    assert cells(panel, 0)[Column.LINK] == "josev"


def test_a_flood_costs_one_insertion_and_little_time(panel, stub):
    """1,000 messages a flush are 10,000 a second."""
    panel.refresh(set())
    inserted = []
    panel.table.model().rowsInserted.connect(lambda parent, first, last: inserted.append(last - first + 1))
    took = []
    for _ in range(5):
        heartbeats(stub, 1000)
        before = stamp().mono_ns
        panel.refresh(set())
        took.append((stamp().mono_ns - before) / 1e6)
    assert inserted == [1000] * 5
    assert min(took) < 50


def test_a_filter_over_many_messages_is_paid_in_slices(qtbot, panel, stub):
    heartbeats(stub, 100_000)
    on_bus(stub)
    panel.filter_line.set_text("nosuchword or link:josev")
    before = stamp().mono_ns
    panel.table.model().set_filter(parse("nosuchword or link:josev"))
    panel.table.model().flush()
    assert (stamp().mono_ns - before) / 1e6 < 250
    assert panel.table.model().view.unscanned > 0
    panel.refresh(set())
    qtbot.waitUntil(lambda: rows(panel) == [100_001], timeout=20_000)


def test_a_huge_message_does_not_stop_the_table(panel, stub):
    big = {"evse_id": "x" * 5_000_000, "token_type": "ISO14443"}
    on_bus(stub, big)
    before = stamp().mono_ns
    panel.refresh(set())
    panel.grab()
    assert (stamp().mono_ns - before) / 1e6 < 500
    assert len(cells(panel, 0)[Column.SUMMARY]) <= 165


def test_panels_load_nothing_heavy_before_the_first_paint():
    heavy = ("sqlalchemy", "pydantic", "fastapi", "ocpp", "jsonschema_rs", "orjson", "bench.session")
    panels = ("messages", "inspector", "tokens", "station")
    code = "import sys\n" + "\n".join(f"import ui.panels.{name}" for name in panels)
    code += f"\nsys.exit(' '.join(name for name in {heavy!r} if name in sys.modules) or 0)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=False)
    assert (done.returncode, done.stderr) == (0, "")


async def go(panel, tasks, action):
    """Do it and wait until what it started is through."""
    action()
    async with asyncio.timeout(5):
        while len(tasks):  # noqa: ASYNC110 - what ended tells nobody
            await asyncio.sleep(0)


@pytest.mark.gui
async def test_finding_goes_from_match_to_match_and_hides_nothing(qtbot, panel, stub, tasks, monkeypatch):
    for _ in range(3):
        heartbeats(stub, 2)
        on_bus(stub)
    panel.attach(stub, tasks)
    panel.refresh(set())

    async def typed(*_, **__):
        return "link:josev"

    monkeypatch.setattr("ui.panels.finder.ask_text", typed)
    picked = []
    panel.message_selected.connect(picked.append)
    await go(panel, tasks, lambda: panel.find(anew=True))
    await go(panel, tasks, panel.find)
    await go(panel, tasks, panel.find)
    await go(panel, tasks, lambda: panel.find(forwards=False))
    assert picked == [3, 6, 9, 6]
    assert rows(panel) == list(range(1, 10))
    await go(panel, tasks, panel.find)
    with qtbot.waitSignal(panel.notice) as told:
        await go(panel, tasks, panel.find)
    assert told.args[1].startswith("No further message matches")


@pytest.mark.gui
async def test_what_cannot_be_looked_for_is_told_with_its_place(qtbot, panel, stub, tasks, monkeypatch):
    panel.attach(stub, tasks)

    async def typed(*_, **__):
        return "link:nowhere"

    monkeypatch.setattr("ui.panels.finder.ask_text", typed)
    with qtbot.waitSignal(panel.notice) as told:
        await go(panel, tasks, lambda: panel.find(anew=True))
    assert told.args[0] == "fail"
    assert "character 6" in told.args[1]


def test_a_message_is_marked_and_found_again(qtbot, panel, stub):
    heartbeats(stub, 3)
    panel.refresh(set())
    panel.select_message(2)
    panel.toggle_bookmark()
    panel.refresh({("note", 2)})
    model = panel.table.model()
    assert model.index(1, 8).data().startswith("★ ")
    panel.filter_line.set_text("seq>2")
    panel.select_message(3)
    panel.next_note()
    assert panel.filter_line.text == "", "a filter that hides it goes"
    assert rows(panel) == [1, 2, 3]
    panel.toggle_bookmark()
    panel.refresh({("note", 2)})
    assert stub.notes.of(2) is None
    with qtbot.waitSignal(panel.notice):
        panel.next_note()


def test_filters_are_kept_and_remembered(qtbot, panel, stub):
    heartbeats(stub, 2)
    on_bus(stub)
    panel.filter_line.set_text("link:josev")
    panel.saved.fill()
    panel.saved.actions()[0].trigger()
    panel.filter_line.clear()
    panel.saved.fill()
    assert not panel.saved.actions()[0].isEnabled(), "no filter, nothing to keep"
    panel.saved.actions()[-1].trigger()
    assert panel.filter_line.text == "link:josev"
    assert rows(panel) == [3]
    kept = panel.remembered()
    panel.saved.recall("")
    panel.recall(kept)
    assert panel.saved.texts == ["link:josev"]
    panel.saved.fill()
    next(action for action in panel.saved.actions() if action.text() == "Let this filter go").trigger()
    assert panel.saved.texts == []


def test_the_row_tells_its_note_and_leads_to_it(panel, stub, qtbot):
    request = on_bus(stub)
    stub.notes.write(request.seq, "the first card that failed")
    panel.refresh(set())
    assert cells(panel, 0)[Column.SUMMARY].startswith("★ ")
    assert "★ the first card that failed" in panel.table.model().index(0, 0).data(Qt.ItemDataRole.ToolTipRole)
    panel.table.selectRow(0)
    panel._context_menu(QPoint(5, 5))
    menu = panel.findChildren(QMenu)[-1]
    texts = [action.text() for action in menu.actions()]
    assert "Take the mark away" in texts
    with qtbot.waitSignal(panel.note_wanted) as wanted:
        menu.actions()[texts.index("Note…")].trigger()
    assert wanted.args == [request.seq]
    menu.close()
