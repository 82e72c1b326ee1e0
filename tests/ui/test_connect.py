"""The connect page: the URL to type, where it can be reached, and the QR code."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QGuiApplication

from tests.ui.stub_session import StubEndpoint
from ui.panels.connect import Address, ConnectPage, QrCode, local_addresses

LAN = Address("10.0.0.12", "eth0", loopback=False)
LOOPBACK = Address("127.0.0.1", "lo", loopback=True)


@pytest.fixture
def page(qtbot, themed) -> ConnectPage:
    made = ConnectPage(addresses=[LAN, LOOPBACK])
    qtbot.addWidget(made)
    return made


def test_the_url_is_the_one_to_type(page, stub, qtbot):
    stub.server = StubEndpoint("ws://0.0.0.0:9100")
    page.show_session(stub)
    assert page.url_label.text() == "ws://10.0.0.12:9100/CP-001"
    page.station.clear()
    qtbot.keyClicks(page.station, "DEPOT-7")
    assert page.url_label.text() == "ws://10.0.0.12:9100/DEPOT-7"
    assert page.qr.accessibleName().endswith("ws://10.0.0.12:9100/DEPOT-7")


def test_open_to_the_network_it_offers_nothing_to_open(page, stub):
    stub.server = StubEndpoint("ws://0.0.0.0:9000")
    page.show_session(stub)
    assert page.listen_button.isHidden()


def test_bound_to_loopback_it_says_so_and_opens_on_demand(page, stub, qtbot):
    page.show_session(stub)
    assert "this computer only" in page.note.text()
    assert page.listen_button.text() == "Listen on 10.0.0.12:9000"
    with qtbot.waitSignal(page.listen_requested) as told:
        qtbot.mouseClick(page.listen_button, Qt.MouseButton.LeftButton)
    assert told.args == ["10.0.0.12:9000"]


def test_the_loopback_address_is_fit_for_programs_here_only(page, stub):
    page.show_session(stub)
    page.address.setCurrentIndex(1)
    assert page.url == "ws://127.0.0.1:9000/CP-001"
    assert page.listen_button.isHidden()
    assert "programs on this computer" in page.note.text()


def test_bound_to_one_address_the_others_are_not_reached(page, stub):
    stub.server = StubEndpoint("wss://192.168.7.2:9443")
    page.show_session(stub)
    assert page.url.startswith("wss://10.0.0.12:9443/")
    assert page.listen_button.isVisibleTo(page)
    assert "192.168.7.2" in page.note.text()


def test_the_url_is_copied(page, stub, qtbot):
    page.show_session(stub)
    qtbot.mouseClick(page.copy_button, Qt.MouseButton.LeftButton)
    assert QGuiApplication.clipboard().text() == page.url


def test_opens_without_a_session_and_without_blocking(page, qtbot):
    page.show_session(None)
    page.open()
    assert page.isVisible()
    page.reject()
    assert not page.isVisible()


def test_what_the_operator_typed_stays_when_the_session_changes(page, stub, qtbot):
    page.show_session(stub)
    page.station.clear()
    qtbot.keyClicks(page.station, "MINE")
    page.show_session(stub)
    assert page.station.text() == "MINE"


def test_the_qr_code_is_dark_on_light_with_its_quiet_zone(qtbot, themed):
    themed.choose("dark")
    code = QrCode()
    qtbot.addWidget(code)
    code.set_text("ws://10.0.0.12:9000/CP-001")
    code.resize(code.sizeHint())
    image = code.grab().toImage()
    modules = len(code._modules)
    side = image.width() // (modules + 8)
    start = (image.width() - side * modules) // 2
    assert image.pixelColor(start + side // 2, start + side // 2) == QColor("black"), "the finder's corner"
    assert image.pixelColor(start - side, image.height() // 2) == QColor("white")
    assert start >= 4 * side


def test_this_computer_has_addresses_the_reachable_first(qapp):
    found = local_addresses()
    assert any(address.loopback for address in found)
    assert [address.loopback for address in found] == sorted(address.loopback for address in found)
