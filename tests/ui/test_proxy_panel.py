"""The Proxy panel as a person uses it: keys and buttons in, what the wire carries out."""

from __future__ import annotations

import asyncio

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QWidget

from bench.answers import CallAnswer
from bench.proxy_rules import Deed, Side, make_rule
from bench.tasks import Tasks
from tests.ui.proxied import Proxied
from tests.ui.stub_session import StubSession
from ui.models.texts import TextRow, TextTable
from ui.panels.proxy import ProxyPanel, answer_text
from ui.panels.proxy_rule import PAYLOAD, RuleForm
from ui.panels.proxy_waiting import ReleaseForm
from ui.window import MainWindow

AUTHORIZE = [2, "1", "Authorize", {"idTag": "04AA"}]
HEARTBEAT = [2, "2", "Heartbeat", {}]


@pytest.fixture
def line(stub):
    return Proxied(stub)


@pytest.fixture
def panel(qtbot, themed, line, tasks):
    panel = ProxyPanel()
    qtbot.addWidget(panel)
    panel.resize(1240, 260)
    panel.attach(line.session, tasks)
    panel.show()
    panel.refresh(set())
    return panel


def texts(model) -> list[tuple[str, ...]]:
    rows, columns = range(model.rowCount()), range(model.columnCount())
    return [tuple(model.index(row, column).data() for column in columns) for row in rows]


def form(panel, kind):
    return next(one for one in panel.findChildren(kind) if one.isVisible())


def test_the_model_is_a_model(qtmodeltester, themed):
    model = TextTable(("A", "B"))
    model.show([TextRow(1, ("x", "y")), TextRow(2, ("z", ""), "warn")])
    qtmodeltester.check(model)
    resets = []
    model.modelReset.connect(lambda: resets.append(1))
    model.show([TextRow(1, ("x", "Y")), TextRow(2, ("z", ""), "warn")])
    assert (resets, model.index(0, 1).data(), model.row_of(2)) == ([], "Y", 1)


def test_without_a_proxy_it_teaches(qtbot, themed, stub):
    panel = ProxyPanel()
    qtbot.addWidget(panel)
    panel.attach(stub, Tasks())
    panel.show()
    assert panel.empty.isVisible()
    assert "--upstream" in panel.empty.text.text()


def test_a_rule_is_added_by_hand_and_counts(qtbot, panel, line):
    assert panel.rules.hint.isVisible()
    qtbot.mouseClick(panel.rules.add_button, Qt.MouseButton.LeftButton)
    editor = form(panel, RuleForm)
    qtbot.keyClicks(editor.filter.line, "name=Authorize")
    editor.side.setCurrentText("The station")
    qtbot.mouseClick(editor.save_button, Qt.MouseButton.LeftButton)
    assert [(r.filter.text, r.deed, r.side, r.times) for r in line.desk.rules.rules] == [
        ("name=Authorize", Deed.HOLD, Side.STATION, None)
    ]
    line.says(Side.STATION, AUTHORIZE)
    panel.refresh(set())
    assert texts(panel.rules.model) == [("1", "name=Authorize", "hold", "The station", "all", "1")]
    assert not panel.rules.hint.isVisible()


def test_a_filter_that_cannot_be_read_and_json_that_is_none_are_told(qtbot, panel, line):
    panel.rules.add()
    editor = form(panel, RuleForm)
    qtbot.keyClicks(editor.filter.line, "name=")
    editor.save()
    assert editor.isVisible()
    assert "character" in editor.filter.error.text()
    assert editor.problem.text() == "The filter cannot be read."
    editor.filter.set_text("name=Authorize")
    editor.deed.setCurrentIndex(editor.deed.findData(Deed.EDIT))
    assert editor.json.isVisible()
    editor.json.editor.setPlainText('{"a": ')
    editor.save()
    assert editor.problem.text() == "The edit is not JSON yet."
    assert editor.json.verdict.text().startswith("✖ not JSON at line 1")
    editor.json.editor.setPlainText('{"idTag": "X"}')
    editor.how.setCurrentText(PAYLOAD)
    editor.times.setValue(3)
    qtbot.waitUntil(lambda: editor.activateWindow() or editor.isActiveWindow())
    qtbot.keyClick(editor.json.editor, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
    (rule,) = line.desk.rules.rules
    assert (rule.deed, rule.payload, rule.patch, rule.times) == (Deed.EDIT, {"idTag": "X"}, None, 3)


def test_only_what_the_deed_needs_is_asked(panel):
    panel.rules.add()
    editor = form(panel, RuleForm)
    shown = []
    for deed in Deed:
        editor.deed.setCurrentIndex(editor.deed.findData(deed))
        shown.append((str(deed), editor.delay.isVisible(), editor.how.isVisible(), editor.json.isVisible()))
    assert shown == [
        ("hold", False, False, False),
        ("edit", False, True, True),
        ("delay", True, False, False),
        ("drop", False, False, False),
    ]
    editor.deed.setCurrentIndex(editor.deed.findData(Deed.DELAY))
    editor.delay.setValue(250)
    editor.save()
    panel.refresh(set())
    assert texts(panel.rules.model)[0][1:3] == ("every message", "delay 250 ms")


def test_rules_are_edited_moved_and_removed_by_keys_and_keep_their_counts(qtbot, panel, line):
    line.desk.rules.replace([make_rule("name=Authorize", Deed.DROP), make_rule("", Deed.DELAY, delay_ms=9)])
    line.says(Side.STATION, AUTHORIZE)
    panel.refresh(set())
    table = panel.rules.table
    table.setFocus()
    table.selectRow(0)
    qtbot.keyClick(table, Qt.Key.Key_Down, Qt.KeyboardModifier.AltModifier)
    assert [(row[1], row[5]) for row in texts(panel.rules.model)] == [("every message", "0"), ("name=Authorize", "1")]
    assert table.currentIndex().row() == 1
    qtbot.keyClick(table, Qt.Key.Key_Return)
    editor = form(panel, RuleForm)
    assert (editor.filter.text, Deed(editor.deed.currentData())) == ("name=Authorize", Deed.DROP)
    editor.times.setValue(5)
    editor.save()
    assert texts(panel.rules.model)[1][4:] == ("0 of 5", "0")
    table.selectRow(0)
    qtbot.keyClick(table, Qt.Key.Key_Delete)
    assert [rule.times for rule in line.desk.rules.rules] == [5]


def test_held_messages_are_released_edited_and_dropped(qtbot, panel, line):
    line.desk.rules.replace([make_rule("", Deed.HOLD, side=Side.STATION)])
    for number in ("1", "2", "3"):
        line.says(Side.STATION, [2, number, "Authorize", {"idTag": f"T{number}"}])
        line.session.clock.advance(1000)
    panel.refresh(set())
    assert panel.tabs.tabText(0) == "Waiting (3)"
    assert [row[1:] for row in texts(panel.waiting.model)] == [
        ("CP-001", "station", "Authorize", f"{age} s", "released") for age in (3, 2, 1)
    ]
    table = panel.waiting.table
    table.setFocus()
    table.selectRow(0)
    qtbot.keyClick(table, Qt.Key.Key_Return)
    panel.refresh(set())
    qtbot.mouseClick(panel.waiting.edit_button, Qt.MouseButton.LeftButton)
    editor = form(panel, ReleaseForm)
    editor.json.editor.setPlainText('{"idTag": 5}')
    assert editor.json.judge() == {"idTag": 5}
    assert editor.json.verdict.text().startswith("⚠ ")
    editor.json.editor.setPlainText('{"idTag": "NEW"}')
    qtbot.waitUntil(lambda: editor.activateWindow() or editor.isActiveWindow())
    qtbot.keyClick(editor.json.editor, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
    panel.refresh(set())
    qtbot.mouseClick(panel.waiting.drop_button, Qt.MouseButton.LeftButton)
    panel.refresh(set())
    assert line.sent == [
        ("csms", [2, "1", "Authorize", {"idTag": "T1"}]),
        ("csms", [2, "2", "Authorize", {"idTag": "NEW"}]),
    ]
    assert (panel.tabs.tabText(0), panel.waiting.hint.isVisible()) == ("Waiting", True)
    assert not panel.waiting.release_button.isEnabled()


def test_a_message_that_went_meanwhile_is_told(panel, line):
    line.desk.rules.replace([make_rule("", Deed.HOLD)])
    line.says(Side.STATION, AUTHORIZE)
    panel.refresh(set())
    panel.waiting.edit()
    editor = form(panel, ReleaseForm)
    line.desk.closed("CP-001", Side.STATION, 1000, "")
    editor.release()
    assert editor.isVisible()
    assert "not released" in editor.problem.text()
    panel.waiting.release()  # the row still stands there until the next refresh
    panel.refresh(set())
    assert texts(panel.waiting.model) == []


def test_what_has_no_payload_is_not_edited(panel, line):
    line.desk.rules.replace([make_rule("", Deed.HOLD)])
    line.desk.frame("CP-001", Side.STATION, b"nonsense", line.session.clock.stamp())
    panel.refresh(set())
    assert panel.waiting.release_button.isEnabled()
    assert not panel.waiting.edit_button.isEnabled()
    assert texts(panel.waiting.model)[0][3] == "a message that cannot be read"


def test_picking_a_waiting_message_shows_it(qtbot, panel, line):
    line.desk.rules.replace([make_rule("", Deed.HOLD)])
    line.says(Side.STATION, HEARTBEAT)
    panel.refresh(set())
    index = panel.waiting.model.index(0, 0)
    with qtbot.waitSignal(panel.message_selected) as told:
        place = panel.waiting.table.visualRect(index).center()
        qtbot.mouseClick(panel.waiting.table.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert told.args == [1]


async def test_a_call_to_either_side(panel, line, tasks):
    panel.tabs.setCurrentIndex(1)
    panel.refresh(set())
    call = panel.call
    offered = {}
    for side in Side:
        call.side.setCurrentIndex(call.side.findData(side))
        offered[side] = {call.call.action.itemText(at) for at in range(call.call.action.count())}
    assert "ClearCache" in offered[Side.STATION]
    assert "BootNotification" in offered[Side.CSMS]
    assert "ClearCache" not in offered[Side.CSMS]
    call.call.action.setCurrentText("Authorize")
    call.call.payload.setPlainText('{"idTag": "04AA"}')
    call.call.send()
    await asyncio.wait_for(line.news.wait(), 5)
    ((to, frame),) = line.sent
    assert (to, frame[2:]) == ("csms", ["Authorize", {"idTag": "04AA"}])
    line.says(Side.CSMS, [3, frame[1], {"idTagInfo": {"status": "Accepted"}}])
    async with asyncio.timeout(5):
        await asyncio.gather(*tasks._tasks)
    assert call.said.text() == '✔ the csms answered Authorize: {"idTagInfo": {"status": "Accepted"}}'


def test_a_call_that_is_wrong_is_not_sent_unless_wanted(panel, line):
    panel.tabs.setCurrentIndex(1)
    panel.refresh(set())
    call = panel.call
    call.call.action.setCurrentText("Authorize")  # a station's, and this goes to the station
    call.call.send()
    assert line.sent == []
    assert "Not sent" in call.said.text()


def test_a_refusal_is_told():
    refused = CallAnswer("Reset", None, "NotSupported", "no", {})
    assert answer_text(Side.STATION, refused) == ("fail", "✖ the station refused Reset: NotSupported no")


def test_everything_has_a_name_and_takes_the_focus(panel):
    panel.rules.add()
    for widget in (*panel.findChildren(QWidget),):
        interactive = widget.metaObject().className() in ("QPushButton", "QComboBox", "QTableView", "QPlainTextEdit")
        if interactive and widget.isVisible():
            assert widget.accessibleName() or widget.text(), widget
            assert widget.focusPolicy() & Qt.FocusPolicy.TabFocus, widget


def test_its_dock_is_there_where_the_bench_is_a_proxy(qtbot, themed, line, tasks):
    window = MainWindow()
    qtbot.addWidget(window)
    window.resize(1280, 800)
    window.show()
    workspace = window.workspace
    dock = workspace.docks[workspace.proxy]
    workspace.attach(StubSession(), tasks)
    assert dock.isHidden()
    workspace.attach(line.session, tasks)
    assert not dock.isHidden()
    workspace.reset_layout()
    assert not dock.isHidden()
    workspace.attach(StubSession(), tasks)
    workspace.show_panel(workspace.proxy)  # by its key: it teaches
    assert workspace.proxy.empty.isVisible()
