"""Sync with MaEVe in the window: the difference shown, applied, cancelled; errors said in the dialog itself."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from PySide6.QtWidgets import QWidget

from bench.clock import SystemClock
from bench.journal.log import Journal
from bench.maeve_desk import MaeveDesk, key_codes_of
from bench.settings import MaeveSettings
from bench.tokens.model import IdTokenType
from bench.tokens.store import TokenStore
from bench.tokens.sync import Conflict, Direction
from devices.maeve import connector
from fixtures.http_peer import Trouble
from fixtures.maeve import SimulatedMaeve
from tests.maeve_world import token_here
from ui.models.maeve_sync import SyncModel
from ui.panels.maeve_sync import DIRECTIONS, RULES, SyncDialog
from ui.panels.tokens import TokensPanel

pytestmark = [pytest.mark.gui]


@pytest_asyncio.fixture
async def maeve() -> AsyncIterator[SimulatedMaeve]:
    async with SimulatedMaeve() as started:
        started.put(uid="THERE")
        started.put(uid="DIFF", issuer="Other")
        started.put(uid="SAME")
        yield started


@pytest_asyncio.fixture
async def store() -> AsyncIterator[TokenStore]:
    async with TokenStore("sqlite://") as opened:
        await opened.put_many([token_here("HERE"), token_here("DIFF", note="mine"), token_here("SAME")])
        await opened.put(token_here("481516", id_token_type=IdTokenType.KEY_CODE))
        yield opened


@pytest.fixture
def desk(maeve, store):
    connect = connector(Journal(), SystemClock(), lambda status: None, key_codes_of(store), lambda name: None)
    return MaeveDesk(store, connect, MaeveSettings(url=maeve.url))


@pytest.fixture
def dialog(qtbot, themed, desk, tasks):
    made = SyncDialog(desk, tasks)
    qtbot.addWidget(made)
    made.show()
    return made


async def settled(tasks):
    async with asyncio.timeout(10):
        await asyncio.gather(*tasks._tasks, return_exceptions=True)
    await asyncio.sleep(0)


def rows(dialog):
    model = dialog.model
    return [[model.index(row, column).data() for column in range(5)] for row in range(model.rowCount())]


def choose(box, value):
    options = DIRECTIONS if isinstance(value, Direction) else RULES
    box.setCurrentIndex([option for _, option in options].index(value))


def rule_of(dialog):
    return RULES[dialog.rule.currentIndex()][1]


async def test_the_difference_is_shown_before_anything_is_written(dialog, tasks, maeve, store):
    assert dialog.url.text() == maeve.url
    assert not dialog.apply_button.isEnabled()
    dialog.compare_button.click()
    assert not dialog.compare_button.isEnabled()
    assert dialog.cancel_button.isVisible()
    await settled(tasks)
    contract = "valid · GBTWK012345678V · Thoughtworks"
    assert [row[:4] for row in rows(dialog)] == [
        ["DIFF", "different", "issuer Thoughtworks", "issuer Other"],
        ["HERE", "only here", contract, "—"],
        ["THERE", "only there", "—", contract],
    ]
    assert dialog.said.text() == "1 equal · 1 only here · 1 only there · 1 different · 1 key code left aside"
    assert not dialog.cancel_button.isVisible()
    dialog.table.selectRow(0)
    assert "MaEVe cannot keep: note mine" in dialog.detail.text()
    dialog.equal.setChecked(True)
    assert len(rows(dialog)) == 4
    assert not any(request.method == "POST" for request in maeve.requests)
    assert store.count == 4


async def test_direction_and_rule_plan_anew(dialog, tasks):
    dialog.compare()
    await settled(tasks)
    choose(dialog.direction, Direction.PUSH)
    assert rule_of(dialog) is Conflict.OURS
    assert [row[4] for row in rows(dialog)] == [
        "→ push",
        "→ push",
        "leave: not in the store; the API of MaEVe cannot delete a token",
    ]
    assert dialog.apply_button.text() == "Push 2"
    choose(dialog.rule, Conflict.THEIRS)
    assert dialog.apply_button.text() == "Push 1"
    choose(dialog.direction, Direction.PULL)
    assert dialog.apply_button.text() == "Pull 2"
    choose(dialog.direction, Direction.BOTH)
    assert rule_of(dialog) is Conflict.NEWER


async def test_apply_does_it_and_says_what_came_of_each(dialog, tasks, maeve, store):
    pulled = []
    dialog.pulled.connect(pulled.extend)
    choose(dialog.direction, Direction.BOTH)
    choose(dialog.rule, Conflict.THEIRS)
    dialog.compare()
    await settled(tasks)
    assert dialog.apply_button.text() == "Push 1 and pull 2"
    maeve.fail(Trouble.SERVER_ERROR, concerns=lambda request: request.method == "POST")
    dialog.apply_button.click()
    await settled(tasks)
    assert [row[4] for row in rows(dialog)] == [
        "✔ done",
        "✖ refused: Internal Server Error: store: no space",
        "✔ done",
    ]
    assert dialog.said.text() == "✖ 2 done, 1 refused"
    assert {now.uid for _, now in pulled} == {"DIFF", "THERE"}
    assert not dialog.apply_button.isEnabled()
    assert store.count == 5


async def test_errors_are_said_in_the_dialog(dialog, tasks, maeve):
    await maeve.stop()
    dialog.compare()
    await settled(tasks)
    assert "cannot be reached" in dialog.said.text()
    dialog.url.setText("nonsense")
    dialog.compare()
    await settled(tasks)
    assert dialog.said.text().startswith("✖ the URL of MaEVe is none of http://")


async def test_reading_can_be_cancelled_and_closing_waits_for_its_end(dialog, tasks, maeve):
    maeve.fail(Trouble.SLOW)
    dialog.compare()
    await maeve.held.wait()
    dialog.cancel_button.click()
    await settled(tasks)
    assert dialog.said.text() == "Cancelled; nothing was written."
    maeve.release()
    maeve.fail(Trouble.SLOW)
    dialog.compare()
    await maeve.held.wait()
    dialog.close()
    assert dialog.isVisible()
    await settled(tasks)
    assert not dialog.isVisible()


async def test_closing_before_the_reading_began_closes_too(dialog, tasks):
    dialog.compare()
    dialog.close()
    await settled(tasks)
    assert not dialog.isVisible()


async def test_writing_ends_after_the_token_under_way(dialog, tasks, maeve, store):
    choose(dialog.direction, Direction.PUSH)
    dialog.compare()
    await settled(tasks)
    maeve.fail(Trouble.SLOW, concerns=lambda request: request.method == "POST")
    dialog.apply()
    await maeve.held.wait()
    dialog.close()
    assert dialog.isVisible()
    assert dialog.said.text() == "Ending after the token under way…"
    maeve.release()
    await settled(tasks)
    assert not dialog.isVisible()
    assert maeve.state.tokens["DIFF"]["issuer"] == "Thoughtworks"
    assert "HERE" not in maeve.state.tokens


async def test_another_url_makes_what_was_compared_stale(dialog, tasks):
    dialog.compare()
    await settled(tasks)
    assert rows(dialog)
    dialog.url.setText(dialog.url.text() + "x")
    assert rows(dialog) == []
    assert not dialog.apply_button.isEnabled()


def test_the_model_is_a_model(qtmodeltester, themed):
    qtmodeltester.check(SyncModel())


async def test_the_panel_offers_it_and_can_take_it_back(qtbot, themed, stub, tasks, desk, maeve):
    stub.maeve_desk = desk
    stub.store = desk._store
    panel = TokensPanel()
    qtbot.addWidget(panel)
    panel.attach(stub, tasks)
    panel.show()
    assert panel.sync_button.isVisible()
    panel.sync_button.click()
    (dialog,) = panel.findChildren(SyncDialog)
    choose(dialog.direction, Direction.PULL)
    dialog.compare()
    await settled(tasks)
    dialog.apply()
    await settled(tasks)
    assert desk._store.get("THERE") is not None
    dialog.close()
    panel.undo()
    await settled(tasks)
    assert desk._store.get("THERE") is None
    assert desk._store.get("DIFF").issuer == "Thoughtworks"


async def test_the_dialog_is_no_larger_than_its_window(qtbot, themed, desk, tasks):
    window = QWidget()
    qtbot.addWidget(window)
    window.resize(1000, 700)
    assert SyncDialog(desk, tasks, window).width() == 1000
    window.resize(600, 300)
    small = SyncDialog(desk, tasks, window)
    assert (small.width(), small.height()) == (960, 560)
