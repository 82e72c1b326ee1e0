"""The line that offers to push a list again; it never pushes by itself."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QWidget

from ui.widgets import Card, ElidedLabel, GlyphLabel, order_button


class OfferLine(Card):
    """Hidden while nothing is offered; an offer that was declined stays away until it says something else.

    Signals:
        accepted: the list should be reconciled.
    """

    accepted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(role="warn_bg", margin=4, parent=parent)
        self._station = ""
        self._declined: dict[str, str] = {}
        self.setAccessibleName("Offer to push again")
        self.text = ElidedLabel()  # of one line: a low dock must not grow for it
        self.accept_button = order_button("Reconcile", self.accepted.emit)
        self.decline_button = order_button("Not now", self._decline)
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(GlyphLabel("warning", "warn", 15))
        row.addWidget(self.text, 1)
        row.addWidget(self.accept_button)
        row.addWidget(self.decline_button)
        self.body.addLayout(row)
        self.hide()

    def forget(self) -> None:
        """What was declined may be offered again."""
        self._declined.clear()

    def offer(self, station: str, text: str, *, ready: bool) -> None:
        """Offer that, or nothing where the text is empty. ready: the station can be asked now."""
        self._station = station
        self.text.set_text(text)
        self.accept_button.setEnabled(ready)
        self.setVisible(bool(text) and self._declined.get(station) != text)

    def _decline(self) -> None:
        self._declined[self._station] = self.text.whole_text()
        self.hide()
