"""Shapes of the local list's part of the API."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from bench.list_view import Difference, Mode
from devices.api.models import Reads, SaidOut, Tells

ModeWord = Literal["full", "differential", "auto", "reconcile"]


class ListPush(Reads):
    mode: ModeWord = Field(
        default="full",
        description="differential: what changed since the last push; auto, reconcile: that or the full list, whichever is smaller "
        "and can work",
    )


class LeftOut(Tells):
    uid: str
    why: str


class ChunkOut(Tells):
    """One SendLocalList. entries: deletions included. status: the station's word, or the code of a CALLERROR."""

    part: int
    update_type: Literal["Full", "Differential"]
    version_sent: int
    entries: int
    bytes: int
    status: str
    version_read: int | None


class PushOut(Tells):
    """What came of a push; versions are null where the station did not say. chunks: every message, in order."""

    ok: bool
    status: str
    text: str
    sent: int
    left_out: list[LeftOut]
    version_before: int | None
    version_sent: int | None
    version_read: int | None
    chunks: list[ChunkOut]


class PlanOut(Tells):
    """What a push would send now, as far as is known without asking the station. kind: null where nothing would be sent."""

    kind: Literal["Full", "Differential"] | None
    parts: int
    entries: int
    bytes: int
    why: str


class CancelOut(Tells):
    """cancelled: a push was under way; it stops before its next message."""

    cancelled: bool


class ListVersionOut(SaidOut):
    version: int | None


class LimitsOut(Tells):
    """What a station states of its list; null = it did not say."""

    items_per_message: int | None
    bytes_per_message: int | None
    capacity: int | None
    honours_expiry: bool | None


class ProgressOut(Tells):
    """A push under way. part: number of the message, 0 before the first."""

    mode: Mode
    part: int
    parts: int
    entries_done: int
    entries_total: int
    cancellable: bool


class RowOut(Tells):
    """One token. wanted: the entry that the store gives it; held: the one that the station holds, as far as is known. A key code
    is masked.
    """

    uid: str
    id_token_type: str
    difference: Difference
    why: str
    wanted: dict[str, Any] | None
    held: dict[str, Any] | None


class ListOut(Tells):
    """What is known of a station's list, beside the store. list_version: as last read, null = not asked. shadow_version: of what
    the bench knows it to hold. offer: why a push is offered, or empty. counts: of all rows; rows: the page asked for.
    """

    station: str
    version: str
    connected: bool
    list_version: int | None
    shadow_version: int | None
    known: bool
    why_unknown: str
    limits: LimitsOut
    progress: ProgressOut | None
    last_report: PushOut | None
    offer: str
    counts: dict[Difference, int]
    rows: list[RowOut]
