"""Findings: the model, the panel and the notes under the verdict."""

from __future__ import annotations

from collections import deque

import pytest
from PySide6.QtCore import QEvent, Qt

from bench.exchange import Finding, Severity
from ui.panels.findings import Column, FindingNote, FindingsCard, FindingsModel, FindingsPanel, evidence_text


def finding(n: int, **changes: object) -> Finding:
    values = {"rule": f"rule.{n}", "severity": Severity.WARN, "text": f"finding {n}", "evidence": (n,)} | changes
    return Finding(**values)


def texts(model: FindingsModel) -> list[str]:
    return [model.data(model.index(row, Column.TEXT)) for row in range(model.rowCount())]


def test_newest_first_one_insert_a_flush(themed, qtmodeltester):
    model = FindingsModel()
    kept: deque[Finding] = deque([finding(1)], maxlen=3)
    model.show(kept)
    inserted = []
    model.rowsInserted.connect(lambda parent, first, last: inserted.append((first, last)))
    kept.extend([finding(2), finding(3)])
    model.show(kept)
    assert inserted == [(0, 1)]
    assert texts(model) == ["finding 3", "finding 2", "finding 1"]
    qtmodeltester.check(model)
    model.show(kept)
    assert inserted == [(0, 1)], "nothing new, nothing done"


def test_the_bound_of_the_session_is_kept(themed):
    model = FindingsModel()
    kept: deque[Finding] = deque([finding(1), finding(2), finding(3)], maxlen=3)
    model.show(kept)
    kept.append(finding(4))
    model.show(kept)
    assert texts(model) == ["finding 4", "finding 3", "finding 2"]


@pytest.fixture
def panel(qtbot, themed) -> FindingsPanel:
    made = FindingsPanel()
    qtbot.addWidget(made)
    made.resize(900, 200)
    made.show()
    return made


def test_picking_one_shows_its_exchange_and_its_evidence(panel, lively, qtbot):
    panel.attach(lively, None)
    panel.table.setFocus()
    evidence = lively.findings[0].evidence[0]
    at = panel.table.visualRect(panel.model.index(1, Column.TEXT)).center()
    exchanges: list[int] = []
    messages: list[int] = []
    panel.exchange_selected.connect(exchanges.append)
    panel.message_selected.connect(messages.append)
    qtbot.mouseClick(panel.table.viewport(), Qt.MouseButton.LeftButton, pos=at)
    assert set(exchanges) == {4}
    assert set(messages) == {evidence}
    messages.clear()
    qtbot.mouseClick(panel.table.viewport(), Qt.MouseButton.LeftButton, pos=at)
    assert set(messages) == {evidence}, "a second click on the same row asks again"


def test_without_any_it_says_what_would_be_here(panel, stub):
    panel.attach(stub, None)
    assert panel._pages.currentIndex() == 0
    stub.find("bus.down", Severity.FAIL, "the bus went away", "plug it in")
    panel.refresh({("finding", None)})
    assert panel._pages.currentIndex() == 1
    assert panel.model.data(panel.model.index(0, Column.SEVERITY)) == "FAULT"


def test_a_note_leads_to_its_evidence_by_keyboard_too(qtbot, themed):
    note = FindingNote(finding(7, evidence=(41, 42), cure="push again"))
    qtbot.addWidget(note)
    with qtbot.waitSignal(note.asked) as told:
        qtbot.keyClick(note, Qt.Key.Key_Return)
    assert told.args == [41]
    assert "WARNING" in note.accessibleName()


def test_a_note_without_evidence_is_no_button(qtbot, themed):
    note = FindingNote(finding(7, evidence=()))
    qtbot.addWidget(note)
    with qtbot.assertNotEmitted(note.asked):
        qtbot.mouseClick(note, Qt.MouseButton.LeftButton)
    assert note.focusPolicy() == Qt.FocusPolicy.NoFocus


def test_the_card_shows_the_latest_few(qtbot, themed):
    card = FindingsCard()
    qtbot.addWidget(card)
    card.show_findings(deque(finding(n) for n in range(10)))
    assert [note.finding.text for note in card.notes()] == ["finding 9", "finding 8", "finding 7", "finding 6"]
    card.show_findings(deque())
    assert card.notes() == []


def test_long_evidence_is_cut():
    assert evidence_text(finding(1, evidence=(1, 2, 3, 4))) == "#1, #2, #3, …"


def test_the_card_goes_on_after_its_first_findings(qtbot, themed, qapp):
    """What was shown before is gone for good by then, as in a running window."""
    card = FindingsCard()
    qtbot.addWidget(card)
    for number in range(3):
        card.show_findings([Finding("bus.down", Severity.FAIL, f"fault {number}")])
        qapp.sendPostedEvents(None, QEvent.Type.DeferredDelete)
        assert [note.finding.text for note in card.notes()] == [f"fault {number}"]
        assert card._empty.isHidden()
    card.show_findings([])
    qapp.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    assert not card._empty.isHidden()


def test_a_low_card_says_how_many_there_are(qtbot, themed):
    card = FindingsCard()
    qtbot.addWidget(card)
    card.resize(220, 34)
    card.show()
    assert card.heading.text() == "Findings: none"
    card.show_findings([finding(1), finding(2)])
    assert card.heading.text() == "Findings: latest 2 under Ctrl+9"
    card.resize(220, 120)
    assert card.heading.text() == "Findings"
    assert len(card.notes()) == 2
