"""Noise without end on the drivers whose reader is asked: no exception, and no memory that grows."""

from __future__ import annotations

import random
import tracemalloc

import pytest

from bench.clock import Stamp
from devices.rfid.driver import Frame
from tests.devices.rfid.driver_play import Play

NOW = Stamp(0, 0)
CHUNK = 4096
NOISE = {
    "random bytes": random.Random(5).randbytes(64 * CHUNK),
    "heads of frames": b"\xbd\x40\x01\xaa\xbb\x40\x00\x00\x00" * 8_000,
    "the same head": b"\xaa" * 64 * CHUNK,
    "hex without an end": b"0001" * 16 * CHUNK,
    "lines that are almost answers": (b"0001" * 60 + b"1\r") * 500,
}


@pytest.mark.parametrize("noise", NOISE)
@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("stronglink", {}),
        ("stronglink_aabb", {}),
        ("twn4", {"firmware": "simple", "crc": "off"}),
        ("twn4", {"firmware": "simple", "crc": "on"}),
        ("twn4", {"firmware": "push"}),
    ],
)
def test_noise_holds_memory_flat(name: str, options: dict[str, str], noise: str) -> None:
    driver = Play(name, **options).driver
    driver.poll(0)
    raw = NOISE[noise]
    chunks = [raw[at : at + CHUNK] for at in range(0, len(raw), CHUNK)]
    told = 0

    def flood() -> int:
        return sum(len(event.raw) for chunk in chunks for event in driver.feed(chunk, NOW) if isinstance(event, Frame))

    tracemalloc.start()
    try:
        told = flood()
        before = tracemalloc.get_traced_memory()[0]
        told += flood()
        grown = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert grown < 16_384
    assert told > 2 * len(raw) - 3 * CHUNK
