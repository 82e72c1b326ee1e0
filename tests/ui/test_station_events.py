"""Events and identity of a station, as a person reads them."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication

from bench.clock import NS_PER_S
from bench.csms.events import EventKind, StationEvent
from bench.exchange import Severity
from bench.ports import LinkState
from bench.station import Identity, Station
from tests.ui.stub_session import START_UTC_NS
from ui.models.station_events import Column, StationEventsModel
from ui.models.station_facts import copied, facts
from ui.panels.station import StationPanel

pytestmark = pytest.mark.qt_log_ignore("This plugin does not support")


def event(seq: int, kind: EventKind = EventKind.STATUS, severity: Severity = Severity.INFO) -> StationEvent:
    return StationEvent(seq, START_UTC_NS, kind, "Action", f"thing {seq}", "word", "detail", severity)


@pytest.fixture
def panel(qtbot, themed, stub, tasks):
    stub.stations["CP-001"] = Station("CP-001", "2.0.1", boot="Accepted", vendor="Acme", model="One")
    stub.stations["CP-002"] = Station("CP-002", "1.6")
    panel = StationPanel()
    qtbot.addWidget(panel)
    panel.resize(1200, 200)
    panel.attach(stub, tasks)
    panel.show()
    panel.tabs.setCurrentWidget(panel.events)
    panel.refresh(set())
    return panel


def test_the_model_is_a_model(qtmodeltester, themed):
    model = StationEventsModel()
    model.show([event(1), event(2, severity=Severity.FAIL)])
    qtmodeltester.check(model)


def test_rows_only_come_and_go(themed):
    model = StationEventsModel()
    resets = []
    model.modelReset.connect(lambda: resets.append(1))
    all_of_it = [event(seq) for seq in range(10)]
    for start, end in ((0, 4), (0, 6), (2, 8), (2, 8), (5, 10)):
        model.show(all_of_it[start:end])
        assert [model.event_at(row).seq for row in range(model.rowCount())] == list(range(start, end))
    assert resets == []
    model.show([event(1)])
    assert (len(resets), model.rowCount()) == (1, 1)
    model.show([])
    assert model.rowCount() == 0


@pytest.mark.gui
async def test_empty_says_what_would_fill_it(panel, stub):
    assert panel.events.empty.isVisible()
    assert "Security events" in panel.events.empty.text.text()
    stub.stations["CP-001"].events.append(event(1))
    panel.refresh(set())
    assert panel.events.table.isVisible()
    panel.events.kind.setCurrentText("vendor data")
    assert panel.events.empty.title.text() == "No vendor data among 1 events"


@pytest.mark.gui
async def test_an_opened_capture_says_where_they_are(panel, stub):
    stub.link("store", LinkState.OFF)
    panel.refresh(set())
    assert "name:NotifyEvent" in panel.events.empty.text.text()


@pytest.mark.gui
async def test_it_is_filtered_by_kind_and_belongs_to_one_station(panel, stub):
    kept = stub.stations["CP-001"].events
    kept += [event(1), event(2, EventKind.SECURITY, Severity.WARN), event(3)]
    panel.refresh(set())
    events = panel.events
    assert events.count.text() == "3"
    events.kind.setCurrentText("security events")
    assert events.count.text() == "1 of 3"
    assert events.model.index(0, Column.KIND).data() == "⚠ security"
    panel.table.selectRow(1)
    panel.refresh(set())
    assert events.empty.isVisible()
    panel.table.selectRow(0)
    panel.refresh(set())
    assert events.model.rowCount() == 1


@pytest.mark.gui
async def test_enter_and_double_click_open_the_message(qtbot, panel, stub):
    stub.stations["CP-001"].events += [event(41), event(42)]
    panel.refresh(set())
    table = panel.events.table
    opened = []
    panel.message_selected.connect(opened.append)
    spot = table.visualRect(table.model().index(0, Column.WHAT)).center()
    qtbot.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, pos=spot)
    assert opened == [], "a click only selects"
    qtbot.mouseDClick(table.viewport(), Qt.MouseButton.LeftButton, pos=spot)
    qtbot.keyClick(table, Qt.Key.Key_Down)
    qtbot.keyClick(table, Qt.Key.Key_Return)
    assert opened == [41, 42]


@pytest.mark.gui
async def test_the_newest_stays_in_sight_until_one_scrolls_up(qtbot, panel, stub):
    kept = stub.stations["CP-001"].events
    kept += [event(seq) for seq in range(100)]
    panel.refresh(set())
    events, bar = panel.events, panel.events.table.verticalScrollBar()
    qtbot.waitUntil(lambda: bar.maximum() > 0)
    assert bar.value() == bar.maximum()
    assert events.follow_button.isChecked()
    bar.setValue(3)
    assert not events.follow_button.isChecked()
    kept.append(event(100))
    panel.refresh(set())
    assert bar.value() == 3
    events.follow_button.click()
    assert bar.value() == bar.maximum()
    kept.append(event(101))
    panel.refresh(set())
    assert bar.value() == bar.maximum()
    assert events.follow_button.isChecked()


# Identity


def named(station: Station, after_s: int = 0) -> dict[str, tuple[str, str]]:
    return {fact.name: (fact.value, fact.role) for fact in facts(station, START_UTC_NS + after_s * NS_PER_S)}


def test_all_that_16_says_of_itself():
    said = Identity(box_serial_number="BOX", iccid="8944", imsi="262", meter_type="EM1", meter_serial_number="M-7")
    found = named(Station("CP-001", "1.6", boot="Accepted", serial_number="S-1", identity=said))
    expected = {"Box serial number": "BOX", "SIM (ICCID)": "8944", "Subscriber (IMSI)": "262", "Meter": "EM1"}
    assert {name: found[name][0] for name in expected} == expected
    assert found["Meter serial number"] == ("M-7", "")
    assert found["Vendor"] == ("not told", "muted")
    assert "Reason of the boot" not in found


def test_201_has_a_reason_and_no_meter():
    found = named(Station("CP-001", "2.0.1", identity=Identity("Watchdog")))
    assert found["Reason of the boot"] == ("Watchdog", "")
    assert "Meter" not in found
    assert found["Boot"] == ("not yet on this connection", "warn")


@pytest.mark.parametrize(
    ("name", "serial", "told", "role"),
    [
        (None, "S-1", "none shown", "muted"),
        ("CP-001", "S-1", "CP-001: is its id", "ok"),
        ("S-1", "S-1", "S-1: is its serial number", "ok"),
        ("S-1", "", "S-1: is not its id; its BootNotification will tell its serial number", ""),
        ("X-9", "S-1", "X-9: is neither its id nor its serial number S-1", "fail"),
    ],
)
def test_how_it_proved_itself(name, serial, told, role):
    station = Station(
        "CP-001", "2.0.1", serial_number=serial, peer_certificate_cn=name, security_profile=3, tls="TLSv1.3"
    )
    found = named(station)
    assert found["Certificate name"] == (told, role)
    assert found["Security profile"][0] == "3: TLS with certificates on both sides"
    assert found["TLS"][0] == "TLSv1.3"


def test_when_it_was_last_heard_of():
    station = Station("CP-001", "2.0.1", last_heard_utc_ns=START_UTC_NS)
    ages = ((0, "0 s ago"), (59, "59 s ago"), (61, "1 min ago"), (3660, "1 h 1 min ago"))
    for seconds, age in ages:
        assert named(station, seconds)["Last message"][0].endswith(age)
    assert named(station)["Last heartbeat"] == ("none yet", "muted")
    assert named(station)["Connection"] == ("up", "ok")
    station.connected, station.offline_since_utc_ns = False, START_UTC_NS
    value, role = named(station, 5)["Connection"]
    assert value.startswith("off since ")
    assert value.endswith("5 s ago")
    assert role == "warn"


@pytest.mark.gui
async def test_identity_can_be_copied(qtbot, panel, stub):
    stub.stations["CP-001"].serial_number = "SN-0815"
    panel.tabs.setCurrentWidget(panel.facts)
    panel.refresh(set())
    table = panel.facts.table
    rows = {table.topLevelItem(row).text(0): row for row in range(table.topLevelItemCount())}
    table.setCurrentItem(table.topLevelItem(rows["Serial number"]))
    qtbot.keyClick(table, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert QGuiApplication.clipboard().text() == "SN-0815"
    qtbot.mouseClick(panel.facts.copy_button, Qt.MouseButton.LeftButton)
    text = QGuiApplication.clipboard().text()
    assert text == copied(facts(stub.stations["CP-001"], stub.clock.utc_ns))
    assert "Vendor:" in text
    before = table.topLevelItem(0)
    stub.stations["CP-001"].last_heard_utc_ns = stub.clock.utc_ns
    panel.refresh(set())
    assert table.topLevelItem(0) is before, "a selection stays while ages go on"
