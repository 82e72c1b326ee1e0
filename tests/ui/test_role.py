from __future__ import annotations

from datetime import UTC, datetime

import pytest

from bench.exchange import MASK
from bench.ports import LinkState, LinkStatus
from bench.tokens.model import JosevTokenType
from tests.bench.station_role.rolebook import CARD, RoleBook
from ui.panels.link_strip import chip_texts
from ui.panels.role import SETTINGS, TITLE, _time
from ui.panels.station import StationPanel

# What the offscreen platform says of every window that is shown.
pytestmark = pytest.mark.qt_log_ignore("This plugin does not support")


def rows(tab):
    table = tab.table
    return [
        [table.topLevelItem(row).text(column) for column in range(table.columnCount())]
        for row in range(table.topLevelItemCount())
    ]


def tab_titles(panel):
    return [panel.tabs.tabText(at) for at in range(panel.tabs.count())]


@pytest.fixture
def panel(qtbot, themed, stub, tasks):
    panel = StationPanel()
    qtbot.addWidget(panel)
    panel.resize(1200, 330)
    panel.attach(stub, tasks)
    panel.show()
    return panel


@pytest.mark.gui
async def test_the_tab_is_there_only_for_a_station(panel, stub, tasks):
    assert TITLE not in tab_titles(panel)
    assert panel.empty.isVisible()
    made = RoleBook("2.0.1").accepted()
    stub.role = made.desk
    panel.attach(stub, tasks)
    assert tab_titles(panel)[-1] == TITLE
    assert not panel.empty.isVisible()  # no station has connected, but there is one to show
    stub.role = None
    panel.attach(stub, tasks)
    assert TITLE not in tab_titles(panel)
    assert panel.empty.isVisible()
    await made.desk.stop()


@pytest.mark.gui
async def test_shows_what_the_station_holds(panel, stub, tasks):
    made = RoleBook("2.0.1").accepted()
    stub.role = made.desk
    panel.attach(stub, tasks)
    panel.tabs.setCurrentWidget(panel.role)
    tab = panel.role
    assert tab.state.text() == "CP-1: Accepted"
    assert tab.memory.text() == "List: version 0, 0 tokens · Cache: 0 tokens"
    assert not tab.clear_list.isEnabled()
    assert not tab.clear_cache.isEnabled()
    made.send_list("Full", 4, (CARD, "Blocked"))
    made.taps("481516", JosevTokenType.KEY_CODE)
    made.authorized("Accepted", groupIdToken={"idToken": "FLEET", "type": "Central"})
    panel.refresh(set())
    assert tab.memory.text() == "List: version 4, 1 token · Cache: 1 token"
    assert rows(tab) == [
        [CARD, "ISO14443", "Blocked", "list", "", ""],
        [MASK, "KeyCode", "Accepted", "cache", "", "fleet"],
    ]
    tab.clear_cache.click()
    panel.refresh(set())
    assert len(rows(tab)) == 1
    tab.clear_list.click()
    panel.refresh(set())
    assert rows(tab) == []
    assert tab.memory.text().startswith("List: version 0")
    tab.choice.setCurrentText(SETTINGS)
    assert ["local-pre-authorize", "true"] in [row[:2] for row in rows(tab)]
    await made.desk.stop()


@pytest.mark.gui
async def test_says_what_is_wrong_with_the_link(panel, stub, tasks):
    made = RoleBook("1.6")
    stub.role = made.desk
    stub.links["csms"] = LinkStatus("csms", LinkState.FAULTY, "the CSMS cannot be reached", "look whether it runs")
    panel.attach(stub, tasks)
    assert panel.role.state.text() == "CP-1: not connected"
    panel.tabs.setCurrentWidget(panel.role)
    assert (panel.role.where.toolTip() or panel.role.where.text()) == "the CSMS cannot be reached; look whether it runs"
    assert [chip.name for chip in chip_texts(stub) if chip.key == "csms"] == ["CSMS"]
    await made.desk.stop()


def test_a_time_that_this_computer_cannot_place_is_shown_as_utc():
    far = datetime.max.replace(tzinfo=UTC)

    class NoLocalTime(datetime):
        def astimezone(self, tz=None):
            raise OverflowError("date value out of range")

    assert _time(NoLocalTime.fromisoformat(far.isoformat())) == "9999-12-31 23:59:59 UTC"
    assert _time(None) == ""
