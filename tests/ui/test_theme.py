"""The two palettes: readable, complete, following the system until the operator chooses."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPalette
from PySide6.QtWidgets import QCheckBox, QLabel, QPushButton, QRadioButton, QVBoxLayout, QWidget

from ui import theme
from ui.widgets import RoleLabel

GROUNDS = ("surface", "panel", "field", "button")


@pytest.mark.parametrize("roles", [theme.LIGHT, theme.DARK], ids=["light", "dark"])
@pytest.mark.parametrize("role", theme.TEXT_ROLES)
def test_words_are_readable_on_every_ground(roles: dict[str, str], role: str):
    for ground in GROUNDS:
        ratio = theme.contrast(QColor(roles[role]), QColor(roles[ground]))
        assert ratio >= 5.4, f"{role} on {ground}: {ratio:.2f}"


@pytest.mark.parametrize("roles", [theme.LIGHT, theme.DARK], ids=["light", "dark"])
def test_words_are_readable_on_badges_selections_and_buttons(roles: dict[str, str]):
    pairs = [(role, f"{role}_bg") for role in ("ok", "fail", "warn", "info")]
    pairs += [("on_accent", "accent"), ("on_accent", "accent_hover"), ("selection_text", "selection")]
    pairs += [(role, "selection") for role in theme.TEXT_ROLES]
    for ink, ground in pairs:
        ratio = theme.contrast(QColor(roles[ink]), QColor(roles[ground]))
        assert ratio >= 5.4, f"{ink} on {ground}: {ratio:.2f}"


def test_contrast_is_that_of_wcag():
    assert theme.contrast(QColor("#000000"), QColor("#ffffff")) == pytest.approx(21.0)
    assert theme.contrast(QColor("#767676"), QColor("#ffffff")) == pytest.approx(4.54, abs=0.01)


def test_both_themes_know_the_same_roles():
    assert theme.LIGHT.keys() == theme.DARK.keys()
    assert all(QColor(value).isValid() for roles in (theme.LIGHT, theme.DARK) for value in roles.values())


def test_the_operators_choice_recolours_everything_at_once(qtbot, themed):
    told = []
    themed.changed.connect(lambda: told.append(themed.dark))
    label = RoleLabel("ACCEPTED", "ok")
    qtbot.addWidget(label)
    assert label.palette().color(QPalette.ColorRole.WindowText) == QColor(theme.LIGHT["ok"])
    themed.choose(theme.Choice.DARK)
    assert told == [True]
    assert theme.color("panel") == QColor(theme.DARK["panel"])
    assert label.palette().color(QPalette.ColorRole.WindowText) == QColor(theme.DARK["ok"])
    themed.choose(theme.Choice.DARK)
    assert told == [True], "the same choice again repaints nothing"


def test_follows_the_system_unless_the_operator_chose(themed, monkeypatch):
    class Hints:
        scheme = Qt.ColorScheme.Dark

        def colorScheme(self) -> Qt.ColorScheme:
            return self.scheme

    hints = Hints()
    monkeypatch.setattr(type(themed._app), "styleHints", lambda app: hints)
    themed.choose(theme.Choice.SYSTEM)
    assert themed.dark
    hints.scheme = Qt.ColorScheme.Light
    themed._system_changed(hints.scheme)
    assert not themed.dark
    themed.choose(theme.Choice.LIGHT)
    hints.scheme = Qt.ColorScheme.Dark
    themed._system_changed(hints.scheme)
    assert not themed.dark


def test_a_page_of_widgets_takes_the_palette(qtbot, themed):
    page = QWidget()
    qtbot.addWidget(page)
    layout = QVBoxLayout(page)
    layout.addWidget(QLabel("words"))
    layout.addWidget(QPushButton("button"))
    page.resize(200, 100)
    for choice, roles in ((theme.Choice.LIGHT, theme.LIGHT), (theme.Choice.DARK, theme.DARK)):
        themed.choose(choice)
        image = page.grab().toImage()
        assert image.pixelColor(2, 2) == QColor(roles["surface"])


def test_a_role_that_does_not_exist_is_our_bug(themed):
    with pytest.raises(KeyError):
        theme.color("pink")


def test_wire_text_is_monospaced(themed):
    metrics = QFontMetricsF(theme.mono_font())
    assert metrics.horizontalAdvance("iiii") == metrics.horizontalAdvance("MMMM")
    assert theme.mono_font(2).pointSizeF() == pytest.approx(theme.BASE_PT + 2)


@pytest.mark.parametrize("choice", [theme.Choice.LIGHT, theme.Choice.DARK])
@pytest.mark.parametrize("kind", [QCheckBox, QRadioButton])
def test_boxes_have_an_outline_that_is_seen(qtbot, themed, choice: theme.Choice, kind: type[QWidget]):
    """WCAG 2.2, 1.4.11: the edge of a control stands out from its ground 3:1."""
    themed.choose(choice)
    themed.style()
    page = QWidget()
    qtbot.addWidget(page)
    box = kind("words", page)
    page.resize(120, 40)
    picture = page.grab().toImage()
    ground = picture.pixelColor(110, 5)
    edge = max((picture.pixelColor(x, box.height() // 2) for x in range(6)), key=lambda c: theme.contrast(c, ground))
    assert theme.contrast(edge, ground) >= 3.0
