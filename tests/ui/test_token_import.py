from __future__ import annotations

import asyncio
import json
import threading

import PySide6
import pytest
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent

from bench.errors import BadInput, StoreError
from bench.tokens import import_plan
from bench.tokens.model import AuthorizationStatus, CacheMode, IdTokenType
from tests.ui.stub_session import make_token
from ui.models.tokens import Column
from ui.panels import token_files
from ui.panels.token_export import Scope, TokenExportPage
from ui.panels.token_import import ImportPreview
from ui.panels.token_import_columns import LEFT_OUT
from ui.panels.tokens import TokensPanel
from ui.window import MainWindow

GOOD = "GB-ABX-C01234567"


def card(uid, **changes):
    """A token whose contract is one."""
    return make_token(uid, contract_id="GBABXC01234567Z", **changes)


@pytest.fixture
def shelf(stub):
    """A store with three tokens: one blocked, one key code."""
    for token in (
        card("04A2B3C4D5E680", visual_number="TAG-7", group_id="FLEET"),
        card("04B1C2D3E4F580", visual_number="TAG-8", valid=False),
        card("4711", visual_number="PIN-1", id_token_type=IdTokenType.KEY_CODE),
    ):
        stub.store.tokens[token.key] = token
    return stub


@pytest.fixture
def panel(qtbot, themed, shelf, tasks):
    panel = TokensPanel()
    qtbot.addWidget(panel)
    panel.resize(1400, 300)
    panel.attach(shelf, tasks)
    panel.show()
    return panel


@pytest.fixture
def told(panel):
    notices = []
    panel.notice.connect(lambda severity, text: notices.append((severity, text)))
    return notices


async def settled(tasks):
    """Wait until what the panel started has ended."""
    async with asyncio.timeout(5):
        while tasks._tasks:
            await asyncio.gather(*tasks._tasks, return_exceptions=True)


async def opened(panel, tasks, file):
    """Drop a file on the panel and give its preview once it is read."""
    panel.run(panel.files.import_path(file), name="import")
    await settled(tasks)
    (preview,) = (found for found in panel.findChildren(ImportPreview) if found.isVisible())
    return preview


def choose(combo, text):
    """As a person picks an entry."""
    combo.setCurrentIndex(combo.findText(text))
    assert combo.currentText() == text
    combo.activated.emit(combo.currentIndex())


def rows(preview):
    return [
        tuple(preview.model.index(row, column).data() for column in range(4)) for row in range(preview.model.rowCount())
    ]


@pytest.mark.gui
async def test_import_shows_first_then_imports_and_can_be_taken_back(panel, shelf, tasks, tmp_path, told):
    file = tmp_path / "cards.json"
    await panel.files.export_path(file)
    entries = json.loads(file.read_text())
    assert len(entries) == 2, "key codes are secret"
    known = next(entry for entry in entries if entry["uid"] == "04A2B3C4D5E680")
    new = {**known, "uid": "04DD", "contractId": GOOD, "visualNumber": "NEW"}
    file.write_text(
        json.dumps([{**known, "contractId": "GB-ABX-X01234567", "visualNumber": "TAG-70"}, new, entries[1]])
    )
    before = dict(shelf.store.tokens)

    preview = await opened(panel, tasks, file)
    assert preview.said.text() == "✔ 3 tokens: 1 new, 1 changed, 1 unchanged."
    assert rows(preview) == [
        ("1", "✎ changed", "04A2B3C4D5E680", "contractId, visualNumber"),
        ("2", "✚ new", "04DD", ""),
        ("3", "= unchanged", "04B1C2D3E4F580", ""),
    ]
    assert shelf.store.tokens == before
    assert preview.import_button.text() == "Import 2 tokens"
    preview.import_button.click()
    await settled(tasks)
    assert not panel.findChildren(ImportPreview) or not preview.isVisible()
    assert shelf.store.get("04A2B3C4D5E680").visual_number == "TAG-70"
    assert shelf.store.get("04DD").source == "file cards.json"
    assert told[-1] == ("ok", "Imported 2 tokens from cards.json. Ctrl+Z takes it back.")
    assert panel.undo_button.text() == "Imported 2 tokens from cards.js… · Undo"
    assert panel.count.text() == "4 tokens"
    panel.undo_button.click()
    await settled(tasks)
    assert shelf.store.tokens == before
    panel.redo()
    await settled(tasks)
    assert shelf.store.get("04DD") is not None


@pytest.mark.gui
async def test_a_column_is_taken_for_another_field_and_that_is_remembered(panel, shelf, tasks, tmp_path, qtbot):
    file = tmp_path / "page.csv"
    file.write_text("Karte;Name;Zustand\n04:a2:b3:c4:d5:e6:80;Gate;blocked\n")
    preview = await opened(panel, tasks, file)
    assert preview.said.text().startswith("✖ no column names a token")
    assert preview.told.text() == "CSV with semicolons, UTF-8"
    assert preview.columns.combo("Karte").currentText() == LEFT_OUT
    assert preview.columns.item(0, 2).text() == "04:a2:b3:c4:d5:e6:80"
    choose(preview.columns.combo("Karte"), "UID")
    await settled(tasks)
    assert rows(preview) == [("2", "✎ changed", "04A2B3C4D5E680", "visualNumber")]
    choose(preview.columns.combo("Zustand"), "status")
    choose(preview.columns.combo("Name"), "note")
    await settled(tasks)
    assert rows(preview)[0][3] == "status, note"
    preview.import_button.click()
    await settled(tasks)
    kept = shelf.store.get("04A2B3C4D5E680")
    assert (kept.note, kept.effective_status) == ("Gate", AuthorizationStatus.BLOCKED)
    assert (kept.visual_number, kept.group_id) == ("TAG-7", "FLEET"), "what the file does not say stays"

    another = TokensPanel()
    qtbot.addWidget(another)
    another.recall(panel.remembered())
    another.attach(shelf, tasks)
    another.show()
    preview = await opened(another, tasks, file)
    assert rows(preview) == [("2", "= unchanged", "04A2B3C4D5E680", "")]
    another.recall({"mappings": "[[1, 2"})
    assert another.remembered() == {"mappings": "[]"}


@pytest.mark.gui
async def test_tokens_that_are_there_are_updated_replaced_or_kept(panel, shelf, tasks, tmp_path):
    file = tmp_path / "page.csv"
    file.write_text("idTag,status\n04A2B3C4D5E680,Blocked\n")
    preview = await opened(panel, tasks, file)
    assert rows(preview)[0][3] == "status"
    choose(preview.existing, "replace them whole")
    await settled(tasks)
    assert {"status", "groupId", "visualNumber"} <= set(rows(preview)[0][3].split(", "))
    choose(preview.existing, "leave them as they are")
    await settled(tasks)
    assert rows(preview)[0][1] == "= kept"
    assert not preview.import_button.isEnabled()


@pytest.mark.gui
async def test_a_list_without_names_and_other_defaults(panel, shelf, tasks, tmp_path, qtbot):
    file = tmp_path / "uids.txt"
    file.write_text("04AABBCC\n04AABBDD\n")
    preview = await opened(panel, tasks, file)
    assert not preview.named.isChecked()
    assert preview.said.text() == "✔ 2 tokens: 2 new."
    preview.country.setText("D1")
    preview.country.editingFinished.emit()
    assert preview.said.text().startswith("✖ country, party or issuer")
    preview.country.setText("de")
    preview.issuer.setText("Depot")
    preview.country.editingFinished.emit()
    await settled(tasks)
    preview.import_button.click()
    await settled(tasks)
    kept = shelf.store.get("04AABBDD")
    assert (kept.country_code, kept.issuer, kept.contract_id[:2]) == ("DE", "Depot", "DE")


@pytest.mark.gui
async def test_an_encoding_is_offered_where_the_file_is_not_utf_8(panel, tasks, tmp_path):
    file = tmp_path / "latin.csv"
    file.write_bytes("uid;note\n04AABBCC;Größe\n".encode("cp1252"))
    preview = await opened(panel, tasks, file)
    assert "latin.csv is not UTF-8" in preview.said.text()
    choose(preview.encoding, "Windows-1252 (Western European)")
    await settled(tasks)
    assert preview.said.text() == "✔ 1 token: 1 new."
    assert preview.plan.tokens[0].note == "Größe"
    preview.reject()


@pytest.mark.gui
async def test_a_file_with_a_wrong_row_is_not_imported(panel, shelf, tasks, tmp_path, monkeypatch, told):
    file = tmp_path / "cards.csv"
    file.write_text("uid,contractId\n04DD," + GOOD + "\n" + "A" * 41 + "," + GOOD + "\n")
    preview = await opened(panel, tasks, file)
    assert not preview.import_button.isEnabled()
    assert preview.said.text().startswith("✖ 1 row is wrong.")
    assert preview.wrong.toPlainText().startswith("row 3      uid: 41 characters")
    assert preview.wrong.isVisible()

    async def answer(*_, **__):
        return str(tmp_path / "wrong.csv")

    monkeypatch.setattr(token_files.dialogs, "ask_save_path", answer)
    preview.save_button.click()
    await settled(tasks)
    head, row = (tmp_path / "wrong.csv").read_text().splitlines()
    assert (head, row[:9]) == ("row,field,why", '3,uid,"41')
    preview.reject()
    assert shelf.store.count == 3


@pytest.mark.gui
async def test_a_file_that_cannot_be_read_is_told(panel, tasks, tmp_path, told):
    panel.run(panel.files.import_path(tmp_path / "none.csv"), name="import")
    await settled(tasks)
    ((severity, text),) = told
    assert (severity, "cannot read" in text) == ("fail", True)
    workbook = tmp_path / "cards.csv"
    workbook.write_bytes(b"PK\x03\x04rest")
    with pytest.raises(BadInput, match="workbook"):
        await panel.files.import_path(workbook)


@pytest.mark.gui
async def test_an_import_is_called_off_while_it_is_written(panel, shelf, tasks, tmp_path):
    file = tmp_path / "uids.txt"
    file.write_text("04AABBCC\n04AABBDD\n")
    preview = await opened(panel, tasks, file)
    shelf.store.gate = asyncio.Event()
    preview.import_button.click()
    async with asyncio.timeout(5):
        await shelf.store.waiting.wait()
    assert preview.progress.text() == "Writing…"
    preview.cancel_button.click()
    await settled(tasks)
    assert preview.isVisible()
    assert preview.said.text() == "Called off; nothing was imported."
    assert shelf.store.count == 3
    assert not panel.undo_button.isVisible()
    shelf.store.gate = None
    preview.import_button.click()
    await settled(tasks)
    assert shelf.store.count == 5


@pytest.mark.gui
async def test_a_store_that_refuses_an_import_is_told(panel, shelf, tasks, tmp_path, monkeypatch, told):
    async def refuse(batch, *, by="", progress=None):
        raise StoreError("the disk is full", "make room")

    file = tmp_path / "uids.txt"
    file.write_text("04AABBCC\n")
    preview = await opened(panel, tasks, file)
    monkeypatch.setattr(shelf.store, "put_many", refuse)
    preview.import_button.click()
    await settled(tasks)
    assert preview.said.text() == "✖ Nothing was imported: the disk is full; make room"
    assert told == [("fail", "Nothing was imported from uids.txt: the disk is full; make room")]
    preview.reject()


@pytest.mark.gui
async def test_a_store_that_changed_meanwhile_is_compared_again(panel, shelf, tasks, tmp_path):
    file = tmp_path / "uids.txt"
    file.write_text("04AABBCC\n")
    preview = await opened(panel, tasks, file)
    await shelf.store.put(card("04AABBCC", visual_number="theirs"))
    preview.import_button.click()
    await settled(tasks)
    assert preview.said.text().startswith("The store changed meanwhile")
    assert rows(preview)[0][1] == "= unchanged"
    assert shelf.store.get("04AABBCC").visual_number == "theirs"


@pytest.mark.gui
async def test_a_large_file_shows_its_first_rows_and_can_be_called_off(panel, tasks, tmp_path, monkeypatch):
    file = tmp_path / "uids.txt"
    file.write_text("".join(f"04AABB{number:04X}\n" for number in range(5000)))
    monkeypatch.setattr(token_files, "LARGE", 1000)
    go_on = threading.Event()
    plan = import_plan.plan_import

    def slow(*arguments, limit=None, **named):
        if limit is None:
            assert go_on.wait(5)
        return plan(*arguments, limit=limit, **named)

    monkeypatch.setattr(import_plan, "plan_import", slow)
    panel.run(panel.files.import_path(file), name="import")
    preview = None
    async with asyncio.timeout(5):
        while preview is None or preview.model.rowCount() < 100:
            await asyncio.sleep(0)
            preview = next(iter(panel.findChildren(ImportPreview)), None)
    assert preview.said.text() == "Reading the rest of the file…"
    assert not preview.import_button.isEnabled()
    preview.reject()
    go_on.set()
    await settled(tasks)
    assert not panel.files._open


def dragged(path):
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path))])
    return data


def entering(data):
    """WORKAROUND: Qt 6.12 wants the place in fractions and deprecates whole numbers, which are all that 6.11 takes."""
    fine = tuple(map(int, PySide6.__version__.split(".")[:2])) >= (6, 12)
    place = QPointF(5, 5) if fine else QPoint(5, 5)
    return QDragEnterEvent(
        place, Qt.DropAction.CopyAction, data, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    )


@pytest.mark.gui
async def test_a_file_dragged_here_says_where_it_would_go(panel, tasks, tmp_path):
    file = tmp_path / "uids.txt"
    file.write_text("04AABBCC\n")
    place, action, button = QPoint(50, 50), Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton
    data = dragged(file)
    enter = entering(data)
    panel.dragEnterEvent(enter)
    assert enter.isAccepted()
    assert panel.sign.isVisible()
    assert panel.sign.text.text() == "Import tokens from uids.txt"
    panel.dropEvent(QDropEvent(place, action, data, button, Qt.KeyboardModifier.NoModifier))
    assert not panel.sign.isVisible()
    await settled(tasks)
    (preview,) = panel.findChildren(ImportPreview)
    assert preview.said.text() == "✔ 1 token: 1 new."
    preview.reject()
    picture = dragged(tmp_path / "a.png")
    other = entering(picture)
    other.ignore()
    panel.dragEnterEvent(other)
    assert not other.isAccepted()


@pytest.mark.gui
async def test_what_is_dropped_on_the_window_is_taken_where_it_holds_tokens(panel, tasks, tmp_path):
    tokens, rows_, trace = tmp_path / "a.csv", tmp_path / "b.csv", tmp_path / "c.json"
    tokens.write_text("idTag,status\n04AABBCC,Accepted\n")
    rows_.write_text("seq,time,link,dir,channel,kind,name,id,ms,faults,summary\n1,,,,,,,,,,\n")
    trace.write_text('[2,"1","Authorize",{"idTag":"04AABBCC"}]')
    assert panel.take_file(tokens)
    assert not panel.take_file(rows_)
    assert not panel.take_file(trace)
    await settled(tasks)
    (preview,) = panel.findChildren(ImportPreview)
    preview.reject()


@pytest.mark.gui
async def test_a_window_says_where_a_dragged_file_would_go(qapp, themed, shelf, tasks, tmp_path):
    tokens = tmp_path / "cards.csv"
    tokens.write_text("idTag,status\n04AABBCC,Accepted\n")
    window = MainWindow()
    try:
        window.resize(1280, 800)
        window.show()
        window.workspace.attach(shelf, tasks)
        place, action, button = QPoint(5, 5), Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton
        for path, deed in (
            (tokens, "import tokens from cards.csv"),
            (tmp_path / "a.log", "make a capture of a.log"),
            (tmp_path / "a.db", "open the capture a.db"),
        ):
            data = dragged(path)
            window.dragEnterEvent(entering(data))
            assert window.workspace.banner.label.text() == f"Let go to {deed}."
        data = dragged(tokens)
        window.dropEvent(QDropEvent(place, action, data, button, Qt.KeyboardModifier.NoModifier))
        await settled(tasks)
        (preview,) = window.workspace.tokens.findChildren(ImportPreview)
        assert preview.said.text() == "✔ 1 token: 1 new."
        preview.reject()
    finally:
        window.release()
        window.deleteLater()


# Export


@pytest.mark.gui
async def test_export_of_the_search_without_key_codes(panel, shelf, tasks, tmp_path):
    panel.search.setText("tag")
    panel.export_button.click()
    (page,) = panel.findChildren(TokenExportPage)
    assert page.scopes[Scope.ALL].text() == "The whole store · 3 tokens"
    assert page.scopes[Scope.SHOWN].isChecked()
    assert not page.scopes[Scope.SELECTED].isEnabled()
    page.format.setCurrentIndex(2)
    page.file.setText(str(tmp_path / "page.csv"))
    page.order_button.click()
    await settled(tasks)
    assert page.outcome.text() == f"{tmp_path / 'page.csv'}: 2 tokens"
    assert (tmp_path / "page.csv").read_text().splitlines()[1] == "04A2B3C4D5E680,,FLEET,Accepted"
    page.scopes[Scope.ALL].setChecked(True)
    page.format.setCurrentIndex(1)
    assert page.file.text().endswith("page.json")
    page.order_button.click()
    await settled(tasks)
    assert page.outcome.text().endswith("2 tokens, 1 key code left out")
    assert "4711" not in (tmp_path / "page.json").read_text()
    page.file.setText("")
    page.order_button.click()
    await settled(tasks)
    assert page.outcome.text().startswith("no file is named")


# Several at once


@pytest.mark.gui
async def test_several_tokens_get_the_same(qtbot, panel, shelf, tasks):
    panel.table.selectAll()
    panel.edit_button.click()
    from ui.panels.token_bulk import TokenBulkForm

    (form,) = panel.findChildren(TokenBulkForm)
    assert not form.save_button.isEnabled()
    qtbot.keyClicks(form.expiry, "soon")
    assert form.ticks["expiry"].isChecked()
    assert form.verdict.text().startswith("✖ expiry: 'soon', wanted a date")
    form.expiry.clear()
    qtbot.keyClicks(form.expiry, "2030-12-31")
    choose(form.cache, "NEVER")
    assert form.verdict.text() == "✔ 3 of 3 tokens change"
    form.save_button.click()
    await settled(tasks)
    assert {token.cache_mode for token in shelf.store.all()} == {CacheMode.NEVER}
    assert shelf.store.get("04B1C2D3E4F580").effective_status is AuthorizationStatus.BLOCKED, "it was not ticked"
    assert panel.undo_button.text() == "Edited 3 tokens · Undo"
    assert len(panel.selected()) == 3
    texts = [panel.table.model().index(row, Column.EXPIRY).data() for row in range(3)]
    assert all(text.startswith("2030-12-31 · in ") for text in texts)
