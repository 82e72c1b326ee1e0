"""What does not fit among the messages of an exchange, in words."""

from __future__ import annotations

import pytest

from bench.clock import NS_PER_S, ManualClock, Stamp
from bench.exchange import Exchange, Hop, Party
from bench.journal.marks import UNMARKED, Marked, judge, sentences, words_of
from bench.journal.pairing import Flag
from bench.journal.pairs import Pair, Pairs
from bench.message import Message
from tests.bench.journal.trace import Trace

BENCH, JOSEV, STATION, CSMS = Party.BENCH, Party.JOSEV, Party.STATION, Party.CSMS


@pytest.fixture
def trace() -> Trace:
    return Trace()


def exchange_of(*hops: tuple[Message | None, Party, Party, str | None]) -> Exchange:
    made = Exchange(1, Stamp(0, 0), "tap")
    for message, from_, to, fault in hops:
        at = message.mono_ns if message is not None else made.hops[-1].mono_ns + 1
        made.hops.append(Hop(None if message is None else message.seq, from_, to, None, "step", at, fault))
    return made


def judged(exchange: Exchange, trace: Trace, now: float | None = None) -> Marked:
    clock = ManualClock()
    clock.mono_ns = trace.messages[-1].mono_ns if now is None else int(now * NS_PER_S)
    pairs = Pairs(clock)
    pairs.take(trace.messages)
    return judge(exchange, pairs, lambda seq: trace.messages[seq - 1])


def test_an_exchange_in_order_has_no_marks(trace):
    asked, said = trace.ocpp("in", "CALL", "1", 0), trace.ocpp("out", "CALLRESULT", "1", 1)
    exchange = exchange_of((asked, STATION, CSMS, None), (said, CSMS, STATION, None))
    assert judged(exchange, trace) == UNMARKED
    assert UNMARKED.hops(exchange) is exchange.hops


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
    assert judged(bare, trace).words == {
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
    assert {seq: word for seq, word in judged(told, trace).words.items() if seq in told.sequences} == {}


def test_no_answer_is_told_once(trace):
    asked = trace.bus("out", "cs/josev", "request", "a", 0)
    trace.ocpp("in", "CALL", "x", 20)
    silent = exchange_of((asked, BENCH, JOSEV, None))
    assert judged(silent, trace).words == {1: "no answer"}
    assert judged(silent, trace, now=3) == Marked({}, (), 5 * NS_PER_S)
    said = exchange_of((asked, BENCH, JOSEV, None), (None, JOSEV, BENCH, "no answer for 5.0 s"))
    assert judged(said, trace) == UNMARKED


def test_an_answer_the_flow_did_not_count_in_becomes_a_stray(trace):
    ours = trace.ocpp("out", "CALL", "1", 0)
    late = trace.ocpp("in", "CALLRESULT", "1", 31)
    again = trace.ocpp("in", "CALLERROR", "1", 31.5)
    trace.ocpp("in", "CALLRESULT", "other", 32)
    exchange = exchange_of((ours, CSMS, STATION, None), (None, STATION, CSMS, "no answer in 30 s"))
    marked = judged(exchange, trace)
    assert marked.words == {late.seq: "late, after 31.0 s", again.seq: "second answer"}
    assert [(hop.seq, hop.from_, hop.to) for hop in marked.strays] == [
        (late.seq, STATION, CSMS),
        (again.seq, STATION, CSMS),
    ]
    steps = marked.hops(exchange)
    assert [hop.seq for hop in steps] == [ours.seq, None, late.seq, again.seq], "where they happened"
    assert [marked.of(hop) for hop in steps] == ["", "", "late, after 31.0 s", "second answer"]


def test_a_stray_that_cannot_be_read_is_left_out(trace):
    ours = trace.ocpp("out", "CALL", "1", 0)
    trace.ocpp("in", "CALLRESULT", "1", 31)
    pairs = Pairs(ManualClock())
    pairs.take(trace.messages)
    assert judge(exchange_of((ours, CSMS, STATION, None)), pairs, lambda seq: None) == UNMARKED


def test_an_id_used_in_an_earlier_exchange_is_told(trace):
    trace.ocpp("in", "CALL", "1", 0)
    trace.ocpp("out", "CALLRESULT", "1", 1)
    again, said = trace.ocpp("in", "CALL", "1", 2), trace.ocpp("out", "CALLRESULT", "1", 3)
    exchange = exchange_of((again, STATION, CSMS, None), (said, CSMS, STATION, None))
    assert judged(exchange, trace).words == {3: "id used before"}


@pytest.mark.parametrize(
    ("pair", "words", "sentence"),
    [
        (Pair(None, None, None, (Flag.ORPHAN,)), "answers nothing", "no request with its id is known"),
        (Pair(4, None, 31_000.0, (Flag.LATE,)), "late, after 31.0 s", "It came late: 31.0 s after its request #4."),
        (Pair(4, None, None, (Flag.LATE,)), "late", "after its request #4"),
        (Pair(4, None, 9.0, (Flag.DUPLICATE,)), "second answer", "second answer to #4"),
        (Pair(None, 9, 1.0, (Flag.REUSED_ID,)), "id used before", "used before"),
        (Pair(None, None, None, (Flag.UNANSWERED,)), "no answer", "No answer came"),
    ],
)
def test_each_flaw_has_its_words(pair, words, sentence):
    assert words_of(pair) == words
    (told,) = sentences(pair)
    assert sentence in told


def test_nothing_is_said_of_what_fits():
    assert words_of(Pair(1, None, 2.0, ())) == ""
    assert sentences(Pair(1, None, 2.0, ())) == []
