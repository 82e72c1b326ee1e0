"""A load generator for Authorize: N stations on raw sockets, each sends its next call when the answer is in.

It costs far less per message than any server measured, so the server is the bottleneck. Run as a process of its own:
``python load.py HOST PORT STATIONS SECONDS PATH_PREFIX`` prints ``connected``, waits for a line, then prints answers per second and
the percentiles of one answer's time.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import sys
import time


def masked_text(payload: bytes) -> bytes:
    """One masked WebSocket text frame; the mask is zero, so the payload stays as it is (RFC 6455 section 5.2)."""
    size = len(payload)
    header = bytes([0x81, 0x80 | size]) if size < 126 else bytes([0x81, 0xFE]) + size.to_bytes(2, "big")
    return header + b"\0\0\0\0" + payload


def count_frames(buffer: bytearray) -> int:
    """Remove whole frames of a server from the buffer; how many text frames there were."""
    texts = 0
    while len(buffer) >= 2:
        size, at = buffer[1] & 0x7F, 2
        if size == 126:
            if len(buffer) < 4:
                break
            size, at = int.from_bytes(buffer[2:4], "big"), 4
        if len(buffer) < at + size:
            break
        texts += (buffer[0] & 0x0F) == 1
        del buffer[: at + size]
    return texts


class Station(asyncio.Protocol):
    """Handshake, BootNotification, then Authorize after Authorize until told to stop."""

    def __init__(self, path: str, host: str) -> None:
        self.path, self.host = path, host
        self.buffer = bytearray()
        self.open = asyncio.get_running_loop().create_future()
        self.running = False
        self.times: list[float] = []
        self.count = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        key = base64.b64encode(os.urandom(16)).decode()
        transport.write(
            f"GET {self.path} HTTP/1.1\r\nHost: {self.host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: ocpp2.0.1\r\n\r\n".encode()
        )

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        if not self.open.done():
            end = self.buffer.find(b"\r\n\r\n")
            if end < 0:
                return
            assert self.buffer.startswith(b"HTTP/1.1 101"), bytes(self.buffer[:200])
            del self.buffer[: end + 4]
            self.open.set_result(None)
        for _ in range(count_frames(self.buffer)):
            self.times.append(time.perf_counter() - self.sent)
            if self.running:
                self.send()

    def send(self) -> None:
        self.count += 1
        call = [2, f"{self.count:08d}", "Authorize", {"idToken": {"idToken": "04A2B3C4D5E680", "type": "ISO14443"}}]
        self.sent = time.perf_counter()
        self.transport.write(masked_text(json.dumps(call, separators=(",", ":")).encode()))


async def main(host: str, port: int, count: int, seconds: float, prefix: str) -> None:
    loop = asyncio.get_running_loop()
    stations = []
    for number in range(count):
        _, station = await loop.create_connection(
            lambda n=number: Station(f"{prefix}/B-{n:03d}", f"{host}:{port}"), host, port
        )
        await station.open
        stations.append(station)
    print("connected", flush=True)
    await loop.run_in_executor(None, sys.stdin.readline)
    for warm_up in (True, False):
        for station in stations:
            station.times.clear()
            station.running = True
            station.send()
        begun = time.perf_counter()
        await asyncio.sleep(seconds / 4 if warm_up else seconds)
        took = time.perf_counter() - begun
        times = sorted(t for station in stations for t in station.times)
        for station in stations:
            station.running = False
        await asyncio.sleep(0.3)
    print(
        json.dumps(
            {
                "rate": len(times) / took,
                "p50_ms": times[len(times) // 2] * 1e3,
                "p99_ms": times[len(times) * 99 // 100] * 1e3,
            }
        )
    )
    for station in stations:
        station.transport.abort()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4]), sys.argv[5]))
