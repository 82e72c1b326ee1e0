from __future__ import annotations

from bench.clock import NS_PER_MS, ManualClock, Stamp
from bench.journal.filter import parse
from bench.journal.log import Journal
from bench.journal.pairing import Flag
from bench.journal.pairs import LivePairs
from bench.journal.view import JournalContext, View
from bench.message import Decoded, Direction, Fault, Link

NAMES = ("Authorize", "Heartbeat")


def fill(journal: Journal, count: int, clock: ManualClock | None = None) -> None:
    clock = clock or ManualClock()
    for _ in range(count):
        clock.advance(10)
        name = NAMES[journal.head % 2]
        journal.append(Link.OCPP, Direction.IN, "CP-001", b"[]", Decoded("CALL", name, None, None), clock.stamp())


def view_over(journal: Journal) -> View:
    return View(journal, JournalContext(LivePairs(journal, ManualClock()), lambda seq: None))


def test_shows_all_and_what_comes_later() -> None:
    journal = Journal()
    view = view_over(journal)
    fill(journal, 3)
    assert view.pull() == [1, 2, 3]
    assert view.pull() == []
    fill(journal, 2)
    assert view.pull() == [4, 5]
    assert list(view.visible) == [1, 2, 3, 4, 5]
    assert view.total == 5


def test_a_filter_holds_for_old_and_new() -> None:
    journal = Journal()
    view = view_over(journal)
    fill(journal, 4)
    view.pull()
    view.set_filter(parse("name:Heartbeat"))
    assert list(view.visible) == []
    assert view.pull() == [2, 4]
    fill(journal, 2)
    assert view.pull() == [6]
    view.set_filter(None)
    assert view.pull() == [1, 2, 3, 4, 5, 6]


def test_a_pull_looks_at_no_more_than_its_limit() -> None:
    journal = Journal()
    view = view_over(journal)
    fill(journal, 10)
    view.set_filter(parse("name:Heartbeat"))
    assert view.unscanned == 10
    assert view.pull(4) == [2, 4]
    assert view.unscanned == 6
    assert view.pull(4) == [6, 8]
    assert view.pull(4) == [10]
    assert view.unscanned == 0


def test_rows_follow_the_journal_when_it_lets_go_of_its_head() -> None:
    journal = Journal(window=100)
    view = view_over(journal)
    fill(journal, 100)
    view.pull()
    fill(journal, 11)  # over window + slack: trimmed in one block
    assert journal.first == 12
    assert view.expired() == 11
    view.forget(11)
    assert view.visible[0] == 12
    assert view.expired() == 0
    assert view.row_of(12) == 0
    assert view.row_of(11) is None
    assert view.pull() == list(range(101, 112))


def test_a_slow_view_misses_only_what_left_memory() -> None:
    journal = Journal(window=10)
    view = view_over(journal)
    fill(journal, 35)
    assert view.pull() == list(range(journal.first, 36))
    assert view.unscanned == 0


def test_pause_freezes_rows_and_keeps_their_messages() -> None:
    journal = Journal(window=10)
    view = view_over(journal)
    fill(journal, 8)
    view.pull()
    view.pause()
    fill(journal, 30)
    assert view.pull() == []
    assert view.waiting == 30
    assert view.expired() == 0
    assert view.message(1) is not None  # gone from the journal, still shown
    assert journal.get(1) is None
    view.set_filter(parse("name:Heartbeat"))
    assert view.unscanned == 8
    assert view.pull(3) == [2]
    assert view.pull() == [4, 6, 8]
    view.resume()
    assert view.waiting == 0
    assert view.expired() == 4
    assert view.pull() == [seq for seq in range(journal.first, 39) if seq % 2 == 0]


def test_pausing_an_empty_view() -> None:
    journal = Journal()
    view = view_over(journal)
    view.pause()
    fill(journal, 2)
    assert (view.pull(), view.waiting) == ([], 2)
    view.resume()
    assert view.pull() == [1, 2]


def test_row_of_a_hidden_message_is_none() -> None:
    journal = Journal()
    view = view_over(journal)
    fill(journal, 6)
    view.set_filter(parse("name:Heartbeat"))
    view.pull()
    assert [view.row_of(seq) for seq in (2, 3, 4, 99)] == [0, None, 1, None]


def test_time_to_answer_and_flaws_come_from_the_pairs() -> None:
    journal, clock = Journal(), ManualClock()
    for kind in ("CALL", "link", "CALLRESULT", "CALLRESULT"):
        decoded = Decoded(kind, "Authorize", None if kind == "link" else "id-1", None)
        direction = Direction.OUT if kind == "CALLRESULT" else Direction.IN
        journal.append(Link.OCPP, direction, "CP-001", b"[]", decoded, clock.stamp())
        clock.advance(10)
    context = JournalContext(LivePairs(journal, clock), {3: 42}.get)
    request, other, answer, again = journal.since(0)
    assert context.answer_ms(answer) == 20.0 == (answer.mono_ns - request.mono_ns) / NS_PER_MS
    assert context.answer_ms(request) is None
    assert context.answer_ms(other) is None
    assert context.exchange_of(3) == 42
    assert context.flags(answer) == ()
    assert context.flags(again) == (Flag.DUPLICATE,)


def test_a_readers_idle_polling_can_be_hidden_but_not_its_cards_or_faults() -> None:
    journal = Journal()
    stamp = Stamp(0, 0)

    def reader(kind: str, faults: tuple[Fault, ...] = ()) -> int:
        return journal.append(Link.READER, Direction.IN, "r", b"", Decoded(kind, "x", None, None, faults), stamp).seq

    poll, card, bad = reader("frame"), reader("frame"), reader("frame", (Fault("checksum", "bad"),))
    ack, note, noise = reader("ack"), reader("link"), reader("noise")
    context = JournalContext(LivePairs(journal, ManualClock()), lambda seq: 1 if seq == card else None)
    view = View(journal, context)
    view.show_routine(False)
    assert view.pull() == [card, bad, note, noise]
    view.show_routine(True)
    assert view.pull() == [poll, card, bad, ack, note, noise]


def test_hidden_polls_are_counted_apart_from_what_waits() -> None:
    journal = Journal(window=10)
    view = view_over(journal)
    view.show_routine(False)

    def poll(count: int) -> None:
        for _ in range(count):
            journal.append(Link.READER, Direction.IN, "r", b"", Decoded("frame", "poll", None, None), Stamp(0, 0))
            view.hidden_polls  # noqa: B018 - the window asks at every flush

    fill(journal, 2)
    poll(30)
    assert (view.total, view.hidden_polls) == (32, 30), "also those that left memory"
    view.pause()
    fill(journal, 3)
    poll(4)
    assert (view.waiting, view.hidden_polls) == (3, 34)
    view.show_routine(True)
    assert (view.waiting, view.hidden_polls) == (7, 0)
