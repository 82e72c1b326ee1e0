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
from bench.journal.formats import lines as lines_of_files
from bench.journal.formats import lossless
from bench.journal.formats.convert import Form, export_capture, import_file
from bench.journal.formats.redaction import KINDS
from bench.journal.formats.whole_reader import WholeReader
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


DEEP = b"[" * 260 + b"]" * 260
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
        (GOOD[:-9], "line 3: not JSON"),
        (b'{"record":"gap","what":"socks","first":1,"last":2,"count":2,"why":""}', "line 3: a gap of 'socks'"),
        (b'{"record":"fact","name":"redacted","value":"x"}', "line 3: the fact 'redacted' belongs in the header"),
        (
            b'{"record":"exchange","utc_ns":1,"seqs":["1"],"id":1,"exchange":{}}',
            "line 3: seqs is not a list of numbers",
        ),
        (b'{"record":"exchange","utc_ns":1e400,"id":1,"exchange":{}}', "line 3: (not JSON|utc_ns is missing)"),
        (
            b'{"record":"exchange","utc_ns":1,"exchange":{"id":1,"deep":' + DEEP + b"}}",
            "line 3: exchange cannot be kept",
        ),
        (GOOD.replace(b'"seq":1', b'"seq":2,"meta":{"deep":' + DEEP + b"}"), "line 3: meta cannot be kept"),
        (b"[" * 100_000, "line 3: not JSON"),
        (
            b'{"record":"note","seq":1,"text":"a","utc_ns":1}\n{"record":"note","seq":1,"text":"b","utc_ns":1}',
            "line 4: note 1 does not follow 1",
        ),
        (
            b'{"record":"station","id":"a","version":"1.6"}\n{"record":"station","id":"a","version":"2.0.1"}',
            "line 4: a second station of that name",
        ),
        (
            b'{"record":"fact","name":"a","value":"1"}\n{"record":"fact","name":"a","value":"2"}',
            "line 4: a second fact of that name",
        ),
        (
            b'{"record":"exchange","utc_ns":1,"exchange":{"id":7}}\n{"record":"exchange","utc_ns":1,"exchange":{"id":7}}',
            "line 4: exchange 7 does not follow 7",
        ),
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


def test_a_redacted_export_says_so_and_so_does_what_is_made_of_it(record: Any, tmp_path: Path) -> None:
    call = a_message(1, b'[2,"1","Authorize",{"idTag":"04A2B3C4"}]')
    stations = [("Z-04A2B3C4", "1.6"), ("A-04A2B3C4", "1.6")]
    capture = record([call], stations=stations, facts=[("source", "the lab, card 04A2B3C4")])
    report = export_capture(capture, tmp_path / "a.jsonl", redact=True)
    header, fact = map(orjson.loads, (tmp_path / "a.jsonl").read_bytes().splitlines()[:2])
    assert header["redacted"] == report.redacted == KINDS
    assert str(report).endswith(f"redacted: {KINDS}")
    assert (fact["record"], fact["name"]) == ("fact", "source")
    assert "04A2B3C4" not in fact["value"]
    again = import_file(tmp_path / "a.jsonl", tmp_path / "again.db")
    assert again.redacted == KINDS
    with CaptureReader(tmp_path / "again.db") as reader:
        assert reader.facts() == {"redacted": KINDS, "source": fact["value"]}
    export_capture(tmp_path / "again.db", tmp_path / "b.jsonl")
    assert (tmp_path / "b.jsonl").read_bytes() == (tmp_path / "a.jsonl").read_bytes()
    plain = export_capture(capture, tmp_path / "c.jsonl")
    assert plain.redacted == ""
    assert b"redacted" not in (tmp_path / "c.jsonl").read_bytes()


def test_a_file_from_before_there_were_facts_and_columns_is_read(tmp_path: Path) -> None:
    lines = [lossless.header(), b'{"record":"exchange","exchange":' + ROW.json.encode() + b"}\n", lossless.footer(0)]
    (tmp_path / "old.jsonl").write_bytes(b"".join(lines))
    report = import_file(tmp_path / "old.jsonl", tmp_path / "old.db")
    assert (report.exchanges, report.redacted) == (1, "")
    with WholeReader(tmp_path / "old.db") as reader:
        assert list(reader.exchange_rows()) == [ROW]
        assert reader.facts() == {}


ODD_ROWS = [
    ROW,
    ExchangeRow(
        8, 1_795_262_400_123_456_789, "accepted", "store", orjson.dumps({**EXCHANGE, "id": 8}).decode(), (1, 2)
    ),
    ExchangeRow(9, 5, None, None, "{\"text\":\"{'id': 9, 'reason': 1180591620717411303424}\"}", (2, 3)),
    ExchangeRow(10, -1, "rejected", None, '{"text":"..."}', ()),
    ExchangeRow(11, 7, "failed", "csms", orjson.dumps({**EXCHANGE, "id": 12, "hops": 5}).decode(), (1,)),
]


def test_exchanges_come_along_as_they_stand(record: Any, tmp_path: Path) -> None:
    """To the nanosecond, and also where not all of one could be recorded."""
    capture = record([a_message(1), a_message(2), a_message(3)], ODD_ROWS)
    first, second, again = round_trip(tmp_path, capture)
    assert first == second
    with WholeReader(again) as reader:
        assert list(reader.exchange_rows()) == ODD_ROWS
    report = export_capture(capture, tmp_path / "redacted.jsonl", redact=True)
    assert (report.exchanges, report.left_out.total()) == (5, 0)


def test_no_gap_is_dropped_however_many(record: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gaps = [Gap("messages", 3 * n + 1, 3 * n + 2, 2, "the disk was full") for n in range(10_005)]
    gaps += [Gap("exchanges", n, n, 1, "too many") for n in range(3)]
    capture = record(gaps=gaps)
    with WholeReader(capture) as reader:
        told = reader.gaps()
        assert list(reader.every_gap()) == gaps
    assert told[:10_000] == gaps[:10_000]
    assert told[10_000:] == [
        Gap("exchanges", 0, 2, 3, "3 further gaps, told as one"),
        Gap("messages", 30_001, 30_014, 10, "5 further gaps, told as one"),
    ]
    first, second, again = round_trip(tmp_path, capture)
    assert first == second
    with WholeReader(again) as reader:
        assert list(reader.every_gap()) == gaps


def test_lines_may_end_as_elsewhere_and_begin_with_a_mark(tmp_path: Path) -> None:
    lines = [lossless.header(), GOOD + b"\n", lossless.footer(1)]
    (tmp_path / "win.jsonl").write_bytes(b"\xef\xbb\xbf" + b"".join(lines).replace(b"\n", b"\r\n"))
    assert import_file(tmp_path / "win.jsonl", tmp_path / "win.db").messages == 1


def test_a_line_that_is_too_long_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines_of_files, "MAX_LINE", 1024 * 1024)
    source = tmp_path / "bad.jsonl"
    source.write_bytes(lossless.header() + GOOD.replace(b"Heartbeat", b"x" * 1024 * 1024))
    with pytest.raises(BadInput, match="line 2: longer than 1 MiB"):
        import_file(source, tmp_path / "new.db")
    assert [file.name for file in tmp_path.iterdir()] == ["bad.jsonl"]


@settings(deadline=None, max_examples=150)
@given(
    JSON, st.sampled_from(["seq", "utc_ns", "raw", "faults", "meta", "record", "exchange", "link", "seqs", "version"])
)
def test_whatever_stands_in_a_member_it_is_taken_or_named(value: object, name: str) -> None:
    try:
        written = orjson.dumps(value)
    except TypeError:
        return
    for line in (GOOD, b'{"record":"exchange","utc_ns":1,"exchange":{"id":1}}', b'{"record":"note","seq":1,"text":""}'):
        # The last of two members of one name counts.
        changed = line[:-1] + b"," + orjson.dumps(name) + b":" + written + b"}"
        try:
            list(lossless.read(enumerate([lossless.header(), changed, lossless.footer(1)], 1)))
        except BadInput as error:
            if "line " not in str(error):
                raise
