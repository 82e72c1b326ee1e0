"""Security at both doors of the proxy: who is let in, whom it dials, and what is told of whom not."""

from __future__ import annotations

import asyncio
import ssl
import warnings
from pathlib import Path

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from devices.ocpp.certificates import Made
from devices.ocpp.tls import server_tls
from tests.devices.ocpp.bench_sink import BenchSink
from tests.devices.ocpp.proxy_bench import ProxyBench, proxied
from tests.devices.ocpp.secure_bench import PASSWORD, boot, client_tls, dial_blocking, fresh, settings
from tests.devices.ocpp.test_csms_tls import certificate

__all__ = ["certificate"]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Made, ...]:
    """CA, server, and the station CP-1."""
    return fresh(tmp_path_factory.mktemp("tls"), "CP-1")


@pytest.fixture(scope="module")
def foreign(tmp_path_factory: pytest.TempPathFactory) -> tuple[Made, ...]:
    """The same of another CA."""
    return fresh(tmp_path_factory.mktemp("foreign"), "CP-1")


async def one_finding(sink: BenchSink, rule: str, severity: str = "fail") -> str:
    await sink.until(lambda: sink.findings)
    assert sink.findings == [(rule, severity)]
    return sink.texts[0]


# The station's side


async def test_profile_1_checks_a_password_that_is_ours_and_passes_on_any_other() -> None:
    async with proxied(password_of={"CP-1": PASSWORD}.get) as bench:
        assert '"Accepted"' in await boot(bench.here, None, f"CP-1:{PASSWORD}")
        assert '"Accepted"' in await boot(bench.here, None, "CP-2:whatever-its-csms-knows", "CP-2")
        assert '"Accepted"' in await boot(bench.here, None, "", "CP-3")  # its CSMS is the judge
        assert bench.here.findings == []
        assert [opened.user for opened in bench.csms.opened] == ["CP-1", "CP-2", None]


async def test_a_header_that_cannot_be_passed_on_is_the_stations_fault() -> None:
    async with proxied() as bench:
        reader, writer = await asyncio.open_connection("127.0.0.1", bench.proxy.port)
        writer.write(
            b"GET /CP-1 HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
            b"Sec-WebSocket-Protocol: ocpp1.6\r\nAuthorization: Basic \xff\xfe\r\n\r\n"
        )
        assert (await reader.readline()).startswith(b"HTTP/1.1 401")
        writer.close()
        await writer.wait_closed()
        await one_finding(bench.here, "ocpp.basic-auth-malformed")
        assert bench.csms.opened == []


@pytest.mark.parametrize(
    ("login", "rule"),
    [
        ("CP-1:not-this-one-surely", "ocpp.basic-auth-password"),
        (f"CP-2:{PASSWORD}", "ocpp.basic-auth-user"),
        ("", "ocpp.basic-auth-missing"),
    ],
)
async def test_who_is_refused_and_never_reaches_the_csms(login: str, rule: str) -> None:
    async with proxied(password_of={"CP-1": PASSWORD}.get) as bench:
        with pytest.raises(InvalidStatus) as caught:
            await boot(bench.here, None, login)
        assert caught.value.response.status_code == 401
        assert caught.value.response.headers["WWW-Authenticate"].startswith("Basic ")
        text = await one_finding(bench.here, rule)
        assert "station CP-1 at 127.0.0.1" in text
        assert "not-this-one" not in text
        assert bench.csms.opened == []


async def test_profile_2(made: tuple[Made, ...]) -> None:
    async with proxied(tls=server_tls(settings(2, made)), password_of={"CP-1": PASSWORD}.get) as bench:
        assert bench.proxy.url.startswith("wss://")
        assert '"Accepted"' in await boot(bench.here, client_tls(made[0].certificate), f"CP-1:{PASSWORD}")
        assert bench.here.findings == []


async def test_profile_3_tells_whose_certificate_it_is(made: tuple[Made, ...]) -> None:
    async with proxied(tls=server_tls(settings(3, made))) as bench:
        own = client_tls(made[0].certificate, made[2])
        assert '"Accepted"' in await boot(bench.here, own)
        assert bench.here.findings == []
        assert '"Accepted"' in await boot(bench.here, own, station="CP-9")  # the CSMS decides, the bench tells
        assert "is for 'CP-1'" in await one_finding(bench.here, "ocpp.certificate-cn", "warn")
        assert [opened.peer_certificate_cn for opened in bench.here.opened] == ["CP-1", "CP-1"]


async def test_a_station_without_a_certificate_or_with_one_of_another_ca(
    made: tuple[Made, ...], foreign: tuple[Made, ...]
) -> None:
    for own, rule in ((None, "ocpp.no-client-certificate"), (foreign[2], "ocpp.client-certificate-ca")):
        async with proxied(tls=server_tls(settings(3, made))) as bench:
            await dial_blocking(bench.here, client_tls(made[0].certificate, own))
            await one_finding(bench.here, rule)
            assert bench.csms.opened == []


async def test_a_station_that_does_not_know_the_proxy_s_ca(made: tuple[Made, ...], foreign: tuple[Made, ...]) -> None:
    async with proxied(tls=server_tls(settings(2, made))) as bench:
        await dial_blocking(bench.here, client_tls(foreign[0].certificate))
        assert "install the bench's CA" in await one_finding(bench.here, "ocpp.server-certificate-ca")


async def test_tls_1_1(made: tuple[Made, ...]) -> None:
    context = client_tls(made[0].certificate)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("ALL:@SECLEVEL=0")
    async with proxied(tls=server_tls(settings(2, made))) as bench:
        await dial_blocking(bench.here, context)
        assert "TLS version is too old" in await one_finding(bench.here, "ocpp.tls-version")


async def test_plain_on_the_tls_port_is_no_way_round(made: tuple[Made, ...]) -> None:
    async with proxied(tls=server_tls(settings(2, made))) as bench:
        url = bench.proxy.url.replace("wss:", "ws:")
        with pytest.raises(InvalidStatus):
            async with connect(f"{url}/CP-1", subprotocols=["ocpp1.6"]):  # type: ignore[list-item]
                pass
        await one_finding(bench.here, "ocpp.plain-on-tls-port")


# The CSMS's side


async def refused_upstream(bench: ProxyBench) -> str:
    with pytest.raises(InvalidStatus) as caught:
        async with bench.station():
            pass
    assert caught.value.response.status_code == 502
    assert bench.here.opened == bench.csms.opened == []
    return await one_finding(bench.here, "proxy.upstream-tls")


def context_of(made: tuple[Made, ...]) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(made[1].certificate, made[1].key)
    return context


async def test_a_csms_of_another_ca(made: tuple[Made, ...], foreign: tuple[Made, ...]) -> None:
    async with proxied(upstream_ssl=client_tls(made[0].certificate), csms_ssl=context_of(foreign)) as bench:
        told = await refused_upstream(bench)
    assert "the certificate of the CSMS at wss://127.0.0.1" in told
    assert "name the PEM of the CA that signed it" in told


async def test_a_csms_whose_certificate_has_expired(tmp_path: Path) -> None:
    old = fresh(tmp_path / "old", days=-1)
    async with proxied(upstream_ssl=client_tls(old[0].certificate), csms_ssl=context_of(old)) as bench:
        assert "has expired" in await refused_upstream(bench)


async def test_a_csms_under_another_name(certificate: Path) -> None:
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(certificate)  # for 127.0.0.1 alone
    async with proxied(upstream_ssl=client_tls(certificate), csms_ssl=server) as bench:
        bench.proxy.upstream = bench.proxy.upstream.replace("127.0.0.1", "localhost")
        assert "Hostname mismatch" in await refused_upstream(bench)


async def test_a_csms_that_wants_a_certificate_of_the_bench(made: tuple[Made, ...]) -> None:
    mutual = context_of(made)
    mutual.load_verify_locations(made[0].certificate)
    mutual.verify_mode = ssl.CERT_REQUIRED
    mutual.maximum_version = ssl.TLSVersion.TLSv1_2  # where a client learns of it in the handshake
    async with proxied(upstream_ssl=client_tls(made[0].certificate), csms_ssl=mutual) as bench:
        assert "no TLS with the CSMS" in await refused_upstream(bench)
    async with proxied(upstream_ssl=client_tls(made[0].certificate, made[2]), csms_ssl=mutual) as bench:
        assert '"Accepted"' in await boot(bench.here, None)
        assert bench.csms.opened[0].peer_certificate_cn == "CP-1"
