"""This card elsewhere: the list of forms, what it copies, and when there is one."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication

from bench.card import Technology
from bench.exchange import TapCard
from ui.panels.uid_forms import BADGE_COLUMN, FITS, UNFIT, ElsewhereButton, UidForms, card_uid
from ui.widgets import BADGE_ROLE

UID = bytes.fromhex("04A2B3C4D5E680")


@pytest.fixture
def button(qtbot, themed) -> ElsewhereButton:
    made = ElsewhereButton()
    qtbot.addWidget(made)
    made.show()
    return made


def forms_of(button: ElsewhereButton) -> UidForms:
    (found,) = button.window().findChildren(UidForms)
    return found


def row_of(forms: UidForms, name: str) -> int:
    return [form.name for form in forms.model.forms].index(name)


@pytest.mark.parametrize(
    ("card", "expected"),
    [
        (None, (b"", Technology.UNKNOWN)),
        (TapCard(UID.hex().upper(), "ISO14443", "ISO14443"), (UID, Technology.ISO14443)),
        (TapCard("E004010012345678", None, "ISO15693"), (bytes.fromhex("E004010012345678"), Technology.ISO15693)),
        (TapCard("3C00CE754C", None, "local"), (bytes.fromhex("3C00CE754C"), Technology.EM4100)),
        (TapCard("3C00CE754C", "odd word", ""), (bytes.fromhex("3C00CE754C"), Technology.EM4100)),
        (TapCard("1234", None, "key_code"), (b"", Technology.UNKNOWN)),
        (TapCard("001122334455", None, "mac_address"), (b"", Technology.UNKNOWN)),
        (TapCard("FRIEND-7", None, "local"), (b"", Technology.UNKNOWN)),
        (TapCard("04A", None, "ISO14443"), (b"", Technology.UNKNOWN)),
    ],
)
def test_which_cards_have_a_uid(card: TapCard | None, expected: tuple[bytes, Technology]) -> None:
    assert card_uid(card) == expected


def test_the_list_opens_copies_and_follows_the_card(button, qtbot):
    assert not button.isEnabled()
    button.show_card(TapCard(UID.hex().upper(), "ISO14443", "ISO14443"))
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    forms = forms_of(button)
    assert forms.isVisible()
    assert not forms.isModal()
    assert forms.title.text().startswith("04 A2 B3 C4 D5 E6 80   ISO14443, 7 bytes")
    forms.table.setCurrentIndex(forms.model.index(row_of(forms, "KEBA"), 0))
    qtbot.mouseClick(forms.copy_button, Qt.MouseButton.LeftButton)
    assert QGuiApplication.clipboard().text() == "0080E6D5C4B3A204"
    assert forms.detail.text() == "Copied 0080E6D5C4B3A204"
    button.show_card(TapCard("5237AB3B", "ISO14443", "ISO14443"))
    forms.copy()
    assert QGuiApplication.clipboard().text() == "000000003BAB3752"
    button.open()
    assert forms_of(button) is forms
    button.show_card(None)
    assert not button.isEnabled()
    forms.close()


def test_what_does_not_fit_says_why_and_what_cannot_be_written_is_not_copied(button):
    button.show_card(TapCard("E004010012345678", "ISO15693", "ISO15693"))
    button.open()
    forms = forms_of(button)
    model = forms.model
    oicp, ocpp = row_of(forms, "OICP"), row_of(forms, "OCPP 2.0.1")
    assert model.index(oicp, BADGE_COLUMN).data(BADGE_ROLE) is UNFIT
    assert model.index(ocpp, BADGE_COLUMN).data(BADGE_ROLE) is FITS
    assert "ISO 15693" in model.index(oicp, 3).data()
    forms.table.setCurrentIndex(model.index(oicp, 0))
    assert forms.detail.text().endswith("OICP 2.3 UIDType: 8, 14 or 20 of 0-9 A-F")
    QGuiApplication.clipboard().setText("before")
    forms.table.setCurrentIndex(model.index(row_of(forms, "EM4100, 10 digits"), 0))
    assert not forms.copy_button.isEnabled()
    forms.copy()
    assert QGuiApplication.clipboard().text() == "before"
    forms.close()
