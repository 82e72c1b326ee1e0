from __future__ import annotations

import asyncio
import os

import pytest

from bench.journal.capture import Capture
from bench.maeve.model import CertificateUse, StationAuth, Trigger, WantedCertificate
from bench.ocpi.model import Status
from bench.session import Session
from bench.settings import BusSettings, Profile
from bench.tokens.store import TokenStore
from tests.devices.api.certificates import a_certificate
from tests.devices.api.memory_records import FakeBoard, RegistryBook
from ui.panels.registered import TITLE
from ui.panels.station import StationPanel

# What the offscreen platform says of every window that is shown.
pytestmark = pytest.mark.qt_log_ignore("This plugin does not support")


def rows(item) -> list[str]:
    return [item.text(at) for at in range(4)]


def tab_titles(panel):
    return [panel.tabs.tabText(at) for at in range(panel.tabs.count())]


@pytest.fixture
def panel(qtbot, themed, stub, tasks):
    stub.registry = RegistryBook(FakeBoard()).registry
    panel = StationPanel()
    qtbot.addWidget(panel)
    panel.resize(1200, 330)
    panel.attach(stub, tasks)
    panel.show()
    return panel


@pytest.mark.gui
async def test_what_is_registered_and_what_waits_is_shown(panel, stub):
    assert TITLE not in tab_titles(panel)
    assert panel.empty.isVisible()
    desk = stub.registry.stations
    await desk.register("CP-7", StationAuth(1))
    await desk.reconfigure("CP-7", {"AuthorizationKey": "secret", "HeartbeatInterval": "60"})
    await desk.install("CP-7", [WantedCertificate(CertificateUse.CSMS, a_certificate("Root"))])
    await desk.trigger("CP-7", Trigger.STATUS_NOTIFICATION)
    await stub.registry.ocpi.register("token-a", None, Status.PENDING)
    panel.refresh(set())
    assert tab_titles(panel)[-1] == TITLE
    assert not panel.empty.isVisible()
    tab = panel.registered
    panel.tabs.setCurrentWidget(tab)
    assert tab.summary.text() == ("1 station · 4 waiting · 1 OCPI party · 0 client certificates · 0 locations")
    station, party = (tab.tree.topLevelItem(at) for at in range(2))
    assert rows(station) == ["CP-7", "security profile 2", "to be configured", ""]
    assert rows(party) == ["OCPI party", "comes by itself", "PENDING", ""]
    assert [rows(station.child(at)) for at in range(station.childCount())] == [
        ["AuthorizationKey", "••••", "Pending", ""],
        ["HeartbeatInterval", "60", "Pending", ""],
        ["Root certificate CSMS", "", "Pending", ""],
        ["Trigger StatusNotification", "", "Pending", ""],
    ]
    station.setExpanded(True)
    await stub.registry.ocpi.leave(stub.registry.ocpi.parties[0])
    panel.refresh(set())
    assert tab.tree.topLevelItem(0).isExpanded()
    if folder := os.environ.get("SHOTS"):
        await asyncio.sleep(0)
        panel.grab().save(f"{folder}/registered.png")


@pytest.mark.gui
async def test_a_session_without_a_registry_has_no_such_tab(panel, stub, tasks):
    await stub.registry.stations.register("CP-7", StationAuth(0))
    panel.refresh(set())
    assert TITLE in tab_titles(panel)
    del stub.registry
    panel.attach(stub, tasks)
    assert TITLE not in tab_titles(panel)


@pytest.mark.gui
async def test_what_is_registered_with_a_true_bench_is_shown(qtbot, themed, tasks, tmp_path):
    store = TokenStore(f"sqlite:///{tmp_path}/tokens.db")
    session = Session(Profile(bus=BusSettings(url="off")), store, capture=Capture(tmp_path / "capture.db"))
    await session.start()
    try:
        panel = StationPanel()
        qtbot.addWidget(panel)
        panel.attach(session, tasks)
        assert TITLE not in tab_titles(panel)
        await session.registry.stations.register("CP-7", StationAuth(0))
        panel.refresh(set())
        assert tab_titles(panel)[-1] == TITLE
    finally:
        await session.stop()
