"""Captures that no bench wrote, or that hold chosen messages only: opened without harm, or refused in words."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path

import pytest

from bench.errors import BadInput
from bench.journal import capture_schema as schema
from bench.journal.capture_reader import CaptureReader
from bench.journal.view import JournalContext, View
from bench.recording import Recording

EXCHANGE: dict[str, object] = {
    "id": 1,
    "opened": "2026-01-01T00:00:00Z",
    "card": None,
    "evse_id": None,
    "verdict": None,
    "decided_by": None,
    "reason": "",
    "total_ms": None,
    "hops": [],
    "findings": [],
}
MESSAGES_VIEW = """
DROP TABLE messages;
CREATE VIEW messages AS WITH RECURSIVE n (seq) AS (SELECT 1 UNION ALL SELECT seq + 1 FROM n)
SELECT seq, 0 AS mono_ns, 0 AS utc_ns, 'ocpp' AS link, 'in' AS dir, '' AS channel, 'CALL' AS kind, '' AS name,
NULL AS correlation, x'' AS raw, '' AS summary, NULL AS meta, NULL AS faults, 0 AS injected FROM n;
"""


def capture(path: Path, numbers: Sequence[int], sql: str = "") -> Path:
    """A capture with messages of those numbers, then changed by hand."""
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute(f"PRAGMA application_id = {schema.APPLICATION_ID}")
        db.executescript(schema.migration(0))
        db.execute("BEGIN")
        for seq in numbers:
            row = (seq, seq, seq, "ocpp", "in", "CP1", "CALL", "Heartbeat", str(seq), b"[]", "", None, None, 0)
            db.execute(schema.INSERT_MESSAGE, row)
        db.execute("COMMIT")
        db.executescript(sql)
    return path


def gap(first: object, last: object, count: int = 1) -> str:
    return f"INSERT INTO gaps (what, first, last, count, why) VALUES ('messages', {first}, {last}, {count}, 'why');"


def exchange(**changed: object) -> str:
    told = json.dumps(EXCHANGE | changed).replace("'", "''")
    return f"INSERT INTO exchanges VALUES (1, 0, NULL, NULL, '{told}');"


def shown(path: Path) -> list[int]:
    """The numbers of the rows a window shows."""
    recording = Recording(path)
    try:
        return list(View(recording.history, JournalContext(recording.pairs, recording.exchange_of)).visible)
    finally:
        recording.close()


@pytest.mark.parametrize("numbers", [(1, 2, 2**62), (5, 900_000_000), (1, 2, 3)])
def test_rows_are_the_messages_there_are(tmp_path: Path, numbers: tuple[int, ...]) -> None:
    """An import of chosen messages keeps their numbers: between them is nothing to show, nor room for it in memory."""
    path = capture(tmp_path / "chosen.db", numbers)
    assert shown(path) == list(numbers)
    recording = Recording(path)
    assert recording.journal.total == recording.counters()["messages"] == len(numbers)
    recording.close()


@pytest.mark.parametrize(
    ("gaps", "rows"),
    [
        (gap(4, 2**62), [1, 2, 3, 4]),
        (gap(-(2**63), 0), [1, 2, 3]),
        (gap(4, 10) + gap(4, 10) + gap(8, 9), [1, 2, 3, 4, 8]),
        (gap(9, 5), [1, 2, 3, 9]),
        (gap(2, 2), [1, 2, 3]),
    ],
)
def test_gaps_of_any_width_are_a_row_each(tmp_path: Path, gaps: str, rows: list[int]) -> None:
    assert shown(capture(tmp_path / "gaps.db", (1, 2, 3), gaps)) == rows


@pytest.mark.parametrize(
    "sql",
    [
        MESSAGES_VIEW,
        "CREATE TRIGGER t AFTER INSERT ON notes BEGIN DELETE FROM messages; END;",
        "DROP TABLE notes; CREATE TABLE notes (seq TEXT, text TEXT, utc_ns INTEGER);",
        "DROP TABLE messages;",
        "UPDATE messages SET seq = -5 WHERE seq = 1;",
        f"UPDATE messages SET seq = {2**63 - 1} WHERE seq = 1;",
        "PRAGMA user_version = -1; DROP TABLE gaps;",
    ],
)
def test_what_is_no_capture_is_refused_when_opened(tmp_path: Path, sql: str) -> None:
    path = capture(tmp_path / "foreign.db", (1, 2), sql)
    with pytest.raises(BadInput):
        CaptureReader(path)


@pytest.mark.parametrize(
    "changed",
    [
        {"card": []},
        {"more": []},
        {"id": [1]},
        {"opened": 5},
        {"hops": 5},
        {"total_ms": 1e300},
        {"findings": [5]},
        {"hops": [{"seq": [1], "from": "ev", "to": "csms", "link": None, "name": "n", "at_ms": 0, "fault": None}]},
    ],
)
def test_an_exchange_nobody_can_read_does_not_take_the_messages_with_it(
    tmp_path: Path, changed: dict[str, object], expected_log: Callable[[str], None]
) -> None:
    expected_log("cannot be read and are left out")
    path = capture(tmp_path / "exchange.db", (1, 2), exchange(**changed))
    recording = Recording(path)
    assert (len(recording.exchanges), recording.journal.recorded) == (0, 2)
    recording.close()


def test_values_of_other_types_are_text_and_numbers_when_read(tmp_path: Path) -> None:
    sql = """
    UPDATE messages SET correlation = x'ff', faults = '[{"rule": 1, "text": null, "where": []}]' WHERE seq = 1;
    INSERT INTO notes VALUES (1, x'ff', 1);
    INSERT INTO stations VALUES (x'ff', 5);
    INSERT INTO facts VALUES (NULL, 5);
    """
    with CaptureReader(capture(tmp_path / "types.db", (1,), sql)) as reader:
        (message,) = reader.messages()
        told = (
            message.decoded.correlation,
            *(word for f in message.decoded.faults for word in (f.rule, f.text, f.where)),
        )
        assert all(isinstance(word, str) for word in told)
        assert all(isinstance(note.text, str) for note in reader.notes())
        assert all(
            isinstance(word, str) for pair in (*reader.stations().items(), *reader.facts().items()) for word in pair
        )


@pytest.mark.parametrize("sql", ["UPDATE messages SET mono_ns = 'abc'", "UPDATE messages SET raw = 'text'"])
def test_what_cannot_be_a_number_or_bytes_is_told(tmp_path: Path, sql: str) -> None:
    with CaptureReader(capture(tmp_path / "types.db", (1,), sql)) as reader, pytest.raises(BadInput):
        reader.messages()


def test_a_gap_without_numbers_is_told(tmp_path: Path) -> None:
    with CaptureReader(capture(tmp_path / "types.db", (1,), gap("'a'", "'b'"))) as reader, pytest.raises(BadInput):
        reader.gaps()


def test_first_and_last_number_are_looked_up_not_counted(tmp_path: Path) -> None:
    """SQLite reads the whole table for ``SELECT min(seq), max(seq)``."""
    with CaptureReader(capture(tmp_path / "many.db", range(1, 20_001))) as reader:
        steps: list[int] = []
        reader._db.set_progress_handler(lambda: steps.append(1), 100)  # type: ignore[arg-type,func-returns-value]
        assert reader.span() == (1, 20_000)
    assert len(steps) < 5
