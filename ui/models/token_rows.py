"""Which tokens of the store a table shows, and in which order: found in slices, so that a million of them stall nothing."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from bench.clock import utc_now
from bench.exchange import MASK
from bench.tokens.index import TokenIndex
from bench.tokens.model import AuthorizationStatus, IdTokenType, Token

SLICE = 1_000
"""Tokens that are looked at in one go."""
RUN = 4_000
"""Tokens that are sorted in one go; the runs are merged."""

Text = Callable[[Token], str]


def shown_uid(token: Token) -> str:
    """The value as it may be shown: key codes masked (OCPP 2.0.1 C04.FR.04)."""
    return MASK if token.id_token_type is IdTokenType.KEY_CODE else token.uid


def date_text(moment: datetime | None) -> str:
    """Day and minute here, or nothing."""
    return "" if moment is None else f"{moment.astimezone():%Y-%m-%d %H:%M}"


def expiry_text(token: Token, now: datetime) -> str:
    """The day, and how far away it is in words."""
    if token.expiry is None:
        return ""
    return f"{token.expiry.astimezone():%Y-%m-%d} · {away(token.expiry, now)}"


def away(moment: datetime, now: datetime) -> str:
    """How far a moment is from now: ``in 3 days``, ``5 h ago``."""
    seconds = (moment - now).total_seconds()
    size = abs(seconds)
    for unit, length in (("years", 365.25 * 86400), ("months", 30.44 * 86400), ("days", 86400)):
        if size >= 2 * length:
            words = f"{size / length:.0f} {unit}"
            break
    else:
        words = f"{size / 3600:.0f} h" if size >= 5400 else f"{size / 60:.0f} min"
    return f"in {words}" if seconds > 0 else f"{words} ago"


@dataclass(frozen=True, slots=True)
class Order:
    """What is wanted. words: each occurs in a token, folded. status: what an Authorize gets now, None for any.

    key: text to sort by, None = by value, as the store keeps them.
    """

    words: tuple[str, ...] = ()
    status: AuthorizationStatus | None = None
    key: Text | None = None
    descending: bool = False

    @property
    def all(self) -> bool:
        """Whether every token is shown."""
        return not self.words and self.status is None


def find(index: TokenIndex, order: Order, haystack: Text) -> Iterator[list[Token] | None]:
    """The tokens of the index in order; yields None after each slice, then the list.

    haystack: the text in which words are looked for. Tokens that come or go meanwhile may be missed: whoever asks does so again.
    """
    found: list[Token] = []
    now = utc_now()
    at = 0
    while slice_ := index.page(at, SLICE):
        at += len(slice_)
        found += slice_ if order.all else [token for token in slice_ if _holds(token, order, haystack, now)]
        yield None
    if order.key is not None:
        yield from _sorted(found, order.key, descending=order.descending)
        return
    if order.descending:
        found.reverse()
    yield found


def _sorted(found: list[Token], key: Text, *, descending: bool) -> Iterator[list[Token] | None]:
    runs: list[Sequence[tuple[str, int]]] = []
    for start in range(0, len(found), RUN):
        part = [(key(token).casefold(), start + at) for at, token in enumerate(found[start : start + RUN])]
        part.sort(reverse=descending)
        runs.append(part)
        yield None
    if len(runs) == 1:
        yield [found[at] for _, at in runs[0]]
        return
    made: list[Token] = []
    merged = heapq.merge(*runs, reverse=descending)
    while some := list(islice(merged, SLICE)):
        made += [found[at] for _, at in some]
        yield None
    yield made


def _holds(token: Token, order: Order, haystack: Text, now: datetime) -> bool:
    if order.status is not None and token.status_at(now) is not order.status:
        return False
    if not order.words:
        return True
    text = haystack(token).casefold()
    return all(word in text or _compact(word) in text for word in order.words)


def _compact(word: str) -> str:
    """A UID as typed with colons or dashes, without them."""
    return word.replace(":", "").replace("-", "") or word
