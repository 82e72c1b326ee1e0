"""Keys in the window: a burst becomes a card and leaves no trace, a person's keys go where they always went."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QCoreApplication, QEvent, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QApplication, QComboBox, QLineEdit, QPlainTextEdit, QSpinBox, QVBoxLayout, QWidget

from bench.clock import Stamp
from bench.keystrokes import BURST_ENDS_NS, KEY_GAP_NS
from ui.wedge import WedgeFilter

GAP_MS = 8
SLOW_MS = KEY_GAP_NS // 1_000_000 + 5


class Desk:
    """A window with one of each field, and what the filter took."""

    def __init__(self, qtbot) -> None:
        self.now_ms = 10_000
        self.cards: list[str] = []
        self.entered = 0
        self.window = QWidget()
        qtbot.addWidget(self.window)
        layout = QVBoxLayout(self.window)
        self.line, self.text, self.spin, self.combo = QLineEdit(), QPlainTextEdit(), QSpinBox(), QComboBox()
        self.combo.addItems(["first", "0", "4"])
        self.spin.setRange(0, 999_999_999)
        for field in (self.line, self.text, self.spin, self.combo):
            layout.addWidget(field)
        self.line.returnPressed.connect(self._enter)
        self.window.show()
        qtbot.waitUntil(self.window.isVisible)
        self.filter = WedgeFilter(QApplication.instance(), self._typed)
        self.filter.start()

    def _enter(self) -> None:
        self.entered += 1

    def _typed(self, text: str, at: Stamp) -> None:
        self.cards.append(text)

    def key(self, key: int, text: str, gap_ms: int, *, repeat: bool = False, modifiers=Qt.KeyboardModifier.NoModifier):
        self.now_ms += gap_ms
        for kind in (QEvent.Type.KeyPress, QEvent.Type.KeyRelease):
            event = QKeyEvent(kind, key, modifiers, text, repeat)
            event.setTimestamp(self.now_ms)
            QCoreApplication.sendEvent(QApplication.focusWidget() or self.window, event)

    def type(self, text: str, gap_ms: int = GAP_MS) -> None:
        for char in text:
            self.key(ord(char.upper()), char, gap_ms)

    def enter(self, gap_ms: int = GAP_MS) -> None:
        self.key(Qt.Key.Key_Return, "\r", gap_ms)


@pytest.fixture
def desk(qtbot, themed):
    made = Desk(qtbot)
    yield made
    made.filter.stop()


def focus(desk: Desk, qtbot, field: QWidget) -> None:
    desk.window.activateWindow()
    field.setFocus()
    qtbot.waitUntil(field.hasFocus)


def test_a_burst_is_a_card_and_leaves_no_trace(desk, qtbot):
    focus(desk, qtbot, desk.line)
    desk.line.setText("filter")
    desk.line.setSelection(1, 2)
    desk.type("04A2B3C4D5E680")
    desk.enter()
    assert desk.cards == ["04A2B3C4D5E680"]
    assert (desk.line.text(), desk.line.selectedText(), desk.entered) == ("filter", "il", 0)


def test_what_a_person_types_is_all_theirs(desk, qtbot):
    focus(desk, qtbot, desk.line)
    desk.type("04A2B3C4D5E680", SLOW_MS)
    desk.enter(SLOW_MS)
    assert (desk.cards, desk.line.text(), desk.entered) == ([], "04A2B3C4D5E680", 1)


def test_five_fast_keys_are_no_card(desk, qtbot):
    focus(desk, qtbot, desk.line)
    desk.type("12345", 1)
    desk.enter(1)
    assert (desk.cards, desk.line.text(), desk.entered) == ([], "12345", 1)


def test_what_was_typed_before_the_card_stays(desk, qtbot):
    focus(desk, qtbot, desk.line)
    desk.type("ab", 200)
    desk.now_ms += 300
    desk.type("5237AB3B")
    desk.enter()
    desk.type("c", 400)
    assert (desk.cards, desk.line.text()) == (["5237AB3B"], "abc")


def test_a_held_key_is_no_card(desk, qtbot):
    focus(desk, qtbot, desk.line)
    desk.type("7", 300)
    for _ in range(20):
        desk.key(Qt.Key.Key_7, "7", 30, repeat=True)
    desk.enter(30)
    assert (desk.cards, desk.line.text(), desk.entered) == ([], "7" * 21, 1)


def test_keys_that_waited_for_a_busy_window_are_told_apart_by_their_own_time(desk, qtbot):
    focus(desk, qtbot, desk.line)
    desk.type("1234567890", 90)  # delivered all at once here, typed 90 ms apart
    assert (desk.cards, desk.line.text()) == ([], "1234567890")


def test_shortcuts_are_no_text(desk, qtbot):
    focus(desk, qtbot, desk.line)
    for char in "ABCDEFGH":
        desk.key(ord(char), char.lower(), 5, modifiers=Qt.KeyboardModifier.ControlModifier)
    desk.enter(5)
    assert desk.cards == []


def test_without_enter_a_pause_ends_the_card(desk, qtbot):
    focus(desk, qtbot, desk.line)
    desk.type("0013530444")
    qtbot.waitUntil(lambda: bool(desk.cards), timeout=BURST_ENDS_NS // 1_000_000 * 20)
    assert (desk.cards, desk.line.text()) == (["0013530444"], "")


def test_a_text_a_number_and_a_choice_are_put_back_too(desk, qtbot):
    focus(desk, qtbot, desk.text)
    desk.text.setPlainText("one\ntwo")
    cursor = desk.text.textCursor()
    cursor.setPosition(2)
    cursor.setPosition(5, cursor.MoveMode.KeepAnchor)
    desk.text.setTextCursor(cursor)
    desk.type("04A2B3C4")
    desk.enter()
    assert desk.text.toPlainText() == "one\ntwo"
    desk.spin.setValue(42)
    focus(desk, qtbot, desk.spin)
    desk.now_ms += 1000
    desk.type("0413530444")
    desk.enter()
    assert desk.spin.value() == 42
    focus(desk, qtbot, desk.combo)
    desk.now_ms += 1000
    desk.type("0413530444")
    desk.enter()
    assert desk.combo.currentText() == "first"
    assert desk.cards == ["04A2B3C4", "0413530444", "0413530444"]


def test_a_field_that_went_away_during_the_burst_is_left_alone(desk, qtbot):
    focus(desk, qtbot, desk.line)
    desk.line.textEdited.connect(lambda text: desk.line.setReadOnly(len(text) > 2))
    desk.type("5237AB3B")
    desk.enter()
    assert desk.cards == ["5237AB3B"]


def test_after_stop_a_burst_is_plain_typing(desk, qtbot):
    focus(desk, qtbot, desk.line)
    QApplication.instance().removeEventFilter(desk.filter)
    desk.type("5237AB3B")
    assert (desk.cards, desk.line.text()) == ([], "5237AB3B")


@pytest.mark.parametrize("mode", [QLineEdit.EchoMode.Password, QLineEdit.EchoMode.PasswordEchoOnEdit])
def test_a_secret_field_is_never_read(desk, qtbot, mode):
    desk.line.setEchoMode(mode)
    focus(desk, qtbot, desk.line)
    desk.type("hunter2hunter2", 1)
    desk.enter(1)
    desk.filter._pause()
    assert (desk.cards, desk.line.text(), desk.entered) == ([], "hunter2hunter2", 1)
