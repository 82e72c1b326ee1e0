"""Authorize answers a second at 1, 50 and 1,000 stations, and memory per station: the bench, a CSMS of the plain ``ocpp`` package
(as it comes, and with its validation in line), a bare websockets responder.

The three are measured in turn, several rounds, each server in a process of its own; the ratio of the medians is printed.
The bench validates, decides from a store, keeps exchanges and records every message.

``python -m tests.benchmarks.authorize [STATIONS]...``
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

HERE = Path(__file__).parent
ROUNDS = 3
SECONDS = 3.0


async def serve_bench() -> None:
    from bench.assembly import Bench, Options
    from bench.settings import BusSettings, Profile
    from fixtures.samples import sample_tokens

    with tempfile.TemporaryDirectory() as folder:
        options = Options(
            profile=Profile(bus=BusSettings(url="off")),
            ocpp="127.0.0.1:0",
            api="off",
            store=f"{folder}/tokens.db",
            capture=Path(folder) / "capture.db",
        )
        bench = Bench(options)
        await bench.start()
        await bench.session.store.put_many(sample_tokens())
        print(bench.session.server.url.rpartition(":")[2], flush=True)
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
        counters = bench.session.counters()
        await bench.stop()
        assert bench.session.capture.recorded == counters["messages"] or bench.session.capture.dropped == 0
        print(json.dumps(counters), flush=True)


async def serve_package(*, threads: bool = True) -> None:
    from ocpp import charge_point
    from ocpp.routing import on
    from ocpp.v201 import ChargePoint, call_result
    from websockets.asyncio.server import serve

    # As it comes, the package hands every validation to a thread; in line it is faster.
    charge_point.ASYNC_VALIDATION = threads

    class Csms(ChargePoint):
        @on("Authorize")
        def on_authorize(self, id_token: dict[str, str], **_: object) -> call_result.Authorize:
            return call_result.Authorize(id_token_info={"status": "Accepted"})

    async def handle(connection: object) -> None:
        with contextlib.suppress(Exception):  # the load generator leaves without a closing handshake
            await Csms("B", connection).start()

    async with serve(handle, "127.0.0.1", 0, subprotocols=["ocpp2.0.1"]) as server:
        print(server.sockets[0].getsockname()[1], flush=True)
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


async def serve_bare() -> None:
    from websockets.asyncio.server import serve

    async def handle(connection: object) -> None:
        with contextlib.suppress(Exception):
            async for text in connection:
                call = json.loads(text)
                await connection.send(json.dumps([3, call[1], {"idTokenInfo": {"status": "Accepted"}}]))

    async with serve(handle, "127.0.0.1", 0, subprotocols=["ocpp2.0.1"]) as server:
        print(server.sockets[0].getsockname()[1], flush=True)
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


SERVERS = {
    "bench": serve_bench,
    "package": serve_package,
    "in line": lambda: serve_package(threads=False),
    "bare": serve_bare,
}


def resident_kb(pid: int) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1])
    return 0


def measure(server: str, stations: int) -> dict[str, float]:
    """Start one server, load it, end it. kb: what it grew by while the stations were connected and idle, for each of them."""
    command = [sys.executable, __file__, server]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        port = process.stdout.readline().strip()
        empty = resident_kb(process.pid)
        load = [sys.executable, str(HERE / "load.py"), "127.0.0.1", port, str(stations), str(SECONDS), ""]
        with subprocess.Popen(load, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as generator:
            assert generator.stdout is not None
            try:
                assert generator.stdout.readline() == "connected\n"
                grown = resident_kb(process.pid) - empty
                said, _ = generator.communicate("go\n", timeout=60)
            finally:
                generator.kill()
                process.communicate(timeout=60)
    return json.loads(said) | {"kb": grown / stations}


def main(counts: Sequence[int]) -> None:
    for stations in counts:
        found: dict[str, list[dict[str, float]]] = {name: [] for name in SERVERS}
        for _ in range(ROUNDS):
            for name, results in found.items():
                results.append(measure(name, stations))
        rate = {name: statistics.median(r["rate"] for r in results) for name, results in found.items()}
        p99 = {name: statistics.median(r["p99_ms"] for r in results) for name, results in found.items()}
        kb = {name: statistics.median(r["kb"] for r in results) for name, results in found.items()}
        for name in SERVERS:
            told = f"{rate[name]:9.0f} answers/s  p99 {p99[name]:7.2f} ms  {kb[name]:6.0f} kB a station"
            print(f"{stations:4} stations  {name:8} {told}")
        aims = (2.0, 0.5) if stations == 1 else (4.0, 0.6)
        print(f"{stations:4} stations  bench / package {rate['bench'] / rate['package']:.2f} (aim {aims[0]})")
        print(f"{stations:4} stations  bench / package in line {rate['bench'] / rate['in line']:.2f}")
        print(f"{stations:4} stations  bench / bare    {rate['bench'] / rate['bare']:.2f} (aim {aims[1]})")


if __name__ == "__main__":
    sys.path.insert(0, str(HERE.parents[1]))
    if sys.argv[1:2] and sys.argv[1] in SERVERS:
        asyncio.run(SERVERS[sys.argv[1]]())
    else:
        main([int(count) for count in sys.argv[1:]] or (1, 50, 1000))
