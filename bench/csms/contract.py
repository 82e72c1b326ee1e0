"""Contract certificates of Plug and Charge: what the bench can say of a chain, or of the hash data of one (OCPP 2.0.1 C07).

What is judged, in this order; the first that is wrong is the answer:

``CertificateExpired``  a certificate of the chain is not valid now: token status Expired (C07.FR.15).
``CertificateRevoked``  one is on a revocation list that the operator gave: Invalid (C07.FR.16).
``CertChainError``      unreadable, a signature does not fit, or no configured root stands at its end: Invalid (C07.FR.17).

Hash data names issuers and serial numbers only, for the station did check the chain: where roots are configured one of the
issuers must be among them. Without roots nobody can say whom to trust: dates and signatures are checked all the same, the anchor
is taken as good, and a finding says so. No OCSP responder is asked, ever: the bench must work without the internet.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.errors import BadInput
from bench.tokens.model import AuthorizationStatus

if TYPE_CHECKING:
    from cryptography.x509 import Certificate, CertificateRevocationList

MAX_FILE = 2**20
"""Bytes of one file of roots."""

_NAME_THEM = "name PEM files of CA certificates and their CRLs as ocpp.contract_roots in the profile, or leave it out"

MAX_CHAIN = 10
"""Certificates of one chain; a contract has two sub-CAs at most (ISO 15118-2 section 7.9)."""

CONTRACT_CANCELLED = frozenset(
    {
        AuthorizationStatus.BLOCKED,
        AuthorizationStatus.EXPIRED,
        AuthorizationStatus.INVALID,
        AuthorizationStatus.UNKNOWN,
    }
)
"""Token statuses that cancel a contract whose chain is fine (C07.FR.13)."""


@dataclass(frozen=True, slots=True)
class ChainVerdict:
    """certificate_status: AuthorizeCertificateStatusEnumType. token_status: what refuses the token, None where the chain is fine.
    reason: in words. anchored: a configured root stands behind it.
    """

    certificate_status: str
    token_status: AuthorizationStatus | None
    reason: str
    anchored: bool = False

    def status_with(self, status: AuthorizationStatus) -> str:
        """certificateStatus beside that token status: the chain may be fine and the contract cancelled (C07.FR.13, FR.14)."""
        if self.token_status is None and status in CONTRACT_CANCELLED:
            return "ContractCancelled"
        return self.certificate_status


@dataclass(frozen=True, slots=True)
class ContractTrust:
    """Whom to trust: roots (or sub-CAs), and revocation lists of theirs. Nothing at all unless configured."""

    roots: tuple[Certificate, ...] = ()
    revocations: tuple[CertificateRevocationList, ...] = ()

    @classmethod
    def from_pem(cls, text: bytes) -> ContractTrust:
        """Certificates and CRLs of one PEM text, in any order.

        Raises:
            BadInput: it holds no certificate, or one that cannot be read.
        """
        from cryptography import x509

        lists = _blocks(text, b"X509 CRL")
        try:
            roots = x509.load_pem_x509_certificates(text)
            revocations = [x509.load_pem_x509_crl(block) for block in lists]
        except ValueError as error:
            raise BadInput(
                f"the contract roots cannot be read: {error}", "give a PEM file of CA certificates and their CRLs"
            ) from error
        return cls(tuple(roots), tuple(revocations))


NO_TRUST = ContractTrust()


def read_trust(files: Sequence[Path]) -> ContractTrust:
    """The roots and revocation lists of these PEM files together.

    Raises:
        BadInput: a file that cannot be read, or holds no certificate; the text names it.
    """
    roots: list[Certificate] = []
    revocations: list[CertificateRevocationList] = []
    for file in files:
        try:
            with file.expanduser().open("rb") as opened:
                text = opened.read(MAX_FILE + 1)
        except OSError as error:
            raise BadInput(f"cannot read the contract roots {file}: {error.strerror or error}", _NAME_THEM) from error
        if len(text) > MAX_FILE:
            raise BadInput(f"the contract roots {file} are larger than {MAX_FILE} bytes", _NAME_THEM)
        try:
            found = ContractTrust.from_pem(text)
        except BadInput as error:
            raise BadInput(f"{error.what} (in {file})", _NAME_THEM) from error
        roots += found.roots
        revocations += found.revocations
    return ContractTrust(tuple(roots), tuple(revocations))


def judge(request: Mapping[str, Any], trust: ContractTrust, now: datetime) -> ChainVerdict | None:
    """What an Authorize says of its contract certificate, or None where it carries none. now: UTC.

    Where it carries both, the chain says who stands behind it, and the hash data may still name a certificate that was revoked.
    """
    told = request.get("iso15118CertificateHashData")
    if "certificate" not in request:
        return None if told is None else judge_hashes(told, trust)
    verdict = judge_chain(request["certificate"], trust, now)
    if told is None or verdict.token_status is not None:
        return verdict
    return _revoked_of(told, trust) or verdict


def judge_chain(pem: str, trust: ContractTrust, now: datetime) -> ChainVerdict:
    """A chain as PEM, the contract's certificate first (C07.FR.06)."""
    from cryptography import x509
    from cryptography.exceptions import UnsupportedAlgorithm

    try:
        chain = x509.load_pem_x509_certificates(pem.encode())
    except (ValueError, x509.InvalidVersion):
        return _chain_error("the certificate is no PEM that can be read")
    if len(chain) > MAX_CHAIN:
        return _chain_error(f"the chain has {len(chain)} certificates, more than {MAX_CHAIN}")
    try:
        return _judge(chain, trust, now)
    except (
        ValueError,
        UnsupportedAlgorithm,
        x509.DuplicateExtension,
    ) as error:  # the library reads a certificate's parts only when they are asked for
        return _chain_error(f"a certificate of the chain cannot be read: {error}")


def _judge(chain: Sequence[Certificate], trust: ContractTrust, now: datetime) -> ChainVerdict:
    for certificate in chain:
        name = _name(certificate)
        if certificate.not_valid_after_utc < now:
            return _expired(f"the certificate of {name} expired on {certificate.not_valid_after_utc:%Y-%m-%d}")
        if certificate.not_valid_before_utc > now:
            return _expired(f"the certificate of {name} is valid from {certificate.not_valid_before_utc:%Y-%m-%d} only")
    for certificate in chain:
        for revocation in trust.revocations:
            listed = revocation.get_revoked_certificate_by_serial_number(certificate.serial_number)
            if revocation.issuer == certificate.issuer and listed is not None:
                return _revoked(f"the certificate of {_name(certificate)} was revoked")
    for certificate, issuer in zip(chain, chain[1:], strict=False):
        if not _issued(certificate, issuer):
            return _chain_error(f"the certificate of {_name(certificate)} was not signed by {_name(issuer)}")
    if not trust.roots:
        return _fine(anchored=False)
    for root in trust.roots:
        if (root == chain[-1] or _issued(chain[-1], root)) and root.not_valid_after_utc >= now:
            return _fine(anchored=True)
    return _chain_error(f"no configured root signed the certificate of {_name(chain[-1])}")


def judge_hashes(told: Sequence[Mapping[str, Any]], trust: ContractTrust) -> ChainVerdict:
    """OCSPRequestDataType entries of a chain that the station has checked (C07.FR.02)."""
    revoked = _revoked_of(told, trust)
    if revoked is not None:
        return revoked
    if not trust.roots:
        return _fine(anchored=False)
    for entry in told:
        if any(_is_issuer(entry, root) for root in trust.roots):
            return _fine(anchored=True)
    return _chain_error("none of the issuers in the hash data is a configured root")


# Inside


def _revoked_of(told: Sequence[Mapping[str, Any]], trust: ContractTrust) -> ChainVerdict | None:
    """What a revocation list says of one of them; None where none says anything."""
    for entry in told:
        for revocation in trust.revocations:
            name = _hash(entry["hashAlgorithm"], revocation.issuer.public_bytes())
            serial = _serial(entry["serialNumber"])
            if name != entry["issuerNameHash"].lower() or serial is None:
                continue
            if revocation.get_revoked_certificate_by_serial_number(serial) is not None:
                return _revoked(f"the certificate with the serial number {entry['serialNumber']} was revoked")
    return None


def _fine(*, anchored: bool) -> ChainVerdict:
    return ChainVerdict("Accepted", None, "the chain is fine", anchored)


def _expired(reason: str) -> ChainVerdict:
    return ChainVerdict("CertificateExpired", AuthorizationStatus.EXPIRED, reason)


def _revoked(reason: str) -> ChainVerdict:
    return ChainVerdict("CertificateRevoked", AuthorizationStatus.INVALID, reason)


def _chain_error(reason: str) -> ChainVerdict:
    return ChainVerdict("CertChainError", AuthorizationStatus.INVALID, reason)


def _issued(certificate: Certificate, issuer: Certificate) -> bool:
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm

    try:
        certificate.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False
    return _is_authority(issuer)


def _is_authority(certificate: Certificate) -> bool:
    """Whether it may sign others: without the mark of a CA a contract could sign contracts."""
    from cryptography import x509

    try:
        return bool(certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca)
    except x509.ExtensionNotFound:
        return False


def _is_issuer(entry: Mapping[str, Any], root: Certificate) -> bool:
    algorithm = entry["hashAlgorithm"]
    told = (str(entry["issuerNameHash"]).lower(), str(entry["issuerKeyHash"]).lower())
    return told == (_hash(algorithm, root.subject.public_bytes()), _hash(algorithm, _key_bits(root)))


def _key_bits(certificate: Certificate) -> bytes:
    """The public key without its header, as OCSP hashes it (RFC 6960 section 4.1.1)."""
    from cryptography.hazmat.primitives.asymmetric import ec, rsa
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    key = certificate.public_key()
    if isinstance(key, ec.EllipticCurvePublicKey):
        return key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    if isinstance(key, rsa.RSAPublicKey):
        return key.public_bytes(Encoding.DER, PublicFormat.PKCS1)
    return key.public_bytes(Encoding.Raw, PublicFormat.Raw)  # Ed25519, Ed448


def _hash(algorithm: str, data: bytes) -> str:
    return hashlib.new(algorithm.lower(), data).hexdigest()


def _serial(text: str) -> int | None:
    """Serial numbers are hexadecimal without leading zeros (OCPP 2.0.1 OCSPRequestDataType)."""
    try:
        return int(text, 16)
    except ValueError:
        return None


def _name(certificate: Certificate) -> str:
    return certificate.subject.rfc4514_string()[:80] or "an unnamed subject"


def _blocks(text: bytes, label: bytes) -> list[bytes]:
    begin, end = b"-----BEGIN " + label + b"-----", b"-----END " + label + b"-----"
    found = []
    for part in text.split(begin)[1:]:
        body, closed, _ = part.partition(end)
        if closed:
            found.append(begin + body + end + b"\n")
    return found
