"""The local lists of the stations: what each should hold, what it holds, and making the one the other.

Sources: OCPP 2.0.1 D01 (SendLocalList), D02 (GetLocalListVersion), C11 (ClearCache); OCPP 1.6 sections 5.4, 5.10 and 5.15.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from bench.answers import CallAnswer, PushReport, Said
from bench.change import Change
from bench.clock import Clock, to_datetime
from bench.csms import requests
from bench.errors import BadInput, OperatorError, StoreError
from bench.list_view import ListRow, ListView, Mode, Plan, Progress
from bench.station import Station
from bench.stations import StationBoard
from bench.tasks import Tasks
from bench.tokens.list_changes import changes
from bench.tokens.list_entries import Wanted
from bench.tokens.list_keep import KeptList, kept_stations
from bench.tokens.list_plan import make_plan
from bench.tokens.list_rows import rows
from bench.tokens.list_wanted import WantedLists
from bench.tokens.local_list import ListPush, read_version
from bench.tokens.store import TokenStore

log = logging.getLogger(__name__)

MAX_LISTS = 200
"""Lists in memory; those of stations that are gone make room first, and are read again from the database."""

BOOT_S = 10.0
"""How long a station that came back may take to boot before it is asked all the same: not every reconnect is a boot."""

SHARE = 10
"""While a push is under way, rows are compared anew at most this many times as seldom as it takes to compare them."""

READING = "what is kept of its list is being read"


@dataclass(slots=True)
class _State:
    """One station's list. lock: one asks or pushes at a time. loaded: what the database holds was taken over. unreadable:
    it could not be, so showing it does not try again, but an order does.

    connection: of the station, on which its version was read last. reported: the one on which it was asked to report its limits.
    """

    kept: KeptList
    old: bool
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    loaded: bool = False
    unreadable: bool = False
    progress: Progress | None = None
    cancelled: bool = False
    report: PushReport | None = None
    connection: int = 0
    reported: int = 0
    offer: str = ""
    rows: Sequence[ListRow] = ()
    rows_of: tuple[object, int] = (None, -1)  # wanted and revision of the shadow that the rows were made of
    rows_next_ns: int = 0


@dataclass(slots=True)
class _Connection:
    """A station's connection. booted: it was accepted on it. task: asks for its version, where a list of it is kept."""

    number: int
    booted: asyncio.Event = field(default_factory=asyncio.Event)
    task: asyncio.Task[None] | None = None


class ListDesk:
    """Local lists by station id. Every method raises NotFound where no such station has connected.

    tell is called with :attr:`Change.LIST <bench.change.Change.LIST>` and a station's id whenever its view changed. finding(rule,
    severity, text, cure) tells of a station whose word cannot be believed, and of one that came back with another list.
    """

    def __init__(
        self,
        board: StationBoard,
        store: TokenStore,
        clock: Clock,
        tasks: Tasks,
        tell: Callable[[Change, object], None],
        finding: Callable[[str, str, str, str], None],
    ) -> None:
        self._board = board
        self._store = store
        self._clock = clock
        self._tasks = tasks
        self._tell = tell
        self._finding = finding
        self._wanted = WantedLists(store)
        self._states: dict[str, _State] = {}
        self._kept: set[str] = set()
        self._connections: dict[str, _Connection] = {}

    async def start(self) -> None:
        """Learn of which stations a list is kept; the store is open.

        Raises:
            StoreError: the database refused.
        """
        self._kept = await kept_stations(self._store)

    # What is known

    def view(self, station: str, *, with_rows: bool = True) -> ListView:
        """What is known of a station's list, beside the store. with_rows: else without them, which costs next to nothing."""
        known = self._board.known(station)
        state = self._state(known)
        reading = not (state.loaded or state.unreadable) and station in self._kept
        if reading and not state.lock.locked():  # whoever has the lock reads it first
            self._tasks.spawn(self._load_to_show(known, state), name="local list")
        shadow = state.kept.shadow
        return ListView(
            station,
            known.version,
            known.connected,
            known.list_version,
            shadow.version,
            shadow.known,
            READING if reading else shadow.why_unknown,
            known.limits,
            state.progress,
            state.report,
            state.offer,
            self._rows(known, state) if with_rows else (),
        )

    def preview(self, station: str, mode: str) -> Plan:
        """What a push in that mode would send now, as far as is known without asking the station."""
        known, wanted = self._board.known(station), _mode(mode)
        state = self._state(known)
        return make_plan(known, state.kept.shadow, self._wanted_by(known, state), wanted).plan

    # Orders

    async def push(
        self, station: str, mode: str = Mode.FULL, progress: Callable[[Progress], None] | None = None
    ) -> PushReport:
        """Make the station's list that of the store, and read its version back after each message.

        mode: ``full``, ``differential`` or ``reconcile`` (``auto``). progress: called before each message.

        Raises:
            BadInput: no such mode. Busy: a push is under way. LinkDown, OperatorError: the station is gone or did not answer in
            time. StoreError: what is about to be sent could not be saved.
        """
        wanted, known = _mode(mode), self._board.known(station)
        state = self._state(known)
        if state.progress is not None:
            raise OperatorError(
                f"a list is being pushed to {station} already", "wait until it is through, or cancel it"
            )

        def tell(now: Progress) -> None:
            state.progress = now
            self._changed(known, state)
            if progress is not None:
                progress(now)

        state.progress, state.cancelled = Progress(wanted, 0, 0, 0, 0), False
        try:
            async with state.lock:
                await self._load(known, state)
                push = ListPush(
                    known,
                    state.kept,
                    lambda expiry: self._wanted.of(known.version, expiry, self._now()),
                    self._caller(station),
                    reports=self._board.reports(station) if state.reported != known.connection else None,
                    progress=tell,
                    cancelled=lambda: state.cancelled,
                )
                await self._run(known, state, push, wanted)
        finally:
            state.progress = None
            self._changed(known, state)
        assert state.report is not None
        return state.report

    def cancel(self, station: str) -> bool:
        """Stop the push under way before its next message. Whether there was one."""
        state = self._state(self._board.known(station))
        if state.progress is None or state.cancelled:
            return False
        state.cancelled = True
        return True

    async def read_version(self, station: str) -> Said:
        """GetLocalListVersion (OCPP 2.0.1 D02, 1.6 section 5.10); it decides what became of a message without an answer.

        Raises:
            LinkDown, OperatorError: the station is gone or did not answer in time.
        """
        known = self._board.known(station)
        state = self._state(known)
        async with state.lock:
            await self._load(known, state)
            try:
                return await self._ask(known, state)
            finally:
                self._changed(known, state)

    async def clear_cache(self, station: str) -> Said:
        """ClearCache (OCPP 2.0.1 C11, 1.6 section 5.4).

        Raises:
            LinkDown, OperatorError: the station is gone or did not answer in time.
        """
        known = self._board.known(station)
        action, made = requests.clear_cache(known.version)
        said = requests.plain_words(known.version, await self._board.call(station, action, made))
        if said.ok:
            known.accepted.clear()
        return said

    # What happens

    def station_changed(self, station: str) -> None:
        """More is known of a station: it may have come back, and then its version tells what its list is."""
        known = self._board.stations.get(station)
        at = self._connections.get(station)
        if known is None or not known.connected:
            if at is not None:
                self._connections.pop(station)
                if at.task is not None:
                    at.task.cancel()
            return
        if at is None or at.number != known.connection:
            if at is not None and at.task is not None:
                at.task.cancel()
            at = self._connections[station] = _Connection(known.connection)
            if station in self._kept:
                at.task = self._tasks.spawn(self._came_back(known, at), name="local list")
        if known.boot == "Accepted":
            at.booted.set()

    def sent_by_hand(self, station: str) -> None:
        """Somebody else than :meth:`push` sends that station a list: what it holds is not known any more."""
        known = self._board.stations.get(station)
        if known is not None and station in self._kept:
            self._tasks.spawn(self._forget_list(known), name="local list")

    # Inside

    async def _came_back(self, known: Station, at: _Connection) -> None:
        """Ask a station that is back for its version; where its list is not that of the store, a push is offered."""
        try:
            async with asyncio.timeout(BOOT_S):
                await at.booted.wait()
        except TimeoutError:
            if known.boot is not None:  # Pending or Rejected: it must not be asked
                await at.booted.wait()
        state = self._state(known)
        async with state.lock:
            if state.connection == at.number:
                return
            try:
                await self._load(known, state, again=True)
                await self._ask(known, state)
            except OperatorError as error:
                log.info("the list of %s is not known: %s", known.id, error)
                self._changed(known, state)
                return
            state.kept.settle()
            await self._save(known, state)
            self._offer(known, state)
            self._changed(known, state)

    def _offer(self, known: Station, state: _State) -> None:
        """Offer a push where the list differs from the store; nothing is ever pushed unasked."""
        shadow, wanted = state.kept.shadow, self._wanted_by(known, state)
        if not shadow.known:
            state.offer = shadow.why_unknown
        else:
            count = len(changes(shadow.entries, wanted.entries))
            what = "1 entry of its list differs" if count == 1 else f"{count} entries of its list differ"
            state.offer = f"{what} from the store" if count else ""
        if state.offer:
            cure = "push its list again; reconcile sends no more than it must"
            self._finding("list.differs", "info", f"{known.id} came back: {state.offer}", cure)

    async def _forget_list(self, known: Station) -> None:
        state = self._state(known)
        async with state.lock:
            try:
                await self._load(known, state)
            except StoreError:
                state.loaded = True  # whatever is kept there does not hold any more
            state.kept.forget("a list was sent to it by hand")
            await self._save(known, state)
            self._changed(known, state)

    async def _run(self, known: Station, state: _State, push: ListPush, mode: Mode) -> None:
        """One push; what it leaves is saved and told, whatever ends it."""
        self._kept.add(known.id)
        state.connection = state.reported = known.connection
        try:
            state.report = await push.run(mode)
        except asyncio.CancelledError:
            if state.kept.shadow.pending:
                state.kept.doubt("the push was given up while a message was under way")
            raise
        except OperatorError as error:
            state.report = push.failed(error)
            raise
        finally:
            await asyncio.shield(self._save(known, state))
        if state.report.ok:
            state.offer = ""
        if state.report.denied:
            cure = "do not rely on the local list of this station; ask its maker"
            self._finding("list.not-taken", "fail", f"{known.id}: {state.report.text}", cure)

    async def _ask(self, known: Station, state: _State) -> Said:
        """Read the version, and what it tells of the list."""
        before = state.kept.shadow.revision
        said = await read_version(known, self._caller(known.id))
        state.connection = known.connection
        if known.list_version is not None:
            state.kept.told(known.list_version)
        if known.id in self._kept and state.kept.shadow.revision != before:
            await self._save(known, state)
        return said

    async def _save(self, known: Station, state: _State) -> None:
        try:
            await state.kept.save()
        except StoreError as error:
            self._finding("list.not-kept", "warn", f"what {known.id} holds could not be kept: {error.what}", error.cure)

    def _state(self, known: Station) -> _State:
        """The state of a station; a new one where it speaks another form of lists now."""
        old = known.version == "1.6"
        state = self._states.get(known.id)
        if state is None or state.old is not old:
            if len(self._states) >= MAX_LISTS:
                self._forget_one()
            state = self._states[known.id] = _State(KeptList(self._store, known.id, old), old)
        return state

    def _forget_one(self) -> None:
        """Make room: the database has it all."""
        idle = [
            station for station, state in self._states.items() if not state.lock.locked() and state.progress is None
        ]
        known = self._board.stations
        gone = (station for station in idle if station not in known or not known[station].connected)
        if idle:
            del self._states[next(gone, idle[0])]

    async def _load(self, known: Station, state: _State, *, again: bool = False) -> None:
        """Take over what the database holds. again: even where that was done; another bench may have pushed meanwhile."""
        if not state.loaded or again:
            if await state.kept.load():
                self._kept.add(known.id)
            state.loaded = True

    async def _load_to_show(self, known: Station, state: _State) -> None:
        async with state.lock:
            try:
                await self._load(known, state)
            except StoreError as error:
                state.kept.doubt(error.what)
                state.unreadable = True
            self._changed(known, state)

    def _rows(self, known: Station, state: _State) -> Sequence[ListRow]:
        wanted, shadow = self._wanted_by(known, state), state.kept.shadow
        made_of, revision = state.rows_of
        if made_of is wanted and revision == shadow.revision:
            return state.rows
        before = self._clock.stamp().mono_ns
        if state.progress is not None and before < state.rows_next_ns:
            return state.rows
        state.rows, state.rows_of = rows(shadow, wanted), (wanted, shadow.revision)
        after = self._clock.stamp().mono_ns
        state.rows_next_ns = after + SHARE * (after - before)
        return state.rows

    def _wanted_by(self, known: Station, state: _State) -> Wanted:
        honours = state.kept.shadow.honours_expiry or known.limits.honours_expiry
        return self._wanted.of(known.version, known.version == "1.6" or honours is True, self._now())

    def _now(self) -> datetime:
        return to_datetime(self._clock.stamp().utc_ns)

    def _caller(self, station: str) -> Callable[[str, Mapping[str, object]], Awaitable[CallAnswer]]:
        return lambda action, made: self._board.call(station, action, made)

    def _changed(self, known: Station, state: _State) -> None:
        shadow = state.kept.shadow
        if self._states.get(known.id) is state:  # else it came back with another form of lists
            known.shadow = shadow.values if shadow.known else None
        self._tell(Change.LIST, known.id)
        self._tell(Change.STATION, known.id)


def _mode(word: str) -> Mode:
    """A mode by its word, ``auto`` included.

    Raises:
        BadInput: there is none of that name.
    """
    try:
        return Mode.RECONCILE if word == "auto" else Mode(word)
    except ValueError:
        raise BadInput(f"the mode {word} is not offered", f"use {', '.join(Mode)} or auto") from None
