"""Certificates for a bench with TLS: a CA, a server certificate and one for each station (OCPP 2.0.1 A00).

Keys are EC P-256 for the ECDHE-ECDSA suites of TLS 1.2 that OCPP asks for, or RSA for stations that only take that (A00.FR.318
and FR.502). A certificate lies in ``NAME.pem``, its key beside
it in ``NAME.key`` that only its owner may read.
"""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from bench.clock import utc_now
from bench.errors import BadInput, OperatorError

CA_DAYS = 3650
LEAF_DAYS = 825  # the most that the TLS libraries of some systems accept
SKEW = timedelta(hours=1)  # a station's clock may be behind
LOOPBACK = ("localhost", "127.0.0.1", "::1")
MAX_NAME = 64  # characters of a common name (RFC 5280, ub-common-name)
MAX_FILE = 2**20
RSA_BITS = 2048  # the least that OCPP allows (A00.FR.502), and the most that small stations verify in time

_FILE_NAME = re.compile(r"[^A-Za-z0-9._-]")


PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


class KeyType(StrEnum):
    EC = "ec"
    RSA = "rsa"


@dataclass(frozen=True, slots=True)
class Made:
    """Files that belong together: a certificate and its key."""

    certificate: Path
    key: Path


def make(
    folder: Path,
    hosts: Sequence[str] = (),
    stations: Sequence[str] = (),
    *,
    force: bool = False,
    days: int = LEAF_DAYS,
    key_type: KeyType | None = None,
) -> tuple[Made, ...]:
    """A server certificate for these hosts and loopback, and one for each station (its common name), signed by the folder's CA.

    The CA is made where there is none; an existing one is used, and replaced only with force. key_type: None is that of the CA,
    and EC for a new one. Returns CA, server, stations.

    Raises:
        BadInput: a name that no certificate can hold. OperatorError: a file is there already, the CA's key is of another type, or
        the folder cannot be written.
    """
    names = [_common_name(station) for station in stations]
    addresses = [_general_name(host) for host in dict.fromkeys((*LOOPBACK, *hosts))]
    ca = Made(folder / "ca.pem", folder / "ca.key")
    server = Made(folder / "server.pem", folder / "server.key")
    leaves = [station_files(folder, name) for name in names]
    if len(set(leaves)) < len(leaves):
        raise BadInput("two stations would have the same file", "give stations different names")
    wanted = [*([server] if hosts or force or not server.certificate.exists() else []), *leaves]
    if not force:
        _refuse_existing(wanted)
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if force or not ca.certificate.exists():
            if not force:
                _refuse_existing([ca])
            _make_ca(ca, key_type or KeyType.EC)
        signer, signer_key = read(ca.certificate), read_key(ca.key)
        if key_type not in (None, type_of(signer_key)):
            raise OperatorError(
                f"the CA in {folder} has an {type_of(signer_key).upper()} key",
                "choose another folder, or replace what is there (--force)",
            )
        for made, name in ((server, None), *zip(leaves, names, strict=True)):
            if made in wanted:
                _make_leaf(made, signer, signer_key, name, addresses, days)
    except OSError as error:
        raise OperatorError(f"cannot write certificates into {folder}: {error.strerror or error}") from error
    return ca, server, *leaves


def station_files(folder: Path, station: str) -> Made:
    """Where :func:`make` puts a station's certificate and key."""
    name = _FILE_NAME.sub("_", station)
    return Made(folder / f"station-{name}.pem", folder / f"station-{name}.key")


def make_station(ca: Made, folder: Path, station: str, *, days: int = 1) -> Made:
    """A certificate for one station, signed by that one of the CAs in the file whose key it is; for a run, so of short life.

    Raises:
        BadInput: the CA's files cannot be used, the key belongs to none of them, or no certificate can hold the name.
    """
    name = _common_name(station)
    key = read_key(ca.key)
    signer = next((one for one in read_all(ca.certificate) if not problems(one, key=key)), None)
    if signer is None:
        raise BadInput(
            f"the key {ca.key} belongs to no valid CA in {ca.certificate}", "name the CA and key made together"
        )
    made = station_files(folder, station)
    _make_leaf(made, signer, key, name, (), days)
    return made


def read(path: Path) -> x509.Certificate:
    """The first certificate in a PEM file.

    Raises:
        BadInput: no such file, or no certificate in it.
    """
    return read_all(path)[0]


def read_all(path: Path) -> list[x509.Certificate]:
    """Every certificate in a PEM file, at least one; raises as :func:`read`."""
    try:
        return x509.load_pem_x509_certificates(_bytes(path))
    except ValueError as error:
        raise BadInput(
            f"there is no PEM certificate in {path}", "make one with: authbench certificates make FOLDER"
        ) from error


def read_key(path: Path) -> PrivateKey:
    """An EC or RSA key in a PEM file; raises as :func:`read`."""
    try:
        key = serialization.load_pem_private_key(_bytes(path), None)
    except (ValueError, TypeError) as error:
        raise BadInput(f"there is no PEM key without a password in {path}") from error
    if not isinstance(key, PrivateKey):
        raise BadInput(f"the key in {path} is neither EC nor RSA", "use the one made with the certificate")
    return key


def type_of(key: PrivateKey | object) -> KeyType:
    """Of a private or public key that is EC or RSA."""
    return KeyType.RSA if isinstance(key, rsa.RSAPrivateKey | rsa.RSAPublicKey) else KeyType.EC


def common_name(name: x509.Name) -> str:
    """The most specific common name, or the whole name where there is none."""
    found = name.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(found[-1].value) if found else name.rfc4514_string()


def hosts_of(certificate: x509.Certificate) -> tuple[str, ...]:
    """The host names and addresses it is for (subjectAltName)."""
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, ValueError):
        return ()
    addresses = names.get_values_for_type(x509.IPAddress)
    return (*names.get_values_for_type(x509.DNSName), *map(str, addresses))


def problems(
    certificate: x509.Certificate,
    *,
    key: object | None = None,
    ca: x509.Certificate | None = None,
    now: datetime | None = None,
) -> list[str]:
    """What is wrong with it, in words: dates, the key that should be its own, the CA that should have signed it."""
    found = []
    now = now or utc_now()
    if now < certificate.not_valid_before_utc:
        found.append(f"not valid before {certificate.not_valid_before_utc:%Y-%m-%d %H:%M} UTC")
    if now > certificate.not_valid_after_utc:
        found.append(f"expired on {certificate.not_valid_after_utc:%Y-%m-%d %H:%M} UTC")
    public = getattr(key, "public_key", None)
    if public is not None and _spki(public()) != _spki(certificate.public_key()):
        found.append("the key is not the certificate's own")
    if ca is not None:
        try:
            certificate.verify_directly_issued_by(ca)
        except (ValueError, TypeError, InvalidSignature):
            found.append(f"not signed by {common_name(ca.subject)}")
    return found


def describe(certificate: x509.Certificate) -> list[str]:
    """Its facts as lines of text."""
    hosts = hosts_of(certificate)
    return [
        f"name:    {common_name(certificate.subject)}",
        f"issuer:  {common_name(certificate.issuer)}",
        f"valid:   {certificate.not_valid_before_utc:%Y-%m-%d} to {certificate.not_valid_after_utc:%Y-%m-%d}",
        f"key:     {_key_in_words(certificate.public_key())}",
        f"serial:  {certificate.serial_number:x}",
        *([f"hosts:   {', '.join(hosts)}"] if hosts else []),
        f"sha256:  {certificate.fingerprint(hashes.SHA256()).hex()}",
    ]


# Making


def _new_key(key_type: KeyType) -> PrivateKey:
    if key_type is KeyType.RSA:
        return rsa.generate_private_key(65537, RSA_BITS)
    return ec.generate_private_key(ec.SECP256R1())


def _make_ca(made: Made, key_type: KeyType) -> None:
    key = _new_key(key_type)
    serial = x509.random_serial_number()
    # Two CAs of one name cannot be told apart in a finding, nor by some TLS libraries.
    name = _name(f"Authbench CA {serial:x}"[:24])
    public = key.public_key()
    builder = _builder(name, name, public, serial, CA_DAYS)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    builder = builder.add_extension(_usage(ca=True, rsa_key=False), critical=True)
    builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
    _write(made, builder.sign(key, hashes.SHA256()), key)


def _make_leaf(
    made: Made,
    ca: x509.Certificate,
    ca_key: PrivateKey,
    station: str | None,
    hosts: Sequence[x509.GeneralName],
    days: int,
) -> None:
    key = _new_key(type_of(ca_key))
    public = key.public_key()
    builder = _builder(_name(station or "authbench"), ca.subject, public, x509.random_serial_number(), days)
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    builder = builder.add_extension(_usage(ca=False, rsa_key=isinstance(key, rsa.RSAPrivateKey)), critical=True)
    purpose = ExtendedKeyUsageOID.SERVER_AUTH if station is None else ExtendedKeyUsageOID.CLIENT_AUTH
    builder = builder.add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
    if station is None:
        builder = builder.add_extension(x509.SubjectAlternativeName(list(hosts)), critical=False)
    builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
    builder = builder.add_extension(_key_identifier(ca), critical=False)
    _write(made, builder.sign(ca_key, hashes.SHA256()), key)


def _key_identifier(ca: x509.Certificate) -> x509.AuthorityKeyIdentifier:
    """As the CA gives it of itself; a CA of another's making need not."""
    try:
        own = ca.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    except x509.ExtensionNotFound:
        return x509.AuthorityKeyIdentifier.from_issuer_public_key(ca.public_key())  # type: ignore[arg-type]
    return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(own)


def _builder(
    subject: x509.Name, issuer: x509.Name, public: ec.EllipticCurvePublicKey | rsa.RSAPublicKey, serial: int, days: int
) -> x509.CertificateBuilder:
    now = utc_now()
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(public)
    # A term of no or fewer days makes an expired one, for tests of what refuses it.
    ends = now + timedelta(days=days)
    return builder.serial_number(serial).not_valid_before(min(now, ends) - SKEW).not_valid_after(ends)


def _name(common: str) -> x509.Name:
    return x509.Name(
        [x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Authbench"), x509.NameAttribute(NameOID.COMMON_NAME, common)]
    )


def _usage(*, ca: bool, rsa_key: bool) -> x509.KeyUsage:
    """rsa_key: the key may also encipher, for the TLS_RSA suites (RFC 5246 section 7.4.2)."""
    return x509.KeyUsage(
        digital_signature=not ca,
        content_commitment=False,
        key_encipherment=rsa_key,
        data_encipherment=False,
        key_agreement=not ca and not rsa_key,
        key_cert_sign=ca,
        crl_sign=ca,
        encipher_only=False,
        decipher_only=False,
    )


def _write(made: Made, certificate: x509.Certificate, key: PrivateKey) -> None:
    pem = serialization.Encoding.PEM
    secret = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    _put(made.key, secret, 0o600)
    _put(made.certificate, certificate.public_bytes(pem), 0o644)


def _put(path: Path, data: bytes, mode: int) -> None:
    """Write a new file and put it in place whole: its mode holds from the first byte on, and a crash leaves no half."""
    draft = path.with_name(path.name + ".new")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
        file.write(data)
    draft.replace(path)


# Checking


def _refuse_existing(wanted: Sequence[Made]) -> None:
    for made in wanted:
        for path in (made.certificate, made.key):
            if path.exists():
                raise OperatorError(
                    f"{path} is there already", "choose another folder, or replace what is there (--force)"
                )


def _common_name(station: str) -> str:
    if not 0 < len(station) <= MAX_NAME or not station.isprintable():
        raise BadInput(f"{station!r} cannot be the name in a certificate", f"use 1 to {MAX_NAME} printable characters")
    return station


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host.strip("[]")))
    except ValueError:
        pass
    try:
        ascii_name = host.encode("idna").decode() if host else ""
        if ascii_name and not re.search(r"[\s/:@]", ascii_name):
            return x509.DNSName(ascii_name)
    except UnicodeError:
        pass
    raise BadInput(f"{host!r} is no host name or address", "write for example --host bench.local or --host 10.0.0.5")


def _key_in_words(public: object) -> str:
    if isinstance(public, rsa.RSAPublicKey):
        return f"RSA {public.key_size} bits"
    return f"EC {public.curve.name}" if isinstance(public, ec.EllipticCurvePublicKey) else type(public).__name__


def _spki(public: object) -> bytes:
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return bytes(public.public_bytes(serialization.Encoding.DER, form))  # type: ignore[attr-defined]


def _bytes(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_FILE + 1)
    except OSError as error:
        raise BadInput(
            f"cannot read {path}: {error.strerror or error}",
            "make certificates with: authbench certificates make FOLDER",
        ) from error
    if len(data) > MAX_FILE:
        raise BadInput(f"{path} is too large for a certificate or key")
    return data
