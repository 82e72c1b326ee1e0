"""A capture opened for looking: to the window it is a session in which nothing happens any more."""

from __future__ import annotations

import logging
from array import array
from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import repeat
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from bench.book import KEEP_FINDINGS
from bench.card import CardRead
from bench.clock import NS_PER_MS, ManualClock, Stamp, SystemClock, from_iso
from bench.errors import BadInput, OperatorError
from bench.exchange import DecidedBy, Exchange, Finding, Hop, Party, Severity, TapCard, Verdict
from bench.journal.annotate import annotate
from bench.journal.capture_file import Gap
from bench.journal.capture_reader import CaptureReader
from bench.journal.capture_schema import MAX_SEQ
from bench.journal.history import Complete, Pages
from bench.journal.notes import Note, NoteBook
from bench.journal.pairs import limits_of
from bench.journal.recorded_pairs import RecordedPairs
from bench.journal.redecode import redecode
from bench.journal.rows import less, numbers
from bench.message import Link, Message
from bench.ports import LinkState, LinkStatus
from bench.readers import Readers
from bench.settings import Profile
from bench.station import Station
from bench.tokens.index import TokenIndex
from bench.tokens.model import Token

if TYPE_CHECKING:
    from bench.tokens.history import TokenChange

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
        first, last = reader.span()
        self.span = first, last
        self._gaps = _bounded(reader.gaps())
        self.recorded = reader.count()
        self.lost = sum(max(0, gap.count) for gap in self._gaps)
        self._oldest = min(first, self._gaps[0].first) if self._gaps else first
        self._last = max(last, *(gap.last for gap in self._gaps)) if self._gaps else last
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

    @property
    def total(self) -> int:
        return self.recorded + self.lost

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

    def rows_behind(self, without: array[int]) -> array[int]:
        """The messages there are, whatever their numbers, and one row for each gap."""
        (first, last), stretches, at = self.span, [], self._oldest
        for gap in self._gaps:
            stretches.append((max(at, first), min(gap.first - 1, last)))
            at = max(at, gap.last + 1)
        stretches.append((max(at, first), last))
        if sum(max(0, end - start + 1) for start, end in stretches) != self.recorded:
            # Numbers are missing that no gap tells of: an import of chosen messages. Slower, and only as long as the file.
            return less(array("q", sorted({*self.pages.reader.numbers(), *self._gap_rows})), without)
        found = array("q")
        for (start, end), row in zip(stretches, (*self._gap_rows, None), strict=True):
            found += numbers(start, end, without)
            if row is not None and (not found or found[-1] < row):
                found.append(row)
        return found

    @property
    def _gap_rows(self) -> list[int]:
        return [gap.first for gap in self._gaps]


def _bounded(gaps: list[Gap]) -> list[Gap]:
    """The gaps among messages by number; whatever a file says, each goes from a number there can be to no lower one."""
    bounded = []
    for gap in gaps:
        first = min(max(gap.first, 1), MAX_SEQ)
        last = min(max(gap.last, first), MAX_SEQ)
        bounded += [replace(gap, first=first, last=last)] if gap.what == "messages" else []
    return sorted(bounded, key=lambda gap: gap.first)


class NoStore:
    """Where a token store would be: a capture holds none."""

    count = valid_count = 0
    index = TokenIndex(())

    def __init__(self) -> None:
        self.index = TokenIndex()

    def get(self, uid: str, id_token_type: object = None) -> Token | None:
        return None

    def all(self) -> tuple[Token, ...]:
        return ()

    def subscribe(self, listener: Callable[[], None]) -> Callable[[], None]:
        return lambda: None

    async def put(self, token: Token, by: str = "") -> NoReturn:
        _refuse()

    async def put_many(self, tokens: object, by: str = "", progress: object = None) -> NoReturn:
        _refuse()

    async def delete(self, uid: str, id_token_type: object = None, by: str = "") -> NoReturn:
        _refuse()

    async def delete_many(self, keys: object, by: str = "", progress: object = None) -> NoReturn:
        _refuse()

    async def history(self, uid: str, id_token_type: object, limit: int = 0) -> list[TokenChange]:
        return []


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
        self.server = self.bus = self.capture = self.proxy = self.maeve_desk = None
        self.readers = Readers(())
        self.last_card: CardRead | None = None
        self.links = {
            "capture": LinkStatus("capture", LinkState.OFF, f"{path.name}, opened for looking"),
            "josev": LinkStatus("josev", LinkState.OFF, "a capture is open"),
            "ocpp": LinkStatus("ocpp", LinkState.OFF, "a capture is open"),
            "store": LinkStatus("store", LinkState.OFF, "a capture holds no tokens"),
        }
        self.stations = {id_: Station(id_, version, connected=False) for id_, version in reader.stations().items()}
        newest = reader.newest_exchanges(MAX_EXCHANGES)
        self.exchanges = {made.id: made for made in _readable(newest, path)}
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
        self.pairs = RecordedPairs(path, *self.journal.span, self.clock, limits_of(self.profile))
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
        return {
            "messages": self.journal.total,
            "recorded": self.journal.recorded,
            "malformed": 0,
            "dropped": self.journal.lost,
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
    read_settings = write_setting = enrol


def _refuse() -> NoReturn:
    raise BadInput("this is a capture: nothing can be sent from it", "start the bench from the menu, then repeat")


def _readable(exchanges: list[dict[str, Any]], path: Path) -> Iterator[Exchange]:
    """The exchanges but for those that no bench wrote: they must not take the messages with them."""
    unread: list[Exception] = []
    for told in exchanges:
        try:
            yield exchange_from(told)
        except (KeyError, ValueError, TypeError, AttributeError, OverflowError) as error:
            unread.append(error)
    if unread:
        log.warning("%d exchanges of %s cannot be read and are left out: %r", len(unread), path, unread[0])


def exchange_from(told: dict[str, Any]) -> Exchange:
    """An exchange as :func:`bench.exchange.to_json` told it (and what the capture adds).

    Raises:
        KeyError, ValueError, TypeError, AttributeError, OverflowError: it was not written by a capture.
    """
    card = told["card"]
    more = told.get("more", {})
    opened = Stamp(_ns(more.get("mono_ns", 0)), from_iso(told["opened"]))
    number = _whole(told["id"])
    return Exchange(
        number,
        opened,
        str(more.get("origin", "tap")),
        card=None if card is None else _card(card, more),
        evse_id=_maybe_text(told["evse_id"]),
        token_type=str(more.get("token_type", "" if card is None else card["token_type"])),
        station=_maybe_text(more.get("station")),
        verdict=None if told["verdict"] is None else Verdict(told["verdict"]),
        decided_by=None if told["decided_by"] is None else DecidedBy(told["decided_by"]),
        reason=str(told["reason"]),
        token_label=str(more.get("token_label", "")),
        closed=_closed(opened, told["total_ms"], more.get("closed_ns")),
        hops=[
            _hop(hop, opened, at) for hop, at in zip(told["hops"], more.get("hops_ns") or repeat(None), strict=False)
        ],
        findings=[_finding(finding, opened, number) for finding in told["findings"]],
    )


def _card(told: dict[str, Any], more: dict[str, Any]) -> TapCard:
    hints = tuple(map(str, more.get("hints", ())))
    technology = _maybe_text(told["technology"])
    return TapCard(str(told["uid"]), technology, str(told["token_type"]), str(more.get("reader", "")), hints)


def _closed(opened: Stamp, total_ms: float | None, mono_ns: int | None) -> Stamp | None:
    if total_ms is None:
        return None
    took = round(total_ms * NS_PER_MS) if mono_ns is None else mono_ns - opened.mono_ns
    return Stamp(_ns(opened.mono_ns + took), _ns(opened.utc_ns + took))


def _hop(told: dict[str, Any], opened: Stamp, mono_ns: int | None) -> Hop:
    link = None if told["link"] is None else Link(told["link"])
    when = opened.mono_ns + round(told["at_ms"] * NS_PER_MS) if mono_ns is None else mono_ns
    seq = None if told["seq"] is None else _whole(told["seq"])
    fault = _maybe_text(told["fault"])
    return Hop(seq, Party(told["from"]), Party(told["to"]), link, str(told["name"]), _ns(when), fault)


def _finding(told: dict[str, Any], opened: Stamp, exchange: int) -> Finding:
    return Finding(
        str(told["rule"]),
        Severity(told["severity"]),
        str(told["text"]),
        tuple(map(_whole, told["evidence"])),
        str(told["cure"]),
        opened.utc_ns,
        exchange,
    )


def _maybe_text(value: object) -> str | None:
    return None if value is None else str(value)


def _whole(value: object) -> int:
    """A number of a message or an exchange."""
    if type(value) is not int or not 0 <= value <= MAX_SEQ:
        raise ValueError(f"{value!r:.50} is no number")
    return value


def _ns(value: object) -> int:
    """A stamp."""
    if type(value) is not int or not -(2**63) <= value < 2**63:
        raise ValueError(f"{value!r:.50} is no time")
    return value


def _profile_name(path: Path) -> str:
    """A name a profile may have, from that of a file."""
    bare = "".join(c if (c.isalnum() and c.isascii()) or c in "-_." else "-" for c in path.stem).strip("-.")
    return bare[:60] or "capture"
