"""Colours and fonts: two own palettes under Fusion, following the system unless the operator chose.

Colours are roles, looked up when something is painted, so that a change of theme needs no restart. The few rules that a
palette cannot say (flat buttons, underlined tabs) are one style sheet made from the same roles.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from pathlib import Path

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QBrush, QColor, QFont, QFontDatabase, QPalette
from PySide6.QtWidgets import QApplication

ICONS = Path(__file__).with_name("icons")

LIGHT: dict[str, str] = {
    "surface": "#f5f5f5",
    "panel": "#ffffff",
    "field": "#ffffff",
    "button": "#f5f5f6",
    "button_hover": "#ebebee",
    "button_down": "#dedee3",
    "border": "#d8d8dd",
    "border_strong": "#7c7c86",
    "rule": "#e6e6ea",
    "text": "#1b1b1f",
    "muted": "#5a5e69",
    "disabled": "#767a85",
    "accent": "#0060a8",
    "accent_hover": "#004f8c",
    "on_accent": "#ffffff",
    "selection": "#ebf3fc",
    "selection_text": "#1b1b1f",
    "in": "#0060a8",
    "out": "#a34700",
    "ok": "#00694e",
    "fail": "#b3261e",
    "warn": "#7a5b00",
    "info": "#5b4b8a",
    "ok_bg": "#e2f3ec",
    "fail_bg": "#fdeae8",
    "warn_bg": "#fff3d6",
    "info_bg": "#efebf8",
}

DARK: dict[str, str] = {
    "surface": "#1e1e1e",
    "panel": "#292929",
    "field": "#1e1e1e",
    "button": "#323234",
    "button_hover": "#3c3c3f",
    "button_down": "#232325",
    "border": "#414144",
    "border_strong": "#85858d",
    "rule": "#38383b",
    "text": "#f1f1f3",
    "muted": "#aeb0b8",
    "disabled": "#8b8d95",
    "accent": "#6cb8f0",
    "accent_hover": "#8ac8f5",
    "on_accent": "#10202d",
    "selection": "#1b344e",
    "selection_text": "#f6f6f8",
    "in": "#6cb8f0",
    "out": "#f0a868",
    "ok": "#4fcfa3",
    "fail": "#ff8a80",
    "warn": "#e6c84b",
    "info": "#c3b3f0",
    "ok_bg": "#17382e",
    "fail_bg": "#452321",
    "warn_bg": "#3c3314",
    "info_bg": "#332d47",
}

TEXT_ROLES = ("text", "muted", "in", "out", "ok", "fail", "warn", "info")
"""Roles that carry words: at least 5.4:1 on surface and panel (WCAG 2.2, 1.4.3 asks 4.5)."""

UI_FAMILIES = [
    "Inter",
    "Segoe UI Variable Text",
    "Segoe UI",
    "SF Pro Text",
    "Noto Sans",
    "Ubuntu",
    "Cantarell",
    "Liberation Sans",
    "DejaVu Sans Condensed",
    "DejaVu Sans",
]
MONO_FAMILIES = [
    "JetBrains Mono",
    "Cascadia Mono",
    "SF Mono",
    "Consolas",
    "Noto Sans Mono",
    "Liberation Mono",
    "DejaVu Sans Mono",
    "Monospace",
]
BASE_PT = 9.75


class Choice(StrEnum):
    """What the operator asked for."""

    SYSTEM = "system"
    LIGHT = "light"
    DARK = "dark"


class Theme(QObject):
    """The look of the whole application. One instance, :data:`current`.

    Signals:
        changed: the colours are others now; repaint what was painted with :meth:`color`.
    """

    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.choice = Choice.SYSTEM
        self._roles = LIGHT
        self._colors = {name: QColor(value) for name, value in LIGHT.items()}
        self._app: QApplication | None = None
        self._styled = False

    @property
    def dark(self) -> bool:
        return self._roles is DARK

    def color(self, role: str) -> QColor:
        """The colour of a role now. KeyError for a role that does not exist."""
        return self._colors[role]

    def install(self, app: QApplication, choice: Choice = Choice.SYSTEM) -> None:
        """Give the application our fonts and palette, and follow the system from now on."""
        if self._app is None:
            app.styleHints().colorSchemeChanged.connect(self._system_changed)
        self._app = app
        if app.style().name().lower() != "fusion":
            app.setStyle("Fusion")
        app.setFont(ui_font())
        self.choice = choice
        self._apply(force=True)

    def style(self) -> None:
        """Give the application its style sheet; the window's outline is painted without."""
        if self._app is not None and not self._styled:
            self._styled = True
            self._app.setStyleSheet(make_style_sheet(self._roles))
            self._apply()  # what the desktop says, where the outline went by its palette

    def choose(self, choice: Choice) -> None:
        """Take the operator's choice; System follows the desktop."""
        self.choice = choice
        self._apply()

    def _system_changed(self, scheme: object) -> None:
        if self.choice is Choice.SYSTEM:
            self._apply()

    def _wanted(self) -> dict[str, str]:
        if self.choice is not Choice.SYSTEM:
            return DARK if self.choice is Choice.DARK else LIGHT
        assert self._app is not None
        if not self._styled:
            # Before the first paint: colorScheme() makes every enum of the namespace Qt, which costs 35 ms.
            return DARK if self._app.palette().window().color().lightness() < 128 else LIGHT
        return DARK if self._app.styleHints().colorScheme().name == "Dark" else LIGHT

    def _apply(self, *, force: bool = False) -> None:
        roles = self._wanted()
        if self._app is None or (roles is self._roles and not force):
            return
        self._roles = roles
        self._colors = {name: QColor(value) for name, value in roles.items()}
        self._app.setPalette(make_palette(roles))
        if self._styled:
            self._app.setStyleSheet(make_style_sheet(roles))
        self.changed.emit()


current = Theme()


def color(role: str) -> QColor:
    """The colour of a role, as the theme is now."""
    return current.color(role)


def brush(role: str) -> QBrush:
    return QBrush(current.color(role))


def contrast(one: QColor, other: QColor) -> float:
    """WCAG 2.2 contrast ratio of two opaque colours, 1 to 21."""
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(shown: QColor) -> float:
    parts = (shown.redF(), shown.greenF(), shown.blueF())
    r, g, b = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * r + 0.7152 * g + 0.0722 * b


def on_change(repaint: Callable[[], None]) -> None:
    """Call a bound method of a QObject whenever the colours change; ends with that object."""
    current.changed.connect(repaint)


def ui_font(delta: float = 0.0, *, bold: bool = False) -> QFont:
    """The font of words; delta in points."""
    return _font(UI_FAMILIES, QFontDatabase.SystemFont.GeneralFont, delta, bold)


def mono_font(delta: float = 0.0, *, bold: bool = False) -> QFont:
    """The font of everything that came over a wire."""
    font = _font(MONO_FAMILIES, QFontDatabase.SystemFont.FixedFont, delta, bold)
    font.setStyleHint(QFont.StyleHint.Monospace)
    font.setFixedPitch(True)
    return font


_families: dict[str, list[str]] = {}


def _font(wanted: list[str], fallback: QFontDatabase.SystemFont, delta: float, bold: bool) -> QFont:
    families = _families.get(wanted[0])
    if families is None:
        present = set(QFontDatabase.families())
        families = [name for name in wanted if name in present] or [QFontDatabase.systemFont(fallback).family()]
        _families[wanted[0]] = families
    font = QFont(families)
    font.setPointSizeF(BASE_PT + delta)
    if bold:
        font.setWeight(QFont.Weight.DemiBold if "Inter" in families[:1] else QFont.Weight.Bold)
    return font


def make_palette(roles: dict[str, str]) -> QPalette:
    """A full palette of one theme."""
    role = QPalette.ColorRole
    table = {
        role.Window: "surface",
        role.WindowText: "text",
        role.Base: "panel",
        role.AlternateBase: "surface",
        role.ToolTipBase: "panel",
        role.ToolTipText: "text",
        role.PlaceholderText: "muted",
        role.Text: "text",
        role.Button: "button",
        role.ButtonText: "text",
        role.BrightText: "fail",
        role.Light: "panel",
        role.Midlight: "rule",
        role.Mid: "border",
        role.Dark: "border_strong",
        role.Shadow: "border_strong",
        role.Highlight: "selection",
        role.HighlightedText: "selection_text",
        role.Accent: "accent",
        role.Link: "in",
        role.LinkVisited: "info",
    }
    palette = QPalette()
    for group in (QPalette.ColorGroup.Active, QPalette.ColorGroup.Inactive, QPalette.ColorGroup.Disabled):
        for key, name in table.items():
            palette.setColor(group, key, QColor(roles[name]))
    for key in (role.WindowText, role.Text, role.ButtonText):
        palette.setColor(QPalette.ColorGroup.Disabled, key, QColor(roles["disabled"]))
    return palette


def make_style_sheet(roles: dict[str, str]) -> str:
    """The rules a palette cannot say, in the colours of one theme."""
    shade = "dark" if roles is DARK else "light"
    icons = {name: (ICONS / f"{name}-{shade}.svg").as_posix() for name in ("chevron", "check")}
    return _SHEET % (roles | icons)


# No rule touches item views but their header: styled cells would slow every live table.
_SHEET = """
QToolTip { color: %(text)s; background: %(panel)s; border: 1px solid %(border_strong)s; padding: 4px 6px; }
QPushButton, QToolButton[button="true"] {
  background: %(button)s; border: 1px solid %(border)s; border-radius: 5px; padding: 5px 9px; min-height: 16px; }
QPushButton:hover, QToolButton[button="true"]:hover { background: %(button_hover)s; }
QPushButton:pressed, QPushButton:checked, QToolButton[button="true"]:pressed, QToolButton[button="true"]:checked {
  background: %(button_down)s; }
QPushButton:focus, QToolButton[button="true"]:focus { border: 1px solid %(accent)s; }
QPushButton:disabled { color: %(disabled)s; }
QPushButton::menu-indicator, QToolButton::menu-indicator { image: url("%(chevron)s"); width: 9px; height: 9px;
  subcontrol-position: right center; subcontrol-origin: padding; right: 8px; }
QPushButton[primary="true"] { background: %(accent)s; color: %(on_accent)s; border: 1px solid %(accent)s; font-weight: bold; }
QPushButton[primary="true"]:hover { background: %(accent_hover)s; }
QPushButton[primary="true"]:focus { border: 1px solid %(text)s; }
QPushButton[primary="true"]:disabled { background: %(button)s; color: %(disabled)s; border: 1px solid %(border)s; }
QPushButton[flat="true"] { background: transparent; border: 1px solid transparent; padding: 3px 6px; color: %(muted)s; }
QPushButton[flat="true"]:hover { background: %(button_hover)s; color: %(text)s; }
QPushButton[flat="true"]:focus { border: 1px solid %(accent)s; }
QPushButton[flat="true"]:checked { color: %(accent)s; }
QLineEdit, QPlainTextEdit, QTextEdit, QSpinBox, QDoubleSpinBox, QDateTimeEdit {
  background: %(field)s; border: 1px solid %(border)s; border-radius: 5px; padding: 3px 7px;
  selection-background-color: %(accent)s; selection-color: %(on_accent)s; }
QPlainTextEdit[bare="true"], QTextEdit[bare="true"], QTextBrowser[bare="true"] { background: %(panel)s; border: none; padding: 0; }
QLineEdit:focus, QPlainTextEdit:focus, QTextEdit:focus, QSpinBox:focus { border: 1px solid %(accent)s; }
QLineEdit[wrong="true"], QPlainTextEdit[wrong="true"] { border: 1px solid %(fail)s; }
QLineEdit:disabled { color: %(disabled)s; }
QComboBox { background: %(button)s; border: 1px solid %(border)s; border-radius: 5px; padding: 3px 4px 3px 7px; min-height: 18px; }
QComboBox:hover { background: %(button_hover)s; }
QComboBox:focus { border: 1px solid %(accent)s; }
QComboBox:disabled { color: %(disabled)s; }
QComboBox::drop-down { border: none; width: 16px; }
QComboBox::down-arrow { image: url("%(chevron)s"); width: 9px; height: 9px; }
QComboBox QAbstractItemView { background: %(panel)s; border: 1px solid %(border)s; selection-background-color: %(selection)s;
  selection-color: %(selection_text)s; outline: none; }
QCheckBox::indicator, QRadioButton::indicator { width: 12px; height: 12px; background: %(field)s;
  border: 1px solid %(border_strong)s; }
QCheckBox::indicator { border-radius: 3px; }
QRadioButton::indicator { border-radius: 7px; }
QCheckBox::indicator:hover, QRadioButton::indicator:hover, QCheckBox::indicator:focus, QRadioButton::indicator:focus {
  border: 1px solid %(accent)s; }
QCheckBox::indicator:checked { background: %(accent)s; border: 1px solid %(accent)s; image: url("%(check)s"); }
QRadioButton::indicator:checked { border: 1px solid %(accent)s; background: qradialgradient(cx: 0.5, cy: 0.5, radius: 0.5,
  fx: 0.5, fy: 0.5, stop: 0 %(accent)s, stop: 0.5 %(accent)s, stop: 0.6 %(field)s, stop: 1 %(field)s); }
QCheckBox::indicator:disabled, QRadioButton::indicator:disabled { background: %(surface)s; border: 1px solid %(border)s; }
QCheckBox::indicator:checked:disabled { background: %(disabled)s; }
QTabBar { qproperty-drawBase: 0; background: transparent; }
QTabBar::tab { background: transparent; color: %(muted)s; border: none; border-bottom: 2px solid transparent;
  padding: 7px 12px 6px 12px; margin: 0 2px; }
QTabBar::tab:selected { color: %(text)s; border-bottom: 2px solid %(accent)s; }
QTabBar::tab:hover { color: %(text)s; }
QTabBar::tab:focus { color: %(accent)s; }
QTabWidget::pane { border: none; border-top: 1px solid %(rule)s; }
QTableView, QTreeView, QListView { background: %(panel)s; border: none; outline: none; gridline-color: %(rule)s;
  selection-background-color: %(selection)s; selection-color: %(selection_text)s; }
QHeaderView { background: %(panel)s; border: none; }
QHeaderView::section { background: %(panel)s; color: %(muted)s; border: none; border-bottom: 1px solid %(rule)s; padding: 4px 8px; }
QScrollBar:vertical { background: transparent; width: 11px; margin: 0; }
QScrollBar:horizontal { background: transparent; height: 11px; margin: 0; }
QScrollBar::handle { background: %(border)s; border-radius: 3px; margin: 2px; min-height: 28px; min-width: 28px; }
QScrollBar::handle:hover { background: %(border_strong)s; }
QScrollBar::add-line, QScrollBar::sub-line { width: 0; height: 0; }
QScrollBar::add-page, QScrollBar::sub-page { background: transparent; }
QAbstractScrollArea::corner { background: transparent; border: none; }
QScrollArea { background: transparent; border: none; }
QMenu { background: %(panel)s; border: 1px solid %(border)s; padding: 4px; }
QMenu::item { padding: 5px 24px 5px 22px; border-radius: 4px; }
QMenu::item:selected { background: %(selection)s; color: %(selection_text)s; }
QMenu::item:disabled { color: %(disabled)s; }
QMenu::separator { height: 1px; background: %(rule)s; margin: 4px 6px; }
QMainWindow::separator { background: transparent; width: 8px; height: 8px; }
QMainWindow::separator:hover { background: %(rule)s; }
QSplitter::handle { background: transparent; }
QProgressBar { background: %(button)s; border: 1px solid %(border)s; border-radius: 4px; text-align: center; }
QProgressBar::chunk { background: %(accent)s; border-radius: 3px; }
QStatusBar { background: %(surface)s; color: %(muted)s; }
QStatusBar::item { border: none; }
"""
