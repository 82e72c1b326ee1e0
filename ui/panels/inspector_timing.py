"""When a message crossed its link, and where it stands in its exchange."""

from __future__ import annotations

from bench.clock import NS_PER_MS, iso_utc, to_datetime
from bench.exchange import Exchange
from bench.message import Message


def timing_text(message: Message, answers: int | None, took_ms: float | None, exchange: Exchange | None) -> str:
    """answers, took_ms: the number of the request this message answers, and how long that took."""
    lines = [
        f"UTC        {iso_utc(message.utc_ns)}",
        f"local      {to_datetime(message.utc_ns).astimezone():%Y-%m-%d %H:%M:%S.%f}",
        f"monotonic  {message.mono_ns:,} ns",
    ]
    if took_ms is not None:
        lines.append(f"answers    #{answers} after {took_ms:.3f} ms")
    if exchange is not None:
        lines += ["", f"exchange {exchange.id}", "       at     delta"]
        before = exchange.opened.mono_ns
        for hop in exchange.hops:
            at, delta = (hop.mono_ns - exchange.opened.mono_ns) / NS_PER_MS, (hop.mono_ns - before) / NS_PER_MS
            before = hop.mono_ns
            sign = "▸" if hop.seq == message.seq else " "
            fault = f"  ✖ {hop.fault}" if hop.fault else ""
            lines.append(f"{sign}{at:8.1f}  {delta:+8.1f} ms  {hop.from_} → {hop.to}  {hop.name}{fault}")
    return "\n".join(lines)
