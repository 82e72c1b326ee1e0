"""The table of who answers whom: of a session as messages come, and of a capture opened again."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from bench.clock import NS_PER_S, ManualClock, Stamp
from bench.journal import pairs as pairs_module
from bench.journal import recorded_pairs
from bench.journal.capture_file import Batch, CaptureFile
from bench.journal.log import Journal
from bench.journal.pairing import Flag
from bench.journal.pairs import KEEP_AMISS, MAX_REPEATS, NOT_PAIRED, LivePairs, Pair, Pairs, limits_of
from bench.journal.recorded_pairs import RecordedPairs
from bench.message import Link, Message
from bench.recording import Recording
from bench.settings import Profile
from bench.tasks import Tasks
from tests.bench.journal.trace import Trace, every_flaw


def clock_at(seconds: float) -> ManualClock:
    clock = ManualClock()
    clock.mono_ns = int(seconds * NS_PER_S)
    return clock


def table(trace: Trace, now: float = 0, **kwargs: int) -> Pairs:
    pairs = Pairs(clock_at(now), **kwargs)
    pairs.take(trace.messages)
    return pairs


def journaled(trace: Trace, window: int = 50_000) -> Journal:
    journal = Journal(window)
    append(journal, trace.messages)
    return journal


def append(journal: Journal, messages: list[Message]) -> None:
    for made in messages:
        where = (made.link, made.direction, made.channel)
        journal.append(*where, made.raw, made.decoded, Stamp(made.mono_ns, made.utc_ns))


def write(path: Path, messages: list[Message]) -> Path:
    capture = CaptureFile(path)
    capture.open()
    capture.write(Batch(messages=tuple(messages)))
    capture.close()
    return path


def test_both_halves_know_each_other_and_the_time_between():
    trace = Trace()
    trace.ocpp("in", "CALL", "1", 0)
    trace.bus("in", "josev/cs", "update", "u", 0.1)
    trace.ocpp("out", "CALLRESULT", "1", 0.25)
    pairs = table(trace)
    assert pairs.of(1) == Pair(None, 3, 250.0, ())
    assert pairs.of(3) == Pair(1, None, 250.0, ())
    assert pairs.of(2) == pairs.of(99) == pairs.of(0) == NOT_PAIRED
    assert [pairs.other_half(seq) for seq in (1, 2, 3, 4)] == [3, None, 1, None]


def test_every_answer_to_a_request_is_listed():
    trace = Trace()
    trace.ocpp("in", "CALL", "1", 0)
    for n in range(MAX_REPEATS + 5):
        trace.ocpp("out", "CALLRESULT", "1", 31 + n)
    pairs = table(trace)
    assert pairs.answers_to(1) == tuple(range(2, MAX_REPEATS + 3))
    assert pairs.of(2).flags == (Flag.LATE,)
    assert pairs.of(3) == Pair(1, None, 32_000.0, (Flag.DUPLICATE,))
    assert pairs.answers_to(2) == pairs.answers_to(99) == ()
    assert pairs.amiss(0)[0] == 2
    assert list(pairs.amiss(MAX_REPEATS + 5)) == [MAX_REPEATS + 6]


def test_a_request_is_unanswered_once_its_time_is_over_and_until_it_is_answered():
    trace = Trace()
    trace.bus("out", "cs/josev", "request", "a", 1)
    pairs = table(trace, now=6)
    assert pairs.of(1) == NOT_PAIRED
    assert pairs.due_ns(1) == 6 * NS_PER_S
    pairs._clock.advance(1)
    assert pairs.of(1).flags == (Flag.UNANSWERED,)
    pairs.take([trace.bus("in", "josev/cs", "response", "a", 9)])
    assert pairs.of(1) == Pair(None, 2, 8000.0, ())
    assert pairs.due_ns(1) is None
    assert pairs.of(2).flags == (Flag.LATE,)


def test_what_is_kept_is_bounded_and_the_oldest_is_forgotten():
    pairs = Pairs(clock_at(0), keep=1000)
    trace = Trace()
    for n in range(3000):
        pairs.take([trace.ocpp("in", "CALL", str(n), n), trace.ocpp("out", "CALLRESULT", str(n), n + 1)])
        trace.messages = trace.messages[-1:] * len(trace.messages)
        assert len(pairs._bits) <= 1100
    assert pairs.of(6000).answers == 5999
    assert pairs.of(5999).answered_by == 6000
    assert pairs.of(2) == NOT_PAIRED
    assert pairs._other.itemsize * len(pairs._other) <= 8800


def test_the_list_of_what_does_not_fit_is_bounded():
    trace = Trace()
    strays = [trace.ocpp("in", "CALLRESULT", "x", 0)._replace(seq=n) for n in range(1, KEEP_AMISS + 3)]
    pairs = Pairs(clock_at(0))
    pairs.take(strays)
    assert len(pairs.amiss(0)) <= KEEP_AMISS
    assert pairs.amiss(0)[-1] == strays[-1].seq


def test_a_hole_in_the_numbers_takes_no_room():
    trace = Trace()
    call, answer = trace.ocpp("in", "CALL", "1", 0), trace.ocpp("out", "CALLRESULT", "1", 1)
    pairs = Pairs(clock_at(0), keep=1000)
    pairs.take([call])
    pairs.take([answer._replace(seq=10**12)])
    assert pairs.of(10**12).answers == 1
    assert len(pairs._bits) == 1


def test_a_session_takes_each_message_in_once_and_before_it_is_asked_for():
    trace = Trace()
    trace.ocpp("in", "CALL", "1", 0)
    journal = journaled(trace)
    pairs = LivePairs(journal, clock_at(100))
    assert pairs.of(1).flags == (Flag.UNANSWERED,)
    append(journal, [trace.ocpp("out", "CALLRESULT", "1", 31)])
    assert pairs.of(1) == Pair(None, 2, 31_000.0, ())
    append(journal, [trace.ocpp("out", "CALLRESULT", "1", 32)])
    assert list(pairs.amiss(2)) == [3]
    assert pairs.head == 3


async def test_a_session_follows_its_journal_though_nobody_asks(monkeypatch):
    monkeypatch.setattr(pairs_module, "STEP", 5)
    journal = journaled(every_flaw())
    pairs = LivePairs(journal, clock_at(0))
    tasks = Tasks()
    tasks.spawn(pairs.keep_up(), name="pairing")
    for _ in range(20):
        await asyncio.sleep(0)
    assert pairs.head == journal.head, "step by step, without a rest while more waits"
    await tasks.cancel()


def test_limits_are_those_of_the_profile():
    profile = Profile(answer_limit_s=1)
    assert limits_of(profile) == {Link.JOSEV: 1.0, Link.OCPP: 30.0}


# A capture opened again


def told(pairs: Pairs, count: int) -> list[tuple[object, ...]]:
    return [(*pairs.of(seq), pairs.answers_to(seq), pairs.due_ns(seq)) for seq in range(1, count + 1)]


def test_a_capture_tells_what_the_session_told(tmp_path):
    trace = every_flaw()
    count = len(trace.messages)
    live = LivePairs(journaled(trace), clock_at(160))
    flags = {flag for seq in range(1, count + 1) for flag in live.of(seq).flags}
    assert flags == set(Flag), "a stream with every kind of flaw"
    recording = Recording(write(tmp_path / "capture.db", trace.messages))
    assert recording.pairs.complete
    assert told(recording.pairs, count) == told(live, count)
    assert list(recording.pairs.amiss(0)) == list(live.amiss(0))
    assert [recording.pairs.other_half(seq) for seq in range(1, count + 1)] == [
        live.other_half(seq) for seq in range(1, count + 1)
    ]
    recording.close()
    assert recording.pairs.other_half(2) is None


async def test_a_long_capture_is_gone_through_beside_the_window(tmp_path, monkeypatch):
    monkeypatch.setattr(recorded_pairs, "AT_ONCE", 10)
    monkeypatch.setattr(recorded_pairs, "STEP", 7)
    trace = every_flaw()
    count = len(trace.messages)
    live = LivePairs(journaled(trace), clock_at(160))
    pairs = RecordedPairs(write(tmp_path / "capture.db", trace.messages), 1, count, clock_at(160))
    assert not pairs.complete
    surely = {Flag.LATE, Flag.DUPLICATE, Flag.REUSED_ID}
    for seq in range(1, count + 1):
        assert set(pairs.of(seq).flags) == surely & set(live.of(seq).flags), "nothing is said that is not sure yet"
        assert pairs.other_half(seq) == live.other_half(seq), "found among the neighbours"
        assert pairs.answers_to(seq) == live.answers_to(seq)
    pairs._step()
    assert not any(Flag.UNANSWERED in pairs.of(seq).flags for seq in range(1, count + 1))
    await pairs.fill()
    assert pairs.complete
    assert told(pairs, count) == told(live, count)
    pairs.close()


async def test_a_wide_gap_in_a_capture_is_passed_in_one_step(tmp_path):
    trace = Trace()
    call, answer = trace.ocpp("in", "CALL", "1", 0), trace.ocpp("out", "CALLRESULT", "1", 1)
    last = 10**9
    path = write(tmp_path / "capture.db", [call, answer._replace(seq=last)])
    pairs = RecordedPairs(path, 1, last, clock_at(1))
    async with asyncio.timeout(5):
        await pairs.fill()
    assert pairs.of(last).answers == 1
    pairs.close()


@pytest.mark.parametrize("closed_first", [True, False])
async def test_closing_ends_the_reading(tmp_path, monkeypatch, closed_first):
    monkeypatch.setattr(recorded_pairs, "AT_ONCE", 1)
    trace = every_flaw()
    pairs = RecordedPairs(write(tmp_path / "capture.db", trace.messages), 1, len(trace.messages), clock_at(1))
    if not closed_first:
        await pairs.fill()
    pairs.close()
    await pairs.fill()
    assert pairs.of(2) == NOT_PAIRED
