"""Export and import as a person does them: from the menu of the window, with real captures behind it."""

from __future__ import annotations

import asyncio
import csv
import json
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent
from PySide6.QtWidgets import QApplication

from bench.errors import BadInput, StoreError
from bench.journal.capture import Capture, read_messages
from bench.journal.formats import convert
from bench.message import Direction, Link
from bench.recording import Recording
from ui.panels.transfer_page import ExportPage, Form, Scope
from ui.transfer import CalledOff, Work, captured
from ui.window import MainWindow

pytestmark = pytest.mark.gui


@pytest.fixture
def window(qapp, themed, tasks) -> Iterator[MainWindow]:
    made = MainWindow()
    made.resize(1280, 800)
    made.show()
    made.workspace.use(tasks)
    yield made
    made.release()
    made.deleteLater()


@pytest.fixture
async def recorded(lively, tmp_path: Path) -> AsyncIterator[Path]:
    """The capture of a session that goes on; the last messages still wait to be written."""
    capture = Capture(tmp_path / "depot.db")
    await capture.open()
    capture.pull(lively.journal)
    for exchange in lively.exchanges.values():
        capture.offer_exchange(exchange)
    await capture.flush()
    lively.capture = capture
    lively.message(Link.OCPP, Direction.IN, "CP-001", b'[2,"h1","Heartbeat",{}]', "CALL", "Heartbeat")
    yield capture.path
    await capture.close()


async def until(condition) -> None:
    """Let the window work until it is so."""
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - what changes on a page tells nobody
            await asyncio.sleep(0.005)


async def export(
    window: MainWindow, target: Path, *, scope: Scope | None = None, form: Form | None = None
) -> ExportPage:
    """Fill in the page that is open and wait for what comes of it."""
    page = window.workspace.transfers.export_page
    if scope is not None:
        page.scopes[scope].click()
    if form is not None:
        page.format.setCurrentIndex(page.format.findData(form))
    page.file.setText(str(target))
    await press_order(page)
    return page


async def press_order(page) -> None:
    page._outcome_row.hide()
    page.order_button.click()
    await until(lambda: page._outcome_row.isVisible() and not page.running)


def open_page(window: MainWindow, entry: str) -> None:
    window.flush()
    next(action for action in window.menu.menu.actions() if action.text() == entry).trigger()


async def test_a_live_session_is_exported_to_the_last_message(window, lively, tasks, recorded, tmp_path):
    window.attach(lively, tasks)
    open_page(window, "Export…")
    page = window.workspace.transfers.export_page
    assert page.isVisible()
    assert not page.isModal()
    assert page.file.text().endswith(".jsonl")
    page = await export(window, tmp_path / "out.jsonl")
    lines = (tmp_path / "out.jsonl").read_text().splitlines()
    assert sum('"Heartbeat"' in line for line in lines) >= 1, "what waited to be written is in it"
    head = lively.journal.head
    assert page.outcome.text() == f"{tmp_path / 'out.jsonl'}: {head} messages; 5 exchanges"
    assert window.workspace.banner.label.text().startswith("Exported to")


async def test_an_export_imported_and_exported_again_is_the_same(window, lively, tasks, recorded, tmp_path):
    window.attach(lively, tasks)
    open_page(window, "Export…")
    await export(window, tmp_path / "out.jsonl")
    opened: list[str] = []
    window.capture_requested.connect(opened.append)
    window.workspace.transfers.import_file(str(tmp_path / "out.jsonl"))
    await until(lambda: window.workspace.transfers.import_page is not None)
    page = window.workspace.transfers.import_page
    assert page.file.text() == str(tmp_path / "out.db")
    await press_order_hidden(page)
    assert opened == [str(tmp_path / "out.db")]
    recording = Recording(Path(opened[0]))
    try:
        window.attach(recording, tasks)
        assert window.workspace.banner.isVisible()
        assert window.workspace.banner.label.text().startswith("Imported out.jsonl"), "told once it is shown"
        open_page(window, "Export…")
        await export(window, tmp_path / "again.jsonl")
        assert (tmp_path / "again.jsonl").read_bytes() == (tmp_path / "out.jsonl").read_bytes()
    finally:
        window.release()
        recording.close()


async def press_order_hidden(page) -> None:
    """As :func:`press_order`, for a page that leaves when all went well."""
    page.order_button.click()
    await until(lambda: not page.running and not page.isVisible())


async def test_the_filter_of_the_messages_is_the_filter_of_the_export(window, lively, tasks, recorded, tmp_path):
    window.attach(lively, tasks)
    window.messages.filter_line.set_text("name:Heartbeat")
    open_page(window, "Export…")
    page = window.workspace.transfers.export_page
    assert page.filter_text.whole_text() == "name:Heartbeat"
    await export(window, tmp_path / "f.csv", scope=Scope.FILTER, form=Form.CSV)
    assert [row["name"] for row in rows_of(tmp_path / "f.csv")] == ["Heartbeat"]
    window.messages.filter_line.clear()
    assert not page.scopes[Scope.FILTER].isEnabled(), "the page follows the filter"
    assert page.scopes[Scope.WHOLE].isChecked()


def rows_of(file: Path) -> list[dict[str, str]]:
    with file.open(newline="", encoding="utf-8") as lines:
        return list(csv.DictReader(lines))


async def test_the_rows_of_the_table_become_csv_as_they_are_shown(window, lively, tasks, recorded, tmp_path):
    window.attach(lively, tasks)
    window.messages.filter_line.set_text("link:ocpp or link:josev")
    open_page(window, "Export rows…")
    page = window.workspace.transfers.export_page
    assert page.scopes[Scope.ROWS].isChecked()
    assert page.chosen_form is Form.CSV
    await export(window, tmp_path / "rows.csv")
    model = window.messages.table.model()
    found = rows_of(tmp_path / "rows.csv")
    shown = [[model.index(row, column).data() for column in (0, 2, 4, 5, 6)] for row in range(model.rowCount())]
    assert [[row[name] for name in ("seq", "link", "channel", "kind", "name")] for row in found] == shown
    assert len(found) == model.rowCount() > 10
    assert {row["link"] for row in found} == {"ocpp", "josev"}
    assert all(row["summary"] in model.index(n, 8).data() for n, row in enumerate(found))


async def test_polls_that_are_hidden_are_no_rows(window, lively, tasks, recorded, tmp_path):
    lively.message(Link.READER, Direction.OUT, "pn532", b"\x00", "frame", "InListPassiveTarget")
    window.attach(lively, tasks)
    open_page(window, "Export rows…")
    await export(window, tmp_path / "rows.csv")
    assert lively.journal.head not in {int(row["seq"]) for row in rows_of(tmp_path / "rows.csv")}
    window.messages._polls.setChecked(True)
    window.flush()
    page = window.workspace.transfers.export_page
    open_page(window, "Export rows…")
    page.scopes[Scope.ROWS].click()
    await export(window, tmp_path / "rows2.csv")
    assert lively.journal.head in {int(row["seq"]) for row in rows_of(tmp_path / "rows2.csv")}


async def test_the_page_follows_the_table(window, lively, tasks, recorded, tmp_path):
    window.attach(lively, tasks)
    window.messages.filter_line.set_text("nothing-has-this-word")
    open_page(window, "Export rows…")
    page = window.workspace.transfers.export_page
    assert page.scopes[Scope.ROWS].text().endswith("· 0 rows")
    await export(window, tmp_path / "none.csv")
    assert page.outcome.text() == "the table shows no rows; choose something else, or another filter"
    assert not (tmp_path / "none.csv").exists()
    lively.message(Link.OCPP, Direction.IN, "CP-001", b"nothing-has-this-word", "CALL", "Odd")
    await until(lambda: page.scopes[Scope.ROWS].text().endswith("· 1 row"))
    await export(window, tmp_path / "one.csv")
    assert [row["name"] for row in rows_of(tmp_path / "one.csv")] == ["Odd"]


async def test_a_key_code_is_masked_in_rows_and_a_pseudonym_in_a_trace(window, lively, tasks, recorded, tmp_path):
    call = [2, "k1", "Authorize", {"idToken": {"idToken": "482915", "type": "KeyCode"}}]
    lively.message(Link.OCPP, Direction.IN, "CP-001", json.dumps(call).encode(), "CALL", "Authorize", body=call)
    window.attach(lively, tasks)
    open_page(window, "Export rows…")
    await export(window, tmp_path / "rows.csv")
    assert b"482915" not in (tmp_path / "rows.csv").read_bytes()
    page = window.workspace.transfers.export_page
    page.format.setCurrentIndex(page.format.findData(Form.TRACE))
    assert page.redact.isChecked(), "a trace is made to be handed on"
    await export(window, tmp_path / "t.trace.jsonl", scope=Scope.WHOLE)
    text = (tmp_path / "t.trace.jsonl").read_text()
    assert "482915" not in text
    assert "04A2B3C4D5E680" not in text
    assert "left out" in page.outcome.text(), "what is no OCPP, and why"
    page.redact.click()
    window.workspace.banner.hide()
    await export_replacing(window, page)
    assert "04A2B3C4D5E680" in (tmp_path / "t.trace.jsonl").read_text()


async def export_replacing(window: MainWindow, page: ExportPage) -> None:
    page._outcome_row.hide()
    page.order_button.click()
    await until(lambda: box_of(page) is not None)
    next(button for button in box_of(page).buttons() if button.text() == "Replace").click()
    await until(lambda: page._outcome_row.isVisible() and not page.running)


def box_of(page):
    from PySide6.QtWidgets import QMessageBox

    return next((box for box in page.findChildren(QMessageBox) if box.isVisible()), None)


async def test_a_file_that_exists_is_replaced_only_when_asked(window, lively, tasks, recorded, tmp_path):
    target = tmp_path / "precious.jsonl"
    target.write_text("mine")
    window.attach(lively, tasks)
    open_page(window, "Export…")
    page = window.workspace.transfers.export_page
    page.file.setText(str(target))
    page.order_button.click()
    await until(lambda: box_of(page) is not None)
    assert box_of(page).text() == "Replace precious.jsonl?"
    box_of(page).reject()
    await until(lambda: not len(tasks))
    assert target.read_text() == "mine"
    assert not page.running
    await export_replacing(window, page)
    assert target.read_text().startswith('{"format"')


async def test_cancel_in_the_middle_leaves_no_file(window, lively, tasks, recorded, tmp_path, monkeypatch):
    begun, go_on = threading.Event(), threading.Event()

    def slow(*args, progress, **options):
        def halfway(done, total):
            begun.set()
            go_on.wait(5)
            progress(done, total)

        return convert_export(*args, progress=halfway, **options)

    convert_export = convert.export_capture
    monkeypatch.setattr(convert, "export_capture", slow)
    window.attach(lively, tasks)
    open_page(window, "Export…")
    page = window.workspace.transfers.export_page
    page.file.setText(str(tmp_path / "half.jsonl"))
    page.order_button.click()
    await until(begun.is_set)
    assert page.running
    assert page.close_button.text() == "Cancel"
    assert not page.order_button.isEnabled()
    assert any(file.name.startswith(".half") for file in tmp_path.iterdir())
    page.close_button.click()
    go_on.set()
    await until(lambda: not page.running)
    assert page.outcome.text() == "Called off; nothing was written."
    assert page.isVisible()
    assert [file.name for file in tmp_path.iterdir() if "half" in file.name] == []


async def test_what_cannot_be_written_is_told_and_the_window_lives(
    window, lively, tasks, recorded, tmp_path, monkeypatch
):
    window.attach(lively, tasks)
    open_page(window, "Export…")
    page = await export(window, tmp_path / "nowhere" / "x.jsonl")
    assert page.outcome.text().startswith(f"there is no folder {tmp_path / 'nowhere'}")
    page.file.clear()
    await press_order(page)
    assert page.outcome.text().startswith("no file is named")

    def full(*_, **__):
        raise StoreError("no space is left", "free some")

    monkeypatch.setattr(convert, "export_capture", full)
    await export(window, tmp_path / "x.jsonl")
    assert page.outcome.text() == "no space is left; free some"
    assert window.workspace.banner.is_fault


async def test_a_session_that_records_nothing_exports_what_is_in_memory(window, lively, tasks, tmp_path):
    window.attach(lively, tasks)
    open_page(window, "Export…")
    page = window.workspace.transfers.export_page
    assert page.scopes[Scope.WHOLE].text().startswith("What is in memory (nothing is recorded)")
    await export(window, tmp_path / "memory.jsonl")
    head = lively.journal.head
    assert page.outcome.text() == f"{tmp_path / 'memory.jsonl'}: {head} messages; 5 exchanges"
    report = convert.import_file(tmp_path / "memory.jsonl", tmp_path / "memory.db")
    assert report.messages == head
    assert [m.raw for m in read_messages(tmp_path / "memory.db")] == [m.raw for m in lively.journal.since(0)]


async def test_what_left_memory_unrecorded_is_told(lively):
    del lively.journal._messages[:3]
    lively.journal._first = 4
    async with captured(lively) as found:
        assert found.lack == "nothing is recorded, so messages #1 to #3 are gone"
        assert [m.seq for m in read_messages(found.path)][:2] == [4, 5]
        folder = found.path.parent
    assert not folder.exists()


async def test_without_a_session_there_is_nothing_to_export(window):
    open_page(window, "Export…")
    assert window.workspace.transfers.export_page is None
    assert "nothing to export" in window.workspace.banner.label.text()


async def test_choices_are_remembered(window, lively, tasks, recorded, tmp_path, qtbot):
    window.attach(lively, tasks)
    open_page(window, "Export…")
    page = window.workspace.transfers.export_page
    page.redact.click()
    await export(window, tmp_path / "a.jsonl")
    page.format.setCurrentIndex(page.format.findData(Form.TRACE))
    assert page.file.text() == str(tmp_path / "a.trace.jsonl"), "the name follows the format"
    kept = window.workspace.transfers.remembered()
    again = ExportPage()
    qtbot.addWidget(again)
    again.recall(kept)
    assert again.chosen_form is Form.TRACE
    again.suggest(None)
    assert Path(again.file.text()).parent == tmp_path
    again.format.setCurrentIndex(again.format.findData(Form.LOSSLESS))
    assert again.redact.isChecked()
    again.recall({"format": "nonsense", "folder": "/no/such", "redact.csv": "maybe"})
    assert again.chosen_form is Form.LOSSLESS


# Import


async def test_a_plain_log_dropped_on_the_window_becomes_a_capture(window, tasks, tmp_path):
    log = tmp_path / "charger.log"
    log.write_text('[2,"1","Heartbeat",{}]\n[3,"1",{"currentTime":"2026-11-21T12:00:00Z"}]\n')
    opened: list[str] = []
    window.capture_requested.connect(opened.append)
    drop(window, log)
    await until(lambda: window.workspace.transfers.import_page is not None)
    page = window.workspace.transfers.import_page
    assert opened == []
    assert page.file.text() == str(tmp_path / "charger.db")
    await press_order_hidden(page)
    assert opened == [str(tmp_path / "charger.db")]
    assert [m.decoded.name for m in read_messages(tmp_path / "charger.db")] == ["Heartbeat", "Heartbeat"]
    assert "2 messages" in window.workspace.banner.label.text()


def drop(window: MainWindow, file: Path) -> None:
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(file))])
    window.dropEvent(
        QDropEvent(
            QPointF(5, 5),
            Qt.DropAction.CopyAction,
            data,
            Qt.MouseButton.LeftButton,
            Qt.KeyboardModifier.NoModifier,
        )
    )


async def test_a_capture_dropped_on_the_window_is_opened(window, tmp_path):
    opened: list[str] = []
    window.capture_requested.connect(opened.append)
    drop(window, tmp_path / "some.db")
    assert opened == [str(tmp_path / "some.db")]


async def test_a_damaged_file_names_the_line_and_leaves_nothing(window, tmp_path):
    (tmp_path / "bad.trace.jsonl").write_text("not a trace\n")
    window.workspace.transfers.import_file(str(tmp_path / "bad.trace.jsonl"))
    await until(lambda: window.workspace.transfers.import_page is not None)
    page = window.workspace.transfers.import_page
    await press_order(page)
    assert "line 1" in page.outcome.text()
    assert [file.name for file in tmp_path.iterdir()] == ["bad.trace.jsonl"]
    (tmp_path / "bad.db").write_text("")
    await press_order(page)
    assert "exists already" in page.outcome.text()


async def test_the_format_can_be_named_where_the_file_does_not_tell(window, tmp_path):
    (tmp_path / "station.jsonl").write_text('{"note":"mine"}\n[2,"1","Heartbeat",{}]\n')
    window.workspace.transfers.import_file(str(tmp_path / "station.jsonl"))
    await until(lambda: window.workspace.transfers.import_page is not None)
    page = window.workspace.transfers.import_page
    await press_order(page)
    assert "name the format" in page.outcome.text()
    page.format.setCurrentText("Log of OCPP arrays, one a line")
    page.open_after.setChecked(False)
    await press_order(page)
    assert "(from plain)" in page.outcome.text()


async def test_an_import_called_off_leaves_nothing(window, tmp_path, monkeypatch):
    log = tmp_path / "long.log"
    log.write_text('[2,"1","Heartbeat",{}]\n' * 30_000)
    begun, go_on = threading.Event(), threading.Event()
    real = convert.import_file

    def slow(*args, progress):
        def told(done, total):
            begun.set()
            go_on.wait(5)
            progress(done, total)

        return real(*args, progress=told)

    monkeypatch.setattr(convert, "import_file", slow)
    window.workspace.transfers.import_file(str(log))
    await until(lambda: window.workspace.transfers.import_page is not None)
    page = window.workspace.transfers.import_page
    page.order_button.click()
    await until(begun.is_set)
    page._show_progress()
    page.reject()
    go_on.set()
    await until(lambda: not page.running)
    assert page.outcome.text() == "Called off; no capture was made."
    assert [file.name for file in tmp_path.iterdir()] == ["long.log"]


# Work


async def test_whoever_is_cancelled_waits_until_the_thread_has_cleaned_up(tasks):
    begun, cleaned = threading.Event(), []

    def job(tell):
        begun.set()
        try:
            while True:
                tell(1, 2)
        except CalledOff:
            cleaned.append(True)
            raise

    work = Work("waiting")
    task = tasks.spawn(work.run(job), name="work")
    await until(begun.is_set)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert cleaned == [True]
    assert (work.done, work.total) == (1, 2)


async def test_the_keys_open_the_page(window, lively, tasks, qtbot):
    window.attach(lively, tasks)
    window.activateWindow()
    await until(lambda: QApplication.activeWindow() is window)
    qtbot.keyClick(window, Qt.Key.Key_E, Qt.KeyboardModifier.ControlModifier)
    page = window.workspace.transfers.export_page
    assert page.isVisible()
    qtbot.keyClick(page, Qt.Key.Key_Escape)
    assert not page.isVisible()


def test_a_file_is_suggested_beside_the_capture_unless_that_is_for_now_only(qtbot, themed, tmp_path):
    page = ExportPage()
    qtbot.addWidget(page)
    page.suggest(tmp_path / "demo.db")
    assert page.file.text() == str(Path.home() / "demo.jsonl")
    page.suggest(Path("/srv/captures/depot.db"))
    assert page.file.text() == str(Path("/srv/captures/depot.jsonl"))
    page.file.setText("/srv/mine.jsonl")
    page.suggest(Path("/srv/captures/other.db"))
    assert page.file.text() == "/srv/mine.jsonl", "what was typed stays"


def test_a_page_without_a_file_says_so(qtbot, themed):
    page = ExportPage()
    qtbot.addWidget(page)
    with pytest.raises(BadInput, match="no file"):
        page.choice()
