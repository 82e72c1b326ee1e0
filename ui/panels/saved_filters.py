"""Filters kept under their text: a menu to apply one, keep the present one, or let one go."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtWidgets import QMenu, QWidget

MAX_SAVED = 50
SHOWN = 80
"""Characters of a filter in the menu."""


class SavedFilters(QMenu):
    """current: tells the filter in force. apply: puts one in force."""

    def __init__(self, current: Callable[[], str], apply: Callable[[str], None], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.texts: list[str] = []
        self._current = current
        self._apply = apply
        self.aboutToShow.connect(self.fill)

    def fill(self) -> None:
        """Make the entries anew; they follow the filter in force."""
        self.clear()
        now = self._current().strip()
        keep = self.addAction("Keep this filter" if now else "Type a filter to keep it", lambda: self.keep(now))
        keep.setEnabled(bool(now) and now not in self.texts)
        if now in self.texts:
            self.addAction("Let this filter go", lambda: self.texts.remove(now))
        if self.texts:
            self.addSeparator()
        for text in self.texts:
            shown = text if len(text) <= SHOWN else f"{text[: SHOWN - 1]}…"
            self.addAction(shown.replace("&", "&&"), lambda text=text: self._apply(text))

    def keep(self, text: str) -> None:
        """Put a filter on top of the list; the oldest beyond the bound goes."""
        if text:
            self.texts = [text, *(kept for kept in self.texts if kept != text)][:MAX_SAVED]

    def remembered(self) -> str:
        return "\n".join(self.texts)

    def recall(self, text: str) -> None:
        self.texts = [line for line in text.split("\n") if line.strip()][:MAX_SAVED]
