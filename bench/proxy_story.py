"""What crosses a proxy, told as exchanges: a card tapped at a charger whose CSMS is another one's.

Nothing is decided or answered here. A verdict is what the station was told in the end: an answer that a rule dropped decided
nothing, and one that was edited is the operator's.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import TypeVar

from bench import proxy_station
from bench.answers import CallAnswer
from bench.book import ExchangeBook
from bench.clock import NS_PER_S, Clock, Stamp
from bench.codecs import ocpp
from bench.codecs.ocpp import Call, CallError, CallResult
from bench.exchange import DecidedBy, Exchange, Party, Severity, Verdict
from bench.message import Decoded, Message
from bench.ocpp_story import OcppStory, answer_status, token_of
from bench.proxy_rules import Side
from bench.station import Station
from bench.stations import StationBoard
from bench.tokens.model import AuthorizationStatus, Decision, IdTokenType
from bench.waiting import Timers

T = TypeVar("T")
OWN_READER = ("authorize", "transaction")
REMOTE_STARTS = frozenset({"RemoteStartTransaction", "RequestStartTransaction"})
REMEMBERED = 4_096
MAX_TAPS = 256
"""Taps of one station that its leaving ends at once; earlier ones time out."""
RULE = "csms"


class ProxyStory:
    """Folds proxied messages into the book, and into what is known of the stations.

    limit_s: seconds until a tap without an answer has timed out.
    """

    def __init__(
        self,
        board: StationBoard,
        book: ExchangeBook,
        story: OcppStory,
        timers: Timers,
        clock: Clock,
        *,
        limit_s: float,
    ) -> None:
        self._board = board
        self._book = book
        self._story = story
        self._timers = timers
        self._clock = clock
        self._limit_s = limit_s
        self._taps: dict[str, deque[Exchange]] = {}  # by station, of its own reader; some have ended
        self._calls: dict[tuple[str, str], Message] = {}  # of stations, whose answers tell of them
        self._orders: dict[tuple[str, str], int] = {}  # remote starts of a CSMS -> exchange
        self._answers: dict[int, tuple[int, Decoded]] = {}  # answers of a CSMS not passed on yet: number -> exchange
        self._marks: dict[int, dict[str, str]] = {}  # what was done to messages not passed on yet

    # What the proxy saw

    def heard(self, station_id: str, side: Side, message: Message) -> None:
        """A message of that side, journaled, and not passed on yet."""
        station = self._board.known(station_id)
        body = message.decoded.body
        if isinstance(body, Call):
            (self._station_called if side is Side.STATION else self._csms_called)(station, message, body)
        elif isinstance(body, CallResult | CallError):
            (self._station_answered if side is Side.STATION else self._csms_answered)(station, message, body)
        if message.decoded.faults:
            who = station_id if side is Side.STATION else f"the CSMS of {station_id}"
            self._board.tell_faults(who, message)

    def meddled(self, seq: int, what: str, text: str) -> None:
        """A rule or the operator did something to a message. what: held, edited, delayed, dropped, released."""
        exchange = self._book.of_seq(seq)
        if exchange is None:
            return
        marks = self._marks.setdefault(seq, {})
        marks[what] = text
        self._book.mark(exchange, seq, "; ".join(marks.values()))
        if what == "dropped":
            del self._marks[seq]
            self._answers.pop(seq, None)

    def passed(self, seq: int, edited: Decoded | None, waited_ns: int | None) -> None:
        """A message was passed on. edited: as what, where not as it came. waited_ns: None where it was passed on at once."""
        marks = self._marks.pop(seq, {})
        if marks or waited_ns is not None:
            self._mark_passed(seq, marks, edited is not None, waited_ns)
        answer = self._answers.pop(seq, None)
        if answer is None:
            return
        exchange = self._book.exchanges.get(answer[0])
        if exchange is not None:
            self._decided(exchange, answer[1], edited, self._clock.stamp())

    def closed(self, station_id: str, side: Side) -> None:
        """A proxied connection ended, because that side did: nothing that is owed on it will come."""
        stamp, why = self._clock.stamp(), f"the {side} closed before the answer"
        self._story.forget(station_id)
        for exchange in self._taps.pop(station_id, ()):
            if exchange.open:
                self._book.step(exchange, stamp, Party.CSMS, Party.STATION, "no answer", fault=why)
                self._book.close(exchange, Verdict.FAILED, DecidedBy.NOBODY, why, stamp)
        for key in [key for key in self._orders if key[0] == station_id]:
            ordered = self._book.exchanges.get(self._orders.pop(key))
            if ordered is not None:
                self._story.our_call_failed(ordered, why, stamp)
        for key in [key for key in self._calls if key[0] == station_id]:
            del self._calls[key]

    # The station

    def _station_called(self, station: Station, message: Message, call: Call) -> None:
        self._story.call_received(station, message)
        exchange = self._book.of_seq(message.seq)
        if exchange is not None and exchange.open and exchange.origin in OWN_READER:
            self._timers.later(self._limit_s, self._expired, exchange)
            self._taps.setdefault(station.id, deque(maxlen=MAX_TAPS)).append(exchange)
        if not _fits(message):
            return
        if call.action in proxy_station.ASKED:
            _remember(self._calls, (station.id, call.id), message)
        elif call.action == "NotifyReport":
            self._board.reports(station.id).heard(call.payload)
        if proxy_station.called(station, call.action, call.payload, message):
            self._board.touch(station)
        problem = proxy_station.certificate_problem(station) if call.action == "BootNotification" else None
        if problem is not None:
            text, cure = problem
            self._book.finding(
                "ocpp.certificate-cn", Severity.FAIL, text, stamp=_stamp(message), evidence=(message.seq,), cure=cure
            )

    def _station_answered(self, station: Station, message: Message, body: CallResult | CallError) -> None:
        exchange = self._book.exchanges.get(self._orders.pop((station.id, body.id), 0))
        if exchange is not None:
            self._story.our_call_answered(exchange, message, _as_answer(body))
            if exchange.open:
                self._timers.later(self._limit_s, self._story.remote_start_waited, exchange)
        if (
            isinstance(body, CallResult)
            and _fits(message)
            and proxy_station.answered(station, body.action, body.payload)
        ):
            self._board.touch(station)

    # Its CSMS

    def _csms_called(self, station: Station, message: Message, call: Call) -> None:
        if call.action not in REMOTE_STARTS or not isinstance(call.payload, Mapping):
            return
        value, id_type = token_of(call.payload)
        number = call.payload.get("connectorId" if station.version == "1.6" else "evseId")
        evse = number if isinstance(number, int) else None
        exchange = self._story.remote_start(
            station, value or "", id_type or IdTokenType.CENTRAL, evse, _stamp(message), by=DecidedBy.CSMS
        )
        self._story.our_call_sent(exchange, message)
        _remember(self._orders, (station.id, call.id), exchange.id)
        self._timers.later(self._limit_s, self._order_expired, exchange)

    def _csms_answered(self, station: Station, message: Message, body: CallResult | CallError) -> None:
        exchange = self._story.answer_seen(station, message)
        if exchange is not None:
            self._answers[message.seq] = exchange.id, message.decoded
        call = self._calls.pop((station.id, body.id), None)
        if call is None or not isinstance(body, CallResult) or not _fits(message):
            return
        proxy_station.was_answered(station, call, body.payload)
        self._board.touch(station)

    def _decided(self, exchange: Exchange, said: Decoded, edited: Decoded | None, stamp: Stamp) -> None:
        """An answer to a token went to the station."""
        own = exchange.origin in OWN_READER and (exchange.open or exchange.verdict is Verdict.TIMED_OUT)
        if isinstance(said.body, CallError):
            if own:
                self._book.close(exchange, Verdict.FAILED, DecidedBy.NOBODY, said.body.code, stamp)
            return
        asked, told = answer_status(said), answer_status(edited or said)
        if told is None:
            if own:
                why = "the CSMS's answer says nothing of the token"
                self._book.close(exchange, Verdict.FAILED, DecidedBy.NOBODY, why, stamp)
            return
        by = DecidedBy.CSMS if told == asked else DecidedBy.OPERATOR
        reason = told if told == asked else f"edited to {told}"
        decision = Decision(_status(told), str(by), reason, RULE)
        if exchange.decision is None:
            exchange.decision = decision
        if own:
            verdict = Verdict.ACCEPTED if decision.accepted else Verdict.REJECTED
            self._book.close(exchange, verdict, by, reason, stamp)

    # Inside

    def _mark_passed(self, seq: int, marks: dict[str, str], edited: bool, waited_ns: int | None) -> None:
        exchange = self._book.of_seq(seq)
        if exchange is None:
            return
        marks.pop("released", None)
        if waited_ns is not None and "delayed" not in marks:
            verb = "held" if "held" in marks else "waited behind another message for"
            marks["held"] = f"{verb} {waited_ns / NS_PER_S:.1f} s"
        if edited and "edited" not in marks:
            marks["edited"] = "edited by the operator"
        self._book.mark(exchange, seq, "; ".join(marks.values()))

    def _expired(self, exchange: Exchange, stamp: Stamp) -> None:
        if not exchange.open:
            return
        faults = [hop.fault for hop in exchange.hops if hop.fault]
        why = faults[-1] if faults else "the CSMS did not answer"
        self._book.step(exchange, stamp, Party.CSMS, Party.STATION, "no answer", fault=f"none in {self._limit_s:g} s")
        self._book.close(exchange, Verdict.TIMED_OUT, DecidedBy.NOBODY, why, stamp)
        self._book.finding(
            "proxy.no-answer",
            Severity.WARN,
            f"{exchange.station}: no answer to this tap reached the station within {self._limit_s:g} s ({why})",
            stamp=stamp,
            exchange=exchange,
            evidence=tuple(exchange.sequences),
            cure="look at the CSMS, and at the rules of this proxy",
        )

    def _order_expired(self, exchange: Exchange, stamp: Stamp) -> None:
        """A remote start that the station has not answered yet."""
        if exchange.open and exchange.id in self._orders.values():
            self._book.close(exchange, Verdict.TIMED_OUT, DecidedBy.NOBODY, "the station did not answer", stamp)


def _fits(message: Message) -> bool:
    """Whether a payload can be read by its schema."""
    return not any(map(ocpp.refuses, message.decoded.faults))


def _stamp(message: Message) -> Stamp:
    return Stamp(message.mono_ns, message.utc_ns)


def _status(word: str) -> AuthorizationStatus:
    try:
        return AuthorizationStatus(word)
    except ValueError:
        return AuthorizationStatus.INVALID


def _as_answer(body: CallResult | CallError) -> CallAnswer:
    if isinstance(body, CallResult):
        return CallAnswer(body.action, body.payload if isinstance(body.payload, Mapping) else {})
    return CallAnswer(body.action, None, body.code, body.description, body.details or None)


def _remember(book: dict[tuple[str, str], T], key: tuple[str, str], value: T) -> None:
    book[key] = value
    if len(book) > REMEMBERED:
        del book[next(iter(book))]
