"""Readers that type into our window: fast bursts of keys become cards, all other keys go where they always went.

Keys are never held back. Only when so many came so fast that no person can have typed them, those that slipped into a field are
taken out of it again, and the rest of the burst is kept from the window.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from PySide6.QtCore import QEvent, QObject, Qt, QTimer
from PySide6.QtGui import QKeyEvent, QTextCursor, QWindow
from PySide6.QtWidgets import QAbstractSpinBox, QApplication, QComboBox, QLineEdit, QPlainTextEdit, QTextEdit, QWidget
from shiboken6 import isValid

from bench.clock import NS_PER_MS, Stamp, stamp
from bench.keystrokes import BURST_ENDS_NS, BurstDetector, Typing

_ENTER = (Qt.Key.Key_Return, Qt.Key.Key_Enter)
_HELD = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.AltModifier | Qt.KeyboardModifier.MetaModifier
_SHIFTS = (Qt.Key.Key_Shift, Qt.Key.Key_CapsLock)


class WedgeFilter(QObject):
    """Watches the keys of the application from :meth:`start` to :meth:`stop`. typed: told the text of each burst."""

    def __init__(self, app: QApplication, typed: Callable[[str, Stamp], None]) -> None:
        super().__init__(app)
        self._app = app
        self._typed = typed
        self._detector = BurstDetector()
        self._field: _Field | None = None
        self._released: set[int] = set()
        self._ends = QTimer(self)
        self._ends.setSingleShot(True)
        self._ends.setInterval(BURST_ENDS_NS // NS_PER_MS)
        self._ends.timeout.connect(self._pause)

    def start(self) -> None:
        self._app.installEventFilter(self)

    def stop(self) -> None:
        self._app.removeEventFilter(self)
        self._ends.stop()
        self.deleteLater()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        # Each key comes twice: to the window of the system first, then to the widget in it.
        if event.type() is not QEvent.Type.KeyPress or isinstance(watched, QWindow) or not isinstance(event, QKeyEvent):
            return False
        if not isinstance(watched, QWidget) or watched is not (self._app.focusWidget() or watched):
            return False  # on its way up through the parents of a widget that ignored it
        return self._is_card(event)

    def _is_card(self, event: QKeyEvent) -> bool:
        """Whether this key belongs to a card and must go no further."""
        if event.key() in _SHIFTS:
            return False
        # The time of the key itself: keys that waited for a busy window all arrive at once.
        at_ns = event.timestamp() * NS_PER_MS or stamp().mono_ns
        text = event.text()
        if _is_secret(self._app.focusWidget()):
            # A password or a key code that some other program types as fast as a reader: no card, and nobody's to keep.
            self._detector.other()
            typing = Typing.PERSON
        elif event.isAutoRepeat() or event.modifiers() & _HELD:
            self._detector.other()
            typing = Typing.PERSON
        elif event.key() in _ENTER:
            typing = self._detector.enter(at_ns)
        elif len(text) == 1 and text.isprintable():
            before = _Field.of(self._app.focusWidget()) if not self._detector.in_burst else None
            typing = self._detector.key(text, at_ns)
            if typing is Typing.PERSON:
                self._field = before
        else:
            self._detector.other()
            typing = Typing.PERSON
        if typing is Typing.CARD_BEGINS and self._field is not None:
            self._field.restore()
            self._field = None
        self._tell()
        if self._detector.in_burst:
            self._ends.start()
        return typing in (Typing.CARD_BEGINS, Typing.CARD, Typing.CARD_ENDS)

    def _pause(self) -> None:
        self._detector.pause()
        self._tell()

    def _tell(self) -> None:
        for text in self._detector.taken():
            self._ends.stop()
            self._typed(text, stamp())


def _is_secret(widget: QWidget | None) -> bool:
    return isinstance(widget, QLineEdit) and widget.echoMode() is not QLineEdit.EchoMode.Normal


class _Field:
    """A field of text as it was before a burst."""

    def __init__(self, restore: Callable[[], None], widget: QWidget) -> None:
        self._restore = restore
        self._widget = widget

    @classmethod
    def of(cls, widget: QWidget | None) -> _Field | None:
        """The field that has the focus, or None where keys change no text."""
        if isinstance(widget, QComboBox) and not widget.isEditable():
            return cls(partial(widget.setCurrentIndex, widget.currentIndex()), widget)
        # The line of a spin box or a combo box hands its focus to the box around it.
        line = widget.findChild(QLineEdit) if isinstance(widget, QAbstractSpinBox | QComboBox) else widget
        if isinstance(line, QLineEdit) and not line.isReadOnly():
            return cls(_line_state(line), line)
        if isinstance(widget, QPlainTextEdit | QTextEdit) and not widget.isReadOnly():
            return cls(_text_state(widget), widget)
        return None

    def restore(self) -> None:
        if isValid(self._widget):
            self._restore()


def _line_state(field: QLineEdit) -> Callable[[], None]:
    text, cursor = field.text(), field.cursorPosition()
    start, length = field.selectionStart(), len(field.selectedText())

    def restore() -> None:
        field.setText(text)
        field.setCursorPosition(cursor)
        if start >= 0:
            field.setSelection(start, length)

    return restore


def _text_state(field: QPlainTextEdit | QTextEdit) -> Callable[[], None]:
    start, replaced = field.textCursor().selectionStart(), field.textCursor().selectedText()

    def restore() -> None:
        cursor = field.textCursor()
        cursor.setPosition(start, QTextCursor.MoveMode.KeepAnchor)
        cursor.insertText(replaced)
        field.setTextCursor(cursor)

    return restore
