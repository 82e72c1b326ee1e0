"""``authbench journal`` as a person would use it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import click
import orjson
import pytest
from click.testing import CliRunner, Result

from bench.errors import BadInput, NotFound, OperatorError
from bench.journal.capture_file import Batch, CaptureFile, ExchangeRow, Gap
from bench.journal_cli import journal
from bench.message import Decoded, Direction, Fault, Link, Message, malformed

UTC = 1_795_262_400_000_000_000  # 2026-11-21T12:00:00Z
CODE = b'[2,"2","Authorize",{"idToken":{"idToken":"4711","type":"KeyCode"}}]'


def message(seq: int, raw: bytes, kind: str, name: str, direction: Direction, **members: Any) -> Message:
    decoded = Decoded(kind, name, "2", None)
    at = UTC + seq * 1_000_000
    return Message(seq, seq * 1_000_000, at, Link.OCPP, direction, "CP-1", raw, decoded)._replace(**members)


MESSAGES = [
    message(
        1, b'[2,"1","Heartbeat",{}]', "CALL", "Heartbeat", Direction.IN, decoded=Decoded("CALL", "Heartbeat", "1", None)
    ),
    message(2, CODE, "CALL", "Authorize", Direction.IN),
    message(3, b'[3,"2",{"idTokenInfo":{"status":"Accepted"}}]', "CALLRESULT", "Authorize", Direction.OUT),
    message(4, b"\x1b[2Jgone\xff", "", "", Direction.IN, decoded=malformed("not UTF-8", "byte 8")),
]
EXCHANGE = {
    "id": 1, "opened": "2026-11-21T12:00:00.002Z", "card": {"uid": "••••", "token_type": "KeyCode"},
    "verdict": "accepted", "decided_by": "store", "total_ms": 1.0,
    "hops": [
        {"seq": 2, "from": "station", "to": "csms", "name": "Authorize", "delta_ms": 0.0, "fault": None},
        {"seq": 3, "from": "csms", "to": "station", "name": "Authorize", "delta_ms": 1.0, "fault": "late"},
    ],
    "findings": [{"severity": "warn", "text": "the answer was late"}],
}  # fmt: skip


def write(path: Path, batch: Batch) -> Path:
    file = CaptureFile(path)
    file.open()
    file.write(batch)
    file.close()
    return path


@pytest.fixture
def capture(tmp_path: Path) -> Path:
    row = ExchangeRow(1, UTC, "accepted", "store", orjson.dumps(EXCHANGE).decode(), (2, 3))
    gap = Gap("messages", 5, 7, 3, "the disk was full")
    return write(
        tmp_path / "capture.db", Batch(messages=MESSAGES, exchanges=[row], gaps=[gap], stations=[("CP-1", "2.0.1")])
    )


def run(*arguments: object) -> Result:
    return CliRunner().invoke(journal, list(map(str, arguments)), catch_exceptions=True, standalone_mode=False)


def lines(*arguments: object) -> list[str]:
    result = run(*arguments)
    assert result.exception is None, result.exception
    return result.stdout.splitlines()


def test_show_tells_every_message_in_a_line_and_masks_secrets(capture: Path) -> None:
    result = run("show", capture)
    told = result.stdout.splitlines()
    assert told[0] == "1  2026-11-21T12:00:00.001Z  ocpp in  CP-1  CALL Heartbeat"
    assert told[1].endswith("CALL Authorize  KeyCode ••••")
    assert told[2].endswith("CALLRESULT Authorize  1.0 ms  Accepted")
    assert told[3].endswith("malformed  not UTF-8 (at byte 8)  ! not UTF-8")
    assert "4711" not in result.output
    assert "missing: 3 messages, numbers 5 to 7: the disk was full" in result.stderr
    assert "4711" in run("show", capture, "--reveal", "--json").stdout


def test_raw_bytes_are_masked_and_do_not_command_the_terminal(capture: Path) -> None:
    told = run("show", capture, "--raw").stdout
    assert '"idToken":"••••"' in told
    assert "\x1b" not in told
    assert "\\x1b[2Jgone\\xff" in told
    assert "4711" in run("show", capture, "--raw", "--reveal").stdout


def test_filter_after_and_limit(capture: Path) -> None:
    assert [line.split()[0] for line in lines("show", capture, "--filter", "name:Authorize")] == ["2", "3"]
    assert [line.split()[0] for line in lines("show", capture, "--filter", "idToken.type=KeyCode")] == ["2"]
    assert [line.split()[0] for line in lines("show", capture, "--filter", "ms>0.5")] == ["3"]
    assert [line.split()[0] for line in lines("show", capture, "--after", 1, "--limit", 2)] == ["2", "3"]
    assert [line.split()[0] for line in lines("show", capture, "--filter", "exchange:1", "--limit", 1)] == ["2"]


def test_what_does_not_fit_is_told(tmp_path: Path) -> None:
    orphan, request, answer = MESSAGES[2]._replace(seq=1), MESSAGES[1], MESSAGES[2]
    capture = write(tmp_path / "x.db", Batch(messages=[orphan, request, answer, answer._replace(seq=4)]))
    told = lines("show", capture)
    assert [told[0].endswith("(orphan)"), told[3].endswith("(duplicate)")] == [True, True]
    assert lines("show", capture, "--after", 2)[0].endswith("1.0 ms  Accepted")  # its request was before


def test_json_is_as_the_control_api_tells_it(capture: Path) -> None:
    told = [orjson.loads(line) for line in lines("show", capture, "--json")]
    assert [entry["seq"] for entry in told] == [1, 2, 3, 4]
    assert [entry["exchange"] for entry in told] == [None, 1, 1, None]
    assert told[1]["decoded"]["payload"]["idToken"] == {"idToken": "••••", "type": "KeyCode"}
    assert told[3]["raw_base64"]


def test_an_exchange_is_told_hop_by_hop_with_its_messages(capture: Path) -> None:
    told = lines("show", capture, "--exchange", 1)
    assert told[0] == "exchange 1  2026-11-21T12:00:00.002Z  •••• KeyCode  accepted by store  1.0 ms"
    assert told[2] == "  +1.0 ms  csms -> station  Authorize  #3  ! late"
    assert told[3] == "  warn: the answer was late"
    assert [line.split()[0] for line in told[4:]] == ["2", "3"]
    assert orjson.loads(lines("show", capture, "--exchange", 1, "--json")[0]) == EXCHANGE
    assert isinstance(run("show", capture, "--exchange", 2).exception, NotFound)


def test_stats(capture: Path) -> None:
    told = orjson.loads(lines("show", capture, "--stats", "--json")[0])
    assert (told["messages"], told["malformed"], told["missing"]) == (4, 1, 3)
    assert told["exchanges"] == {"accepted": 1}
    assert told["kinds"]["ocpp in CALL Authorize"] == 1
    assert "  CP-1" not in lines("show", capture, "--stats")[0]
    assert "malformed  1" in lines("show", capture, "--stats", "--filter", "malformed")


def test_there_and_back_in_every_format(capture: Path, tmp_path: Path) -> None:
    assert lines("export", capture, tmp_path / "a.jsonl") == [
        f"{tmp_path / 'a.jsonl'} (lossless): 4 messages; 1 exchange; 1 gap"
    ]
    assert lines("import", tmp_path / "a.jsonl", tmp_path / "b.db")[0].endswith("4 messages; 1 exchange; 1 gap")
    lines("export", tmp_path / "b.db", tmp_path / "b.jsonl")
    assert (tmp_path / "a.jsonl").read_bytes() == (tmp_path / "b.jsonl").read_bytes()
    told = lines("export", capture, tmp_path / "a.oot", "--redact")
    assert "(trace): 3 messages; 1 left out: 1 malformed OCPP; redacted: UIDs, " in told[0]
    assert b"4711" not in (tmp_path / "a.oot").read_bytes()
    assert lines("import", tmp_path / "a.oot", tmp_path / "c.db")[0].endswith("3 messages")
    lines("export", capture, tmp_path / "rows", "--format", "csv", "--filter", "Heartbeat")
    assert len((tmp_path / "rows").read_bytes().splitlines()) == 2
    (tmp_path / "x.log").write_text('[2,"1","Heartbeat",{}]\nnonsense\n')
    told = lines("import", tmp_path / "x.log", tmp_path / "d.db")
    assert told[0].endswith("(from plain): 2 messages; OCPP 2.0.1 assumed: no call tells the version")
    told = lines("import", tmp_path / "x.log", tmp_path / "e.db", "--ocpp-version", "1.6")
    assert told[0].endswith("(from plain): 2 messages; OCPP 1.6 as told")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["show", "none.db"], "there is no capture"),
        (["show", "junk.db"], "not a capture|cannot be read"),
        (["show", "capture.db", "--filter", "link:pigeon"], "wrong at character 6"),
        (["export", "capture.db", "junk.db"], "tells no format"),
        (["export", "capture.db", "old.csv"], "exists already"),
        (["import", "bad.jsonl", "new.db"], "line 2: not JSON"),
        (["import", "bad.jsonl", "capture.db"], "exists already"),
    ],
)
def test_what_is_wrong_is_told(capture: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], told: str) -> None:
    monkeypatch.chdir(capture.parent)
    Path("junk.db").write_text("junk, and more of it " * 10)
    Path("old.csv").write_text("old")
    Path("bad.jsonl").write_text('{"format":"authbench-journal","version":1}\n{oops\n')
    before = sorted(Path().iterdir())
    with pytest.raises(OperatorError, match=told):
        journal.main(arguments, standalone_mode=False)
    assert sorted(Path().iterdir()) == before
    assert Path("old.csv").read_text() == "old"


def test_an_empty_capture(tmp_path: Path) -> None:
    empty = write(tmp_path / "empty.db", Batch())
    assert lines("show", empty) == []
    assert lines("show", empty, "--stats")[0] == "messages   0"
    assert lines("export", empty, tmp_path / "empty.csv")[0].endswith("0 messages")


def test_an_error_is_usage_to_click() -> None:
    with pytest.raises(click.UsageError):
        journal.main(["export", "a", "b", "--format", "plain"], standalone_mode=False)
    with pytest.raises(BadInput):
        journal.main(["import", __file__, "/nowhere/x.db"], standalone_mode=False)


def test_a_reader_that_has_seen_enough_is_no_error(tmp_path: Path) -> None:
    many = write(tmp_path / "many.db", Batch(messages=[MESSAGES[0]._replace(seq=seq) for seq in range(1, 5001)]))
    program = (
        "import sys; from bench.journal_cli import journal; sys.exit(journal.main(sys.argv[1:], standalone_mode=False))"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, "show", str(many)], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline().startswith(b"1 ")
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(timeout=20) == 0


def test_faults_are_masked_too(tmp_path: Path) -> None:
    faulty = MESSAGES[1]._replace(decoded=MESSAGES[1].decoded._replace(faults=(Fault("x", "'4711' is short"),)))
    shown = run("show", write(tmp_path / "x.db", Batch(messages=[faulty])))
    assert "! '••••' is short" in shown.stdout
    assert "4711" not in shown.stdout
