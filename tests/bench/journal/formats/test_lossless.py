"""The lossless format: export, import, export again gives the same bytes, whatever the messages hold."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.errors import BadInput
from bench.journal.capture_file import Batch, CaptureFile, ExchangeRow, Gap
from bench.journal.capture_reader import CaptureReader
from bench.journal.filter import parse
from bench.journal.formats import lossless
from bench.journal.formats.convert import Form, export_capture, import_file
from bench.journal.notes import Note
from bench.message import Decoded, Direction, Fault, Link, Message, malformed

INT64 = st.integers(-(2**63), 2**63 - 1)
TEXT = st.text(st.characters(), max_size=20)  # lone surrogates included
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=5,
)
DECODED = st.builds(
    Decoded,
    st.sampled_from(["CALL", "CALLRESULT", "frame", "link", "malformed", "request", "of tomorrow"]),
    TEXT,
    st.none() | TEXT,
    st.none(),
    st.lists(st.builds(Fault, TEXT, TEXT, TEXT), max_size=2).map(tuple),
    TEXT,
)
MESSAGES = st.lists(
    st.builds(
        Message,
        st.just(0),
        INT64,
        INT64,
        st.sampled_from(Link),
        st.sampled_from(Direction),
        TEXT,
        st.binary(max_size=40) | TEXT.map(lambda text: text.encode("utf-8", "surrogatepass")),
        DECODED,
        st.none() | st.dictionaries(TEXT, JSON, max_size=3),
        st.booleans(),
    ),
    max_size=5,
).map(lambda found: [message._replace(seq=3 * place + 2) for place, message in enumerate(found)])

EXCHANGE: dict[str, Any] = {
    "id": 7,
    "opened": "2026-11-21T12:00:00.123Z",
    "card": {"uid": "04A2B3C4", "technology": None, "token_type": "iso14443"},
    "verdict": "accepted",
    "decided_by": "store",
    "hops": [{"seq": 1, "name": "card"}, {"seq": None, "name": "look-up"}],
    "a member of tomorrow": [1.5, None],
}
ROW = ExchangeRow(7, 1_795_262_400_123_000_000, "accepted", "store", orjson.dumps(EXCHANGE).decode(), (1,))


def a_message(seq: int = 1, raw: bytes = b'[2,"1","Heartbeat",{}]', **members: Any) -> Message:
    decoded = Decoded("CALL", "Heartbeat", "1", None, (), "")
    return Message(seq, seq, 1_795_262_400_000_000_001, Link.OCPP, Direction.IN, "CP-1", raw, decoded)._replace(
        **members
    )


def round_trip(folder: Path, capture: Path) -> tuple[bytes, bytes, Path]:
    first, second, again = folder / "a.jsonl", folder / "b.jsonl", folder / "again.db"
    export_capture(capture, first)
    import_file(first, again)
    export_capture(again, second)
    return first.read_bytes(), second.read_bytes(), again


@settings(deadline=None, max_examples=60)
@given(MESSAGES)
def test_any_messages_survive_a_round_trip_byte_by_byte(messages: list[Message]) -> None:
    with tempfile.TemporaryDirectory() as name:
        file = CaptureFile(Path(name) / "capture.db")
        file.open()
        file.write(Batch(messages))
        file.close()
        first, second, again = round_trip(Path(name), file.path)
        assert first == second
        with CaptureReader(file.path) as one, CaptureReader(again) as other:
            assert one.messages() == other.messages()
            assert [message.raw for message in other.messages()] == [message.raw for message in messages]


@settings(deadline=None, max_examples=60)
@given(MESSAGES)
def test_messages_that_never_were_in_a_capture_can_be_written_too(messages: list[Message]) -> None:
    for message in messages:
        line = lossless.message_line(message)
        assert line.count(b"\n") == 1
        (back,) = lossless.read(enumerate([lossless.header(), line, lossless.footer(1)], 1))
        assert isinstance(back, Message)
        assert (back.seq, back.raw) == (message.seq, message.raw)


def test_everything_a_capture_holds_comes_along(record: Any, tmp_path: Path) -> None:
    notes, gaps = [Note(2, "look here", 5), Note(9, "", 6)], [Gap("messages", 3, 8, 6, "the disk was full")]
    messages = [
        a_message(1),
        a_message(2, b"\xff\x00{", decoded=malformed("not UTF-8", "byte 0")),
        a_message(9, injected=True),
    ]
    capture = record(messages, [ROW], gaps, notes, [("CP-1", "1.6")])
    first, second, again = round_trip(tmp_path, capture)
    assert first == second
    with CaptureReader(again) as reader:
        assert reader.messages() == messages
        assert reader.exchanges() == [EXCHANGE]
        assert reader.exchange_of(1) == 7
        assert (reader.notes(), reader.gaps(), reader.stations()) == (notes, gaps, {"CP-1": "1.6"})
    header, end = first.splitlines()[0], first.splitlines()[-1]
    assert orjson.loads(header)["format"] == "authbench-journal"
    assert orjson.loads(end) == {"record": "end", "messages": 3}


def test_an_empty_capture_comes_back_empty(record: Any, tmp_path: Path) -> None:
    first, second, again = round_trip(tmp_path, record())
    assert first == second
    with CaptureReader(again) as reader:
        assert reader.count() == 0


def test_a_payload_of_5_mb_is_not_cut(record: Any, tmp_path: Path) -> None:
    raw = b'[2,"1","DataTransfer",{"vendorId":"x","data":"' + b"\\u00fc" * 900_000 + b'"}]'
    first, second, again = round_trip(tmp_path, record([a_message(1, raw), a_message(2)]))
    assert first == second
    with CaptureReader(again) as reader:
        assert reader.messages()[0].raw == raw


def test_a_filter_takes_along_what_belongs_to_its_messages(record: Any, tmp_path: Path) -> None:
    other = ExchangeRow(8, 0, None, None, orjson.dumps({**EXCHANGE, "id": 8, "hops": [{"seq": 2}]}).decode(), (2,))
    capture = record([a_message(1), a_message(2)], [ROW, other], [], [Note(1, "a", 1), Note(2, "b", 2)])
    report = export_capture(capture, tmp_path / "some.jsonl", filter=parse("exchange:8"))
    assert (report.messages, report.exchanges, report.notes) == (1, 1, 1)
    import_file(tmp_path / "some.jsonl", tmp_path / "some.db")
    with CaptureReader(tmp_path / "some.db") as reader:
        assert [message.seq for message in reader.messages()] == [2]
        assert [exchange["id"] for exchange in reader.exchanges()] == [8]


GOOD = lossless.message_line(a_message(1)).rstrip()


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (b"{not json", "line 3: not JSON"),
        (b"[]", "line 3: not a JSON object"),
        (GOOD, "line 3: number 1 does not follow 1"),
        (GOOD.replace(b'"seq":1', b'"seq":"1"'), "line 3: seq is missing or not int"),
        (GOOD.replace(b'"seq":1', b'"seq":true'), "line 3: seq is missing or not int"),
        (GOOD.replace(b'"seq":1', b'"seq":9223372036854775808'), "line 3: seq is beyond 64 bits"),
        (GOOD.replace(b'"ocpp"', b'"carrier pigeon"'), "line 3: 'carrier pigeon' is not a valid Link"),
        (GOOD.replace(b'"seq":1', b'"seq":2,"mood":"good"'), "line 3: 'mood' is not known to this version"),
        (GOOD.replace(b'"raw":"', b'"raw_base64":"'), "line 3: number 1 does not follow 1|raw_base64 is not Base64"),
        (b'{"record":"parcel"}', "line 3: the record 'parcel' is not known"),
        (b'{"record":"exchange","exchange":{"id":1}}', "line 3: an exchange needs"),
        (b'{"record":"end","messages":5}', "line 3: 5 messages were written and 1 are here"),
        (b"", "line 3: not JSON"),
    ],
)
def test_a_damaged_line_is_named_and_nothing_is_imported(tmp_path: Path, line: bytes, told: str) -> None:
    source = tmp_path / "bad.jsonl"
    source.write_bytes(b"\n".join([lossless.header().rstrip(), GOOD, line, lossless.footer(1)]))
    with pytest.raises(BadInput, match=told):
        import_file(source, tmp_path / "new.db")
    assert [file.name for file in tmp_path.iterdir()] == ["bad.jsonl"]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "empty"),
        (lossless.header() + GOOD, "cut short after 1 messages"),
        (lossless.header().replace(b'"version":1', b'"version":2') + lossless.footer(0), "has version 2"),
        (lossless.header() + lossless.footer(0) + GOOD, "line 3: something follows the end"),
        (GOOD, "no header"),
    ],
)
def test_a_file_that_is_not_whole_is_refused(tmp_path: Path, content: bytes, told: str) -> None:
    source = tmp_path / "bad.jsonl"
    source.write_bytes(content)
    with pytest.raises(BadInput, match=told):
        import_file(source, tmp_path / "new.db", Form.LOSSLESS)
    assert [file.name for file in tmp_path.iterdir()] == ["bad.jsonl"]
