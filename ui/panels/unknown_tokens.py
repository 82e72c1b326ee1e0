"""The choice of what becomes of cards that are not in the store."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QWidget

from bench.tokens.decision import UnknownTokens
from ui.widgets import buddy_label

if TYPE_CHECKING:
    from bench.session import Session

CHOICES: dict[UnknownTokens, tuple[str, str]] = {
    UnknownTokens.REFUSE: ("refuse", "answered Unknown; on OCPP 1.6, which has no such word, Invalid"),
    UnknownTokens.INVALID: ("Invalid", "answered Invalid"),
    UnknownTokens.ACCEPT: ("accept", "answered Accepted"),
    UnknownTokens.OPERATOR: ("ask me", "the station waits while the Tap panel asks you"),
    UnknownTokens.FALLBACK: (
        "ask fallback",
        "MaEVe, as the profile names it under [maeve], is asked while the station waits",
    ),
}


class UnknownChoice(QWidget):
    """A box that says and sets it; a change counts from the next card on, and until the bench ends."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session: Session | None = None
        self.box = QComboBox()
        self.box.setAccessibleName("Cards that are not in the store")
        for unknown, (words, meaning) in CHOICES.items():
            self.box.addItem(words, unknown)
            self.box.setItemData(self.box.count() - 1, meaning, Qt.ItemDataRole.ToolTipRole)
        self.box.activated.connect(self._choose)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(5)
        self._label = buddy_label("", self.box)
        self.shorten(False)
        row.addWidget(self._label)
        row.addWidget(self.box)
        self.setEnabled(False)

    def shorten(self, short: bool) -> None:
        """Say what it is in one word, where there is little room."""
        self._label.setText("unknown" if short else "unknown cards")
        self.updateGeometry()  # at once, for whoever measures then

    def show_session(self, session: Session | None) -> None:
        """What holds in a session, whoever set it; None: nobody is answered there."""
        self._session = session
        self.setEnabled(session is not None)
        if session is None or self.box.view().isVisible():
            return
        unknown = session.decisions.unknown
        self.box.setCurrentIndex(list(CHOICES).index(unknown))
        self.box.setToolTip(
            f"Cards that are not in the store: {CHOICES[unknown][1]}.\nThe profile says what a bench begins with."
        )

    def _choose(self, index: int) -> None:
        if self._session is not None:
            self._session.decisions.unknown = list(CHOICES)[index]
            self.show_session(self._session)
