"""A flood from a real broker with the window open: every message is recorded, and the window goes on answering."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from bench.journal.capture import CaptureReader
from bench.ports import LinkState
from bench.tasks import Tasks
from tests.benchmarks.flood import TOPIC, start_publisher
from tests.e2e.world import link, options, running
from tests.mosquitto import Mosquitto
from tests.ui.conftest import OFFSCREEN
from ui.window import MainWindow

RATE = 20_000
SECONDS = 30
DRAIN_LIMIT_S = 300.0

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600), pytest.mark.qt_log_ignore(OFFSCREEN, extend=True)]


@pytest.mark.gui
async def test_every_message_of_a_flood_is_recorded_and_the_window_answers(tmp_path: Path, qtbot) -> None:
    broker = Mosquitto(tmp_path, config="allow_anonymous true\nmax_queued_messages 0")
    broker.start()
    window = MainWindow()
    qtbot.addWidget(window)
    window.resize(1280, 800)
    window.show()
    panel = window.workspace.messages
    tasks = Tasks()
    count = RATE * SECONDS
    try:
        async with running(options(tmp_path, mqtt=broker.url)) as bench:
            session = bench.session
            await link(session, "josev", LinkState.UP)
            window.attach(session, tasks)
            before = session.journal.head
            publisher = start_publisher(broker.port, RATE, count)
            answers = 0
            while session.journal.head == before:  # noqa: ASYNC110 - the flood is yet to begin
                await asyncio.sleep(0.05)
            async with asyncio.timeout(SECONDS + DRAIN_LIMIT_S):
                while session.journal.head - before < count:
                    # The operator types while it rains: each filter must take effect while the flood goes on.
                    text = ("TX-7", "data.transaction_id=TX-11", "")[answers % 3]
                    panel.filter_line.set_text(text)
                    assert (panel.filter_line.filter.text if panel.filter_line.filter else "") == text
                    await asyncio.sleep(2)
                    assert panel.table.model().rowCount() > 0
                    answers += 1
            assert answers > 10
            assert publisher.wait(30) == 0
            publisher.stdout.close()
    finally:
        await tasks.cancel()
        window.release()
        broker.kill()
    with CaptureReader(tmp_path / "capture.db") as reader:
        assert reader.gaps() == []
        heard = sum(
            message.channel == TOPIC.decode()
            for start in range(0, reader.span()[1], 50_000)
            for message in reader.messages(start, 50_000)
        )
    assert heard == count
