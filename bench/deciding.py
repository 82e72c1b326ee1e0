"""Who decides: the store when it is asked, or, by inference, the station when nobody was."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from bench.authorization import Inference
from bench.book import ExchangeBook
from bench.clock import Clock
from bench.exchange import DecidedBy, Exchange, Party, Severity
from bench.station import Station
from bench.tokens.decision import decide
from bench.tokens.model import Ask, AuthorizationStatus, Decision, IdTokenType, JosevTokenType, Token

Lookup = Callable[[str, IdTokenType | None], Token | None]
RUNNING_ELSEWHERE = AuthorizationStatus.CONCURRENT_TX


class Decider:
    """Asks the store and records rule, reason and the two steps of the look-up on the exchange."""

    def __init__(
        self,
        book: ExchangeBook,
        clock: Clock,
        lookup: Lookup,
        stations: Callable[[], Iterable[Station]],
        *,
        identity: str,
        accept_unknown: bool = False,
    ) -> None:
        self._book = book
        self._clock = clock
        self._lookup = lookup
        self._stations = stations
        self._identity = identity
        self._accept_unknown = accept_unknown

    def ask(self, ask: Ask, exchange: Exchange | None, from_: Party) -> Decision:
        """Decide, and write the look-up into the exchange (the first decision of an exchange is its decision)."""
        before = self._clock.stamp()
        decision = decide(ask, self._lookup, accept_unknown=self._accept_unknown)
        if exchange is not None:
            token = decision.token
            if exchange.decision is None:
                exchange.decision = decision
                exchange.token_label = token.label if token is not None else ""
            asked = token.label if token is not None else ("token" if exchange.card else "free charging")
            self._book.step(exchange, before, from_, Party.STORE, f"{asked}?")
            self._book.step(exchange, self._clock.stamp(), Party.STORE, from_, decision.reason)
        return decision

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
        return not any(other.id == self._identity and other.connected for other in self._stations())

    def station_of(self, exchange: Exchange) -> Station | None:
        """The station behind an exchange: the one that asked, else the charger of the profile, else the only one."""
        connected = [station for station in self._stations() if station.connected]
        for station in connected:
            if station.id == (exchange.station or self._identity):
                return station
        return connected[0] if len(connected) == 1 and exchange.station is None else None
