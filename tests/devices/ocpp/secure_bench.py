"""A server of each security profile, with certificates of its own, and stations that dial it."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from websockets.asyncio.client import connect
from websockets.sync.client import connect as connect_sync

from bench.settings import SecuritySettings
from devices.ocpp.certificates import Made, make
from devices.ocpp.csms import CsmsServer
from devices.ocpp.tls import server_tls
from tests.devices.ocpp.bench_sink import DEADLINE_S, BenchSink

PASSWORD = "correct-horse-battery"
BOOT_16 = '[2,"b","BootNotification",{"chargePointVendor":"V","chargePointModel":"M","chargePointSerialNumber":"%s"}]'


def settings(profile: int, made: tuple[Made, ...]) -> SecuritySettings:
    ca, server = made[0], made[1]
    return SecuritySettings(profile=profile, certificate=server.certificate, key=server.key, station_ca=ca.certificate)


def fresh(folder: Path, *stations: str, days: int = 10) -> tuple[Made, ...]:
    return make(folder, stations=stations, days=days)


@asynccontextmanager
async def serving(profile: int, made: tuple[Made, ...] = ()) -> AsyncIterator[BenchSink]:
    """A bench of that profile; ``CP-1`` has a password, no other station has."""
    engine = BenchSink()
    server = CsmsServer(
        "127.0.0.1",
        0,
        stations_allowed=lambda station: True,
        tls=server_tls(settings(profile, made)) if profile >= 2 else None,
        password_of={"CP-1": PASSWORD}.get if profile in (1, 2) else None,
    )
    engine.server = server
    await server.start(engine)
    try:
        yield engine
    finally:
        await server.stop()
        assert not server._connections


def client_tls(ca: Path, own: Made | None = None) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(ca))
    if own is not None:
        context.load_cert_chain(own.certificate, own.key)
    return context


async def boot(
    sink: BenchSink, context: ssl.SSLContext | None, login: str = "", station: str = "CP-1", serial: str = "S-1"
) -> str:
    """Dial and boot; the answer."""
    async with connect(url_of(sink, login, station), subprotocols=["ocpp1.6"], ssl=context) as client:  # type: ignore[list-item]
        await client.send(BOOT_16 % serial)
        async with asyncio.timeout(DEADLINE_S):
            return str(await client.recv())


async def dial_blocking(sink: BenchSink, context: ssl.SSLContext | None, host: str = "127.0.0.1") -> Exception:
    """Dial with blocking sockets, whose TLS sends its alerts; the error it ended with."""

    def dial() -> Exception:
        try:
            url = url_of(sink).replace("127.0.0.1", host)
            with connect_sync(url, subprotocols=["ocpp1.6"], ssl=context, open_timeout=DEADLINE_S) as client:  # type: ignore[list-item]
                client.recv(DEADLINE_S)
        except Exception as error:  # noqa: BLE001 - it is the result
            return error
        raise AssertionError("it was let in")

    return await asyncio.to_thread(dial)


def url_of(sink: BenchSink, login: str = "", station: str = "CP-1") -> str:
    scheme, _, rest = sink.server.url.partition("://")
    return f"{scheme}://{login + '@' if login else ''}{rest}/{station}"
