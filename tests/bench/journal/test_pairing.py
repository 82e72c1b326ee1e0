"""Who answers whom, and what does not fit, over messages as a bench records them."""

from __future__ import annotations

import pytest

from bench.journal.pairing import Flag, Pairing
from bench.message import Link
from tests.bench.journal.trace import Trace


@pytest.fixture
def trace() -> Trace:
    return Trace()


def test_an_answer_knows_its_request_and_the_time_between(trace):
    trace.ocpp("in", "CALL", "1", 0)
    trace.ocpp("out", "CALLRESULT", "1", 0.25)
    trace.bus("out", "cs/josev", "request", "1", 1)
    trace.bus("in", "josev/cs", "response", "1", 3)
    assert trace.judged() == [(None, None, ()), (1, 250.0, ()), (None, None, ()), (3, 2000.0, ())]


def test_both_sides_and_two_stations_may_use_one_id_at_a_time(trace):
    trace.ocpp("in", "CALL", "7", 0)
    trace.ocpp("out", "CALL", "7", 1)
    trace.ocpp("in", "CALL", "7", 2, station="CP-002")
    trace.ocpp("in", "CALLERROR", "7", 3)
    trace.ocpp("out", "CALLRESULT", "7", 4)
    trace.ocpp("out", "CALLRESULT", "7", 5, station="CP-002")
    assert [(answers, flags) for answers, _, flags in trace.judged()] == [
        (None, ()), (None, ()), (None, ()), (2, ()), (1, ()), (3, ()),
    ]  # fmt: skip


def test_a_bench_that_only_listens_sees_both_halves_come_in(trace):
    trace.bus("in", "cs/josev", "request", "a", 0)
    trace.bus("in", "josev/cs", "response", "a", 1)
    assert trace.judged()[1] == (1, 1000.0, ())


def test_a_response_on_the_topic_of_its_request_answers_nothing(trace):
    trace.bus("in", "cs/josev", "request", "a", 0)
    trace.bus("in", "cs/josev", "response", "a", 1)
    trace.bus("in", "josev/cs", "response", "a", 2)
    assert [(answers, flags) for answers, _, flags in trace.judged()] == [(None, ()), (None, ("orphan",)), (1, ())]


def test_an_answer_of_the_same_direction_is_no_answer(trace):
    trace.ocpp("in", "CALL", "1", 0)
    trace.ocpp("in", "CALLRESULT", "1", 1)
    assert trace.judged()[1] == (None, None, (Flag.ORPHAN,))


@pytest.mark.parametrize(("link", "after", "late"), [("ocpp", 30, False), ("ocpp", 30.1, True), ("josev", 5.1, True)])
def test_late_is_after_the_limit_of_the_link(trace, link, after, late):
    if link == "ocpp":
        trace.ocpp("in", "CALL", "1", 0)
        trace.ocpp("out", "CALLRESULT", "1", after)
    else:
        trace.bus("out", "cs/josev", "request", "1", 0)
        trace.bus("in", "josev/cs", "response", "1", after)
    assert trace.judged()[1] == (1, after * 1000, ("late",) if late else ())
    assert trace.judged(limits={Link.OCPP: 60, Link.JOSEV: 60})[1][2] == ()


def test_a_second_answer_names_the_request_it_answers_again(trace):
    trace.ocpp("in", "CALL", "1", 0)
    trace.ocpp("out", "CALLRESULT", "1", 1)
    trace.ocpp("out", "CALLERROR", "1", 2)
    assert trace.judged()[2] == (1, 2000.0, ("duplicate",))
    bus = Trace()
    bus.bus("out", "cs/josev", "request", "1", 0)
    bus.bus("in", "josev/cs", "response", "1", 1)
    bus.bus("in", "josev/cs", "response", "1", 2)
    assert bus.judged()[2] == (1, 2000.0, ("duplicate",))


def test_an_id_used_again_is_told_and_answers_go_to_the_latest_first(trace):
    trace.ocpp("in", "CALL", "1", 0)
    trace.ocpp("in", "CALL", "1", 1)
    trace.ocpp("out", "CALLRESULT", "1", 2)
    trace.ocpp("out", "CALLRESULT", "1", 3)
    trace.ocpp("out", "CALLRESULT", "1", 4)
    trace.ocpp("in", "CALL", "1", 5)
    assert [(answers, flags) for answers, _, flags in trace.judged()] == [
        (None, ()), (None, ("reused-id",)), (2, ()), (1, ()), (1, ("duplicate",)), (None, ("reused-id",)),
    ]  # fmt: skip


def test_a_station_that_connects_anew_may_count_from_one_again(trace):
    trace.ocpp("in", "CALL", "1", 0)
    trace.ocpp("out", "CALLRESULT", "1", 1)
    trace.add(Link.OCPP, "in", "CP-001", "link", None, 2, "down")
    trace.add(Link.OCPP, "in", "CP-001", "link", None, 3, "up")
    trace.ocpp("in", "CALL", "1", 4)
    trace.ocpp("in", "CALL", "1", 5)
    assert [flags for _, _, flags in trace.judged()][4:] == [(), ("reused-id",)]


def test_what_has_no_id_or_no_pair_is_not_judged(trace):
    trace.ocpp("out", "CALLRESULT", None, 0)
    trace.bus("in", "ocpp/15118", "update", "u", 1)
    trace.ocpp("in", "malformed", "1", 2)
    trace.add(Link.READER, "in", "pn532", "frame", None, 3)
    assert all(judged == (None, None, ()) for judged in trace.judged())


def test_memory_is_bounded_and_the_oldest_are_forgotten():
    trace = Trace()
    pairing = Pairing(keep_open=100, keep_answered=100)
    for n in range(1000):
        pairing.feed(trace.ocpp("in", "CALL", f"open-{n}", n))
        pairing.feed(trace.ocpp("out", "CALL", f"done-{n}", n))
        pairing.feed(trace.ocpp("in", "CALLRESULT", f"done-{n}", n))
        pairing.feed(trace.ocpp("in", "CALL", "same", n))
    assert sum(len(book.open) + len(book.answered) for book in pairing._books.values()) < 400
    assert pairing.feed(trace.ocpp("out", "CALLRESULT", "open-0", 2000)).flags == (Flag.ORPHAN,)
    assert pairing.feed(trace.ocpp("in", "CALLRESULT", "done-0", 2000)).flags == (Flag.ORPHAN,)
    assert pairing.feed(trace.ocpp("in", "CALLRESULT", "done-999", 2000)).flags == (Flag.DUPLICATE,)


def test_a_clock_that_ran_backwards_gives_no_time(trace):
    trace.ocpp("in", "CALL", "1", 9)
    trace.ocpp("out", "CALLRESULT", "1", 1)
    assert trace.judged()[1] == (1, None, ())
