"""An exchange told in text: one line for a terminal, or hop by hop for a bug report."""

from __future__ import annotations

from bench.clock import NS_PER_MS, iso_utc
from bench.exchange import Exchange, shown_uid
from bench.journal.marks import SIGN, UNMARKED, Marked


def one_line(exchange: Exchange) -> str:
    """UID, token type, verdict, who decided, reason, total and milliseconds per hop."""
    card = exchange.card
    uid = shown_uid(card) if card is not None else "(no card)"
    token_type = (card.token_type if card is not None else exchange.token_type) or "idTag"
    verdict = str(exchange.verdict) if exchange.verdict else "open"
    by = str(exchange.decided_by) if exchange.decided_by else "nobody yet"
    total = "" if exchange.total_ms is None else f"{exchange.total_ms:.1f} ms"
    reason = exchange.reason
    if exchange.token_label and exchange.token_label not in reason:
        reason = f"{reason} ({exchange.token_label})"
    return f"{uid}  {token_type}  {verdict}  by {by}: {reason}  {total}  [{_hops(exchange)}]"


def as_text(exchange: Exchange, marked: Marked = UNMARKED) -> str:
    """The whole exchange, a hop a line with its time since the start and since the hop before.

    marked: what does not fit among its messages; written behind the steps, with the strays among them.
    """
    lines = [f"Exchange {exchange.id}  {iso_utc(exchange.opened.utc_ns)}", one_line(exchange).split("  [")[0]]
    start = before = exchange.opened.mono_ns
    for hop in marked.hops(exchange):
        at, delta = (hop.mono_ns - start) / NS_PER_MS, (hop.mono_ns - before) / NS_PER_MS
        number = f"#{hop.seq}" if hop.seq is not None else ""
        fault = f"  !! {hop.fault}" if hop.fault else ""
        mark = f"  {SIGN} {word}" if (word := marked.of(hop)) else ""
        line = f"{at:10.1f} ms  +{delta:8.1f}  {hop.from_:>7} -> {hop.to:<7}  {hop.name}  {number}{fault}{mark}"
        lines.append(line.rstrip())
        before = hop.mono_ns
    for finding in exchange.findings:
        lines.append(f"finding {finding.rule} ({finding.severity}): {finding.text}")
        if finding.cure:
            lines.append(f"  cure: {finding.cure}")
    return "\n".join(lines)


def _hops(exchange: Exchange) -> str:
    before = exchange.opened.mono_ns
    parts = []
    for hop in exchange.hops:
        delta = (hop.mono_ns - before) / NS_PER_MS
        fault = f" !{hop.fault}" if hop.fault else ""
        parts.append(f"{hop.from_}>{hop.to} {hop.name} {delta:.1f}{fault}")
        before = hop.mono_ns
    return " | ".join(parts)
