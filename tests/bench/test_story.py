"""An exchange as text tells what its diagram tells."""

from __future__ import annotations

from bench.clock import ManualClock, Stamp
from bench.exchange import Exchange, Hop, Party
from bench.journal.marks import judge
from bench.journal.pairs import Pairs
from bench.message import Message
from bench.story import as_text
from tests.bench.journal.trace import Trace

STATION, CSMS = Party.STATION, Party.CSMS


def told(trace: Trace, exchange: Exchange) -> list[str]:
    clock = ManualClock()
    clock.mono_ns = trace.messages[-1].mono_ns
    pairs = Pairs(clock)
    pairs.take(trace.messages)
    return as_text(exchange, judge(exchange, pairs, lambda seq: trace.messages[seq - 1])).splitlines()


def hop(message: Message, from_: Party, to: Party, fault: str | None = None) -> Hop:
    return Hop(message.seq, from_, to, message.link, message.decoded.name, message.mono_ns, fault)


def test_the_text_carries_the_marks_of_the_diagram():
    trace = Trace()
    exchange = Exchange(7, Stamp(0, 0), "remote_start")
    trace.ocpp("out", "CALL", "1", -2)
    trace.ocpp("in", "CALLRESULT", "1", -1)
    asked = trace.ocpp("out", "CALL", "1", 0)
    exchange.hops.append(hop(asked, CSMS, STATION))
    exchange.hops.append(Hop(None, STATION, CSMS, None, "no answer", 30 * 10**9, "no answer in 30 s"))
    late, second = trace.ocpp("in", "CALLRESULT", "1", 31), trace.ocpp("in", "CALLRESULT", "1", 32)
    lines = told(trace, exchange)
    assert lines[0].startswith("Exchange 7")
    assert [line.partition("->")[2].split("  ", 1)[1].strip() for line in lines[2:]] == [
        f"Authorize  #{asked.seq}  ⚠ id used before",
        "no answer    !! no answer in 30 s",
        f"Authorize  #{late.seq}  ⚠ late, after 31.0 s",
        f"Authorize  #{second.seq}  ⚠ second answer",
    ]


def test_where_all_is_well_nothing_is_marked():
    trace = Trace()
    exchange = Exchange(1, Stamp(0, 0), "authorize")
    exchange.hops.append(hop(trace.ocpp("in", "CALL", "1", 0), STATION, CSMS))
    exchange.hops.append(hop(trace.ocpp("out", "CALLRESULT", "1", 0.5), CSMS, STATION))
    lines = told(trace, exchange)
    assert lines == as_text(exchange).splitlines()
    assert not any("⚠" in line for line in lines)
    assert lines[-1].split() == ["500.0", "ms", "+", "500.0", "csms", "->", "station", "Authorize", "#2"]
