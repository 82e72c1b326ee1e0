"""Changes an operator makes to the store, each of which can be taken back and made again while nobody else changed its tokens."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Protocol

from bench.errors import BadInput
from bench.exchange import MASK
from bench.tokens.model import IdTokenType, Token

MAX_EDITS = 50
MAX_TOKENS = 100_000
"""Tokens of all changes that can be taken back; one that has more cannot."""

Key = tuple[str, IdTokenType]
Progress = Callable[[int, int], None]


class Store(Protocol):
    """What of :class:`bench.tokens.store.TokenStore` is needed here."""

    def get(self, value: str, id_token_type: IdTokenType | None = None) -> Token | None: ...

    async def refresh(self) -> bool: ...

    async def put_many(
        self, batch: Iterable[Token], *, by: str = ..., progress: Progress | None = None
    ) -> list[Token]: ...

    async def delete_many(self, keys: Iterable[Key], *, by: str = ..., progress: Progress | None = None) -> int: ...


@dataclass(frozen=True, slots=True)
class Edit:
    """what: in words, as ``Deleted 04 A2 B3 C4``. before, after: each token it touched; None where there was or is none."""

    what: str
    before: dict[Key, Token | None]
    after: dict[Key, Token | None]


class Edits:
    """Makes changes and remembers the latest. by: who makes them, for the history of a token."""

    def __init__(self, store: Store, by: str = "window") -> None:
        self._store = store
        self._by = by
        self._done: list[Edit] = []
        self._undone: list[Edit] = []
        self._one = asyncio.Lock()  # the next sees what the one before made

    @property
    def undoable(self) -> str:
        """What :meth:`undo` would take back; empty for nothing."""
        return self._done[-1].what if self._done else ""

    @property
    def redoable(self) -> str:
        """What :meth:`redo` would make again; empty for nothing."""
        return self._undone[-1].what if self._undone else ""

    async def make(
        self,
        what: str,
        put: Iterable[Token] = (),
        remove: Iterable[Token] = (),
        *,
        by: str = "",
        progress: Progress | None = None,
    ) -> bool:
        """Put tokens and take others out. False: it is too large to be taken back.

        Raises:
            StoreError, BadInput: the store refused; nothing changed.
        """
        async with self._one:
            return await self._make(what, list(put), list(remove), by or self._by, progress)

    def made(self, what: str, pairs: Iterable[tuple[Token | None, Token]]) -> None:
        """Remember a change that was made elsewhere: each token as it was (None = not there) and as it is kept now."""
        given = list(pairs)
        if 0 < len(given) <= MAX_TOKENS:
            self._remember(Edit(what, {now.key: old for old, now in given}, {now.key: now for _, now in given}))

    async def undo(self) -> Edit:
        """Take the latest change back, and return it.

        Raises:
            BadInput: there is none, or one of its tokens was changed since; it is then forgotten. StoreError: as :meth:`make`.
        """
        async with self._one:
            if not self._done:
                raise BadInput("there is nothing to take back")
            edit = self._done.pop()
            try:
                await self._move(edit, edit.after, edit.before, "taken back", "undo")
            except BadInput:
                raise
            except BaseException:
                self._done.append(edit)
                raise
            self._undone.append(edit)
            return edit

    async def redo(self) -> Edit:
        """Make again what was taken back last, and return it; raises as :meth:`undo`."""
        async with self._one:
            if not self._undone:
                raise BadInput("there is nothing to make again")
            edit = self._undone.pop()
            try:
                await self._move(edit, edit.before, edit.after, "made again", "redo")
            except BadInput:
                raise
            except BaseException:
                self._undone.append(edit)
                raise
            self._done.append(edit)
            return edit

    async def _make(self, what: str, given: list[Token], gone: list[Token], by: str, progress: Progress | None) -> bool:
        small = len(given) + len(gone) <= MAX_TOKENS
        before = (
            {token.key: self._store.get(token.uid, token.id_token_type) for token in (*given, *gone)} if small else {}
        )
        after: dict[Key, Token | None] = {}
        try:
            if given:
                kept = await self._store.put_many(given, by=by, progress=progress)
                after = {token.key: token for token in kept} if small else {}
            if gone:
                await self._store.delete_many([token.key for token in gone], by=by, progress=progress)
                after |= {token.key: None for token in gone} if small else {}
        except asyncio.CancelledError:
            # It may have been too late to call it off: what is there can be taken back.
            after = after or (self._there(given) if small else {})
            raise
        finally:
            if after:
                self._remember(Edit(what, {key: before[key] for key in after}, after))
        return small

    async def _move(
        self, edit: Edit, there: dict[Key, Token | None], wanted: dict[Key, Token | None], word: str, how: str
    ) -> None:
        await self._store.refresh()  # another program may have changed them just now
        other = [key for key, token in there.items() if not _same(self._store.get(*key), token)]
        if other:
            value, kind = other[0]
            shown = MASK if kind is IdTokenType.KEY_CODE else value.upper()
            more = f" and {len(other) - 1:,} more" if len(other) > 1 else ""
            raise BadInput(
                f"{edit.what[0].lower()}{edit.what[1:]} cannot be {word}: {shown}{more} was changed since",
                "see what it is now, and change it by hand",
            )
        by = f"{self._by}, {how}"
        put = [token for token in wanted.values() if token is not None]
        if put:
            await self._store.put_many(put, by=by)
        gone = [key for key, token in wanted.items() if token is None]
        if gone:
            await self._store.delete_many(gone, by=by)

    def _there(self, given: list[Token]) -> dict[Key, Token | None]:
        """These tokens where the store has them all as given, else nothing."""
        found = {token.key: self._store.get(token.uid, token.id_token_type) for token in given}
        return found if all(_same(found[token.key], token) for token in given) else {}

    def _remember(self, edit: Edit) -> None:
        self._undone.clear()
        self._done.append(edit)
        del self._done[:-MAX_EDITS]
        while sum(len(kept.after) for kept in self._done) > MAX_TOKENS:
            del self._done[0]


def _same(one: Token | None, other: Token | None) -> bool:
    """Whether they say the same, whenever they were written."""
    if one is None or other is None:
        return one is other
    return replace(one, last_updated=other.last_updated) == other
