"""A flood on the Josev bus with the window open: is every message recorded, and does the window go on answering?

A publisher process sends ready-made packets over one socket at a given rate, through a real mosquitto. The same publisher feeds a
bare paho subscriber first, which only counts: what the bench adds is the ratio between the two.

``python -m tests.benchmarks.flood [RATE] [SECONDS]``
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from bench.clock import stamp
from tests.mosquitto import Mosquitto

ROOT = Path(__file__).parents[2]
TOPIC = b"josev/cs"
BURST_S = 0.005
TICK_S = 0.005
DRAIN_LIMIT_S = 240.0


def packet(number: int) -> bytes:
    """One MQTT 3.1.1 PUBLISH, QoS 0: a transaction_status update of Josev."""
    body = json.dumps(
        {
            "id": f"{number:08x}-0000-4000-8000-000000000000",
            "name": "transaction_status",
            "type": "update",
            "data": {"status": "in_progress", "transaction_id": f"TX-{number % 32}", "evse_id": "GB*SEV*E123456789"},
        },
        separators=(",", ":"),
    ).encode()
    content = len(TOPIC).to_bytes(2, "big") + TOPIC + body
    size, length = len(content), bytearray()
    while True:
        size, digit = divmod(size, 128)
        length.append(digit | (0x80 if size else 0))
        if not size:
            return b"\x30" + bytes(length) + content


def publish(port: int, rate: int, count: int) -> None:
    """Send ``count`` packets at ``rate`` a second, then say goodbye; prints the seconds it took."""
    with socket.create_connection(("127.0.0.1", port)) as link:
        link.sendall(b"\x10\x15\x00\x04MQTT\x04\x02\x00\x00\x00\x09publisher")
        link.recv(4)
        began = time.perf_counter()
        sent = 0
        while sent < count:
            due = min(count, int((time.perf_counter() - began + BURST_S) * rate))
            if due > sent:
                link.sendall(b"".join(map(packet, range(sent, due))))
                sent = due
            time.sleep(BURST_S)
        print(time.perf_counter() - began, flush=True)
        link.sendall(b"\xe0\x00")


def start_publisher(port: int, rate: int, count: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.benchmarks.flood", "--publish", str(port), str(rate), str(count)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)


def bare(port: int, rate: int, count: int) -> float:
    """Seconds from the first to the last message for a subscriber that only counts."""
    from paho.mqtt.client import Client
    from paho.mqtt.enums import CallbackAPIVersion

    seen, first, last, ready, done = 0, 0.0, 0.0, threading.Event(), threading.Event()

    def heard(client: Client, userdata: object, message: object) -> None:
        nonlocal seen, first, last
        last = time.perf_counter()
        first = first or last
        seen += 1
        if seen == count:
            done.set()

    client = Client(CallbackAPIVersion.VERSION2, "bare")
    client.on_message = heard
    client.on_subscribe = lambda *rest: ready.set()
    client.connect("127.0.0.1", port)
    client.subscribe(TOPIC.decode(), 1)
    client.loop_start()
    ready.wait(10)
    start_publisher(port, rate, count)
    if not done.wait(DRAIN_LIMIT_S):
        print(f"  bare subscriber: only {seen:,} of {count:,} arrived")
    client.disconnect()
    client.loop_stop()
    return last - first


class Stalls:
    """How late the window's loop runs a timer: what a person feels as the window not answering."""

    def __init__(self) -> None:
        self.late_ms: list[float] = []

    async def watch(self) -> None:
        while True:
            due = stamp().mono_ns + int(TICK_S * 1e9)
            await asyncio.sleep(TICK_S)
            self.late_ms.append(max(0.0, (stamp().mono_ns - due) / 1e6))

    def told(self) -> str:
        late = sorted(self.late_ms)
        return f"p50 {late[len(late) // 2]:.1f} ms, p99 {late[len(late) * 99 // 100]:.1f} ms, longest {late[-1]:.1f} ms"


def resident_mb() -> float:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024
    return 0.0


async def flood(window: object, folder: Path, broker: Mosquitto, rate: int, count: int) -> float:
    from bench.assembly import Bench
    from bench.journal.capture import CaptureReader
    from bench.tasks import Tasks
    from tests.e2e.world import options

    bench = Bench(options(folder, mqtt=broker.url))
    await bench.start()
    await bench.wait_ready()
    tasks = Tasks()
    window.attach(bench.session, tasks)
    await asyncio.sleep(1)  # what is imported at the first flush is no stall of a flood
    stalls = Stalls()
    watching = asyncio.create_task(stalls.watch())
    journal, capture = bench.session.journal, bench.session.capture
    before = journal.head
    publisher = start_publisher(broker.port, rate, count)
    began = stamp().mono_ns
    while journal.head - before < count and stamp().mono_ns - began < DRAIN_LIMIT_S * 1e9:
        await asyncio.sleep(0.02)  # what is measured should not also report
    heard_s = (stamp().mono_ns - began) / 1e9
    while capture.pending and stamp().mono_ns - began < DRAIN_LIMIT_S * 1e9:
        await asyncio.sleep(0.02)
    recorded_s = (stamp().mono_ns - began) / 1e9
    sent_s = float(publisher.communicate(timeout=60)[0])
    watching.cancel()
    memory = resident_mb()
    await tasks.cancel()
    await bench.stop()
    with CaptureReader(folder / "capture.db") as reader:
        kept = reader.count() - before - 1  # the link's going down is a message too
        gaps = reader.gaps()
    heard = journal.head - before
    print(
        f"  published {count:,} in {sent_s:.1f} s; heard {heard:,} after {heard_s:.1f} s, recorded after {recorded_s:.1f} s"
    )
    print(f"  in the capture: {kept:,} of {count:,}, gaps {len(gaps)}; memory {memory:.0f} MB")
    print(f"  the window's loop was late by {stalls.told()} (aim p99 50)")
    return heard_s


def main() -> None:
    if sys.argv[1:2] == ["--publish"]:
        publish(*map(int, sys.argv[2:5]))
        return
    rate = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    seconds = float(sys.argv[2]) if len(sys.argv) > 2 else 10.0
    count = int(rate * seconds)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        broker = Mosquitto(folder, config="allow_anonymous true\nmax_queued_messages 0")
        broker.start()
        try:
            print(f"{rate:,} messages a second for {seconds:g} s")
            alone = bare(broker.port, rate, count)
            print(f"  a bare paho subscriber has all after {alone:.1f} s")
            from ui.loop import make_loop
            from ui.window import make_window

            app, window = make_window(remember=False, size=(1280, 800))
            window.show()
            window.workspace.show_panel(window.workspace.messages)  # all of it is built before anything is measured
            app.processEvents()
            loop = make_loop()
            asyncio.set_event_loop(loop)
            ours = loop.run_until_complete(flood(window, folder, broker, rate, count))
            window.release()
            print(f"  bench / bare subscriber {ours / alone:.2f}")
        finally:
            broker.kill()


if __name__ == "__main__":
    main()
