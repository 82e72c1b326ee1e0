"""Targets are whole or not there; formats are told by content and name; CSV rows; bodies anew."""

from __future__ import annotations

import csv
import io
import stat
from pathlib import Path
from typing import Any

import pytest

from bench.codecs.ocpp import Call, CallError, CallResult, CallResultError, Unconfirmed
from bench.errors import BadInput, NotFound, StoreError
from bench.journal.capture_reader import CaptureReader
from bench.journal.filter import parse
from bench.journal.formats import csv_rows
from bench.journal.formats.calls import OpenCalls
from bench.journal.formats.convert import Form, export_capture, form_of, import_file
from bench.journal.formats.lines import find_time, parse_time, rfc3339
from bench.journal.formats.versions import known_version
from bench.journal.redecode import redecode
from bench.message import Decoded, Direction, Fault, Link, Message, malformed

UTC = 1_795_262_400_000_000_000  # 2026-11-21T12:00:00Z


def frame(seq: int, kind: str, name: str, raw: bytes, direction: Direction = Direction.IN, id_: str = "1") -> Message:
    decoded = Decoded(kind, name, id_, None)
    return Message(seq, seq * 1_500_000, UTC + seq, Link.OCPP, direction, "CP-1", raw, decoded)


CALL = frame(1, "CALL", "Authorize", b'[2,"1","Authorize",{"idTag":"=cmd()"}]')
RESULT = frame(2, "CALLRESULT", "Authorize", b'[3,"1",{"idTagInfo":{"status":"Accepted"}}]', Direction.OUT)
ERROR = frame(3, "CALLERROR", "Reset", b'[4,"9","NotSupported"]', Direction.IN, "9")


def names(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir())


def test_an_existing_target_stays_unless_forced(record: Any, tmp_path: Path) -> None:
    capture, target = record([CALL]), tmp_path / "out.csv"
    target.write_text("mine")
    with pytest.raises(BadInput, match="exists already"):
        export_capture(capture, target)
    assert target.read_text() == "mine"
    export_capture(capture, target, force=True)
    assert target.read_text().startswith("seq,")
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    with pytest.raises(BadInput, match="no file to write to"):
        export_capture(capture, capture, Form.CSV, force=True)
    with pytest.raises(BadInput, match="exists already"):
        import_file(target, capture)
    assert names(tmp_path) == ["capture.db", "out.csv"]


def test_work_that_is_broken_off_leaves_the_old_target_and_no_draft(record: Any, tmp_path: Path) -> None:
    capture, target = record([CALL, RESULT]), tmp_path / "out.jsonl"
    target.write_text("old")

    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        export_capture(capture, target, force=True, progress=stop)
    assert target.read_text() == "old"
    export_capture(capture, target, force=True)
    with pytest.raises(KeyboardInterrupt):
        import_file(target, tmp_path / "new.db", progress=stop)
    assert names(tmp_path) == ["capture.db", "out.jsonl"]


def test_progress_is_told_to_the_end(record: Any, tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    capture = record([CALL, RESULT])
    export_capture(capture, tmp_path / "a.jsonl", redact=True, progress=lambda *at: told.append(at))
    assert told == [(2, 4), (4, 4)]
    told.clear()
    import_file(tmp_path / "a.jsonl", tmp_path / "b.db", progress=lambda *at: told.append(at))
    size = (tmp_path / "a.jsonl").stat().st_size
    assert told == [(size, size)]


def test_what_cannot_be_read_or_written_is_told(record: Any, tmp_path: Path) -> None:
    capture = record([CALL])
    with pytest.raises(NotFound):
        export_capture(tmp_path / "none.db", tmp_path / "a.csv")
    with pytest.raises(NotFound):
        import_file(tmp_path / "none.log", tmp_path / "a.db")
    with pytest.raises(StoreError, match="cannot be written"):
        export_capture(capture, tmp_path / "no folder" / "a.csv")
    (tmp_path / "x.log").write_text('[2,"1","Heartbeat",{}]')
    with pytest.raises(StoreError, match="cannot be written"):
        import_file(tmp_path / "x.log", tmp_path / "no folder" / "a.db")
    with pytest.raises(BadInput, match="tells no format"):
        export_capture(capture, tmp_path / "a.bin")
    with pytest.raises(BadInput, match="not written"):
        export_capture(capture, tmp_path / "a.log")
    (tmp_path / "x.bin").write_text("hello")
    with pytest.raises(BadInput, match="tells its format"):
        import_file(tmp_path / "x.bin", tmp_path / "a.db")
    with pytest.raises(BadInput, match="cannot read"):
        import_file(tmp_path, tmp_path / "a.db")
    assert names(tmp_path) == ["capture.db", "x.bin", "x.log"]


def test_the_format_is_told_by_the_name_and_better_by_the_content(record: Any, tmp_path: Path) -> None:
    known = {
        "a.jsonl": Form.LOSSLESS,
        "a.TRACE.jsonl": Form.TRACE,
        "a.oot": Form.TRACE,
        "a.csv": Form.CSV,
        "a.log": Form.PLAIN,
    }
    assert {name: form_of(Path(name)) for name in known} == known
    assert form_of(Path("a.db")) is None
    capture = record([CALL, RESULT])
    for form in (Form.LOSSLESS, Form.TRACE, Form.CSV):
        target = tmp_path / f"{form}.dat"
        export_capture(capture, target, form)
        assert import_file(target, tmp_path / f"{form}.db").form is form


def test_csv_holds_the_rows_of_the_table_and_no_formulas(record: Any, tmp_path: Path) -> None:
    faulty = Decoded("malformed", "@SUM(A1)", "-2", malformed("x").body, (Fault("malformed", "=1+1", ""),), "+1")
    capture = record([CALL, RESULT, ERROR, CALL._replace(seq=4, decoded=faulty, raw=b"\xff")])
    report = export_capture(capture, tmp_path / "rows.csv")
    rows = list(csv.DictReader(io.StringIO((tmp_path / "rows.csv").read_text(encoding="utf-8"), newline="")))
    assert report.messages == 4
    assert tuple(rows[0]) == csv_rows.COLUMNS
    assert rows[0] | {"summary": ""} == {
        "seq": "1", "time": "2026-11-21T12:00:00.000000001Z", "link": "ocpp", "dir": "in", "channel": "CP-1",
        "kind": "CALL", "name": "Authorize", "id": "1", "ms": "", "faults": "", "summary": "",
    }  # fmt: skip
    assert rows[0]["summary"] == "'=cmd()"
    assert (rows[1]["ms"], rows[1]["summary"]) == ("1.500", "Accepted")
    assert (rows[3]["name"], rows[3]["id"], rows[3]["summary"]) == ("'@SUM(A1)", "'-2", "'=1+1")


def test_csv_masks_key_codes_also_in_faults(record: Any, tmp_path: Path) -> None:
    raw = b'[2,"1","Authorize",{"idToken":{"idToken":"4711","type":"KeyCode"}}]'
    message = frame(1, "CALL", "Authorize", raw)
    told = message._replace(decoded=message.decoded._replace(faults=(Fault("x", "'4711' is too short"),)))
    export_capture(record([told]), tmp_path / "rows.csv")
    assert b"4711" not in (tmp_path / "rows.csv").read_bytes()


def test_rows_are_read_again_without_their_payloads(record: Any, tmp_path: Path) -> None:
    export_capture(record([CALL, ERROR]), tmp_path / "rows.csv", filter=parse("Authorize"))
    assert import_file(tmp_path / "rows.csv", tmp_path / "rows.db").messages == 1
    with CaptureReader(tmp_path / "rows.db") as reader:
        (back,) = reader.messages()
    assert (back.seq, back.utc_ns, back.raw, back.decoded.name) == (1, CALL.utc_ns, b"", "Authorize")
    assert back.decoded.summary == "=cmd()"


@pytest.mark.parametrize(
    "row", ["1,2", "1,yesterday,ocpp,in,c,k,n,i,,,", "1,2026-11-21T12:00:00Z,x,in,c,k,n,i,,,", '1,"']
)
def test_a_damaged_row_is_named(tmp_path: Path, row: str) -> None:
    (tmp_path / "rows.csv").write_bytes(csv_rows.header() + row.encode())
    with pytest.raises(BadInput, match="line 2"):
        import_file(tmp_path / "rows.csv", tmp_path / "rows.db")
    assert names(tmp_path) == ["rows.csv"]


def test_a_recorded_message_gets_its_body_again() -> None:
    assert redecode(CALL).decoded.body == Call("1", "Authorize", {"idTag": "=cmd()"})
    assert redecode(RESULT).decoded.body == CallResult("1", "Authorize", {"idTagInfo": {"status": "Accepted"}})
    assert isinstance(redecode(ERROR).decoded.body, CallError)
    refused = frame(4, "CALLRESULTERROR", "", b'[5,"9","FormatViolation","no",{}]', Direction.IN, "9")
    assert redecode(refused).decoded.body == CallResultError("9", "", "FormatViolation", "no", {})
    sent = frame(5, "SEND", "NotifyPeriodicEventStream", b'[6,"9","NotifyPeriodicEventStream",{}]', Direction.IN, "9")
    assert redecode(sent).decoded.body == Unconfirmed("9", "NotifyPeriodicEventStream", {})
    for odd in (
        CALL._replace(raw=b"[2]"),
        CALL._replace(raw=b"\xff"),
        CALL._replace(link=Link.READER),
        CALL._replace(raw=b""),
    ):
        assert redecode(odd) == odd


def test_times_are_exact_to_the_nanosecond() -> None:
    for utc_ns in (0, 1, -1, UTC, UTC + 120_000_000, UTC + 1_000, 2**63 - 1, -(2**63)):
        assert parse_time(rfc3339(utc_ns)) == utc_ns
    assert rfc3339(UTC + 5_000_000) == "2026-11-21T12:00:00.005Z"
    assert parse_time("2026-11-21T13:30:00+01:30") == UTC
    assert parse_time("2016-12-31T23:59:60Z") == parse_time("2016-12-31T23:59:59Z")
    assert parse_time("2026-11-21") is None
    assert parse_time("2026-13-21T12:00:00Z") is None
    assert find_time("x 2026-99-21 12:00:00 y 2026-11-21 12:00:00,000 INFO") == UTC


def test_versions_are_understood_however_spelled() -> None:
    for text in ("1.6", "1.6J", "ocpp1.6", "OCPP 1.6", "v16"):
        assert known_version(text) == "1.6"
    for text in ("2.0.1", "ocpp2.0.1", "V201", "2.0"):
        assert known_version(text) == "2.0.1"
    for text in ("2.1", "ocpp2.1", "OCPP 2.1", "V21"):
        assert known_version(text) == "2.1"
    assert known_version("unknown") is None


def test_open_requests_are_bounded() -> None:
    calls: OpenCalls[int] = OpenCalls(max_open=3)
    for number in range(5):
        calls.call("same" if number % 2 else number, number)
    assert [calls.answer(key) for key in (0, "same", 2, 4, "same", "same")] == [None, 3, None, 4, 1, None]
