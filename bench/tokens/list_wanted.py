"""The list that the store makes for stations of one kind, made anew only when something changed."""

from __future__ import annotations

from datetime import datetime

from bench.tokens.list_entries import Wanted, wanted
from bench.tokens.store import TokenStore

Kind = tuple[bool, bool]
"""Whether it is of OCPP 1.6, and whether an expiry goes into it."""


class WantedLists:
    """Lists by kind of station. A list is the same object as long as nothing in it changed."""

    def __init__(self, store: TokenStore) -> None:
        self._store = store
        self._made: dict[Kind, tuple[int, Wanted]] = {}

    def of(self, version: str, expiry: bool, now: datetime) -> Wanted:
        """The list for a station of that OCPP version. expiry: it honours one (2.x). now: UTC."""
        kind = version == "1.6", expiry
        revision, made = self._made.get(kind, (-1, None))
        if made is None or revision != self._store.revision or (made.until is not None and made.until <= now):
            made = wanted(version, self._store.all(), now, expiry=expiry)
            self._made[kind] = self._store.revision, made
        return made
