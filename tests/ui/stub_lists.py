"""Local lists for the window's tests: views made of what a test says a station holds."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bench.answers import PushReport, Said
from bench.list_view import Difference, ListRow, ListView, Mode, Plan, Progress
from bench.tokens.list_changes import key_of
from bench.tokens.list_entries import Entry, entries

if TYPE_CHECKING:
    from tests.ui.stub_session import StubSession


@dataclass
class StubList:
    """What a test says of one list. held: None = nobody knows. rows: in place of those made of store and held."""

    held: Sequence[Entry] | None = None
    version: int | None = None
    progress: Progress | None = None
    report: PushReport | None = None
    offer: str = ""
    rows: list[ListRow] | None = None


class StubLists:
    """What the window uses of :class:`bench.list_desk.ListDesk`. answer: of the next push; hold: it waits for that."""

    def __init__(self, session: StubSession) -> None:
        self._session = session
        self.of: dict[str, StubList] = {}
        self.answer: PushReport | None = None
        self.hold: asyncio.Event | None = None
        self.views = 0

    def said(self, station: str) -> StubList:
        return self.of.setdefault(station, StubList())

    def rows(self, station: str) -> list[ListRow]:
        kept, known = self.said(station), self._session.stations[station]
        if kept.rows is not None:
            return kept.rows
        made, left_out = entries(known.version, self._session.store.all())
        before = {key_of(entry): entry for entry in kept.held or ()}
        after = {key_of(entry): entry for entry in made}
        rows = [_row(key, after.get(key), before.get(key)) for key in sorted({*before, *after})]
        return rows + [ListRow(uid, "", None, None, Difference.LEFT_OUT, why) for uid, why in left_out]

    def view(self, station: str) -> ListView:
        self.views += 1
        kept, known = self.said(station), self._session.stations[station]
        unknown = "" if kept.held is not None else "this bench has not pushed a list to it"
        shadow = kept.version if kept.held is not None else None
        return ListView(
            station, known.version, known.connected, known.list_version, shadow, kept.held is not None, unknown,
            known.limits, kept.progress, kept.report, kept.offer, self.rows(station),
        )  # fmt: skip

    def preview(self, station: str, mode: str) -> Plan:
        changed = [row for row in self.rows(station) if row.difference not in (Difference.SAME, Difference.LEFT_OUT)]
        if self.said(station).held is None:
            return Plan("Full", 1, len(changed), 97 * len(changed), "what it holds is not known")
        return Plan("Differential", 1, len(changed), 97 * len(changed), "") if changed else Plan("", 0, 0, 0, "")

    async def push(
        self, station: str, mode: str = Mode.FULL, progress: Callable[[Progress], None] | None = None
    ) -> PushReport:
        self._session._order("push", station, str(mode))
        if progress is not None:
            self.said(station).progress = Progress(Mode(mode), 2, 5, 100, 250)
            progress(Progress(Mode(mode), 2, 5, 100, 250))
        if self.hold is not None:
            await self.hold.wait()
        kept = self.said(station)
        kept.progress = None
        report, self.answer = self.answer, None
        if report is None:
            known = self._session.stations[station]
            made, left_out = entries(known.version, self._session.store.all())
            before, after = known.list_version or 0, (known.list_version or 0) + 1
            kept.held, kept.version, known.list_version = made, after, after
            text = f"{len(made)} entries accepted as version {after} (before: {before})"
            report = PushReport(True, "Accepted", text, len(made), tuple(left_out), before, after, after)
        kept.report = report
        self._session.tell("list", station)
        return report

    def cancel(self, station: str) -> bool:
        self._session._order("cancel", station)
        return True

    async def read_version(self, station: str) -> Said:
        self._session._order("read_version", station)
        return Said(True, f"the local list has version {self._session.stations[station].list_version}")

    async def clear_cache(self, station: str) -> Said:
        self._session._order("clear_cache", station)
        return Said(True, "the station cleared its cache")


def _row(key: tuple[str, str], wanted: Any, held: Any) -> ListRow:
    if wanted is None:
        return ListRow(key[0].upper(), key[1], None, held, Difference.DELETE, "")
    if held is None:
        return ListRow(key[0].upper(), key[1], wanted, None, Difference.ADD, "")
    difference = Difference.SAME if wanted == held else Difference.UPDATE
    return ListRow(key[0].upper(), key[1], wanted, held, difference, "" if wanted == held else "its status differs")
