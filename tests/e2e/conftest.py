"""Parts of the stories: a real broker, and somebody else on its bus."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.devices.bus_helpers import Peer
from tests.mosquitto import Mosquitto


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
