"""The next message that a filter lets through, from any number on, up or down: in memory first or last, and in the capture."""

from __future__ import annotations

import asyncio
from functools import partial

from bench.journal.filter import Context, Filter
from bench.journal.history import History
from bench.journal.older import OlderScan

SLICE = 2_000
"""Messages in memory looked at before others get their turn."""


async def find_next(history: History, context: Context, wanted: Filter, after: int) -> int | None:
    """Number of the first message above ``after`` that matches; None where there is none. Cancel it to stop.

    Raises:
        OperatorError: the capture cannot be read.
    """
    start = max(after + 1, history.oldest)
    if start < history.first and (found := await _recorded(history, wanted, start, history.first - 1, upwards=True)):
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
    return await _recorded(history, wanted, history.oldest, end, upwards=False)


async def _recorded(history: History, wanted: Filter, first: int, last: int, *, upwards: bool) -> int | None:
    """The nearest match in the capture."""
    file = history.file
    if file is None or last < first:
        return None
    make = partial(OlderScan, file, wanted, first, last, history.complete, routine=True, upwards=upwards)
    scan = await asyncio.to_thread(make)
    try:
        while scan.left:
            found, _ = await asyncio.to_thread(scan.step)
            if found:
                return found[0] if upwards else found[-1]
    finally:
        await asyncio.to_thread(scan.close)
    return None
