"""The operator is asked about unknown cards: what is shown, answered, kept; and where it is chosen that he is asked."""

from __future__ import annotations

import asyncio

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QPushButton

from bench.exchange import MASK
from bench.ports import LinkState
from bench.tasks import Tasks
from bench.tokens.decision import UnknownTokens
from bench.tokens.model import AuthorizationStatus, IdTokenType
from tests.ui.stub_session import StubSession
from ui.panels.questions import SETTLE_MS, lines
from ui.panels.tap import TapPanel
from ui.panels.tokens import TokensPanel
from ui.panels.unknown_tokens import CHOICES

ASKED = {("question", None)}


@pytest.fixture
def panel(qtbot, themed, stub: StubSession, tasks: Tasks) -> TapPanel:
    made = TapPanel()
    qtbot.addWidget(made)
    made.resize(240, 560)
    made.show()
    made.attach(stub, tasks)
    return made


async def told(stub: StubSession, count: int) -> None:
    async with asyncio.timeout(5):
        while len(stub.asking.told) < count:  # noqa: ASYNC110 - the task behind a click tells nobody
            await asyncio.sleep(0.005)


def button(panel: TapPanel, words: str) -> QPushButton:
    return next(one for one in panel.question.buttons if one.text() == words)


def test_without_a_question_there_is_no_card(panel: TapPanel) -> None:
    assert panel.question.isHidden()
    assert not panel.verdict.isHidden()


def test_a_question_takes_the_place_of_the_verdict(panel: TapPanel, stub: StubSession) -> None:
    stub.tap("04B1C2D3E4F580")
    panel.refresh({("exchange", None)})
    height = panel.minimumSizeHint().height()
    stub.asking.refer("w", "04A2B3C4D5E6F7", evse=2)
    stub.clock.advance(3200)
    panel.refresh(ASKED)
    card = panel.question
    assert (card.isVisible(), panel.verdict.isVisible()) == (True, False)
    assert card.token.text() == "04 A2 B3 C4 D5 E6 F7"
    assert card.facts.whole_text() == "CP-1 · EVSE 2 · ISO14443"
    assert card.left.text() == "17 s"
    assert card.accessibleName() == "Question: may 04A2B3C4D5E6F7 charge at CP-1?"
    assert all(one.accessibleName() for one in (*card.buttons, card.remember, card.left))
    assert panel.minimumSizeHint().height() <= height + 2, "the window must not grow for it"
    assert not card.hasFocus()


def test_question_and_verdict_are_never_there_at_once(panel: TapPanel, stub: StubSession, monkeypatch) -> None:
    stub.tap("04B1C2D3E4F580")
    panel.refresh({("exchange", None)})
    beside = []
    shown = panel.question.setVisible
    monkeypatch.setattr(panel.question, "setVisible", lambda on: (shown(on), beside.append(panel.verdict.isVisible())))
    stub.asking.refer("w", "04A2B3C4D5E6F7")
    panel.refresh(ASKED)
    assert panel.question.isVisible()
    stub.asking.timers[-1].ring()
    panel.refresh(ASKED)
    assert (panel.question.isVisible(), panel.verdict.isVisible()) == (False, True)
    assert beside == [False, False]


def test_what_looks_like_html_is_shown_as_it_is(panel: TapPanel, stub: StubSession) -> None:
    stub.asking.refer("w", "<b>04A2</b>")
    panel.refresh(ASKED)
    token = panel.question.token
    assert token.textFormat() == Qt.TextFormat.PlainText
    assert "<b>" not in token.toolTip()
    assert "&lt;b&gt;04A2" in token.toolTip()


@pytest.mark.parametrize(
    ("words", "key", "status"),
    [
        ("Accept", Qt.Key.Key_A, AuthorizationStatus.ACCEPTED),
        ("Refuse", Qt.Key.Key_R, AuthorizationStatus.INVALID),
        ("Block", Qt.Key.Key_B, AuthorizationStatus.BLOCKED),
    ],
)
@pytest.mark.parametrize("by", ["click", "space", "key"])
async def test_it_is_answered(
    panel, stub, qtbot, words: str, key: Qt.Key, status: AuthorizationStatus, by: str
) -> None:
    stub.asking.refer("w")
    panel.refresh(ASKED)
    wanted = button(panel, words)
    if by == "click":
        qtbot.mouseClick(wanted, Qt.MouseButton.LeftButton)
    elif by == "space":
        wanted.setFocus()
        qtbot.keyClick(wanted, Qt.Key.Key_Space)
    else:
        with qtbot.waitActive(panel):
            panel.activateWindow()
        with qtbot.waitSignal(panel.question.answered):
            qtbot.keyClick(panel, key, Qt.KeyboardModifier.AltModifier)
    await told(stub, 1)
    ((_, decision),) = stub.asking.told
    assert (decision.status, decision.decided_by) == (status, "operator")
    panel.refresh(ASKED)
    assert (panel.question.isHidden(), panel.verdict.isVisible()) == (True, True)
    assert stub.asking.kept == []


async def test_it_is_remembered_only_where_asked_for(panel, stub, qtbot) -> None:
    stub.asking.refer("w", "04AA")
    stub.asking.refer("w", "04BB")
    panel.refresh(ASKED)
    panel.question.remember.click()
    button(panel, "Block").click()
    await told(stub, 1)
    assert [(token.uid, token.effective_status) for token in stub.asking.kept] == [("04AA", "Blocked")]
    panel.refresh(ASKED)
    assert not panel.question.remember.isChecked()


async def test_several_wait_in_their_order(panel, stub, qtbot) -> None:
    for value in ("04AA", "04BB", "04CC"):
        stub.asking.refer(value, value)
    panel.refresh(ASKED)
    assert panel.question.ask.whole_text() == "May it charge? 1 of 3"
    button(panel, "Accept").click()
    await told(stub, 1)
    panel.refresh(ASKED)
    assert panel.question.token.text() == "04 BB"
    accept = button(panel, "Accept")
    accept.click()
    assert len(stub.asking.told) == 1, "a click that was aimed at the question before"
    qtbot.waitUntil(accept.isEnabled, timeout=SETTLE_MS * 10)
    accept.click()
    await told(stub, 2)
    assert [name for name, _ in stub.asking.told] == ["04AA", "04BB"]


async def test_an_answer_that_comes_too_late_is_told(panel, stub, qtbot) -> None:
    stub.asking.refer("w")
    panel.refresh(ASKED)
    stub.asking.timers[0].ring()
    with qtbot.waitSignal(panel.notice) as notice:
        button(panel, "Accept").click()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    assert notice.args[0] == "fail"
    assert "no question 1 is open" in notice.args[1]


def test_key_codes_are_masked(panel: TapPanel, stub: StubSession) -> None:
    stub.asking.refer("w", "4711", kind=IdTokenType.KEY_CODE)
    panel.refresh(ASKED)
    assert panel.question.token.text() == MASK
    assert not any("4711" in label.text() + label.accessibleName() for label in panel.findChildren(QLabel))


def test_what_the_store_never_keeps_cannot_be_remembered(panel: TapPanel, stub: StubSession) -> None:
    stub.asking.refer("w", "ABC", kind=IdTokenType.CENTRAL)
    panel.refresh(ASKED)
    assert not panel.question.remember.isEnabled()


def test_long_tokens_do_not_widen_the_panel(panel: TapPanel, stub: StubSession) -> None:
    width = panel.minimumSizeHint().width()
    stub.asking.refer("w", "X" * 255, station="S" * 48)
    panel.refresh(ASKED)
    assert panel.minimumSizeHint().width() == width
    assert lines("X" * 255) == f"{'X' * 20}\n{'X' * 19}…"
    assert lines("X" * 23) == f"{'X' * 20}\nXXX"


# Where it is chosen


@pytest.fixture
def tokens(qtbot, themed, lively: StubSession, tasks: Tasks) -> TokensPanel:
    made = TokensPanel()
    qtbot.addWidget(made)
    made.resize(900, 300)
    made.show()
    made.attach(lively, tasks)
    return made


@pytest.mark.parametrize("unknown", UnknownTokens)
def test_the_choice_counts_at_once(tokens, lively, qtbot, unknown: UnknownTokens) -> None:
    box = tokens.unknown.box
    assert box.currentText() == "refuse"
    box.setCurrentIndex(box.findData(unknown))
    box.activated.emit(box.currentIndex())
    assert lively.decisions.unknown is unknown
    assert CHOICES[unknown][1] in box.toolTip()


def test_what_was_chosen_elsewhere_shows(tokens, lively) -> None:
    lively.decisions.unknown = UnknownTokens.OPERATOR
    tokens.refresh(set())
    assert tokens.unknown.box.currentText() == "ask me"


def test_a_capture_answers_nobody(tokens, lively) -> None:
    lively.link("store", LinkState.OFF)
    tokens.refresh(set())
    assert not tokens.unknown.isEnabled()
