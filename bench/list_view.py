"""The local list of one station beside the store, as the window and the API show it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from bench.answers import PushReport
from bench.station import ListLimits
from bench.tokens.list_entries import Entry


class Mode(StrEnum):
    """How a list is pushed: all of it, what changed, or whichever is smaller and can work (``auto`` of the API)."""

    FULL = "full"
    DIFFERENTIAL = "differential"
    RECONCILE = "reconcile"


class Difference(StrEnum):
    """What a push would do to one entry of a station's list. LEFT_OUT: the token is in no list of that station."""

    SAME = "same"
    ADD = "add"
    UPDATE = "update"
    DELETE = "delete"
    LEFT_OUT = "left_out"


class ListRow(NamedTuple):
    """One token. uid: as written, a key code masked. id_token_type: empty where only a 1.6 station holds it.

    wanted: the entry that the store gives it, as on the wire. held: the one that the station holds, as far as is known; both may
    hold a key code, so show ``uid``. why: what a person should know of it: why it is left out, what differs; else empty.
    """

    uid: str
    id_token_type: str
    wanted: Entry | None
    held: Entry | None
    difference: Difference
    why: str


@dataclass(frozen=True, slots=True)
class Progress:
    """A push under way. part: number of the message, from 1, 0 before the first. entries: of this push, accepted so far and in all.

    cancellable: it stops before its next message when asked to.
    """

    mode: Mode
    part: int
    parts: int
    entries_done: int
    entries_total: int
    cancellable: bool = True


@dataclass(frozen=True, slots=True)
class Plan:
    """What a push would send now. kind: ``Full`` or ``Differential``, empty where nothing would be sent. parts: messages.

    entries: of all messages, deletions included. bytes: of all messages together. why: the reason for that kind, or what stands
    in the way. ok: nothing does; a list that is right already is ok and sends nothing.
    """

    kind: str
    parts: int
    entries: int
    bytes: int
    why: str
    ok: bool = True


@dataclass(frozen=True, slots=True)
class ListView:
    """What is known of one station's list.

    version: OCPP version. list_version: as last read, None = not asked, -1 = not supported. shadow_version: the version of what
    the bench knows it to hold, None = nothing known. known: whether what it holds is known; else ``why_unknown`` says why.
    progress: of the push under way, or None. last_report: of the latest push in this run. offer: why a push is offered, or empty.
    rows: by value (ignoring case), then type; where nothing is known of what it holds, every wanted entry is an addition.
    """

    station: str
    version: str
    connected: bool
    list_version: int | None
    shadow_version: int | None
    known: bool
    why_unknown: str
    limits: ListLimits
    progress: Progress | None
    last_report: PushReport | None
    offer: str
    rows: Sequence[ListRow]

    @property
    def counts(self) -> Mapping[Difference, int]:
        """How many rows there are of each difference."""
        return Counter(row.difference for row in self.rows)
