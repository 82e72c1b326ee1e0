"""The history of one token beside the window."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from PySide6.QtCore import Qt

from bench.tokens.model import IdTokenType
from tests.ui.stub_session import make_token
from ui.models.token_changes import Column
from ui.panels.token_history import TokenHistory
from ui.panels.tokens import TokensPanel

pytestmark = [pytest.mark.gui, pytest.mark.qt_log_ignore("This plugin does not support")]


@pytest.fixture
def panel(qtbot, themed, stub, tasks):
    panel = TokensPanel()
    qtbot.addWidget(panel)
    panel.resize(1200, 300)
    panel.attach(stub, tasks)
    panel.show()
    return panel


async def open_history(panel, tasks) -> TokenHistory:
    panel.refresh(set())
    panel.table.selectRow(0)
    panel.menu.history()
    async with asyncio.timeout(5):
        await asyncio.gather(*tasks._tasks, return_exceptions=True)
    [shown] = panel.findChildren(TokenHistory)
    return shown


def texts(shown: TokenHistory, column: Column) -> list[str]:
    model = shown.table.model()
    return [model.index(row, column).data(Qt.ItemDataRole.DisplayRole) for row in range(model.rowCount())]


async def test_who_changed_what(panel, stub, tasks):
    card = await stub.store.put(replace(make_token("04A2B3C4D5E680"), source="enrolled"), by="enrol")
    await stub.store.put(replace(card, valid=False, note="lost\nin town"), by="window")
    await stub.store.put(replace(card, valid=False, note="lost\nin town"), by="sync")
    shown = await open_history(panel, tasks)
    assert not shown.isModal()
    assert texts(shown, Column.WHAT) == ["→ changed", "→ changed", "+ added"]
    assert texts(shown, Column.WHO) == ["sync", "window", "enrol"]
    fields = texts(shown, Column.FIELDS)
    assert fields[0] == "written again, the same"
    assert fields[1] == "valid: true → false; note: – → lost in town"
    assert "uid: 04A2B3C4D5E680" in fields[2]
    assert shown.said.text() == "Written 3 times, newest first. It came from: enrolled."
    systems = [shown.others.itemAtPosition(row, 0).widget().text() for row in range(shown.others.rowCount())]
    assert "MaEVe, OCPP 2.0.1" in systems
    shown.accept()


async def test_a_key_code_is_not_shown(panel, stub, tasks):
    code = await stub.store.put(make_token("4711", id_token_type=IdTokenType.KEY_CODE), by="window")
    await stub.store.put(replace(code, valid=False), by="window")
    shown = await open_history(panel, tasks)
    assert "4711" not in shown.windowTitle()
    assert "4711" not in "".join(texts(shown, Column.FIELDS))
    shown.accept()


async def test_a_token_without_a_record(panel, stub, tasks):
    token = make_token("04A2B3C4D5E680")
    stub.store.tokens[token.key] = token
    stub.store._tell()
    shown = await open_history(panel, tasks)
    assert shown.said.text() == "No change of this token is recorded."
    shown.accept()
