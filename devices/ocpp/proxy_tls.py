"""TLS towards a CSMS that the bench dials (security profiles 2 and 3: OCPP 2.0.1 part 2, A00)."""

from __future__ import annotations

import ssl
from pathlib import Path
from urllib.parse import urlsplit

from bench.errors import BadInput, OperatorError
from bench.settings import DialSettings


def check_url(url: str) -> None:
    """Refuse what is no address of a CSMS.

    Raises:
        BadInput: not ``ws://host`` or ``wss://host``, or with a user, a query or a fragment in it.
    """
    try:
        parts = urlsplit(url)
        fits = parts.scheme in ("ws", "wss") and parts.hostname and (parts.port is None or parts.port > 0)
        (parts.hostname or "").encode("idna")  # what no name server can be asked for
    except ValueError:
        fits = False
    if not fits or "@" in parts.netloc or parts.query or parts.fragment:
        # Not the text itself: a password may stand in it.
        raise BadInput(
            "the address of the CSMS is none that can be dialled", "write for example ws://csms.example:9000/ocpp"
        )


def upstream_context(settings: DialSettings) -> ssl.SSLContext | None:
    """How a ``wss://`` CSMS is trusted, and what the bench shows it; None for ``ws://``.

    Raises:
        OperatorError: a file cannot be read, or is no PEM of that kind.
    """
    if not settings.url.startswith("wss:"):
        return None
    context = ssl.create_default_context()
    if settings.ca_file is not None:
        _load_ca(context, settings.ca_file)
    if settings.certificate is not None:
        _load_certificate(context, settings.certificate, settings.key)
    return context


def _load_certificate(context: ssl.SSLContext, certificate: Path, key: Path | None) -> None:
    try:
        # An empty password instead of a question on a terminal that may not be there.
        context.load_cert_chain(certificate, key, password=lambda: "")
    except OSError as error:
        cure = "name a PEM with the certificate and one with its key, without a passphrase"
        raise OperatorError(f"the certificate {certificate} cannot be used: {_why(error)}", cure) from error


def _load_ca(context: ssl.SSLContext, file: Path) -> None:
    try:
        context.load_verify_locations(cafile=file)
    except OSError as error:
        raise OperatorError(f"the CA file {file} cannot be used: {_why(error)}", "name a PEM of a CA") from error


def _why(error: OSError) -> str:
    if isinstance(error, ssl.SSLError):
        return error.reason or "it is no PEM"
    return error.strerror or str(error)
