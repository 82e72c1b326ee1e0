"""Plain logs of OCPP: one array a line, bare or behind whatever a program writes before it.

The array begins at the first ``[`` that is followed by a message type. What stands around it is kept in the message's
meta (``before``, ``after``); the first date with a time in it is the message's time, UTC where no zone is named, else the
line before it counts. A line without a readable array is kept whole, as malformed. Blank lines are no messages.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from bench.codecs import ocpp
from bench.csms import answers16, answers21, answers201
from bench.journal.formats import Item, Station
from bench.journal.formats.calls import OpenCalls
from bench.journal.formats.lines import Line, find_time
from bench.journal.formats.versions import known_version, likely_version
from bench.message import Decoded, Direction, Link, Message

_ARRAY = re.compile(rb"\[\s*[234]\s*,")
_ARRAY_21 = re.compile(rb"\[\s*[2-6]\s*,")  # CALLRESULTERROR and SEND
_CALL = re.compile(rb"\[\s*2\s*,")
_FROM_STATION = {"1.6": answers16.ANSWERS, "2.0.1": answers201.ANSWERS, "2.1": answers21.ANSWERS}
_OTHER = {Direction.IN: Direction.OUT, Direction.OUT: Direction.IN}
_MAX_ABOUT = 10_000  # characters kept of what stands around an array
_ENOUGH = 200


VERSIONS = ("1.6", "2.0.1", "2.1")
"""OCPP versions a log can be told to be of."""


class Version(NamedTuple):
    """What to decode a log with, and how that is known, in words."""

    codec: str
    how: str


def told(version: str) -> Version:
    """One of :data:`VERSIONS`, as somebody said."""
    return Version(known_version(version) or version, f"OCPP {version} as told")


def version_of(lines: Iterable[Line]) -> Version:
    """The OCPP version whose schemas most calls fit (the first 200 that tell); 2.0.1 where none does.

    2.1 where a call tells it: of its calls only those that 2.0.1 lacks do, the others count for 2.0.1.
    """
    votes: Counter[str] = Counter()
    for _, line in lines:
        found = _CALL.search(line)
        decoded = _split(line[found.start() :], "2.0.1")[1] if found else None
        if decoded is not None and isinstance(decoded.body, ocpp.Call):
            version = likely_version(decoded.body.action, decoded.body.payload)
            votes.update([version] if version is not None else [])
        if votes.total() == _ENOUGH:
            break
    if votes["2.1"]:
        votes["2.1"] += votes.pop("2.0.1", 0)
    best = max(("2.1", "2.0.1", "1.6") if votes["2.1"] else ("2.0.1", "1.6"), key=lambda version: votes[version])
    if not votes:
        return Version(best, f"OCPP {best} assumed: no call tells the version")
    said = f"{votes[best]} of {votes.total()} calls that tell" if votes.total() > 1 else "the one call that tells"
    return Version(best, f"OCPP {best} guessed from {said}")


def read(lines: Iterable[Line], station: str, version: str) -> Iterator[Item]:
    """The messages of a log, numbered from 1.

    station: the channel they get. version: what to decode with, see :func:`version_of`. A CALL that stations send is ``in``,
    any other ``out``; a response goes the other way than its call, ``out`` without one.
    """
    calls: OpenCalls[tuple[str, Direction]] = OpenCalls()
    first_ns: int | None = None
    utc_ns = count = 0
    array = _ARRAY_21 if version == "2.1" else _ARRAY
    for _, line in lines:
        if not line.strip():
            continue
        count += 1
        found = array.search(line)
        before = line[: found.start()] if found else b""
        raw, decoded, after = _split(line[len(before) :], version)
        decoded, direction = _told(decoded, calls, version, raw)
        about = {name: _text(part) for name, part in (("before", before), ("after", after)) if part.strip()}
        said = find_time((before if found else line[:100]).decode("utf-8", "replace"))
        if said is not None and 0 <= said < 2**63:
            utc_ns = said
            first_ns = said if first_ns is None else first_ns
        elif first_ns is None:
            about["time"] = "unknown"
        mono_ns = 0 if first_ns is None else utc_ns - first_ns
        yield Message(count, mono_ns, utc_ns, Link.OCPP, direction, station, raw, decoded, about or None)
    if count:
        yield Station(station, version)


def _split(rest: bytes, version: str) -> tuple[bytes, Decoded, bytes]:
    """The array at the start of a text, what it says, and what follows it."""
    raw = rest.rstrip()
    decoded = ocpp.decode(raw, version)
    if decoded.kind != "malformed" or not raw.startswith(b"["):
        return (rest if decoded.kind == "malformed" else raw), decoded, b""
    try:
        text = raw.decode()
        _, end = json.JSONDecoder().raw_decode(text)
    except (ValueError, RecursionError):
        return rest, decoded, b""
    shorter = text[:end].encode()
    return shorter, ocpp.decode(shorter, version), raw[len(shorter) :]


def _told(
    decoded: Decoded, calls: OpenCalls[tuple[str, Direction]], version: str, raw: bytes
) -> tuple[Decoded, Direction]:
    """The direction, and a response checked against its call."""
    if decoded.kind == "CALL":
        direction = Direction.IN if decoded.name in _FROM_STATION[version] else Direction.OUT
        calls.call(decoded.correlation, (decoded.name, direction))
        return decoded, direction
    if decoded.kind not in ("CALLRESULT", "CALLERROR"):
        return decoded, Direction.IN
    call = calls.answer(decoded.correlation)
    if call is None:
        return decoded, Direction.OUT
    return ocpp.decode(raw, version, lambda _: call[0]), _OTHER[call[1]]


def _text(part: bytes) -> str:
    return part.decode("utf-8", "replace").strip()[:_MAX_ABOUT]
