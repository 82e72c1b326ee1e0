"""A capture opened for looking: to the window it is a session in which nothing happens any more."""

from __future__ import annotations

import logging
from array import array
from bisect import bisect_right
from collections import deque
from collections.abc import Callable
from itertools import repeat
from pathlib import Path
from typing import Any, NoReturn

from bench.book import KEEP_FINDINGS
from bench.card import CardRead
from bench.clock import NS_PER_MS, ManualClock, Stamp, SystemClock, from_iso
from bench.errors import BadInput, OperatorError
from bench.exchange import DecidedBy, Exchange, Finding, Hop, Party, Severity, TapCard, Verdict
from bench.journal.annotate import annotate
from bench.journal.capture_reader import CaptureReader
from bench.journal.history import Complete, Pages
from bench.journal.notes import Note, NoteBook
from bench.journal.pairs import limits_of
from bench.journal.recorded_pairs import RecordedPairs
from bench.journal.redecode import redecode
from bench.message import Link, Message
from bench.ports import LinkState, LinkStatus
from bench.settings import Profile
from bench.station import Station
from bench.tokens.model import Token

log = logging.getLogger(__name__)

MAX_EXCHANGES = 2_000
"""Exchanges taken into memory, the newest; a message of an older one still tells its number."""


class RecordedMessages:
    """The messages of a capture as the source of a view: all of them behind, none in memory."""

    def __init__(self, path: Path, complete: Complete) -> None:
        self.file = path
        self.closed = False
        self._told = False
        self.complete = complete
        self.pages = Pages(path, complete)
        reader = self.pages.reader
        self._oldest, self._last = reader.span()
        self._gaps = sorted((gap for gap in reader.gaps() if gap.what == "messages"), key=lambda gap: gap.first)
        if self._gaps:
            self._oldest = min(self._oldest, self._gaps[0].first)
            self._last = max(self._last, self._gaps[-1].last)
        self.malformed = 0

    @property
    def head(self) -> int:
        return self._last

    @property
    def first(self) -> int:
        return self._last + 1

    @property
    def oldest(self) -> int:
        return self._oldest

    def get(self, seq: int) -> Message | None:
        """A message by number; None where there is none, or where the file can no longer be read (which the log tells once)."""
        if self.closed or not self._oldest <= seq <= self._last:
            return None
        try:
            return self.pages.get(seq)
        except OperatorError as error:
            if not self._told:
                self._told = True
                log.warning("%s", error)
            return None

    def close(self) -> None:
        self.closed = True
        self.pages.close()

    def since(self, seq: int, limit: int | None = None) -> list[Message]:
        return []

    def missing(self, seq: int) -> str:
        """Why a number holds no message, with how many there are of its kind; empty where nothing is known."""
        index = bisect_right(self._gaps, seq, key=lambda gap: gap.first) - 1
        gap = self._gaps[index] if index >= 0 else None
        return gap.words() if gap is not None and gap.first <= seq <= gap.last else ""

    def polls(self) -> array[int]:
        return self.pages.reader.polls()

    def unshown(self) -> array[int]:
        """The numbers inside of gaps but for the first of each: a gap is one row."""
        return array("q", [seq for gap in self._gaps for seq in range(gap.first + 1, gap.last + 1)])


class NoStore:
    """Where a token store would be: a capture holds none."""

    count = valid_count = 0

    def get(self, uid: str, id_token_type: object = None) -> Token | None:
        return None

    def all(self) -> tuple[Token, ...]:
        return ()

    def subscribe(self, listener: Callable[[], None]) -> Callable[[], None]:
        return lambda: None

    async def put(self, token: Token) -> NoReturn:
        _refuse()

    async def put_many(self, tokens: object) -> NoReturn:
        _refuse()

    async def delete(self, uid: str, id_token_type: object = None) -> NoReturn:
        _refuse()


class Recording:
    """What panels ask of a :class:`bench.session.Session`, answered by a capture. Opening it blocks for well under a second.

    Raises:
        NotFound, BadInput: there is no such capture, or it cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.profile = Profile(name=_profile_name(path))
        self.history = self.journal = RecordedMessages(path, redecode)
        reader = self.journal.pages.reader
        self.store = NoStore()
        self.server = self.bus = self.capture = None
        self.last_card: CardRead | None = None
        self.links = {
            "capture": LinkStatus("capture", LinkState.OFF, f"{path.name}, opened for looking"),
            "josev": LinkStatus("josev", LinkState.OFF, "a capture is open"),
            "ocpp": LinkStatus("ocpp", LinkState.OFF, "a capture is open"),
            "store": LinkStatus("store", LinkState.OFF, "a capture holds no tokens"),
        }
        self.stations = {id_: Station(id_, version, connected=False) for id_, version in reader.stations().items()}
        newest = reader.newest_exchanges(MAX_EXCHANGES)
        self.exchanges = {made.id: made for made in map(exchange_from, newest)}
        self._of_seq = {seq: made.id for made in self.exchanges.values() for seq in made.sequences}
        self.findings: deque[Finding] = deque(maxlen=KEEP_FINDINGS)
        for made in self.exchanges.values():
            self.findings.extend(made.findings)
        self.clock = ManualClock()  # it stands where the capture ends
        stamps = [made.closed for made in self.exchanges.values() if made.closed is not None]
        if (last := self.journal.get(self.journal.head)) is not None:
            stamps.append(Stamp(last.mono_ns, last.utc_ns))
        if stamps:
            self.clock.mono_ns, self.clock.utc_ns = max(stamps)
        self.pairs = RecordedPairs(path, *reader.span(), self.clock, limits_of(self.profile))
        self.notes = NoteBook(self._keep_note, SystemClock(), reader.notes())
        self._listeners: list[Callable[[Any, object], None]] = []

    @property
    def reader(self) -> CaptureReader:
        return self.journal.pages.reader

    def close(self) -> None:
        self.journal.close()
        self.pairs.close()

    def subscribe(self, listener: Callable[[Any, object], None]) -> Callable[[], None]:
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def counters(self) -> dict[str, int]:
        lost = sum(gap.count for gap in self.journal._gaps)
        count = self.journal.head - self.journal.oldest + 1 if self.journal.head else 0
        return {
            "messages": count,
            "recorded": count - lost,
            "malformed": 0,
            "dropped": lost,
            "exchanges": len(self.exchanges),
        }

    def exchange_of(self, seq: int) -> int | None:
        found = self._of_seq.get(seq)
        return found if found is not None or self.journal.closed else self.reader.exchange_of(seq)

    def _keep_note(self, seq: int, note: Note | None) -> None:
        annotate(self.path, seq, note)
        for listener in list(self._listeners):
            listener("note", seq)

    # What only a running bench can do

    def present(self, *_: object, **__: object) -> NoReturn:
        _refuse()

    def inject(self, *_: object, **__: object) -> NoReturn:
        _refuse()

    async def enrol(self, *_: object, **__: object) -> NoReturn:
        _refuse()

    call = push_list = clear_cache = list_version = remote_start = remote_stop = enrol


def _refuse() -> NoReturn:
    raise BadInput("this is a capture: nothing can be sent from it", "start the bench from the menu, then repeat")


def exchange_from(told: dict[str, Any]) -> Exchange:
    """An exchange as :func:`bench.exchange.to_json` told it (and what the capture adds).

    Raises:
        KeyError, ValueError, TypeError: it was not written by a capture.
    """
    card = told["card"]
    more = told.get("more", {})
    opened = Stamp(int(more.get("mono_ns", 0)), from_iso(told["opened"]))
    return Exchange(
        told["id"],
        opened,
        str(more.get("origin", "tap")),
        card=None
        if card is None
        else TapCard(
            card["uid"], card["technology"], card["token_type"], more.get("reader", ""), tuple(more.get("hints", ()))
        ),
        evse_id=told["evse_id"],
        token_type=str(more.get("token_type", "" if card is None else card["token_type"])),
        station=more.get("station"),
        verdict=None if told["verdict"] is None else Verdict(told["verdict"]),
        decided_by=None if told["decided_by"] is None else DecidedBy(told["decided_by"]),
        reason=told["reason"],
        token_label=str(more.get("token_label", "")),
        closed=_closed(opened, told["total_ms"], more.get("closed_ns")),
        hops=[
            _hop(hop, opened, at) for hop, at in zip(told["hops"], more.get("hops_ns") or repeat(None), strict=False)
        ],
        findings=[_finding(finding, opened, told["id"]) for finding in told["findings"]],
    )


def _closed(opened: Stamp, total_ms: float | None, mono_ns: int | None) -> Stamp | None:
    if total_ms is None:
        return None
    took = round(total_ms * NS_PER_MS) if mono_ns is None else mono_ns - opened.mono_ns
    return Stamp(opened.mono_ns + took, opened.utc_ns + took)


def _hop(told: dict[str, Any], opened: Stamp, mono_ns: int | None) -> Hop:
    link = None if told["link"] is None else Link(told["link"])
    when = opened.mono_ns + round(told["at_ms"] * NS_PER_MS) if mono_ns is None else mono_ns
    return Hop(told["seq"], Party(told["from"]), Party(told["to"]), link, told["name"], when, told["fault"])


def _finding(told: dict[str, Any], opened: Stamp, exchange: int) -> Finding:
    return Finding(
        told["rule"],
        Severity(told["severity"]),
        told["text"],
        tuple(told["evidence"]),
        told["cure"],
        opened.utc_ns,
        exchange,
    )


def _profile_name(path: Path) -> str:
    """A name a profile may have, from that of a file."""
    bare = "".join(c if (c.isalnum() and c.isascii()) or c in "-_." else "-" for c in path.stem).strip("-.")
    return bare[:60] or "capture"
