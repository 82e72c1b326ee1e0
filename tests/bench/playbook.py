"""A hand-driven engine for tests that read like a packet trace: events in, exchange out, no I/O and no real clock."""

from __future__ import annotations

import json
from itertools import count

from bench.authorization import Command, Publish, TapFlow, TapRequest
from bench.book import ExchangeBook
from bench.card import CardRead, Technology
from bench.clock import ManualClock
from bench.codecs.josev import decode, encode
from bench.deciding import Decider
from bench.exchange import Exchange
from bench.journal.log import Journal
from bench.message import Decoded, Direction, Link, Message
from bench.settings import BusSettings, Profile
from bench.station import Station
from bench.tokens.model import AuthorizationStatus, IdTokenType, Token

GOOD = "04A2B3C4D5E680"
BLOCKED = "04B1C2D3E4F580"
EVSE = "GB*SEV*E123456789"


def token(uid: str, **fields: object) -> Token:
    return Token(uid, "GB", "ABX", "GBABX123456789X", "Authbench", **fields)  # type: ignore[arg-type]


class Playbook:
    """One TapFlow over a journal, with requests numbered 00000000-...-000000000001 and so on."""

    def __init__(self, profile: Profile | None = None) -> None:
        self.clock = ManualClock()
        self.journal = Journal()
        self.profile = profile or Profile(bus=BusSettings(url="mqtt://127.0.0.1"))
        self.stations: dict[str, Station] = {}
        self.tokens = {
            t.key: t
            for t in (
                token(GOOD, visual_number="TAG-7"),
                token(BLOCKED, valid=False, status=AuthorizationStatus.BLOCKED),
            )
        }
        self.book = ExchangeBook()
        self.decider = Decider(
            self.book, self.clock, self.lookup, lambda: self.stations, identity=self.profile.charger.identity
        )
        numbers = count(1)
        self.flow = TapFlow(
            self.book,
            self.profile,
            self.decider.ask,
            self.decider.infer,
            lambda: f"00000000-0000-4000-8000-{next(numbers):012d}",
        )
        self.published: list[Message] = []

    def lookup(self, value: str, id_type: IdTokenType | None) -> Token | None:
        for found in self.tokens.values():
            if found.uid.casefold() == value.casefold() and id_type in (None, found.id_token_type):
                return found
        return None

    def tap(self, uid: str | None, **fields: object) -> Exchange:
        exchange, commands = self.flow.present(TapRequest(uid, **fields), self.clock.stamp())  # type: ignore[arg-type]
        self.carry_out(commands)
        return exchange

    def swipe(self, uid: bytes, technology: Technology = Technology.ISO14443) -> Exchange:
        stamp = self.clock.stamp()
        frame = self.journal.append(
            Link.READER, Direction.IN, "ttyTEST", uid, Decoded("frame", "InListPassiveTarget", None, None), stamp
        )
        card = CardRead("pn532:ttyTEST", uid, technology, uid, stamp)
        self.clock.advance(1)
        request = TapRequest(card.uid_hex)
        exchange, commands = self.flow.present(request, stamp, card, frame)
        self.carry_out(commands)
        return exchange

    def carry_out(self, commands: list[Command]) -> None:
        topics = self.profile.bus.topics
        for command in commands:
            if isinstance(command, Publish):
                topic = topics.cs_to_josev if command.to_josev else topics.josev_to_cs
                raw = encode(command.message)
                message = self.journal.append(
                    Link.JOSEV, Direction.OUT, topic, raw, decode(raw, topic, topics), self.clock.stamp()
                )
                self.published.append(message)
                self.flow.published(self.book.exchanges[command.exchange], message, command.to_josev)

    def hear(
        self,
        topic: str,
        kind: str,
        data: dict[str, object],
        id_: str,
        after_ms: float = 10,
        meta: dict[str, object] | None = None,
    ) -> Message:
        """An authorization message of somebody else arrives on the bus."""
        self.clock.advance(after_ms)
        raw = json.dumps({"id": id_, "name": "authorization", "type": kind, "data": data}).encode()
        decoded = decode(raw, topic, self.profile.bus.topics)
        message = self.journal.append(Link.JOSEV, Direction.IN, topic, raw, decoded, self.clock.stamp(), meta)
        self.carry_out(self.flow.heard(message))
        return message

    def respond(self, exchange: Exchange, status: str, after_ms: float = 10) -> Message:
        assert exchange.request_id is not None
        return self.hear("josev/cs", "response", {"status": status}, exchange.request_id, after_ms)

    def update(
        self, uid: str | None, token_type: str, status: str, id_: str, *, evse: str = EVSE, topic: str = "josev/cs"
    ) -> None:
        data: dict[str, object] = {"evse_id": evse, "token_type": token_type, "status": status}
        if uid is not None:
            data["id_token"] = uid
        self.hear(topic, "update", data, id_)

    @property
    def rules(self) -> list[str]:
        return [finding.rule for finding in self.book.findings]


def trace(exchange: Exchange) -> list[str]:
    """``from>to name`` of each hop, faults after an exclamation mark."""
    return [f"{hop.from_}>{hop.to} {hop.name}" + (f" !{hop.fault}" if hop.fault else "") for hop in exchange.hops]
