"""The link to the token store: how many tokens it holds, whether it can be reached, and what other programs write into it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

from bench.errors import OperatorError
from bench.ports import LinkState, LinkStatus
from bench.tasks import Tasks
from bench.tokens.store import TokenStore

REFRESH_S = 2.0


class StoreWatch:
    """Tells of the store as of a link. links: by name, as they are. told: what becomes of it. changed: the tokens are others."""

    def __init__(
        self,
        store: TokenStore,
        links: Mapping[str, LinkStatus],
        told: Callable[[LinkStatus], None],
        changed: Callable[[], None],
    ) -> None:
        self._store = store
        self._links = links
        self._told = told
        self._changed = changed

    def start(self, tasks: Tasks) -> None:
        """Begin; the store is open."""
        self._store.subscribe(self._tokens_changed)
        self._tokens_changed()
        tasks.spawn(self._keep_fresh(), name="store refresh")

    def _tokens_changed(self) -> None:
        status = LinkStatus("store", LinkState.UP, f"{self._store.valid_count} valid of {self._store.count}")
        self._told(status)
        self._changed()

    async def _keep_fresh(self) -> None:
        """Take over what another program wrote into the store, such as the command line beside the window."""
        while True:
            await self._store.wait_elsewhere(REFRESH_S)
            try:
                await self._store.refresh()
            except OperatorError as error:
                self._told(LinkStatus("store", LinkState.FAULTY, error.what, error.cure))
                await asyncio.sleep(REFRESH_S)
            else:
                if self._links["store"].state is not LinkState.UP:
                    self._tokens_changed()
