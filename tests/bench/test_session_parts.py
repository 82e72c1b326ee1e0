"""What a session is made of: those who wait, its timers, the state of its links, and its state as JSON."""

from __future__ import annotations

import asyncio

import pytest

from bench.clock import ManualClock, Stamp
from bench.exchange import Exchange
from bench.journal.log import Journal
from bench.link_board import LinkBoard
from bench.message import Link
from bench.ports import LinkState, LinkStatus
from bench.state import state_json
from bench.station import Station
from bench.tasks import Tasks
from bench.waiting import Endings, Timers


@pytest.fixture
def exchange() -> Exchange:
    return Exchange(1, Stamp(0, 0), "tap")


async def test_all_who_wait_for_an_exchange_are_told(exchange):
    endings, tasks = Endings(), Tasks()
    waiting = [tasks.spawn(endings.wait(exchange, 10), name="waiter") for _ in range(2)]
    await asyncio.sleep(0)
    endings.ended(exchange)
    await asyncio.gather(*waiting)
    endings.ended(exchange)


async def test_who_waited_long_enough_goes_on_and_is_forgotten(exchange):
    endings = Endings()
    await endings.wait(exchange, 0.001)
    assert endings._waiters == {}


async def test_a_timer_rings_once_with_the_time_and_not_after_the_end(exchange):
    timers, rung = Timers(ManualClock(5)), asyncio.Event()
    told = []

    def ring(of: Exchange, at: Stamp) -> None:
        told.append((of, at))
        rung.set()

    timers.later(0, ring, exchange)
    await asyncio.wait_for(rung.wait(), 5)
    assert told == [(exchange, Stamp(0, 5))]
    timers.later(0, ring, exchange)
    timers.cancel()
    for _ in range(3):
        await asyncio.sleep(0)
    assert len(told) == 1


def test_a_change_of_a_links_state_is_a_message_and_a_new_detail_is_not():
    journal, faulty, lost = Journal(), [], []
    board = LinkBoard(journal, ManualClock(), faulty.append, lost.append)
    up, down = LinkStatus("josev", LinkState.UP, "here"), LinkStatus("josev", LinkState.FAULTY, "gone", "plug it in")
    for status in (up, up, down, down):
        board.changed(status)
    assert board.links == {"josev": down}
    assert [(made.link, made.decoded.kind, made.decoded.name) for made in journal.since(0)] == [
        (Link.JOSEV, "link", str(LinkState.UP)),
        (Link.JOSEV, "link", str(LinkState.FAULTY)),
    ]
    assert faulty == lost == [down]
    board.changed(LinkStatus("reader:pn532:/dev/ttyUSB0", LinkState.CONNECTING, "opening"))
    assert journal.since(2)[0].channel == "pn532:/dev/ttyUSB0"
    board.changed(LinkStatus("store", LinkState.FAULTY, "locked"))
    assert journal.head == 3, "the store is no link"
    assert len(faulty) == 2
    assert len(lost) == 1


def test_the_state_as_json():
    links = {"josev": LinkStatus("josev", LinkState.FAULTY, "gone", "plug it in")}
    station = Station("CP-001", "2.0.1", boot="Accepted", list_version=7, connected=True)
    assert state_json(links, [station], [], {"messages": 1}) == {
        "links": {"josev": {"state": str(LinkState.FAULTY), "detail": "gone", "cure": "plug it in"}},
        "stations": [
            {"id": "CP-001", "version": "2.0.1", "boot": "Accepted", "list_version": 7, "connected": True},
        ],
        "readers": [],
        "counters": {"messages": 1},
    }
