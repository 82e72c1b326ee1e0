"""Fixtures of the window's tests: an application with our theme, a session that stands still, tasks that end."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
from PySide6.QtCore import QEvent

from bench.tasks import Tasks
from tests.ui.stub_session import StubSession, lively_session
from ui import theme

OFFSCREEN = r"This plugin does not support (propagateSizeHints|raise)\(\)"
"""What Qt's offscreen platform says of any window with a least size; it has no meaning there."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.qt_log_ignore(OFFSCREEN, extend=True))


@pytest.fixture
def themed(qapp) -> Iterator[theme.Theme]:
    """The application under our light theme; widgets of the test are gone after it."""
    if theme.current.choice is theme.Choice.SYSTEM:
        theme.current.install(qapp, theme.Choice.LIGHT)
        theme.current.style()
    theme.current.choose(theme.Choice.LIGHT)
    yield theme.current
    # pytest-qt closed them and asked for their deletion, which only a running loop would carry out; each of them left
    # would be restyled by every later change of theme.
    qapp.sendPostedEvents(None, QEvent.Type.DeferredDelete)


@pytest.fixture
def stub() -> StubSession:
    """A session in which nothing has happened yet."""
    return StubSession()


@pytest.fixture
def lively() -> StubSession:
    """A session with links, a station, five taps and two findings."""
    return lively_session()


@pytest_asyncio.fixture
async def tasks() -> AsyncIterator[Tasks]:
    """The tasks of a panel; ended with the test."""
    kept = Tasks()
    yield kept
    await kept.cancel()
