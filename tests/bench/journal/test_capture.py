"""The capture file: complete, bounded, and whole whatever happens to the disk or the process."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import stat
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from pathlib import Path

import pytest

from bench.clock import ManualClock, Stamp
from bench.errors import BadInput, NotFound, StoreError
from bench.exchange import DecidedBy, Exchange, Hop, Party, Verdict
from bench.journal.capture import Capture, CaptureReader, read_messages
from bench.journal.log import Journal
from bench.message import Decoded, Direction, Fault, Link, Message, malformed
from bench.ports import LinkState, LinkStatus

CLOCK = ManualClock()


def feed(journal: Journal, count: int, raw: bytes = b'[2,"1","Heartbeat",{}]') -> None:
    for _ in range(count):
        decoded = Decoded("CALL", "Heartbeat", "1", None, (), "Heartbeat")
        journal.append(Link.OCPP, Direction.IN, "CP-001", raw, decoded, CLOCK.stamp())


@asynccontextmanager
async def recording(path: Path, **bounds: int) -> AsyncIterator[tuple[Capture, list[LinkStatus]]]:
    said: list[LinkStatus] = []
    capture = Capture(path, said.append, **bounds)
    await capture.open()
    try:
        yield capture, said
    finally:
        await capture.close(timeout_s=0.2)


def files(folder: Path) -> list[Path]:
    return sorted(folder.iterdir())


def query(path: Path, sql: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(path)) as db:
        return db.execute(sql).fetchall()


async def on_connection(capture: Capture, sql: str) -> None:
    """Run a statement on the capture's own connection, as a failing disk would change it."""
    file = capture._file
    await capture._on_thread(lambda: file._db is not None and file._db.execute(sql).fetchall())


def an_exchange(number: int, verdict: Verdict | None = None) -> Exchange:
    opened = Stamp(1_000_000, 1_700_000_000_000_000_000)
    hops = [
        Hop(number * 2 - 1, Party.READER, Party.BENCH, Link.READER, "card", 1_000_000),
        Hop(None, Party.BENCH, Party.STORE, None, "look-up", 2_000_000),
        Hop(number * 2, Party.BENCH, Party.JOSEV, Link.JOSEV, "authorization", 3_000_000),
    ]
    return Exchange(number, opened, "tap", verdict=verdict, decided_by=DecidedBy.STORE if verdict else None, hops=hops)


async def test_a_message_comes_back_as_it_was(tmp_path: Path) -> None:
    journal = Journal()
    raw = bytes(range(256))
    faults = (Fault("ocpp.schema", "idTag is 21 long, 20 allowed", "idTag"),)
    decoded = Decoded("CALL", "Authorize", "4711", object(), faults, "Authorize 04A2")
    stamp = Stamp(123, 1_700_000_000_000_000_001)
    journal.append(Link.OCPP, Direction.OUT, "CP-Ünï", raw, decoded, stamp, {"qos": 1, "note": "x"}, injected=True)
    journal.append(Link.JOSEV, Direction.IN, "josev/cs", b"\xff{", malformed("not JSON", "byte 0"), stamp)
    path = tmp_path / "deep" / "capture.db"
    async with recording(path) as (capture, said):
        capture.pull(journal)
        await capture.flush()
        assert (capture.recorded, capture.dropped, capture.pending) == (2, 0, 0)
        assert capture.size() > 0
        first, second = read_messages(path)
    assert first == Message(
        1, 123, stamp.utc_ns, Link.OCPP, Direction.OUT, "CP-Ünï", raw,
        Decoded("CALL", "Authorize", "4711", None, faults, "Authorize 04A2"), {"qos": 1, "note": "x"}, True,
    )  # fmt: skip
    assert second == journal.get(2)
    assert second.malformed
    assert [status.state for status in said] == [LinkState.UP, LinkState.OFF]
    assert {status.name for status in said} == {"capture"}


async def test_the_file_is_private_one_piece_and_of_a_known_version(tmp_path: Path) -> None:
    path = tmp_path / "capture.db"
    journal = Journal()
    feed(journal, 3)
    async with recording(path) as (capture, _):
        capture.pull(journal)
        await capture.flush()
        for file in files(tmp_path):
            assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert query(path, "PRAGMA journal_mode") == [("wal",)]
    assert [file.name for file in files(tmp_path)] == ["capture.db"]
    assert query(path, "PRAGMA user_version") == [(3,)]
    assert query(path, "PRAGMA journal_mode") == [("delete",)]
    assert query(path, "SELECT seq, link, dir, channel, name FROM messages WHERE seq = 3") == [
        (3, "ocpp", "in", "CP-001", "Heartbeat")
    ]


async def test_pulls_only_what_is_new_and_pages_come_in_order(tmp_path: Path) -> None:
    path = tmp_path / "capture.db"
    journal = Journal()
    async with recording(path) as (capture, _):
        for count in (1, 0, 4999, 3):
            feed(journal, count)
            capture.pull(journal)
            await capture.flush()
        assert capture.recorded == 5003
        assert [message.seq for message in read_messages(path, after=4999, limit=3)] == [5000, 5001, 5002]
    assert read_messages(path, after=5003) == []


async def test_an_exchange_is_kept_as_it_last_stood(tmp_path: Path) -> None:
    path = tmp_path / "capture.db"
    async with recording(path) as (capture, _):
        capture.offer_exchange(an_exchange(1))
        capture.offer_exchange(an_exchange(2))
        await capture.flush()
        capture.offer_exchange(an_exchange(1, Verdict.ACCEPTED))
        await capture.flush()
        with CaptureReader(path) as reader:
            exchanges = reader.exchanges()
            assert [reader.exchange_of(seq) for seq in (1, 2, 3, 4, 5)] == [1, 1, 2, 2, None]
    assert [(told["id"], told["verdict"]) for told in exchanges] == [(1, "accepted"), (2, None)]
    assert query(path, "SELECT id, verdict, decided_by FROM exchanges") == [(1, "accepted", "store"), (2, None, None)]


async def test_text_no_codec_should_let_through_is_recorded_all_the_same(tmp_path: Path) -> None:
    path = tmp_path / "capture.db"
    journal = Journal()
    decoded = Decoded("CALL", "\ud800", "\udfff", None, (Fault("x", "\ud800 met", "\ud800"),), "\ud800")
    journal.append(Link.OCPP, Direction.IN, "\ud800", b"", decoded, CLOCK.stamp(), {"big": 1 << 70, "odd": "\ud800"})
    async with recording(path) as (capture, _):
        capture.pull(journal)
        await capture.flush()
        assert capture.recorded == 1
    [message] = read_messages(path)
    assert (message.decoded.name, message.decoded.faults[0].text) == ("?", "? met")
    assert "1180591620717411303424" in str(message.meta)


async def test_numbers_that_left_the_journal_unrecorded_are_a_gap(tmp_path: Path) -> None:
    path = tmp_path / "capture.db"
    journal = Journal(window=10)
    feed(journal, 100)
    async with recording(path) as (capture, _):
        capture.pull(journal)
        await capture.flush()
        missing = journal.first - 1
        assert (capture.recorded, capture.dropped) == (100 - missing, missing)
    with CaptureReader(path) as reader:
        [gap] = reader.gaps()
    assert (gap.what, gap.first, gap.last, gap.count) == ("messages", 1, missing, missing)
    assert "memory" in gap.why


async def test_a_full_disk_is_told_and_recording_resumes_by_itself(
    tmp_path: Path, expected_log: Callable[[str], None]
) -> None:
    expected_log("the disk is full")
    path = tmp_path / "capture.db"
    journal = Journal()
    async with recording(path) as (capture, said):
        feed(journal, 10)
        capture.pull(journal)
        await capture.flush()
        await on_connection(capture, "PRAGMA max_page_count = 1")
        feed(journal, 500, raw=b"x" * 1000)
        for _ in range(3):
            capture.pull(journal)
            await capture.flush()
        assert (capture.recorded, capture.pending) == (10, 500)
        assert [status.state for status in said] == [LinkState.UP, LinkState.FAULTY]
        assert "disk is full" in said[-1].detail
        assert "free space" in said[-1].cure
        assert "resumes" in said[-1].cure
        await on_connection(capture, "PRAGMA max_page_count = 1000000")
        await capture.flush()
        assert (capture.recorded, capture.pending, capture.dropped) == (510, 0, 0)
        assert said[-1].state is LinkState.UP
    assert query(path, "SELECT count(*), max(seq) FROM messages") == [(510, 510)]


@pytest.mark.parametrize("bounds", [{"max_pending": 100}, {"max_pending_bytes": 100 * (1000 + 512)}])
async def test_past_the_bound_the_oldest_are_dropped_and_the_file_says_so(
    tmp_path: Path, bounds: dict[str, int], expected_log: Callable[[str], None]
) -> None:
    expected_log("may not be written")
    path = tmp_path / "capture.db"
    journal = Journal()
    async with recording(path, **bounds) as (capture, said):
        await on_connection(capture, "PRAGMA query_only = ON")
        for _ in range(5):
            feed(journal, 50, raw=b"x" * 1000)
            capture.pull(journal)
            await capture.flush()
        assert (capture.recorded, capture.pending, capture.dropped) == (0, 100, 150)
        assert said[-1].state is LinkState.FAULTY
        assert "writable" in said[-1].cure
        await on_connection(capture, "PRAGMA query_only = OFF")
        await capture.flush()
        assert (capture.recorded, capture.pending, capture.dropped) == (100, 0, 150)
        assert "150 messages not recorded" in said[-1].detail
    with CaptureReader(path) as reader:
        [gap] = reader.gaps()
        assert (gap.first, gap.last, gap.count) == (1, 150, 150)
        assert "may not be written" in gap.why
        assert [message.seq for message in reader.messages()] == list(range(151, 251))


async def test_a_lock_held_by_another_program_only_delays(
    tmp_path: Path, expected_log: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    expected_log("locked")
    monkeypatch.setattr("bench.journal.capture_file.LOCK_WAIT_S", 0.05)
    path = tmp_path / "capture.db"
    journal = Journal()
    async with recording(path) as (capture, said):
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            feed(journal, 5)
            capture.pull(journal)
            await capture.flush()
            assert said[-1].state is LinkState.FAULTY
            assert "another program" in said[-1].detail
            other.execute("ROLLBACK")
            await capture.flush()
        assert capture.recorded == 5
        assert said[-1].state is LinkState.UP


async def test_what_a_dead_disk_kept_from_the_file_is_said_at_the_end(
    tmp_path: Path, expected_log: Callable[[str], None]
) -> None:
    expected_log("may not be written")
    journal = Journal()
    capture = Capture(tmp_path / "capture.db")
    await capture.open()
    await on_connection(capture, "PRAGMA query_only = ON")
    feed(journal, 7)
    capture.pull(journal)
    with pytest.raises(StoreError, match="the last 7 messages were not recorded"):
        await capture.close(timeout_s=0.2)
    assert (capture.recorded, capture.dropped) == (0, 7)


async def test_a_file_removed_while_recording_is_begun_anew_with_a_gap(
    tmp_path: Path, expected_log: Callable[[str], None]
) -> None:
    expected_log("was removed while recording")
    path = tmp_path / "capture.db"
    journal = Journal()
    async with recording(path) as (capture, _):
        feed(journal, 4)
        capture.pull(journal)
        await capture.flush()
        for file in files(tmp_path):
            file.unlink()
        feed(journal, 2)
        capture.pull(journal)
        await capture.flush()
        assert (capture.recorded, capture.dropped) == (2, 4)
    with CaptureReader(path) as reader:
        assert [message.seq for message in reader.messages()] == [5, 6]
        assert [(gap.first, gap.last) for gap in reader.gaps()] == [(1, 4)]


async def test_an_earlier_capture_is_set_aside_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "run.db"
    for count in (1, 2, 3):
        journal = Journal()
        feed(journal, count)
        async with recording(path) as (capture, _):
            capture.pull(journal)
    held = {file.name: len(read_messages(file)) for file in files(tmp_path)}
    assert held == {"run-1.db": 1, "run-2.db": 2, "run.db": 3}


async def test_a_capture_another_bench_writes_is_not_touched(tmp_path: Path) -> None:
    path = tmp_path / "run.db"
    async with recording(path):
        with pytest.raises(StoreError, match="in use"):
            await Capture(path).open()
        assert not (tmp_path / "run-1.db").exists()


@pytest.mark.parametrize("content", [b"my notes, not a database at all" * 40, None])
async def test_a_file_that_is_no_capture_is_left_alone(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "notes.db"
    if content is None:
        with closing(sqlite3.connect(path)) as db:
            db.execute("CREATE TABLE notes (text)")
            db.commit()
        content = path.read_bytes()
    else:
        path.write_bytes(content)
    with pytest.raises(BadInput, match="not a capture"):
        await Capture(path).open()
    assert path.read_bytes() == content
    with pytest.raises(BadInput):
        read_messages(path)


async def test_a_place_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(StoreError, match="cannot be written"):
        await Capture(tmp_path / "file" / "capture.db").open()
    with pytest.raises(StoreError, match="is a folder; name a file in it"):
        await Capture(tmp_path).open()


async def test_reading_refuses_what_it_cannot_know(tmp_path: Path) -> None:
    path = tmp_path / "capture.db"
    with pytest.raises(NotFound):
        read_messages(path)
    async with recording(path) as (capture, _):
        journal = Journal()
        feed(journal, 1)
        capture.pull(journal)
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("UPDATE messages SET link = 'carrier pigeon'")
        with pytest.raises(BadInput, match="carrier pigeon"):
            read_messages(path)
        db.execute("PRAGMA user_version = 99")
    with pytest.raises(BadInput, match="newer"):
        read_messages(path)


async def test_a_cancelled_wait_leaves_the_write_alone(tmp_path: Path) -> None:
    path = tmp_path / "capture.db"
    journal = Journal()
    feed(journal, 3000)
    async with recording(path) as (capture, _):
        capture.pull(journal)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0):
                await capture.flush()
        await asyncio.gather(capture.flush(), capture.flush())
        assert capture.recorded == 3000
    assert query(path, "SELECT count(*), min(seq), max(seq) FROM messages") == [(3000, 1, 3000)]


@pytest.mark.gui
async def test_records_on_the_windows_loop(tmp_path: Path) -> None:
    path = tmp_path / "capture.db"
    journal = Journal()
    feed(journal, 100)
    async with recording(path) as (capture, _):
        capture.pull(journal)
        await capture.flush()
        assert capture.recorded == 100


FLOOD = """
import asyncio, sys
from pathlib import Path
from bench.clock import stamp
from bench.journal.capture import Capture
from bench.journal.log import Journal
from bench.message import Decoded, Direction, Link

async def main():
    journal = Journal()
    capture = Capture(Path(sys.argv[1]))
    await capture.open()
    while True:
        for _ in range(700):
            raw = b"frame %d" % (journal.head + 1)
            journal.append(Link.OCPP, Direction.IN, "CP", raw, Decoded("CALL", "x", None, None), stamp())
        capture.pull(journal)
        await capture.flush()
        print(capture.recorded, flush=True)

asyncio.run(main())
"""


@pytest.mark.parametrize("after", [1, 4, 9])
def test_kill_9_in_a_flood_leaves_a_whole_file_with_all_that_was_recorded(tmp_path: Path, after: int) -> None:
    path = tmp_path / "capture.db"
    root = Path(__file__).parents[3]
    flood = subprocess.Popen(
        [sys.executable, "-c", FLOOD, str(path)], stdout=subprocess.PIPE, text=True, cwd=root,
        env=os.environ | {"PYTHONPATH": str(root)},
    )  # fmt: skip
    assert flood.stdout is not None
    try:
        recorded = 0
        for _ in range(after):
            recorded = int(flood.stdout.readline())
    finally:
        flood.kill()
        for line in flood.stdout:
            recorded = int(line) if line.endswith("\n") else recorded
        flood.stdout.close()
        flood.wait()
    messages = read_messages(path, limit=1_000_000)
    assert [message.seq for message in messages] == list(range(1, len(messages) + 1))
    assert all(message.raw == b"frame %d" % message.seq for message in messages)
    assert recorded <= len(messages) <= recorded + 1400
    assert query(path, "PRAGMA integrity_check") == [("ok",)]
