"""Security profiles 2 and 3 over real sockets: who is let in, and what is told of whom is not."""

from __future__ import annotations

import asyncio
import ssl
import warnings
from pathlib import Path

import pytest
from websockets.exceptions import InvalidStatus

from bench.errors import OperatorError
from bench.settings import SecuritySettings
from devices.ocpp import connection as connection_module
from devices.ocpp.certificates import KeyType, Made, make
from devices.ocpp.connection import Connection
from devices.ocpp.csms import CsmsServer
from devices.ocpp.handshake import Refusal
from devices.ocpp.tls import server_tls
from tests.devices.ocpp.bench_sink import DEADLINE_S, BenchSink
from tests.devices.ocpp.secure_bench import PASSWORD, boot, client_tls, dial_blocking, fresh, serving, settings


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Made, ...]:
    """CA, server, and the stations CP-1 and S-1."""
    return fresh(tmp_path_factory.mktemp("tls"), "CP-1", "S-1")


@pytest.fixture(scope="module")
def foreign(tmp_path_factory: pytest.TempPathFactory) -> tuple[Made, ...]:
    """The same of another CA."""
    return fresh(tmp_path_factory.mktemp("foreign"), "CP-1")


async def one_finding(sink: BenchSink, rule: str, severity: str = "fail") -> str:
    await sink.until(lambda: sink.findings)
    assert sink.findings == [(rule, severity)]
    assert sink.opened == []
    return sink.texts[0]


@pytest.mark.gui
async def test_profile_2_on_the_window_s_loop(made: tuple[Made, ...]) -> None:
    async with serving(2, made) as sink:
        assert '"Accepted"' in await boot(sink, client_tls(made[0].certificate), f"CP-1:{PASSWORD}")


async def test_profile_2_lets_in_with_password(made: tuple[Made, ...]) -> None:
    async with serving(2, made) as sink:
        assert sink.server.url.startswith("wss://")
        assert '"Accepted"' in await boot(sink, client_tls(made[0].certificate), f"CP-1:{PASSWORD}")
        assert sink.findings == []
        with pytest.raises(InvalidStatus) as caught:
            await boot(sink, client_tls(made[0].certificate), "CP-1:some-other-password")
        assert caught.value.response.status_code == 401
        assert sink.findings == [("ocpp.basic-auth-password", "fail")]


@pytest.mark.parametrize(("own", "findings"), [(2, []), (3, ["warn", "info"])])
async def test_profile_3_by_id_or_serial_number(made: tuple[Made, ...], own: int, findings: list[str]) -> None:
    async with serving(3, made) as sink:
        assert '"Accepted"' in await boot(sink, client_tls(made[0].certificate, made[own]))
        assert sink.opened[0].peer_certificate_cn == ("CP-1", "S-1")[own - 2]
        assert sink.findings == [("ocpp.certificate-cn", severity) for severity in findings]


async def test_profile_3_with_a_name_that_fits_nothing(made: tuple[Made, ...]) -> None:
    async with serving(3, made) as sink:
        answer = await boot(sink, client_tls(made[0].certificate, made[2]), station="CP-7", serial="S-7")
        assert '"Rejected"' in answer
        assert sink.findings == [("ocpp.certificate-cn", "warn"), ("ocpp.certificate-cn", "fail")]
        assert "for 'CP-1', but its id is 'CP-7' and its serial number 'S-7'" in sink.texts[1]


async def test_no_client_certificate(made: tuple[Made, ...]) -> None:
    async with serving(3, made) as sink:
        await dial_blocking(sink, client_tls(made[0].certificate))
        assert "it showed no certificate" in await one_finding(sink, "ocpp.no-client-certificate")


async def test_a_client_certificate_of_another_ca(made: tuple[Made, ...], foreign: tuple[Made, ...]) -> None:
    async with serving(3, made) as sink:
        await dial_blocking(sink, client_tls(made[0].certificate, foreign[2]))
        assert "is not signed by Authbench CA" in await one_finding(sink, "ocpp.client-certificate-ca")


async def test_an_expired_client_certificate(made: tuple[Made, ...]) -> None:
    old = make(made[0].certificate.parent, stations=["OLD"], days=-1)[-1]
    try:
        async with serving(3, made) as sink:
            await dial_blocking(sink, client_tls(made[0].certificate, old))
            assert "has expired" in await one_finding(sink, "ocpp.client-certificate-expired")
    finally:
        old.certificate.unlink()
        old.key.unlink()


async def test_a_station_that_does_not_know_our_ca(made: tuple[Made, ...], foreign: tuple[Made, ...]) -> None:
    async with serving(2, made) as sink:
        error = await dial_blocking(sink, client_tls(foreign[0].certificate))
        assert isinstance(error, ssl.SSLCertVerificationError)
        assert "install the bench's CA" in await one_finding(sink, "ocpp.server-certificate-ca")


async def test_a_station_that_ends_without_an_alert(made: tuple[Made, ...], foreign: tuple[Made, ...]) -> None:
    async with serving(2, made) as sink:
        with pytest.raises(ssl.SSLCertVerificationError):
            await boot(sink, client_tls(foreign[0].certificate))  # asyncio sends none
        assert "without an alert" in await one_finding(sink, "ocpp.tls-ended")


async def test_another_host_name_than_the_certificate_s(made: tuple[Made, ...]) -> None:
    class Elsewhere(ssl.SSLContext):
        def wrap_socket(self, *args: object, **more: object) -> ssl.SSLSocket:
            return super().wrap_socket(*args, **{**more, "server_hostname": "csms.example"})  # type: ignore[arg-type]

    context = Elsewhere(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(made[0].certificate)
    async with serving(2, made) as sink:
        error = await dial_blocking(sink, context)
        assert "Hostname mismatch" in str(error)
        told = await one_finding(sink, "ocpp.server-certificate-host")
        assert "it connected to csms.example, but this bench's certificate is for localhost, 127.0.0.1" in told


async def test_tls_1_1(made: tuple[Made, ...]) -> None:
    context = client_tls(made[0].certificate)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("ALL:@SECLEVEL=0")
    async with serving(2, made) as sink:
        await dial_blocking(sink, context)
        assert "TLS version is too old" in await one_finding(sink, "ocpp.tls-version")


async def test_no_cipher_in_common(made: tuple[Made, ...]) -> None:
    context = client_tls(made[0].certificate)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("AES128-GCM-SHA256")  # RSA key exchange only
    async with serving(2, made) as sink:
        await dial_blocking(sink, context)
        assert "no TLS cipher suite" in await one_finding(sink, "ocpp.tls-cipher")


async def test_plain_http_to_a_tls_port(made: tuple[Made, ...]) -> None:
    from websockets.asyncio.client import connect

    async with serving(2, made) as sink:
        with pytest.raises(InvalidStatus) as caught:
            async with connect(sink.server.url.replace("wss", "ws") + "/CP-1", subprotocols=["ocpp1.6"]):  # type: ignore[list-item]
                pass
        assert caught.value.response.status_code == 400
        assert b"this port is TLS" in (caught.value.response.body or b"")
        assert "a lower security profile is not let in" in await one_finding(sink, "ocpp.plain-on-tls-port")


async def test_tls_to_a_plain_port(made: tuple[Made, ...]) -> None:
    from websockets.asyncio.client import connect

    async with serving(1) as sink:
        url = sink.server.url.replace("ws", "wss") + "/CP-1"
        with pytest.raises((ssl.SSLError, OSError)):
            async with connect(url, ssl=client_tls(made[0].certificate), subprotocols=["ocpp1.6"]):  # type: ignore[list-item]
                pass
        assert "this port is plain" in await one_finding(sink, "ocpp.tls-on-plain-port", "warn")


async def test_garbage_and_silence(made: tuple[Made, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection_module, "HANDSHAKE_S", 0.05)
    async with serving(2, made) as sink:
        port = int(sink.server.url.rpartition(":")[2])
        for first, rule in ((b"\x00\x01\x02", "ocpp.not-tls"), (b"", "ocpp.no-handshake")):
            sink.findings.clear()
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(first)
            async with asyncio.timeout(DEADLINE_S):
                try:
                    assert await reader.read() == b""
                except ConnectionResetError:
                    pass
            writer.close()
            await sink.until(lambda: sink.findings)
            assert [name for name, _ in sink.findings] == [rule]


async def test_stopping_in_the_middle_of_a_handshake_is_nobody_s_fault(
    made: tuple[Made, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    arrived = asyncio.Event()
    plain_arrived = CsmsServer.arrived

    def note(server: CsmsServer, connection: Connection) -> Refusal | None:
        arrived.set()
        return plain_arrived(server, connection)

    monkeypatch.setattr(CsmsServer, "arrived", note)
    async with serving(2, made) as sink:
        port = int(sink.server.url.rpartition(":")[2])
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"\x16\x03\x01")
        async with asyncio.timeout(DEADLINE_S):
            await arrived.wait()
    assert sink.findings == []
    writer.close()


def test_settings_that_cannot_be_used(made: tuple[Made, ...], foreign: tuple[Made, ...], tmp_path: Path) -> None:
    assert server_tls(SecuritySettings(profile=1)) is None
    with pytest.raises(OperatorError, match="needs a file for certificate"):
        server_tls(SecuritySettings(profile=2))
    good = settings(3, made)
    for change, says in (
        ({"key": foreign[1].key}, "does not belong to the certificate"),
        ({"key": tmp_path / "absent"}, "cannot be used"),
        ({"certificate": tmp_path / "absent"}, "cannot read"),
        ({"station_ca": None}, "needs a file for station_ca"),
        ({"station_ca": made[0].key}, "no PEM certificate"),
    ):
        with pytest.raises(OperatorError, match=says):
            server_tls(good.model_copy(update=change))
    old = fresh(tmp_path / "old", days=-1)
    with pytest.raises(OperatorError, match="cannot be used: expired on"):
        server_tls(settings(2, old))


@pytest.mark.parametrize("suite", ["ECDHE-RSA-AES128-GCM-SHA256", "AES128-GCM-SHA256"])
async def test_an_rsa_key_serves_the_suites_that_ocpp_demands_of_it(tmp_path: Path, suite: str) -> None:
    """OCPP 2.0.1 A00.FR.318: TLS_RSA_WITH_AES_128_GCM_SHA256 is not among Python's defaults."""
    made = make(tmp_path, stations=["CP-1"], days=10, key_type=KeyType.RSA)
    context = client_tls(made[0].certificate, made[2])
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(suite)
    async with serving(3, made) as sink:
        assert '"Accepted"' in await boot(sink, context)
        [opened] = sink.opened
        assert (opened.security_profile, opened.tls, opened.peer_certificate_cn) == (3, "TLSv1.2", "CP-1")


async def test_a_station_that_only_takes_rsa_is_told_how_to_get_it(made: tuple[Made, ...]) -> None:
    context = client_tls(made[0].certificate)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("ECDHE-RSA-AES128-GCM-SHA256")
    async with serving(2, made) as sink:
        await dial_blocking(sink, context)
        assert "--key-type rsa" in await one_finding(sink, "ocpp.tls-cipher")
