"""A million messages: live append with the window open, filters over all of them, memory, and opening the capture again.

``python -m tests.benchmarks.journal [MESSAGES]``
"""

from __future__ import annotations

import asyncio
import json
import os
import sqlite3
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from bench.clock import stamp
from tests.benchmarks.flood import Stalls, resident_mb

TOPIC = "josev/cs"
META = {"qos": 0, "retain": False}
LIVE_S = 10
RATE = 10_000
TICK_S = 0.005
FILTERS = ("link:ocpp", "name:authorization", "data.status=ended", "TX-999999", "ms>500 or malformed")


def payload(number: int) -> bytes:
    """A transaction_status update, every hundredth of them an ended one."""
    status = "ended" if number % 100 == 0 else "in_progress"
    data = {"status": status, "transaction_id": f"TX-{number}", "evse_id": "GB*SEV*E123456789"}
    body = {
        "id": f"{number:08x}-0000-4000-8000-000000000000",
        "name": "transaction_status",
        "type": "update",
        "data": data,
    }
    return json.dumps(body, separators=(",", ":")).encode()


async def fill(session: object, count: int) -> float:
    """As fast as it goes; seconds a message."""
    began = time.perf_counter()
    for number in range(count):
        session.bus_message(TOPIC, payload(number), stamp(), META)
        if number % 1000 == 0:
            session.capture.pull(session.journal)
            await session.capture.flush()
    return (time.perf_counter() - began) / count


async def live(session: object, already: int) -> tuple[Stalls, int]:
    """At a steady rate, as from a link."""
    stalls = Stalls()
    watching = asyncio.create_task(stalls.watch())
    began, sent = time.perf_counter(), 0
    while (elapsed := time.perf_counter() - began) < LIVE_S:
        due = int(elapsed * RATE)
        for number in range(sent, due):
            session.bus_message(TOPIC, payload(already + number), stamp(), META)
        sent = due
        await asyncio.sleep(TICK_S)
    watching.cancel()
    return stalls, sent


async def filters(messages: object) -> None:
    view = messages._model.view
    stalls = Stalls()
    watching = asyncio.create_task(stalls.watch())
    for text in FILTERS:
        began = time.perf_counter()
        messages.filter_line.set_text(text)
        while view.unscanned:
            messages._flush()
        in_memory = time.perf_counter() - began
        while view.older is not None:
            await asyncio.sleep(0.02)
        whole = time.perf_counter() - began
        print(
            f"  {text:24} in memory {in_memory * 1e3:5.0f} ms (aim 100), all {whole:5.1f} s, {len(view.visible):,} found"
        )
    watching.cancel()
    print(f"  meanwhile the window's loop was late by {stalls.told()}")
    began = time.perf_counter()
    messages.filter_line.clear()
    messages._flush()
    print(f"  {'(no filter)':24} {(time.perf_counter() - began) * 1e3:.0f} ms, {len(view.visible):,} rows")


async def run(window: object, folder: Path, count: int) -> None:
    from bench.assembly import Bench
    from bench.recording import Recording
    from bench.tasks import Tasks
    from tests.e2e.world import options

    bench = Bench(options(folder))
    await bench.start()
    session, tasks = bench.session, Tasks()
    window.attach(session, tasks)
    await asyncio.sleep(1)
    empty_mb = resident_mb()
    each = await fill(session, count - LIVE_S * RATE)
    stalls, sent = await live(session, count - LIVE_S * RATE)
    print(f"  {session.journal.head:,} messages, {1 / each:,.0f} a second at full speed")
    print(f"  memory {resident_mb():.0f} MB (aim 400), empty {empty_mb:.0f}")
    print(f"  live at {sent / LIVE_S:,.0f} a second: the window's loop was late by {stalls.told()} (aim p99 50)")
    began = time.perf_counter()
    table = window.messages.table
    for row in range(0, table.model().rowCount(), max(1, table.model().rowCount() // 50)):
        table.scrollTo(table.model().index(row, 0))
        table.grab()
    print(f"  scrolled to 50 places in {time.perf_counter() - began:.2f} s")
    await filters(window.messages)
    print(f"  memory after the filters {resident_mb():.0f} MB")
    head = session.journal.head
    await tasks.cancel()
    await bench.stop()
    began = time.perf_counter()
    recording = await asyncio.to_thread(Recording, folder / "capture.db")
    tasks = Tasks()
    window.attach(recording, tasks)
    window.grab()
    print(f"  opened again and painted in {(time.perf_counter() - began) * 1e3:.0f} ms (aim 1000)")
    await tasks.cancel()
    size = (folder / "capture.db").stat().st_size / 1e6
    print(
        f"  in the capture {recording.reader.count():,} of {head:,}, gaps {len(recording.reader.gaps())}; {size:.0f} MB"
    )
    recording.close()


def bare_insert(folder: Path, count: int) -> float:
    """Seconds a row of a plain sqlite3 program that writes the same bytes in batches of 1000."""
    with closing(sqlite3.connect(folder / "bare.db", isolation_level=None)) as db:
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = NORMAL")
        db.execute("CREATE TABLE messages (seq INTEGER PRIMARY KEY, raw BLOB NOT NULL)")
        began = time.perf_counter()
        for start in range(0, count, 1000):
            db.execute("BEGIN")
            db.executemany("INSERT INTO messages VALUES (?, ?)", ((n, payload(n)) for n in range(start, start + 1000)))
            db.execute("COMMIT")
        return (time.perf_counter() - began) / count


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        from ui.loop import make_loop
        from ui.window import make_window

        app, window = make_window(remember=False, size=(1280, 800))
        window.show()
        window.workspace.show_panel(window.workspace.messages)
        app.processEvents()
        loop = make_loop()
        asyncio.set_event_loop(loop)
        loop.run_until_complete(run(window, folder, count))
        window.release()
        print(f"  plain sqlite3 writes {1 / bare_insert(folder, 100_000):,.0f} rows a second")


if __name__ == "__main__":
    main()
