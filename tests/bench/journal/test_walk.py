"""Going over a capture: page by page, over holes, with what is asked of each message."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.journal import walk
from bench.journal.capture_file import Batch, CaptureFile
from bench.journal.capture_reader import CaptureReader
from bench.journal.filter import parse
from bench.journal.older import OlderScan
from bench.journal.pairing import Flag
from bench.journal.redecode import redecode
from bench.journal.walk import Messages, pages
from bench.message import Decoded, Direction, Link, Message

FAR = 2**62


def message(seq: int, kind: str = "CALL", correlation: str | None = None, at_s: float = 0) -> Message:
    direction = Direction.IN if kind == "CALL" else Direction.OUT
    decoded = Decoded(kind, "Heartbeat", correlation or f"id-{seq}", None)
    return Message(seq, int(at_s * 1e9), seq, Link.OCPP, direction, "CP-1", b'[2,"1","Heartbeat",{}]', decoded)


@pytest.fixture
def record(tmp_path: Path):
    def make(made: list[Message]) -> Path:
        file = CaptureFile(tmp_path / "capture.db")
        file.open()
        file.write(Batch(made))
        file.close()
        return tmp_path / "capture.db"

    return make


def test_page_by_page(record, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(walk, "PAGE", 2)
    path = record([message(seq) for seq in (1, 2, 5, 9, 10)])
    with CaptureReader(path) as reader:
        assert [[each.seq for each in page] for page in pages(reader)] == [[1, 2], [5, 9], [10]]
        assert [each.seq for each in Messages(reader, after=2)] == [5, 9, 10]
        monkeypatch.setattr(walk, "PAGE_BYTES", 1)
        assert [len(page) for page in pages(reader)] == [1] * 5


def test_holes_in_the_numbers_cost_nothing(record) -> None:
    path = record([message(seq) for seq in (3, FAR, FAR + 1, FAR + 2)])
    for filter_ in (None, parse("name:Heartbeat"), parse("flag or heartbeat")):
        with CaptureReader(path) as reader:
            assert [each.seq for each in Messages(reader, filter_, paired=True)] == [3, FAR, FAR + 1, FAR + 2]
    for upwards in (True, False):
        scan = OlderScan(path, parse("heartbeat"), 1, FAR + 2, redecode, routine=True, upwards=upwards)
        found: list[int] = []
        for _ in range(4):
            found += scan.step()[0]
        assert scan.left == 0
        scan.close()
        assert sorted(found) == [3, FAR, FAR + 1, FAR + 2]


def test_each_message_comes_with_what_is_asked_of_it(record, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where the other half lies in another stretch."""
    monkeypatch.setattr(walk, "STRETCH", 2)
    made = [
        message(1),
        message(2),
        message(3, "CALLRESULT", "id-1", 0.25),
        message(4),
        message(5, "CALLRESULT", "id-2", 40),
    ]
    told: list[tuple[int, int]] = []
    with CaptureReader(record(made)) as reader:
        messages = Messages(reader, paired=True, progress=lambda done, total: told.append((done, total)))
        seen = {each.seq: (messages.answer_ms(each), messages.flags(each)) for each in messages}
    assert seen == {
        1: (None, ()),
        2: (None, ()),
        3: (250.0, ()),
        4: (None, (Flag.UNANSWERED,)),
        5: (40_000.0, (Flag.LATE,)),
    }
    assert told == [(2, 5), (4, 5), (5, 5)]


def test_the_clock_stands_where_the_capture_ends(record) -> None:
    with CaptureReader(record([message(1), message(2, at_s=7)])) as reader:
        assert walk.end_clock(reader).stamp().mono_ns == 7_000_000_000
