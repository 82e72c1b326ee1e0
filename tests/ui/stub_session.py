"""A session for the window's tests: real journal, exchanges and stations, no engine, a clock that stands still."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from types import SimpleNamespace

from bench.answers import CallAnswer, Said
from bench.card import CardRead, Hint, Technology
from bench.clock import NS_PER_S, ManualClock, to_datetime
from bench.errors import BadInput, LinkDown, NotFound
from bench.exchange import DecidedBy, Exchange, Finding, Hop, Party, Severity, TapCard, Verdict
from bench.journal.history import History
from bench.journal.log import Journal
from bench.journal.notes import NoteBook
from bench.journal.pairs import LivePairs, limits_of
from bench.maeve_desk import MaeveDesk
from bench.message import Decoded, Direction, Fault, Link, Message
from bench.ports import LinkState, LinkStatus
from bench.proxy_desk import ProxyDesk
from bench.readers import Readers
from bench.settings import Profile
from bench.station import Station, Transaction
from bench.tokens.history import TokenChange, What
from bench.tokens.index import TokenIndex
from bench.tokens.model import AuthorizationStatus, IdTokenType, Token
from tests.bench.asking import AskingTable
from tests.ui.stub_lists import StubLists

START_UTC_NS = 1_795_262_260 * NS_PER_S  # 2026-11-21 11:57:40 UTC


class StubStore:
    """Tokens in a dictionary, with the methods of :class:`bench.tokens.store.TokenStore` that the window uses.

    gate: what a write waits for, as a database that is slow; waiting: one does.
    """

    def __init__(self) -> None:
        self.tokens: dict[tuple[str, IdTokenType], Token] = {}
        self.changes: list[TokenChange] = []
        self._listeners: list[Callable[[], None]] = []
        self.revision = 0
        self.gate: asyncio.Event | None = None
        self.waiting = asyncio.Event()

    @property
    def index(self) -> TokenIndex:
        return TokenIndex(self.tokens.values())

    @property
    def count(self) -> int:
        return len(self.tokens)

    @property
    def valid_count(self) -> int:
        return sum(t.effective_status is AuthorizationStatus.ACCEPTED for t in self.tokens.values())

    def get(self, value: str, id_token_type: IdTokenType | None = None) -> Token | None:
        for token in self.tokens.values():
            if token.uid.casefold() == value.casefold() and id_token_type in (None, token.id_token_type):
                return token
        return None

    def all(self) -> list[Token]:
        return sorted(self.tokens.values(), key=lambda token: token.key)

    def page(self, offset: int = 0, limit: int | None = None) -> list[Token]:
        return self.all()[offset : None if limit is None else offset + limit]

    def subscribe(self, callback: Callable[[], None]) -> Callable[[], None]:
        self._listeners.append(callback)
        return lambda: self._listeners.remove(callback)

    async def put(self, token: Token, *, by: str = "") -> Token:
        self._record(token.key, by, token)
        self.tokens[token.key] = token
        self._tell()
        return token

    async def refresh(self) -> bool:
        return False

    async def put_many(
        self, batch: list[Token], *, by: str = "", progress: Callable[[int, int], None] | None = None
    ) -> list[Token]:
        given = list(batch)
        if progress is not None:
            progress(0, len(given))
        if self.gate is not None:
            self.waiting.set()
            await self.gate.wait()
        for token in given:
            self._record(token.key, by, token)
            self.tokens[token.key] = token
        self._tell()
        return given

    async def delete(self, uid: str, id_token_type: IdTokenType, *, by: str = "") -> None:
        if not await self.delete_many([(uid, id_token_type)], by=by):
            raise NotFound(f"there is no token {uid}")

    async def delete_many(
        self,
        keys: list[tuple[str, IdTokenType]],
        *,
        by: str = "",
        progress: Callable[[int, int], None] | None = None,
    ) -> int:
        there = [key for uid, kind in keys if (key := (uid.casefold(), kind)) in self.tokens]
        for key in there:
            self._record(key, by, None)
            del self.tokens[key]
        self._tell()
        return len(there)

    async def history(self, uid: str, id_token_type: IdTokenType, limit: int = 100) -> list[TokenChange]:
        key = uid.casefold(), id_token_type
        return [change for change in reversed(self.changes) if change.key == key][:limit]

    def _record(self, key: tuple[str, IdTokenType], by: str, after: Token | None) -> None:
        before = self.tokens.get(key)
        what = What.DELETED if after is None else What.ADDED if before is None else What.CHANGED
        number = len(self.changes) + 1
        self.changes.append(TokenChange(number, to_datetime(START_UTC_NS), key, what, by, before, after))

    def _tell(self) -> None:
        self.revision += 1
        for listener in self._listeners:
            listener()


@dataclass
class StubEndpoint:
    """A bus or station server of which the window only wants the address."""

    url: str


@dataclass
class StubCapture:
    """A capture of which the window shows name and size."""

    path: object
    bytes: int = 3_250_000
    recorded: int = 0
    dropped: int = 0

    def size(self) -> int:
        return self.bytes


class SaidPairs(LivePairs):
    """said: what a test says of messages beside what their ids tell."""

    def __init__(self, *args: object) -> None:
        super().__init__(*args)
        self.said: dict[int, int] = {}

    def other_half(self, seq: int) -> int | None:
        return self.said.get(seq) or super().other_half(seq)


class StubSession:
    """What panels see of :class:`bench.session.Session`. Every order is kept in ``orders``.

    refuse: raised by the next order instead of doing it.
    """

    def __init__(self) -> None:
        self.profile = Profile()
        self.clock = ManualClock(START_UTC_NS)
        self.journal = Journal()
        self.pairs = SaidPairs(self.journal, self.clock, limits_of(self.profile))
        self.notes = NoteBook(lambda seq, note: self.tell("note", seq), self.clock)
        self.store = StubStore()
        self.lists = StubLists(self)
        self.exchanges: dict[int, Exchange] = {}
        self.stations: dict[str, Station] = {}
        self.links: dict[str, LinkStatus] = {}
        self.findings: deque[Finding] = deque(maxlen=1000)
        self.last_card: CardRead | None = None
        self.server: StubEndpoint | None = StubEndpoint("ws://127.0.0.1:9000")
        self.readers = Readers(())
        self.bus: StubEndpoint | None = StubEndpoint("mqtt://127.0.0.1:1883")
        self.capture: StubCapture | None = None
        self.proxy: ProxyDesk | None = None
        self.asking = AskingTable(clock=self.clock)
        self.questions = self.asking.questions
        self.decisions = SimpleNamespace(unknown=self.profile.unknown)
        self.maeve_desk: MaeveDesk | None = None
        self.orders: list[tuple[object, ...]] = []
        self.refuse: Exception | None = None
        self.dropped = 0
        self.listeners: list[Callable[[object, object], None]] = []
        self._of_seq: dict[int, int] = {}

    # Contract

    def subscribe(self, listener: Callable[[object, object], None]) -> Callable[[], None]:
        self.listeners.append(listener)
        return lambda: self.listeners.remove(listener)

    def present(self, tap: object) -> Exchange:
        self._order("present", tap)
        uid = getattr(tap, "uid", None)
        card = TapCard(uid, None, str(tap.token_type)) if uid else None  # type: ignore[attr-defined]
        exchange = self.open(card, token_type=str(tap.token_type))  # type: ignore[attr-defined]
        self.tell("exchange", exchange.id)
        return exchange

    async def enrol(self, exchange_id: int, status: str = "Accepted") -> Token:
        self._order("enrol", exchange_id, status)
        card = self.exchanges[exchange_id].card
        if card is None:
            raise BadInput("this exchange has no card to enrol", "present a card first")
        return await self.store.put(make_token(card.uid))

    async def call(self, station: str, action: str, payload: object) -> CallAnswer:
        self._order("call", station, action, payload)
        return CallAnswer(action, {"status": "Accepted"})

    async def remote_start(
        self, station: str, id_token: str, id_token_type: IdTokenType = IdTokenType.CENTRAL, evse: int | None = 1
    ) -> Said:
        self._order("remote_start", station, id_token, id_token_type, evse)
        return Said(True, "the station accepted the remote start")

    async def remote_stop(self, station: str, transaction_id: str) -> Said:
        self._order("remote_stop", station, transaction_id)
        return Said(True, "the station accepted the remote stop")

    async def clear_cache(self, station: str) -> Said:
        self._order("clear_cache", station)
        return Said(True, f"{station} cleared its cache")

    async def change_availability(
        self, station: str, operative: bool, evse: int | None = None, connector: int | None = None
    ) -> Said:
        self._order("change_availability", station, operative, evse, connector)
        return Said(True, "the station changed its availability")

    async def data_transfer(self, station: str, vendor_id: str, message_id: str = "", data: object = None) -> Said:
        self._order("data_transfer", station, vendor_id, message_id, data)
        return Said(False, "the station does not know that vendor")

    def inject(self, link: Link, channel: str, raw: bytes) -> Message:
        self._order("inject", link, channel, raw)
        return self.message(link, Direction.OUT, channel, raw, "request", "authorization", injected=True)

    def counters(self) -> dict[str, int]:
        return {
            "messages": self.journal.head,
            "recorded": self.journal.head,
            "malformed": self.journal.malformed,
            "dropped": self.dropped,
            "exchanges": len(self.exchanges),
        }

    @property
    def history(self) -> History:
        return History(self.journal, lambda: None, lambda message: message)

    def exchange_of(self, seq: int) -> int | None:
        return self._of_seq.get(seq)

    # What a test says happened

    def tell(self, change: str, key: object) -> None:
        for listener in list(self.listeners):
            listener(change, key)

    def link(self, name: str, state: LinkState, detail: str = "", cure: str = "") -> None:
        self.links[name] = LinkStatus(name, state, detail, cure)
        self.tell("link", name)

    def message(
        self,
        link: Link,
        direction: Direction,
        channel: str,
        raw: bytes,
        kind: str,
        name: str,
        summary: str = "",
        *,
        correlation: str | None = None,
        body: object = None,
        faults: tuple[Fault, ...] = (),
        injected: bool = False,
    ) -> Message:
        decoded = Decoded(kind, name, correlation, body, faults, summary)
        meta = {"qos": 1, "retain": False} if link is Link.JOSEV else None
        return self.journal.append(link, direction, channel, raw, decoded, self.clock.stamp(), meta, injected)

    def open(self, card: TapCard | None, *, token_type: str = "ISO14443", origin: str = "tap") -> Exchange:
        exchange = Exchange(len(self.exchanges) + 1, self.clock.stamp(), origin, card=card, token_type=token_type)
        exchange.station = "CP-001"
        self.exchanges[exchange.id] = exchange
        return exchange

    def hop(
        self, exchange: Exchange, message: Message | None, from_: Party, to: Party, name: str, fault: str | None = None
    ) -> None:
        seq = link = None
        if message is not None:
            seq, link = message.seq, message.link
            self._of_seq[message.seq] = exchange.id
        exchange.hops.append(Hop(seq, from_, to, link, name, self.clock.mono_ns, fault))
        exchange.revision += 1

    def close(self, exchange: Exchange, verdict: Verdict, by: DecidedBy, reason: str, label: str = "") -> None:
        exchange.verdict, exchange.decided_by, exchange.reason, exchange.token_label = verdict, by, reason, label
        exchange.closed = self.clock.stamp()
        exchange.revision += 1
        self.tell("exchange", exchange.id)

    def find(
        self, rule: str, severity: Severity, text: str, cure: str = "", exchange: Exchange | None = None
    ) -> Finding:
        evidence = tuple(exchange.sequences[-1:]) if exchange is not None else ()
        finding = Finding(
            rule, severity, text, evidence, cure, self.clock.utc_ns, exchange.id if exchange is not None else None
        )
        self.findings.append(finding)
        if exchange is not None:
            exchange.findings.append(finding)
        self.tell("finding", None)
        return finding

    def tap(
        self,
        uid: str,
        *,
        accepted: bool = True,
        reason: str = "valid",
        label: str = "TAG-7",
        hints: tuple[Hint, ...] = (),
        bus_ms: float = 12.4,
        back_ms: float = 124.6,
        update: bool = True,
    ) -> Exchange:
        """One whole tap: card, request, Authorize, look-up, answer, response, update."""
        raw = bytes.fromhex(uid)
        self.last_card = CardRead("pn532:/dev/ttyUSB0", raw, Technology.ISO14443, raw, self.clock.stamp(), hints=hints)
        words = tuple(str(hint) for hint in hints)
        exchange = self.open(TapCard(uid, "ISO14443", "ISO14443", "pn532:/dev/ttyUSB0", words))
        exchange.evse_id = "GB*SEV*E123456789"
        verdict_word = "accepted" if accepted else "rejected"
        ocpp_word = "Accepted" if accepted else "Invalid"
        request_id = f"57828133-8cfe-477d-b829-0b60aff9{exchange.id:04d}"

        frame = self.message(
            Link.READER, Direction.IN, "pn532:/dev/ttyUSB0", b"\xd5\x4b\x01\x01\x00\x44\x00\x07" + raw, "frame",
            "InListPassiveTarget", f"1 target, SENS_RES 0044, UID {uid}", body={"uid": uid},
        )  # fmt: skip
        self.hop(exchange, frame, Party.READER, Party.BENCH, f"CardRead {len(raw)} B")
        self.tell("card", "pn532:/dev/ttyUSB0")

        self.clock.advance(2.1)
        data = {"evse_id": "GB*SEV*E123456789", "id_token": uid, "token_type": "ISO14443"}
        envelope = {"id": request_id, "name": "authorization", "type": "request", "data": data}
        request = self.message(
            Link.JOSEV, Direction.OUT, "cs/josev", json.dumps(envelope).encode(), "request", "authorization",
            f"ISO14443 {uid} · GB*SEV*E123456789", correlation=request_id, body=envelope,
        )  # fmt: skip
        self.hop(exchange, request, Party.BENCH, Party.JOSEV, "authorization request")

        self.clock.advance(bus_ms)
        call = [2, f"c{exchange.id}", "Authorize", {"idToken": {"idToken": uid, "type": "ISO14443"}}]
        asked = self.message(
            Link.OCPP, Direction.IN, "CP-001", json.dumps(call).encode(), "CALL", "Authorize", f"ISO14443 {uid}",
            correlation=f"c{exchange.id}", body=call,
        )  # fmt: skip
        self.hop(exchange, asked, Party.STATION, Party.CSMS, "Authorize")
        self.clock.advance(0.1)
        self.hop(exchange, None, Party.CSMS, Party.STORE, f"{uid[:8]}…?")
        self.clock.advance(0.2)
        self.hop(exchange, None, Party.STORE, Party.CSMS, reason)
        self.clock.advance(2.7)
        answer = [3, f"c{exchange.id}", {"idTokenInfo": {"status": ocpp_word}}]
        answered = self.message(
            Link.OCPP, Direction.OUT, "CP-001", json.dumps(answer).encode(), "CALLRESULT", "Authorize", ocpp_word,
            correlation=f"c{exchange.id}", body=answer,
        )  # fmt: skip
        self.hop(exchange, answered, Party.CSMS, Party.STATION, ocpp_word)

        self.clock.advance(back_ms)
        reply = {"id": request_id, "name": "authorization", "type": "response", "data": {"status": verdict_word}}
        response = self.message(
            Link.JOSEV, Direction.IN, "josev/cs", json.dumps(reply).encode(), "response", "authorization",
            verdict_word, correlation=request_id, body=reply,
        )  # fmt: skip
        self.hop(exchange, response, Party.JOSEV, Party.BENCH, f"response {verdict_word}")
        verdict = Verdict.ACCEPTED if accepted else Verdict.REJECTED
        self.close(exchange, verdict, DecidedBy.STORE, reason, label)

        if update:
            self.clock.advance(2400)
            told = {
                "id": f"u{exchange.id}",
                "name": "authorization",
                "type": "update",
                "data": {"status": verdict_word},
            }
            heard = self.message(
                Link.JOSEV, Direction.IN, "ocpp/15118", json.dumps(told).encode(), "update", "authorization",
                verdict_word, correlation=f"u{exchange.id}", body=told,
            )  # fmt: skip
            self.hop(exchange, heard, Party.JOSEV, Party.BENCH, f"update {verdict_word} (ISO14443)")
            self.tell("exchange", exchange.id)
        return exchange

    def silent_tap(self, uid: str) -> Exchange:
        """A tap that Josev never answers."""
        exchange = self.open(TapCard(uid, "ISO14443", "ISO14443", "pn532:/dev/ttyUSB0"))
        self.hop(exchange, None, Party.READER, Party.BENCH, f"CardRead {len(uid) // 2} B")
        self.clock.advance(2)
        request = self.message(
            Link.JOSEV, Direction.OUT, "cs/josev", b'{"name":"authorization"}', "request", "authorization",
            f"ISO14443 {uid}", correlation="silent", body={"name": "authorization"},
        )  # fmt: skip
        self.hop(exchange, request, Party.BENCH, Party.JOSEV, "authorization request")
        self.clock.advance(4998)
        exchange.hops.append(
            Hop(None, Party.JOSEV, Party.BENCH, Link.JOSEV, "no answer", self.clock.mono_ns, "no answer for 5.0 s")
        )
        self.close(exchange, Verdict.TIMED_OUT, DecidedBy.NOBODY, "Josev silent")
        return exchange

    def free_charging(self) -> Exchange:
        exchange = self.open(None, token_type="no_authorization")
        self.hop(exchange, None, Party.READER, Party.BENCH, "no_authorization")
        request = self.message(
            Link.JOSEV, Direction.OUT, "cs/josev", b"{}", "request", "authorization", "no_authorization", body={}
        )
        self.hop(exchange, request, Party.BENCH, Party.JOSEV, "authorization request")
        self.clock.advance(61)
        response = self.message(
            Link.JOSEV, Direction.IN, "josev/cs", b"{}", "response", "authorization", "accepted", body={}
        )
        self.hop(exchange, response, Party.JOSEV, Party.BENCH, "response accepted")
        self.close(exchange, Verdict.ACCEPTED, DecidedBy.JOSEV, "free charging")
        return exchange

    def _order(self, *order: object) -> None:
        if self.refuse is not None:
            refused, self.refuse = self.refuse, None
            raise refused
        self.orders.append(order)


def make_token(uid: str, **changes: object) -> Token:
    token = Token(uid.upper(), "GB", "ABX", "GBABXC0123456789"[:15], "Authbench")
    return replace(token, **changes)  # type: ignore[arg-type]


def lively_session() -> StubSession:
    """A bench in the middle of its day: all links up, one station, five taps, two findings."""
    session = StubSession()
    for n in range(126):
        token = make_token(f"04{n:02X}B1C2D3E480", visual_number=f"TAG-{n + 10}")
        session.store.tokens[token.key] = token
    for uid, label in (("04A2B3C4D5E680", "TAG-7 · M. Okafor"), ("04B1C2D3E4F580", "TAG-8")):
        token = make_token(uid, visual_number=label)
        session.store.tokens[token.key] = token
    session.link("reader:pn532:/dev/ttyUSB0", LinkState.UP, "PN532 · ttyUSB0")
    session.link("josev", LinkState.UP, "mqtt://10.0.0.7:1883")
    session.link("ocpp", LinkState.UP, "ws://10.0.0.7:9000")
    session.link("store", LinkState.UP, "128 valid of 128")
    session.link("capture", LinkState.UP, "depot-north-2026-11-21.db")
    session.stations["CP-001"] = Station(
        "CP-001", "2.0.1", peer="10.0.0.21:51344", boot="Accepted", vendor="Josev", model="Sim", serial_number="S-1",
        firmware="1.4.2", list_version=7, transactions={"TX-9": Transaction("TX-9", 1, "04B1C2D3E4F580")},
        connectors={"1.1": "Occupied"}, last_heartbeat_utc_ns=START_UTC_NS,
    )  # fmt: skip
    session.silent_tap("04B1C2D3E4F580")
    session.clock.advance(41_000)
    session.free_charging()
    session.clock.advance(183_000)
    session.tap("082F11C7", accepted=False, reason="unknown", label="", hints=(Hint.RANDOM_ID,))
    session.clock.advance(95_000)
    reversed_ = session.tap("80E6D5C4B3A204", accepted=False, reason="unknown (reversed TAG-7?)", label="")
    session.find(
        "store.near-miss", Severity.WARN, "Unknown card is TAG-7 reversed: the reader of EVSE 2 sends its bytes last first",
        "adopt the reversed form, or turn the reader's byte order round", reversed_,
    )  # fmt: skip
    session.find(
        "list.version-stuck", Severity.WARN, "CP-001 accepted the list but its version did not move: 7 before and after",
        "push again in full, then read the version", reversed_,
    )  # fmt: skip
    session.clock.advance(30_000)
    session.tap("04A2B3C4D5E680", label="TAG-7 · M. Okafor")
    return session


def bus_down() -> LinkDown:
    return LinkDown("the broker at 10.0.0.7:1883 is not connected", "check the cable and the address")
