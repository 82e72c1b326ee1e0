"""Moving the OCPP listener while the bench runs: the simulated charger follows, and a bad address changes nothing."""

from __future__ import annotations

import socket

import pytest

from bench.assembly import Bench, Options
from bench.errors import OperatorError


async def test_the_listener_moves_and_the_charger_follows() -> None:
    bench = Bench(Options(ocpp="127.0.0.1:0", mqtt="embedded", api="off", charger="sim", temporary=True))
    await bench.start()
    try:
        assert await bench.wait_ready(10) == []
        before = bench.session.server.url
        await bench.listen_on("127.0.0.1:0")
        assert bench.session.server.url != before
        assert await bench.wait_ready(10) == []
        assert bench.session.stations["CP-001"].connected
    finally:
        await bench.stop()


async def test_an_address_in_use_leaves_the_old_listener() -> None:
    bench = Bench(Options(ocpp="127.0.0.1:0", mqtt="off", api="off", charger="sim", temporary=True))
    await bench.start()
    try:
        assert await bench.wait_ready(10) == []
        before = bench.session.server.url
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            with pytest.raises(OperatorError, match="in use"):
                await bench.listen_on(f"127.0.0.1:{taken.getsockname()[1]}")
        assert bench.session.server.url == before
        assert await bench.wait_ready(10) == []
    finally:
        await bench.stop()
