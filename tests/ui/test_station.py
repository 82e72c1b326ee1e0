from __future__ import annotations

import asyncio
import json

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication, QTextCursor
from PySide6.QtWidgets import QLineEdit

from bench.answers import CallAnswer
from bench.auth_settings import setting
from bench.codecs.ocpp_forms import sent_by_stations
from bench.codecs.ocpp_schemas import actions
from bench.errors import OperatorError
from bench.exchange import MASK
from bench.settings_flow import SettingValue, SettingWritten
from bench.station import Station, Transaction
from bench.tasks import Tasks
from bench.tokens.model import IdTokenType
from ui.models.stations import StationTableModel, list_text, rows_of
from ui.panels.free_call import STARTERS
from ui.panels.station import StationPanel
from ui.panels.station_orders import typed_data

# What the offscreen platform says of every window that is shown.
pytestmark = pytest.mark.qt_log_ignore("This plugin does not support")


def cp1(**more):
    return Station("CP-001", "2.0.1", boot="Accepted", vendor="Acme", model="One", list_version=7, **more)


@pytest.fixture
def panel(qtbot, themed, stub, tasks):
    stub.stations["CP-001"] = cp1(transactions={"TX-9": Transaction("TX-9", 1, "04B1")})
    stub.stations["CP-002"] = Station("CP-002", "1.6", connected=False)
    panel = StationPanel()
    qtbot.addWidget(panel)
    panel.resize(1200, 330)
    panel.attach(stub, tasks)
    panel.show()
    panel.refresh(set())
    return panel


async def settled(tasks):
    """Wait until what the panel started has ended."""
    async with asyncio.timeout(5):
        await asyncio.gather(*tasks._tasks, return_exceptions=True)


def test_the_model_is_a_model(qtmodeltester, themed):
    model = StationTableModel()
    model.show(rows_of([cp1(), Station("CP-002", "1.6", connected=False)]))
    qtmodeltester.check(model)


def test_the_model_tells_only_what_changed(themed):
    model = StationTableModel()
    station = cp1()
    assert model.show(rows_of([station]))
    assert not model.show(rows_of([station]))
    resets = []
    model.modelReset.connect(lambda: resets.append(1))
    station.list_version = 8
    assert model.show(rows_of([station]))
    assert resets == []
    assert [list_text(version) for version in (None, -1, 0, 8)] == ["not asked", "none", "empty", "v8"]


def test_empty_says_which_url_to_type(qtbot, themed, stub):
    panel = StationPanel()
    qtbot.addWidget(panel)
    panel.attach(stub, Tasks())
    panel.show()
    assert panel.empty.isVisible()
    assert "ws://127.0.0.1:9000/CP-001" in panel.empty.text.text()
    assert "Only this computer can reach it" in panel.empty.text.text()
    panel.empty.button.click()
    assert QGuiApplication.clipboard().text() == "ws://127.0.0.1:9000/CP-001"
    stub.server = None
    panel.attach(stub, Tasks())
    assert "The OCPP server is off" in panel.empty.text.text()
    assert not panel.empty.button.isVisible()


@pytest.mark.gui
async def test_shows_stations_as_they_change(panel, stub):
    model = panel.table.model()
    row = [model.index(0, column).data() for column in range(8)]
    assert row == ["CP-001", "● up", "2.0.1", "Accepted", "Acme One", "", "v7", ""]
    assert panel.station.id == "CP-001"
    assert panel.orders.clear_button.isEnabled()
    stub.stations["CP-001"].connected = False
    panel.refresh(set())
    assert model.index(0, 1).data() == "□ off"
    assert not panel.orders.clear_button.isEnabled()
    assert not panel.orders.stop_button.isEnabled()


@pytest.mark.gui
async def test_the_cache_is_cleared_one_order_at_a_time(panel, stub, tasks):
    panel.orders.clear_button.click()
    assert panel.said.text() == "Asking CP-001 to clear its cache…"
    assert not panel.orders.clear_button.isEnabled()
    panel.orders.clear_button.click()
    await settled(tasks)
    assert panel.said.text() == "✔ CP-001 cleared its cache"
    assert panel.orders.clear_button.isEnabled()
    assert stub.orders == [("clear_cache", "CP-001")]


@pytest.mark.gui
async def test_the_list_of_the_selected_station_is_one_click_away(qtbot, panel):
    with qtbot.waitSignal(panel.station_selected) as told:
        panel.table.selectRow(1)
    assert told.args == ["CP-002"]
    with qtbot.waitSignal(panel.list_wanted):
        panel.orders.list_button.click()
    assert panel.orders.list_button.isEnabled(), "the list of a station that is away can be looked at too"
    panel.select_station("CP-001")
    assert panel.station.id == "CP-001"


@pytest.mark.gui
async def test_remote_start_and_stop(qtbot, panel, stub, tasks):
    assert not panel.orders.start_button.isEnabled()
    qtbot.keyClicks(panel.orders.id_token, "04A2B3C4")
    panel.orders.id_type.setCurrentText("ISO14443")
    panel.orders.evse.setValue(2)
    qtbot.keyClick(panel.orders.id_token, Qt.Key.Key_Return)
    await settled(tasks)
    panel.orders.evse.setValue(0)
    panel.orders.start_button.click()
    await settled(tasks)
    assert panel.orders.transaction.currentText() == "TX-9"
    panel.orders.stop_button.click()
    await settled(tasks)
    assert stub.orders == [
        ("remote_start", "CP-001", "04A2B3C4", IdTokenType.ISO14443, 2),
        ("remote_start", "CP-001", "04A2B3C4", IdTokenType.ISO14443, None),
        ("remote_stop", "CP-001", "TX-9"),
    ]
    stub.stations["CP-001"].transactions.clear()
    panel.refresh(set())
    assert not panel.orders.stop_button.isEnabled()
    panel.orders.id_type.setCurrentText("KeyCode")
    assert panel.orders.id_token.echoMode() is QLineEdit.EchoMode.PasswordEchoOnEdit


@pytest.mark.gui
async def test_no_answer_is_told_and_the_next_order_is_possible(panel, stub, tasks):
    stub.refuse = OperatorError("CP-001 did not answer within 30 s", "look whether it is online")
    panel.orders.clear_button.click()
    await settled(tasks)
    assert panel.said.text() == "✖ CP-001 did not answer within 30 s; look whether it is online"
    assert panel.orders.clear_button.isEnabled()


@pytest.mark.gui
async def test_any_call(panel, stub, tasks):
    call = panel.free_call
    panel.tabs.setCurrentIndex(1)
    assert call.action.currentText() == "TriggerMessage"
    call.judge()
    assert call.verdict.text() == "✔ as the schema wants it"
    assert call.action.findText("SetVariables") >= 0
    call.payload.setPlainText('{"requestedMessage": ')
    call.judge()
    assert call.verdict.text().startswith("✖ not JSON at line 1, column")
    call.payload.setPlainText("[1]")
    call.judge()
    assert call.verdict.text() == "✖ a payload is a JSON object: { }"
    call.payload.setPlainText('{"requestedMessage": "Nonsense"}')
    call.judge()
    assert call.verdict.text().startswith("✖ requestedMessage: ")
    call.payload.setPlainText('{"requestedMessage": "Heartbeat"}')
    call.send_button.click()
    await settled(tasks)
    assert stub.orders == [("call", "CP-001", "TriggerMessage", {"requestedMessage": "Heartbeat"})]
    assert panel.said.text() == "✔ TriggerMessage answered: Accepted · 0.0 ms"
    call.action.setCurrentText("Frobnicate")
    call.judge()
    assert call.verdict.text() == "⚠ OCPP 2.0.1 has no action Frobnicate"


@pytest.mark.gui
@pytest.mark.parametrize("size", [(967, 136), (1247, 230)])
async def test_a_call_that_is_no_json_says_why_and_where(qtbot, panel, stub, size):
    """Pressed by mouse or by Ctrl+Enter, at the least size the station panel gets in a window of 1000x700."""
    panel.resize(*size)
    panel.tabs.setCurrentIndex(1)
    call = panel.free_call
    call.payload.setPlainText('{"note": "\N{ELECTRIC PLUG}",\n "x" }')
    assert call.send_button.isEnabled()
    for press in (
        lambda: qtbot.mouseClick(call.send_button, Qt.MouseButton.LeftButton),
        lambda: qtbot.keyClick(call.payload, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier),
    ):
        call.payload.moveCursor(QTextCursor.MoveOperation.Start)
        call.verdict.clear()
        qtbot.waitUntil(lambda: panel.activateWindow() or panel.isActiveWindow())
        press()
        assert call.verdict.text() == "✖ not JSON at line 2, column 6: Expecting ':' delimiter"
        cursor = call.payload.textCursor()
        assert (cursor.blockNumber(), cursor.positionInBlock()) == (1, 5)
        assert call.payload.hasFocus()
    assert call.verdict.height() >= call.verdict.fontMetrics().height()
    assert call.verdict.mapTo(panel, call.verdict.rect().bottomLeft()).y() < 136
    assert stub.orders == []


@pytest.mark.gui
async def test_a_call_without_an_action_is_refused(qtbot, panel, stub):
    panel.tabs.setCurrentIndex(1)
    call = panel.free_call
    call.action.setCurrentText("")
    qtbot.mouseClick(call.send_button, Qt.MouseButton.LeftButton)
    assert call.verdict.text() == "✖ choose an action"
    assert call.action.hasFocus()
    call.payload.setPlainText("[" + "9" * 5000)
    call.judge()
    assert call.verdict.text().startswith("✖ not JSON: ")
    assert stub.orders == []


@pytest.mark.gui
async def test_what_only_stations_send_is_not_offered(panel):
    panel.tabs.setCurrentIndex(1)
    call = panel.free_call
    assert call.action.findText("Authorize") == -1
    assert call.action.findText("DataTransfer") >= 0, "goes both ways"
    call.action.setCurrentText("Authorize")
    call.judge()
    assert call.verdict.text() == "✖ Authorize is sent by stations, not by a CSMS"


def test_who_sends_what(themed):
    """Every action goes one way, or both (OCPP 1.6 sections 4 and 5, 2.0.1 Part 2)."""
    for version in ("1.6", "2.0.1"):
        theirs = sent_by_stations(version)
        assert {"Authorize", "BootNotification", "Heartbeat", "StatusNotification", "MeterValues"} <= theirs
        assert theirs < actions(version)
        assert not theirs & set(STARTERS[version])
    assert "StartTransaction" in sent_by_stations("1.6")
    assert "TransactionEvent" in sent_by_stations("2.0.1")


@pytest.mark.gui
async def test_each_action_has_its_starter_and_keeps_what_was_typed_for_it(panel):
    call = panel.free_call
    panel.tabs.setCurrentIndex(1)
    call.action.setCurrentText("Reset")
    assert '"OnIdle"' in call.payload.toPlainText()
    call.payload.setPlainText('{"type": "Immediate"}')
    call.action.setCurrentText("ClearCache")
    assert call.payload.toPlainText() == "{}"
    call.action.setCurrentText("Reset")
    assert json.loads(call.payload.toPlainText()) == {"type": "Immediate"}
    call.payload.setPlainText('{"type": ')
    call.action.setCurrentText("ClearCache")
    assert call.payload.toPlainText() == '{"type": ', "what does not parse stays, to be mended"
    assert call.verdict.text().startswith("✖ not JSON")


@pytest.mark.gui
async def test_refusals_and_secrets_in_answers(panel, stub, tasks, monkeypatch):
    answers = [
        CallAnswer("Reset", None, "NotSupported", "no reset here"),
        CallAnswer("GetConfiguration", {"configurationKey": [{"key": "AuthorizationKey", "value": "hunter2"}]}),
    ]

    async def call(station, action, payload):
        return answers.pop(0)

    monkeypatch.setattr(stub, "call", call)
    panel.tabs.setCurrentIndex(1)
    panel.free_call.send()
    await settled(tasks)
    assert panel.said.text() == "✖ Reset refused: NotSupported no reset here · 0.0 ms"
    panel.free_call.send()
    await settled(tasks)
    assert MASK in panel.answers.toPlainText()
    assert "hunter2" not in panel.answers.toPlainText()


@pytest.mark.gui
async def test_16_has_its_own_actions_and_no_token_type(panel, stub):
    panel.tabs.setCurrentIndex(1)
    stub.stations["CP-002"].connected = True
    panel.table.selectRow(1)
    panel.refresh(set())
    assert panel.station.id == "CP-002"
    assert panel.free_call.action.findText("ChangeConfiguration") >= 0
    assert not panel.orders.id_type.isEnabled()


@pytest.mark.gui
async def test_a_call_that_breaks_its_schema_goes_out_only_when_asked_for(panel, stub, tasks, monkeypatch):
    calls = []

    async def call(station, action, payload, *, raw=False):
        calls.append((action, payload, raw))
        stub.clock.advance(12)
        return CallAnswer(action, {"status": "Rejected"})

    monkeypatch.setattr(stub, "call", call)
    panel.tabs.setCurrentIndex(1)
    panel.free_call.payload.setPlainText('{"requestedMessage": "Nonsense"}')
    panel.free_call.send()
    await settled(tasks)
    panel.free_call.raw.setChecked(True)
    panel.free_call.send()
    await settled(tasks)
    assert calls == [("TriggerMessage", {"requestedMessage": "Nonsense"}, raw) for raw in (False, True)]
    assert panel.said.text() == "⚠ TriggerMessage answered: Rejected · 12 ms"


@pytest.mark.gui
async def test_who_the_station_is(panel, stub):
    station = stub.stations["CP-001"]
    station.serial_number, station.firmware, station.peer, station.user = "S-1", "1.4.2", "10.0.0.21:51344", "CP-001"
    panel.refresh(set())
    assert panel.identity.whole_text() == "Acme One · serial S-1 · firmware 1.4.2 · from 10.0.0.21:51344 · user CP-001"


@pytest.mark.gui
async def test_availability(qtbot, panel, stub, tasks):
    orders = panel.orders
    orders.availability.setCurrentText("Inoperative")
    for evse, connector in ((0, 3), (2, 0), (2, 1)):
        orders.availability_evse.setValue(evse)
        orders.connector.setValue(connector)
        assert orders.connector.isEnabled() is (evse > 0), "a connector is of an EVSE"
        qtbot.mouseClick(orders.availability_button, Qt.MouseButton.LeftButton)
        await settled(tasks)
    assert stub.orders == [
        ("change_availability", "CP-001", False, evse, connector)
        for evse, connector in ((None, None), (2, None), (2, 1))
    ]
    assert panel.said.text() == "✔ the station changed its availability"


@pytest.mark.gui
async def test_16_has_connectors_and_no_evses(qtbot, panel, stub, tasks):
    stub.stations["CP-002"].connected = True
    panel.table.selectRow(1)
    panel.refresh(set())
    orders = panel.orders
    assert not orders.availability_evse.isVisible()
    assert orders.connector.text() == "whole station"
    assert orders.evse.text() == "connector 1"
    orders.connector.setValue(2)
    qtbot.mouseClick(orders.availability_button, Qt.MouseButton.LeftButton)
    await settled(tasks)
    assert stub.orders == [("change_availability", "CP-002", True, None, 2)]
    assert orders.id_token.maxLength() == 20


@pytest.mark.gui
async def test_vendor_data(qtbot, panel, stub, tasks):
    orders = panel.orders
    assert not orders.data_button.isEnabled()
    qtbot.keyClicks(orders.vendor_id, "V" * 300)
    qtbot.keyClicks(orders.message_id, "m" * 60)
    assert (len(orders.vendor_id.text()), len(orders.message_id.text())) == (255, 50), "as many as the schema allows"
    orders.vendor_id.setText("com.example")
    orders.message_id.setText("hello")
    qtbot.keyClicks(orders.vendor_data, '{"lamp": "on"}')
    qtbot.keyClick(orders.vendor_data, Qt.Key.Key_Return)
    await settled(tasks)
    assert stub.orders == [("data_transfer", "CP-001", "com.example", "hello", {"lamp": "on"})]
    assert panel.said.text() == "✖ the station does not know that vendor"


def test_vendor_data_is_text_or_json():
    assert typed_data("2.0.1", "") is None
    assert typed_data("2.0.1", "[1, 2]") == [1, 2]
    assert typed_data("2.0.1", "{half") == "{half"
    assert typed_data("2.0.1", "17") == "17"
    assert typed_data("1.6", '{"lamp": "on"}') == '{"lamp": "on"}'
    assert typed_data("2.1", "[" * 100_000).startswith("[")


@pytest.mark.gui
async def test_settings_are_read_and_set_by_their_names(qtbot, panel, stub, tasks, monkeypatch):
    known, locked = setting("local-pre-authorize"), setting("list-entries")
    kept = {"value": "true"}

    async def read_settings(station, report=False):
        return [
            SettingValue(locked, None, "UnknownVariable", True),
            SettingValue(known, kept["value"], "Accepted", False),
        ]

    async def write_setting(station, name, value):
        kept["value"] = value
        return SettingWritten(True, "Accepted", f"{name} is {value}", known, value, value)

    monkeypatch.setattr(stub, "read_settings", read_settings, raising=False)
    monkeypatch.setattr(stub, "write_setting", write_setting, raising=False)
    panel.tabs.setCurrentIndex(2)
    settings = panel.settings
    assert not settings.set_button.isEnabled()
    settings.read_button.click()
    await settled(tasks)
    assert panel.said.text() == "✔ CP-001 told 1 of 2 settings"
    first, last = (settings.table.topLevelItem(row) for row in range(2))
    assert [first.text(column) for column in range(2)] == ["local-pre-authorize", "true"]
    assert first.toolTip(0) == "AuthCtrlr.LocalPreAuthorize"
    assert [last.text(column) for column in range(2)] == [f"{locked.name} (read only)", "UnknownVariable"]
    settings.table.setCurrentItem(last)
    assert not settings.set_button.isEnabled()
    settings.table.setCurrentItem(first)
    settings.value.setCurrentText("false")
    settings.set_button.click()
    await settled(tasks)
    assert kept == {"value": "false"}
    assert settings.table.topLevelItem(0).text(1) == "false"
    assert settings.chosen == "local-pre-authorize"
    panel.table.selectRow(1)
    assert settings.table.topLevelItemCount() == 0, "another station's settings"


@pytest.mark.gui
async def test_all_of_it_fits_the_least_dock(qtbot, panel):
    """At 1280x800 the panel gets 1258x168; at 1000x700 its parts scroll, not the panel."""
    panel.resize(1258, 168)
    for tab in range(panel.tabs.count()):
        panel.tabs.setCurrentIndex(tab)
        assert panel.minimumSizeHint().height() <= 168
        panel.refresh(set())
    assert not panel.table.horizontalScrollBar().isVisible()
    panel.tabs.setCurrentIndex(0)
    lowest = panel.orders.data_button.mapTo(panel, panel.orders.data_button.rect().bottomLeft()).y()
    assert lowest <= 168
    assert not panel.orders.verticalScrollBar().isVisible()
