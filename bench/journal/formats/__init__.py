"""What a capture can be written as and read from: our own lossless JSON Lines, Open OCPP Trace, CSV of rows, plain logs.

Writers turn messages into lines, readers turn lines into :data:`Item`; files, progress and half-finished work are the
business of :mod:`bench.journal.formats.convert`.
"""

from __future__ import annotations

from typing import NamedTuple

from bench.journal.capture_file import ExchangeRow, Gap
from bench.journal.notes import Note
from bench.message import Message


class Station(NamedTuple):
    """The OCPP version a station spoke last."""

    id: str
    version: str


Item = Message | ExchangeRow | Gap | Note | Station
"""What a capture is made of."""
