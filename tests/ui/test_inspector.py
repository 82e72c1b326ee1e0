from __future__ import annotations

import asyncio
import json

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QGuiApplication, QTextDocument

from bench.clock import stamp
from bench.codecs import josev, ocpp
from bench.errors import LinkDown
from bench.exchange import MASK
from bench.message import Decoded, Direction, Link, Message
from bench.station import Station
from bench.tasks import Tasks
from ui import theme
from ui.models.tree import Check, TreeModel, plain_path
from ui.panels import sliced_text
from ui.panels.inspector import InspectorPanel
from ui.panels.resend import editable, veil
from ui.panels.sliced_text import (
    FIRST_CHARS,
    MAX_LINE,
    SlicedText,
    Verbatim,
    hex_length,
    hex_lines,
    length_of_pieces,
    pieces_of,
)

# What the offscreen platform says of every window that is shown.
pytestmark = pytest.mark.qt_log_ignore("This plugin does not support")

REQUEST_ID = "57828133-8cfe-477d-b829-0b60aff90c2a"
CARD = {"evse_id": "GB*SEV*E1", "id_token": "04A2B3C4D5E680", "token_type": "ISO14443"}
KEY_CODE = {"id_token": "4711-secret", "token_type": "key_code"}


def on_bus(session, data, kind="request", topic="cs/josev", direction=Direction.OUT):
    raw = json.dumps({"id": REQUEST_ID, "name": "authorization", "type": kind, "data": data}).encode()
    decoded = josev.decode(raw, topic, session.profile.bus.topics)
    meta = {"qos": 1, "retain": False}
    return session.journal.append(Link.JOSEV, direction, topic, raw, decoded, session.clock.stamp(), meta)


def on_link(session, raw, direction=Direction.IN):
    decoded = ocpp.decode(raw, "2.0.1", lambda call_id: "Authorize")
    return session.journal.append(Link.OCPP, direction, "CP-001", raw, decoded, session.clock.stamp())


@pytest.fixture
def panel(qtbot, themed, stub):
    stub.stations["CP-001"] = Station("CP-001", "2.0.1")
    panel = InspectorPanel()
    qtbot.addWidget(panel)
    panel.resize(380, 620)
    panel.attach(stub, Tasks())
    panel.show()
    return panel


def tree_rows(panel):
    """Path -> (value, check) of every row that is open."""
    panel.tabs.choose("Decoded")
    found = {}
    model = panel.tree.rows

    def walk(parent, prefix):
        for row in range(model.rowCount(parent)):
            name, value, check = (model.index(row, column, parent).data() for column in range(3))
            found[prefix + name] = (value, check)
            walk(model.index(row, 0, parent), f"{prefix}{name}.")

    walk(panel.tree.rootIndex(), "")
    return found


def test_the_tree_is_a_model(qtmodeltester, themed):
    model = TreeModel()
    model.show({"a": {"b": [1, None, True, {"c": "d"}]}, "e": {}}, [("a.b[3].c", Check(False, "wrong"))])
    qtmodeltester.check(model)


def test_tree_fills_long_lists_when_asked(themed):
    model = TreeModel()
    model.show({"list": list(range(1200))})
    branch = model.index(0, 0)
    assert model.hasChildren(branch)
    for expected in (500, 1000, 1200):
        assert model.canFetchMore(branch)
        model.fetchMore(branch)
        assert model.rowCount(branch) == expected
    assert not model.canFetchMore(branch)
    assert model.index(1199, 1, branch).data() == "1199"


def test_paths_of_all_spellings():
    assert plain_path("meterValue[0].sampledValue[1].value") == "meterValue.0.sampledValue.1.value"
    assert plain_path("$.data.id_token") == "data.id_token"


def test_shows_each_field_with_its_verdict(panel, stub):
    assert panel.empty.isVisible()
    message = on_bus(stub, CARD)
    panel.select_message(message.seq)
    assert panel.heading.whole_text() == "authorization request"
    assert panel.where.whole_text() == "#1 → cs/josev"
    assert panel.sub.whole_text().startswith("Josev API · ")
    rows = tree_rows(panel)
    assert rows["data.id_token"][0] == "04A2B3C4D5E680"
    assert rows["data.id_token"][1].startswith("✔")
    assert panel.facts.text() == f"QoS 1 · retain no · {len(message.raw)} bytes"
    assert not panel.faults.isVisible()


def test_says_what_is_wrong_where(panel, stub):
    payload = {"idToken": {"idToken": "A" * 41, "type": "ISO14443"}, "extra": 1}
    message = on_link(stub, json.dumps([2, "a", "Authorize", payload]).encode())
    panel.select_message(message.seq)
    rows = tree_rows(panel)
    assert rows["idToken.idToken"] == ("A" * 41, "✖ maxLength 36, got 41")
    assert rows["idToken.type"][1].startswith("✔")
    assert "idToken.idToken: maxLength 36, got 41" in panel.faults.text()


def test_a_missing_field_has_a_row(panel, stub):
    message = on_link(stub, b'[2,"a","Authorize",{"idToken":{"idToken":"04A2"}}]')
    panel.select_message(message.seq)
    value, check = tree_rows(panel)["idToken.type"]
    assert value == "missing"
    assert check.startswith("✖")


def test_unreadable_bytes_say_why(panel, stub):
    message = on_link(stub, b'[2,"a","Auth')
    panel.select_message(message.seq)
    assert "not JSON" in panel.faults.text()
    panel.tabs.choose("Raw")
    assert panel.tabs.raw.text.toPlainText() == '[2,"a","Auth'
    panel.tabs.choose("Bytes")
    assert panel.tabs.bytes.text.toPlainText().startswith("0000  5B 32 2C 22 61")


def test_answers_are_linked_even_when_they_come_later(qtbot, panel, stub):
    request = on_bus(stub, CARD)
    panel.select_message(request.seq)
    assert not panel.answer_button.isVisible()
    stub.clock.advance(138.2)
    answer = on_bus(stub, {"status": "accepted"}, "response", "josev/cs", Direction.IN)
    stub.pairs.said.update({request.seq: answer.seq, answer.seq: request.seq})
    panel.refresh(set())
    assert panel.answer_button.text() == "answered by #2 after 138.2 ms"
    with qtbot.waitSignal(panel.message_selected) as picked:
        qtbot.mouseClick(panel.answer_button, Qt.MouseButton.LeftButton)
    assert picked.args == [2]
    assert panel.message is answer
    assert panel.answer_button.text() == "answers #1 after 138.2 ms"


def test_timing_places_the_message_in_its_exchange(qtbot, panel, stub):
    exchange = stub.tap("04A2B3C4D5E680")
    panel.select_message(exchange.sequences[2])
    panel.tabs.choose("Timing")
    lines = panel.tabs.timing.toPlainText().splitlines()
    (marked,) = [line for line in lines if line.startswith("▸")]
    assert "station → csms  Authorize" in marked
    assert "+12.4 ms" in marked
    with qtbot.waitSignal(panel.exchange_selected) as picked:
        qtbot.mouseClick(panel.exchange_button, Qt.MouseButton.LeftButton)
    assert picked.args == [exchange.id]


def test_secrets_are_dots_until_asked_for(qtbot, panel, stub):
    message = on_bus(stub, KEY_CODE)
    panel.select_message(message.seq)
    assert tree_rows(panel)["data.id_token"][0] == MASK
    panel.tabs.choose("Raw")
    assert "4711-secret" not in panel.tabs.raw.text.toPlainText()
    panel.tabs.choose("Bytes")
    dump = panel.tabs.bytes.text.toPlainText()
    assert "34 37 31 31" not in dump
    panel.copy_json()
    assert "4711-secret" not in QGuiApplication.clipboard().text()
    assert panel.show_secrets.isVisible()
    panel.show_secrets.click()
    assert tree_rows(panel)["data.id_token"][0] == "4711-secret"
    panel.tabs.choose("Raw")
    assert "4711-secret" in panel.tabs.raw.text.toPlainText()
    panel.copy_mosquitto_pub()
    assert "4711-secret" in QGuiApplication.clipboard().text()
    panel.select_message(on_bus(stub, KEY_CODE).seq)
    assert tree_rows(panel)["data.id_token"][0] == MASK  # the next message hides again


def test_verbatim_is_what_crossed_the_link(panel, stub):
    raw = b'[3,"a",{"idTokenInfo":{"status":"Accepted"}}]'
    panel.select_message(on_link(stub, raw).seq)
    panel.tabs.choose("Raw")
    assert panel.tabs.raw.text.toPlainText().startswith("[\n  3,")
    panel.tabs.verbatim.click()
    assert panel.tabs.raw.text.toPlainText() == raw.decode()


def test_reader_frames_cannot_be_resent(panel, stub):
    decoded = Decoded("frame", "InListPassiveTarget", None, {"uid": "04A2"}, summary="1 target")
    message = stub.journal.append(Link.READER, Direction.IN, "tty", b"\xd5\x4b\x00", decoded, stub.clock.stamp())
    panel.select_message(message.seq)
    assert not panel.resend_button.isEnabled()
    assert "Josev bus" in panel.resend_button.toolTip()
    assert panel.edit_and_resend() is None
    assert not panel.publish_action.isVisible()
    assert tree_rows(panel)["uid"][0] == "04A2"


def test_a_message_that_left_memory_is_told(qtbot, panel, stub):
    with qtbot.waitSignal(panel.notice) as told:
        panel.select_message(99)
    assert told.args == ["info", "Message 99 is neither in memory nor in a capture."]


def test_edit_and_resend(qtbot, panel, stub):
    message = on_bus(stub, CARD)
    panel.select_message(message.seq)
    editor = panel.edit_and_resend()
    assert not editor.isModal()
    assert editor.verdict.text() == "✔ authorization request: nothing wrong"
    editor.editor.setPlainText(editor.editor.toPlainText().replace("ISO14443", "ISO1"))
    qtbot.waitUntil(lambda: "data.token_type" in editor.verdict.text())
    assert editor.send_button.text() == "Send anyway"
    editor.editor.setPlainText('{"id": ')
    editor.judge()
    assert editor.verdict.text().startswith("✖ not JSON at line 1, column")
    editor.editor.setPlainText(json.dumps({"id": REQUEST_ID, "name": "authorization", "type": "request", "data": CARD}))
    editor.renew_id()
    assert REQUEST_ID not in editor.editor.toPlainText()
    editor.judge()
    assert editor.verdict.text().startswith("✔")
    with qtbot.waitSignal(panel.message_selected) as picked:
        qtbot.mouseClick(editor.send_button, Qt.MouseButton.LeftButton)
    (order,) = stub.orders
    assert order[:3] == ("inject", Link.JOSEV, "cs/josev")
    assert json.loads(order[3])["data"] == CARD
    assert b" " not in order[3]
    assert stub.journal.get(picked.args[0]).injected
    assert editor.verdict.text() == f"✔ sent as #{picked.args[0]}, marked injected"
    editor.close()


def test_resend_sends_exactly_what_is_typed_when_asked(qtbot, panel, stub):
    panel.select_message(on_link(stub, b'[2,"a","Heartbeat",{}]').seq)
    editor = panel.edit_and_resend()
    editor.editor.setPlainText('[2, "a", "Heart')
    editor.exact.setChecked(True)
    qtbot.waitUntil(lambda: editor.activateWindow() or editor.isActiveWindow())
    qtbot.keyClick(editor.editor, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
    assert stub.orders == [("inject", Link.OCPP, "CP-001", b'[2, "a", "Heart')]
    editor.close()


def test_resend_says_why_nothing_was_sent(qtbot, panel, stub):
    panel.select_message(on_bus(stub, KEY_CODE).seq)
    editor = panel.edit_and_resend()
    stub.refuse = LinkDown("the broker is not connected", "check the cable")
    editor.send()
    assert editor.verdict.text() == "✖ not sent: the broker is not connected; check the cable"
    assert editor.isVisible()
    editor.close()


def sent(stub):
    """The bytes of the latest order, which was to inject."""
    assert stub.orders[-1][0] == "inject"
    return stub.orders[-1][3]


def test_a_secret_is_resent_though_it_is_dots(qtbot, panel, stub):
    panel.select_message(on_bus(stub, KEY_CODE).seq)
    editor = panel.edit_and_resend()
    assert "4711-secret" not in editor.editor.toPlainText()
    assert f'"id_token": "{MASK}"' in editor.editor.toPlainText()
    assert editor.warning.text().startswith("Dots hide a secret.")
    qtbot.mouseClick(editor.send_button, Qt.MouseButton.LeftButton)
    assert json.loads(sent(stub))["data"] == KEY_CODE
    editor.renew_id()  # other parts may be edited
    qtbot.mouseClick(editor.send_button, Qt.MouseButton.LeftButton)
    assert json.loads(sent(stub))["data"] == KEY_CODE
    assert json.loads(sent(stub))["id"] != REQUEST_ID
    editor.close()


def test_what_was_typed_over_the_dots_is_sent(qtbot, panel, stub):
    panel.select_message(on_bus(stub, KEY_CODE).seq)
    editor = panel.edit_and_resend()
    editor.editor.find(MASK)
    qtbot.keyClicks(editor.editor, "0815")
    assert '"id_token": "0815"' in editor.editor.toPlainText()
    editor.send()
    assert json.loads(sent(stub))["data"]["id_token"] == "0815"
    editor.judge()
    assert not editor.warning.isVisible()
    editor.editor.undo()
    editor.send()
    assert json.loads(sent(stub))["data"] == KEY_CODE, "dots that are back stand for the value again"
    editor.editor.find("•", QTextDocument.FindFlag.FindBackward)
    qtbot.keyClick(editor.editor, Qt.Key.Key_Backspace)
    qtbot.waitUntil(lambda: "sent as dots" in editor.warning.text())
    editor.send()
    assert json.loads(sent(stub))["data"]["id_token"] == MASK[:-1]
    editor.close()


def test_secrets_are_shown_in_the_editor_when_asked_for(qtbot, panel, stub):
    panel.select_message(on_bus(stub, KEY_CODE).seq)
    editor = panel.edit_and_resend()
    qtbot.mouseClick(editor.show_secrets, Qt.MouseButton.LeftButton, pos=QPoint(8, editor.show_secrets.height() // 2))
    assert '"id_token": "4711-secret"' in editor.editor.toPlainText()
    assert not editor.warning.isVisible()
    editor.editor.find("4711-secret")
    qtbot.keyClicks(editor.editor, "0815")
    editor.show_secrets.setChecked(False)
    assert "0815" not in editor.editor.toPlainText(), "the new one is as secret as the old"
    editor.send()
    assert json.loads(sent(stub))["data"]["id_token"] == "0815"
    editor.close()


def test_no_secret_no_checkbox(panel, stub):
    panel.select_message(on_bus(stub, CARD).seq)
    editor = panel.edit_and_resend()
    assert not editor.show_secrets.isVisible()
    assert not editor.warning.isVisible()
    editor.close()


def test_two_secrets_keep_their_own_values_wherever_they_go(panel, stub):
    entries = [{"idToken": {"idToken": code, "type": "KeyCode"}} for code in ("1111", "2222", "1111")]
    payload = {"versionNumber": 1, "updateType": "Full", "localAuthorizationList": entries}
    panel.select_message(on_link(stub, json.dumps([2, "a", "SendLocalList", payload]).encode(), Direction.OUT).seq)
    editor = panel.edit_and_resend()
    text = editor.editor.toPlainText()
    assert "1111" not in text
    assert (text.count(f'"{MASK}1"'), text.count(f'"{MASK}2"')) == (2, 1)
    editor.editor.setPlainText(f'[2, "b", "X", ["{MASK}2", "{MASK}1"')
    editor.send()
    assert sent(stub) == b'[2, "b", "X", ["2222", "1111"'
    editor.close()


@pytest.mark.parametrize(
    "raw",
    [
        b'{"password": "hunter2", "pin": 12e3, "name": "hunter2"',
        b'{"password": "hunter2',
        b'[2,"a","Authorize",{"idToken":{"idToken":"hunter2","type":"KeyCode"}},1]',
        '[2,"a","Authorize",{"idToken":{"idToken":"hunter2","type":"KeyCode"},"note":"••••"}]'.encode(),
        b'[2,"a","Authorize",{"idToken":{"type":"KeyCode","idToken":"hunter2 \\u00e9\\"\\\\"}}]',
        b'[2,"a","Authorize",{"idToken":{"idToken":"idToken","type":"KeyCode"},"x":"hunter"}]',
    ],
)
def test_hidden_text_comes_back_whole(raw):
    message = Message(1, 0, 0, Link.OCPP, Direction.IN, "CP-001", raw, ocpp.decode(raw, "2.0.1"))
    for text in (raw.decode(), editable(raw)):
        veiled = veil(text, message)
        assert "hunter2" not in veiled.text
        assert veiled.text != text
        assert veiled.lift(veiled.text) == text


def test_half_a_character_in_a_secret_is_sent_as_it_came(panel, stub):
    raw = b'{"pin":"\\ud8001234","name":"a"}'
    panel.select_message(on_link(stub, raw).seq)
    editor = panel.edit_and_resend()
    assert "1234" not in editor.editor.toPlainText()
    editor.send()
    assert sent(stub) == raw
    editor.close()


@pytest.mark.parametrize("action", ["Authorize", "BootNotification"])
def test_resending_what_stations_send_is_warned_of(panel, stub, action):
    panel.select_message(on_link(stub, json.dumps([2, "a", action, {}]).encode()).seq)
    editor = panel.edit_and_resend()
    assert editor.warning.isVisible()
    warned = f"⚠ {action} is sent by stations; a station answers it with NotImplemented or NotSupported."
    assert editor.warning.text() == warned
    assert editor.send_button.text() == "Send anyway"
    editor.editor.setPlainText('[2, "a", "ClearCache", {}]')
    editor.judge()
    assert not editor.warning.isVisible()
    assert editor.send_button.text() == "Send"
    editor.editor.setPlainText('[3, "a", {}]')
    editor.judge()
    assert not editor.warning.isVisible(), "an answer goes both ways"
    editor.close()


def test_who_sends_what_is_judged_by_the_version_of_the_station(panel, stub):
    stub.stations["CP-016"] = Station("CP-016", "1.6")
    panel.select_message(on_link(stub, b'[2,"a","StartTransaction",{}]').seq)
    editor = panel.edit_and_resend()
    assert not editor.warning.isVisible(), "unknown to 2.0.1, as the verdict says"
    editor.channel.setText("CP-016")
    editor.judge()
    assert editor.warning.text().startswith("⚠ StartTransaction is sent by stations")
    editor.close()


def test_looks_right_in_the_dark_too(panel, stub):
    panel.select_message(on_bus(stub, CARD).seq)
    light = panel.tree.grab().toImage()
    theme.current.choose(theme.Choice.DARK)
    assert panel.tree.grab().toImage() != light


async def settled(tasks):
    """Wait until what the panel started has ended."""
    async with asyncio.timeout(10):
        await asyncio.gather(*tasks._tasks, return_exceptions=True)


@pytest.mark.gui
async def test_a_huge_message_is_read_beside_the_window(qtbot, themed, stub, tasks):
    panel = InspectorPanel()
    qtbot.addWidget(panel)
    panel.attach(stub, tasks)
    panel.show()
    message = on_bus(stub, {"evse_id": "x" * 5_000_000, "token_type": "ISO14443"})
    small = on_bus(stub, CARD)
    before = stamp().mono_ns
    panel.select_message(message.seq)
    assert (stamp().mono_ns - before) / 1e6 < 100
    assert panel.reading.isVisible()
    await settled(tasks)
    assert not panel.reading.isVisible()
    assert "5,000,000 characters" in tree_rows(panel)["data.evse_id"][0]
    panel.tabs.choose("Raw")
    await settled(tasks)
    assert not panel.tabs.raw.complete
    assert panel.tabs.raw.said.text() == "66,143 characters shown, 1% of it"
    assert panel.tabs.raw.all_button.text() == "Show all"
    panel.select_message(small.seq)
    assert panel.tabs.raw.complete
    panel.select_message(message.seq)
    panel.select_message(small.seq)  # the operator went on before it was read
    await settled(tasks)
    assert panel.message is small
    assert panel.where.whole_text() == "#2 → cs/josev"


def test_sliced_text_shows_all_on_demand(qtbot, themed):
    text = "".join(f"line {n}\n" for n in range(20_000)) + "y" * 9_000
    box = SlicedText("test")
    qtbot.addWidget(box)
    box.show()
    box.show_pieces(pieces_of(text), length_of_pieces(text))
    assert not box.complete
    assert FIRST_CHARS <= len(box.text.toPlainText()) < FIRST_CHARS + MAX_LINE + 1
    qtbot.mouseClick(box.all_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: box.complete, timeout=10_000)
    assert box.text.toPlainText().replace("\n", "") == text.replace("\n", "")
    assert max(map(len, box.text.toPlainText().splitlines())) == MAX_LINE
    assert not box.all_button.isVisible()


def test_a_text_that_would_fill_memory_comes_in_portions(qtbot, themed, monkeypatch):
    monkeypatch.setattr(sliced_text, "PORTION_CHARS", 100_000)
    box = SlicedText("test")
    qtbot.addWidget(box)
    box.show()
    text = "0123456789\n" * 30_000
    box.show_growing(Verbatim(text))
    assert box.said.text() == "65,538 characters shown, 20% of it"
    labels = []
    while not box.complete:
        labels.append(box.all_button.text())
        qtbot.mouseClick(box.all_button, Qt.MouseButton.LeftButton)
        qtbot.waitUntil(lambda: box.all_button.isEnabled() or box.complete, timeout=10_000)
    assert labels == ["Show more", "Show more", "Show all"]
    assert box.text.toPlainText() == text
    assert box.share == 1
    box.show_growing(Verbatim(""))
    assert box.complete


@pytest.mark.parametrize("size", [0, 1, 7, 8, 9, 31, 4096])
@pytest.mark.parametrize("width", [8, 16])
def test_lengths_are_told_right(size, width):
    assert len("".join(hex_lines(bytes(size), width))) == hex_length(size, width)
    for text in ("z" * size, "z\n" * size, "z" * size + "\n" + "z" * 3 * MAX_LINE):
        assert len("".join(pieces_of(text))) == length_of_pieces(text)
