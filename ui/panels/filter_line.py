"""The line a filter is typed into: applied while typing, completed, and told what is wrong under it."""

from __future__ import annotations

from PySide6.QtCore import QStringListModel, Qt, QTimer, Signal
from PySide6.QtWidgets import QCompleter, QLineEdit, QVBoxLayout, QWidget

from bench.journal.filter import MAX_LENGTH, Filter, FilterError, complete, parse
from ui import theme
from ui.widgets import RoleLabel

APPLY_AFTER_MS = 120
HELP = (
    "Words are searched everywhere. link:ocpp dir:in kind:CALL name:Authorize channel:CP-001 exchange:42 id:… ms>500\n"
    "status!=Accepted seq>100 after:12:03 before:… data.status=accepted malformed injected fault\n"
    ': equal with * and commas, = equal, != not, ~ contains, > < >= <=; and, or, not, ( ), "quotes"'
)


class FilterLine(QWidget):
    """A line for the filter language. A filter that cannot be read leaves the last good one in force.

    Signals:
        applied: a Filter, or None for all messages.
    """

    applied = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.filter: Filter | None = None
        self.line = QLineEdit()
        self.line.setFont(theme.mono_font())
        self.line.setMaxLength(MAX_LENGTH)
        self.line.setClearButtonEnabled(True)
        self.line.setPlaceholderText("filter: link:ocpp name:Authorize status!=Accepted")
        self.line.setAccessibleName("Filter of the messages")
        self.line.setToolTip(HELP)
        self.error = RoleLabel("", "fail", delta=-0.5, wrap=True)
        self.error.setAccessibleName("What is wrong with the filter")
        self.error.hide()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        layout.addWidget(self.line)
        layout.addWidget(self.error)
        self._words = QStringListModel(self)
        self.completer = QCompleter(self._words, self)
        self.completer.setCompletionMode(QCompleter.CompletionMode.UnfilteredPopupCompletion)
        self.completer.setWidget(self.line)
        self.completer.popup().setFont(theme.mono_font())
        self.completer.activated.connect(self._take)
        self._later = QTimer(self)
        self._later.setSingleShot(True)
        self._later.setInterval(APPLY_AFTER_MS)
        self._later.timeout.connect(self.apply)
        self.line.textChanged.connect(lambda text: self._later.start())
        self.line.textEdited.connect(lambda text: self._offer())
        self.line.returnPressed.connect(self.apply)
        self.setFocusProxy(self.line)
        self.setSizePolicy(self.sizePolicy().horizontalPolicy(), self.line.sizePolicy().verticalPolicy())

    @property
    def text(self) -> str:
        return self.line.text()

    def set_text(self, text: str) -> None:
        """Replace the filter and apply it at once."""
        self.line.setText(text)
        self.apply()

    def clear(self) -> None:
        self.set_text("")

    def apply(self) -> None:
        """Read what is typed; tell the filter, or what is wrong and where."""
        self._later.stop()
        text = self.line.text()
        try:
            wanted = parse(text) if text.strip() else None
        except FilterError as error:
            # The rows below it stay as they were: whoever reads them should know.
            self._wrong(f"{_place(text, error.position)}: {error.text} · not applied yet")
            return
        self._wrong("")
        if (wanted.text if wanted else None) != (self.filter.text if self.filter else None):
            self.filter = wanted
            self.applied.emit(wanted)

    def _wrong(self, text: str) -> None:
        self.error.setText(text)
        self.error.setVisible(bool(text))
        if bool(self.line.property("wrong")) != bool(text):
            self.line.setProperty("wrong", bool(text))
            self.line.style().unpolish(self.line)
            self.line.style().polish(self.line)
        if self.completer.popup().isVisible():
            self._offer()  # elsewhere: the candidates must not lie over what is wrong

    def _offer(self) -> None:
        words = complete(self.line.text(), self.line.cursorPosition())
        self._words.setStringList(words)
        if words and self.line.hasFocus():
            popup = self.completer.popup()
            width = popup.sizeHintForColumn(0) + popup.verticalScrollBar().sizeHint().width() + 24
            rect = self.line.cursorRect()
            rect.setWidth(width)
            if self.error.text():
                rect.setBottom(self.line.height() + 2 + self.error.heightForWidth(self.line.width()))
            self.completer.complete(rect)
        else:
            self.completer.popup().hide()

    def _take(self, word: str) -> None:
        """Put a candidate in place of the word before the cursor."""
        text, cursor = self.line.text(), self.line.cursorPosition()
        start = cursor
        while start > 0 and text[start - 1] not in " \t()":
            start -= 1
        self.line.setText(text[:start] + word + text[cursor:])
        self.line.setCursorPosition(start + len(word))
        self.line.setFocus(Qt.FocusReason.OtherFocusReason)


def _place(text: str, position: int) -> str:
    """Where, as a person counts, with a few characters of what stands there."""
    near = text[position : position + 12].split(" ")[0]
    return f"character {position + 1}, at “{near}”" if near else f"character {position + 1}"
