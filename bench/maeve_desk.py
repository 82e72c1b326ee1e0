"""What an operator does with a MaEVe: compare its tokens with the store, see what would be done, do it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from bench.clock import utc_now
from bench.maeve_peer import MaevePeer, Progress, list_tokens
from bench.settings import MaeveSettings
from bench.tokens.model import IdTokenType
from bench.tokens.store import TokenStore
from bench.tokens.sync import Comparison, Conflict, Direction, Plan, compare, plan
from bench.tokens.sync_run import SyncReport, apply

Connect = Callable[[MaeveSettings], Awaitable[MaevePeer]]
"""Makes the peer for a URL; raises OperatorError where it cannot be asked at all."""


def key_codes_of(store: TokenStore) -> Callable[[str], bool]:
    """Tells whether a uid is that of a key code in the store, and so must not be shown."""
    return lambda uid: store.get(uid, IdTokenType.KEY_CODE) is not None


def _silent(done: int, total: int) -> None:
    """Progress that nobody looks at."""


class MaeveDesk:
    """settings: of the profile's MaEVe, or None. Another URL is asked without its credentials."""

    def __init__(self, store: TokenStore, connect: Connect, settings: MaeveSettings | None = None) -> None:
        self._store = store
        self._connect = connect
        self.settings = settings

    @property
    def url(self) -> str:
        """The profile's, or empty."""
        return "" if self.settings is None else self.settings.url

    async def compare(self, url: str, *, key_codes: bool = False, progress: Progress = _silent) -> Comparison:
        """Read all tokens there and compare them with the store. Nothing is written.

        Raises:
            OperatorError: no such URL, or MaEVe cannot be reached, refused or answered what cannot be read.
        """
        async with self._peer(url) as peer:
            listing = await list_tokens(peer.page_of_tokens, progress)
        ours, theirs = self._store.all(), list(listing.tokens.values())
        return await asyncio.to_thread(compare, ours, theirs, utc_now(), key_codes=key_codes, doubt=listing.doubt)

    @staticmethod
    def plan(url: str, comparison: Comparison, direction: Direction, rule: Conflict | None = None) -> Plan:
        """What would be done. rule: which side counts where a token differs, None for the usual one of the direction."""
        return plan(comparison, direction, rule, source=f"maeve {url}")

    async def apply(
        self, url: str, work: Plan, progress: Progress = _silent, cancelled: Callable[[], bool] = lambda: False
    ) -> SyncReport:
        """Do what a plan says; what came of each token is told, and never half known.

        Raises:
            OperatorError: no such URL, or no password for it.
        """
        async with self._peer(url) as peer:
            return await apply(work, peer, self._store, progress, cancelled)

    @asynccontextmanager
    async def _peer(self, url: str) -> AsyncIterator[MaevePeer]:
        known = self.settings if self.settings is not None and self.settings.url == url else None
        peer = await self._connect(known or MaeveSettings(url=url))
        try:
            yield peer
        finally:
            await peer.close()
