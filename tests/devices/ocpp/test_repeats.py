"""How often something happened in a row, and when a row ends."""

from __future__ import annotations

import pytest

from bench.clock import ManualClock
from devices.ocpp import repeats
from devices.ocpp.repeats import MAX_ROWS, QUIET_S, Repeats


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> ManualClock:
    clock = ManualClock()
    monkeypatch.setattr(repeats, "stamp", clock.stamp)
    return clock


def test_a_row_ends_when_it_was_quiet(clock: ManualClock) -> None:
    known = Repeats()
    told = []
    for wait_s in (0, 1, QUIET_S - 1, QUIET_S - 1, QUIET_S, 1):
        clock.advance(wait_s * 1000)
        told.append(known.nth("rule", "CP-1"))
    assert told == [1, 2, 3, 4, 1, 2]
    assert known.nth("rule", "CP-2") == known.nth("other", "CP-1") == 1


def test_what_was_quiet_longest_is_forgotten(clock: ManualClock) -> None:
    known = Repeats()
    for number in range(MAX_ROWS):
        known.nth("rule", str(number))
    assert known.nth("rule", "0") == 2  # fresh again
    known.nth("rule", "one more")
    assert (known.nth("rule", "0"), known.nth("rule", "1")) == (3, 1)
