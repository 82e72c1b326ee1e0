"""The book of exchanges: opens, joins, extends and closes them, and finds the one a message belongs to."""

from __future__ import annotations

from bisect import insort
from collections import deque
from collections.abc import Callable
from itertools import islice

from bench.clock import Stamp
from bench.exchange import DecidedBy, Exchange, Finding, Hop, Party, Severity, TapCard, Verdict
from bench.message import Link, Message

KEEP_EXCHANGES = 20_000
KEEP_FINDINGS = 1_000
MAX_HOPS = 200
MAX_BESIDE = 1_000
MAX_FINDINGS_EACH = 50
LATEST_PER_TOKEN = 16


class ExchangeBook:
    """All exchanges of a session, newest ``keep`` of them in memory.

    exchanges: by id, in order of opening. findings: newest last, bounded.
    changed: exchanges that changed since the owner last emptied it; on_change is called when the first one enters it, so that
    a burst costs one call. on_finding is called with every finding.
    """

    def __init__(
        self,
        on_change: Callable[[], None] = lambda: None,
        on_finding: Callable[[Finding], None] = lambda finding: None,
        keep: int = KEEP_EXCHANGES,
    ) -> None:
        self.exchanges: dict[int, Exchange] = {}
        self.findings: deque[Finding] = deque(maxlen=KEEP_FINDINGS)
        self.changed: dict[int, Exchange] = {}
        self.opened_count = 0
        self._on_change = on_change
        self._on_finding = on_finding
        self._keep = keep
        self._of_seq: dict[int, int] = {}
        self._of_request: dict[str, int] = {}
        self._beside: dict[int, list[int]] = {}
        self._open_by_token: dict[str, list[int]] = {}
        self._latest_by_token: dict[str, deque[int]] = {}

    # Opening and finding

    def open(
        self,
        origin: str,
        stamp: Stamp,
        *,
        card: TapCard | None = None,
        token_type: str = "",
        evse_id: str | None = None,
        station: str | None = None,
        request_id: str | None = None,
    ) -> Exchange:
        self.opened_count += 1
        exchange = Exchange(
            self.opened_count,
            stamp,
            origin,
            card=card,
            token_type=token_type,
            evse_id=evse_id,
            station=station,
            request_id=request_id,
        )
        self.exchanges[exchange.id] = exchange
        value = _token_key(exchange)
        if (still_open := self._open_by_token.get(value)) is None:
            still_open = self._open_by_token[value] = []
        still_open.append(exchange.id)
        if (latest := self._latest_by_token.get(value)) is None:
            latest = self._latest_by_token[value] = deque(maxlen=LATEST_PER_TOKEN)
        latest.append(exchange.id)
        if request_id is not None:
            self._of_request[request_id] = exchange.id
        if len(self.exchanges) > self._keep + self._keep // 10:
            self._forget_oldest(len(self.exchanges) - self._keep)
        self.touch(exchange)
        return exchange

    def of_seq(self, seq: int) -> Exchange | None:
        return self.exchanges.get(self._of_seq.get(seq, 0))

    def of_request(self, request_id: str) -> Exchange | None:
        return self.exchanges.get(self._of_request.get(request_id, 0))

    def open_with_token(self, value: str) -> list[Exchange]:
        """Open exchanges of that token value, ignoring case, oldest first; "" for those without a token."""
        return [self.exchanges[id_] for id_ in self._open_by_token.get(value.casefold(), ())]

    def latest_with_token(self, value: str) -> list[Exchange]:
        """The latest few exchanges of that token value, open or closed, newest first."""
        return [self.exchanges[id_] for id_ in reversed(self._latest_by_token.get(value.casefold(), ()))]

    @property
    def open_exchanges(self) -> list[Exchange]:
        return [exchange for exchange in self.exchanges.values() if exchange.open]

    # Extending and closing

    def belongs(self, seq: int, exchange: Exchange) -> None:
        """Say that a message is part of an exchange without drawing a hop for it."""
        beside = self._beside.setdefault(exchange.id, [])
        if len(beside) < MAX_BESIDE:
            self._of_seq[seq] = exchange.id
            beside.append(seq)

    def hop(
        self,
        exchange: Exchange,
        message: Message,
        from_: Party,
        to: Party,
        name: str,
        fault: str | None = None,
    ) -> None:
        """Add the step that a message made."""
        if len(exchange.hops) < MAX_HOPS:
            self._of_seq[message.seq] = exchange.id
        self._add(exchange, Hop(message.seq, from_, to, message.link, name, message.mono_ns, fault))

    def step(
        self,
        exchange: Exchange,
        stamp: Stamp,
        from_: Party,
        to: Party,
        name: str,
        *,
        link: Link | None = None,
        fault: str | None = None,
    ) -> None:
        """Add a step that crossed no link (a look-up), or that never came (fault)."""
        self._add(exchange, Hop(None, from_, to, link, name, stamp.mono_ns, fault))

    def mark(self, exchange: Exchange, seq: int, fault: str) -> None:
        """Say what went wrong at the step of a message that was added before."""
        for index, hop in enumerate(exchange.hops):
            if hop.seq == seq:
                exchange.hops[index] = hop._replace(fault=fault or None)
        self.touch(exchange)

    def close(self, exchange: Exchange, verdict: Verdict, decided_by: DecidedBy, reason: str, stamp: Stamp) -> None:
        """Give the verdict, or replace it (a late answer, a later deauthorization)."""
        if exchange.closed is None:
            value = _token_key(exchange)
            still_open = self._open_by_token.get(value, [])
            if exchange.id in still_open:
                still_open.remove(exchange.id)
                if not still_open:
                    del self._open_by_token[value]
        exchange.verdict = verdict
        exchange.decided_by = decided_by
        exchange.reason = reason
        exchange.closed = stamp
        self.touch(exchange)

    def finding(
        self,
        rule: str,
        severity: Severity,
        text: str,
        *,
        stamp: Stamp,
        exchange: Exchange | None = None,
        evidence: tuple[int, ...] = (),
        cure: str = "",
    ) -> Finding:
        finding = Finding(rule, severity, text, evidence, cure, stamp.utc_ns, exchange.id if exchange else None)
        self.findings.append(finding)
        if exchange is not None:
            if len(exchange.findings) < MAX_FINDINGS_EACH:
                exchange.findings.append(finding)
            self.touch(exchange)
        self._on_finding(finding)
        return finding

    def touch(self, exchange: Exchange) -> None:
        """Say that an exchange changed."""
        exchange.revision += 1
        changed = self.changed
        if not changed:
            self._on_change()
        changed[exchange.id] = exchange

    def _add(self, exchange: Exchange, hop: Hop) -> None:
        # A transaction that runs for days must not grow its tap without end; the messages stay in the journal.
        hops = exchange.hops
        if len(hops) < MAX_HOPS:
            if not hops or hops[-1].mono_ns <= hop.mono_ns:
                hops.append(hop)
            else:  # links have threads of their own: what was stamped first may be handed over last
                insort(hops, hop, key=lambda known: known.mono_ns)
        self.touch(exchange)

    def _forget_oldest(self, count: int) -> None:
        closed = (exchange for exchange in self.exchanges.values() if not exchange.open)
        for exchange in list(islice(closed, count)):
            del self.exchanges[exchange.id]
            for seq in (*exchange.sequences, *self._beside.pop(exchange.id, ())):
                self._of_seq.pop(seq, None)
            if exchange.request_id is not None and self._of_request.get(exchange.request_id) == exchange.id:
                del self._of_request[exchange.request_id]
            value = _token_key(exchange)
            for index in (self._open_by_token, self._latest_by_token):
                ids = index.get(value)
                if ids is not None and exchange.id in ids:
                    ids.remove(exchange.id)
                    if not ids:
                        del index[value]


def _token_key(exchange: Exchange) -> str:
    return exchange.card.uid.casefold() if exchange.card is not None else ""
