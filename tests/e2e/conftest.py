"""Parts of the stories: a real broker, and somebody else on its bus."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
from PySide6.QtCore import QEvent
from PySide6.QtWidgets import QApplication

from bench.assembly import Options
from bench.tasks import Tasks
from fixtures.demo import Demo
from tests.devices.bus_helpers import Peer
from tests.e2e.technician import Technician
from tests.mosquitto import Mosquitto
from ui.window import make_window


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    """A running mosquitto."""
    made = Mosquitto(tmp_path)
    made.start()
    yield made
    made.kill()


@pytest.fixture
def peer(broker: Mosquitto) -> Iterator[Peer]:
    """Another program on the bus, which hears every topic."""
    made = Peer(broker.port)
    yield made
    made.close()


@pytest_asyncio.fixture
async def technician(qtbot, tmp_path: Path) -> AsyncIterator[Technician]:
    """At a window over the whole demo bench: real broker, simulated charger, sample tokens."""
    _, window = make_window(size=(1280, 800), state_file=tmp_path / "window.ini", theme="light")
    window.show()
    options = Options(ocpp="127.0.0.1:0", api="off", mqtt="embedded", charger="sim", temporary=True)
    tasks = Tasks()
    async with Demo(options, "pn532", ()) as demo:
        window.attach(demo.session, tasks)
        yield Technician(qtbot, window, demo)
        await tasks.cancel()
        window.release()
    # Not handed to qtbot, which would delete it while the session still speaks to it.
    window.hide()
    window.deleteLater()
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
