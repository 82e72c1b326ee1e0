"""Payloads kept under names, by OCPP version and action: a menu to take one up, keep the present one, or let one go."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QLineEdit, QMenu, QWidget, QWidgetAction

from ui.panels.schema_form_values import compact, read_json, without_secrets

MAX_PRESETS = 200
MAX_NAME = 60
MAX_SIZE = 20_000
"""Characters of one payload as JSON."""

_Key = tuple[str, str]


class Presets:
    """No secret is kept: an empty text stands for each."""

    def __init__(self) -> None:
        self._kept: dict[_Key, dict[str, Any]] = {}

    def names(self, version: str, action: str) -> list[str]:
        return sorted(self._kept.get((version, action), {}), key=str.casefold)

    def get(self, version: str, action: str, name: str) -> dict[str, Any]:
        """A copy of a payload; an empty one where there is none of that name."""
        copy: dict[str, Any] = json.loads(compact(self._kept.get((version, action), {}).get(name, {})))
        return copy

    def keep(self, version: str, action: str, name: str, payload: dict[str, Any]) -> str:
        """Keep a payload, in place of one of the same name; what to tell the operator of it."""
        name = name.strip()[:MAX_NAME]
        bare, had_secrets = without_secrets(payload)
        if not name or not action:
            return "⚠ a preset needs a name"
        if len(compact(bare)) > MAX_SIZE:
            return f"⚠ too long to be kept: at most {MAX_SIZE:,} characters"
        of_action = self._kept.setdefault((version, action), {})
        if name not in of_action and sum(map(len, self._kept.values())) >= MAX_PRESETS:
            return f"⚠ {MAX_PRESETS} presets are kept already: let one go first"
        of_action[name] = bare
        return f"✔ kept as {name}" + (", without its secrets" if had_secrets else "")

    def let_go(self, version: str, action: str, name: str) -> None:
        self._kept.get((version, action), {}).pop(name, None)

    def remembered(self) -> str:
        return compact([[*key, name, payload] for key, kept in self._kept.items() for name, payload in kept.items()])

    def recall(self, text: str) -> None:
        """Take back what :meth:`remembered` gave; what is spoiled is left out."""
        self._kept = {}
        try:
            entries = read_json(text or "[]")
        except (ValueError, RecursionError):
            return
        for entry in entries if isinstance(entries, list) else ():
            match entry:
                case [str(version), str(action), str(name), dict(payload)]:
                    self.keep(version, action, name, payload)


class PresetMenu(QMenu):
    """offers: what can be started from beside the kept ones, by its words. use: puts a payload in force.

    place: version and action now. current: the payload now, or None while it is none. tell: shows a sentence.
    """

    def __init__(
        self,
        presets: Presets,
        offers: Callable[[], dict[str, dict[str, Any]]],
        place: Callable[[], tuple[str, str]],
        current: Callable[[], dict[str, Any] | None],
        use: Callable[[dict[str, Any]], None],
        tell: Callable[[str], None],
        parent: QWidget,
    ) -> None:
        super().__init__(parent)
        self._presets = presets
        self._offers = offers
        self._place = place
        self._current = current
        self._use = use
        self._tell = tell
        self.name = QLineEdit()
        self.aboutToShow.connect(self.fill)

    def fill(self) -> None:
        """Make the entries anew; they follow the action."""
        self.clear()
        place = self._place()
        for words, payload in self._offers().items():
            self.addAction(words, lambda payload=payload: self._use(payload))
        names = self._presets.names(*place)
        if names:
            self.addSeparator()
        for name in names:
            self.addAction(name.replace("&", "&&"), lambda name=name: self._use(self._presets.get(*place, name)))
        self.addSeparator()
        if self._current() is not None:
            self.name = QLineEdit()
            self.name.setPlaceholderText("name to keep this one under")
            self.name.setAccessibleName("Name of the preset")
            self.name.setMaxLength(MAX_NAME)
            self.name.setMinimumWidth(210)
            self.name.returnPressed.connect(self._keep)
            field = QWidgetAction(self)
            field.setDefaultWidget(self.name)
            self.addAction(field)
        if names:
            gone = self.addMenu("Let go")
            for name in names:
                gone.addAction(name.replace("&", "&&"), lambda name=name: self._presets.let_go(*place, name))

    def _keep(self) -> None:
        payload = self._current()
        if payload is not None:
            self._tell(self._presets.keep(*self._place(), self.name.text(), payload))
        # The menu may not make its entries anew while one of them speaks.
        QTimer.singleShot(0, self, self.close)
