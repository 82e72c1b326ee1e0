"""The Tap panel: what it presents, what it shows of the card and of the verdict."""

from __future__ import annotations

import asyncio

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QInputDialog, QLineEdit, QMenu, QMessageBox

from bench.card import CardRead, Hint, Technology
from bench.errors import BadInput
from bench.exchange import DecidedBy, Severity, TapCard, Verdict
from bench.session import TapRequest
from bench.tokens.model import JosevTokenType
from tests.ui.stub_session import StubSession, make_token
from ui.panels.tap import TapPanel, clean_uid, two_lines, who_decided

ALL = {("exchange", None), ("card", ""), ("finding", None)}


@pytest.fixture
def panel(qtbot, themed) -> TapPanel:
    made = TapPanel()
    qtbot.addWidget(made)
    made.resize(240, 560)
    made.show()
    return made


def presented(session: StubSession) -> list[TapRequest]:
    return [order[1] for order in session.orders if order[0] == "present"]


def click_menu(panel: TapPanel, words: str) -> None:
    menu = panel.findChild(QMenu)
    next(action for action in menu.actions() if action.text().startswith(words)).trigger()


async def dialog_of(panel: TapPanel, kind: type[QDialog]) -> QDialog:
    """The dialog the panel opened, once it is there."""
    async with asyncio.timeout(5):
        while not (found := [d for d in panel.findChildren(kind) if d.isVisible()]):  # noqa: ASYNC110 - Qt tells nobody
            await asyncio.sleep(0.005)
    return found[0]


def test_a_typed_uid_is_cleaned_and_presented(panel, stub, qtbot):
    panel.attach(stub, None)
    qtbot.keyClicks(panel.uid, "04:a2:b3 c4-d5e680")
    with qtbot.waitSignal(panel.exchange_selected) as told:
        qtbot.keyClick(panel.uid, Qt.Key.Key_Return)
    assert told.args == [1]
    assert presented(stub) == [TapRequest("04A2B3C4D5E680", JosevTokenType.ISO14443, None, plugged_in_first=False)]


def test_evse_plug_and_type_go_into_the_request(panel, stub, qtbot):
    panel.attach(stub, None)
    panel.evse.setCurrentText("GB*SEV*E123456789")
    panel.token_type.setCurrentText("ISO15693")
    panel.plugged.setFocus()
    qtbot.keyClick(panel.plugged, Qt.Key.Key_Space)
    panel.uid.setText("E0040150ABCDEF12")
    qtbot.mouseClick(panel.present_button, Qt.MouseButton.LeftButton)
    assert presented(stub) == [
        TapRequest("E0040150ABCDEF12", JosevTokenType.ISO15693, "GB*SEV*E123456789", plugged_in_first=True)
    ]


def test_no_evse_means_it_cannot_be_plugged_in_first(panel, stub):
    panel.attach(stub, None)
    panel.plugged.setChecked(True)
    panel.evse.setCurrentText("none")
    assert not panel.plugged.isEnabled()
    assert not panel.plugged.isChecked()
    panel.evse.setCurrentText("auto")
    assert panel.plugged.isEnabled()


def test_without_a_card_it_says_what_to_do(panel, stub, qtbot):
    panel.attach(stub, None)
    with qtbot.waitSignal(panel.notice) as told:
        qtbot.mouseClick(panel.present_button, Qt.MouseButton.LeftButton)
    assert told.args[0] == "info"
    assert presented(stub) == []


def test_before_the_bench_runs_nothing_breaks(panel, qtbot):
    panel.uid.setText("04A2B3C4")
    with qtbot.waitSignal(panel.notice) as told:
        panel.present()
    assert "not running" in told.args[1]
    with qtbot.waitSignal(panel.notice):
        panel.enrol()


def test_the_last_tap_is_repeated_whatever_it_was(panel, stub, qtbot):
    panel.attach(stub, None)
    click_menu(panel, "Free charging")
    panel.refresh(ALL)
    panel.present()
    assert [tap.token_type for tap in presented(stub)] == [JosevTokenType.NO_AUTHORIZATION] * 2
    stub.tap("04B1C2D3E4F580")
    panel.refresh(ALL)
    panel.present()
    assert presented(stub)[-1].uid == "04B1C2D3E4F580", "a card on the reader is the last tap from then on"


def test_what_the_engine_refuses_is_told(panel, stub, qtbot):
    panel.attach(stub, None)
    stub.refuse = BadInput("a UID of 3 bytes cannot be", "type 4, 7, 8 or 10 bytes")
    panel.uid.setText("0102FF")
    with qtbot.waitSignal(panel.notice) as told:
        panel.present()
    assert told.args == ["fail", "a UID of 3 bytes cannot be; type 4, 7, 8 or 10 bytes"]


def test_the_last_card_is_shown_large_with_its_traps(panel, lively):
    panel.attach(lively, None)
    assert panel.card.uid_label.text() == "04 A2 B3 C4\nD5 E6 80"
    assert panel.card.facts.whole_text() == "ISO14443 · 7 bytes · PN532"
    assert panel.card.store.whole_text() == "store: TAG-7 · M. Okafor"
    assert panel.card.hints.isHidden()
    lively.tap("082F11C7", accepted=False, reason="unknown", label="", hints=(Hint.RANDOM_ID,))
    panel.refresh(ALL)
    assert "random UID" in panel.card.hints.text()
    assert panel.card.store.whole_text() == "store: not enrolled"


def test_a_card_that_was_never_presented_is_shown_too(panel, stub):
    raw = bytes.fromhex("04A2B3C4D5E680")
    stub.last_card = CardRead("pn532:COM3", raw, Technology.ISO14443, raw, stub.clock.stamp())
    panel.attach(stub, None)
    assert panel.card.uid_label.text().startswith("04 A2")


def test_the_token_of_a_remote_start_is_no_card(panel, lively):
    lively.open(TapCard("8562ab54-58cb-44aa-a3da-faec44dd203e", None, "central"), origin="remote_start")
    panel.attach(lively, None)
    assert panel.card.uid_label.text().startswith("04 A2")
    lively.open(TapCard("04B1C2D3E4F580", None, ""), origin="authorize")
    panel.refresh(ALL)
    assert panel.card.facts.whole_text() == "7 bytes · at the charger"


def test_card_and_verdict_tell_one_story(panel, lively):
    panel.attach(lively, None)
    story = (panel.card.uid_label.text(), panel.verdict.word.text(), panel.verdict.facts.text())
    exchange = lively.open(TapCard("8562ab54", None, "central"), origin="remote_start")
    lively.close(exchange, Verdict.REJECTED, DecidedBy.OPERATOR, "remote start")
    panel.refresh(ALL)
    assert (panel.card.uid_label.text(), panel.verdict.word.text(), panel.verdict.facts.text()) == story
    exchange = lively.open(None, token_type="no_authorization")
    lively.close(exchange, Verdict.ACCEPTED, DecidedBy.JOSEV, "free charging")
    panel.refresh(ALL)
    assert panel.card.uid_label.text() == "free charging"
    assert panel.verdict.facts.text().endswith(f"exchange {exchange.id}")
    assert not panel.enrol_button.isEnabled()


async def test_an_enrolled_card_is_shown_so_at_once(panel, stub):
    stub.open(TapCard("04B1C2D3E4F580", None, "ISO14443"))
    panel.attach(stub, None)
    assert panel.card.store.whole_text() == "store: not enrolled"
    await stub.store.put(make_token("04B1C2D3E4F580", visual_number="TAG-9"))
    panel.refresh({("tokens", None)})
    assert panel.card.store.whole_text() == "store: TAG-9"


def test_a_long_value_is_written_smaller(panel, stub):
    panel.attach(stub, None)
    large = panel.card.uid_label.font().pointSizeF()
    stub.open(TapCard("8562ab54-58cb-44aa-a3da-faec44dd203e", None, "local"), token_type="local")
    panel.refresh(ALL)
    assert panel.card.uid_label.font().pointSizeF() < large


def test_a_key_code_is_shown_as_dots(panel, stub):
    stub.open(TapCard("4711", None, "key_code"), token_type="key_code")
    panel.attach(stub, None)
    assert "4711" not in panel.card.uid_label.text() + panel.verdict.by.text() + panel.verdict.accessibleName()


def test_the_verdict_is_a_word_a_sign_and_who_decided(panel, lively):
    panel.attach(lively, None)
    assert panel.verdict.word.text() == "ACCEPTED"
    assert panel.verdict.by.text() == "by the store: TAG-7 · M. Okafor"
    assert panel.verdict.facts.text() == "142 ms · exchange 5"
    lively.open(TapCard("04B1C2D3E4F580", None, "ISO14443"))
    panel.refresh(ALL)
    assert panel.verdict.word.text() == "WAITING"
    exchange = lively.exchanges[6]
    lively.close(exchange, Verdict.DEAUTHORIZED, DecidedBy.NOBODY, "")
    panel.refresh(ALL)
    assert panel.verdict.word.text() == "DEAUTHORIZED"
    assert who_decided(exchange) == "by nobody"


def test_the_latest_findings_stand_below_and_lead_to_their_evidence(panel, lively, qtbot):
    panel.attach(lively, None)
    notes = panel.findings.notes()
    assert [note.finding.rule for note in notes] == ["list.version-stuck", "store.near-miss"]
    with qtbot.waitSignal(panel.message_selected) as told:
        qtbot.mouseClick(notes[0], Qt.MouseButton.LeftButton)
    assert told.args == [notes[0].finding.evidence[0]]
    lively.find("bus.down", Severity.FAIL, "the bus went away")
    panel.refresh(ALL)
    assert panel.findings.notes()[0].finding.rule == "bus.down"


def test_remembers_evse_and_plug_over_a_restart(panel, stub):
    panel.recall({"evse": "GB*SEV*E123456789", "plugged": "yes"})
    panel.attach(stub, None)
    assert panel.evse.currentText() == "GB*SEV*E123456789"
    assert panel.remembered() == {"evse": "GB*SEV*E123456789", "plugged": "yes"}
    panel.recall({"evse": "x" * 500, "plugged": "?"})
    assert panel.plugged.isChecked() is False


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        (" 04:a2 b3-c4 ", "04A2B3C4"),
        ("AA:BB:CC:DD:EE:FF", "AABBCCDDEEFF"),
        ("fleet 7", "fleet 7"),
        ("", ""),
        ("  ", ""),
    ],
)
def test_uids_are_read_as_people_type_them(typed: str, meant: str):
    assert clean_uid(typed) == meant


def test_long_uids_break_after_four_groups():
    assert two_lines("04 A2 B3 C4 D5 E6 80") == "04 A2 B3 C4\nD5 E6 80"


@pytest.mark.gui
async def test_enrol_puts_the_last_card_into_the_store(panel, lively, tasks, qtbot):
    lively.tap("04FFEEDDCCBB80", accepted=False, reason="unknown", label="")
    panel.attach(lively, tasks)
    told: asyncio.Future[tuple[str, str]] = asyncio.get_running_loop().create_future()
    panel.notice.connect(lambda severity, text: told.set_result((severity, text)))
    qtbot.mouseClick(panel.enrol_button, Qt.MouseButton.LeftButton)
    async with asyncio.timeout(5):
        severity, _ = await told
    assert severity == "ok"
    assert lively.store.get("04FFEEDDCCBB80") is not None


@pytest.mark.gui
async def test_a_random_uid_is_enrolled_only_when_meant(panel, stub, tasks, qtbot):
    stub.tap("082F11C7", accepted=False, hints=(Hint.RANDOM_ID,))
    panel.attach(stub, tasks)
    qtbot.mouseClick(panel.enrol_button, Qt.MouseButton.LeftButton)
    box = await dialog_of(panel, QMessageBox)
    qtbot.keyClick(box, Qt.Key.Key_Escape)
    async with asyncio.timeout(5):
        while len(tasks):  # noqa: ASYNC110 - the task ends by itself
            await asyncio.sleep(0.005)
    assert not [order for order in stub.orders if order[0] == "enrol"]


@pytest.mark.gui
async def test_a_key_code_is_typed_unseen(panel, stub, tasks, qtbot):
    panel.attach(stub, tasks)
    click_menu(panel, "Key code")
    dialog = await dialog_of(panel, QInputDialog)
    assert dialog.textEchoMode() == QLineEdit.EchoMode.Password
    dialog.setTextValue("4711")
    selected: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    panel.exchange_selected.connect(selected.set_result)
    dialog.accept()
    async with asyncio.timeout(5):
        await selected
    assert presented(stub) == [TapRequest("4711", JosevTokenType.KEY_CODE)]
