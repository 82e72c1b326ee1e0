"""The flow of one tap on the Josev bus as a state machine: events in, commands out. No I/O, no clock of its own.

Source: Josev API, Authorization. Events are the methods; what they return is to be carried out by the caller:
:class:`Publish` a message on the bus, :class:`Watch` an exchange and call :meth:`TapFlow.expired` when its time is up.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bench.book import ExchangeBook
from bench.card import CardRead, Technology
from bench.clock import NS_PER_S, Stamp
from bench.codecs.josev import JosevMessage, authorization_request, authorization_response, evse_for_request
from bench.errors import BadInput
from bench.exchange import DecidedBy, Exchange, Party, Severity, TapCard, Verdict
from bench.message import Link, Message
from bench.settings import Profile, Role
from bench.tokens.decision import Referral
from bench.tokens.model import (
    JOSEV_TO_OCPP,
    REQUEST_TOKEN_TYPES,
    Ask,
    Decision,
    JosevTokenType,
)
from bench.uid import typed_uid, wire_uid

# An accepted update this long after its exchange closed belongs to another authorization.
UPDATE_JOIN_NS = 600 * NS_PER_S
MAX_TOKEN_CHARACTERS = 255
REMEMBERED_UPDATES = 4_096

TECHNOLOGY_TYPE = {
    Technology.ISO14443: JosevTokenType.ISO14443,
    Technology.ISO15693: JosevTokenType.ISO15693,
    # Neither Josev nor OCPP has a type for 125 kHz cards; Local is the one that makes no claim about the medium.
    Technology.EM4100: JosevTokenType.LOCAL,
    Technology.HID: JosevTokenType.LOCAL,
    # Nor for these of 13.56 MHz, which are neither ISO 14443 nor ISO 15693 to the reader that names them.
    Technology.FELICA: JosevTokenType.LOCAL,
    Technology.LEGIC: JosevTokenType.LOCAL,
    Technology.ICLASS: JosevTokenType.LOCAL,
    Technology.UNKNOWN: JosevTokenType.LOCAL,
}


@dataclass(frozen=True, slots=True)
class TapRequest:
    """A card (or what stands for one) to present.

    uid: value, None only for no_authorization. evse_id: a string id; None = by the rule of the Josev API (the only EVSE when
    plugged_in_first, else left out). plugged_in_first: the EV was plugged in before the scan, so the EVSE id must be sent.
    """

    uid: str | None
    token_type: JosevTokenType = JosevTokenType.ISO14443
    evse_id: str | None = None
    plugged_in_first: bool = False


@dataclass(frozen=True, slots=True)
class Publish:
    """Put a message on the bus: from charger software to Josev, or (to_josev False) from Josev to charger software."""

    message: JosevMessage
    to_josev: bool
    exchange: int


@dataclass(frozen=True, slots=True)
class Watch:
    """Call ``expired`` for this exchange after so many seconds."""

    exchange: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Referred:
    """Have somebody else decide about the token of an exchange, and call ``decided`` then. from_: who asks."""

    exchange: int
    ask: Ask
    to: Referral
    from_: Party


Command = Publish | Watch | Referred


@dataclass(frozen=True, slots=True)
class Inference:
    """Who must have decided when no Authorize was seen, and why."""

    by: DecidedBy
    reason: str


def check_tap(tap: TapRequest) -> None:
    """Refuse what the Josev API cannot carry.

    Raises:
        BadInput: a type that only updates may have, a missing or overlong value, a value for free charging.
    """
    if tap.token_type not in REQUEST_TOKEN_TYPES:
        allowed = ", ".join(sorted(REQUEST_TOKEN_TYPES))
        raise BadInput(f"token_type {tap.token_type} occurs only in updates", f"use one of {allowed}")
    if tap.token_type is JosevTokenType.NO_AUTHORIZATION:
        if tap.uid:
            raise BadInput("no_authorization carries no id_token", "leave the uid out")
        return
    if not tap.uid:
        raise BadInput(f"token_type {tap.token_type} needs a uid", "give the card's UID or another value")
    if len(tap.uid) > MAX_TOKEN_CHARACTERS:
        raise BadInput(f"the uid has {len(tap.uid)} characters, at most {MAX_TOKEN_CHARACTERS} are possible")
    if not (tap.uid.isascii() and tap.uid.isprintable()):
        raise BadInput("the uid has characters that no charger can carry", "give hex digits or plain ASCII text")


def card_of(tap: TapRequest, read: CardRead | None) -> TapCard | None:
    """The card of an Exchange: see :mod:`bench.uid`."""
    if tap.uid is None:
        return None
    if read is not None:
        hints = tuple(str(hint) for hint in read.hints)
        return TapCard(read.uid_hex, str(read.technology), str(tap.token_type), read.reader, hints)
    return TapCard(typed_uid(tap.uid), None, str(tap.token_type))


class TapFlow:
    """Taps and authorization messages of the bus.

    decide asks the store. infer tells who decided when the charger answered without an Authorize that we saw.
    new_id makes the UUID of a request.
    """

    def __init__(
        self,
        book: ExchangeBook,
        profile: Profile,
        decide: Callable[[Ask, Exchange, Party], Decision | Referral],
        infer: Callable[[Exchange, bool], Inference],
        new_id: Callable[[], str],
    ) -> None:
        self._book = book
        self._profile = profile
        self._decide = decide
        self._infer = infer
        self._new_id = new_id
        self._updates: dict[str, tuple[int, tuple[str, TapCard | None, str, str | None]]] = {}
        self.last_heard_from_josev: Stamp | None = None

    # Taps

    def present(
        self, tap: TapRequest, stamp: Stamp, read: CardRead | None = None, frame: Message | None = None
    ) -> tuple[Exchange, list[Command]]:
        """A card was presented to our reader, or typed in.

        Raises:
            BadInput: see :func:`check_tap` and the EVSE-id rule; nothing was opened.
        """
        check_tap(tap)
        known = [evse.id for evse in self._profile.charger.evses]
        evse_id = evse_for_request(tap.evse_id, tap.plugged_in_first, known)
        card = card_of(tap, read)
        role = self._profile.bus.role
        asks_bus = role is Role.CS and self._profile.bus.url != "off"
        request_id = self._new_id() if asks_bus else None
        exchange = self._book.open(
            "tap",
            stamp,
            card=card,
            token_type=str(tap.token_type),
            evse_id=evse_id,
            request_id=request_id,
        )
        name = "CardRead" if read is not None else "presented"
        if frame is not None:
            self._book.hop(exchange, frame, Party.READER, Party.BENCH, name)
        else:
            self._book.step(exchange, stamp, Party.READER, Party.BENCH, name)
        if request_id is not None:
            uid = None if card is None else card.uid
            request = authorization_request(request_id, tap.token_type, uid, evse_id)
            return exchange, [Publish(request, True, exchange.id), Watch(exchange.id, self._profile.answer_limit_s)]
        if role is Role.OBSERVER:
            self._book.close(exchange, Verdict.FAILED, DecidedBy.NOBODY, "observer", stamp)
            self._book.finding(
                "tap.observer",
                Severity.WARN,
                "the bench only observes this bus, so the card was not presented to the charger",
                stamp=stamp,
                exchange=exchange,
                cure="choose the role charger software (cs) in the profile",
            )
            return exchange, []
        return exchange, self._ask_store(exchange, Party.BENCH, stamp)

    def publish_failed(self, exchange: Exchange, why: str, cure: str, stamp: Stamp) -> None:
        """The message could not be sent. Nothing is queued: a card answered late is a safety fault."""
        self._book.step(exchange, stamp, Party.BENCH, Party.JOSEV, "not sent", fault=why)
        self._book.close(exchange, Verdict.FAILED, DecidedBy.NOBODY, "bus down", stamp)
        self._book.finding("bus.down", Severity.FAIL, why, stamp=stamp, exchange=exchange, cure=cure)

    def published(self, exchange: Exchange, message: Message, to_josev: bool) -> None:
        """Our message went out and has its number."""
        body = message.decoded.body
        assert isinstance(body, JosevMessage)
        if to_josev:
            self._book.hop(exchange, message, Party.BENCH, Party.JOSEV, f"{body.name} {body.type}")
        else:
            status = str(body.data.get("status", ""))
            self._book.hop(exchange, message, Party.JOSEV, Party.STATION, f"{body.type} {status}".strip())

    def expired(self, exchange: Exchange, stamp: Stamp) -> None:
        """The time limit of an exchange ran out."""
        if not exchange.open or exchange.referred:  # the limit begins anew with the decision
            return
        waited = (stamp.mono_ns - exchange.opened.mono_ns) / NS_PER_S
        asked = any(hop.to is Party.CSMS for hop in exchange.hops)
        answered = any(hop.from_ is Party.CSMS for hop in exchange.hops)
        if answered:
            missing = "the CSMS answered, but Josev's response never came"
        elif asked:
            missing = "the Authorize was never answered, so Josev had nothing to say"
        else:
            missing = "Josev sent neither a response nor an Authorize"
        heard = self.last_heard_from_josev
        if heard is None:
            last = "nothing was ever heard from Josev on this bus"
            cure = "check that Josev is running and that the topics of the profile are its topics"
        else:
            last = f"Josev was last heard {(stamp.mono_ns - heard.mono_ns) / NS_PER_S:.1f} s ago"
            cure = "look at Josev's own log for the request id"
        fault = f"no answer for {waited:.1f} s"
        self._book.step(exchange, stamp, Party.JOSEV, Party.BENCH, "no answer", link=Link.JOSEV, fault=fault)
        self._book.close(exchange, Verdict.TIMED_OUT, DecidedBy.NOBODY, "no answer", stamp)
        self._book.finding(
            "tap.timeout",
            Severity.FAIL,
            f"{fault}: {missing}; {last}",
            stamp=stamp,
            exchange=exchange,
            evidence=tuple(exchange.sequences),
            cure=cure,
        )

    # Bus

    def heard(self, message: Message) -> list[Command]:
        """An ``authorization`` message of somebody else."""
        body = message.decoded.body
        assert isinstance(body, JosevMessage)
        stamp = Stamp(message.mono_ns, message.utc_ns)
        if message.channel != self._profile.bus.topics.cs_to_josev:
            self.last_heard_from_josev = stamp
        match body.type:
            case "request":
                return self._request_heard(message, body, stamp)
            case "response":
                self._response_heard(message, body, stamp)
            case "update":
                self._update_heard(message, body, stamp)
        return []

    def _request_heard(self, message: Message, body: JosevMessage, stamp: Stamp) -> list[Command]:
        """Other charger software asks; the bench answers in the role of Josev, else it follows."""
        known = self._book.of_request(body.id)
        if known is not None:
            self._book.hop(known, message, Party.STATION, Party.JOSEV, "authorization request", "request seen twice")
            self._book.finding(
                "josev.duplicate-request",
                Severity.WARN,
                "a request with an id that was used before; it is not answered again",
                stamp=stamp,
                exchange=known,
                evidence=(message.seq,),
                cure="look for a bridge or a second client that repeats messages; every request needs an id of its own",
            )
            return []
        card, type_text, evse_id = _token_of(body)
        exchange = self._book.open(
            "bus", stamp, card=card, token_type=type_text, evse_id=evse_id, request_id=body.id or None
        )
        self._book.hop(exchange, message, Party.STATION, Party.JOSEV, "authorization request", _fault(message))
        if self._profile.bus.role is not Role.JOSEV:
            return [Watch(exchange.id, self._profile.answer_limit_s)]
        if any(fault.rule != "josev.extra-member" for fault in message.decoded.faults):
            # The Josev API documents no reply to a malformed request: silence, and the exchange says why.
            self._book.close(exchange, Verdict.FAILED, DecidedBy.NOBODY, "malformed request", stamp)
            return []
        if message.meta is not None and message.meta.get("retain"):
            # A retained request comes again with every connection: answering it would be a grant nobody asked for now.
            self._book.close(exchange, Verdict.FAILED, DecidedBy.NOBODY, "retained request", stamp)
            self._book.finding(
                "josev.retained-request",
                Severity.WARN,
                "a retained request is not answered: it may be of any age",
                stamp=stamp,
                exchange=exchange,
                evidence=(message.seq,),
                cure="publish requests without the retain flag, and clear the retained message on the broker",
            )
            return []
        return self._ask_store(exchange, Party.JOSEV, stamp)

    def _response_heard(self, message: Message, body: JosevMessage, stamp: Stamp) -> None:
        exchange = self._book.of_request(body.id)
        status = _cut(body.data.get("status", ""))
        if exchange is not None and message.channel == self._profile.bus.topics.cs_to_josev:
            self._book.hop(exchange, message, Party.STATION, Party.JOSEV, f"response {status}", "on the wrong topic")
            return
        if exchange is None:
            self._book.finding(
                "josev.orphan-response",
                Severity.WARN,
                f"a response ({status}) with an id that no request had: {body.id[:64]}",
                stamp=stamp,
                evidence=(message.seq,),
                cure="Josev must repeat the id of the request it answers",
            )
            return
        to = Party.STATION if exchange.origin == "bus" else Party.BENCH
        answered = exchange.verdict not in (None, Verdict.TIMED_OUT)
        fault = _fault(message)
        if answered:
            fault = "second response to one request"
        elif exchange.verdict is Verdict.TIMED_OUT and exchange.closed is not None:
            fault = f"late by {(stamp.mono_ns - exchange.closed.mono_ns) / NS_PER_S:.2f} s"
        self._book.hop(exchange, message, Party.JOSEV, to, f"response {status}".strip(), fault)
        if answered:
            self._book.finding(
                "josev.second-response",
                Severity.WARN,
                f"a second response ({status}) to a request that was already answered; the first one counts",
                stamp=stamp,
                exchange=exchange,
                evidence=(message.seq,),
                cure="look for two programs that answer on this bus",
            )
            return
        if status not in ("accepted", "rejected", "deauthorized"):
            self._book.close(exchange, Verdict.FAILED, DecidedBy.NOBODY, "unreadable response", stamp)
            self._book.finding(
                "josev.status",
                Severity.FAIL,
                f"the response's status is {status or 'missing'}; it must be accepted, rejected or deauthorized",
                stamp=stamp,
                exchange=exchange,
                evidence=(message.seq,),
            )
            return
        if fault is not None and exchange.verdict is Verdict.TIMED_OUT:
            self._book.finding(
                "josev.late-response",
                Severity.WARN,
                f"the response came {fault}",
                stamp=stamp,
                exchange=exchange,
                evidence=(message.seq,),
                cure="raise answer_limit_s if this charger is always slow",
            )
        self._settle(exchange, Verdict(status), stamp, message.seq)

    def _update_heard(self, message: Message, body: JosevMessage, stamp: Stamp) -> None:
        status = _cut(body.data.get("status", ""))
        card, type_text, evse = _token_of(body)
        news = (status, card, type_text, evse)
        known_id, told = self._updates.get(body.id, (0, news))
        known = self._book.exchanges.get(known_id)
        if known is not None and told == news:
            # The same update on a second topic is one hop.
            self._book.belongs(message.seq, known)
            return
        exchange = self._find_for_update(card, type_text, evse, status, stamp)
        if exchange is None:
            exchange = self._book.open("update", stamp, card=card, token_type=type_text, evse_id=evse)
        if known is not None:
            self._book.finding(
                "josev.update-id-reused",
                Severity.WARN,
                "an update with the id of an earlier one says something else; it is taken as news",
                stamp=stamp,
                exchange=exchange,
                evidence=(message.seq,),
                cure="every update needs an id of its own (Josev API, Authorization)",
            )
        if body.id:
            self._updates[body.id] = exchange.id, news
        if len(self._updates) > REMEMBERED_UPDATES:
            del self._updates[next(iter(self._updates))]
        if exchange.evse_id is None:
            exchange.evse_id = evse
        from_ = Party.STATION if message.channel == self._profile.bus.topics.cs_to_josev else Party.JOSEV
        to = Party.JOSEV if from_ is Party.STATION else Party.BENCH
        self._book.hop(exchange, message, from_, to, f"update {status} ({type_text})", _fault(message))
        if status not in ("accepted", "rejected", "deauthorized"):
            if exchange.open and exchange.request_id is None:
                self._book.close(exchange, Verdict.FAILED, DecidedBy.NOBODY, "unreadable update", stamp)
            return
        verdict = Verdict(status)
        if exchange.open:
            if exchange.request_id is None:
                self._settle(exchange, verdict, stamp, message.seq)
        elif verdict is not exchange.verdict and verdict is not Verdict.ACCEPTED:
            # Later news, such as the end of a session: the time to the first verdict stays the tap's.
            self._book.close(exchange, verdict, DecidedBy.JOSEV, f"{status} afterwards", exchange.closed or stamp)
        elif exchange.verdict in (Verdict.TIMED_OUT, Verdict.FAILED):
            self._settle(exchange, verdict, stamp, message.seq)

    def _find_for_update(
        self, card: TapCard | None, type_text: str, evse: str | None, status: str, stamp: Stamp
    ) -> Exchange | None:
        """The latest exchange with equal EVSE and token (type too) that has not had this news yet."""
        for exchange in self._book.latest_with_token(card.uid if card is not None else ""):
            if exchange.token_type and exchange.token_type != type_text:
                continue
            if exchange.evse_id is not None and evse is not None and exchange.evse_id != evse:
                continue
            refused = exchange.verdict in (Verdict.REJECTED, Verdict.DEAUTHORIZED, Verdict.FAILED)
            if status == "deauthorized" and refused:
                continue  # only what was granted can be taken back
            if any(hop.name == f"update {status} ({type_text})" for hop in exchange.hops):
                return None  # already told: this is news of another authorization
            if exchange.closed is not None and status == "accepted":
                if stamp.mono_ns - exchange.closed.mono_ns > UPDATE_JOIN_NS:
                    return None
                if exchange.verdict in (Verdict.REJECTED, Verdict.DEAUTHORIZED):
                    return None
            return exchange
        return None

    # Verdicts

    def _settle(self, exchange: Exchange, verdict: Verdict, stamp: Stamp, seq: int) -> None:
        """Close with what the bus said, and say who decided."""
        inferred = self._infer(exchange, verdict is Verdict.ACCEPTED)
        self._book.close(exchange, verdict, inferred.by, inferred.reason, stamp)

    def _ask_store(self, exchange: Exchange, from_: Party, stamp: Stamp) -> list[Command]:
        value = exchange.card.uid if exchange.card else ""
        try:
            id_type = JOSEV_TO_OCPP[JosevTokenType(exchange.token_type)]
        except ValueError:
            id_type = None
        evse = next((evse.ocpp_id for evse in self._profile.charger.evses if evse.id == exchange.evse_id), None)
        ask = Ask(value, id_type, evse=evse, action="authorization")
        decision = self._decide(ask, exchange, from_)
        if not isinstance(decision, Decision):
            return [Referred(exchange.id, ask, decision, from_)]
        return self.decided(exchange, decision, stamp)

    def decided(self, exchange: Exchange, decision: Decision, stamp: Stamp) -> list[Command]:
        """The decision about a token that this bench answers for: the verdict, and in the role of Josev the response."""
        verdict = Verdict.ACCEPTED if decision.accepted else Verdict.REJECTED
        # The look-up's own stamp is newer than the event's: the verdict came after it.
        moment = Stamp(max(stamp.mono_ns, exchange.hops[-1].mono_ns), stamp.utc_ns)
        self._book.close(exchange, verdict, DecidedBy(decision.decided_by), decision.reason, moment)
        if exchange.origin != "bus":
            return []
        return [Publish(authorization_response(exchange.request_id or "", str(verdict)), False, exchange.id)]


def _cut(value: object) -> str:
    """Text of a bus member for an exchange; what is longer stands whole in the journal."""
    return str(value)[:MAX_TOKEN_CHARACTERS]


def _token_of(body: JosevMessage) -> tuple[TapCard | None, str, str | None]:
    """Card, token type and EVSE id of a message, whatever types its members have."""
    type_text = _cut(body.data.get("token_type", ""))
    value, evse = body.data.get("id_token"), body.data.get("evse_id")
    card = TapCard(wire_uid(_cut(value)), None, type_text) if isinstance(value, str) and value else None
    return card, type_text, _cut(evse) if isinstance(evse, str) else None


def _fault(message: Message) -> str | None:
    return message.decoded.faults[0].text if message.decoded.faults else None
