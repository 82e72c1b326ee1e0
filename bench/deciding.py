"""Who decides: the store when it is asked, or, by inference, the station when nobody was."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from bench.authorization import Inference
from bench.book import ExchangeBook
from bench.clock import Clock, Stamp, to_datetime
from bench.exchange import DecidedBy, Exchange, Party, Severity
from bench.station import Station
from bench.tokens.decision import Lookup, Situation, decide
from bench.tokens.elsewhere import case_matters, type_matters
from bench.tokens.model import Ask, Decision, JosevTokenType, Token

MAX_TOLD = 1_000


class Decider:
    """Asks the store and records rule, reason and the two steps of the look-up on the exchange.

    concurrent_tx: a token may charge in several transactions at once.
    """

    def __init__(
        self,
        book: ExchangeBook,
        clock: Clock,
        lookup: Lookup,
        stations: Callable[[], Mapping[str, Station]],
        *,
        identity: str,
        accept_unknown: bool = False,
        concurrent_tx: bool = True,
    ) -> None:
        self._book = book
        self._clock = clock
        self._lookup = lookup
        self._stations = stations
        self._identity = identity
        self._accept_unknown = accept_unknown
        self._concurrent_tx = concurrent_tx
        self._told: dict[tuple[str, str, Token], None] = {}  # (station, rule, token): said once, not at every tap

    def ask(self, ask: Ask, exchange: Exchange | None, from_: Party) -> Decision:
        """Decide, and write the look-up into the exchange (the first decision of an exchange is its decision)."""
        before = self._clock.stamp()
        decision = decide(
            ask,
            self._lookup,
            lambda token: self._situation(token, ask, before),
            accept_unknown=self._accept_unknown,
        )
        if exchange is not None:
            token = decision.token
            if exchange.decision is None:
                exchange.decision = decision
                exchange.token_label = token.label if token is not None else ""
            asked = token.label if token is not None else ("token" if exchange.card else "free charging")
            self._book.step(exchange, before, from_, Party.STORE, f"{asked}?")
            self._book.step(exchange, self._clock.stamp(), Party.STORE, from_, decision.reason)
            if token is not None and (token.uid != ask.value or ask.id_token_type is None):
                self._tell_of_other_systems(ask, token, exchange)
        return decision

    def _tell_of_other_systems(self, ask: Ask, token: Token, exchange: Exchange) -> None:
        """The answer holds here because OCPP compares as it does; say where another system would have found nothing."""
        if case_matters(ask.value, token):
            text = "the station writes this token in another case than the store: equal in OCPP, unknown to MaEVe"
            self._tell_once(ask.station, "token.case", text, "store it as the station writes it", token, exchange)
        if type_matters(ask.id_token_type, token):
            text = f"OCPP 1.6 names no type: this was decided by the {token.id_token_type} of that value"
            cure = "nothing where it is meant; a card of the same value would go first"
            self._tell_once(ask.station, "token.type", text, cure, token, exchange)

    def _tell_once(self, station: str, rule: str, text: str, cure: str, token: Token, exchange: Exchange) -> None:
        key = station, rule, token
        if key in self._told:
            return
        if len(self._told) >= MAX_TOLD:
            del self._told[next(iter(self._told))]
        self._told[key] = None
        seen = tuple(exchange.sequences)
        stamp = self._clock.stamp()
        self._book.finding(rule, Severity.INFO, text, stamp=stamp, exchange=exchange, evidence=seen, cure=cure)

    def _situation(self, token: Token, ask: Ask, now: Stamp) -> Situation | None:
        """What counts beside the token, or None where nothing does; of most tokens, so it must cost next to nothing."""
        station = self._stations().get(ask.station)
        ended = ask.action == "Authorize" and station is not None and _waits_for_others(station, ask)
        concurrent = not self._concurrent_tx and ask.starts is not None and self._charges_elsewhere(ask)
        if not (ended or concurrent or token.expiry is not None or token.evse_ids):
            return None
        evses = station.evses if station is not None and token.evse_ids else frozenset[int]()
        return Situation(to_datetime(now.utc_ns), evses, concurrent, ended)

    def _charges_elsewhere(self, ask: Ask) -> bool:
        """Whether the token is in another transaction, of any station; one that is offline may still be charging."""
        kind = str(ask.id_token_type or "")
        return any(
            transaction.has(ask.value, kind) and (station.id, transaction.id) != (ask.station, ask.starts)
            for station in self._stations().values()
            for transaction in station.transactions.values()
        )

    def infer(self, exchange: Exchange, accepted: bool) -> Inference:
        """Who decided, given the outcome that the bus told (Josev API, Authorization; OCPP 2.0.1 C01, C10, C14)."""
        decision = exchange.decision
        if decision is not None:
            if decision.accepted == accepted:
                return Inference(DecidedBy(decision.decided_by), decision.reason)
            said = "accepted" if decision.accepted else f"refused ({decision.reason})"
            self._book.finding(
                "verdict.contradiction",
                Severity.FAIL,
                f"the CSMS {said} this token, but Josev said {'accepted' if accepted else 'not accepted'}",
                stamp=self._clock.stamp(),
                exchange=exchange,
                evidence=tuple(exchange.sequences),
                cure="compare the charger's own list, cache and settings with the store",
            )
            return Inference(DecidedBy.JOSEV, "against the CSMS's answer")
        if exchange.token_type == JosevTokenType.NO_AUTHORIZATION:
            return Inference(DecidedBy.JOSEV, "free charging")
        if exchange.origin == "remote_start":
            return Inference(exchange.ordered_by, "remote start")
        if exchange.token_type == JosevTokenType.CENTRAL:
            return Inference(DecidedBy.JOSEV, "remote start by a CSMS unseen")
        station = self.station_of(exchange)
        if station is not None and accepted and exchange.card is not None:
            local = self.local_knowledge(station, exchange.card.uid)
            if local is not None:
                return local
        if station is not None:
            return Inference(DecidedBy.JOSEV, "without asking the CSMS")
        return Inference(DecidedBy.JOSEV, "behind Josev, unseen")

    def local_knowledge(self, station: Station, value: str) -> Inference | None:
        """What the station holds of a token, as far as this bench gave it: its list, else its cache."""
        key = value.casefold()
        if station.shadow is not None and key in station.shadow:
            return Inference(DecidedBy.LIST, f"in the local list of {station.id}")
        if key in station.accepted:
            return Inference(DecidedBy.CACHE, f"in the cache of {station.id}")
        return None

    def may_ask(self, station: Station) -> bool:
        """Whether a tap on the bus can be this station's: the profile's charger, or any where that one is not connected."""
        if station.id == self._identity:
            return True
        return not any(other.id == self._identity and other.connected for other in self._stations().values())

    def station_of(self, exchange: Exchange) -> Station | None:
        """The station behind an exchange: the one that asked, else the charger of the profile, else the only one."""
        connected = [station for station in self._stations().values() if station.connected]
        for station in connected:
            if station.id == (exchange.station or self._identity):
                return station
        return connected[0] if len(connected) == 1 and exchange.station is None else None


def _waits_for_others(station: Station, ask: Ask) -> bool:
    """Whether each EVSE has a transaction of another token whose authorization ended: no other can charge there before its cable
    is pulled (OCPP 2.0.1 C01.FR.24).
    """
    if not station.transactions:
        return False
    kind = str(ask.id_token_type or "")
    over = {
        transaction.evse
        for transaction in station.transactions.values()
        if not transaction.authorized and not transaction.has(ask.value, kind)
    }
    return bool(over) and bool(station.evses) and station.evses <= over
