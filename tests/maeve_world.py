"""What the tests around MaEVe share: a client of the simulated one, and plain requests."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import httpx
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from bench.clock import SystemClock
from bench.codecs.maeve import MaeveToken
from bench.journal.log import Journal
from bench.message import Link
from bench.ports import LinkStatus
from bench.tokens.model import Token
from devices.http_client import HttpClient
from devices.maeve import MaeveClient
from fixtures.maeve import SimulatedMaeve

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
LIMIT_S = 5.0


def _certificate() -> str:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "CP-001")])
    begins = datetime(2026, 1, 1, tzinfo=UTC)
    made = x509.CertificateBuilder(name, name, key.public_key(), 7, begins, begins.replace(year=2036))
    return made.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM).decode()


PEM = _certificate()


LOCATION = {
    "country_code": "GB",
    "party_id": "TWK",
    "name": "Depot",
    "address": "1 High Street",
    "city": "London",
    "postal_code": "N1",
    "country": "GBR",
    "coordinates": {"latitude": "51.5", "longitude": "-0.1"},
    "parking_type": "PARKING_LOT",
}


def digest_of(pem: str) -> str:
    """base64 (URL alphabet, no padding) of the SHA-256 of the DER bytes, as the API names certificates."""
    der = x509.load_pem_x509_certificate(pem.encode()).public_bytes(Encoding.DER)
    return base64.urlsafe_b64encode(hashlib.sha256(der).digest()).rstrip(b"=").decode()


def token_here(uid: str = "04A2B3C4", **fields: object) -> Token:
    usual: dict[str, object] = {
        "country_code": "GB",
        "party_id": "TWK",
        "contract_id": "GBTWK012345678V",
        "issuer": "Thoughtworks",
        "last_updated": datetime(2026, 2, 1, tzinfo=UTC),
    }
    return Token(uid=uid, **{**usual, **fields})  # type: ignore[arg-type]


def token_there(uid: str = "04A2B3C4", **fields: object) -> MaeveToken:
    usual: dict[str, object] = {
        "country_code": "GB",
        "party_id": "TWK",
        "kind": "RFID",
        "contract_id": "GBTWK012345678V",
        "issuer": "Thoughtworks",
        "valid": True,
        "cache_mode": "ALWAYS",
        "last_updated": datetime(2026, 2, 1, tzinfo=UTC),
    }
    return MaeveToken(uid=uid, **{**usual, **fields})  # type: ignore[arg-type]


@asynccontextmanager
async def client_of(
    maeve: SimulatedMaeve,
    journal: Journal | None = None,
    status: Callable[[LinkStatus], None] = lambda status: None,
    *,
    limit_s: float = LIMIT_S,
    credentials: str | None = None,
    is_key_code: Callable[[str], bool] = lambda uid: False,
) -> AsyncIterator[MaeveClient]:
    http = HttpClient(Journal() if journal is None else journal, Link.MAEVE, SystemClock(), limit_s=limit_s)
    client = MaeveClient(maeve.url, http, status, credentials=credentials, is_key_code=is_key_code)
    try:
        yield client
    finally:
        await client.close()


async def asked(maeve: SimulatedMaeve, method: str, path: str, body: object = None) -> tuple[int, str]:
    """Status and text of one plain request."""
    async with httpx.AsyncClient(trust_env=False) as http:
        answer = await http.request(method, maeve.url + path, json=body)
    return answer.status_code, answer.text
