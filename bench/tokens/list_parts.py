"""A list in as many messages as the station's limits ask for (OCPP 2.0.1 D01.FR.11, notes of D01.FR.03 and FR.15): the first is of
the type asked for, those after it are Differential, each with the next version.
"""

from __future__ import annotations

import orjson

from bench.station import ListLimits
from bench.tokens.list_entries import Entry, frame_bytes, payload


def parts(
    version: str, made: list[Entry], update_type: str, limits: ListLimits, highest: int
) -> tuple[list[list[Entry]], str]:
    """The entries of each message, in order, and an empty text; or nothing, and why no split can fit.

    At least one message, also without entries. highest: the version with the most digits that may be sent.
    """
    room = limits.bytes_per_message
    empty = frame_bytes({**payload(version, highest, [], update_type), "localAuthorizationList": []})
    found: list[list[Entry]] = [[]]
    used = empty
    for entry in made:
        size = len(orjson.dumps(entry)) + 1  # the comma
        if room is not None and empty + size - 1 > room:
            return [], f"the station takes {room} bytes a message, one entry alone needs {empty + size - 1}"
        full = limits.items_per_message is not None and len(found[-1]) >= limits.items_per_message
        if found[-1] and (full or (room is not None and used + size - 1 > room)):
            found.append([])
            used = empty
        found[-1].append(entry)
        used += size
    return found, ""
