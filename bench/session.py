"""One running bench: wires ports to journal, exchanges and store, owns every task, and ends in order.

The window, the HTTP API and the command line are readers of it and give it orders; none has a side channel.
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections import deque
from collections.abc import Awaitable, Callable, Mapping

from bench.answers import CallAnswer, PushReport, Said
from bench.authorization import TECHNOLOGY_TYPE, TapFlow
from bench.authorization import TapRequest as TapRequest
from bench.book import ExchangeBook
from bench.bus_desk import BusDesk
from bench.card import CardRead, CardRemoved
from bench.change import Change
from bench.clock import Clock, Stamp, SystemClock
from bench.codecs.ocpp import Call
from bench.csms.contract import NO_TRUST, ContractTrust
from bench.csms.events import StationEvent
from bench.decision_desk import DecisionDesk
from bench.errors import BadInput, NotFound, OperatorError
from bench.exchange import Exchange, Finding, Severity
from bench.journal.capture import Capture
from bench.journal.history import History
from bench.journal.log import Journal
from bench.journal.notes import Note, NoteBook
from bench.journal.pairs import LivePairs, limits_of
from bench.journal.redecode import redecode
from bench.journal.view import JournalContext
from bench.link_board import LinkBoard
from bench.list_desk import ListDesk
from bench.maeve.records import StoredRecords
from bench.maeve.registry import Registry
from bench.maeve_desk import MaeveDesk
from bench.message import Decoded, Direction, Link, Message
from bench.ocpp_story import OcppStory
from bench.ports import Bus, CsmsDialer, LinkStatus, Reader, StationOpened, StationServer
from bench.proxy_desk import ProxyDesk
from bench.proxy_story import ProxyStory
from bench.questions import Questions
from bench.readers import Readers
from bench.recorder import Recorder
from bench.role_desk import RoleDesk
from bench.serial_port import SerialPorts
from bench.settings import Profile
from bench.settings_flow import SettingValue, SettingWritten
from bench.state import state_json
from bench.station import Station
from bench.station_desk import StationDesk
from bench.station_role.keep import Keeper
from bench.stations import StationBoard
from bench.store_watch import StoreWatch
from bench.tasks import Tasks
from bench.tokens.enrol import enrol_card
from bench.tokens.model import AuthorizationStatus, IdTokenType, Token
from bench.tokens.store import TokenStore
from bench.waiting import Endings, Timers

log = logging.getLogger(__name__)


class Session:
    """Implements :class:`bench.ports.Sink`. All methods on the loop's thread.

    exchanges: by id, in order of opening. stations: by id. links: by name. findings: newest last, bounded. last_card: the latest a
    reader saw, or None. pairs: who answers whom, and what does not fit. role: the bench as a station, or None. proxy: where
    messages between stations and another CSMS are held, edited, dropped and injected; None where the bench itself is their CSMS.
    registry: what was registered over its API and OCPI. maeve_desk: tokens to and from a MaEVe, None where nobody can be asked.
    """

    def __init__(
        self,
        profile: Profile,
        store: TokenStore,
        *,
        capture: Capture | None = None,
        bus: Bus | None = None,
        server: StationServer | None = None,
        readers: tuple[Reader, ...] = (),
        clock: Clock | None = None,
        csms_url: str | None = None,
        csms: CsmsDialer | None = None,
        keeper: Keeper | None = None,
        contract_trust: ContractTrust = NO_TRUST,
        serial_ports: SerialPorts | None = None,
    ) -> None:
        self.profile = profile
        self.store = store
        self.capture = capture
        self.bus = bus
        self.server = server
        self.readers = Readers(readers, serial_ports, self._reader_changed)
        self.clock = clock or SystemClock()
        self.journal = Journal()
        self._recorder = Recorder(capture, self.journal)
        self.history = History(self.journal, lambda: self._recorder.file, redecode)
        self.pairs = LivePairs(self.journal, self.clock, limits_of(profile))
        self._link_board = LinkBoard(
            self.journal,
            self.clock,
            lambda status: self.finding("link.faulty", "fail", f"{status.name}: {status.detail}", status.cure),
            lambda status: self._desk.lost(status.detail, status.cure),
        )
        self._store_watch = StoreWatch(store, self.links, self.link_changed, lambda: self._tell(Change.TOKENS, None))
        self.notes = NoteBook(self._keep_note, self.clock)
        self.last_card: CardRead | None = None
        self.last_removed: CardRemoved | None = None
        self.tasks = Tasks()
        self.proxy: ProxyDesk | None = None
        self.maeve_desk: MaeveDesk | None = None
        self._listeners: list[Callable[[Change, object], None]] = []
        self._timers = Timers(self.clock)
        self._endings = Endings()
        self._book = ExchangeBook(self._exchanges_changed, lambda finding: self._tell(Change.FINDING, None))
        self.decisions = DecisionDesk(
            profile,
            self._book,
            self.clock,
            store,
            lambda: self._board.stations,
            self.tasks,
            changed=lambda: self._tell(Change.QUESTION, None),
            settled=self._decided,
        )
        decider = self.decisions.decider
        self._story = story = OcppStory(self._book, decider, profile.charger.evses)
        self._board = StationBoard(
            self.journal,
            self._book,
            story,
            self.decisions,
            self.decisions.refer,
            profile.ocpp,
            self.clock,
            self._station_changed,
            contract_trust,
        )
        self._station_desk = StationDesk(
            self._board,
            story,
            self.clock,
            lambda station: self._tell(Change.STATION, station),
            lambda exchange: self._timers.later(profile.answer_limit_s, story.remote_start_waited, exchange),
            self.finding,
        )
        self.lists = ListDesk(self._board, store, self.clock, self.tasks, self._tell, self.finding)
        self._flow = TapFlow(self._book, profile, decider.ask, decider.infer, lambda: str(uuid.uuid4()))
        told = self.tasks, self.finding, self.subscribe, self._tell
        self.registry = Registry(StoredRecords(store), self._board, profile.enrol, *told)
        self._desk = BusDesk(
            bus,
            self.journal,
            self._book,
            self._flow,
            profile,
            self.clock,
            lambda: csms_url or (self.server.url if self.server is not None else ""),
            lambda seconds, exchange: self._timers.later(seconds, self._flow.expired, exchange),
            self.decisions.refer,
        )
        self.role: RoleDesk | None = None
        if csms is not None and keeper is not None:
            self.role = RoleDesk(
                profile,
                csms,
                keeper,
                self.journal,
                self._book,
                self.clock,
                later=self._timers.later,
                link_changed=self.link_changed,
                finding=self.finding,
                changed=lambda: self._tell(Change.ROLE, None),
            )

    @property
    def links(self) -> dict[str, LinkStatus]:
        return self._link_board.links

    @property
    def questions(self) -> Questions:
        """Those that wait for the operator."""
        return self.decisions.questions

    @property
    def exchanges(self) -> dict[int, Exchange]:
        return self._book.exchanges

    @property
    def findings(self) -> deque[Finding]:
        return self._book.findings

    @property
    def stations(self) -> dict[str, Station]:
        return self._board.stations

    # Life

    async def start(self) -> None:
        """Open store and capture, then start every adapter.

        Raises:
            OperatorError: something cannot be opened (a port in use, a store that is not ours). What was started is stopped.
        """
        try:
            await self.store.open()
            await self.registry.open()
            self._store_watch.start(self.tasks)
            await self.lists.start()
            self.tasks.spawn(self.pairs.keep_up(), name="pairing")
            await self._recorder.start(self.link_changed, self.tasks)
            if self.server is not None:
                self._board.server = self.server
                await self.server.start(self)
            if self.bus is not None:
                await self.bus.start(self)
            if self.role is not None:
                await self.role.start()
            await self.readers.start(self)
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """End in order: no new cards, no new messages, then everything seen is written."""
        for part in (*self.readers, self.role, self.bus, self.server):
            if part is not None:
                await self._end(part.stop(), type(part).__name__)
        self._timers.cancel()
        self.decisions.close()
        await self.tasks.cancel()
        self._tell_exchanges()
        self.history.close()
        await self._end(self._recorder.stop(self._book.open_exchanges), "capture")
        await self._end(self.store.close(), "store")

    async def replace_server(self, server: StationServer) -> None:
        """Listen somewhere else: the old listener ends (its stations are told to come again), the new one starts.

        Raises:
            OperatorError: the new address cannot be bound; the old listener is started again.
        """
        old = self.server
        if old is not None:
            await old.stop()
        try:
            await server.start(self)
        except OperatorError:
            if old is not None:
                await old.start(self)
            raise
        self.server = self._board.server = server

    def become_proxy(self) -> ProxyDesk:
        """Stations are passed on to another CSMS. The same desk each time: its rules outlive a move of the listener."""
        if self.proxy is None:
            profile, context = self.profile, JournalContext(self.pairs, self.exchange_of)
            told = self._board, self._book, self._story, self._timers
            story = ProxyStory(*told, self.clock, limit_s=profile.answer_limit_s)
            limit_s = profile.ocpp.call_timeout_s
            self.proxy = ProxyDesk(self.journal, context, self.clock, story=story, call_timeout_s=limit_s)
            self.proxy.waiting_changed = lambda station: self._tell(Change.PROXY, station)
        return self.proxy

    async def _end(self, closing: Awaitable[None], name: str) -> None:
        try:
            await closing
        except OperatorError as error:
            log.error("%s did not end cleanly: %s", name, error)
        except Exception:  # a bug in one part must not keep the others, the capture above all, from ending
            log.exception("%s did not end", name)

    def subscribe(self, listener: Callable[[Change, object], None]) -> Callable[[], None]:
        """Be told of changes, synchronously and often: coalesce. Returns the unsubscribe function."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    # Taps

    def present(self, tap: TapRequest) -> Exchange:
        """Open an Exchange and publish its request, or ask the CSMS whose station the bench is; a link that is down closes it.

        Raises:
            BadInput: the Josev API, or the OCPP version, cannot carry this tap; nothing was opened.
        """
        return self._present(tap, self.clock.stamp())

    def _present(
        self, tap: TapRequest, stamp: Stamp, read: CardRead | None = None, frame: Message | None = None
    ) -> Exchange:
        if self.role is not None:
            return self.role.present(tap, stamp, read, frame)
        exchange, commands = self._flow.present(tap, stamp, read, frame)
        self._desk.carry_out(commands)
        return exchange

    async def wait_closed(self, exchange_id: int, timeout_s: float) -> Exchange:
        """The Exchange once it has a verdict, or as it stands when the time ran out.

        Raises:
            NotFound: no such exchange.
        """
        exchange = self.exchange(exchange_id)
        if exchange.open and timeout_s > 0:
            await self._endings.wait(exchange, timeout_s)
        return exchange

    def exchange(self, exchange_id: int) -> Exchange:
        """One exchange, or NotFound."""
        exchange = self.exchanges.get(exchange_id)
        if exchange is None:
            raise NotFound(f"there is no exchange {exchange_id}")
        return exchange

    async def enrol(self, exchange_id: int, status: str = "Accepted") -> Token:
        """Put the card of an Exchange into the store with country, party, issuer and contract id of the profile."""
        token = enrol_card(self.exchange(exchange_id).card, self.profile.enrol, AuthorizationStatus(status))
        return await self.store.put(token, by="enrol")

    # OCPP. Each raises NotFound (no such station), LinkDown (gone), OperatorError (no answer in time).

    async def call(self, station: str, action: str, payload: Mapping[str, object], *, raw: bool = False) -> CallAnswer:
        """Any OCPP call; a refusal is an answer. raw: sent even where it breaks the schema or is not ours to send."""
        if action == "SendLocalList":
            self.lists.sent_by_hand(station)
        return await self._board.call(station, action, payload, raw=raw)

    async def remote_start(
        self, station: str, id_token: str, id_token_type: IdTokenType = IdTokenType.CENTRAL, evse: int | None = 1
    ) -> Said:
        """RequestStartTransaction or RemoteStartTransaction; opens an Exchange that the update or the transaction ends."""
        return await self._station_desk.remote_start(station, id_token, id_token_type, evse)

    async def remote_stop(self, station: str, transaction_id: str) -> Said:
        """RequestStopTransaction or RemoteStopTransaction."""
        return await self._station_desk.remote_stop(station, transaction_id)

    async def push_list(self, station: str, mode: str = "full") -> PushReport:
        """:meth:`ListDesk.push <bench.list_desk.ListDesk.push>`."""
        return await self.lists.push(station, mode)

    async def list_version(self, station: str) -> Said:
        """GetLocalListVersion (OCPP 2.0.1 D02, 1.6 section 5.10)."""
        return await self.lists.read_version(station)

    async def clear_cache(self, station: str) -> Said:
        """ClearCache (OCPP 2.0.1 C11, 1.6 section 5.4)."""
        return await self.lists.clear_cache(station)

    async def change_availability(
        self, station: str, operative: bool, evse: int | None = None, connector: int | None = None
    ) -> Said:
        """ChangeAvailability (OCPP 2.0.1 G03, G04; 1.6 section 5.2); neither evse nor connector: the whole station."""
        return await self._station_desk.change_availability(station, operative, evse, connector)

    async def data_transfer(self, station: str, vendor_id: str, message_id: str = "", data: object = None) -> Said:
        """DataTransfer (OCPP 2.0.1 P01; 1.6 section 5.6). data: text on 1.6, any JSON on 2.x, None for none."""
        return await self._station_desk.data_transfer(station, vendor_id, message_id, data)

    def station_events(self, station: str) -> list[StationEvent]:
        """What a station reported, oldest first; bounded. Raises NotFound."""
        return list(self._board.known(station).events)

    async def read_settings(self, station: str, report: bool = False) -> list[SettingValue]:
        """The settings of :mod:`bench.auth_settings` as the station tells them; report: from its base report (2.x)."""
        return await self._station_desk.read_settings(station, report)

    async def write_setting(self, station: str, name: str, value: bool | int | str) -> SettingWritten:
        """Set one of them and read it back."""
        return await self._station_desk.write_setting(station, name, value)

    # Operator's own messages

    def inject(self, link: Link, channel: str, raw: bytes) -> Message:
        """Send bytes as they are on the bus (channel = topic), to a station (channel = its id) or to our CSMS; marked injected."""
        if link is Link.OCPP:
            if self.role is not None and channel == self.role.identity and channel not in self.stations:
                return self.role.inject(raw)
            message = self._board.inject(channel, raw)
            if isinstance(message.decoded.body, Call) and message.decoded.name == "SendLocalList":
                self.lists.sent_by_hand(channel)
            return message
        if link is Link.JOSEV:
            return self._desk.inject(channel, raw)
        raise BadInput(f"nothing can be sent on the link {link}", "choose a message of the Josev bus or of a station")

    def counters(self) -> dict[str, int]:
        """messages, recorded (durably written), malformed, dropped, exchanges."""
        return {
            "messages": self.journal.head,
            "recorded": self._recorder.recorded,
            "malformed": self.journal.malformed,
            "dropped": self._recorder.dropped,
            "exchanges": self._book.opened_count,
        }

    def state(self) -> dict[str, object]:
        """The shape of ``GET /bench/v1/state``."""
        return state_json(self.links, self.stations.values(), self.readers, self.counters())

    def exchange_of(self, seq: int) -> int | None:
        exchange = self._book.of_seq(seq)
        return exchange.id if exchange is not None else None

    # Sink: what adapters say

    @property
    def busy(self) -> bool:
        return self._recorder.behind

    def link_changed(self, status: LinkStatus) -> None:
        self._link_board.changed(status)
        self._tell(Change.LINK, status.name)

    def _reader_changed(self, name: str) -> None:
        if not any(reader.name == name for reader in self.readers):
            self._link_board.forget(f"reader:{name}")
        self._tell(Change.LINK, f"reader:{name}")

    def finding(self, rule: str, severity: str, text: str, cure: str = "") -> None:
        self._book.finding(rule, Severity(severity), text, stamp=self.clock.stamp(), cure=cure)

    def reader_frame(self, reader: str, direction: Direction, raw: bytes, decoded: Decoded, stamp: Stamp) -> Message:
        return self.journal.append(Link.READER, direction, reader, raw, decoded, stamp)

    def card_read(self, card: CardRead, seq: int) -> None:
        self.last_card = card
        self._tell(Change.CARD, card.reader)
        if self.readers.is_testing(card.reader):
            return
        tap = TapRequest(card.uid_hex, TECHNOLOGY_TYPE[card.technology])
        try:
            self._present(tap, card.stamp, card, self.journal.get(seq))
        except BadInput as error:
            self.finding(
                "tap.refused", "fail", f"the card {card.uid_hex} could not be presented: {error.what}", error.cure
            )

    def card_removed(self, removed: CardRemoved) -> None:
        self.last_removed = removed
        self._tell(Change.CARD, removed.reader)

    def bus_message(self, topic: str, payload: bytes, stamp: Stamp, meta: Mapping[str, object]) -> None:
        self._desk.heard(topic, payload, stamp, meta)

    def station_opened(self, opened: StationOpened) -> None:
        self._board.opened(opened)

    def station_frame(self, station: str, data: bytes, stamp: Stamp) -> None:
        self._board.frame(station, data, stamp)

    def station_closed(self, station: str, code: int, reason: str, stamp: Stamp) -> None:
        self._board.closed(station, code, reason, stamp)

    # Inside

    def _exchanges_changed(self) -> None:
        """The first of a burst: tell of all of them when the burst is through."""
        asyncio.get_running_loop().call_soon(self._tell_exchanges)

    def _tell_exchanges(self) -> None:
        changed, self._book.changed = self._book.changed, {}
        for exchange in changed.values():
            if exchange.closed is not None:
                self._endings.ended(exchange)
                self._recorder.exchange(exchange)
            self._tell(Change.EXCHANGE, exchange.id)

    def _decided(self, exchange: Exchange) -> None:
        """Operator or fallback decided about a tap on the bus: from now on its answer is waited for."""
        if exchange.open and exchange.request_id is not None:
            self._timers.later(self.profile.answer_limit_s, self._flow.expired, exchange)

    def _keep_note(self, seq: int, note: Note | None) -> None:
        self._recorder.note(seq, note)
        self._tell(Change.NOTE, seq)

    def _station_changed(self, station_id: str) -> None:
        if (station := self.stations.get(station_id)) is not None:
            self._recorder.station(station)
        self.lists.station_changed(station_id)
        self._tell(Change.STATION, station_id)

    def _tell(self, change: Change, key: object) -> None:
        for listener in self._listeners:
            listener(change, key)
