"""A StationLink on the table: what the station says goes in, and everything that comes of it is written down line by line.

``<`` station to bench, ``>`` bench to station, ``!`` a finding, ``=`` the end of a call of ours, ``?`` somebody else is to decide.
"""

from __future__ import annotations

import json
from typing import Any

from bench.clock import ManualClock
from bench.codecs.ocpp_schemas import Half, schema_of
from bench.csms.link import Effect, Forsaken, Noticed, Referred, Send, Settled, StationLink
from bench.errors import OperatorError
from bench.journal.log import Journal
from bench.message import Direction, Link
from bench.settings import OcppSettings
from bench.station import Station
from bench.tokens.model import Ask, AuthorizationStatus, CacheMode, Decision, IdTokenType, Token

NOW = "2023-11-14T22:13:20.000Z"  # where ManualClock starts


def token(uid: str, **more: Any) -> Token:
    return Token(uid, "GB", "ABX", "GBABX000000001X", "Authbench", **more)


class Desk:
    """An authority with a few cards, which writes down what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[Ask, int]] = []
        self.broken: Exception | None = None
        self.cards = {
            "GOOD": Decision(AuthorizationStatus.ACCEPTED, "store", "valid", "store.found", token("GOOD")),
            "FAMILY": Decision(
                AuthorizationStatus.ACCEPTED,
                "store",
                "valid",
                "store.found",
                token("FAMILY", group_id="GROUP", language_code="de"),
            ),
            "BIGGROUP": Decision(
                AuthorizationStatus.ACCEPTED, "store", "valid", "store.found", token("BIGGROUP", group_id="G" * 36)
            ),
            "ONCE": Decision(
                AuthorizationStatus.ACCEPTED,
                "store",
                "valid",
                "store.found",
                token("ONCE", cache_mode=CacheMode.NEVER),
            ),
            "BAD": Decision(AuthorizationStatus.BLOCKED, "store", "blocked", "store.found", token("BAD")),
            "POOR": Decision(AuthorizationStatus.NO_CREDIT, "store", "no credit", "store.found", token("POOR")),
        }

    def decide(self, ask: Ask, seq: int) -> Decision:
        self.asked.append((ask, seq))
        if self.broken is not None:
            raise self.broken
        if ask.refused is not None:
            return Decision(ask.refused[0], "default", ask.refused[1], "contract")
        if ask.remote_start or ask.id_token_type is IdTokenType.NO_AUTHORIZATION:
            return Decision(AuthorizationStatus.ACCEPTED, "operator", "remote start", "remote")
        return self.cards.get(ask.value) or Decision(AuthorizationStatus.UNKNOWN, "default", "unknown", "default")


class LinkBook:
    def __init__(self, version: str, *, heartbeat_s: int = 300) -> None:
        self.clock = ManualClock()
        self.desk = Desk()
        self.journal = Journal()
        self.station = Station("CP-1", version)
        settings = OcppSettings(heartbeat_s=heartbeat_s)
        self.link = StationLink(self.station, self.desk, settings, self.clock, id_prefix="b")

    def says(self, *frame: object) -> list[str]:
        """The station sends a frame; the lines that follow."""
        return self.sends(json.dumps(frame).encode())

    def sends(self, data: bytes) -> list[str]:
        decoded = self.link.decode(data)
        message = self.journal.append(Link.OCPP, Direction.IN, self.station.id, data, decoded, self.clock.stamp())
        return self.written(self.link.handle(message))

    def asks(self, call_id: str, action: str, **payload: object) -> dict[str, Any]:
        """The station calls; the payload of the one answer, which satisfies its schema, and nothing else happens."""
        data = json.dumps([2, call_id, action, payload]).encode()
        decoded = self.link.decode(data)
        message = self.journal.append(Link.OCPP, Direction.IN, self.station.id, data, decoded, self.clock.stamp())
        (effect,) = self.link.handle(message)
        assert isinstance(effect, Send)
        kind, answered, answer = json.loads(effect.data)
        assert (kind, answered) == (3, call_id)
        assert isinstance(answer, dict)
        schema = schema_of(self.station.version, Half.RESPONSE, action)
        assert schema is not None
        assert schema.faults(answer) == ()
        return answer

    def calls(self, action: str, *, raw: bool = False, **payload: object) -> tuple[str, list[str]]:
        call_id, effects = self.link.call(action, payload, self.clock.stamp(), raw=raw)
        return call_id, self.written(effects)

    def written(self, effects: list[Effect]) -> list[str]:
        return [self._line(effect) for effect in effects]

    @staticmethod
    def _line(effect: Effect) -> str:
        if isinstance(effect, Send):
            assert effect.decoded.correlation == json.loads(effect.data)[1]
            return f"> {effect.data.decode()}"
        if isinstance(effect, Noticed):
            return f"! {effect.severity} {effect.rule}: {effect.text}"
        if isinstance(effect, Referred):
            return f"? {effect.call_id} {effect.ask.action} of {effect.ask.value} to {effect.to}"
        if isinstance(effect, Forsaken):
            return f"? {effect.call_id} forsaken"
        assert isinstance(effect, Settled)
        if effect.answer is None:
            return f"= {effect.call_id} {effect.why}"
        answer = effect.answer
        said = json.dumps(answer.payload) if answer.payload is not None else f"{answer.code} {answer.description}"
        return f"= {effect.call_id} {answer.action} {said}"


STORE_GONE = OperatorError("the store is locked", "close the other program")
