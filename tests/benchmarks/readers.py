"""How fast each reader driver swallows noise, and whether its memory stays flat; a card after the noise is still read.

Three kinds: bytes at random, lines at random (what a modem or a boot loader says), and bytes that look like the starts of frames.
Lengths are of each kind. The ratio is that of a driver to a plain search for two bytes in the same noise.

``python -m tests.benchmarks.readers [MEGABYTES] [DRIVER]...``
"""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Iterator

from bench.clock import Stamp
from devices.rfid.driver import DriverInfo
from devices.rfid.drivers import all_drivers

MEGABYTES = 16
CHUNK = 4096
BLOCK = 1 << 20
NS_PER_BYTE = 86_805  # at 115,200 baud
STARTS = bytes([0x00, 0xFF, 0x02, 0x03, 0xBA, 0xBD, 0xAA, 0xBB, 0xCD, 0xDC, 0x30, 0x0D])


def kinds() -> dict[str, bytes]:
    chance = random.Random(20261121)
    letters = bytes(range(0x20, 0x7F)) + b"\r\n\r\n"
    return {
        "any bytes": chance.randbytes(BLOCK),
        "lines": bytes(chance.choices(letters, k=BLOCK)),
        "starts": bytes(chance.choices(STARTS, k=BLOCK)),
    }


def resident_kb() -> int:
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))


def chunks(block: bytes, megabytes: int) -> Iterator[tuple[bytes, Stamp]]:
    at_ns = 0
    for turn in range(megabytes):
        shifted = block[turn % 251 :] + block[: turn % 251]  # no frame may lie across the same border twice
        for start in range(0, BLOCK, CHUNK):
            at_ns += CHUNK * NS_PER_BYTE
            yield shifted[start : start + CHUNK], Stamp(at_ns, at_ns)


def swallow(info: DriverInfo, block: bytes, megabytes: int) -> tuple[float, int, int]:
    """Megabytes a second, kB grown, and events."""
    driver = info.make(info.choose({}))
    events = 0
    before = 0
    took = time.process_time()
    for number, (data, at) in enumerate(chunks(block, megabytes)):
        events += len(driver.feed(data, at)) + len(driver.tick(at))
        driver.poll(at.mono_ns)
        if number == BLOCK // CHUNK:  # the first megabyte has filled what is bounded
            before = resident_kb()
    took = time.process_time() - took
    events += len(driver.end())
    return megabytes / took, resident_kb() - before, events


def plain(block: bytes, megabytes: int) -> float:
    took = time.process_time()
    for data, _ in chunks(block, megabytes):
        data.find(b"\x00\xff")
        bytes(data)
    return megabytes / (time.process_time() - took)


def main(megabytes: int, names: list[str]) -> None:
    drivers = {name: info for name, info in sorted(all_drivers().items()) if not names or name in names}
    for kind, block in kinds().items():
        base = plain(block, megabytes)
        print(f"{kind}: {megabytes} MB, a plain search {base:,.0f} MB/s")
        for name, info in drivers.items():
            rate, grown, events = swallow(info, block, megabytes)
            print(f"  {name:20} {rate:8.1f} MB/s  ratio {rate / base:.4f}  grown {grown:6} kB  {events:,} events")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else MEGABYTES, sys.argv[2:])
