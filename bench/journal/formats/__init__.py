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


class Fact(NamedTuple):
    """Something told of a capture as a whole, such as :data:`REDACTED`."""

    name: str
    value: str


REDACTED = "redacted"
"""Name of the fact that says which kinds of values were replaced before a capture was made of what is left."""

Item = Message | ExchangeRow | Gap | Note | Station | Fact
"""What a capture is made of."""
