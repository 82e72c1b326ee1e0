"""Certificates as the MaEVe API carries them: PEM text, named by the SHA-256 of their DER bytes."""

from __future__ import annotations

import base64
import binascii
import hashlib

from bench.errors import BadInput

MAX_PEM = 10_000
"""Characters of a certificate (OCPP 2.1; 2.0.1 and 1.6 have 5500)."""


def checked(text: str) -> tuple[str, str]:
    """One certificate as PEM with line ends, and the hash it is found by (see :func:`plain_hash`).

    text: its line ends may stand as the two characters ``\\n``.

    Raises:
        BadInput: it is no certificate, or more than one.
    """
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding

    if len(text) > MAX_PEM:
        raise BadInput(f"the certificate has {len(text)} characters", f"up to {MAX_PEM} are possible")
    try:
        found = x509.load_pem_x509_certificates(text.replace("\\n", "\n").encode())
        der = [one.public_bytes(Encoding.DER) for one in found]
    except ValueError as error:
        raise BadInput(
            "the certificate is no certificate in PEM", "it begins with -----BEGIN CERTIFICATE-----"
        ) from error
    if len(der) != 1:
        raise BadInput(f"the text holds {len(der)} certificates", "give one at a time")
    return found[0].public_bytes(Encoding.PEM).decode(), _plain(hashlib.sha256(der[0]).digest())


def plain_hash(given: str) -> str | None:
    """A hash in base64 as it is kept: of the URL-safe alphabet, without padding. None where it is no SHA-256.

    given: of the usual or the URL-safe alphabet, padded or not.
    """
    text = given.strip().rstrip("=").replace("+", "-").replace("/", "_")
    if len(text) != 43 or not text.isascii():
        return None
    try:
        digest = base64.b64decode(text + "=", altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None
    return _plain(digest)


def _plain(digest: bytes) -> str:
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
