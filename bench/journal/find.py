"""The next message that a filter lets through, from any number on, up or down: in memory first or last, and in the capture."""

from __future__ import annotations

import asyncio

from bench.journal.capture_reader import CaptureReader
from bench.journal.filter import Context, Filter
from bench.journal.history import History
from bench.journal.older import BEFORE, READ, STEP_BYTES, OlderScan, Recorded

SLICE = 2_000
"""Messages in memory looked at before others get their turn."""


async def find_next(history: History, context: Context, wanted: Filter, after: int) -> int | None:
    """Number of the first message above ``after`` that matches; None where there is none. Cancel it to stop.

    Raises:
        OperatorError: the capture cannot be read.
    """
    if after + 1 < history.first and history.file is not None:
        found = await asyncio.to_thread(_first_recorded, history, wanted, after, history.first - 1)
        if found is not None:
            return found
    while batch := history.since(after, SLICE):
        for message in batch:
            if wanted.matches(message, context):
                return message.seq
        after = batch[-1].seq
        await asyncio.sleep(0)
    return None


async def find_before(history: History, context: Context, wanted: Filter, before: int) -> int | None:
    """Number of the last message below ``before`` that matches; None where there is none. Cancel it to stop.

    Raises:
        OperatorError: the capture cannot be read.
    """
    end = min(before - 1, history.head)
    while end >= history.first:
        start = max(history.first, end - SLICE + 1)
        for message in reversed(history.since(start - 1, end - start + 1)):
            if wanted.matches(message, context):
                return message.seq
        end = start - 1
        await asyncio.sleep(0)
    file = history.file
    if file is None or end < history.oldest:
        return None
    scan = await asyncio.to_thread(OlderScan, file, wanted, history.oldest, end, history.complete, routine=True)
    try:
        while scan.left:
            found, _ = await asyncio.to_thread(scan.step)
            if len(found):
                return found[-1]
    finally:
        await asyncio.to_thread(scan.close)
    return None


def _first_recorded(history: History, wanted: Filter, after: int, last: int) -> int | None:
    """The same in the capture; blocks."""
    assert history.file is not None
    context = Recorded({})
    at = max(0, after - BEFORE)  # the requests of the first answers
    with CaptureReader(history.file) as reader:
        while page := reader.messages(at, READ, last=last, max_bytes=STEP_BYTES):
            context.exchanges = reader.exchanges_of(page[0].seq, page[-1].seq)
            for message in page:
                context.feed(message)
                if message.seq > after and wanted.matches(history.complete(message), context):
                    return message.seq
            at = page[-1].seq
    return None
