"""Rules for every test: offscreen Qt, the window's loop for gui tests, no leaked tasks or threads, no unexpected warnings."""

from __future__ import annotations

import asyncio
import logging
import os
import threading
from collections.abc import Callable, Iterator

import pytest

from tests.postgresql import postgresql

__all__ = ["postgresql"]  # one server for all tests of a session

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
os.environ["QT_API"] = "pyside6"


def _make_qt_loop() -> asyncio.AbstractEventLoop:
    from ui.loop import make_loop

    return make_loop()


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Tests marked gui run on the window's loop, all others on plain asyncio."""
    if item.get_closest_marker("gui"):
        return {"qt": _make_qt_loop}
    return {"std": asyncio.new_event_loop}


@pytest.fixture(autouse=True)
def no_unexpected_warnings(caplog: pytest.LogCaptureFixture, request: pytest.FixtureRequest) -> Iterator[None]:
    """A log record of WARNING or above fails the test unless the test takes ``expected_log`` and allows it."""
    caplog.set_level(logging.WARNING)
    yield
    allowed = getattr(request.node, "_allowed_log", [])
    surprises = [
        record
        for when in ("setup", "call")
        for record in caplog.get_records(when)
        if record.levelno >= logging.WARNING and not any(part in record.getMessage() for part in allowed)
    ]
    if surprises:
        pytest.fail("unexpected log: " + "; ".join(f"{r.name}: {r.getMessage()}" for r in surprises))


@pytest.fixture
def expected_log(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """``expected_log("part of the message")`` allows warnings that hold that text."""
    request.node._allowed_log = []
    return request.node._allowed_log.append


@pytest.fixture(autouse=True)
def no_leaked_threads() -> Iterator[None]:
    """A test ends with the threads it began with (daemon helpers of the interpreter's executors aside)."""
    before = set(threading.enumerate())
    yield
    left = [t for t in threading.enumerate() if t not in before and t.is_alive() and not t.name.startswith("asyncio_")]
    for thread in left:
        thread.join(timeout=2.0)
    left = [thread.name for thread in left if thread.is_alive()]
    if left:
        pytest.fail(f"threads left behind: {left}")
