"""A MaEVe CSMS as the engine sees it, and how all its tokens are read although its list has no order."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Protocol

from bench.codecs.maeve import PAGE, Answer, MaeveToken
from bench.errors import OperatorError

MAX_PASSES = 40
MAX_REQUESTS = 3_000
LIST_LIMIT_S = 300.0
MAX_REPEATS = 20
"""So many equal pages in a row are no chance, even where a page holds one token."""

Progress = Callable[[int, int], None]
"""Told how much is done, and of how much as far as that is known (else 0)."""


class MaevePeer(Protocol):
    """The operations on tokens of a MaEVe. A refusal is an answer.

    Each raises LinkDown where it cannot be reached, broke off, or did not answer in time, BadInput where it cannot be asked so.
    """

    @property
    def url(self) -> str:
        """Where its API is, without credentials."""
        ...

    async def set_token(self, token: MaeveToken, *, key_code: bool = False) -> Answer:
        """Create or replace. key_code: its uid is a PIN and must not be shown."""
        ...

    async def lookup_token(self, uid: str) -> Answer:
        """By its uid, as it is written; the answer's body is a MaeveToken."""
        ...

    async def page_of_tokens(self, offset: int, limit: int = PAGE) -> Answer:
        """A page of a list that may have another order each time; the answer's body is a tuple of MaeveToken."""
        ...

    async def close(self) -> None: ...


@dataclass(slots=True)
class Listing:
    """All tokens of a MaEVe, by uid as it is written. passes: over its list. doubt: why there may be others of them, or empty."""

    tokens: dict[str, MaeveToken] = field(default_factory=dict)
    passes: int = 0
    doubt: str = ""


async def list_tokens(
    page: Callable[[int], Awaitable[Answer]],
    progress: Progress = lambda done, total: None,
    *,
    max_passes: int = MAX_PASSES,
    max_requests: int = MAX_REQUESTS,
    limit_s: float = LIST_LIMIT_S,
) -> Listing:
    """Read page after page, again and again, until as many tokens are known as one pass counted.

    The in-memory store of MaEVe lists in another order at each request: a pass counts right, but shows some tokens twice and others
    not at all, a third at first. page: gives the page at an offset.

    Raises:
        OperatorError: it refused, or an answer cannot be read. LinkDown: the link broke.
    """
    reading = _Reading(page, progress, max_requests)
    listing = reading.listing
    try:
        async with asyncio.timeout(limit_s):
            while not listing.doubt and listing.passes < max_passes:
                counted = await reading.one_pass()
                if len(listing.tokens) == counted:
                    break
                if len(listing.tokens) > counted:
                    reading.doubt("its list became shorter while it was read")
            else:
                reading.doubt(f"{max_passes} passes over its unordered list were not enough")
    except TimeoutError:
        reading.doubt(f"{limit_s:g} s were not enough")
    return listing


class _Reading:
    def __init__(self, page: Callable[[int], Awaitable[Answer]], progress: Progress, max_requests: int) -> None:
        self.listing = Listing()
        self._page = page
        self._progress = progress
        self._left = max_requests
        self._counted = 0

    async def one_pass(self) -> int:
        """Read the list from its beginning to the first empty page; how many entries that were."""
        tokens = self.listing.tokens
        self.listing.passes += 1
        at, unread, repeats = 0, 0, 0
        before: tuple[str, ...] = ()
        while self._left > 0:
            self._left -= 1
            answer = await self._page(at)
            found = _tokens(answer)
            if not found and not answer.lost:
                break
            uids = tuple(token.uid for token in found)
            repeats = repeats + 1 if uids == before else 0
            if repeats == MAX_REPEATS:
                self._counted = 0
                self.doubt("it gives the same page whatever the offset")
                return at
            before = uids
            at, unread = at + len(found) + answer.lost, unread + answer.lost
            tokens.update(zip(uids, found, strict=True))
            self._counted = max(self._counted, at)
            self._progress(len(tokens), self._counted)
        else:
            self.doubt("so many requests as are allowed were not enough")
            return at
        self._counted = at
        if unread:
            self.doubt(f"{unread:,} entries of its list cannot be read as tokens")
        return at

    def doubt(self, why: str) -> None:
        """The first doubt stays."""
        of = f" of {self._counted:,}" if self._counted else ""
        self.listing.doubt = self.listing.doubt or f"{len(self.listing.tokens):,}{of} tokens of MaEVe are known: {why}"


def _tokens(answer: Answer) -> tuple[MaeveToken, ...]:
    if answer.ok and isinstance(answer.body, tuple):
        return answer.body
    raise OperatorError(f"MaEVe did not list its tokens: {answer.error}", answer.cure or "look at its log")
