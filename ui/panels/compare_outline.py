"""What two captures differ in, small enough to be shown: made on a thread, holds no messages and no more than its bounds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from bench.errors import BadInput
from bench.journal.capture_reader import CaptureReader
from bench.journal.compare import (
    Difference,
    ExchangePair,
    Row,
    State,
    Tally,
    all_messages,
    compare_captures,
    compare_messages,
    tally,
)
from bench.message import Message
from ui.panels.compare_sources import short_label
from ui.panels.compare_tree import name_of, one_line, place

MAX_DIFFERENT = 2_000
"""Entries that differ and are listed; the rest is counted."""
MAX_SAME = 500
MAX_FIELDS = 100
"""Of one entry."""
MAX_ALL_FIELDS = 60_000
MAX_LINES = 200
MAX_KINDS = 500
PAGE_BYTES = 8_000_000
NAMED = 4

Say = Callable[[str, int, int], None]
"""Told what is being done, how far, and of how much (0: unknown). What it raises ends the comparison."""


class Line(NamedTuple):
    """A message of a tap, or its outcome. left, right: as shown."""

    state: State
    text: str
    left: str
    right: str
    fields: tuple[Difference, ...]


class Entry(NamedTuple):
    """A tap in both captures, or a message where there are no taps. left_id, right_id: exchange numbers."""

    state: State
    text: str
    left: str
    right: str
    left_id: int | None
    right_id: int | None
    lines: tuple[Line, ...]


@dataclass(slots=True)
class Outline:
    """The comparison of two captures. taps: entries are taps; else, where neither capture has any, messages.

    counts: of all entries, by state. kinds: of messages of which the captures do not hold equally many, at most ``MAX_KINDS``.
    """

    taps: bool
    entries: list[Entry] = field(default_factory=list)
    counts: Counter[State] = field(default_factory=Counter)
    kinds: list[Tally] = field(default_factory=list)
    kinds_same: int = 0
    messages: tuple[int, int] = (0, 0)

    @property
    def alike(self) -> bool:
        """Whether nothing differs but what differs every time."""
        return not self.kinds and self.counts.total() == self.counts[State.SAME]


def outline(left: Path, right: Path, say: Say) -> Outline:
    """Compare two captures. Blocks.

    Raises:
        NotFound, BadInput: one cannot be read, or both are the same file.
    """
    with CaptureReader(left) as one, CaptureReader(right) as other:
        if left.samefile(right):
            raise BadInput("left and right are the same capture", "choose another on one side")
        taps = bool(one.exchanges(0, 1) or other.exchanges(0, 1))
        made = _Outliner(taps, say)
        sides = _Watched(one, made.reading), _Watched(other, made.reading)
        if taps:
            made.add(map(_tap, compare_captures(*sides)), "taps")
        else:
            made.add(map(_message, compare_messages(*map(all_messages, sides))), "messages")
        made.outline.messages = one.count(), other.count()
        made.count_kinds(sides)
        return made.outline


class _Watched:
    """A capture whose reading is told, page by page, so that it can be called off; no page holds more than memory bears."""

    def __init__(self, reader: CaptureReader, tell: Callable[[int], None]) -> None:
        self._reader = reader
        self._tell = tell

    def messages(self, after: int = 0, limit: int = 1000) -> list[Message]:
        page = self._reader.messages(after, limit, max_bytes=PAGE_BYTES)
        self._tell(len(page))
        return page

    def exchanges(self, after: int = 0, limit: int = 1000) -> list[dict[str, object]]:
        self._tell(0)
        return self._reader.exchanges(after, limit)


class _Outliner:
    def __init__(self, taps: bool, say: Say) -> None:
        self.outline = Outline(taps)
        self._say = say
        self._doing = ("Reading", 0)
        self._read = 0
        self._fields = 0
        self._listed: Counter[bool] = Counter()

    def reading(self, count: int) -> None:
        self._read += count
        what, total = self._doing
        self._say(what, self._read if total else 0, total)

    def add(self, entries: Iterable[Entry], what: str) -> None:
        """List what there is room for, those that differ first; count all."""
        for number, entry in enumerate(entries, 1):
            self._doing = (f"Comparing {what}: {number:,}", 0)
            self.outline.counts[entry.state] += 1
            same = entry.state is State.SAME
            if self._listed[same] < (MAX_SAME if same else MAX_DIFFERENT):
                self._listed[same] += 1
                self.outline.entries.append(self._bounded(entry))

    def count_kinds(self, sides: tuple[_Watched, _Watched]) -> None:
        self._read, self._doing = 0, ("Counting kinds of messages", sum(self.outline.messages))
        kinds = tally(*sides)
        differ = [kind for kind in kinds if kind.left != kind.right]
        self.outline.kinds, self.outline.kinds_same = differ[:MAX_KINDS], len(kinds) - len(differ)

    def _bounded(self, entry: Entry) -> Entry:
        room = min(MAX_FIELDS, MAX_ALL_FIELDS - self._fields)
        lines = []
        for line in entry.lines[:MAX_LINES]:
            fields = tuple(_short(found) for found in line.fields[: max(0, room)])
            room -= len(fields)
            self._fields += len(fields)
            lines.append(line._replace(fields=fields))
        return entry._replace(lines=tuple(lines))


def _tap(pair: ExchangePair) -> Entry:
    lines = [_line(row) for row in pair.rows]
    if pair.facts:
        lines.insert(0, Line(State.CHANGED, "Outcome", "", "", pair.facts))
    named = [found.path for line in lines for found in line.fields if not found.volatile]
    missing = sum(line.state in (State.LEFT, State.RIGHT) for line in lines)
    parts = list(dict.fromkeys(named))
    about = ", ".join(parts[:NAMED]) + (f" and {len(parts) - NAMED} more" if len(parts) > NAMED else "")
    if missing and pair.state is State.CHANGED:
        about += f"{' · ' if about else ''}{missing} message{'s' * (missing != 1)} on one side only"
    return Entry(
        pair.state,
        " · ".join(filter(None, (_card(pair.left or pair.right or {}), about))),
        _label(pair.left),
        _label(pair.right),
        _id(pair.left),
        _id(pair.right),
        tuple(lines),
    )


def _message(row: Row) -> Entry:
    line = _line(row)
    return Entry(line.state, line.text, line.left, line.right, None, None, (line,))


def _line(row: Row) -> Line:
    message = row.left or row.right
    assert message is not None
    sides = place(row.left, row.left_ms), place(row.right, row.right_ms)
    return Line(row.state, name_of(message), *sides, row.differences)


def _short(found: Difference) -> Difference:
    left, right = (None if value is None else one_line(value) for value in (found.left, found.right))
    return found._replace(left=left, right=right)


def _label(entry: Mapping[str, object] | None) -> str:
    return "—" if entry is None else short_label(entry)


def _card(entry: Mapping[str, object]) -> str:
    card = entry.get("card")
    return str(card.get("uid") or "no card") if isinstance(card, dict) else "no card"


def _id(entry: Mapping[str, object] | None) -> int | None:
    number = entry.get("id") if entry is not None else None
    return number if isinstance(number, int) else None
