"""The views that are chosen by what a message is, long messages, and notes."""

from __future__ import annotations

import asyncio
import json

import pytest
from PySide6.QtCore import QRect, Qt
from PySide6.QtGui import QColor, QFontMetrics

from bench.codecs import josev, ocpp
from bench.codecs.serial_bytes import explain
from bench.errors import StoreError
from bench.exchange import MASK
from bench.message import Decoded, Direction, Link, malformed
from bench.station import Station
from bench.tasks import Tasks
from devices.rfid import pn532_frames as pn532
from ui.models.tree import Check
from ui.panels.cells import PADDING
from ui.panels.frame_view import AT, BYTES, FIELD, MEANING, FrameView, words_font
from ui.panels.inspector import InspectorPanel
from ui.panels.inspector_tabs import MessageTabs
from ui.panels.message_tree import MessageTree
from ui.panels.sliced_text import Verbatim, hex_lines

pytestmark = pytest.mark.qt_log_ignore("This plugin does not support")

CARD = "0000FF15EBD54B01010344200704A2B3C4D5E6800675778102802300"


@pytest.fixture
def panel(qtbot, themed, stub):
    stub.stations["CP-001"] = Station("CP-001", "2.0.1")
    panel = InspectorPanel()
    qtbot.addWidget(panel)
    panel.resize(420, 640)
    panel.attach(stub, Tasks())
    panel.show()
    return panel


def on_reader(session, raw, channel="pn532:/dev/ttyUSB0"):
    return session.journal.append(
        Link.READER, Direction.IN, channel, raw, pn532.decode_frame(raw), session.clock.stamp()
    )


def on_link(session, raw, direction=Direction.IN, action="Authorize"):
    decoded = ocpp.decode(raw, "2.0.1", lambda call_id: action)
    return session.journal.append(Link.OCPP, direction, "CP-001", raw, decoded, session.clock.stamp())


def authorize(session, answered_after=None):
    call = on_link(session, b'[2,"a","Authorize",{"idToken":{"idToken":"04A2","type":"ISO14443"}}]')
    if answered_after is None:
        return call, None
    session.clock.advance(answered_after)
    answer = on_link(session, b'[3,"a",{"idTokenInfo":{"status":"Accepted"}}]', Direction.OUT)
    session.pairs.said.update({call.seq: answer.seq, answer.seq: call.seq})
    return call, answer


def cells(table, column):
    model = table.model()
    return [model.index(row, column).data() for row in range(model.rowCount())]


# Frames


def test_a_frame_opens_explained(panel, stub):
    panel.select_message(on_reader(stub, bytes.fromhex(CARD)).seq)
    assert panel.tabs.shown == "Frame"
    assert panel.tabs.offered == ["Frame", "Decoded", "Raw", "Bytes", "Timing"]
    frame = panel.tabs.frame
    rows = list(zip(*(cells(frame.table, column) for column in (AT, BYTES, FIELD, MEANING)), strict=True))
    assert ("13", "04 A2 B3 C4 D5 E6 80", "UID", "04A2B3C4D5E680") in rows
    assert ("26", "23", "DCS", "✔ TFI + data + DCS = 00") in rows
    assert frame.dump.toPlainText().replace("\n", " ") == bytes.fromhex(CARD).hex(" ").upper()
    assert frame.marked() is None


def test_bytes_and_fields_are_picked_together(qtbot, panel, stub):
    panel.select_message(on_reader(stub, bytes.fromhex(CARD)).seq)
    frame = panel.tabs.frame
    frame.table.selectRow(cells(frame.table, FIELD).index("UID"))
    assert frame.marked() == (13, 20)
    marked = " ".join(mark.cursor.selectedText() for mark in frame.dump.extraSelections())
    assert marked == "04 A2 B3 C4 D5 E6 80"
    assert frame.told.text() == "UID, bytes 13 to 19: 04 A2 B3 C4 D5 E6 80\n04A2B3C4D5E680"
    spot = frame.dump.cursorRect().center()  # of the first byte
    qtbot.mouseClick(frame.dump.viewport(), Qt.MouseButton.LeftButton, pos=spot)
    assert frame.marked() == (0, 1)


def test_a_wrong_field_is_picked_at_once(panel, stub):
    panel.select_message(on_reader(stub, bytes.fromhex(CARD[:-4] + "2400")).seq)
    assert panel.tabs.frame.told.text().endswith("✖ should be 23, got 24")
    assert panel.tabs.frame.marked() == (26, 27)
    assert panel.tabs.offered == ["Frame", "Raw", "Bytes", "Timing"]


def test_a_line_of_a_reader_is_explained(panel, stub):
    decoded = Decoded("line", "card", None, {"text": "04A2"})
    line = stub.journal.append(Link.READER, Direction.IN, "ascii:COM3", b"04A2\r\n", decoded, stub.clock.stamp())
    panel.select_message(line.seq)
    assert cells(panel.tabs.frame.table, FIELD) == ["text", "CR LF"]


# HTTP, unknown


def on_http(session, raw):
    return session.journal.append(Link.HTTP, Direction.IN, "hub", raw, malformed("no codec"), session.clock.stamp())


def test_http_shows_start_line_headers_and_body(panel, stub):
    raw = (
        b"POST /token?x=1 HTTP/1.1\r\nHost: hub\r\nAuthorization: Basic c2VjcmV0\r\n\r\n"
        b'{"uid":"04A2","pin":"4711","list":[1,{"a":2}]}'
    )
    panel.select_message(on_http(stub, raw).seq)
    assert panel.tabs.shown == "HTTP"
    assert panel.tabs.start_line.text() == "POST /token?x=1 HTTP/1.1"
    shown = values(panel.tabs.http)
    assert shown["headers.Host"] == "hub"
    assert shown["headers.Authorization"] == shown["body.pin"] == MASK
    assert shown["body.list.1.a"] == "2"
    panel.tabs.choose("Raw")
    assert "c2VjcmV0" not in panel.tabs.raw.text.toPlainText()
    panel.tabs.choose("HTTP")
    panel.show_secrets.click()
    assert values(panel.tabs.http)["body.pin"] == "4711"


def test_a_json_body_alone_is_a_tree(panel, stub):
    panel.select_message(on_http(stub, b'{"uid":["04A2"]}').seq)
    assert panel.tabs.shown == "Decoded"
    assert values(panel.tabs.decoded)["uid.0"] == "04A2"


def test_the_unknown_opens_at_its_bytes(panel, stub):
    unknown = stub.journal.append(
        Link.EVEREST, Direction.IN, "x", b"\xff\x00\xfe", malformed("not UTF-8", "byte 0"), stub.clock.stamp()
    )
    panel.select_message(unknown.seq)
    assert panel.tabs.shown == "Bytes"
    assert panel.tabs.bytes.text.toPlainText().startswith("0000  FF 00 FE")
    assert panel.faults.text() == "✖ byte 0: not UTF-8"


def test_a_line_of_the_dump_fits_the_dock(qtbot, panel, stub):
    unknown = stub.journal.append(
        Link.EVEREST, Direction.IN, "x", bytes(64), malformed("nothing known"), stub.clock.stamp()
    )
    panel.select_message(unknown.seq)
    text = panel.tabs.bytes.text
    lengths = []
    for width in (280, 420, 800):
        panel.resize(width, 640)
        qtbot.waitUntil(lambda width=width: panel.tabs.width() == width)
        line = text.toPlainText().splitlines()[0]
        lengths.append(len(line))
        room = text.viewport().width() - 2 * text.document().documentMargin()
        assert text.fontMetrics().horizontalAdvance(line) <= room
    assert lengths == sorted(set(lengths)), "the wider the dock, the more bytes a line"


def test_the_view_chosen_is_kept_where_it_fits(panel, stub):
    call, _ = authorize(stub)
    frame = on_reader(stub, bytes.fromhex(CARD))
    panel.select_message(call.seq)
    panel.tabs.choose("Raw")
    panel.select_message(frame.seq)
    assert panel.tabs.shown == "Raw"
    panel.select_message(call.seq)
    panel.tabs.choose("Pair")
    panel.select_message(frame.seq)
    assert panel.tabs.shown == "Frame"
    panel.select_message(call.seq)
    assert panel.tabs.shown == "Pair"


def values(stepped):
    """Path -> value of every row that is open."""
    found = {}
    model = stepped.tree.rows

    def walk(parent, prefix):
        for row in range(model.rowCount(parent)):
            name = prefix + model.index(row, 0, parent).data()
            found[name] = model.index(row, 1, parent).data()
            walk(model.index(row, 0, parent), f"{name}.")

    walk(stepped.tree.rootIndex(), "")
    return found


# Verdicts


def verdicts(stepped):
    model = stepped.tree.rows
    top = model.index(0, 0)
    return {model.index(row, 0, top).data(): model.index(row, 2, top).data() for row in range(model.rowCount(top))}


def test_a_missing_field_is_a_row_and_the_message_stays_as_it_was(panel, stub):
    call = on_link(stub, b'[2,"a","Authorize",{"idToken":{"idToken":"04A2"}}]')
    panel.select_message(call.seq)
    assert verdicts(panel.tabs.decoded)["type"].startswith("✖ required")
    assert call.decoded.body.payload == {"idToken": {"idToken": "04A2"}}


def test_stepping_into_a_branch_takes_its_verdicts_along(panel, stub):
    raw = json.dumps([2, "a", "Authorize", {"idToken": {"idToken": "A" * 41, "type": "ISO14443"}}]).encode()
    panel.select_message(on_link(stub, raw).seq)
    stepped = panel.tabs.decoded
    stepped.step_in(stepped.tree.rows.index(0, 0))
    assert stepped.place.whole_text() == "idToken"
    assert stepped.tree.rows.index(0, 2).data() == "✖ maxLength 36, got 41"
    stepped.up_button.click()
    assert verdicts(stepped)["idToken"] == "✖ maxLength 36, got 41"


# Pairs


def test_request_and_answer_side_by_side(qtbot, panel, stub):
    call, answer = authorize(stub, answered_after=138.2)
    panel.resize(700, 640)
    panel.select_message(call.seq)
    panel.tabs.choose("Pair")
    pair = panel.tabs.pair
    assert pair.between.text() == "138 ms"
    assert pair.between.font().pointSizeF() > panel.heading.font().pointSizeF() + 6
    assert values(pair.request.fields)["idToken.idToken"] == "04A2"
    assert values(pair.answer.fields)["idTokenInfo.status"] == "Accepted"
    assert pair.split.orientation() is Qt.Orientation.Horizontal
    assert pair.request.height() == pair.answer.height()
    assert pair.request.fields.y() == pair.answer.fields.y()
    with qtbot.waitSignal(panel.message_selected) as picked:
        qtbot.mouseClick(pair.answer.go, Qt.MouseButton.LeftButton)
    assert picked.args == [answer.seq]
    assert panel.tabs.shown == "Pair"
    assert values(pair.request.fields)["idToken.idToken"] == "04A2", "the request stays at the left"
    assert pair.request.go.isVisible()
    assert not pair.answer.go.isVisible()
    panel.resize(300, 640)
    qtbot.waitUntil(lambda: pair.split.orientation() is Qt.Orientation.Vertical)
    qtbot.waitUntil(lambda: abs(pair.request.height() - pair.answer.height()) <= 1)


def test_an_answer_that_is_awaited_comes_or_never(panel, stub):
    call, _ = authorize(stub)
    panel.select_message(call.seq)
    panel.tabs.choose("Pair")
    pair = panel.tabs.pair
    assert (pair.between.text(), pair.answer.empty.title.text()) == ("no answer yet", "No answer yet")
    stub.clock.advance(60_000)
    panel.refresh(set())
    assert (pair.between.text(), pair.said.text()) == ("never", "this request was not answered")
    late = on_link(stub, b'[3,"a",{"idTokenInfo":{"status":"Accepted"}}]', Direction.OUT)
    stub.pairs.said.update({call.seq: late.seq, late.seq: call.seq})
    panel.refresh(set())
    assert pair.between.text() == "60.00 s"
    assert values(pair.answer.fields)["idTokenInfo.status"] == "Accepted"


def test_no_answer_after_its_exchange_has_ended(panel, stub):
    exchange = stub.silent_tap("04A2")
    panel.select_message(exchange.sequences[0])
    panel.tabs.choose("Pair")
    assert panel.tabs.pair.between.text() == "never"


def test_an_answer_to_nothing(panel, stub):
    panel.select_message(on_link(stub, b'[3,"z",{}]').seq)
    panel.tabs.choose("Pair")
    assert panel.tabs.pair.between.text() == "no request"
    assert panel.tabs.pair.request.empty.title.text() == "No request was seen"


def test_a_half_without_fields_is_text(panel, stub):
    call, _ = authorize(stub)
    broken = on_link(stub, b'[3,"a",{"idTok', Direction.OUT)
    stub.pairs.said.update({call.seq: broken.seq})
    panel.select_message(call.seq)
    panel.tabs.choose("Pair")
    assert panel.tabs.pair.answer.text.text.toPlainText() == '[3,"a",{"idTok'


def test_updates_have_no_pair(panel, stub):
    raw = b'{"id":"1","name":"authorization","type":"update","data":{}}'
    decoded = josev.decode(raw, "ocpp/15118", stub.profile.bus.topics)
    update = stub.journal.append(Link.JOSEV, Direction.IN, "ocpp/15118", raw, decoded, stub.clock.stamp())
    panel.select_message(update.seq)
    assert "Pair" not in panel.tabs.offered


# Notes


def test_a_note_is_kept_and_shown(qtbot, panel, stub):
    first, second = authorize(stub)[0], authorize(stub)[0]
    panel.select_message(first.seq)
    assert panel.note.isVisible()
    assert panel.note.text.placeholderText() == "note to this message"
    qtbot.keyClicks(panel.note.text, "ask the vendor")
    qtbot.keyClick(panel.note.text, Qt.Key.Key_Return)
    assert stub.notes.of(first.seq).text == "ask the vendor"
    assert panel.note.star.isChecked()
    panel.select_message(second.seq)
    assert panel.note.text.text() == ""
    assert not panel.note.star.isChecked()
    panel.select_message(first.seq)
    assert panel.note.text.text() == "ask the vendor"


def test_what_was_typed_is_kept_when_another_message_is_picked(qtbot, panel, stub):
    first, second = authorize(stub)[0], authorize(stub)[0]
    panel.select_message(first.seq)
    qtbot.keyClicks(panel.note.text, "odd")
    panel.select_message(second.seq)
    assert stub.notes.of(first.seq).text == "odd"
    assert stub.notes.of(second.seq) is None


def test_the_star_is_a_bookmark_that_can_be_taken_back(qtbot, panel, stub):
    call, _ = authorize(stub)
    panel.select_message(call.seq)
    star = panel.note.star
    qtbot.mouseClick(star, Qt.MouseButton.LeftButton)
    assert (stub.notes.of(call.seq).text, star.text()) == ("", "★")
    qtbot.keyClicks(panel.note.text, "odd")
    qtbot.mouseClick(star, Qt.MouseButton.LeftButton)
    assert (stub.notes.of(call.seq), star.text(), panel.note.text.text()) == (None, "☆", "")
    qtbot.mouseClick(star, Qt.MouseButton.LeftButton)
    assert stub.notes.of(call.seq).text == "odd"


def test_a_note_of_another_place_is_shown_unless_one_is_being_typed(panel, stub):
    call, _ = authorize(stub)
    panel.select_message(call.seq)
    stub.notes.write(call.seq, "by the menu")
    panel.refresh({("note", call.seq)})
    assert panel.note.text.text() == "by the menu"
    panel.note.text.setText("half a w")
    stub.notes.write(call.seq, "again")
    panel.refresh({("note", call.seq)})
    assert panel.note.text.text() == "half a w"


def test_a_note_that_cannot_be_kept_is_told(qtbot, panel, stub):
    call, _ = authorize(stub)
    panel.select_message(call.seq)

    def refuse(seq, note):
        raise StoreError("the disk is full", "make room")

    stub.notes._keep = refuse
    with qtbot.waitSignal(panel.notice) as told:
        qtbot.mouseClick(panel.note.star, Qt.MouseButton.LeftButton)
    assert told.args == ["fail", "The note was not kept: the disk is full; make room"]
    assert not panel.note.star.isChecked()


def test_no_line_where_notes_cannot_be_kept(qtbot, themed, stub):
    del stub.notes
    panel = InspectorPanel()
    qtbot.addWidget(panel)
    panel.attach(stub, Tasks())
    panel.show()
    panel.select_message(authorize(stub)[0].seq)
    assert panel.heading.whole_text() == "Authorize CALL"
    assert not panel.note.isVisible()


# What does not fit


def test_what_does_not_fit_is_told_in_a_sentence_and_only_then(panel, stub):
    call, answer = authorize(stub, 31_000)
    panel.select_message(call.seq)
    assert not panel.amiss.isVisible()
    panel.select_message(answer.seq)
    assert panel.amiss.isVisible()
    assert panel.amiss.text() == f"⚠ It came late: 31.0 s after its request #{call.seq}."
    again = on_link(stub, b'[2,"a","Authorize",{"idToken":{"idToken":"04A2","type":"ISO14443"}}]')
    panel.select_message(again.seq)
    assert panel.amiss.text() == "⚠ Its id was used before, by an earlier request."
    stub.clock.advance(31_000)
    panel.refresh(set())
    assert panel.amiss.text().splitlines()[1] == "⚠ No answer came in the time allowed."
    stray = on_link(stub, b'[3,"zz",{"idTokenInfo":{"status":"Accepted"}}]')
    panel.select_message(stray.seq)
    assert panel.amiss.text() == "⚠ It answers nothing: no request with its id is known."


@pytest.mark.parametrize("width", [300, 420, 700])
def test_verdicts_have_room(panel, stub, width):
    panel.resize(width, 640)
    call = on_link(stub, b'[2,"a","Authorize",{"idToken":{"idToken":"%s","type":"ISO14443"}}]' % (b"04A2" * 12))
    panel.select_message(call.seq)
    tree = panel.tabs.decoded.tree
    widths = [tree.columnWidth(column) for column in range(3)]
    assert sum(widths) <= tree.viewport().width() + 1, "nothing is pushed out"
    assert widths[2] >= tree.fontMetrics().horizontalAdvance("✖ wrong") + 16
    if width == 700:
        assert widths[2] >= 0.35 * tree.viewport().width()
        assert widths[0] >= tree.sizeHintForColumn(0)


# Long and deep


async def settled(tasks):
    """Wait until what the panel started has ended."""
    async with asyncio.timeout(50):
        while tasks._tasks:
            await asyncio.gather(*tasks._tasks, return_exceptions=True)


def long_call(entries):
    return json.dumps([2, "a", "DataTransfer", {"vendorId": "x", "data": entries}]).encode()


@pytest.mark.gui
@pytest.mark.parametrize(
    ("make", "size"),
    [
        (lambda: long_call(["z" * 20_000] * 1_000), 20_000_000),
        (lambda: long_call("z" * 20_000_000), 20_000_000),
        pytest.param(
            lambda: long_call([{"a": i, "n": [1, {"x": None}]} for i in range(700_000)]),
            20_000_000,
            marks=pytest.mark.slow,
        ),
    ],
)
async def test_twenty_megabytes_are_shown_in_every_view(qtbot, themed, stub, tasks, make, size):
    raw = make()
    assert len(raw) >= size
    panel = InspectorPanel()
    qtbot.addWidget(panel)
    panel.attach(stub, tasks)
    panel.show()
    panel.select_message(on_link(stub, raw).seq)
    assert panel.reading.isVisible()
    await settled(tasks)
    assert panel.tabs.offered == ["Decoded", "Raw", "Bytes", "Pair", "Timing"]
    model = panel.tabs.decoded.tree.rows
    assert model.index(1, 0).data() == "data"
    data = stub.journal.get(1).decoded.body.payload["data"]
    if isinstance(data, list):
        branch = model.index(1, 0)
        while model.canFetchMore(branch):
            model.fetchMore(branch)
        assert model.rowCount(branch) == len(data), "all of it can be had"
    else:
        assert "(20,000,000 characters)" in model.index(1, 1).data()
    for tab in panel.tabs.offered:
        panel.tabs.choose(tab)
        await settled(tasks)
    panel.tabs.choose("Raw")
    assert panel.tabs.raw.text.toPlainText().startswith('[\n  2,\n  "a",'), "at once"
    panel.tabs.verbatim.setChecked(True)
    assert panel.tabs.raw.text.toPlainText().startswith('[2, "a",')
    assert not panel.tabs.raw.complete
    panel.tabs.choose("Bytes")
    assert not panel.tabs.bytes.complete


@pytest.mark.gui
async def test_a_hundred_thousand_brackets_are_shown_folded(qtbot, themed, stub, tasks):
    raw = b'[2,"a","DataTransfer",{"data":' + b"[" * 100_000 + b'"core"' + b"]" * 100_000 + b"}]"
    panel = InspectorPanel()
    qtbot.addWidget(panel)
    panel.attach(stub, tasks)
    panel.show()
    panel.select_message(on_link(stub, raw).seq)
    await settled(tasks)
    assert "depth limit" in panel.faults.text()
    stepped = panel.tabs.decoded
    assert "3.data" in values(stepped)
    stepped.step_in(stepped.tree.rows.index(3, 0))
    assert stepped.place.whole_text().startswith("100,001 levels down: 3.data.0.0 …")
    assert values(stepped) == {"0": "core"}
    stepped.step_out()
    assert values(stepped)["1"] == "a"
    for tab in panel.tabs.offered:
        panel.tabs.choose(tab)
        await settled(tasks)
    panel.tabs.choose("Raw")
    assert 0 < panel.tabs.raw.share < 1
    panel.tabs.choose("Decoded")
    panel.select_message(authorize(stub)[0].seq)
    assert values(panel.tabs.decoded)["idToken.idToken"] == "04A2", "the deep one is let go"


@pytest.mark.gui
async def test_a_secret_below_what_masking_follows_is_hidden(qtbot, themed, stub, tasks):
    raw = b'[2,"a","DataTransfer",{"vendorId":"x","data":' + b"[" * 300 + b'{"pin":"98765"}' + b"]" * 300 + b"}]"
    panel = InspectorPanel()
    qtbot.addWidget(panel)
    panel.attach(stub, tasks)
    panel.show()
    panel.select_message(on_link(stub, raw).seq)
    stepped = panel.tabs.decoded
    stepped.step_in(stepped.tree.rows.index(1, 0))
    assert values(stepped) == {"pin": MASK}
    panel.tabs.choose("Raw")
    assert "98765" not in panel.tabs.raw.text.toPlainText()
    panel.show_secrets.click()
    panel.tabs.choose("Raw")
    assert "98765" in panel.tabs.raw.text.toPlainText()


@pytest.mark.gui
async def test_a_long_answer_is_read_beside_its_short_request(qtbot, themed, stub, tasks):
    panel = InspectorPanel()
    qtbot.addWidget(panel)
    panel.attach(stub, tasks)
    panel.show()
    call, _ = authorize(stub)
    answer = on_link(stub, json.dumps([3, "a", {"idTokenInfo": {"status": "x" * 300_000}}]).encode(), Direction.OUT)
    stub.pairs.said.update({call.seq: answer.seq, answer.seq: call.seq})
    panel.select_message(call.seq)
    panel.tabs.choose("Pair")
    pair = panel.tabs.pair
    assert pair.answer.empty.title.text() == "Reading…"
    await settled(tasks)
    assert "(300,000 characters)" in values(pair.answer.fields)["idTokenInfo.status"]
    panel.copy_json()
    panel.select_message(answer.seq)
    panel.copy_json()
    await settled(tasks)


def test_marks_follow_the_theme(panel, stub):
    from ui import theme

    panel.select_message(on_reader(stub, bytes.fromhex(CARD[:-4] + "2400")).seq)
    theme.current.choose(theme.Choice.DARK)
    (mark,) = panel.tabs.frame.dump.extraSelections()
    assert mark.format.background().color() == QColor(theme.DARK["accent"])


def test_raw_text_shows_characters_that_nobody_would_see():
    assert "".join(Verbatim("UU\0\x03\tz\n")) == "UU\\x00\\x03\tz\n"


def test_long_dumps_have_long_offsets():
    assert next(iter(hex_lines(bytes(16)))).startswith("0000  00")
    assert next(iter(hex_lines(bytes(0x10001)))).startswith("00000000  00")


def test_a_narrow_frame_view_tells_every_meaning_whole(qtbot, themed):
    raw = bytes.fromhex("0000FF03FDD4140117 00")
    view = FrameView()
    qtbot.addWidget(view)
    view.resize(300, 500)
    view.show()
    view.show_frame(raw, explain("pn532", raw))
    words = QFontMetrics(words_font())
    for row in range(view.rows.rowCount()):
        text = str(view.rows.index(row, MEANING).data())
        room = QRect(0, 0, view.table.columnWidth(MEANING) - 2 * PADDING, 1000)
        needed = words.boundingRect(room, Qt.TextFlag.TextWordWrap, text).height()
        assert view.table.rowHeight(row) >= needed, text


def test_tabs_do_not_keep_room_for_those_that_are_hidden(qtbot, themed):
    tabs = MessageTabs()
    qtbot.addWidget(tabs)
    tabs.resize(330, 300)
    tabs.show()
    for names in (("HTTP", "Raw", "Bytes"), ("Decoded", "Raw"), ("Frame", "Raw"), ("Decoded", "Raw")):
        tabs.offer(names)
        first = tabs.offered[0]
        place = next(n for n in range(tabs.count()) if tabs.tabText(n) == first)
        assert tabs.tabBar().tabRect(place).x() == 0, names


def test_verdicts_are_cut_with_dots_in_a_narrow_dock(qtbot, themed):
    tree = MessageTree()
    qtbot.addWidget(tree)
    tree.resize(314, 200)
    tree.show()
    tree.show_tree(
        {"idToken": {"idToken": "04A2B3C4D5E680"}}, [("idToken.idToken", Check(True, "string, maxLength 36"))]
    )
    assert sum(tree.columnWidth(column) for column in range(3)) <= tree.viewport().width()
