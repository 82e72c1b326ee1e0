"""A list in as many messages as the station's limits ask for (OCPP 2.0.1 D01.FR.11, notes of D01.FR.03 and FR.15): the first is of
the type asked for, those after it are Differential, each with the next version.
"""

from __future__ import annotations

from typing import NamedTuple

import orjson

from bench.station import ListLimits
from bench.tokens.list_entries import Entry, frame_bytes, payload

DEFAULT_BYTES = 65_536
"""Bytes of a message to a station that states neither entries nor bytes: what most WebSocket stacks of chargers take."""


class Split(NamedTuple):
    """The entries of each message, in order, and the bytes of all messages; or no messages, and why no split can fit."""

    parts: list[list[Entry]]
    bytes: int
    why: str = ""


def parts(
    version: str, made: list[Entry], update_type: str, limits: ListLimits, highest: int, most: int | None = None
) -> Split:
    """At least one message, also without entries. highest: the version with the most digits that may be sent. most: entries in
    a message at most, whatever the station states.
    """
    room = limits.bytes_per_message
    items = limits.items_per_message
    # A single entry goes even where it is larger than what nobody stated.
    soft = DEFAULT_BYTES if room is None and items is None else room
    if most is not None:
        items = most if items is None else min(most, items)
    empty = frame_bytes({**payload(version, highest, [], update_type), "localAuthorizationList": []})
    found: list[list[Entry]] = [[]]
    used = empty
    total = 0
    for entry in made:
        size = len(orjson.dumps(entry)) + 1  # the comma
        if room is not None and empty + size - 1 > room:
            return Split([], 0, f"the station takes {room} bytes a message, one entry alone needs {empty + size - 1}")
        full = items is not None and len(found[-1]) >= items
        if found[-1] and (full or (soft is not None and used + size - 1 > soft)):
            found.append([])
            total += used - 1
            used = empty
        found[-1].append(entry)
        used += size
    return Split(found, total + used - (1 if found[-1] else 0))
