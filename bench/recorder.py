"""What a session writes into its capture, and when; a session without one records nothing and says the same words."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from pathlib import Path

from bench.exchange import Exchange
from bench.journal.capture import Capture
from bench.journal.log import Journal
from bench.journal.notes import Note
from bench.ports import LinkStatus
from bench.station import Station
from bench.tasks import Tasks

FLUSH_S = 0.2


class Recorder:
    """Between a journal and its capture. capture: None for a session that records nothing."""

    def __init__(self, capture: Capture | None, journal: Journal) -> None:
        self._capture = capture
        self._journal = journal

    @property
    def file(self) -> Path | None:
        """Where older messages can be read back from."""
        return None if self._capture is None else self._capture.readable

    @property
    def behind(self) -> bool:
        """So much waits to be written that whatever can be held back should be."""
        return self._capture is not None and self._capture.behind

    @property
    def recorded(self) -> int:
        return 0 if self._capture is None else self._capture.recorded

    @property
    def dropped(self) -> int:
        return 0 if self._capture is None else self._capture.dropped

    async def start(self, on_status: Callable[[LinkStatus], None], tasks: Tasks) -> None:
        """Open the capture and write into it from now on.

        Raises:
            OperatorError: it cannot be opened.
        """
        if self._capture is not None:
            self._capture.on_status = on_status
            await self._capture.open()
            tasks.spawn(self._keep_writing(self._capture), name="capture flush")

    async def stop(self, still_open: Iterable[Exchange]) -> None:
        """Write everything that was seen.

        Raises:
            StoreError: the disk refused to the end; says how many messages are lost.
        """
        if self._capture is not None:
            self._capture.pull(self._journal)
            for exchange in still_open:
                self._capture.offer_exchange(exchange)
            await self._capture.close()

    def exchange(self, exchange: Exchange) -> None:
        """An exchange changed."""
        if self._capture is not None:
            self._capture.offer_exchange(exchange)

    def station(self, station: Station) -> None:
        """A station connected or changed."""
        if self._capture is not None:
            self._capture.offer_station(station.id, station.version)

    def note(self, seq: int, note: Note | None) -> None:
        """The operator wrote (or took away) the note of a message."""
        if self._capture is not None:
            self._capture.offer_note(seq, note)

    async def _keep_writing(self, capture: Capture) -> None:
        while True:
            await asyncio.sleep(FLUSH_S)
            capture.pull(self._journal)
            capture.flush_soon()  # not awaited: a long write must not keep what comes meanwhile from being handed over
