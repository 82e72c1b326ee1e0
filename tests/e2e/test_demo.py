"""The demonstration, in this process and as the command a newcomer types."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pytest

from fixtures.demo import SITUATIONS, Demo
from tests.e2e.world import command, nothing_lost, options

# What each line must tell: token, verdict, who decided.
TOLD = {
    "accepted": ("04A2B3C4D5E680", "accepted", "store"),
    "blocked": ("04B10C4ED08280", "rejected", "store"),
    "unknown": ("04DEADBEEF0102", "rejected", "default"),
    "free": ("(no card)", "accepted", "josev"),
    "own-reader": ("5237AB3B", "accepted", "store"),
    "remote-start": ("8562ab54-58cb-44aa-a", "accepted", "operator"),
}


@pytest.mark.parametrize("version", ["2.1", "2.0.1", "1.6"])
@pytest.mark.parametrize("model", ["pn532", "ascii"])
async def test_every_situation_comes_out_as_it_must(tmp_path: Path, model: str, version: str) -> None:
    demo = Demo(
        options(tmp_path, mqtt="embedded:0", charger="sim", version=version, readers=()), model, tuple(SITUATIONS)
    )
    async with demo:
        told = {line.split()[0]: (line, good) async for line, good in demo.play(asyncio.Event())}

    assert list(told) == list(SITUATIONS)
    assert [line for line, good in told.values() if not good] == []
    nothing_lost(demo.session)


@pytest.mark.parametrize(
    "more",
    [(), ("--charger-version", "1.6", "--reader-model", "ascii"), ("--charger-version", "2.1")],
    ids=["plain", "1.6-ascii", "2.1"],
)
def test_headless_prints_a_line_per_exchange_and_ends_with_0(tmp_path: Path, more: tuple[str, ...]) -> None:
    done = command(tmp_path, "demo", "--headless", *more)

    assert done.returncode == 0, done.stderr
    lines = {line.split()[0]: line for line in done.stdout.splitlines()}
    assert list(lines) == list(TOLD)
    for name, (token, verdict, decided_by) in TOLD.items():
        line = lines[name]
        assert f" {token}" in line
        assert f"  {verdict}  by {decided_by}: " in line
        hops = line[line.index("[") + 1 : line.rindex("]")].split(" | ")
        assert len(hops) >= 3
        assert all(re.search(r" \d+\.\d$", hop) for hop in hops), hops  # milliseconds
        assert re.search(r"  \d+\.\d ms  \[", line)
    assert done.stderr == ""


def test_one_situation_only_and_an_unknown_one(tmp_path: Path) -> None:
    done = command(tmp_path, "demo", "--headless", "--situation", "blocked")
    assert (done.returncode, len(done.stdout.splitlines())) == (0, 1)

    accepted = command(tmp_path, "demo", "--headless", "--situation", "unknown", "--unknown", "accept")
    assert (accepted.returncode, "accepted by the profile" in accepted.stdout) == (0, True)

    refused = command(tmp_path, "demo", "--headless", "--situation", "dancing")
    assert refused.returncode == 2
    assert refused.stderr.splitlines()[-1].startswith("authbench: there is no situation dancing; choose from accepted")
