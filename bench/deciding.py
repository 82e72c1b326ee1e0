"""Who decides: the store when it is asked, or, by inference, the station when nobody was."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from bench.authorization import Inference
from bench.book import ExchangeBook
from bench.clock import Clock, Stamp, to_datetime
from bench.exchange import DecidedBy, Exchange, Party, Severity
from bench.station import Station, Transaction
from bench.tokens.decision import Lookup, Referral, Situation, UnknownTokens, decide
from bench.tokens.model import ID_TOKEN_TYPES, Ask, Decision, JosevTokenType, Token


class Decider:
    """Asks the store and records rule, reason and the two steps of the look-up on the exchange.

    unknown: what becomes of tokens that the store does not know; may be changed at any time. concurrent_tx: a token may charge in
    several transactions at once. master_pass_group: its tokens stop any charge and start none (OCPP 2.x), None for none. recall:
    what operator or fallback answered to the same question a short while ago.
    """

    def __init__(
        self,
        book: ExchangeBook,
        clock: Clock,
        lookup: Lookup,
        stations: Callable[[], Mapping[str, Station]],
        *,
        identity: str,
        unknown: UnknownTokens = UnknownTokens.REFUSE,
        concurrent_tx: bool = True,
        master_pass_group: str | None = None,
        recall: Callable[[Ask], Decision | None] = lambda ask: None,
    ) -> None:
        self.unknown = unknown
        self._book = book
        self._clock = clock
        self._lookup = lookup
        self._stations = stations
        self._identity = identity
        self._concurrent_tx = concurrent_tx
        self._master_pass = None if master_pass_group is None else master_pass_group.casefold()
        self._recall = recall

    def ask(self, ask: Ask, exchange: Exchange | None, from_: Party) -> Decision | Referral:
        """Decide, or say who else is to be asked; either way the look-up is written into the exchange. The first decision of an
        exchange is its decision.
        """
        before = self._clock.stamp()
        answer = decide(ask, self._lookup, lambda token: self._situation(token, ask, before), self.unknown)
        if not isinstance(answer, Decision):
            answer = self._recall(ask) or answer
        if exchange is not None:
            self._write(exchange, answer, before, from_)
        return answer

    def _write(self, exchange: Exchange, answer: Decision | Referral, before: Stamp, from_: Party) -> None:
        found, reason = None, "unknown"
        if isinstance(answer, Decision):
            found, reason = answer.token, answer.reason
            if exchange.decision is None:
                exchange.decision = answer
                exchange.token_label = found.label if found is not None else ""
        asked = found.label if found is not None else ("token" if exchange.card else "free charging")
        self._book.step(exchange, before, from_, Party.STORE, f"{asked}?")
        self._book.step(exchange, self._clock.stamp(), Party.STORE, from_, reason)

    def _situation(self, token: Token, ask: Ask, now: Stamp) -> Situation | None:
        """What counts beside the token, or None where nothing does; of most tokens, so it must cost next to nothing."""
        station = self._stations().get(ask.station)
        ended = ask.action == "Authorize" and station is not None and self._waits_for_others(station, ask, token)
        concurrent = not self._concurrent_tx and ask.starts is not None and self._charges_elsewhere(ask)
        master = self._master_pass is not None and self._master_pass == (token.group_id or "").casefold()
        if not (ended or concurrent or master or token.expiry is not None or token.evse_ids):
            return None
        evses = station.evses if station is not None and token.evse_ids else frozenset[int]()
        return Situation(to_datetime(now.utc_ns), evses, concurrent, ended, master)

    def _waits_for_others(self, station: Station, ask: Ask, token: Token) -> bool:
        """Whether each EVSE has a transaction whose authorization ended, of a token that is neither this one nor of its group: no
        other can charge there before its cable is pulled (OCPP 2.0.1 C01.FR.24).
        """
        if not station.transactions:
            return False
        kind = str(ask.id_token_type or "")
        over = {
            transaction.evse
            for transaction in station.transactions.values()
            if not (transaction.authorized or transaction.has(ask.value, kind) or self._same_group(transaction, token))
        }
        return bool(over) and bool(station.evses) and station.evses <= over

    def _same_group(self, transaction: Transaction, token: Token) -> bool:
        """Whether the token may end that transaction because both are of one group (C09.FR.03)."""
        if not token.group_id:
            return False
        other = self._lookup(transaction.id_token, ID_TOKEN_TYPES.get(transaction.id_token_type))
        return other is not None and (other.group_id or "").casefold() == token.group_id.casefold()

    def _charges_elsewhere(self, ask: Ask) -> bool:
        """Whether the token is in another transaction, of any station; one that is offline may still be charging.

        OCPP speaks of one identifier (ConcurrentTx): the cards of a group may charge at the same time.
        """
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
