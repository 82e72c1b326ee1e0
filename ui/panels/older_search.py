"""Looks through the capture for what a filter wants of the messages that left memory, beside the window."""

from __future__ import annotations

import asyncio
from array import array
from collections.abc import Callable
from pathlib import Path

from bench.clock import NS_PER_S, stamp
from ui.models.messages import MessageTableModel
from ui.panels.base import Panel

AFTER_S = 0.3
"""From a new filter to the search."""
REST = 0.25
"""Of the time a step of it took, how much passes until the next."""


class OlderSearch:
    """One search at a time: a newer filter ends the one before.

    found: told the matching numbers of each step, and the number from which on all is searched.
    """

    def __init__(self, panel: Panel, found: Callable[[MessageTableModel, array[int], int], None]) -> None:
        self._panel = panel
        self._found = found
        self._running: object | None = None

    def begin(self, model: MessageTableModel) -> None:
        """Search for what the model's filter wants, where it wants anything that left memory."""
        self._running = None
        session = self._panel.session
        if session is None or model.view.older is None or self._panel.tasks is None:
            return
        if (file := session.history.file) is not None:
            running = self._running = object()
            self._panel.run(self._search(running, model, file), name="search older messages")

    async def _search(self, running: object, model: MessageTableModel, file: Path) -> None:
        await asyncio.sleep(AFTER_S)  # whoever types is not through yet
        view, session = model.view, self._panel.session
        if self._running is not running or view.older is None or session is None:
            return
        first, last = view.older
        complete = session.history.complete
        # The capture's reader is heavy; the window is painted before it is loaded.
        from bench.journal.older import OlderScan

        scan = await asyncio.to_thread(
            lambda: OlderScan(file, view.filter, first, last, complete, routine=view.routine)
        )
        try:
            while scan.left and self._running is running:
                began = stamp().mono_ns
                found, start = await asyncio.to_thread(scan.step)
                if self._running is running:
                    self._found(model, found, start)
                    # What comes in meanwhile needs the processor as well.
                    await asyncio.sleep((stamp().mono_ns - began) / NS_PER_S * REST)
        finally:
            await asyncio.to_thread(scan.close)
