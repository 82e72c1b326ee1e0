"""wss:// with a certificate made for the test."""

from __future__ import annotations

import asyncio
import ipaddress
import ssl
from datetime import timedelta
from pathlib import Path

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from bench.clock import utc_now
from devices.ocpp.csms import CsmsServer
from devices.ocpp.tls import TlsServer
from tests.devices.ocpp.bench_sink import DEADLINE_S, BenchSink

pytest.importorskip("cryptography")
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A PEM with a key and a self-signed certificate for 127.0.0.1."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "bench")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(utc_now() - timedelta(hours=1))
        .not_valid_after(utc_now() + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path / "bench.pem"
    pem = serialization.Encoding.PEM
    secret = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path.write_bytes(secret + made.public_bytes(pem))
    return path


async def test_large_messages_refusals_and_the_end_over_tls(certificate: Path) -> None:
    ours = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ours.load_cert_chain(certificate)
    theirs = ssl.create_default_context(cafile=str(certificate))
    engine = BenchSink()
    server = CsmsServer("127.0.0.1", 0, stations_allowed=lambda station: True, tls=TlsServer(ours))
    engine.server = server
    await server.start(engine)
    assert server.url.startswith("wss://")

    with pytest.raises(InvalidStatus) as caught:
        async with connect(f"{server.url}/a/b", subprotocols=["ocpp1.6"], ssl=theirs):  # type: ignore[list-item]
            pass
    assert caught.value.response.status_code == 404

    async with connect(f"{server.url}/CP-1", subprotocols=["ocpp1.6"], ssl=theirs) as client:  # type: ignore[list-item]
        await client.send('[2,"1","DataTransfer",{"vendorId":"x","data":"' + "y" * 3_000_000 + '"}]')
        async with asyncio.timeout(DEADLINE_S):
            assert await client.recv() == '[3,"1",{"status":"UnknownVendorId"}]'
        await server.stop()
    assert engine.closed == [("CP-1", 1001, "the bench stops")]
