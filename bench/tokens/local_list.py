"""Pushing the store to a station as its local list, and reading the list's version.

Sources: OCPP 2.0.1 D01 (SendLocalList), D02 (GetLocalListVersion); OCPP 1.6 sections 5.10 and 5.15 with errata.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from bench.answers import CallAnswer, PushReport, Said
from bench.errors import OperatorError
from bench.station import Station
from bench.tokens.list_changes import changes
from bench.tokens.list_entries import Entry, LeftOut, entries, expiring, over_capacity, payload, values
from bench.tokens.list_limits import Call, read_limits
from bench.tokens.list_parts import parts
from bench.tokens.model import Token

__all__ = ["Call", "Held", "entries", "next_version", "push", "push_full", "read_version"]

NOT_SENT = "NotSent"
NOT_SUPPORTED = "NotSupported"
MAX_VERSION = 2**31 - 1
_TRY_FULL = frozenset(("Failed", "VersionMismatch"))
_UNSUPPORTED_CODES = frozenset((NOT_SUPPORTED, "NotImplemented"))


class Held(NamedTuple):
    """What a station holds since a push that it took: the version read back, and the entries."""

    version: int
    entries: list[Entry]


def next_version(current: int) -> int:
    """The version after this one; never 0 or -1, which have meanings of their own (D01.FR.18; 1.6 errata)."""
    return current + 1 if 0 <= current < MAX_VERSION else 1


async def read_version(station: Station, call: Call) -> Said:
    """GetLocalListVersion, kept in ``station.list_version``.

    Raises:
        LinkDown, OperatorError: the station is gone or did not answer in time.
    """
    answer = await call("GetLocalListVersion", {})
    if answer.payload is None:
        if answer.code in _UNSUPPORTED_CODES:
            station.list_version = -1
            return Said(False, f"the station supports no local list ({answer.code})", answer)
        return Said(False, f"the station refused GetLocalListVersion: {_refusal(answer)}", answer)
    number = answer.payload.get("listVersion" if station.version == "1.6" else "versionNumber")
    if not isinstance(number, int) or isinstance(number, bool):
        return Said(False, "the station's answer holds no version", answer)
    if number < (-1 if station.version == "1.6" else 0):
        station.list_version = None
        return Said(False, f"the station answered the impossible list version {number}", answer)
    station.list_version = number
    if number == -1:
        return Said(False, "version -1: the station supports no local list", answer)
    if number == 0:
        # D02.FR.02, FR.03; OCPP 1.6 section 5.10.
        empty = (
            "the local list is empty"
            if station.version == "1.6"
            else "the station has no local list yet, or it is switched off"
        )
        return Said(True, f"version 0: {empty}", answer)
    return Said(True, f"the local list has version {number}", answer)


async def push(
    station: Station, tokens: Iterable[Token], call: Call, mode: str = "full", held: Held | None = None
) -> tuple[PushReport, Held | None]:
    """Make the station's list that of the store, with the version after its own, and read the version back.

    mode: ``full`` replaces the list; ``differential`` sends what differs from ``held``, as it was pushed last (None: not known);
    ``auto`` is differential where that is possible, and full where it is not or was refused (D01 advises so).
    Keeps ``station.list_version``, ``limits`` and ``shadow``. Nothing is sent where the station supports no list or states limits
    that the list would break; the report says so with the numbers.

    Returns the report, and the entries that the station now holds, None where that is not known.

    Raises:
        LinkDown, OperatorError: the station is gone or did not answer in time; what it holds is then unknown.
    """
    obstacle = await read_limits(station, call)
    said = await read_version(station, call)
    listed = list(tokens)
    keeps_expiry = station.version == "1.6" or station.limits.honours_expiry is True
    made, left_out = entries(station.version, listed, expiry=keeps_expiry)
    push = _Push(station, made, tuple(left_out), obstacle, held)
    push.lost_expiry = 0 if keeps_expiry else expiring(listed)
    before = station.list_version
    if not said.ok or before is None:
        status = NOT_SUPPORTED if before == -1 else NOT_SENT
        return push.report(False, status, f"nothing was sent: {said.text}"), held
    push.before = push.at = before
    if mode == "full":
        return await _full(push, call)
    unknown = push.why_no_differential()
    if unknown:
        if mode == "auto":
            return await _full(push, call)
        return push.report(False, NOT_SENT, f"nothing was sent: {unknown}; push the full list"), held
    report, holds = await _differential(push, call)
    if mode == "auto" and push.number is not None and report.status in _TRY_FULL:
        return await _full(push, call)
    return report, holds


async def push_full(station: Station, tokens: Iterable[Token], call: Call) -> PushReport:
    """:func:`push` of the whole list."""
    return (await push(station, tokens, call))[0]


async def _full(push: _Push, call: Call) -> tuple[PushReport, Held | None]:
    return await _send(push, call, "Full", push.made)


async def _differential(push: _Push, call: Call) -> tuple[PushReport, Held | None]:
    assert push.held is not None
    changed = changes(push.held.entries, push.made)
    if not changed:
        push.read = push.before
        text = f"nothing was sent: the list holds all of it already, as version {push.before}"
        return push.report(True, NOT_SENT, text), push.held
    return await _send(push, call, "Differential", changed)


async def _send(push: _Push, call: Call, update: str, sent: list[Entry]) -> tuple[PushReport, Held | None]:
    """The message, or as many as it takes; what the station holds after some of them only is not known."""
    station = push.station
    assert push.at is not None
    split, too_much = parts(station.version, sent, update, station.limits, MAX_VERSION)
    too_much = over_capacity(len(push.made), station.limits) or too_much
    if not too_much and update == "Differential" and push.at + len(split) > MAX_VERSION:
        too_much = "the versions that are left are too few; push the full list"
    if too_much:
        return push.report(False, NOT_SENT, f"nothing was sent: {too_much}"), push.held
    # A full list may begin again at 1 (D01.FR.15); the Differentials behind it must be able to go up.
    number = next_version(push.at) if push.at + len(split) <= MAX_VERSION else 1
    push.update, push.count, push.total, push.messages = update, 0, len(sent), len(split)
    for entries_of_it in split:
        made = payload(station.version, number, entries_of_it, update if not push.count else "Differential")
        refusal = await _send_one(push, call, made, number)
        if refusal is not None:
            return refusal, push.held
        push.count += len(entries_of_it)
        push.at, number = number, number + 1
    report = await _read_back(push, call)
    return report, Held(push.read, push.made) if report.ok and push.read is not None else None


async def _send_one(push: _Push, call: Call, made: dict[str, object], number: int) -> PushReport | None:
    """One SendLocalList; the report of a push that it ended, None where the station accepted it."""
    station, first = push.station, push.count == 0
    push.number = number
    try:
        answer = await call("SendLocalList", made)
    except OperatorError:
        station.shadow = None  # it may have taken the list and only its answer got lost
        raise
    status = answer.code if answer.payload is None else str(answer.payload.get("status"))
    if answer.payload is None:
        text = f"the station refused SendLocalList: {_refusal(answer)}"
    elif status == "Accepted":
        return None
    else:
        text = f"the station answered {_status_in_words(status, answer, push.update if first else '')}"
        if status == NOT_SUPPORTED:
            station.list_version = -1
    if not first:
        station.shadow = push.held = None
        station.list_version = push.at
        text += f"; it took {push.count} of the {_counted(push.total, push.noun)} before; push the full list"
    return push.report(False, status, text)


@dataclass(slots=True)
class _Push:
    """One push under way. made: the list as it shall be. held: what the station holds, None where nobody knows.
    at: the station's version after what was sent so far. number: of the latest message, None before it. count: entries that were
    accepted, of how many messages. update: the type asked for. lost_expiry: tokens whose expiry the station does not honour in its
    list.
    """

    station: Station
    made: list[Entry]
    left_out: tuple[LeftOut, ...]
    obstacle: str
    held: Held | None = None
    before: int | None = None
    number: int | None = None
    at: int | None = None
    count: int = 0
    total: int = 0
    messages: int = 1
    update: str = "Full"
    read: int | None = None
    lost_expiry: int = 0

    def why_no_differential(self) -> str:
        """What a change would have to start from is not known, in words; empty where it is."""
        if self.held is None:
            return "what the station holds is not known"
        if self.before != self.held.version:
            return f"its list has version {self.before}, but {self.held.version} was expected: somebody else changed it"
        if self.before == 0 and self.made:
            return "its list is empty, and a change of no list has no effect"  # OCPP 1.6 section 5.15
        if self.before == MAX_VERSION:
            return "its version is the highest there is"
        return ""

    @property
    def noun(self) -> str:
        return "entry" if self.update == "Full" else "change"

    @property
    def counted(self) -> str:
        inside = f" in {self.messages} messages" if self.messages > 1 else ""
        return f"{_counted(self.count, self.noun)} accepted{inside}"

    def report(self, ok: bool, status: str, text: str) -> PushReport:
        if not ok and self.obstacle:
            text += f"; {self.obstacle}"
        if self.left_out:
            text += f"; {_counted(len(self.left_out), 'token')} left out"
        if ok and self.lost_expiry:
            text += f"; this station ignores expiry in its list: push again when {_counted(self.lost_expiry, 'token')} expired"
        return PushReport(ok, status, text, self.count, self.left_out, self.before, self.number, self.read)


async def _read_back(push: _Push, call: Call) -> PushReport:
    """Believe an Accepted only when the version moved."""
    station = push.station
    station.shadow = None
    try:
        said = await read_version(station, call)
    except OperatorError as error:
        return push.report(False, "Accepted", f"Accepted, but the version could not be read back: {error.what}")
    if said.answer is None or said.answer.payload is None or station.list_version is None:
        return push.report(False, "Accepted", f"Accepted, but the version could not be read back: {said.text}")
    push.read = station.list_version
    # OCPP 1.6 reports an empty list as version 0; 2.0.1 keeps the version that was sent.
    emptied = station.version == "1.6" and not push.made and push.read == 0
    if push.read == push.number or emptied:
        station.shadow = values(push.made)
        return push.report(
            True,
            "Accepted",
            f"{push.counted} as version {push.number} (before: {push.before})",
        )
    if push.read == push.before:
        text = f"Accepted, but the version did not move: it is still {push.read}, {push.number} was sent"
    else:
        text = f"Accepted, but the version read back is {push.read}, {push.number} was sent"
    return push.report(False, "Accepted", text)


_STAYS: Mapping[tuple[str, str], str] = {
    ("Failed", "Full"): "its list stays as it was; look at its limits and whether its list is switched on",
    ("Failed", "Differential"): "its list stays as it was; push the full list",
    # A Full list may have any version above 0 (D01.FR.15); only a Differential must go up (D01.FR.19).
    ("VersionMismatch", "Full"): "its list stays as it was; it must not refuse a full list for its version",
    ("VersionMismatch", "Differential"): "its list stays as it was; push the full list",
}
"""What a refusal means and the next step, by status and updateType (OCPP 2.0.1 D01.FR.03; 1.6 section 5.15)."""


def _status_in_words(status: str, answer: CallAnswer, update: str) -> str:
    meaning = "it supports no local list" if status == NOT_SUPPORTED else _STAYS.get((status, update), "")
    info = answer.payload.get("statusInfo") if answer.payload is not None else None
    if isinstance(info, dict):
        status += f" ({' '.join(str(info[key]) for key in ('reasonCode', 'additionalInfo') if key in info)})"
    return f"{status}: {meaning}" if meaning else status


def _refusal(answer: CallAnswer) -> str:
    return f"{answer.code} ({answer.description})" if answer.description else answer.code


def _counted(count: int, noun: str) -> str:
    plural = noun[:-1] + "ies" if noun.endswith("y") else noun + "s"
    return f"{count} {noun if count == 1 else plural}"
