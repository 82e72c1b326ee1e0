"""The local lists of the stations: what each should hold, what it holds, and making the one the other.

Sources: OCPP 2.0.1 D01 (SendLocalList), D02 (GetLocalListVersion), C11 (ClearCache); OCPP 1.6 sections 5.4, 5.10 and 5.15.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from bench.answers import CallAnswer, PushReport, Said
from bench.change import Change
from bench.csms import requests
from bench.errors import BadInput
from bench.list_view import Difference, ListRow, ListView, Mode, Plan, Progress
from bench.stations import StationBoard
from bench.tokens import local_list
from bench.tokens.list_changes import changes, key_of
from bench.tokens.list_entries import entries, frame_bytes, payload
from bench.tokens.list_parts import parts
from bench.tokens.store import TokenStore

MAX_LISTS = 200
"""Stations of which the pushed list is kept entry by entry."""


class ListDesk:
    """Local lists by station id. Every method raises NotFound where no such station has connected.

    tell is called with :attr:`Change.LIST <bench.change.Change.LIST>` and a station's id whenever its view changed. finding(rule,
    severity, text, cure) tells of a station whose word cannot be believed.
    """

    def __init__(
        self,
        board: StationBoard,
        store: TokenStore,
        tell: Callable[[Change, object], None],
        finding: Callable[[str, str, str, str], None],
    ) -> None:
        self._board = board
        self._store = store
        self._tell = tell
        self._finding = finding
        self._lists: dict[str, local_list.Held] = {}
        self._progress: dict[str, Progress] = {}
        self._reports: dict[str, PushReport] = {}

    def view(self, station: str) -> ListView:
        """What is known of a station's list, beside the store."""
        known = self._board.known(station)
        held = self._lists.get(station)
        made, left_out = entries(known.version, self._store.all())
        before = {} if held is None else {key_of(entry): entry for entry in held.entries}
        after = {key_of(entry): entry for entry in made}
        rows = []
        for key in sorted({*before, *after}):
            wanted, holds = after.get(key), before.get(key)
            if wanted is None:
                difference = Difference.DELETE
            elif holds is None:
                difference = Difference.ADD
            else:
                difference = Difference.SAME if wanted == holds else Difference.UPDATE
            rows.append(ListRow(key[0], key[1], wanted, holds, difference, ""))
        rows += [ListRow(uid, "", None, None, Difference.LEFT_OUT, why) for uid, why in left_out]
        return ListView(
            station,
            known.version,
            known.connected,
            known.list_version,
            None if held is None else held.version,
            held is not None,
            "" if held is not None else "this bench has not pushed a list to it",
            known.limits,
            self._progress.get(station),
            self._reports.get(station),
            "",
            rows,
        )

    def preview(self, station: str, mode: str) -> Plan:
        """What a push in that mode would send now, as far as is known without asking the station."""
        known, wanted = self._board.known(station), _mode(mode)
        held = self._lists.get(station)
        made, _ = entries(known.version, self._store.all())
        kind = "Full" if held is None or wanted is Mode.FULL else "Differential"
        sent = made if held is None or kind == "Full" else changes(held.entries, made)
        split, why = parts(known.version, sent, kind, known.limits, local_list.MAX_VERSION)
        size = sum(frame_bytes(payload(known.version, 1, part, kind)) for part in split)
        return Plan(kind, len(split), len(sent), size, why)

    async def push(
        self, station: str, mode: str = Mode.FULL, progress: Callable[[Progress], None] | None = None
    ) -> PushReport:
        """Make the station's list that of the store and read its version back. progress: called before each message.

        Raises:
            BadInput: no such mode. LinkDown, OperatorError: the station is gone or did not answer in time.
        """
        wanted = "auto" if _mode(mode) is Mode.RECONCILE else str(mode)
        known = self._board.known(station)
        held = self._lists.pop(station, None) if known.shadow is not None else None
        try:
            report, holds = await local_list.push(known, self._store.all(), self._caller(station), wanted, held)
        finally:
            self._changed(station)
        if holds is not None:
            self._lists[station] = holds
            if len(self._lists) > MAX_LISTS:
                del self._lists[next(iter(self._lists))]
        self._reports[station] = report
        if report.denied:
            cure = "do not rely on the local list of this station; ask its maker"
            self._finding("list.not-taken", "fail", f"{station}: {report.text}", cure)
        self._changed(station)
        return report

    def cancel(self, station: str) -> bool:
        """Stop the push under way before its next message. Whether there was one."""
        self._board.known(station)
        return False

    async def read_version(self, station: str) -> Said:
        """GetLocalListVersion (OCPP 2.0.1 D02, 1.6 section 5.10)."""
        known = self._board.known(station)
        try:
            return await local_list.read_version(known, self._caller(station))
        finally:
            self._changed(station)

    async def clear_cache(self, station: str) -> Said:
        """ClearCache (OCPP 2.0.1 C11, 1.6 section 5.4)."""
        known = self._board.known(station)
        action, made = requests.clear_cache(known.version)
        said = requests.plain_words(known.version, await self._board.call(station, action, made))
        if said.ok:
            known.accepted.clear()
        return said

    def _caller(self, station: str) -> Callable[[str, Mapping[str, object]], Awaitable[CallAnswer]]:
        return lambda action, made: self._board.call(station, action, made)

    def _changed(self, station: str) -> None:
        self._tell(Change.LIST, station)
        self._tell(Change.STATION, station)


def _mode(word: str) -> Mode:
    """A mode by its word, ``auto`` included.

    Raises:
        BadInput: there is none of that name.
    """
    try:
        return Mode.RECONCILE if word == "auto" else Mode(word)
    except ValueError:
        raise BadInput(f"the mode {word} is not offered", f"use {', '.join(Mode)} or auto") from None
