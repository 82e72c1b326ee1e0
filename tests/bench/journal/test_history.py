"""Messages that left memory: read back by number, searched beside the loop, shown among the others."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.clock import ManualClock, Stamp
from bench.codecs.josev import JosevMessage
from bench.codecs.ocpp import decode as decode_ocpp
from bench.journal.capture_file import Batch, CaptureFile, ExchangeRow
from bench.journal.filter import parse
from bench.journal.find import find_before, find_next
from bench.journal.history import History, Pages
from bench.journal.log import Journal
from bench.journal.older import STEP, OlderScan
from bench.journal.pairs import Pairs
from bench.journal.redecode import redecode
from bench.journal.rows import numbers
from bench.journal.view import JournalContext, View
from bench.message import Decoded, Direction, Fault, Link, Message, malformed

WINDOW = 50


def messages(count: int) -> list[Message]:
    """Calls with their answers 20 ms later, polls of a reader between them, now and then something broken."""
    journal, clock = Journal(window=10 * count + 10), ManualClock()
    for number in range(1, count + 1):
        clock.advance(10)
        moment = clock.stamp()
        match number % 5:
            case 1:
                raw = f'[2,"id{number}","Authorize",{{"idToken":{{"idToken":"04A2{number:04}","type":"ISO14443"}}}}]'.encode()
                journal.append(Link.OCPP, Direction.IN, "CP-001", raw, decode_ocpp(raw, "2.0.1"), moment)
            case 3:
                raw = f'[3,"id{number - 2}",{{"idTokenInfo":{{"status":"Accepted"}}}}]'.encode()
                decoded = decode_ocpp(raw, "2.0.1", lambda id_: "Authorize")
                journal.append(Link.OCPP, Direction.OUT, "CP-001", raw, decoded, moment)
            case 4:
                journal.append(Link.JOSEV, Direction.IN, "josev/cs", b"\xff", malformed("not UTF-8", "byte 0"), moment)
            case _:
                decoded = Decoded("frame", "InListPassiveTarget", None, None, (), "no target")
                journal.append(Link.READER, Direction.IN, "pn532:COM3", b"\xd5\x4b\x00", decoded, moment)
    return journal.since(0)


@pytest.fixture
def recorded(tmp_path: Path) -> tuple[Path, list[Message]]:
    made = messages(1000)
    write(tmp_path / "capture.db", made, [ExchangeRow(7, 0, "accepted", "store", "{}", (11, 12, 13))])
    return tmp_path / "capture.db", made


def write(path: Path, made: list[Message], exchanges: list[ExchangeRow] = ()) -> None:
    file = CaptureFile(path)
    file.open()
    file.write(Batch(made, exchanges))
    file.close()


@pytest.fixture
def history(recorded: tuple[Path, list[Message]]) -> Iterator[History]:
    path, made = recorded
    journal = Journal(window=WINDOW)
    for m in made:
        journal.append(m.link, m.direction, m.channel, m.raw, m.decoded, Stamp(m.mono_ns, m.utc_ns))
    history = History(journal, lambda: path, redecode)
    yield history
    history.close()


def test_every_message_can_be_had_by_its_number(history: History, recorded: tuple[Path, list[Message]]) -> None:
    made = recorded[1]
    assert (history.oldest, history.head) == (1, 1000)
    assert history.first > 900
    for seq in (*range(1, 1001, 7), 1, 1000):
        found = history.get(seq)
        assert found == made[seq - 1]
        assert type(found.decoded.body) is type(made[seq - 1].decoded.body)
    assert history.get(0) is None
    assert history.get(1001) is None


def test_without_a_capture_what_left_memory_is_gone(history: History) -> None:
    bare = History(history.journal, lambda: None, redecode)
    assert bare.oldest == bare.first
    assert bare.get(1) is None


def test_a_capture_that_cannot_be_read_is_no_end(history: History, tmp_path: Path) -> None:
    (tmp_path / "other.db").write_bytes(b"this is no database, and long enough to be looked at" * 100)
    broken = History(history.journal, lambda: tmp_path / "other.db", redecode)
    assert broken.get(1) is None
    assert broken.get(1000) is not None


def test_a_gap_in_the_file_is_no_message(tmp_path: Path) -> None:
    made = messages(20)
    write(tmp_path / "gap.db", made[:5] + made[10:])
    pages = Pages(tmp_path / "gap.db", redecode)
    assert pages.get(5) == made[4]
    assert pages.get(8) is None
    assert pages.get(11) == made[10]
    pages.close()


def test_a_page_ends_early_for_large_messages_and_loses_none(tmp_path: Path) -> None:
    journal = Journal()
    for n in range(6):
        journal.append(
            Link.HTTP, Direction.IN, "api", bytes([n]) * 1_500_000, Decoded("x", "", None, None), ManualClock().stamp()
        )
    write(tmp_path / "large.db", journal.since(0))
    pages = Pages(tmp_path / "large.db", redecode)
    assert [pages.get(seq).raw[0] for seq in (6, 1, 3, 2, 5, 4)] == [5, 0, 2, 1, 4, 3]
    pages.close()


@pytest.mark.parametrize(
    "text",
    [
        "link:ocpp",
        "name:Authorize dir:in",
        "idToken.idToken=04A20501",
        "04a20501",
        "ms>15",
        "malformed",
        "exchange:7",
        "seq<30 not ocpp",
    ],
)
@pytest.mark.parametrize("routine", [True, False])
def test_older_and_newer_together_are_what_a_filter_finds(history: History, recorded, text: str, routine: bool) -> None:
    path, made = recorded
    members = {11: 7, 12: 7, 13: 7}
    pairs = Pairs(ManualClock())
    pairs.take(made)
    whole = Journal()
    for m in made:
        whole.append(m.link, m.direction, m.channel, m.raw, m.decoded, Stamp(m.mono_ns, m.utc_ns))
    expected = View(whole, JournalContext(pairs, members.get))
    view = View(history, JournalContext(pairs, members.get))
    for one in (expected, view):
        one.show_routine(routine)
        one.set_filter(parse(text))
        one.pull()
    first, last = view.older
    scan = OlderScan(path, view.filter, first, last, redecode, routine=routine)
    while scan.left:
        view.put_before(*scan.step())
    scan.close()
    assert view.older is None
    assert list(view.visible) == list(expected.visible)


def test_a_search_goes_in_steps_from_the_newest_down(tmp_path: Path) -> None:
    made = messages(2 * STEP + 500)
    write(tmp_path / "long.db", made)
    scan = OlderScan(tmp_path / "long.db", parse("malformed"), 1, len(made), redecode, routine=True)
    last = len(made)
    while scan.left:
        found, start = scan.step()
        assert list(found) == [m.seq for m in made[start - 1 : last] if m.malformed]
        last = start - 1
    scan.close()
    assert last == 0


def test_a_search_upwards_begins_at_the_oldest(tmp_path: Path) -> None:
    made = messages(STEP + 500)
    write(tmp_path / "long.db", made)
    scan = OlderScan(tmp_path / "long.db", parse("ms>15"), 7, len(made), redecode, routine=True, upwards=True)
    found, end = scan.step()
    assert end == STEP + 6
    assert list(found) == [m.seq for m in made[6:end] if m.decoded.kind == "CALLRESULT"]
    assert scan.left == len(made) - end
    scan.close()


def test_without_a_filter_all_numbers_are_there_at_once(history: History) -> None:
    view = View(history, JournalContext(Pairs(ManualClock()), lambda seq: None))
    view.pull()
    assert list(view.visible) == list(range(1, 1001))
    assert view.message(3) is not None
    assert view.expired() == 0


def test_a_view_that_was_overtaken_starts_over() -> None:
    journal = Journal(window=10)
    view = View(journal, JournalContext(Pairs(ManualClock()), lambda seq: None))
    for _ in range(100):
        journal.append(Link.HTTP, Direction.IN, "api", b"", Decoded("x", "", None, None), ManualClock().stamp())
    assert view.overtaken
    view.set_filter(view.filter)
    view.pull()
    assert list(view.visible) == list(range(journal.first, 101))


def test_numbers_leave_out_what_is_hidden() -> None:
    assert list(numbers(3, 9, array("q", [1, 4, 5, 9, 12]))) == [3, 6, 7, 8]
    assert list(numbers(5, 4, array("q"))) == []


def test_bodies_come_back_for_whatever_was_said() -> None:
    def recorded(link: Link, kind: str, name: str, raw: bytes, faults: tuple[Fault, ...] = ()) -> object:
        message = Message(1, 0, 0, link, Direction.IN, "c", raw, Decoded(kind, name, None, None, faults))
        again = redecode(message)
        assert again.decoded._replace(body=None) == message.decoded
        return again.decoded.body

    assert recorded(Link.OCPP, "CALL", "X", b'[2,"1","X",{"a":1}]').payload == {"a": 1}
    assert recorded(Link.OCPP, "CALLRESULT", "X", b'[3,"1",{}]').action == "X"
    error = recorded(Link.OCPP, "CALLERROR", "X", b'[4,"1","GenericError"]')
    assert (error.code, error.description, error.details) == ("GenericError", "", {})
    josev = recorded(
        Link.JOSEV, "request", "authorization", b'{"id":"1","name":"authorization","type":"request","data":{"a":2}}'
    )
    assert josev == JosevMessage("1", "authorization", "request", {"a": 2})
    for link, raw in ((Link.OCPP, b'{"a":1}'), (Link.OCPP, b"\xff"), (Link.JOSEV, b"[]"), (Link.READER, b"\xd5")):
        assert recorded(link, "CALL", "", raw) is None


@pytest.mark.parametrize(
    "text", ["malformed", "name:Authorize dir:in", "exchange:7", "ms>15", "seq=990", "nowhere-to-be-found"]
)
async def test_finding_goes_up_and_down_through_file_and_memory(history: History, recorded, text: str) -> None:
    made = recorded[1]
    pairs = Pairs(ManualClock())
    pairs.take(made)
    context = JournalContext(pairs, {11: 7, 12: 7, 13: 7}.get)
    wanted = parse(text)
    expected = [m.seq for m in made if wanted.matches(m, context)]
    for start in (0, 1, 12, 500, history.first - 1, history.first, 995, 1000):
        above = next((seq for seq in expected if seq > start), None)
        below = next((seq for seq in reversed(expected) if seq < start), None)
        assert await find_next(history, context, wanted, start) == above
        assert await find_before(history, context, wanted, start) == below
