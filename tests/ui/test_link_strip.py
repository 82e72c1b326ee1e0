"""The link strip: a chip a link, in a shape and a word."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QImage, QPainter

from bench.ports import LinkState
from ui.glyphs import DOTS, GLYPHS, paint_dot, paint_glyph
from ui.panels.link_strip import LinkStrip, chip_texts, link_title

DENIED = "cannot open /dev/ttyUSB0: your user is not in group dialout"
CURE = "run: sudo usermod -aG dialout $USER, then log in again"


@pytest.fixture
def strip(qtbot, themed) -> LinkStrip:
    made = LinkStrip()
    qtbot.addWidget(made)
    made.resize(1260, 42)
    made.show()
    return made


def test_each_link_has_its_chip(lively):
    shown = {text.key: (text.name, str(text.state), text.detail) for text in chip_texts(lively)}
    assert shown == {
        "reader:pn532:/dev/ttyUSB0": ("Reader", "up", "PN532 · ttyUSB0"),
        "josev": ("Josev bus", "up", "10.0.0.7:1883"),
        "ocpp": ("OCPP", "up", "CP-001 · 2.0.1"),
        "store": ("Tokens", "up", "128 valid"),
        "list": ("Local list", "off", "v7 · unknown"),
    }


def test_before_anything_is_up_the_words_say_so(stub):
    shown = {text.key: text.detail for text in chip_texts(stub)}
    assert shown["reader"] == "none"
    assert shown["josev"] == "off"
    stub.link("josev", LinkState.CONNECTING, "mqtt://10.0.0.7:1883")
    stub.link("ocpp", LinkState.UP, "ws://127.0.0.1:9000")
    shown = {text.key: text.detail for text in chip_texts(stub)}
    assert shown["josev"] == "connecting"
    assert shown["ocpp"] == "no station yet"


def test_capture_and_api_show_up_only_when_they_are_wrong(lively):
    lively.link("capture", LinkState.FAULTY, "disk full", "make room")
    lively.link("api", LinkState.UP, "http://127.0.0.1:9410")
    keys = [text.key for text in chip_texts(lively)]
    assert "capture" in keys
    assert "api" not in keys


def test_what_is_wrong_is_said_with_its_cure(strip, lively, qtbot):
    strip.attach(lively, None)
    lively.link("reader:pn532:/dev/ttyUSB0", LinkState.FAULTY, DENIED, CURE)
    with qtbot.waitSignal(strip.notice) as told:
        strip.refresh({("link", "reader:pn532:/dev/ttyUSB0")})
    severity, text = told.args
    assert severity == "fail"
    assert DENIED in text
    assert CURE.removeprefix("run") in text, "as a sentence of its own"
    chip = strip.chips()["reader:pn532:/dev/ttyUSB0"]
    assert CURE in chip.toolTip()
    assert "Faulty" in chip.accessibleName()
    with qtbot.assertNotEmitted(strip.notice):
        strip.refresh({("link", "reader:pn532:/dev/ttyUSB0")})


def test_a_fault_that_went_and_came_back_is_told_again(strip, lively, qtbot):
    strip.attach(lively, None)
    for _ in range(2):
        with qtbot.waitSignal(strip.notice):
            lively.link("josev", LinkState.FAULTY, "refused", "check the address")
            strip.refresh({("link", "josev")})
        lively.link("josev", LinkState.UP, "mqtt://10.0.0.7:1883")
        strip.refresh({("link", "josev")})


def test_chips_keep_their_widgets_while_texts_change(strip, lively):
    strip.attach(lively, None)
    before = strip.chips()
    lively.stations["CP-001"].list_version = 8
    strip.refresh({("station", "CP-001")})
    assert strip.chips() == before
    assert strip.chips()["list"].text_shown.detail == "v8 · unknown"


def test_chips_are_reached_by_mouse_and_keyboard(strip, lively, qtbot):
    strip.attach(lively, None)
    with qtbot.waitSignal(strip.picked) as told:
        qtbot.mouseClick(strip.chips()["ocpp"], Qt.MouseButton.LeftButton)
    assert told.args == ["ocpp"]
    with qtbot.waitSignal(strip.picked) as told:
        qtbot.keyClick(strip.chips()["store"], Qt.Key.Key_Space)
    assert told.args == ["store"]


def test_all_chips_fit_into_a_small_window_even_when_something_is_wrong(strip, lively):
    lively.link("josev", LinkState.FAULTY, "x" * 300, "y" * 300)
    lively.link("capture", LinkState.FAULTY, "disk full on /home", "make room")
    strip.attach(lively, None)
    strip.resize(1260, 42)
    assert strip.minimumSizeHint().width() <= 1260


def test_the_profile_and_the_recording_are_named(strip, lively):
    strip.attach(lively, None)
    assert strip.profile.text() == "default  ● rec"


def test_link_names_are_words():
    assert [link_title(n) for n in ("reader:pn532:/dev/x", "josev", "everest")] == ["Reader", "Josev bus", "Everest"]


def drawn(paint: object) -> bytes:
    image = QImage(20, 20, QImage.Format.Format_Grayscale8)
    image.fill(QColor("white"))
    painter = QPainter(image)
    paint(painter)
    painter.end()
    return bytes(image.constBits())


def test_states_differ_in_shape_not_only_in_colour(qapp):
    ink = QColor("black")
    shapes = {drawn(lambda p, s=state: paint_dot(p, QRectF(0, 0, 20, 20), s, ink)) for state in DOTS}
    assert len(shapes) == len(DOTS)


def test_every_sign_is_drawn_and_unlike_the_others(qapp):
    ink = QColor("black")
    signs = {drawn(lambda p, n=name: paint_glyph(p, QRectF(0, 0, 20, 20), n, ink)) for name in GLYPHS}
    assert len(signs) == len(GLYPHS)
