"""A bench and a simulated station without sockets between them: links drop and programs end exactly where a test says."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection

from bench.clock import Stamp, SystemClock, stamp
from bench.errors import LinkDown, OperatorError, StoreError
from bench.ports import StationOpened
from bench.session import Session
from bench.settings import BusSettings, OcppSettings, Profile
from bench.station_role.memory import Key, TokenInfo
from bench.station_role.token_info import id_tag_info, id_token_info
from bench.tokens.list_entries import Entry, key_of
from bench.tokens.store import TokenStore
from fixtures.charger.behaviour import Behaviour
from fixtures.charger.evse import Evse
from fixtures.charger.station import Fate, Refusal, SendNow, Station
from fixtures.charger.v16 import Station16
from fixtures.charger.v201 import Station201

NAME = "CP-001"
LIMIT_S = 10.0
ANSWER_S = 30.0
"""Never waited for: what is not answered is given up at once."""

T = TypeVar("T")


class MortalStore(TokenStore):
    """A token store whose program can end between two writes, as by ``kill -9``."""

    killed = False

    async def transact(self, job: Callable[[Connection], T]) -> T:
        if self.killed:
            raise StoreError("the program is gone")
        return await super().transact(job)


class Wire:
    """Stands for the OCPP server: frames pass in memory. station: the simulated one, which outlives the bench.

    lists: SendLocalList that reached the station. actions: all calls that did. patient: the bench goes on waiting for an answer
    that will not come; else its time is up at once.
    """

    url = "ws://memory"

    def __init__(self, station: Station) -> None:
        self.station = station
        self.up = False
        self.lists = 0
        self.patient = False
        self.actions: list[str] = []
        self.on_list: Callable[[], None] = lambda: None
        self._sink: Session | None = None
        self._calls = 0

    async def start(self, sink: Session) -> None:
        self._sink = sink

    async def stop(self) -> None:
        self.drop()
        self._sink = None

    def close(self, station: str, code: int = 1000, reason: str = "") -> None:
        self.drop()

    def connect(self, *, boot: bool = True) -> None:
        assert self._sink is not None
        self.up = True
        self._sink.station_opened(StationOpened(NAME, self.station.version, "memory", (), None, stamp()))
        if boot:
            self._call(*self.station.boot(False))

    def drop(self) -> None:
        if self.up and self._sink is not None:
            self.up = False
            self._sink.station_closed(NAME, 1006, "", stamp())

    def send(self, station: str, data: bytes) -> Stamp:
        if not self.up:
            raise LinkDown("the station is gone")
        asyncio.get_running_loop().call_soon(self._deliver, data)
        return stamp()

    def _deliver(self, data: bytes) -> None:
        message = json.loads(data)
        if not self.up or message[0] != 2:
            return None
        _, call_id, action, payload = message
        self.actions.append(action)
        try:
            reply = self.station.handle(action, payload)
        except Refusal as refusal:
            return self._back([4, call_id, self.station.error_code(refusal.code), refusal.description, {}])
        if reply.fate is Fate.LOST:
            self.drop()
        elif reply.fate is Fate.SWALLOWED:
            if not self.patient:
                assert self._sink is not None
                asyncio.get_running_loop().call_soon(self._sink._board._expire, NAME, call_id)
        else:
            self._back([3, call_id, reply.payload])
            for effect in reply.effects:
                if isinstance(effect, SendNow):
                    for request in effect.requests:
                        self._call(*request)
        if action == "SendLocalList":
            self.lists += 1
            self.on_list()
        return None

    def _call(self, action: str, payload: dict[str, Any]) -> None:
        self._calls += 1
        self._back([2, f"sim-{self._calls}", action, payload])

    def _back(self, frame: list[Any]) -> None:
        def arrive() -> None:
            if self.up and self._sink is not None:
                self._sink.station_frame(NAME, json.dumps(frame).encode(), stamp())

        asyncio.get_running_loop().call_soon(arrive)


class ListBench:
    """A session on that file, and a station on a wire."""

    def __init__(self, file: Path | str, version: str, behaviour: Behaviour | None = None) -> None:
        self.behaviour = behaviour or Behaviour()
        kind = Station16 if version == "1.6" else Station201
        self.station: Station = kind([Evse("1", 1)], self.behaviour, SystemClock())
        self.wire = Wire(self.station)
        self._file = str(file)

    async def start(self, *, connect: bool = True) -> None:
        self.store = MortalStore(self._file)
        profile = Profile(ocpp=OcppSettings(call_timeout_s=ANSWER_S), bus=BusSettings(url="off"))
        self.session = Session(profile, self.store, server=self.wire)
        await self.session.start()
        if connect:
            await self.connect()

    async def stop(self) -> None:
        await self.session.stop()

    async def kill(self) -> None:
        """End as by ``kill -9``: nothing more is written."""
        self.store.killed = True
        await self.session.stop()

    async def connect(self, *, boot: bool = True) -> None:
        """The station comes back, and what the bench asks it then is answered."""
        self.wire.connect(boot=boot)
        await self.quiet()

    async def quiet(self) -> None:
        """Until nobody is at the list."""
        desk = self.session.lists
        async with asyncio.timeout(LIMIT_S):
            for _ in range(4):  # a frame, its answer and what follows from it
                await asyncio.sleep(0)
            while (at := desk._connections.get(NAME)) is not None and at.task is not None and not at.task.done():
                await asyncio.wait([at.task])
            if NAME in desk._states:
                async with desk._states[NAME].lock:
                    pass

    async def push(self, mode: str = "full") -> str:
        """The report's text, or what went wrong."""
        try:
            return (await self.session.lists.push(NAME, mode)).text
        except OperatorError as error:
            await self.quiet()
            return error.what

    def really(self) -> dict[Key, TokenInfo]:
        """What the station holds."""
        return dict(self.station.local_list)

    def said(self) -> dict[Key, TokenInfo]:
        """What the bench says that it holds."""
        return {self.key(row.held): info_of(row.held) for row in self.view.rows if row.held is not None}

    def wanted(self) -> dict[Key, TokenInfo]:
        return {self.key(row.wanted): info_of(row.wanted) for row in self.view.rows if row.wanted is not None}

    def key(self, entry: Entry) -> Key:
        value, kind = key_of(entry)
        return value, kind.casefold()

    @property
    def view(self) -> Any:
        return self.session.lists.view(NAME)


def info_of(entry: Entry) -> TokenInfo:
    """What a station keeps of an entry."""
    if "idTagInfo" in entry:
        return id_tag_info(entry["idTagInfo"])  # type: ignore[arg-type]
    found = id_token_info(entry["idTokenInfo"])  # type: ignore[arg-type]
    assert found is not None
    return found


@asynccontextmanager
async def list_bench(file: Path | str, version: str = "2.0.1", **behaviour: Any) -> AsyncIterator[ListBench]:
    """Started and connected."""
    bench = ListBench(file, version, Behaviour(**behaviour))
    await bench.start()
    try:
        yield bench
    finally:
        await bench.stop()
