"""What the bench adds to a tap: from the reader's last byte to the request on the bus, and from Authorize to its answer.

Two hundred swipes on a virtual PN532 go the whole way through broker, simulated charger, OCPP and store.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from bench.assembly import Options
from bench.clock import NS_PER_MS
from bench.exchange import Exchange, Party
from bench.settings import Profile
from fixtures.demo import ACCEPTED_UID, Demo

TAPS = 200


def overhead_ms(exchange: Exchange) -> float:
    """Milliseconds spent inside the bench: before its request, and between a call and its answer."""
    hops = exchange.hops
    request = next(hop for hop in hops if hop.from_ is Party.BENCH and hop.to is Party.JOSEV)
    inside = request.mono_ns - exchange.opened.mono_ns
    asked = next((hop for hop in hops if hop.to is Party.CSMS and hop.name == "Authorize"), None)
    if asked is not None:
        answered = next(hop for hop in hops if hop.from_ is Party.CSMS and hop.to is Party.STATION)
        inside += answered.mono_ns - asked.mono_ns
    return inside / NS_PER_MS


async def main() -> None:
    options = Options(
        profile=Profile(), ocpp="127.0.0.1:0", api="127.0.0.1:0", mqtt="embedded", charger="sim", temporary=True
    )
    async with Demo(options, "pn532", ()) as demo:
        exchanges = []
        for number in range(TAPS):
            # Cards that the charger does not hold, so that each tap asks the CSMS.
            uid = ACCEPTED_UID if number == 0 else f"04{number:012X}"
            exchanges.append(await demo.tap(uid))
    inside = sorted(overhead_ms(exchange) for exchange in exchanges)
    total = sorted(exchange.total_ms or 0.0 for exchange in exchanges)
    p99 = inside[len(inside) * 99 // 100]
    print(f"{TAPS} taps: overhead p50 {statistics.median(inside):.2f} ms, p99 {p99:.2f} ms (aim 5)")
    half, whole = statistics.median(inside), statistics.median(total)
    print(f"whole tap p50 {whole:.2f} ms; overhead / whole tap {half / whole:.2f}")


if __name__ == "__main__":
    asyncio.run(main())
