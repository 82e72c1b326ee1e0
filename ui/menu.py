"""The menu behind the button of the strip, and the keys of the window."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtGui import QAction, QActionGroup, QKeySequence
from PySide6.QtWidgets import QMainWindow, QMenu, QPushButton

from ui import theme
from ui.keys import panel_key
from ui.widgets import mark
from ui.workspace import Workspace


class WindowMenu:
    """Builds the actions. Each is in the menu and, with its key, on the window.

    choose_theme, reset_layout, quit_: what the window itself does.
    """

    def __init__(
        self,
        window: QMainWindow,
        workspace: Workspace,
        choose_theme: Callable[[theme.Choice], None],
        reset_layout: Callable[[], None],
        quit_: Callable[[], object],
    ) -> None:
        self._window = window
        self.menu = QMenu(window)
        self.button = mark(QPushButton("☰"), "flat")
        self.button.setAccessibleName("Menu")
        self.button.setToolTip("Menu (Ctrl+M)")
        self.button.clicked.connect(self.open)
        workspace.strip.ends.addWidget(self.button)
        self._action("Demo", "", workspace.demo_requested.emit)
        self._action("Connect a charger…", "", workspace.connect_charger)
        self._action("Open a capture…", "Ctrl+O", lambda: workspace.capture_requested.emit(""))
        self.menu.addSeparator()
        self._action("Export…", "Ctrl+E", workspace.transfers.export)
        self._action("Export rows…", "", lambda: workspace.transfers.export(rows=True))
        self._action("Import…", "", workspace.transfers.import_file)
        self._action("Compare captures…", "", workspace.comparisons.show_captures)
        self.menu.addSeparator()
        self._add_panels(workspace)
        self.themes = self._add_themes(choose_theme)
        self._action("Reset layout", "", reset_layout)
        self.menu.addSeparator()
        self._action("Present card", "Ctrl+T", workspace.tap.present)
        self._action("Filter", "Ctrl+F", workspace.focus_filter)
        self._action("Find…", "Ctrl+G", lambda: workspace.messages.find(anew=True))
        self._action("Find next", "F3", workspace.messages.find)
        self._action("Find previous", "Shift+F3", lambda: workspace.messages.find(forwards=False))
        self._action("Mark message", "Ctrl+B", workspace.messages.toggle_bookmark)
        self._action("Next marked message", "F2", workspace.messages.next_note)
        self._action("Push local list", "Ctrl+L", workspace.push_list)
        self._action("Make certificates…", "", workspace.show_certificates)
        self.menu.addSeparator()
        self._action("Keys", "F1", workspace.show_keys)
        self._action("Quit", "Ctrl+Q", quit_)
        opener = QAction("Menu", window)
        opener.setShortcut(QKeySequence("Ctrl+M"))
        opener.triggered.connect(self.open)
        window.addAction(opener)

    def open(self) -> None:
        """Drop the menu; never blocks."""
        self.menu.popup(self.button.mapToGlobal(self.button.rect().bottomLeft()))

    def _add_panels(self, workspace: Workspace) -> None:
        panels = self.menu.addMenu("Panels")
        for number, panel in enumerate(workspace.panels[:-1], 1):
            self._action(panel.title, panel_key(number), lambda panel=panel: workspace.show_panel(panel), panels)
        panels.addSeparator()
        for dock in workspace.docks.values():
            toggle = dock.toggleViewAction()
            toggle.setText(f"Show {dock.panel.title}")
            panels.addAction(toggle)

    def _add_themes(self, choose_theme: Callable[[theme.Choice], None]) -> dict[theme.Choice, QAction]:
        menu = self.menu.addMenu("Theme")
        group = QActionGroup(self._window)
        actions = {}
        for choice in theme.Choice:
            action = menu.addAction(choice.value.capitalize())
            action.setCheckable(True)
            action.triggered.connect(lambda _=False, choice=choice: choose_theme(choice))
            group.addAction(action)
            actions[choice] = action
        actions[theme.current.choice].setChecked(True)
        return actions

    def _action(self, text: str, keys: str, slot: Callable[[], object], menu: QMenu | None = None) -> None:
        action = QAction(text, self._window)
        if keys:
            action.setShortcut(QKeySequence(keys))
        action.triggered.connect(lambda _=False: slot())
        (menu or self.menu).addAction(action)
        self._window.addAction(action)
