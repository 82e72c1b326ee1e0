"""Who answers whom, and what does not fit, over messages as a bench records them."""

from __future__ import annotations

import pytest

from bench.clock import NS_PER_S, Stamp
from bench.exchange import Exchange, Hop, Party
from bench.journal.pairing import Flag, Pairing, judge, look_around, marks_of
from bench.message import Decoded, Direction, Link, Message


class Trace:
    """Messages in the making; ``at`` is seconds on the monotonic clock. No bodies: as a capture gives them back."""

    def __init__(self) -> None:
        self.messages: list[Message] = []

    def add(
        self, link: Link, direction: str, channel: str, kind: str, id_: str | None, at: float, name: str = ""
    ) -> Message:
        decoded = Decoded(kind, name or "Authorize", id_, None)
        ns = int(at * NS_PER_S)
        made = Message(len(self.messages) + 1, ns, ns, link, Direction(direction), channel, b"", decoded)
        self.messages.append(made)
        return made

    def ocpp(self, direction: str, kind: str, id_: str | None, at: float, station: str = "CP-001") -> Message:
        return self.add(Link.OCPP, direction, station, kind, id_, at)

    def bus(self, direction: str, topic: str, kind: str, id_: str | None, at: float) -> Message:
        return self.add(Link.JOSEV, direction, topic, kind, id_, at, "authorization")

    def judged(self, **kwargs: object) -> list[tuple[int | None, float | None, tuple[str, ...]]]:
        pairing = Pairing(**kwargs)  # type: ignore[arg-type]
        return [tuple(pairing.feed(message)) for message in self.messages]  # type: ignore[misc]


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


def test_open_requests_are_unanswered_once_their_limit_is_over(trace):
    pairing = Pairing()
    for made in (
        trace.ocpp("in", "CALL", "1", 0),
        trace.bus("out", "cs/josev", "request", "1", 1),
        trace.ocpp("in", "CALL", "2", 2),
        trace.ocpp("out", "CALLRESULT", "2", 3),
    ):
        pairing.feed(made)
    found = pairing.open_requests(8 * NS_PER_S)
    assert [(waiting.seq, waiting.ms, waiting.flags) for waiting in found] == [
        (1, 8000.0, ()),
        (2, 7000.0, (Flag.UNANSWERED,)),
    ]
    assert found[0].due_ns == 30 * NS_PER_S


def test_memory_is_bounded_and_the_oldest_are_forgotten():
    trace = Trace()
    pairing = Pairing(keep_open=100, keep_answered=100)
    for n in range(1000):
        pairing.feed(trace.ocpp("in", "CALL", f"open-{n}", n))
        pairing.feed(trace.ocpp("out", "CALL", f"done-{n}", n))
        pairing.feed(trace.ocpp("in", "CALLRESULT", f"done-{n}", n))
        pairing.feed(trace.ocpp("in", "CALL", "same", n))
    assert len(pairing.open_requests(0)) < 200
    assert pairing.feed(trace.ocpp("out", "CALLRESULT", "open-0", 2000)).flags == (Flag.ORPHAN,)
    assert pairing.feed(trace.ocpp("in", "CALLRESULT", "done-0", 2000)).flags == (Flag.ORPHAN,)
    assert pairing.feed(trace.ocpp("in", "CALLRESULT", "done-999", 2000)).flags == (Flag.DUPLICATE,)


def test_a_clock_that_ran_backwards_gives_no_time(trace):
    trace.ocpp("in", "CALL", "1", 9)
    trace.ocpp("out", "CALLRESULT", "1", 1)
    assert trace.judged()[1] == (1, None, ())


def test_one_message_among_its_neighbours(trace):
    trace.ocpp("in", "CALL", "1", 0)
    trace.ocpp("in", "CALL", "2", 1)
    trace.ocpp("out", "CALLRESULT", "1", 2)
    trace.ocpp("out", "CALLRESULT", "1", 3)
    assert look_around(trace.messages, 1) == (None, 3, 2000.0, ())
    assert look_around(trace.messages, 3) == (1, None, 2000.0, ())
    assert look_around(trace.messages, 4) == (1, None, 3000.0, (Flag.DUPLICATE,))
    assert look_around(trace.messages, 2) == (None, None, None, ())
    assert look_around(trace.messages[2:], 3).flags == (Flag.ORPHAN,)


# Exchanges


def exchange_of(*hops: tuple[Message | None, Party, Party, str | None]) -> Exchange:
    made = Exchange(1, Stamp(0, 0), "tap")
    for message, from_, to, fault in hops:
        at = message.mono_ns if message is not None else made.hops[-1].mono_ns + 1
        made.hops.append(Hop(None if message is None else message.seq, from_, to, None, "step", at, fault))
    return made


BENCH, JOSEV, STATION, CSMS = Party.BENCH, Party.JOSEV, Party.STATION, Party.CSMS


def test_an_exchange_in_order_has_no_marks(trace):
    asked, said = trace.ocpp("in", "CALL", "1", 0), trace.ocpp("out", "CALLRESULT", "1", 1)
    exchange = exchange_of((asked, STATION, CSMS, None), (said, CSMS, STATION, None))
    assert marks_of(exchange, trace.messages) == {}


def test_marks_tell_what_no_fault_told(trace):
    first = trace.bus("in", "cs/josev", "request", "a", 0)
    again = trace.bus("in", "cs/josev", "request", "a", 1)
    late = trace.bus("in", "josev/cs", "response", "a", 8)
    second = trace.bus("in", "josev/cs", "response", "a", 9)
    third = trace.bus("in", "josev/cs", "response", "a", 9.5)
    orphan = trace.bus("in", "josev/cs", "response", "b", 10)
    bare = exchange_of(
        (first, STATION, JOSEV, None),
        (again, STATION, JOSEV, None),
        (late, JOSEV, STATION, None),
        (second, JOSEV, STATION, None),
        (third, JOSEV, STATION, None),
        (orphan, JOSEV, STATION, None),
    )
    assert marks_of(bare, trace.messages) == {
        2: "id used before",
        3: "late, after 7.0 s",
        4: "late, after 9.0 s",
        5: "second answer",
        6: "answers nothing",
    }
    told = exchange_of(
        (first, STATION, JOSEV, None),
        (again, STATION, JOSEV, "request seen twice"),
        (late, JOSEV, STATION, "late by 2.00 s"),
        (third, JOSEV, STATION, "second response to one request"),
        (orphan, STATION, JOSEV, "on the wrong topic"),
    )
    assert {seq: word for seq, word in marks_of(told, trace.messages).items() if seq in told.sequences} == {}


def test_no_answer_is_told_once(trace):
    asked = trace.bus("out", "cs/josev", "request", "a", 0)
    trace.ocpp("in", "CALL", "x", 20)
    silent = exchange_of((asked, BENCH, JOSEV, None))
    assert marks_of(silent, trace.messages) == {1: "no answer"}
    assert marks_of(silent, trace.messages, now_mono_ns=3 * NS_PER_S) == {}
    assert judge(silent, trace.messages, now_mono_ns=3 * NS_PER_S).due_ns == 5 * NS_PER_S
    said = exchange_of((asked, BENCH, JOSEV, None), (None, JOSEV, BENCH, "no answer for 5.0 s"))
    assert marks_of(said, trace.messages) == {}


def test_a_request_that_left_memory_makes_no_orphan(trace):
    asked, said = trace.ocpp("in", "CALL", "1", 0), trace.ocpp("out", "CALLRESULT", "1", 1)
    exchange = exchange_of((asked, STATION, CSMS, None), (said, CSMS, STATION, None))
    assert marks_of(exchange, trace.messages[1:]) == {}


def test_an_answer_the_flow_did_not_count_in_becomes_a_stray(trace):
    ours = trace.ocpp("out", "CALL", "1", 0)
    late = trace.ocpp("in", "CALLRESULT", "1", 31)
    trace.ocpp("in", "CALLRESULT", "other", 32)
    exchange = exchange_of((ours, CSMS, STATION, None), (None, STATION, CSMS, "no answer in 30 s"))
    judged = judge(exchange, trace.messages)
    assert judged.words == {late.seq: "late, after 31.0 s"}
    assert [(hop.seq, hop.from_, hop.to) for hop in judged.strays] == [(late.seq, STATION, CSMS)]


def test_an_id_used_in_an_earlier_exchange_is_told(trace):
    trace.ocpp("in", "CALL", "1", 0)
    trace.ocpp("out", "CALLRESULT", "1", 1)
    again, said = trace.ocpp("in", "CALL", "1", 2), trace.ocpp("out", "CALLRESULT", "1", 3)
    exchange = exchange_of((again, STATION, CSMS, None), (said, CSMS, STATION, None))
    assert marks_of(exchange, trace.messages) == {3: "id used before"}
