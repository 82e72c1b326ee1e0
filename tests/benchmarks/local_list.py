"""The local list: what differs between two lists of 100,000 entries, and the push of such a list to the simulated 2.0.1 station
over loopback, beside a bare websockets server that sends it the same messages and waits for the same answers.

The two are measured in turn, several rounds, station and server each in a process of its own; the ratio of the medians is printed.
The bench validates, keeps every message before it is sent, and records all of it.

``python -m tests.benchmarks.local_list [ENTRIES [ROUNDS]]``
"""

from __future__ import annotations

import asyncio
import itertools
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
ITEMS = 100
ROUNDS = 3
NOW = datetime(2030, 1, 1, tzinfo=UTC)


def tokens(count: int) -> list[Any]:
    from bench.tokens.model import Token

    return [Token(f"{n:014X}", "GB", "TWK", "GBTWK012345678V", "x", group_id="fleet") for n in range(count)]


async def serve_bench(count: int) -> None:
    from bench.assembly import Bench, Options
    from bench.settings import BusSettings, Profile

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
        session = bench.session
        await session.store.put_many(tokens(count))
        booted = asyncio.Event()

        def changed(change: object, key: object) -> None:
            if any(station.boot == "Accepted" for station in session.stations.values()):
                booted.set()

        session.subscribe(changed)
        print(session.server.url.rpartition(":")[2], flush=True)
        await booted.wait()
        began, busy = time.perf_counter(), time.process_time()
        report = await session.push_list("CP-001", "full")
        took = {"seconds": time.perf_counter() - began, "cpu": time.process_time() - busy}
        assert report.ok, report.text
        print(json.dumps(took), flush=True)
        await bench.stop()


async def serve_bare(count: int) -> None:
    from websockets.asyncio.server import ServerConnection, serve

    from bench.station import ListLimits
    from bench.tokens.list_entries import payload, wanted
    from bench.tokens.list_parts import parts

    entries = list(wanted("2.0.1", tokens(count), NOW).entries.values())
    split = parts("2.0.1", entries, "Full", ListLimits(ITEMS, 65_536), 2**31 - 1).parts
    done: asyncio.Future[dict[str, float]] = asyncio.get_running_loop().create_future()

    async def push(connection: ServerConnection) -> None:
        """As the station answers its boot, then the list."""
        numbers = itertools.count()
        waiting: dict[str, asyncio.Future[Any]] = {}

        async def call(action: str, made: object) -> Any:
            call_id = str(next(numbers))
            answer = waiting[call_id] = asyncio.get_running_loop().create_future()
            await connection.send(json.dumps([2, call_id, action, made]))
            return await answer

        async def send_list() -> None:
            began, busy = time.perf_counter(), time.process_time()
            for number, some in enumerate(split, 1):
                kind = "Full" if number == 1 else "Differential"
                assert (await call("SendLocalList", payload("2.0.1", number, some, kind)))["status"] == "Accepted"
                assert (await call("GetLocalListVersion", {}))["versionNumber"] == number
            done.set_result({"seconds": time.perf_counter() - began, "cpu": time.process_time() - busy})

        sending: asyncio.Task[None] | None = None
        async for text in connection:
            message = json.loads(text)
            if message[0] == 3:
                waiting.pop(message[1]).set_result(message[2])
                continue
            boot = {"currentTime": "2030-01-01T00:00:00Z", "interval": 300, "status": "Accepted"}
            await connection.send(json.dumps([3, message[1], boot if message[2] == "BootNotification" else {}]))
            if sending is None and message[2] == "StatusNotification":
                sending = asyncio.get_running_loop().create_task(send_list())

    async with serve(push, "127.0.0.1", 0, subprotocols=["ocpp2.0.1"]) as server:  # type: ignore[list-item]
        print(server.sockets[0].getsockname()[1], flush=True)
        print(json.dumps(await done), flush=True)


async def charge(port: int, count: int) -> None:
    from fixtures.charger.behaviour import Behaviour
    from fixtures.charger.charger import SimulatedCharger

    behaviour = Behaviour(list_capacity=count, items_per_message=ITEMS)
    charger = SimulatedCharger(None, f"ws://127.0.0.1:{port}", behaviour=behaviour)
    await charger.start()
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    await charger.stop()


ROLES: dict[str, Callable[..., Any]] = {"bench": serve_bench, "bare": serve_bare, "charger": charge}


def measure(server: str, count: int) -> dict[str, float]:
    """Seconds of one push, and of the server's processor time in it, which a busy machine changes little."""
    command = [sys.executable, __file__, server, str(count)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        port = process.stdout.readline().strip()
        charger = [sys.executable, __file__, "charger", port, str(count)]
        with subprocess.Popen(charger, stdin=subprocess.PIPE, text=True) as station:
            try:
                said: dict[str, float] = json.loads(process.stdout.readline())
            finally:
                station.communicate(timeout=60)
                process.wait(timeout=60)
    return said


def best(job: Callable[[], object], rounds: int = 5) -> float:
    """Milliseconds of the median round."""
    took = []
    for _ in range(rounds):
        began = time.perf_counter()
        job()
        took.append((time.perf_counter() - began) * 1000)
    return statistics.median(took)


def diff(count: int) -> None:
    import orjson

    from bench.tokens.list_changes import changes
    from bench.tokens.list_entries import Key, wanted
    from bench.tokens.list_rows import rows
    from bench.tokens.list_shadow import Chunk, Shadow

    made = wanted("2.0.1", tokens(count), NOW)
    held: dict[Key, Any] = {key: orjson.loads(orjson.dumps(entry)) for key, entry in made.entries.items()}
    for key in list(held)[::100]:
        held[key]["idTokenInfo"]["status"] = "Blocked"
    for key in list(held)[50::100]:
        del held[key]
    shadow = Shadow(False)
    shadow.restore([Chunk(1, True, list(held.values()))], 1, "")
    store = tokens(count)
    print(f"{count} entries against {len(held)}: {len(changes(held, made.entries))} changes", flush=True)
    print(f"what differs            {best(lambda: changes(held, made.entries)):7.0f} ms (aim 200)")
    print(f"every entry, in order   {best(lambda: rows(shadow, made)):7.0f} ms")
    print(f"the list out of a store {best(lambda: wanted('2.0.1', store, NOW)):7.0f} ms")


def main(count: int, rounds: int) -> None:
    diff(count)
    found: dict[str, list[dict[str, float]]] = {"bench": [], "bare": []}
    for _ in range(rounds):
        for name, took in found.items():
            took.append(measure(name, count))
    median = {name: statistics.median(one["seconds"] for one in took) for name, took in found.items()}
    for name, seconds in median.items():
        cpu = statistics.median(one["cpu"] for one in found[name])
        print(f"push of {count} entries, {ITEMS} a message  {name:5} {seconds:6.2f} s  (processor time {cpu:.2f} s)")
    print(f"bench / bare {median['bench'] / median['bare']:.2f} (aim 1.5)")


if __name__ == "__main__":
    sys.path.insert(0, str(HERE.parents[1]))
    if sys.argv[1:2] and sys.argv[1] in ROLES:
        asyncio.run(ROLES[sys.argv[1]](*(int(each) for each in sys.argv[2:])))
    else:
        given = [int(each) for each in sys.argv[1:]]
        main(given[0] if given else 100_000, given[1] if len(given) > 1 else ROUNDS)
