"""What to send so that a station's list becomes that of the store: the smallest Differential, or Full where that is smaller or
nothing else can work.

Sources: OCPP 2.0.1 D01.FR.03, FR.05, FR.11, FR.12, FR.15, FR.18, FR.19; OCPP 1.6 section 5.15 with errata.
"""

from __future__ import annotations

from dataclasses import dataclass

from bench.list_view import Mode, Plan
from bench.station import Station
from bench.tokens.list_changes import changes
from bench.tokens.list_entries import Entry, Wanted, over_capacity
from bench.tokens.list_parts import Split, parts
from bench.tokens.list_shadow import Shadow

MAX_VERSION = 2**31 - 1
FULL = "Full"
DIFFERENTIAL = "Differential"


@dataclass(frozen=True, slots=True)
class Planned:
    """A plan with its messages."""

    plan: Plan
    messages: list[list[Entry]]


def make_plan(station: Station, shadow: Shadow, wanted: Wanted, mode: Mode, most: int | None = None) -> Planned:
    """What a push in that mode sends. most: entries in a message at most, whatever the station states."""
    too_much = over_capacity(len(wanted.entries), station.limits)
    if too_much:
        return _nothing(too_much, ok=False)
    obstacle = why_no_differential(station, shadow, wanted)
    if mode is Mode.FULL or (mode is Mode.RECONCILE and obstacle):
        return _full(station, wanted, obstacle if mode is Mode.RECONCILE else "the whole list was asked for", most)
    if obstacle:
        return _nothing(f"{obstacle}; push the full list", ok=False)
    changed = changes(shadow.entries, wanted.entries)
    if not changed:
        return _nothing(f"the list holds all of it already, as version {shadow.version}", ok=True)
    split = parts(station.version, changed, DIFFERENTIAL, station.limits, MAX_VERSION, most)
    few = "the versions that are left are too few" if shadow.highest + len(split.parts) > MAX_VERSION else ""
    if mode is Mode.DIFFERENTIAL:
        if few or split.why:
            return _nothing(f"{few}; push the full list" if few else split.why, ok=False)
        return _planned(DIFFERENTIAL, split, len(changed), "what changed was asked for")
    full = _full(station, wanted, few or "the whole list is smaller than what changed", most)
    if full.plan.ok and (few or split.why or full.plan.bytes < split.bytes):
        return full
    if few or split.why:
        return _nothing(split.why or full.plan.why, ok=False)
    return _planned(DIFFERENTIAL, split, len(changed), "what changed is smaller than the whole list")


def why_no_differential(station: Station, shadow: Shadow, wanted: Wanted) -> str:
    """Why a change has nothing to start from, in words; empty where it has."""
    if not shadow.known:
        return f"what the station holds is not known: {shadow.why_unknown}"
    if shadow.pending:
        return f"it did not move to version {shadow.highest}, which it was sent: it may still do so"
    if shadow.version == 0 and wanted.entries:
        return "its list is empty, and a change of no list has no effect"  # OCPP 1.6 section 5.15
    if shadow.version == MAX_VERSION:
        return "its version is the highest there is"
    return ""


def next_version(current: int) -> int:
    """The version after this one; never 0 or -1, which have meanings of their own (D01.FR.18; 1.6 errata)."""
    return current + 1 if 0 <= current < MAX_VERSION else 1


def _full(station: Station, wanted: Wanted, why: str, most: int | None) -> Planned:
    entries = list(wanted.entries.values())
    split = parts(station.version, entries, FULL, station.limits, MAX_VERSION, most)
    return _nothing(split.why, ok=False) if split.why else _planned(FULL, split, len(entries), why)


def _planned(kind: str, split: Split, entries: int, why: str) -> Planned:
    return Planned(Plan(kind, len(split.parts), entries, split.bytes, why), split.parts)


def _nothing(why: str, *, ok: bool) -> Planned:
    return Planned(Plan("", 0, 0, 0, why, ok), [])
