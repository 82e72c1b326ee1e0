"""Local lists for the window's tests: what a test says a station holds, compared and planned as the engine does."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench.answers import PushReport, Said
from bench.clock import to_datetime
from bench.list_view import ListRow, ListView, Mode, Plan, Progress
from bench.tokens.list_entries import Wanted, wanted
from bench.tokens.list_plan import make_plan
from bench.tokens.list_rows import rows
from bench.tokens.list_shadow import Chunk, Shadow
from bench.tokens.model import Token

if TYPE_CHECKING:
    from tests.ui.stub_session import StubSession


@dataclass
class StubList:
    """One list. rows: in place of those made of store and shadow."""

    shadow: Shadow
    progress: Progress | None = None
    report: PushReport | None = None
    offer: str = ""
    rows: list[ListRow] | None = None


class StubLists:
    """What the window uses of :class:`bench.list_desk.ListDesk`.

    answer: of the next push, else it goes well. hold: a push waits for that, in its second message of five. views: how often one
    was asked for.
    """

    def __init__(self, session: StubSession) -> None:
        self._session = session
        self._of: dict[str, StubList] = {}
        self.answer: PushReport | None = None
        self.hold: asyncio.Event | None = None
        self.views = 0

    def of(self, station: str) -> StubList:
        """One list, to be told what it is."""
        if station not in self._of:
            self._of[station] = StubList(Shadow(self._session.stations[station].version == "1.6"))
        return self._of[station]

    def holds(self, station: str, tokens: Iterable[Token], version: int) -> None:
        """The station has these, as that version."""
        chunk = Chunk(version, True, list(self._wanted(station, tokens).entries.values()))
        self.of(station).shadow.restore([chunk], version, "")

    def _wanted(self, station: str, tokens: Iterable[Token]) -> Wanted:
        now = to_datetime(self._session.clock.stamp().utc_ns)
        return wanted(self._session.stations[station].version, tokens, now, expiry=True)

    # Contract

    def view(self, station: str, *, with_rows: bool = True) -> ListView:
        self.views += 1
        kept, known = self.of(station), self._session.stations[station]
        shadow = kept.shadow
        made = kept.rows or rows(shadow, self._wanted(station, self._session.store.all())) if with_rows else []
        return ListView(
            station, known.version, known.connected, known.list_version, shadow.version, shadow.known, shadow.why_unknown,
            known.limits, kept.progress, kept.report, kept.offer, made,
        )  # fmt: skip

    def preview(self, station: str, mode: str) -> Plan:
        known, listed = self._session.stations[station], self._wanted(station, self._session.store.all())
        return make_plan(known, self.of(station).shadow, listed, Mode(mode)).plan

    async def push(
        self, station: str, mode: str = Mode.FULL, progress: Callable[[Progress], None] | None = None
    ) -> PushReport:
        self._session._order("push", station, str(mode))
        kept = self.of(station)
        kept.progress = Progress(Mode(mode), 2, 5, 100, 250)
        if progress is not None:
            progress(kept.progress)
        if self.hold is not None:
            await self.hold.wait()
        kept.progress = None
        kept.report, self.answer = self.answer or self._taken(station), None
        self._session.tell("list", station)
        return kept.report

    def _taken(self, station: str) -> PushReport:
        known, tokens = self._session.stations[station], self._session.store.all()
        before = known.list_version or 0
        known.list_version = after = before + 1
        self.holds(station, tokens, after)
        text = f"{len(tokens)} entries accepted as version {after} (before: {before})"
        return PushReport(True, "Accepted", text, len(tokens), (), before, after, after)

    def cancel(self, station: str) -> bool:
        self._session._order("cancel", station)
        return True

    async def read_version(self, station: str) -> Said:
        self._session._order("read_version", station)
        return Said(True, f"the local list has version {self._session.stations[station].list_version}")

    async def clear_cache(self, station: str) -> Said:
        self._session._order("clear_cache", station)
        return Said(True, "the station cleared its cache")
