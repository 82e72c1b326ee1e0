"""Files of tokens that are dragged here."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QMimeData, Qt
from PySide6.QtWidgets import QFrame, QVBoxLayout, QWidget

from ui.widgets import RoleLabel

ENDINGS = (".csv", ".json", ".txt", ".tsv")


def token_file(data: QMimeData) -> Path | None:
    """The one file of this computer that is being dragged and may hold tokens, by its name."""
    urls = data.urls()
    path = urls[0].toLocalFile() if len(urls) == 1 and urls[0].isLocalFile() else ""
    return Path(path) if path.lower().endswith(ENDINGS) else None


def holds_tokens(path: Path) -> bool:
    """Whether the beginning of a file says that tokens are in it."""
    from bench.errors import BadInput
    from bench.tokens.token_file import Reading, TokenFile

    if not path.name.lower().endswith(ENDINGS):
        return False
    try:
        with TokenFile(path, Reading()) as file:
            return bool(file.columns) and file.named and next(file.rows(), None) is not None
    except BadInput:
        return False


class DropSign(QFrame):
    """Lies over a panel while a file hangs over it, and says what letting go would do."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("drop-sign")
        self.setAutoFillBackground(True)
        self.setFrameShape(QFrame.Shape.StyledPanel)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.text = RoleLabel("", bold=True, delta=2)
        self.text.setAlignment(Qt.AlignmentFlag.AlignCenter)
        QVBoxLayout(self).addWidget(self.text)
        self.hide()

    def tell(self, text: str) -> None:
        """Show it over the whole parent."""
        parent = self.parentWidget()
        self.text.setText(text)
        self.setGeometry(parent.rect().adjusted(6, 6, -6, -6))
        self.show()
        self.raise_()
