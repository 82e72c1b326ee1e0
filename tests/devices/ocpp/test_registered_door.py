"""Stations that were registered with credentials of their own, at a door of every security profile."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from websockets.datastructures import Headers
from websockets.exceptions import InvalidStatus

from bench.maeve.model import StationAuth
from devices.ocpp import registered
from devices.ocpp.certificates import Made
from devices.ocpp.csms import CsmsServer
from devices.ocpp.dial import basic_auth_header
from devices.ocpp.handshake import Refusal
from devices.ocpp.tls import server_tls
from tests.devices.ocpp.bench_sink import BenchSink
from tests.devices.ocpp.secure_bench import PASSWORD, boot, client_tls, fresh, settings

HASHED = base64.b64encode(hashlib.sha256(PASSWORD.encode()).digest()).decode()


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Made, ...]:
    return fresh(tmp_path_factory.mktemp("certificates"), "CP-1")


@asynccontextmanager
async def door(profile: int, made: tuple[Made, ...], auth: StationAuth) -> AsyncIterator[BenchSink]:
    """A listener of that profile where only ``CP-1`` is known, and registered that way."""
    engine = BenchSink()
    server = CsmsServer(
        "127.0.0.1",
        0,
        stations_allowed=lambda station: False,
        tls=server_tls(settings(profile, made)) if profile >= 2 else None,
        password_of={"CP-1": "of the keyring"}.get if profile in (1, 2) else None,
        registered=lambda station: auth if station == "CP-1" else None,
    )
    engine.server = server
    await server.start(engine)
    try:
        yield engine
    finally:
        await server.stop()


@pytest.mark.parametrize("listener", [0, 1, 2, 3])
@pytest.mark.parametrize("profile", [0, 1, 2])
async def test_it_must_come_as_it_was_registered(made: tuple[Made, ...], listener: int, profile: int) -> None:
    ca, _, own = made
    tls = client_tls(ca.certificate, own if listener == 3 else None) if listener >= 2 else None
    fits = {0: profile == 0, 1: profile == 0, 2: profile == 1, 3: profile in (1, 2)}[listener]
    async with door(listener, made, StationAuth(profile, HASHED)) as engine:
        if fits:
            assert "Accepted" in await boot(engine, tls, f"CP-1:{PASSWORD}")
            assert engine.opened[0].security_profile == profile + 1
            assert not engine.findings
        else:
            with pytest.raises(InvalidStatus, match="403"):
                await boot(engine, tls, f"CP-1:{PASSWORD}")
            assert "security profile" in engine.texts[-1]
        with pytest.raises(InvalidStatus, match="404"):
            await boot(engine, tls, f"CP-2:{PASSWORD}", "CP-2")


def extra(**known: object) -> Callable[[str], object]:
    return known.get


def judged(auth: StationAuth, headers: Headers) -> Refusal | None:
    return registered.judge("CP-1", auth, headers, extra())


def login(user: str, password: str) -> Headers:
    return Headers(Authorization=basic_auth_header(user, password))


def test_its_password_is_compared_by_its_hash_and_its_user_where_that_counts() -> None:
    auth = StationAuth(0, HASHED)
    assert judged(auth, login("CP-1", PASSWORD)) is None
    assert judged(StationAuth(0, HASHED, True), login("whoever", PASSWORD)) is None
    for headers, rule in (
        (login("CP-1", "wrong"), "ocpp.basic-auth-password"),
        (login("CP-1", HASHED), "ocpp.basic-auth-password"),
        (login("whoever", PASSWORD), "ocpp.basic-auth-user"),
        (Headers(), "ocpp.basic-auth-missing"),
        (Headers(Authorization="Basic x"), "ocpp.basic-auth-malformed"),
    ):
        refusal = judged(auth, headers)
        assert refusal is not None
        assert (refusal.status, refusal.rule) == (401, rule)
        assert PASSWORD not in refusal.body
        assert HASHED not in refusal.body


@pytest.mark.parametrize("kept", [None, "", "not base64!", base64.b64encode(b"short").decode()])
def test_without_a_password_that_fits_nobody_comes_in(kept: str | None) -> None:
    for password in ("", "x", PASSWORD):
        assert judged(StationAuth(0, kept), login("CP-1", password)) is not None
