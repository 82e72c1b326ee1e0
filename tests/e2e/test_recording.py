"""A capture opened again gives the view that was live: the same messages, exchanges, filters; and nothing can be sent from it."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication

from bench.errors import BadInput, NotFound
from bench.exchange import to_json
from bench.journal import capture_schema as schema
from bench.journal.capture_file import Batch, CaptureFile, Gap
from bench.message import Message
from bench.recording import Recording
from bench.session import TapRequest
from bench.tasks import Tasks
from bench.tokens.model import JosevTokenType
from fixtures.demo import SITUATIONS, Demo
from tests.e2e.world import options
from tests.ui.conftest import OFFSCREEN
from ui.window import MainWindow

pytestmark = pytest.mark.qt_log_ignore(OFFSCREEN, extend=True)


@pytest.fixture
async def live(tmp_path: Path) -> tuple[Path, list[Message], list[dict[str, object]], dict[str, str]]:
    """What a demo that wrote ``capture.db`` saw while it ran."""
    demo = Demo(options(tmp_path, mqtt="embedded:0", charger="sim", readers=()), "pn532", tuple(SITUATIONS))
    async with demo:
        async for _, good in demo.play(asyncio.Event()):
            assert good
        session = demo.session
        noted = session.journal.head
        session.notes.write(noted, "look at this one")
        messages = session.journal.since(0)
        exchanges = [to_json(exchange) for exchange in session.exchanges.values()]
        stations = {id_: station.version for id_, station in session.stations.items()}
    return tmp_path / "capture.db", messages, exchanges, stations


@pytest.fixture
def opened(live) -> Iterator[Recording]:
    recording = Recording(live[0])
    yield recording
    recording.close()


async def test_the_same_messages_and_exchanges(live, opened: Recording) -> None:
    _, messages, exchanges, stations = live
    for message in messages:
        again = opened.journal.get(message.seq)
        assert again.raw == message.raw
        assert again._replace(decoded=None) == message._replace(decoded=None)
        assert again.decoded._replace(body=None) == message.decoded._replace(body=None)
        if message.link in ("josev", "ocpp") and message.raw:
            assert again.decoded.body == message.decoded.body
    assert [to_json(exchange) for exchange in opened.exchanges.values()] == exchanges
    assert {id_: station.version for id_, station in opened.stations.items()} == stations
    assert not any(station.connected for station in opened.stations.values())
    assert opened.notes.of(messages[-1].seq).text == "look at this one"
    assert opened.counters()["messages"] >= len(messages)


async def test_answers_and_taps_are_found(live, opened: Recording) -> None:
    tap = next(iter(opened.exchanges.values()))
    request = next(seq for seq in tap.sequences if opened.journal.get(seq).decoded.kind == "request")
    answer = opened.pairs.other_half(request)
    assert opened.journal.get(answer).decoded.kind == "response"
    assert opened.pairs.other_half(answer) == request
    assert opened.exchange_of(request) == tap.id


async def test_nothing_can_be_sent_from_it(opened: Recording) -> None:
    with pytest.raises(BadInput, match="this is a capture"):
        opened.present(TapRequest("04A2B3C4", JosevTokenType.ISO14443))
    with pytest.raises(BadInput, match="this is a capture"):
        await opened.push_list("CP-001")
    assert opened.store.get("04A2B3C4D5E680") is None


async def test_what_is_painted_after_it_was_closed_is_empty(live, opened: Recording) -> None:
    request = opened.exchanges[1].sequences[1]
    opened.close()
    assert opened.journal.get(request) is None
    assert opened.pairs.other_half(request) is None
    assert opened.exchange_of(request) == 1
    assert opened.exchange_of(2) is None


async def test_a_file_that_spoils_meanwhile_is_told_once(live, opened: Recording, expected_log) -> None:
    expected_log("cannot be read")
    with closing(sqlite3.connect(live[0])) as db:
        db.execute("ALTER TABLE messages RENAME TO elsewhere")
    opened.journal.pages._pages.clear()  # what was read before is still known
    assert opened.journal.get(1) is None
    assert opened.journal.get(2) is None


async def test_a_note_is_kept_in_the_file(live, opened: Recording) -> None:
    told = []
    opened.subscribe(lambda change, key: told.append((change, key)))
    opened.notes.write(2, "  first  ")
    opened.notes.write(3, "", bookmarked=True)
    opened.notes.write(2, "second")
    opened.notes.write(3, "", bookmarked=False)
    assert told == [("note", 2), ("note", 3), ("note", 2), ("note", 3)]
    again = Recording(live[0])
    assert again.notes.of(2).text == "second"
    assert again.notes.of(3) is None
    assert again.notes.next_after(2) == live[1][-1].seq
    again.close()
    with pytest.raises(NotFound, match="no message"):
        opened.notes.write(999_999, "nowhere")


ADDED = {
    2: ("DROP TABLE notes", "DROP TABLE stations", "DROP INDEX exchange_of", "DROP INDEX polls"),
    3: ("DROP TABLE facts",),
}


@pytest.mark.parametrize("version", range(1, schema.SCHEMA_VERSION))
async def test_a_capture_of_an_earlier_version_opens_and_takes_notes(version: int, live, tmp_path: Path) -> None:
    """What later versions added is taken away again; the rest of the file is as that version wrote it."""
    path = live[0]
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        for statement in (each for number, each_of in ADDED.items() if number > version for each in each_of):
            db.execute(statement)
        db.execute(f"PRAGMA user_version = {version}")
    old = Recording(path)
    assert old.journal.get(1) is not None
    assert bool(old.stations) == (version > 1)
    old.notes.write(1, "kept")
    old.close()
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("PRAGMA user_version").fetchone() == (schema.SCHEMA_VERSION,)
        assert {row[0] for row in db.execute("SELECT name FROM sqlite_master")} >= {
            "facts",
            "notes",
            "stations",
            "polls",
            "exchange_of",
        }
    again = Recording(path)
    assert again.notes.of(1).text == "kept"
    again.close()


async def test_a_gap_is_one_row_that_says_why(live, tmp_path: Path, qtbot, qapp) -> None:
    messages = live[1]
    file = CaptureFile(tmp_path / "gap.db")
    file.open()
    file.write(Batch([*messages[:10], *messages[25:40]], gaps=[Gap("messages", 11, 25, 15, "the disk was full")]))
    file.close()
    recording = Recording(tmp_path / "gap.db")
    window = MainWindow()
    qtbot.addWidget(window)
    window.resize(1280, 800)
    window.show()
    window.attach(recording, Tasks())
    panel = window.workspace.messages
    panel._polls.setChecked(True)
    window.flush()
    model = panel.table.model()
    assert [model.seq_at(row) for row in range(9, 13)] == [10, 11, 26, 27]
    assert model.index(10, 8).data() == "15 messages were not recorded (#11 to #25): the disk was full"
    assert model.cell(10, 8)[1] == "fail"
    window.release()
    recording.close()


async def test_the_window_shows_it_as_it_shows_a_running_bench(live, opened: Recording, qtbot, qapp) -> None:
    tasks = Tasks()
    window = MainWindow()
    qtbot.addWidget(window)
    window.resize(1280, 800)
    window.show()
    window.attach(opened, tasks)
    window.flush()
    work = window.workspace
    shown = [work.messages._model.seq_at(row) for row in range(work.messages.table.model().rowCount())]
    routine = [
        m.seq
        for m in live[1]
        if m.link == "reader" and m.decoded.kind in ("frame", "ack") and opened.exchange_of(m.seq) is None
    ]
    assert set(shown).isdisjoint(routine)
    assert set(shown) | set(routine) >= {m.seq for m in live[1]}
    work.messages.filter_line.set_text("name:Authorize kind:CALL")
    async with asyncio.timeout(10):
        while work.messages._model.view.older is not None:  # noqa: ASYNC110 - the view tells nobody
            await asyncio.sleep(0)  # the search takes turns with the loop
    expected = [m.seq for m in live[1] if m.decoded.name == "Authorize" and m.decoded.kind == "CALL"]
    assert list(work.messages._model.view.visible) == expected
    window.select_exchange(1)
    QApplication.processEvents()
    window.select_message(expected[0])
    assert work.inspector.message.seq == expected[0]
    work.tap.present()
    assert "this is a capture" in work.banner.label.text()
    window.release()
    await tasks.cancel()


def test_what_is_no_capture_is_told(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="there is no capture"):
        Recording(tmp_path / "none.db")
    (tmp_path / "text.db").write_text("not a database at all, but some text " * 50)
    with pytest.raises(BadInput, match="cannot be read"):
        Recording(tmp_path / "text.db")
