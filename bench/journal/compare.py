"""Compares two exchanges, or two captures, message by message and field by field; what differs every time is set aside.

Messages are aligned by link, direction, kind and name, in order. Set aside (*volatile*) are the fields of
:data:`VOLATILE_NAMES`, and pairs of values that are both RFC 3339 times or both UUIDs, but for token values. A field that one
side lacks is a difference, whatever its name. Lists are compared by position. Secrets decide whether two messages differ, and
are never part of the result.
"""

from __future__ import annotations

import re
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from enum import StrEnum
from itertools import islice
from typing import NamedTuple, Protocol

import orjson

from bench.clock import NS_PER_MS
from bench.masking import MAX_DEPTH, mask, mask_tree, to_tree
from bench.message import Link, Message

WINDOW = 256
"""Messages of each side looked at together: a stretch of more that one side lacks is not found again in step."""
MAX_SHIFT = 32
SURE = 8
"""Streams are back in step where so many messages in a row go together, after so many skipped at most."""
PAGE = 1_000
MAX_FIELDS = 2_000
"""Fields of one message that are compared."""
MAX_BYTES = 1 << 20
"""A message above it is compared as a whole."""
MAX_VALUE = 2_000
"""Characters of a value in a result."""
MAX_EXCHANGES = 200_000
MAX_KINDS = 10_000

VOLATILE_NAMES: Mapping[str, str] = {
    "messageid": "OCPP message id",
    "correlationid": "correlation id",
    "requestid": "id of a report or a log that was asked for",
    "transactionid": "transaction id",
    "remotestartid": "id of a remote start",
    "reservationid": "id of a reservation",
    "sessionid": "session id",
    "timestamp": "time of an event or of a meter value",
    "currenttime": "time of a BootNotification's or Heartbeat's answer",
    "nonce": "random by definition",
}
"""Fields that differ from run to run, by name in lower case without ``_`` and ``-``, with what they are."""
VOLATILE_PATHS = frozenset({"id"})
"""As above, by whole path: the id in the envelope of an OCPP or a Josev message."""
TOKEN_NAMES = frozenset({"idtoken", "idtag", "uid", "additionalidtoken", "value", "parentidtag"})
"""What is compared even where it looks like a UUID: central tokens often do."""

_PLAIN = re.compile(r"[_\-]")
_TIME = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d(:\d\d(\.\d+)?)?([Zz]|[+-]\d\d:?\d\d)?")
_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_PARTS = {2: ("type", "id", "action", "payload"), 3: ("type", "id", "payload")}
_PARTS[4] = ("type", "id", "code", "description", "details")


class State(StrEnum):
    SAME = "same"
    CHANGED = "changed"
    LEFT = "only left"
    RIGHT = "only right"


class Difference(NamedTuple):
    """One field that differs. left, right: as shown, None where that side lacks it. volatile: set aside."""

    path: str
    left: str | None
    right: str | None
    volatile: bool = False


class Row(NamedTuple):
    """Two aligned messages, or one that the other side lacks.

    differences: at most ``MAX_FIELDS``, the volatile ones among them; empty where a side is missing.
    left_ms, right_ms: since the message before on that side; None for the first.
    """

    state: State
    left: Message | None
    right: Message | None
    differences: tuple[Difference, ...] = ()
    left_ms: float | None = None
    right_ms: float | None = None


@dataclass(frozen=True, slots=True)
class ExchangePair:
    """The same tap in two captures.

    left, right: as ``GET /bench/v1/exchanges/{id}`` tells it, None where that capture has none. facts: what differs in verdict,
    who decided, reason and card. rows: its messages.
    """

    state: State
    left: Mapping[str, object] | None
    right: Mapping[str, object] | None
    facts: tuple[Difference, ...]
    rows: tuple[Row, ...]


class Tally(NamedTuple):
    """How often a kind of message occurs in each capture."""

    link: str
    direction: str
    kind: str
    name: str
    left: int
    right: int


class CaptureSource(Protocol):
    """What is read of a capture; see :class:`bench.journal.capture_reader.CaptureReader`."""

    def messages(self, after: int = 0, limit: int = 1000) -> list[Message]: ...

    def exchanges(self, after: int = 0, limit: int = 1000) -> list[dict[str, object]]: ...


# Messages


def compare_messages(left: Iterable[Message], right: Iterable[Message]) -> Iterator[Row]:
    """Rows in order, made while they are asked for; holds ``WINDOW`` messages of each side."""
    sides = (_Side(left), _Side(right))
    while True:
        for side in sides:
            side.fill()
        ours, theirs = sides[0].waiting, sides[1].waiting
        if not ours and not theirs:
            return
        same = 0
        for one, other in zip(ours, theirs, strict=False):
            if one[0] != other[0]:
                break
            same += 1
        if same:
            for _ in range(same):
                yield _pair(sides[0].take(), sides[1].take())
            continue
        yield from _aligned(*sides)


class _Side:
    """The messages of one side that wait to be aligned, each with its key and the milliseconds since the one before."""

    def __init__(self, messages: Iterable[Message]) -> None:
        self._source = iter(messages)
        self._before: int | None = None
        self.ended = False
        self.waiting: deque[tuple[_Key, Message, float | None]] = deque()

    def fill(self) -> None:
        wanted = WINDOW - len(self.waiting)
        fresh = list(islice(self._source, wanted)) if wanted > 0 and not self.ended else []
        self.ended = self.ended or len(fresh) < wanted
        for message in fresh:
            ms = None if self._before is None else (message.mono_ns - self._before) / NS_PER_MS
            self._before = message.mono_ns
            self.waiting.append((_key(message), message, ms))

    def take(self) -> tuple[Message, float | None]:
        _, message, ms = self.waiting.popleft()
        return message, ms


_Key = tuple[Link, str, str, str]


def _key(message: Message) -> _Key:
    decoded = message.decoded
    return message.link, message.direction.value, decoded.kind, decoded.name


def _aligned(left: _Side, right: _Side) -> Iterator[Row]:
    """Rows of the windows up to where they are certain; what follows the last match waits for more."""
    ours = [key for key, _, _ in left.waiting]
    theirs = [key for key, _, _ in right.waiting]
    if not (left.ended and right.ended) and (step := _back_in_step(ours, theirs)) is not None:
        yield from _only(left, step[0], State.LEFT)
        yield from _only(right, step[1], State.RIGHT)
        return
    blocks = SequenceMatcher(None, ours, theirs, autojunk=False).get_matching_blocks()
    at_left = at_right = 0
    for block in blocks[:-1]:
        yield from _only(left, block.a - at_left, State.LEFT)
        yield from _only(right, block.b - at_right, State.RIGHT)
        for _ in range(block.size):
            yield _pair(left.take(), right.take())
        at_left, at_right = block.a + block.size, block.b + block.size
    if left.ended and right.ended:
        yield from _only(left, len(left.waiting), State.LEFT)
        yield from _only(right, len(right.waiting), State.RIGHT)
    elif at_left == at_right == 0:
        # Nothing in common in both windows: let half of them go, but not of a side of which there is no more.
        if not left.ended:
            yield from _only(left, (len(left.waiting) + 1) // 2, State.LEFT)
        if not right.ended:
            yield from _only(right, (len(right.waiting) + 1) // 2, State.RIGHT)


def _back_in_step(ours: list[_Key], theirs: list[_Key]) -> tuple[int, int] | None:
    """How few messages of each side to skip until some go together again; None: more than a few.

    The longest match, which short sequences are aligned by, may be a whole round off where messages come in rounds.
    """
    for distance in range(1, MAX_SHIFT + 1):
        for skipped in range(distance + 1):
            beside = theirs[distance - skipped : distance - skipped + SURE]
            if len(beside) == SURE and ours[skipped : skipped + SURE] == beside:
                return skipped, distance - skipped
    return None


def _only(side: _Side, count: int, state: State) -> Iterator[Row]:
    for _ in range(count):
        message, ms = side.take()
        if state is State.LEFT:
            yield Row(state, message, None, (), ms, None)
        else:
            yield Row(state, None, message, (), None, ms)


def _pair(left: tuple[Message, float | None], right: tuple[Message, float | None]) -> Row:
    found = differences(left[0], right[0])
    state = State.CHANGED if any(not difference.volatile for difference in found) else State.SAME
    return Row(state, left[0], right[0], found, left[1], right[1])


def differences(left: Message, right: Message) -> tuple[Difference, ...]:
    """The fields in which two messages differ, in the order of the left one; secrets as dots."""
    if left.raw == right.raw:
        return ()
    trees = _trees(left, right)
    if trees is None:
        return (Difference("raw", _bytes_text(left), _bytes_text(right)),)
    one, other = (_leaves(tree) for tree in trees)
    unequal = [
        path for path in one | other if path not in one or path not in other or not _equal(one[path], other[path])
    ]
    # Nearly always only the ids differ, and those are no secrets.
    only_ids = VOLATILE_PATHS.issuperset(unequal)
    one_shown, other_shown = (one, other) if only_ids else (_leaves(mask_tree(tree)) for tree in trees)
    found = []
    for path in unequal:
        if _opened(path, one, other) or _opened(path, other, one):
            continue
        found.append(
            Difference(
                path,
                _shown(one_shown[path]) if path in one else None,
                _shown(other_shown[path]) if path in other else None,
                path in one and path in other and _volatile(path, one[path], other[path]),
            )
        )
    return tuple(found[:MAX_FIELDS])


def _equal(one: object, other: object) -> bool:
    return type(one) is type(other) and one == other


def _opened(path: str, one: dict[str, object], other: dict[str, object]) -> bool:
    """Whether an empty container of one side has something in it on the other: its fields tell of it."""
    if path in other or one[path] not in ({}, []):
        return False
    return any(found.startswith((f"{path}.", f"{path}[")) or path == "payload" for found in other)


def _trees(left: Message, right: Message) -> tuple[object, object] | None:
    """Both payloads as data; from the bytes, which a capture has too. None: only bytes can be compared."""
    if max(len(left.raw), len(right.raw)) > MAX_BYTES:
        return None
    one, other = _json(left), _json(right)
    if one is not None and other is not None:
        return one, other
    bodies = left.decoded.body, right.decoded.body
    if left.malformed or right.malformed or None in bodies:
        return None
    return to_tree(bodies[0]), to_tree(bodies[1])


def _json(message: Message) -> object:
    """A JSON payload as objects with names, None where it is none."""
    try:
        tree = orjson.loads(message.raw)
    except orjson.JSONDecodeError:
        return None
    if message.link is Link.OCPP and isinstance(tree, list) and tree and isinstance(tree[0], int):
        names = _PARTS.get(tree[0], ())
        if len(names) >= len(tree):
            tree = dict(zip(names, tree, strict=False))
    if not isinstance(tree, dict | list):
        return None
    # What cannot be deeper than what masking takes needs no pruning.
    brackets = message.raw.count(b"{") + message.raw.count(b"[")
    return tree if brackets < MAX_DEPTH else to_tree(tree)


def _leaves(tree: object) -> dict[str, object]:
    """Scalars and empty containers by path (``data.evse[0].id``), at most ``MAX_FIELDS``."""
    found: dict[str, object] = {}
    waiting: list[tuple[str, object]] = [("", tree)]
    while waiting and len(found) < MAX_FIELDS:
        path, value = waiting.pop()
        if isinstance(value, dict) and value:
            prefix = f"{path}." if path else ""
            waiting.extend((f"{prefix}{name}", inner) for name, inner in reversed(value.items()))
        elif isinstance(value, list) and value:
            shown = value[:MAX_FIELDS]
            waiting.extend((f"{path}[{n}]", shown[n]) for n in range(len(shown) - 1, -1, -1))
        else:
            found[path or "payload"] = value
    return found


def _volatile(path: str, left: object, right: object) -> bool:
    if path in VOLATILE_PATHS:
        return True
    name = _PLAIN.sub("", re.sub(r"\[\d+\]", "", path).rpartition(".")[2].lower())
    if name in VOLATILE_NAMES:
        return True
    if name in TOKEN_NAMES or not isinstance(left, str) or not isinstance(right, str):
        return False
    return any(pattern.fullmatch(left) and pattern.fullmatch(right) for pattern in (_TIME, _UUID))


def _shown(value: object) -> str:
    if isinstance(value, str):
        return _cut(value)
    return "true" if value is True else "false" if value is False else "null" if value is None else _cut(str(value))


def _bytes_text(message: Message) -> str:
    if len(message.raw) > MAX_BYTES:
        return f"{len(message.raw):,} bytes"
    raw = mask(message).raw
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        text = raw[: MAX_VALUE // 3 + 1].hex(" ").upper()
    return _cut(text if text.isprintable() else raw[: MAX_VALUE // 3 + 1].hex(" ").upper())


def _cut(text: str) -> str:
    return text if len(text) <= MAX_VALUE else f"{text[: MAX_VALUE - 1]}…"


# Captures


def compare_captures(left: CaptureSource, right: CaptureSource) -> Iterator[ExchangePair]:
    """Exchange by exchange: the n-th tap of a card in one capture against the n-th of that card in the other.

    In the order of the left capture, then what only the right one has; made while they are asked for. A card's key is its UID,
    for key codes and free charging their kind. What belongs to no exchange is counted by :func:`tally`; two captures without
    exchanges are for :func:`compare_messages` over :func:`all_messages`.
    """
    partners = _partners(right)
    seen: Counter[str] = Counter()
    matched: set[int] = set()
    for entry in _exchanges(left):
        key = _card_key(entry)
        order = seen[key]
        seen[key] += 1
        ids = partners.get(key, ())
        other = _exchange(right, ids[order]) if order < len(ids) else None
        if other is not None:
            matched.add(_id(other))
        yield _compare_exchange(left, entry, right, other)
    for entry in _exchanges(right):
        if _id(entry) not in matched:
            yield _compare_exchange(left, None, right, entry)


def all_messages(source: CaptureSource) -> Iterator[Message]:
    """Every message of a capture, read page by page."""
    after = 0
    while page := source.messages(after, PAGE):
        yield from page
        after = page[-1].seq


def exchange_messages(source: CaptureSource, entry: Mapping[str, object]) -> list[Message]:
    """The messages of one exchange of a capture, in the order of their numbers; those not recorded are left out."""
    found: list[Message] = []
    page: list[Message] = []
    for seq in _sequences(entry):
        if not page or not page[0].seq <= seq <= page[-1].seq:
            page = source.messages(seq - 1, 16)  # an exchange's messages mostly stand close together
        found.extend(message for message in page if message.seq == seq)
    return found


def tally(left: CaptureSource, right: CaptureSource) -> list[Tally]:
    """How often each kind of message occurs, those first that differ most. Reads both captures to their end."""
    counts = [_count(source) for source in (left, right)]
    rows = [Tally(str(key[0]), *key[1:], counts[0].get(key, 0), counts[1].get(key, 0)) for key in counts[0] | counts[1]]
    return sorted(rows, key=lambda row: (-abs(row.left - row.right), row[:4]))


def differing_facts(left: Mapping[str, object], right: Mapping[str, object]) -> tuple[Difference, ...]:
    """Where two exchanges differ in verdict, who decided, reason, card or EVSE.

    left, right: in the shape of ``GET /bench/v1/exchanges/{id}``.
    """
    found = []
    for name in ("verdict", "decided_by", "reason", "card", "evse_id"):
        one, other = (_fact(entry, name) for entry in (left, right))
        if one != other:
            found.append(Difference(name.replace("_", " "), one, other))
    return tuple(found)


def _compare_exchange(
    left: CaptureSource,
    one: Mapping[str, object] | None,
    right: CaptureSource,
    other: Mapping[str, object] | None,
) -> ExchangePair:
    ours = exchange_messages(left, one) if one is not None else []
    theirs = exchange_messages(right, other) if other is not None else []
    rows = tuple(compare_messages(ours, theirs))
    if one is None or other is None:
        return ExchangePair(State.RIGHT if one is None else State.LEFT, one, other, (), rows)
    facts = differing_facts(one, other)
    same = not facts and all(row.state is State.SAME for row in rows)
    return ExchangePair(State.SAME if same else State.CHANGED, one, other, facts, rows)


def _partners(source: CaptureSource) -> dict[str, list[int]]:
    partners: dict[str, list[int]] = {}
    for entry in islice(_exchanges(source), MAX_EXCHANGES):
        partners.setdefault(_card_key(entry), []).append(_id(entry))
    return partners


def _exchanges(source: CaptureSource) -> Iterator[dict[str, object]]:
    after = 0
    while page := source.exchanges(after, PAGE):
        yield from page
        after = _id(page[-1])


def _exchange(source: CaptureSource, id_: int) -> dict[str, object] | None:
    return next(iter(source.exchanges(id_ - 1, 1)), None)


def _id(entry: Mapping[str, object]) -> int:
    value = entry.get("id")
    return value if isinstance(value, int) else 0


def _card_key(entry: Mapping[str, object]) -> str:
    card = entry.get("card")
    return f"{card.get('uid')} {card.get('token_type')}".casefold() if isinstance(card, dict) else ""


def _sequences(entry: Mapping[str, object]) -> list[int]:
    hops = entry.get("hops")
    numbers = (hop.get("seq") for hop in hops if isinstance(hop, dict)) if isinstance(hops, list) else ()
    return sorted({number for number in numbers if isinstance(number, int)})


def _fact(entry: Mapping[str, object], name: str) -> str | None:
    value = entry.get(name)
    if isinstance(value, dict):
        value = value.get("uid")
    return None if value in (None, "") else _cut(str(value))


def _count(source: CaptureSource) -> Counter[_Key]:
    counts: Counter[_Key] = Counter()
    for message in all_messages(source):
        key = _key(message)
        if key in counts or len(counts) < MAX_KINDS:
            counts[key] += 1
    return counts


def totals(rows: Sequence[Row]) -> dict[State, int]:
    """How many rows there are of each state."""
    counts = Counter(row.state for row in rows)
    return {state: counts[state] for state in State}
