"""The keys of the window, and the card that shows them."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QGridLayout, QPushButton, QVBoxLayout, QWidget

from ui.widgets import RoleLabel

KEYS = (
    ("Ctrl+T", "Present the card: what is typed, else the last tap again"),
    ("Alt+A, Alt+R, Alt+B", "Accept, refuse or block the card that waits for you"),
    ("Ctrl+F", "Filter"),
    ("Ctrl+G, F3, Shift+F3", "Find a message without hiding the others; the next one, the one before"),
    ("Ctrl+B, F2", "Mark the message that is picked; go to the next marked one"),
    ("Ctrl+O", "Open a capture"),
    ("Ctrl+E", "Export messages"),
    ("Space", "Pause the view of messages, never the capture (not while typing)"),
    ("Ctrl+L", "Push the store to the station as its local list"),
    ("Ctrl+1 … Ctrl+0", "Tap, Exchanges, Sequence, Inspector, Messages, Tokens, Station, Findings, Reader, Proxy"),
    ("Up, Down", "In the sequence diagram: the step before, the next one"),
    ("Enter", "Open what is selected"),
    ("Ctrl+M", "Menu"),
    ("F1", "These keys"),
    ("Ctrl+Q", "Quit"),
)

WIDTH = 640


class KeysCard(QDialog):
    """All keys; not modal."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Keys")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(22, 18, 22, 18)
        layout.setSpacing(14)
        layout.addWidget(RoleLabel("Keys", bold=True, delta=3))
        grid = QGridLayout()
        grid.setHorizontalSpacing(20)
        grid.setVerticalSpacing(8)
        grid.setColumnStretch(1, 1)
        for row, (key, what) in enumerate(KEYS):
            grid.addWidget(RoleLabel(key, "in", mono=True), row, 0, Qt.AlignmentFlag.AlignTop)
            grid.addWidget(RoleLabel(what, wrap=True), row, 1)
        layout.addLayout(grid)
        close = QPushButton("Close")
        close.clicked.connect(self.close)
        layout.addWidget(close, 0, Qt.AlignmentFlag.AlignRight)
        self.setMinimumWidth(WIDTH)
        # A grid asks for the height its wrapped words have at their narrowest, not for that at this width.
        layout.activate()
        self.resize(WIDTH, layout.totalHeightForWidth(WIDTH))
