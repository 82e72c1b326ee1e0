"""Pushing the store to a station as its local list, and reading the list's version.

Sources: OCPP 2.0.1 D01 (SendLocalList), D02 (GetLocalListVersion); OCPP 1.6 sections 5.10 and 5.15 with errata.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from bench.answers import CallAnswer, PushReport, Said
from bench.errors import OperatorError
from bench.station import Station
from bench.tokens.list_entries import Entry, LeftOut, check_limits, entries, frame_bytes, payload, values
from bench.tokens.list_limits import Call, read_limits
from bench.tokens.model import Token

__all__ = ["Call", "check_limits", "entries", "next_version", "push_full", "read_version"]

NOT_SENT = "NotSent"
NOT_SUPPORTED = "NotSupported"
MAX_VERSION = 2**31 - 1
_UNSUPPORTED_CODES = frozenset((NOT_SUPPORTED, "NotImplemented"))


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
    station.list_version = number
    if number == -1 and station.version == "1.6":
        return Said(False, "version -1: the station supports no local list", answer)
    if number == 0:
        return Said(True, "version 0: the station has no local list yet, or it is switched off", answer)
    return Said(True, f"the local list has version {number}", answer)


async def push_full(station: Station, tokens: Iterable[Token], call: Call) -> PushReport:
    """Replace the station's list by the store, with the version after the station's own, and read the version back.

    Keeps ``station.list_version``, ``limits`` and ``shadow``. Nothing is sent where the station supports no list or states
    limits that the list would break; the report says so with the numbers.

    Raises:
        LinkDown, OperatorError: the station is gone or did not answer in time; what it holds is then unknown.
    """
    obstacle = await read_limits(station, call)
    said = await read_version(station, call)
    made, left_out = entries(station.version, tokens)
    push = _Push(station, made, tuple(left_out), obstacle)
    before = station.list_version
    if not said.ok or before is None:
        status = NOT_SUPPORTED if before == -1 else NOT_SENT
        return push.report(False, status, f"nothing was sent: {said.text}")
    push.before = before
    number = next_version(before)
    sent = payload(station.version, number, made)
    too_much = check_limits(len(made), frame_bytes(sent), station.limits)
    if too_much:
        return push.report(False, NOT_SENT, f"nothing was sent: {too_much}")

    push.number = number
    try:
        answer = await call("SendLocalList", sent)
    except OperatorError:
        station.shadow = None  # it may have taken the list and only its answer got lost
        raise
    if answer.payload is None:
        return push.report(False, answer.code, f"the station refused SendLocalList: {_refusal(answer)}")
    status = str(answer.payload.get("status"))
    if status != "Accepted":
        if status == NOT_SUPPORTED:
            station.list_version = -1
        return push.report(False, status, f"the station answered {_status_in_words(status, answer)}")
    return await _read_back(push, call)


@dataclass(slots=True)
class _Push:
    """One push under way. number: the version sent, None before that."""

    station: Station
    made: list[Entry]
    left_out: tuple[LeftOut, ...]
    obstacle: str
    before: int | None = None
    number: int | None = None
    read: int | None = None

    def report(self, ok: bool, status: str, text: str) -> PushReport:
        if not ok and self.obstacle:
            text += f"; {self.obstacle}"
        if self.left_out:
            text += f"; {_counted(len(self.left_out), 'token')} left out"
        count = len(self.made) if self.number is not None else 0
        return PushReport(ok, status, text, count, self.left_out, self.before, self.number, self.read)


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
            f"{_counted(len(push.made), 'entry')} accepted as version {push.number} (before: {push.before})",
        )
    if push.read == push.before:
        text = f"Accepted, but the version did not move: it is still {push.read}, {push.number} was sent"
    else:
        text = f"Accepted, but the version read back is {push.read}, {push.number} was sent"
    return push.report(False, "Accepted", text)


def _status_in_words(status: str, answer: CallAnswer) -> str:
    words = {
        "Failed": "Failed: its list stays as it was",
        "VersionMismatch": "VersionMismatch: its list stays as it was",
        NOT_SUPPORTED: "NotSupported: it supports no local list",
    }.get(status, status)
    info = answer.payload.get("statusInfo") if answer.payload is not None else None
    if isinstance(info, dict):
        words += f" ({' '.join(str(info[key]) for key in ('reasonCode', 'additionalInfo') if key in info)})"
    return words


def _refusal(answer: CallAnswer) -> str:
    return f"{answer.code} ({answer.description})" if answer.description else answer.code


def _counted(count: int, noun: str) -> str:
    plural = noun[:-1] + "ies" if noun.endswith("y") else noun + "s"
    return f"{count} {noun if count == 1 else plural}"
