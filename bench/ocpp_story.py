"""The OCPP part of an exchange: joins a station's calls to the tap they belong to, or opens an exchange for them.

Most taps in the field happen on the charger's own reader, and a card that the charger knows sends no Authorize at all, only the
start of a transaction (OCPP 2.0.1 C01.FR.05, C10, C14).
"""

from __future__ import annotations

from collections.abc import Mapping

from bench.answers import CallAnswer
from bench.authorization import Inference
from bench.book import ExchangeBook
from bench.clock import NS_PER_S, Stamp
from bench.codecs.ocpp import Call, CallError, CallResult
from bench.csms import plug_and_charge16
from bench.deciding import Decider
from bench.exchange import DecidedBy, Exchange, Party, Severity, TapCard, Verdict
from bench.masking import is_key_code
from bench.message import Message
from bench.settings import Evse
from bench.station import Station
from bench.tokens.model import ID_TOKEN_TYPES, OCPP_TO_JOSEV, IdTokenType
from bench.uid import wire_uid

# A transaction that starts this long after its card was accepted still belongs to that tap (EVConnectionTimeOut is less).
TRANSACTION_JOIN_NS = 300 * NS_PER_S
REMEMBERED = 4_096
DECIDERS = {word.value: word for word in DecidedBy}
TOKEN_ACTIONS = frozenset({"Authorize", "DataTransfer", "StartTransaction", "StopTransaction", "TransactionEvent"})


class OcppStory:
    """Folds OCPP messages into the book."""

    def __init__(self, book: ExchangeBook, decider: Decider, evses: tuple[Evse, ...]) -> None:
        self._book = book
        self._decider = decider
        self._evse_ids = {evse.ocpp_id: evse.id for evse in evses}
        self._asked: dict[tuple[str, str], int] = {}
        self._transactions: dict[tuple[str, str], int] = {}
        self._held: dict[int, Inference | None] = {}

    # The station calls

    def call_received(self, station: Station, message: Message) -> None:
        body = message.decoded.body
        if (
            message.decoded.name not in TOKEN_ACTIONS
            or not isinstance(body, Call)
            or not isinstance(body.payload, dict)
        ):
            return
        stamp = Stamp(message.mono_ns, message.utc_ns)
        action: str = body.action
        payload: Mapping[str, object] = body.payload
        if action == "DataTransfer":  # on OCPP 1.6 Plug and Charge asks this way
            inside = plug_and_charge16.authorize_inside(payload)
            if inside is None:
                return
            action, payload = "Authorize", inside
        transaction = _transaction_id(payload)
        value, id_type = token_of(payload)
        # An event sent again, or a later one, belongs where its transaction does.
        exchange = (
            self._book.exchanges.get(self._transactions.get((station.id, transaction), 0)) if transaction else None
        )
        if exchange is None:
            if value is None or action == "StopTransaction" or payload.get("eventType") == "Ended":
                return
            exchange = self._join(station, value, id_type, action, stamp)
            if exchange is None:
                exchange = self._open(station, value, id_type, action, payload, stamp)
                # Before the answer is made: it changes what the station may hold in its cache.
                self._held[exchange.id] = self._decider.local_knowledge(station, value)
        if exchange.station is None:
            exchange.station = station.id
        if action == "TransactionEvent":
            name = f"{action} {payload.get('eventType', '')}".strip()
            if transaction:
                _remember(self._transactions, (station.id, transaction), exchange.id)
        else:
            name = action
        fault = message.decoded.faults[0].text if message.decoded.faults else None
        self._book.hop(exchange, message, Party.STATION, Party.CSMS, name, fault)
        if exchange.open and exchange.origin == "remote_start" and action != "Authorize":
            # A transaction with the token of an open remote start proves that it worked.
            self._book.close(exchange, Verdict.ACCEPTED, DecidedBy.OPERATOR, "remote start", stamp)
        _remember(self._asked, (station.id, body.id), exchange.id)

    def answer_sent(self, station: Station, message: Message) -> None:
        """Our answer to a call of the station went out."""
        body = message.decoded.body
        exchange = self._book.exchanges.get(self._asked.pop((station.id, message.decoded.correlation or ""), 0))
        if exchange is None:
            return
        stamp = Stamp(message.mono_ns, message.utc_ns)
        if isinstance(body, CallResult):
            inside = plug_and_charge16.answer_inside(body.payload) if body.action == "DataTransfer" else None
            status = _status_of(inside if inside is not None else body.payload)
            self._book.hop(exchange, message, Party.CSMS, Party.STATION, status or "answer")
            transaction = body.payload.get("transactionId") if isinstance(body.payload, dict) else None
            if transaction is not None:
                _remember(self._transactions, (station.id, str(transaction)), exchange.id)
            if exchange.open and status is not None and exchange.origin in ("authorize", "transaction"):
                self._close_own_reader(exchange, station, stamp)
        elif isinstance(body, CallError):
            self._book.hop(exchange, message, Party.CSMS, Party.STATION, body.code, fault=body.description or body.code)
            if exchange.open and exchange.origin in ("authorize", "transaction"):
                self._book.close(exchange, Verdict.FAILED, DecidedBy.NOBODY, body.code, stamp)

    def answer_lost(self, station: Station, call_id: str, why: str, stamp: Stamp) -> None:
        """Our answer could not be sent: the station is gone. It will ask again on its next connection."""
        exchange = self._book.exchanges.get(self._asked.pop((station.id, call_id), 0))
        if exchange is None:
            return
        self._held.pop(exchange.id, None)
        self._book.step(exchange, stamp, Party.CSMS, Party.STATION, "not sent", fault=why)
        if exchange.open and exchange.origin in ("authorize", "transaction"):
            self._book.close(exchange, Verdict.FAILED, DecidedBy.NOBODY, "the answer could not be sent", stamp)

    def _close_own_reader(self, exchange: Exchange, station: Station, stamp: Stamp) -> None:
        decision = exchange.decision
        if decision is None or exchange.card is None:
            return
        held = self._held.pop(exchange.id, None)
        local = held if exchange.origin == "transaction" else None
        if local is None:
            verdict = Verdict.ACCEPTED if decision.accepted else Verdict.REJECTED
            self._book.close(exchange, verdict, DECIDERS[decision.decided_by], decision.reason, stamp)
            return
        self._book.close(exchange, Verdict.ACCEPTED, local.by, local.reason, stamp)
        if not decision.accepted:
            self._book.finding(
                "station.stale-token",
                Severity.WARN,
                f"{station.id} started by what it holds itself ({local.reason}), but the store says {decision.reason}",
                stamp=stamp,
                exchange=exchange,
                evidence=tuple(exchange.sequences),
                cure="push the local list and clear the cache",
            )

    def _join(
        self, station: Station, value: str, id_type: IdTokenType | None, action: str, stamp: Stamp
    ) -> Exchange | None:
        """The oldest open exchange of that station with an equal token; a transaction also joins the tap that allowed it."""
        for exchange in self._book.open_with_token(value):
            ours = exchange.station == station.id or (exchange.station is None and self._decider.may_ask(station))
            if ours and exchange.origin != "update" and _same_type(exchange, id_type):
                return exchange
        if action == "Authorize":
            return None
        for exchange in self._book.latest_with_token(value):
            if (
                exchange.station not in (None, station.id)
                or not _same_type(exchange, id_type)
                or exchange.closed is None
            ):
                continue
            if (
                exchange.verdict is not Verdict.ACCEPTED
                or stamp.mono_ns - exchange.closed.mono_ns > TRANSACTION_JOIN_NS
            ):
                return None
            started = any(hop.name in ("StartTransaction", "TransactionEvent Started") for hop in exchange.hops)
            return None if started else exchange
        return None

    def _open(
        self,
        station: Station,
        value: str,
        id_type: IdTokenType | None,
        action: str,
        payload: Mapping[str, object],
        stamp: Stamp,
    ) -> Exchange:
        josev_type = str(OCPP_TO_JOSEV[id_type]) if id_type is not None else ""
        evse = payload.get("evse")
        number = evse.get("id") if isinstance(evse, dict) else payload.get("connectorId")
        return self._book.open(
            "authorize" if action == "Authorize" else "transaction",
            stamp,
            card=TapCard(wire_uid(value), None, josev_type) if value else None,
            token_type=josev_type,
            evse_id=self._evse_ids.get(number) if isinstance(number, int) else None,
            station=station.id,
        )

    # We call the station

    def remote_start(
        self, station: Station, value: str, id_type: IdTokenType, evse: int | None, stamp: Stamp
    ) -> Exchange:
        """The CSMS starts a charge: the exchange opens with our own call (OCPP 2.0.1 C05)."""
        josev_type = str(OCPP_TO_JOSEV[id_type])
        return self._book.open(
            "remote_start",
            stamp,
            card=TapCard(value, None, josev_type),
            token_type=josev_type if station.version != "1.6" else "",
            evse_id=self._evse_ids.get(evse) if evse is not None else None,
            station=station.id,
        )

    def our_call_sent(self, exchange: Exchange, message: Message) -> None:
        self._book.hop(exchange, message, Party.CSMS, Party.STATION, message.decoded.name)

    def our_call_answered(self, exchange: Exchange, message: Message, answer: CallAnswer) -> None:
        """The station's own word ends it when it refuses; accepted, the update or the transaction ends it."""
        stamp = Stamp(message.mono_ns, message.utc_ns)
        if answer.payload is None:
            self._book.hop(
                exchange, message, Party.STATION, Party.CSMS, answer.code, fault=answer.description or answer.code
            )
            self._book.close(exchange, Verdict.REJECTED, DecidedBy.JOSEV, answer.code, stamp)
            return
        status = str(answer.payload.get("status", ""))
        self._book.hop(exchange, message, Party.STATION, Party.CSMS, status)
        if status != "Accepted" and exchange.open:
            self._book.close(exchange, Verdict.REJECTED, DecidedBy.JOSEV, "refused by the station", stamp)

    def our_call_failed(self, exchange: Exchange, why: str, stamp: Stamp) -> None:
        self._book.step(exchange, stamp, Party.STATION, Party.CSMS, "no answer", fault=why)
        if exchange.open:
            self._book.close(exchange, Verdict.FAILED, DecidedBy.NOBODY, why, stamp)
            self._book.finding(
                "ocpp.call-failed",
                Severity.FAIL,
                f"the station did not answer: {why}",
                stamp=stamp,
                exchange=exchange,
                evidence=tuple(exchange.sequences),
                cure="wait until the station is connected again, then repeat",
            )

    def our_call_answered_late(self, exchange: Exchange, message: Message) -> None:
        """The station's answer, after the call was given up: a step of the exchange, and its verdict stands."""
        body = message.decoded.body
        name = body.code if isinstance(body, CallError) else ""
        if isinstance(body, CallResult):
            name = str(body.payload.get("status", ""))
        self._book.hop(exchange, message, Party.STATION, Party.CSMS, name or "answer", fault="after the limit")

    def remote_start_waited(self, exchange: Exchange, stamp: Stamp) -> None:
        """The station accepted a remote start, and the limit ran out with neither update nor transaction."""
        if not exchange.open:
            return
        self._book.close(exchange, Verdict.ACCEPTED, DecidedBy.OPERATOR, "remote start", stamp)
        self._book.finding(
            "remote-start.silent",
            Severity.WARN,
            "the station accepted the remote start, but neither an update on the bus nor a transaction followed",
            stamp=stamp,
            exchange=exchange,
            evidence=tuple(exchange.sequences),
            cure="plug the vehicle in; or look whether the EVSE is free",
        )


def token_of(payload: Mapping[str, object]) -> tuple[str | None, IdTokenType | None]:
    """The token value and type a payload carries; type None on 1.6 or when it is not one of OCPP's."""
    id_token = payload.get("idToken")
    if isinstance(id_token, dict):
        value = id_token.get("idToken")
        kind = id_token.get("type")
        id_type = ID_TOKEN_TYPES.get(kind) if isinstance(kind, str) else None
        if id_type is None and is_key_code(kind):  # misspelt, but not to be shown (C04.FR.04)
            id_type = IdTokenType.KEY_CODE
        return (value if isinstance(value, str) else None), id_type
    tag = payload.get("idTag")
    return (tag if isinstance(tag, str) else None), None


def _transaction_id(payload: Mapping[str, object]) -> str:
    info = payload.get("transactionInfo")
    if isinstance(info, dict):
        return str(info.get("transactionId", ""))
    return str(payload.get("transactionId", ""))


def _status_of(payload: object) -> str | None:
    if not isinstance(payload, dict):
        return None
    info = payload.get("idTokenInfo") or payload.get("idTagInfo")
    return str(info.get("status")) if isinstance(info, dict) else None


def _same_type(exchange: Exchange, id_type: IdTokenType | None) -> bool:
    return id_type is None or not exchange.token_type or exchange.token_type == OCPP_TO_JOSEV[id_type]


def _remember(book: dict[tuple[str, str], int], key: tuple[str, str], exchange_id: int) -> None:
    book[key] = exchange_id
    if len(book) > REMEMBERED:
        del book[next(iter(book))]
