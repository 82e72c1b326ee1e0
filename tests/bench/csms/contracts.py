"""A small world of contract certificates: a root, a sub-CA, a contract, an expired one and a stranger's root."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from bench.clock import ManualClock, to_datetime
from bench.csms.contract import ContractTrust

NOW = to_datetime(ManualClock().utc_ns)
DAY = timedelta(days=1)


@dataclass(frozen=True)
class Issued:
    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def pem(self) -> str:
        return self.certificate.public_bytes(Encoding.PEM).decode()


def issue(name: str, by: Issued | None, *, ca: bool = True, until: timedelta = 30 * DAY, serial: int = 4711) -> Issued:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(by.certificate.subject if by else subject)
        .public_key(key.public_key())
        .serial_number(serial)
        .not_valid_before(NOW - 60 * DAY)
        .not_valid_after(NOW + until)
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        .sign(by.key if by else key, hashes.SHA256())
    )
    return Issued(certificate, key)


@dataclass(frozen=True)
class World:
    root: Issued
    sub: Issued
    contract: Issued
    expired: Issued
    stranger: Issued

    @property
    def chain(self) -> str:
        return self.contract.pem + self.sub.pem

    def trust(self, *revoked: int) -> ContractTrust:
        text = self.root.pem.encode()
        if revoked:
            builder = x509.CertificateRevocationListBuilder(self.sub.certificate.subject, NOW - DAY, NOW + DAY)
            for serial in revoked:
                entry = x509.RevokedCertificateBuilder(serial, NOW - DAY).build()
                builder = builder.add_revoked_certificate(entry)
            text += builder.sign(self.sub.key, hashes.SHA256()).public_bytes(Encoding.PEM)
        return ContractTrust.from_pem(text)


@lru_cache
def world() -> World:
    root = issue("eMSP root", None)
    sub = issue("eMSP sub", root)
    contract = issue("DE-ABC-C12345678-9", sub, ca=False, serial=0xAB12)
    expired = issue("DE-ABC-C00000000-0", sub, ca=False, until=-DAY)
    return World(root, sub, contract, expired, issue("another root", None))


def hash_data(issuer: Issued, serial: int = 0xAB12, algorithm: str = "SHA256") -> dict[str, str]:
    def told(data: bytes) -> str:
        return hashlib.new(algorithm.lower(), data).hexdigest()

    bits = issuer.key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    return {
        "hashAlgorithm": algorithm,
        "issuerNameHash": told(issuer.certificate.subject.public_bytes()).upper(),
        "issuerKeyHash": told(bits),
        "serialNumber": f"{serial:x}",
        "responderURL": "http://ocsp.example",
    }
