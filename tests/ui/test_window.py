"""The window as a person meets it: painted without the engine, then attached; keys, docks, notices, memory, picture."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest
from PySide6.QtCore import QSettings, Qt
from PySide6.QtGui import QImage, QShortcut
from PySide6.QtWidgets import QApplication, QLabel, QPushButton

from bench.answers import PushReport
from bench.csms.events import EventKind, StationEvent
from bench.errors import BadInput, OperatorError
from bench.list_view import Mode, Progress
from bench.ports import LinkState
from bench.tasks import Tasks
from tests.ui.stub_session import StubCapture, StubEndpoint, StubSession
from ui import theme
from ui.panels.local_list import LIST_MESSAGES
from ui.state import UiState
from ui.status import readable_size
from ui.window import MainWindow, make_window

HEAVY = ("sqlalchemy", "alembic", "pydantic", "qasync", "fastapi", "uvicorn", "ocpp", "paho", "amqtt", "jsonschema_rs")


@pytest.fixture
def window(qtbot, themed):
    made = MainWindow()
    qtbot.addWidget(made)
    made.resize(1280, 800)
    made.show()
    assert made.workspace.tap.isVisible()
    QApplication.processEvents()
    with qtbot.waitActive(made):
        made.activateWindow()
    yield made
    made.release()


def press(qtbot, window: MainWindow, key: Qt.Key) -> None:
    qtbot.keyClick(QApplication.focusWidget() or window, key, Qt.KeyboardModifier.ControlModifier)


def test_the_window_is_painted_before_anything_heavy_is_imported():
    """In an interpreter of its own, where nothing else imported it before."""
    code = (
        "import sys; from ui.window import make_window; app, window = make_window(remember=False); window.show();"
        f"app.processEvents(); print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=root, capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.strip() == "[]"


def test_a_first_start_offers_three_doors(window, qtbot):
    window.show_doors()
    assert window.workspace.centre.currentWidget() is window.workspace.start
    with qtbot.waitSignal(window.demo_requested):
        qtbot.mouseClick(window.workspace.start.demo, Qt.MouseButton.LeftButton)
    with qtbot.waitSignal(window.connect_requested):
        qtbot.keyClick(window.workspace.start.connect_door, Qt.Key.Key_Space)
    with qtbot.waitSignal(window.capture_requested) as asked:
        qtbot.mouseClick(window.workspace.start.capture, Qt.MouseButton.LeftButton)
    assert asked.args == [""], "which one is still to be asked"


def test_a_session_takes_the_place_of_the_doors(window, lively):
    window.attach(lively, Tasks())
    assert window.workspace.centre.currentWidget() is not window.workspace.start
    assert window.workspace.tap.verdict.word.text() == "ACCEPTED"
    assert window.workspace.exchanges.model.rowCount() == 5
    assert window.workspace.diagram.exchange_id == 5


def test_another_session_takes_over_and_the_first_is_let_go(window, lively):
    first = StubSession()
    window.attach(first, Tasks())
    window.attach(lively, Tasks())
    assert first.listeners == []
    assert len(lively.listeners) == 1
    window.release()
    assert lively.listeners == []


def test_one_timer_shows_what_changed(window, lively, qtbot):
    window.attach(lively, Tasks())
    lively.tap("04B1C2D3E4F580", label="TAG-8")
    assert window.workspace.exchanges.model.rowCount() == 5, "changes are gathered, not shown one by one"
    qtbot.waitUntil(lambda: window.workspace.exchanges.model.rowCount() == 6, timeout=3000)
    assert window.workspace.diagram.exchange_id == 6


def test_a_panel_nobody_sees_is_brought_up_to_date_when_shown(window, lively):
    window.attach(lively, Tasks())
    QApplication.processEvents()
    calls: list[set[tuple[object, object]]] = []
    window.workspace.findings.refresh = calls.append
    lively.tell("finding", None)
    window.flush()
    assert calls == []
    window.workspace.show_panel(window.workspace.findings)
    assert calls[0] >= {("finding", None)}


def test_changes_for_hidden_panels_stay_bounded(window, lively):
    window.attach(lively, Tasks())
    for n in range(50_000):
        lively.tell("exchange", n)
    assert len(window.workspace._fresh) <= 20_000
    window.hide()
    for n in range(50_000):
        lively.tell("exchange", n)
    window.flush()
    assert len(window.workspace._fresh) <= 20_000
    window.show()
    window.flush()
    assert window.workspace.exchanges.model.rowCount() == 5
    assert all(len(pending) <= 20_001 for pending in window.workspace._pending.values())


def test_an_exchange_picked_in_one_panel_is_shown_in_the_others(window, lively, qtbot):
    window.attach(lively, Tasks())
    window.workspace.exchanges.table.setFocus()
    at = window.workspace.exchanges.table.visualRect(window.workspace.exchanges.model.index(1, 1)).center()
    qtbot.mouseClick(window.workspace.exchanges.table.viewport(), Qt.MouseButton.LeftButton, pos=at)
    assert window.workspace.diagram.exchange_id == 4
    window.select_exchange(2)
    assert window.workspace.exchanges.selected_id == 2
    assert window.workspace.diagram.exchange_id == 2


def test_a_message_picked_in_the_diagram_is_shown_in_the_inspector(window, lively):
    window.attach(lively, Tasks())
    arrow = window.workspace.diagram.view.diagram.arrows[1]
    window.workspace.diagram.view._pick(1)
    assert window.workspace.inspector.message.seq == arrow.seq


def test_ctrl_t_presents_and_repeats(window, lively, qtbot):
    window.attach(lively, Tasks())
    window.activateWindow()
    press(qtbot, window, Qt.Key.Key_T)
    press(qtbot, window, Qt.Key.Key_T)
    assert [order[1].uid for order in lively.orders] == ["04A2B3C4D5E680"] * 2


def test_ctrl_f_goes_to_the_filter_and_space_there_is_a_space(window, lively, qtbot):
    window.attach(lively, Tasks())
    press(qtbot, window, Qt.Key.Key_F)
    line = QApplication.focusWidget()
    assert window.workspace.messages.isAncestorOf(line)
    paused = window.workspace.messages.pause_button.isChecked()
    qtbot.keyClick(line, Qt.Key.Key_Space)
    assert line.text().endswith(" ")
    assert window.workspace.messages.pause_button.isChecked() == paused


def test_space_pauses_the_view_from_a_table(window, lively, qtbot):
    window.attach(lively, Tasks())
    window.workspace.exchanges.table.setFocus()
    qtbot.keyClick(window.workspace.exchanges.table, Qt.Key.Key_Space)
    assert window.workspace.messages.pause_button.isChecked()
    qtbot.keyClick(window.workspace.exchanges.table, Qt.Key.Key_Space)
    assert not window.workspace.messages.pause_button.isChecked()


def test_ctrl_and_a_number_goes_to_a_panel(window, lively, qtbot):
    window.attach(lively, Tasks())
    for key, panel in (
        (Qt.Key.Key_6, window.workspace.tokens),
        (Qt.Key.Key_2, window.workspace.exchanges),
        (Qt.Key.Key_9, window.workspace.findings),
        (Qt.Key.Key_1, window.workspace.tap),
    ):
        press(qtbot, window, key)
        assert panel.isVisible()
        focus = QApplication.focusWidget()
        assert focus is panel or panel.isAncestorOf(focus), panel.title


def test_ctrl_l_without_a_station_says_so(window, stub, qtbot):
    window.attach(stub, Tasks())
    press(qtbot, window, Qt.Key.Key_L)
    assert window.workspace.banner.isVisible() or window.workspace.station.isVisible()


def test_f1_shows_the_keys_beside_the_window(window, qtbot):
    qtbot.keyClick(QApplication.focusWidget() or window, Qt.Key.Key_F1)
    assert window.workspace.keys_card.isVisible()
    assert not window.workspace.keys_card.isModal()
    words = " ".join(label.text() for label in window.workspace.keys_card.findChildren(QLabel))
    assert "Ctrl+T" in words


def test_a_notice_is_a_line_that_takes_no_focus(window, qtbot):
    window.workspace.tap.setFocus()
    before = QApplication.focusWidget()
    window.show_notice("fail", "the broker is not connected; check the cable")
    assert window.workspace.banner.isVisible()
    assert QApplication.focusWidget() is before
    assert not window.workspace.banner._leave.isActive(), "a fault stays until it is closed"
    qtbot.mouseClick(window.workspace.banner.close_button, Qt.MouseButton.LeftButton)
    assert window.workspace.banner.isHidden()
    window.show_notice("ok", "saved")
    assert window.workspace.banner._leave.isActive()


def test_a_notice_moves_nothing_and_stays_over_a_panel_that_comes_to_the_front(window, lively, qtbot):
    window.attach(lively, Tasks())
    work = window.workspace
    buttons = (work.tap.present_button, work.tap.enrol_button, work.messages.pause_button)

    def places():
        QApplication.processEvents()
        return [button.mapTo(window, button.rect().center()) for button in buttons]

    before = places()
    window.show_notice("fail", "the broker does not answer; " * 12)
    assert places() == before
    window.resize(900, 700)
    QApplication.processEvents()
    assert window.rect().contains(work.banner.geometry())
    work.show_panel(work.tokens)
    QApplication.processEvents()
    middle = work.banner.geometry().center()
    hit = window.childAt(middle)
    assert hit is work.banner or work.banner.isAncestorOf(hit)


def test_no_card_moves_the_buttons(window, lively, qtbot):
    window.attach(lively, Tasks())
    tap = window.workspace.tap
    places = set()
    for uid in ("04A2B3C4D5E680", "01020304", "0102030405060708090A", "00112233445566778899AABBCCDDEEFF"):
        lively.tap(uid, accepted=False, reason="unknown", label="")
        window.flush()
        QApplication.processEvents()
        places.add(tuple(tap.enrol_button.mapTo(window, tap.enrol_button.rect().center()).toTuple()))
        assert tap.uid.height() >= tap.uid.sizeHint().height(), "nothing is squeezed"
    assert len(places) == 1


def test_what_was_said_of_a_bench_that_did_not_run_leaves_with_it(window, lively):
    window.workspace.tap.free_charging()
    assert "not running" in window.workspace.banner.label.text()
    window.attach(lively, Tasks())
    assert window.workspace.banner.isHidden()


@pytest.mark.parametrize("width", [1000, 1280])
def test_the_doors_stand_clear_of_each_other(window, width):
    window.resize(width, 700)
    window.show_doors()
    QApplication.processEvents()
    start = window.workspace.start
    doors = [start.demo.geometry(), start.connect_door.geometry(), start.capture.geometry()]
    assert all(start.rect().contains(door) for door in doors)
    assert not any(one.intersects(other) for n, one in enumerate(doors) for other in doors[n + 1 :])


def test_the_connect_page_follows_the_listener(window, stub, qtbot):
    window.attach(stub, Tasks())
    window.show_connect()
    page = window.workspace.connect_page
    assert not page.listen_button.isHidden()
    stub.server = StubEndpoint("ws://0.0.0.0:9000")
    stub.link("ocpp", LinkState.UP, "ws://0.0.0.0:9000")
    window.flush()
    assert page.listen_button.isHidden()


def test_chips_lead_to_what_they_tell_of(window, lively):
    window.attach(lively, Tasks())
    work = window.workspace
    places = {
        "store": work.tokens,
        "list": work.local_list,
        "csms": work.station,
        "reader:x": work.reader,
        "api": work.findings,
    }
    for key, panel in places.items():
        work._chip_picked(key)
        assert panel.isVisible()
    window.workspace._chip_picked("ocpp")
    assert window.workspace.connect_page.isVisible()


def test_the_local_list_leads_to_the_token_and_to_its_messages(window, lively):
    window.attach(lively, Tasks())
    work = window.workspace
    work.show_panel(work.local_list)
    work.local_list.tokens_wanted.emit("04A2B3C4D5E680")
    assert work.tokens.search.text() == "04A2B3C4D5E680"
    assert work.tokens.table.model().rowCount() == 1
    work.local_list.messages_wanted.emit(LIST_MESSAGES)
    assert work.messages.filter_line.text == LIST_MESSAGES
    assert work.messages.filter_line.error.text() == ""
    work.station.list_wanted.emit()
    assert not work.local_list.visibleRegion().isEmpty()


@pytest.mark.parametrize("size", [(1000, 700), (1280, 800)])
def test_no_button_of_the_local_list_moves_whatever_is_said_there(window, lively, size):
    window.resize(*size)
    window.attach(lively, Tasks())
    panel, kept = window.workspace.local_list, lively.lists.of("CP-001")
    window.workspace.show_panel(panel)
    places = set()
    for offer, progress, report in (
        ("", None, None),
        ("what it holds is not known: a message was under way when the bench ended", None, None),
        ("", Progress(Mode.FULL, 2, 5, 100, 250), None),
        (
            "",
            None,
            PushReport(False, "Accepted", "Accepted, but the version did not move: still 7" * 3, 5, (), 7, 8, 7),
        ),
    ):
        kept.offer, kept.progress, kept.report = offer, progress, report
        lively.tell("list", "CP-001")
        window.flush()
        QApplication.processEvents()
        button = panel.orders.cancel_button
        place = button.mapTo(window, button.rect().center()).toTuple()
        places.add((place, button.size().toTuple(), panel.minimumSizeHint().height()))
    assert len(places) == 1, "nor does the dock ask for more room"


def test_the_connect_page_passes_on_where_to_listen(window, lively, qtbot):
    window.attach(lively, Tasks())
    window.show_connect()
    with qtbot.waitSignal(window.listen_requested) as told:
        window.workspace.connect_page.listen_requested.emit("10.0.0.12:9000")
    assert told.args == ["10.0.0.12:9000"]


def test_an_event_of_a_station_is_opened_in_the_inspector(window, lively, qtbot):
    asked = next(each.seq for each in lively.journal.since(0) if each.decoded.name == "Authorize")
    told = StationEvent(asked, lively.clock.utc_ns, EventKind.DATA, "DataTransfer", "com.example", "on")
    lively.stations["CP-001"].events.append(told)
    window.attach(lively, Tasks())
    station = window.workspace.station
    window.workspace.show_panel(station)
    station.tabs.setCurrentWidget(station.events)
    window.flush()
    station.events.table.setCurrentIndex(station.events.model.index(0, 0))
    qtbot.keyClick(station.events.table, Qt.Key.Key_Return)
    assert window.workspace.inspector.message.seq == asked


def test_the_menu_offers_certificates_for_the_selected_station(window, lively, qtbot):
    window.attach(lively, Tasks())
    [action] = [each for each in window.menu.menu.actions() if each.text() == "Make certificates…"]
    action.trigger()
    dialog = window.workspace.certificates.dialog
    assert dialog.isVisible()
    assert dialog.stations.text() == "S-1"
    dialog.reject()
    window.workspace.show_connect()
    qtbot.mouseClick(window.workspace.connect_page.certificates_button, Qt.MouseButton.LeftButton)
    assert dialog.isVisible()


def test_closing_asks_the_engine_first(qtbot, themed):
    asked = []
    window = MainWindow(exit_request=lambda: asked.append("exit"))
    qtbot.addWidget(window)
    window.show()
    window.close()
    assert asked == ["exit"]
    assert window.isVisible()
    window.release()
    assert not window.isVisible()
    window.release()
    assert asked == ["exit"]


@pytest.mark.parametrize("size", [(1280, 800), (1440, 900)])
@pytest.mark.parametrize("choice", [theme.Choice.LIGHT, theme.Choice.DARK])
def test_nothing_is_cut_at_the_common_sizes(qtbot, themed, lively, size, choice):
    themed.choose(choice)
    window = MainWindow()
    qtbot.addWidget(window)
    window.resize(*size)
    window.show()
    window.attach(lively, Tasks())
    QApplication.processEvents()
    assert (window.width(), window.height()) == size, "its parts fit into the size it was given"
    for widget in (*window.workspace.tap.findChildren(QPushButton), *window.workspace.strip.chips().values()):
        if widget.isVisible():
            assert widget.width() >= widget.minimumSizeHint().width(), widget.accessibleName()
            assert widget.height() >= widget.minimumSizeHint().height(), widget.accessibleName()
    for label in (
        window.workspace.tap.verdict.word,
        window.workspace.tap.verdict.facts,
        window.workspace.tap.card.uid_label,
    ):
        assert label.width() >= label.fontMetrics().horizontalAdvance(label.text().split("\n")[0])
    table = window.workspace.exchanges.table
    assert table.horizontalHeader().length() <= table.viewport().width(), "no column lies outside"
    window.release()


def test_the_picture_is_the_window(window, lively, tmp_path):
    window.attach(lively, Tasks())
    window.grab_png(tmp_path / "window.png")
    image = QImage(str(tmp_path / "window.png"))
    assert (image.width(), image.height()) == (window.width(), window.height())
    with pytest.raises(OperatorError, match="could not be written"):
        window.grab_png(tmp_path / "nowhere" / "window.png")


def test_the_line_at_the_foot_counts(window, lively):
    lively.capture = StubCapture(Path("depot-north.db"))
    window.attach(lively, Tasks())
    assert window.workspace.status.capture.text() == "capture depot-north.db · 3.2 MB"
    assert window.workspace.status.dropped.text() == "0 dropped"
    before = lively.clock.stamp()
    window.workspace.status.reset()
    window.workspace.status.show_counts(lively, before)
    lively.tap("04B1C2D3E4F580")
    window.workspace.status.show_counts(lively, before._replace(mono_ns=before.mono_ns + 2_000_000_000))
    assert window.workspace.status.rate.text() == "3.0 msg/s"
    lively.dropped = 1234
    lively.link("capture", LinkState.FAULTY, "disk full", "make room")
    window.flush()
    assert window.workspace.status.dropped.text() == "1,234 dropped"
    assert "disk full" in window.workspace.status.capture.text()


@pytest.mark.parametrize(("count", "text"), [(812, "812 B"), (3_250_000, "3.2 MB"), (7_000_000_000, "7.0 GB")])
def test_sizes_read_well(count: int, text: str):
    assert readable_size(count) == text


# Memory


def test_layout_theme_and_filters_come_back(qtbot, themed, tmp_path, lively):
    file = tmp_path / "window.ini"
    first = MainWindow(UiState(file))
    qtbot.addWidget(first)
    first.resize(1280, 800)
    first.show()
    first.attach(lively, Tasks())
    first.workspace.docks[first.workspace.inspector].hide()
    first.workspace.tap.evse.setCurrentText("GB*SEV*E123456789")
    first.choose_theme(theme.Choice.DARK)
    first.release()

    app, second = make_window(state_file=file)
    qtbot.addWidget(second)
    second.show()
    assert app is QApplication.instance()
    assert theme.current.choice is theme.Choice.DARK
    assert second.workspace.docks[second.workspace.inspector].isHidden()
    assert second.workspace.tap.evse.currentText() == "GB*SEV*E123456789"
    second.reset_layout()
    assert second.workspace.docks[second.workspace.inspector].isVisible()
    assert UiState(file).layout() is None
    second.release()


def test_the_sizes_of_panels_come_back(qtbot, themed, tmp_path, lively):
    """Over two restarts: a layout that comes back a little different drifts further every time."""

    def sizes(window: MainWindow) -> list[tuple[int, int]]:
        docks = window.workspace.docks
        panels = (window.workspace.tap, window.workspace.inspector, window.workspace.messages)
        return [(docks[panel].width(), docks[panel].height()) for panel in panels]

    file = tmp_path / "window.ini"
    before = None
    for _ in range(3):
        _, window = make_window(state_file=file, size=(1280, 800))
        qtbot.addWidget(window)
        window.show()
        window.attach(lively, Tasks())
        QApplication.processEvents()
        before = before or sizes(window)
        assert sizes(window) == before
        window.release()


def test_a_spoiled_memory_counts_as_none(qtbot, themed, tmp_path):
    file = tmp_path / "window.ini"
    file.write_text(
        "theme=plaid\n[layout]\nversion=1\ngeometry=nonsense\ndocks=@ByteArray(spoiled)\n", encoding="utf-8"
    )
    state = UiState(file)
    assert state.theme is theme.Choice.SYSTEM
    assert state.layout() is None
    _, window = make_window(state_file=file)
    qtbot.addWidget(window)
    window.show()
    window.release()


def test_the_last_profile_is_remembered_as_long_as_it_is_there(qtbot, themed, tmp_path):
    window = MainWindow(UiState(tmp_path / "window.ini"))
    qtbot.addWidget(window)
    assert window.last_profile() is None
    profile = tmp_path / "depot.toml"
    profile.write_text("", encoding="utf-8")
    window.remember_profile(profile)
    assert UiState(tmp_path / "window.ini").profile == profile
    assert window.last_profile() == profile
    profile.unlink()
    assert window.last_profile() is None
    window.release()


def test_a_folder_that_cannot_be_written_is_no_drama(tmp_path):
    (tmp_path / "file").write_text("", encoding="utf-8")
    state = UiState(tmp_path / "file" / "window.ini")
    state.keep_panel("Tap", {"evse": "auto"})
    state.save()


def test_what_a_panel_forgets_is_forgotten(tmp_path):
    state = UiState(tmp_path / "window.ini")
    state.keep_panel("Messages", {"filter": "link:ocpp, name:Authorize", "time": "relative"})
    state.keep_panel("Messages", {"filter": "link:ocpp, name:Authorize"})
    state.save()
    QSettings(str(tmp_path / "window.ini"), QSettings.Format.IniFormat).sync()
    assert UiState(tmp_path / "window.ini").panel("Messages") == {"filter": "link:ocpp, name:Authorize"}


def test_a_theme_that_does_not_exist_is_refused(qapp):
    with pytest.raises(BadInput, match="plaid"):
        make_window(theme="plaid", remember=False)


def test_the_docks_show_a_title_only_where_no_tab_names_them(window, qtbot):
    qtbot.waitUntil(lambda: window.workspace.docks[window.workspace.messages].titleBarWidget().height() == 0)
    assert window.workspace.docks[window.workspace.inspector].titleBarWidget().height() > 0
    window.workspace.docks[window.workspace.messages].setFloating(True)
    qtbot.waitUntil(lambda: window.workspace.docks[window.workspace.messages].titleBarWidget().height() > 0)


def test_a_change_of_theme_repaints_at_once(window, lively):
    window.attach(lively, Tasks())
    window.choose_theme(theme.Choice.DARK)
    QApplication.processEvents()
    corner = window.grab().toImage().pixelColor(3, window.height() // 2)
    assert corner == theme.color("surface")
    assert window.menu.themes[theme.Choice.DARK].isChecked()


@pytest.mark.gui
async def test_actions_run_as_tasks_and_their_faults_become_notices(qtbot, themed, lively, tasks):
    window = MainWindow()
    qtbot.addWidget(window)
    window.show()
    window.attach(lively, tasks)
    lively.refuse = OperatorError("the store is read only", "give the file back its rights")
    window.workspace.tap.enrol()
    async with asyncio.timeout(5):
        while window.workspace.banner.isHidden():  # noqa: ASYNC110 - the banner tells nobody
            await asyncio.sleep(0.005)
    assert window.workspace.banner.severity == "fail"
    assert "read only" in window.workspace.banner.label.text()
    window.release()


def test_leaving_the_window_ends_its_timer(window):
    window.release()
    assert not window.workspace._timer.isActive()
    assert not window.isVisible()


def test_the_tab_key_walks_from_panel_to_panel(window, lively):
    """One ring through everything that takes the focus: what is cut off from it is out of reach without a mouse."""
    workspace = window.workspace
    window.attach(lively, Tasks())
    ring, widget = set(), workspace.tap.uid
    while widget not in ring:
        ring.add(widget)
        widget = widget.nextInFocusChain()
    assert {
        workspace.tap.present_button,
        workspace.exchanges.table,
        workspace.diagram.view,
        workspace.inspector.note.text,
        workspace.messages.table,
        workspace.messages.filter_line.line,
        workspace.tokens.table,
    } <= ring


def test_no_key_of_a_panel_is_one_of_the_window(window):
    """Two that listen to one key answer neither."""
    ours = {key.toString() for action in window.actions() for key in action.shortcuts()}
    theirs = {short.key().toString() for panel in window.workspace.panels for short in panel.findChildren(QShortcut)}
    assert "Ctrl+B" in ours
    assert not ours & theirs


def test_all_of_the_keys_card_can_be_read(window, qtbot):
    window.workspace.show_keys()
    card = window.workspace.keys_card
    QApplication.processEvents()
    for label in card.findChildren(QLabel):
        assert label.height() >= label.heightForWidth(label.width()) or not label.wordWrap(), label.text()
    card.close()


def test_a_low_window_does_not_grow_when_a_filter_is_wrong(window, lively):
    window.attach(lively, Tasks())
    window.resize(1000, 700)
    QApplication.processEvents()
    window.workspace.messages.filter_line.set_text("zzz:1")
    QApplication.processEvents()
    assert (window.width(), window.height()) == (1000, 700)
