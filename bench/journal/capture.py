"""The capture: every message of the journal, written to one SQLite file.

The loop hands over, a thread of its own writes. A disk that fails never stops the bench: what cannot be written waits,
up to a bound, then the oldest are dropped and the file says how many and why.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import TypeVar

from bench.errors import OperatorError, StoreError
from bench.exchange import Exchange, to_json
from bench.journal.capture_file import Batch, CaptureFile, ExchangeRow, Gap
from bench.journal.capture_reader import CaptureReader, read_messages
from bench.journal.capture_schema import to_json_text
from bench.journal.log import Journal
from bench.journal.notes import Note
from bench.message import Message
from bench.ports import LinkState, LinkStatus
from bench.tasks import Tasks

T = TypeVar("T")
log = logging.getLogger(__name__)

MAX_PENDING = 100_000
MAX_PENDING_BYTES = 64 * 1024 * 1024
MAX_PENDING_EXCHANGES = 10_000
BATCH = 2_000
LARGE_BATCH = 20_000
"""Taken at once where more than ten usual batches wait: in a flood each turn of the loop comes late, so each must bring more."""
BATCH_BYTES = 4 * 1024 * 1024
LARGE_BATCH_BYTES = 16 * 1024 * 1024
BATCH_EXCHANGES = 150
MESSAGE_OVERHEAD = 512  # bytes a waiting message costs beside its raw bytes
RETRY_S = 0.1


class Capture:
    """Writes a journal to a file. All methods on the loop's thread.

    on_status is told of every change of the link ``capture``: up, faulty (what and cure), off.
    recorded: messages durably written. dropped: messages that will never be.
    """

    def __init__(
        self,
        path: Path,
        on_status: Callable[[LinkStatus], None] | None = None,
        *,
        max_pending: int = MAX_PENDING,
        max_pending_bytes: int = MAX_PENDING_BYTES,
    ) -> None:
        self.path = path
        self.on_status = on_status
        self.recorded = 0
        self.dropped = 0
        self._max_pending = max_pending
        self._max_pending_bytes = max_pending_bytes
        self._pending: deque[Message] = deque()
        self._pending_bytes = 0
        self._exchanges: dict[int, Exchange] = {}
        self._gaps: list[Gap] = []
        self._notes: dict[int, Note | None] = {}
        self._stations: dict[str, str] = {}
        self._stations_told: dict[str, str] = {}
        self._seen = 0
        self._status: LinkStatus | None = None
        self._file = CaptureFile(path)
        self._thread: ThreadPoolExecutor | None = None
        self._tasks = Tasks()
        self._flushing: asyncio.Task[None] | None = None

    @property
    def pending(self) -> int:
        """Messages handed over and not yet written."""
        return len(self._pending)

    @property
    def readable(self) -> Path | None:
        """The file to read older messages from; None before it is opened and after it is closed."""
        return self.path if self._thread is not None else None

    @property
    def behind(self) -> bool:
        """So much waits, on a disk that works, that whatever can be held back should be."""
        well = self._status is not None and self._status.state is LinkState.UP
        return well and 2 * len(self._pending) > self._max_pending

    def size(self) -> int:
        """Bytes on disk, the write-ahead log included, after the last write."""
        return self._file.size

    async def open(self) -> None:
        """Create the file (mode 0600). An earlier capture of that name is set aside as ``NAME-1``, never overwritten.

        Raises:
            OperatorError: the file cannot be created, is no capture, or is in use.
        """
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="capture")
        try:
            await self._on_thread(self._file.open)
        except BaseException:
            self._end_thread()
            raise
        self._say(LinkState.UP, str(self.path))

    def pull(self, journal: Journal) -> None:
        """Take over whatever the journal holds that was not taken yet."""
        self.offer(journal.since(self._seen))

    def offer(self, messages: Iterable[Message]) -> None:
        """Hand over messages, in order of their numbers. Costs no I/O; numbers skipped become a gap."""
        for message in messages:
            if message.seq > self._seen + 1:
                self._lose(self._seen + 1, message.seq - 1, "they left the journal's memory before they were recorded")
            self._seen = message.seq
            self._pending.append(message)
            self._pending_bytes += _cost(message)
        self._bound()

    def offer_exchange(self, exchange: Exchange) -> None:
        """Have the exchange written as it stands at the next flush, in place of what was written of it before."""
        self._exchanges.pop(exchange.id, None)
        self._exchanges[exchange.id] = exchange
        while len(self._exchanges) > MAX_PENDING_EXCHANGES:
            oldest = next(iter(self._exchanges))
            del self._exchanges[oldest]
            self._note(Gap("exchanges", oldest, oldest, 1, self._why()))

    def offer_note(self, seq: int, note: Note | None) -> None:
        """Have the note of a message written, or taken away."""
        self._notes[seq] = note

    def offer_station(self, station: str, version: str) -> None:
        """Have the OCPP version of a station written, where it is not yet."""
        if self._stations_told.get(station) != version:
            self._stations_told[station] = self._stations[station] = version

    def flush_soon(self) -> None:
        """Begin to write what waits, unless that is under way."""
        if self._thread is not None and self._flushing is None and self._waiting:
            self._flushing = self._tasks.spawn(self._write_all(), name="capture write")
            self._flushing.add_done_callback(self._flushed)

    async def flush(self) -> None:
        """Write what waits; where the disk refuses, the status says so and the rest goes on waiting."""
        self.flush_soon()
        if self._flushing is not None:
            # A waiter that is cancelled must not take the write with it: its batch would be in doubt.
            await asyncio.shield(self._flushing)

    async def close(self, timeout_s: float = 5.0) -> None:
        """Write what waits, fold the log into the file and end the thread.

        Raises:
            StoreError: the disk refused until the time ran out; says how many messages are lost.
        """
        if self._thread is None:
            return
        try:
            await self._flush_for(timeout_s)
        finally:
            try:
                await self._on_thread(self._file.close)
            finally:
                self._end_thread()
        lost, fault = len(self._pending), self._status
        self.dropped += lost
        self._pending.clear()
        self._pending_bytes = 0
        self._exchanges.clear()
        self._say(LinkState.OFF, str(self.path))
        if lost and fault is not None:
            raise StoreError(f"the last {lost} messages were not recorded: {fault.detail}", fault.cure)

    # Writing

    async def _flush_for(self, timeout_s: float) -> None:
        try:
            async with asyncio.timeout(timeout_s):
                await self.flush()
                while self._waiting:
                    await asyncio.sleep(RETRY_S)
                    await self.flush()
        except TimeoutError:
            pass
        if self._flushing is not None:
            await self._flushing

    @property
    def _waiting(self) -> bool:
        return bool(self._pending or self._exchanges or self._gaps or self._notes or self._stations)

    async def _write_all(self) -> None:
        while self._waiting:
            batch, exchanges = self._take()
            try:
                lost = await self._on_thread(self._file.write, batch)
            except OperatorError as error:
                self._put_back(batch, exchanges)
                self._say(LinkState.FAULTY, error.what, f"{error.cure}; recording resumes by itself")
                self._bound()
                return
            except BaseException:
                self._put_back(batch, exchanges)
                raise
            self.recorded += len(batch.messages) - lost
            self.dropped += lost
            if lost:
                log.warning("the capture %s was removed while recording; %d messages are lost with it", self.path, lost)
            missed = f", {self.dropped} messages not recorded" if self.dropped else ""
            self._say(LinkState.UP, f"{self.path}{missed}")

    def _take(self) -> tuple[Batch, dict[int, Exchange]]:
        messages: list[Message] = []
        backlog = len(self._pending) > 10 * BATCH
        most, room = (LARGE_BATCH, LARGE_BATCH_BYTES) if backlog else (BATCH, BATCH_BYTES)
        while self._pending and len(messages) < most and room > 0:
            message = self._pending.popleft()
            room -= _cost(message)
            messages.append(message)
        self._pending_bytes -= sum(map(_cost, messages))
        # No more than the loop can spare at once: telling an exchange takes some 20 microseconds.
        exchanges = dict(islice(self._exchanges.items(), BATCH_EXCHANGES))
        for exchange_id in exchanges:
            del self._exchanges[exchange_id]
        gaps, self._gaps = self._gaps, []
        notes, self._notes = self._notes, {}
        stations, self._stations = self._stations, {}
        # Exchanges change on this thread, so they are told here and now.
        rows = [_exchange_row(exchange) for exchange in exchanges.values()]
        kept = [note for note in notes.values() if note is not None]
        unnoted = [seq for seq, note in notes.items() if note is None]
        return Batch(messages, rows, gaps, kept, unnoted, tuple(stations.items())), exchanges

    def _put_back(self, batch: Batch, exchanges: dict[int, Exchange]) -> None:
        self._pending.extendleft(reversed(batch.messages))
        self._pending_bytes += sum(map(_cost, batch.messages))
        self._exchanges = exchanges | self._exchanges
        self._notes = {note.seq: note for note in batch.notes} | dict.fromkeys(batch.unnoted) | self._notes
        self._stations = dict(batch.stations) | self._stations
        for gap in batch.gaps:
            self._note(gap)

    def _flushed(self, _: asyncio.Task[None]) -> None:
        self._flushing = None

    async def _on_thread(self, work: Callable[..., T], *args: object) -> T:
        assert self._thread is not None
        return await asyncio.get_running_loop().run_in_executor(self._thread, work, *args)

    def _end_thread(self) -> None:
        thread, self._thread = self._thread, None
        if thread is not None:
            thread.shutdown(wait=True)  # its last work is done: this only joins

    # Bounds

    def _bound(self) -> None:
        while len(self._pending) > self._max_pending or self._pending_bytes > self._max_pending_bytes:
            message = self._pending.popleft()
            self._pending_bytes -= _cost(message)
            self._lose(message.seq, message.seq, self._why())

    def _lose(self, first: int, last: int, why: str) -> None:
        count = last - first + 1
        self.dropped += count
        self._note(Gap("messages", first, last, count, why))

    def _note(self, gap: Gap) -> None:
        """Keep a gap for the next write, as one with those beside it."""
        for index, near in enumerate(self._gaps):
            if near.what == gap.what and (near.last + 1 == gap.first or gap.last + 1 == near.first):
                del self._gaps[index]
                first, last = min(near.first, gap.first), max(near.last, gap.last)
                self._note(Gap(near.what, first, last, near.count + gap.count, near.why))
                return
        self._gaps.append(gap)

    def _why(self) -> str:
        if self._status is not None and self._status.state is LinkState.FAULTY:
            return f"too many waited while the capture could not be written: {self._status.detail}"
        return "they came faster than they could be written"

    def _say(self, state: LinkState, detail: str, cure: str = "") -> None:
        status = LinkStatus("capture", state, detail, cure)
        if status == self._status:
            return
        if state is LinkState.FAULTY:
            log.warning("%s; %s", detail, cure)
        self._status = status
        if self.on_status is not None:
            self.on_status(status)


def _cost(message: Message) -> int:
    return len(message.raw) + MESSAGE_OVERHEAD


def _exchange_row(exchange: Exchange) -> ExchangeRow:
    return ExchangeRow(
        exchange.id,
        exchange.opened.utc_ns,
        str(exchange.verdict) if exchange.verdict else None,
        str(exchange.decided_by) if exchange.decided_by else None,
        to_json_text(to_json(exchange) | {"more": _more(exchange)}),
        tuple(exchange.sequences),
    )


def _more(exchange: Exchange) -> dict[str, object]:
    """What the window shows of an exchange beside what the API tells."""
    card = exchange.card
    return {
        "mono_ns": exchange.opened.mono_ns,
        "hops_ns": [hop.mono_ns for hop in exchange.hops],
        "closed_ns": None if exchange.closed is None else exchange.closed.mono_ns,
        "origin": exchange.origin,
        "token_type": exchange.token_type,
        "token_label": exchange.token_label,
        "station": exchange.station,
        "reader": card.reader if card is not None else "",
        "hints": list(card.hints) if card is not None else [],
    }


__all__ = ["Capture", "CaptureReader", "read_messages"]
