"""One card tap = one Exchange made of hops."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from bench.clock import NS_PER_MS, Stamp, iso_utc
from bench.message import Link
from bench.tokens.model import Decision


class Verdict(StrEnum):
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    DEAUTHORIZED = "deauthorized"
    TIMED_OUT = "timed_out"
    FAILED = "failed"


class Party(StrEnum):
    """The lanes of the sequence diagram."""

    READER = "reader"
    BENCH = "bench"
    JOSEV = "josev"
    CSMS = "csms"
    STATION = "station"
    STORE = "store"
    HUB = "hub"
    EVEREST = "everest"
    OPERATOR = "operator"


class DecidedBy(StrEnum):
    """Who decided. list and cache are inferred: the station decided without asking."""

    STORE = "store"
    DEFAULT = "default"
    OPERATOR = "operator"
    HUB = "hub"
    CSMS = "csms"
    LIST = "list"
    CACHE = "cache"
    JOSEV = "josev"
    NOBODY = "nobody"


class Severity(StrEnum):
    INFO = "info"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Finding:
    """What should have happened and did not. evidence: journal numbers. cure: what to do."""

    rule: str
    severity: Severity
    text: str
    evidence: tuple[int, ...] = ()
    cure: str = ""
    utc_ns: int = 0
    exchange: int | None = None


class Hop(NamedTuple):
    """One step from party to party.

    seq: journal number, None where no message crossed a link (a look-up in the store). mono_ns: when.
    fault: what went wrong at this step, or None.
    """

    seq: int | None
    from_: Party
    to: Party
    link: Link | None
    name: str
    mono_ns: int
    fault: str | None = None


class TapCard(NamedTuple):
    """What was presented. uid: upper-case hex without separators, or the typed value. technology as the reader said, else None.
    token_type: Josev's word for it. hints: traps of the UID, in words."""

    uid: str
    technology: str | None
    token_type: str
    reader: str = ""
    hints: tuple[str, ...] = ()


@dataclass(slots=True)
class Exchange:
    """The story of one tap. Mutable while open; read by the window and the API on the loop's thread.

    origin: ``tap`` (ours), ``authorize``/``transaction`` (the charger's own reader), ``update``, ``remote_start``, ``bus``
        (other charger software asked).
    decision: the answer of the store, or of the CSMS behind a proxy; None where neither was asked.
    ordered_by: who ordered a remote start. referred: operator or fallback are being asked about its token.
    """

    id: int
    opened: Stamp
    origin: str
    card: TapCard | None = None
    evse_id: str | None = None
    token_type: str = ""
    station: str | None = None
    request_id: str | None = None
    verdict: Verdict | None = None
    decided_by: DecidedBy | None = None
    reason: str = ""
    token_label: str = ""
    decision: Decision | None = None
    ordered_by: DecidedBy = DecidedBy.OPERATOR
    referred: bool = False
    closed: Stamp | None = None
    hops: list[Hop] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    revision: int = 0

    @property
    def open(self) -> bool:
        return self.closed is None

    @property
    def total_ms(self) -> float | None:
        """From the first stamp to the verdict; None while open."""
        if self.closed is None:
            return None
        return (self.closed.mono_ns - self.opened.mono_ns) / NS_PER_MS

    @property
    def sequences(self) -> list[int]:
        """Journal numbers of its messages, in order."""
        return [hop.seq for hop in self.hops if hop.seq is not None]


MASK = "••••"


def shown_uid(card: TapCard) -> str:
    """The value as it may be shown: key codes masked (OCPP 2.0.1 C04.FR.04)."""
    secret = "keycode" in card.token_type.replace("_", "").casefold()
    return MASK if secret and card.uid else card.uid


def to_json(exchange: Exchange) -> dict[str, object]:
    """The shape of ``GET /bench/v1/exchanges/{id}``; key codes masked."""
    start = exchange.opened.mono_ns
    hops = []
    before = start
    for hop in exchange.hops:
        now = hop.mono_ns
        hops.append(
            {
                "seq": hop.seq,
                "from": hop.from_,
                "to": hop.to,
                "link": hop.link,
                "name": hop.name,
                "at_ms": _ms(now - start),
                "delta_ms": _ms(now - before),
                "fault": hop.fault,
            }
        )
        before = now
    card = exchange.card
    total = exchange.total_ms
    return {
        "id": exchange.id,
        "opened": iso_utc(exchange.opened.utc_ns),
        "card": None
        if card is None
        else {"uid": shown_uid(card), "technology": card.technology, "token_type": card.token_type},
        "evse_id": exchange.evse_id,
        "verdict": exchange.verdict,
        "decided_by": exchange.decided_by,
        "reason": exchange.reason,
        "total_ms": None if total is None else round(total, 3),
        "hops": hops,
        "findings": [finding_json(finding) for finding in exchange.findings],
    }


def _ms(ns: int) -> float:
    """Milliseconds to the microsecond."""
    return ns // 1000 / 1000


def finding_json(finding: Finding) -> dict[str, object]:
    return {
        "rule": finding.rule,
        "severity": str(finding.severity),
        "text": finding.text,
        "evidence": list(finding.evidence),
        "cure": finding.cure,
    }
