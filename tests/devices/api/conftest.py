"""A session that answers as told, and the real server in front of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from bench.answers import CallAnswer, ChunkReport, PushReport, Said
from bench.auth_settings import SETTINGS, setting
from bench.clock import NS_PER_S, ManualClock, stamp, utc_now
from bench.csms.events import EventKind, StationEvent
from bench.errors import BadInput, LinkDown, NotFound, OperatorError, StoreError
from bench.exchange import MASK, DecidedBy, Exchange, Finding, Hop, Party, Severity, TapCard, Verdict
from bench.journal.log import Journal
from bench.journal.pairs import LivePairs
from bench.list_view import Difference, ListRow, ListView, Mode, Plan, Progress
from bench.message import Decoded, Direction, Link, malformed
from bench.ports import LinkState, LinkStatus
from bench.proxy_desk import ProxyDesk
from bench.referrals import Limits
from bench.role_desk import RoleDesk
from bench.settings_flow import SettingValue, SettingWritten
from bench.station import ListLimits, Station
from bench.tokens.decision import UnknownTokens
from bench.tokens.list_entries import Entry
from bench.tokens.model import IdTokenType, Token
from devices.api.app import make_app
from devices.api.guard import Access, Guard
from devices.api.server import ApiServer
from tests.bench.asking import AskingTable
from tests.bench.station_role.rolebook import RoleBook
from tests.devices.api.memory_records import FakeBoard, RegistryBook


@dataclass
class FakeStore:
    """Tokens in a dict, equal ignoring case. refuse: what every write raises."""

    tokens: dict[tuple[str, IdTokenType], Token] = field(default_factory=dict)
    refuse: Exception | None = None

    def page(self, offset: int, limit: int) -> list[Token]:
        return list(self.tokens.values())[offset : offset + limit]

    def get(self, value: str, id_token_type: IdTokenType | None) -> Token | None:
        found = (t for t in self.tokens.values() if t.uid.casefold() == value.casefold())
        return next((t for t in found if id_token_type in (None, t.id_token_type)), None)

    async def put(self, token: Token, by: str = "") -> None:
        await asyncio.sleep(0)
        if self.refuse is not None:
            raise self.refuse
        self.tokens[token.key] = replace(token, last_updated=token.last_updated or utc_now())


class FakeLists:
    """One station's list; a push is never under way."""

    def view(self, station: str) -> ListView:
        if station == "nobody":
            raise NotFound("no station named nobody has connected")
        made: Entry = {"idToken": {"idToken": "04A2", "type": "ISO14443"}, "idTokenInfo": {"status": "Accepted"}}
        code: Entry = {"idToken": {"idToken": "4711", "type": "KeyCode"}, "idTokenInfo": {"status": "Accepted"}}
        rows = [
            ListRow(MASK, "KeyCode", None, code, Difference.DELETE, "it is no longer for this list"),
            ListRow("04A2", "ISO14443", made, None, Difference.ADD, ""),
        ]
        progress = Progress(Mode.RECONCILE, 1, 2, 0, 2)
        limits = ListLimits(10)
        return ListView(station, "2.0.1", True, 3, 3, True, "", limits, progress, None, "2 entries differ", rows)

    def preview(self, station: str, mode: str) -> Plan:
        return Plan("", 0, 0, 0, f"nothing by {mode}", True)

    def cancel(self, station: str) -> bool:
        return False


class FakeSession:
    """What the API uses of a session. verdict: how taps end at once; None leaves them open."""

    def __init__(self) -> None:
        self.journal = Journal()
        self.pairs = LivePairs(self.journal, ManualClock())
        self.store = FakeStore()
        self.exchanges: dict[int, Exchange] = {}
        self.links: dict[str, LinkStatus] = {}
        self.taps: list[Any] = []
        self.calls: list[tuple[str, str, dict[str, Any]]] = []
        self.verdict: Verdict | None = Verdict.ACCEPTED
        self.waiting = asyncio.Semaphore(0)  # one release for each tap that waits
        self.answer: CallAnswer | Exception = CallAnswer("x", {"status": "Accepted"})
        self.clock = ManualClock()
        self.stations = {"CP": Station("CP", "2.0.1", connected=False)}
        self.lists = FakeLists()
        self.proxy: ProxyDesk | None = None
        self.role: RoleDesk | None = RoleBook("2.0.1").desk
        asking = AskingTable()
        asking.refer("the station")
        self.questions = asking.questions
        self.decisions = SimpleNamespace(unknown=UnknownTokens.OPERATOR, limits=Limits(20.0, 10.0), fallback=None)
        self.book = RegistryBook(FakeBoard(self.stations))
        self.registry = self.book.registry

    def link_changed(self, status: LinkStatus) -> None:
        self.links[status.name] = status

    def state(self) -> dict[str, object]:
        counters = dict.fromkeys(("messages", "recorded", "malformed", "dropped", "exchanges"), 0)
        links = {"josev": {"state": str(LinkState.FAULTY), "detail": "refused", "cure": "start the broker"}}
        stations = [{"id": "CP-001", "version": "2.0.1", "boot": None, "list_version": None}]
        readers = [{"name": "pn532:/dev/ttyUSB0", "state": "up", "detail": ""}]
        return {"links": links, "stations": stations, "readers": readers, "counters": counters}

    def present(self, tap: Any) -> Exchange:
        self.taps.append(tap)
        if tap.evse_id == "no such EVSE":
            raise BadInput("there is no EVSE no such EVSE", "name one of the profile")
        card = None if tap.uid is None else TapCard(tap.uid, None, str(tap.token_type))
        now = stamp()
        exchange = Exchange(len(self.exchanges) + 1, now, "tap", card, tap.evse_id)
        exchange.hops.append(Hop(None, Party.READER, Party.BENCH, None, "presented", now.mono_ns))
        exchange.hops.append(Hop(7, Party.BENCH, Party.JOSEV, Link.JOSEV, "authorization", now.mono_ns + 1_500_000))
        self.exchanges[exchange.id] = exchange
        if self.verdict is not None:
            exchange.verdict, exchange.decided_by, exchange.closed = self.verdict, DecidedBy.STORE, stamp()
            exchange.findings.append(Finding("x.y", Severity.WARN, "text", (7,), "cure"))
        return exchange

    async def wait_closed(self, exchange_id: int, timeout_s: float) -> Exchange:
        exchange = self.exchanges[exchange_id]
        if exchange.open and timeout_s > 0:
            self.waiting.release()
            try:
                async with asyncio.timeout(timeout_s):
                    await asyncio.Event().wait()
            except TimeoutError:
                pass
        return exchange

    async def call(self, station: str, action: str, payload: Mapping[str, object], *, raw: bool = False) -> CallAnswer:
        self.calls.append((station, action, dict(payload)))
        if station == "nobody":
            raise NotFound("no station named nobody has connected")
        if station == "gone":
            raise LinkDown("station gone is not connected")
        if station == "silent":
            raise OperatorError("station silent did not answer", "repeat")
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    async def _said(self, station: str, action: str) -> Said:
        answer = await self.call(station, action, {})
        return Said(not answer.refused, "in words", answer)

    async def clear_cache(self, station: str) -> Said:
        return await self._said(station, "ClearCache")

    async def list_version(self, station: str) -> Said:
        return await self._said(station, "GetLocalListVersion")

    async def remote_start(self, station: str, id_token: str, id_token_type: IdTokenType, evse: int | None) -> Said:
        return await self._said(station, f"start {id_token} {id_token_type} {evse}")

    async def remote_stop(self, station: str, transaction_id: str) -> Said:
        return await self._said(station, f"stop {transaction_id}")

    async def change_availability(self, station: str, operative: bool, evse: int | None, connector: int | None) -> Said:
        return await self._said(station, f"availability {operative} {evse} {connector}")

    async def data_transfer(self, station: str, vendor_id: str, message_id: str, data: object) -> Said:
        return await self._said(station, f"data {vendor_id} {message_id} {data}")

    def station_events(self, station: str) -> list[StationEvent]:
        if station not in self.stations:
            raise NotFound(f"no station named {station} has connected")
        return [
            StationEvent(3, NS_PER_S, EventKind.SECURITY, "SecurityEventNotification", "TamperDetectionActivated", ""),
            StationEvent(4, NS_PER_S, EventKind.STATUS, "StatusNotification", "EVSE 1.1", "Faulted", "", Severity.FAIL),
        ]

    async def read_settings(self, station: str, report: bool) -> list[SettingValue]:
        await self.call(station, f"settings {report}", {})
        return [
            SettingValue(SETTINGS["list-enabled"], "true", "Accepted", False),
            SettingValue(SETTINGS["master-pass-group"], None, "UnknownVariable", False),
        ]

    async def write_setting(self, station: str, name: str, value: bool | int | str) -> SettingWritten:
        answer = await self.call(station, f"set {name} {value!r}", {})
        entry = setting(name)
        wanted = entry.wire_value("2.0.1", value)
        return SettingWritten(True, "RebootRequired", "in words", entry, wanted, "false", True, answer)

    async def push_list(self, station: str, mode: str) -> PushReport:
        await self.call(station, f"push {mode}", {})
        chunk = ChunkReport(1, "Full", 1, 3, 240, "Accepted", 1)
        return PushReport(
            True, "Accepted", "the list was taken", 3, (("X" * 21, "too long for 1.6"),), None, 1, 1, (chunk,)
        )

    def exchange_of(self, seq: int) -> int | None:
        return 1 if seq == 1 else None

    def record(self, name: str, raw: bytes = b"{}", channel: str = "CP-001") -> None:
        """One message in the journal; an empty name makes it malformed."""
        decoded = Decoded("CALL", name, "1", {"a": 1}) if name else malformed("not JSON", "byte 0")
        self.journal.append(Link.OCPP, Direction.IN, channel, raw, decoded, self.clock.stamp())


@dataclass
class Api:
    """A running server, its session, and a client that is polite to it."""

    server: ApiServer
    session: FakeSession
    client: httpx.AsyncClient


Serve = Callable[..., AbstractAsyncContextManager[Api]]


@asynccontextmanager
async def serve(listen: str = "127.0.0.1:0", token: str | None = None) -> AsyncIterator[Api]:
    session = FakeSession()
    server = ApiServer(session, listen, token)  # type: ignore[arg-type]
    await server.start()
    headers = {"Authorization": f"Bearer {server.token}"} if server.token else {}
    try:
        # verify=False: no certificates are read for a server without TLS.
        options = {"headers": headers, "trust_env": False, "verify": False, "timeout": 10}
        async with httpx.AsyncClient(base_url=server.url, **options) as client:
            yield Api(server, session, client)
    finally:
        await server.stop()


@pytest.fixture
def serving() -> Serve:
    return serve


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    async with serve() as running:
        yield running


@pytest.fixture
def full_disk() -> StoreError:
    return StoreError("the disk is full", "free space")


@pytest.fixture(scope="session")
def asgi() -> Callable[[], Guard]:
    """The guarded application without a server, for requests by the thousand."""

    def make() -> Guard:
        app = make_app(FakeSession(), "http://localhost", needs_token=False)  # type: ignore[arg-type]
        return Guard(app, Access(loopback=True, token=None))

    return make
