"""A station's link whose tokens are decided about as in the running bench: by rules over an index of tokens."""

from __future__ import annotations

from itertools import count
from typing import Any

from bench.book import ExchangeBook
from bench.csms.contract import ContractTrust
from bench.csms.link import StationLink
from bench.deciding import Decider
from bench.exchange import Party
from bench.settings import OcppSettings
from bench.station import Station
from bench.tokens.decision import Referral
from bench.tokens.index import TokenIndex
from bench.tokens.model import Ask, Decision, Token
from tests.bench.csms.linkbook import LinkBook

TIME = "2024-01-01T10:00:00Z"


class Store:
    """The authority of the bench without a session: a real Decider over these tokens."""

    def __init__(self, book: StoreBook, tokens: tuple[Token, ...], **settings: Any) -> None:
        self.index = TokenIndex(tokens)
        self.decider = Decider(
            ExchangeBook(),
            book.clock,
            self.index.get,
            lambda: book.stations,
            identity=book.station.id,
            **settings,
        )
        self.decided: list[Decision | Referral] = []

    def decide(self, ask: Ask, seq: int) -> Decision | Referral:
        self.decided.append(self.decider.ask(ask, None, Party.CSMS))
        return self.decided[-1]


class StoreBook(LinkBook):
    """A LinkBook that answers from these tokens. stations: all that the bench knows, this one among them. settings: of the
    Decider.
    """

    def __init__(self, version: str, *tokens: Token, trust: ContractTrust | None = None, **settings: Any) -> None:
        super().__init__(version)
        self.stations: dict[str, Station] = {self.station.id: self.station}
        self.store = Store(self, tokens, **settings)
        self.link = StationLink(self.station, self.store, OcppSettings(), self.clock, id_prefix="b")
        self._ids = count(1)
        if trust is not None:
            self.link._context.contract_trust = trust

    def call_of(self, action: str, **payload: object) -> dict[str, Any]:
        """:meth:`asks` with a message id of its own."""
        return self.asks(str(next(self._ids)), action, **payload)

    def authorized(self, value: str, kind: str = "ISO14443", **more: object) -> dict[str, Any]:
        """idTokenInfo (1.6: idTagInfo) of the answer to an Authorize with that token."""
        if self.station.version == "1.6":
            info = self.call_of("Authorize", idTag=value)["idTagInfo"]
        else:
            info = self.call_of("Authorize", idToken={"idToken": value, "type": kind}, **more)["idTokenInfo"]
        assert isinstance(info, dict)
        return info

    def event(
        self,
        event: str,
        value: str | None = None,
        *,
        kind: str = "ISO14443",
        name: str = "tx-1",
        evse: int = 1,
        trigger: str = "Authorized",
    ) -> dict[str, Any]:
        """The answer to a TransactionEvent (2.x)."""
        payload: dict[str, Any] = {
            "eventType": event,
            "timestamp": TIME,
            "triggerReason": trigger,
            "seqNo": 0,
            "transactionInfo": {"transactionId": name},
            "evse": {"id": evse},
        }
        if value is not None:
            payload["idToken"] = {"idToken": value, "type": kind}
        return self.call_of("TransactionEvent", **payload)

    def has_evses(self, *numbers: int) -> None:
        """The station tells of its EVSEs (1.6: connectors)."""
        for number in numbers:
            if self.station.version == "1.6":
                self.call_of("StatusNotification", connectorId=number, errorCode="NoError", status="Available")
            else:
                self.call_of(
                    "StatusNotification",
                    timestamp=TIME,
                    evseId=number,
                    connectorId=1,
                    connectorStatus="Available",
                )
