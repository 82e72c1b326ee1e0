"""TLS of the OCPP listener, and what went wrong in a handshake, in words (OCPP 2.0.1 A00, 1.6 security whitepaper)."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from weakref import WeakKeyDictionary

from bench.clock import utc_now
from bench.errors import OperatorError
from bench.settings import SecuritySettings
from devices.ocpp import certificates
from devices.ocpp.certificates import KeyType
from devices.ocpp.handshake import Refusal

_MAKE = "make them with: authbench certificates make FOLDER"
_RECORD_HANDSHAKE = 0x16  # the first byte of TLS (RFC 8446 section 5.1)
_HTTP = (b"GET ", b"POST", b"HEAD", b"PUT ", b"OPTI", b"CONN", b"DELE", b"PATC")


# What Python offers by default, and the suites without ECDHE that OCPP demands of an RSA key (2.0.1 A00.FR.318).
_RSA_SUITES = "ECDHE+AESGCM:ECDHE+CHACHA20:ECDHE+AES:DHE+AES:AES128-GCM-SHA256:AES256-GCM-SHA384:!aNULL:!eNULL:!aDSS:!SHA1:!AESCCM"


@dataclass(frozen=True, slots=True)
class TlsServer:
    """A server's TLS. hosts: what its certificate is for. station_ca: name of the CA that stations need, or empty for none.
    key_type: of its key. asked: the host name each connection asked for. valid: from when to when its certificate is, where known.
    """

    context: ssl.SSLContext
    hosts: tuple[str, ...] = ()
    station_ca: str = ""
    key_type: KeyType = KeyType.EC
    asked: WeakKeyDictionary[object, str] = field(default_factory=WeakKeyDictionary)
    valid: tuple[datetime, datetime] | None = None

    def __post_init__(self) -> None:
        self.context.sni_callback = self._hear

    def _hear(self, connection: object, name: str | None, context: object) -> None:
        """Server Name Indication: what a finding about a wrong host name tells."""
        if name:
            self.asked[connection] = name[:255]


def server_tls(settings: SecuritySettings) -> TlsServer | None:
    """The TLS of a security profile, None for 0 and 1. TLS 1.2 at least; 3 demands a station certificate.

    Raises:
        OperatorError: a file is not named, not there, not PEM, expired, or certificate and key do not belong together.
    """
    if settings.profile < 2:
        return None
    certificate = _needed(settings.certificate, "certificate", settings.profile)
    key = _needed(settings.key, "key", settings.profile)
    own = certificates.read(certificate)
    wrong = certificates.problems(own)
    if wrong:
        raise OperatorError(f"the certificate {certificate} cannot be used: {wrong[0]}", _MAKE)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION
    try:
        # Without this, OpenSSL asks for the password of a locked key on the terminal, and all stands still.
        context.load_cert_chain(certificate, key, password=lambda: b"")
    except OSError as error:
        if isinstance(error, ssl.SSLError) and error.reason == "KEY_VALUES_MISMATCH":
            what = f"the key {key} does not belong to the certificate {certificate}"
        else:
            what = f"the key {key} cannot be used: {error.strerror or error}"
        raise OperatorError(what, _MAKE) from error
    key_type = certificates.type_of(own.public_key())
    if key_type is KeyType.RSA:
        context.set_ciphers(_RSA_SUITES)
    station_ca = ""
    if settings.profile == 3:
        file = _needed(settings.station_ca, "station_ca", settings.profile)
        authority = certificates.read_all(file)
        for one in authority:
            wrong = certificates.problems(one)
            if wrong:
                raise OperatorError(f"the stations' CA in {file} cannot be used: {wrong[0]}", _MAKE)
        context.load_verify_locations(file)
        context.verify_mode = ssl.CERT_REQUIRED
        station_ca = ", ".join(certificates.common_name(one.subject) for one in authority[:3])
    valid = own.not_valid_before_utc, own.not_valid_after_utc
    return TlsServer(context, certificates.hosts_of(own), station_ca, key_type, valid=valid)


def _needed(path: Path | None, name: str, profile: int) -> Path:
    if path is None:
        raise OperatorError(
            f"security profile {profile} needs a file for {name}", f"name it under [ocpp.security]; {_MAKE}"
        )
    return path.expanduser()


def not_tls(first: bytes) -> Refusal | None:
    """What a station speaks that does not speak TLS on a TLS port, by its first bytes; None for TLS."""
    if first[:1] == bytes([_RECORD_HANDSHAKE]):
        return None
    if first[:4] in _HTTP:
        return Refusal(
            400,
            "ocpp.plain-on-tls-port",
            "it speaks plain HTTP (ws://), but this port is TLS (wss://): a lower security profile is not let in",
            "set the station to wss:// and security profile 2 or 3",
        )
    return Refusal(400, "ocpp.not-tls", "it speaks no TLS", "look what connects to this port")


def explain(error: Exception | None, server: TlsServer, name: str = "", saw_hello: bool = True) -> Refusal:
    """Why a handshake failed. error: of OpenSSL, or None when the connection ended. name: the host the station asked for."""
    reason = (getattr(error, "reason", None) or "") if error is not None else ""
    if error is None:
        return _ended(server, name, saw_hello)
    if isinstance(error, ssl.SSLCertVerificationError):
        return _station_certificate(error, server)
    if reason == "PEER_DID_NOT_RETURN_A_CERTIFICATE":
        return _refused(
            "ocpp.no-client-certificate",
            "it showed no certificate; security profile 3 needs one",
            f"give the station a certificate signed by {server.station_ca or 'the station CA'}",
        )
    if reason in ("UNSUPPORTED_PROTOCOL", "VERSION_TOO_LOW", "TLSV1_ALERT_PROTOCOL_VERSION", "WRONG_SSL_VERSION"):
        return _refused(
            "ocpp.tls-version",
            "its TLS version is too old; OCPP needs TLS 1.2 or later",
            "update the station's software, or switch on TLS 1.2 there",
        )
    if reason in ("NO_SHARED_CIPHER", "SSLV3_ALERT_HANDSHAKE_FAILURE", "NO_SUITABLE_SIGNATURE_ALGORITHM"):
        return _refused(
            "ocpp.tls-cipher",
            "no TLS cipher suite is known to both sides",
            _SUITES_CURE[server.key_type],
        )
    if reason == "EXCESSIVE_MESSAGE_SIZE":
        return _refused(
            "ocpp.tls-too-large",
            "a message of its TLS handshake is too large, such as a chain of very many certificates",
            "give the station its own certificate and those between it and the CA, no more",
        )
    if "ALERT" in reason:
        return _alert(reason, server, name)
    return _refused("ocpp.tls-handshake", f"the TLS handshake failed: {reason or error}", "look at the station's log")


_SUITES_CURE = {
    KeyType.EC: "switch on ECDHE-ECDSA suites with AES-GCM in the station (this bench's key is an EC key), "
    "or make certificates with RSA keys: authbench certificates make FOLDER --key-type rsa",
    KeyType.RSA: "switch on ECDHE-RSA or RSA suites with AES-GCM in the station (this bench's key is an RSA key)",
}


def _refused(rule: str, text: str, cure: str = "") -> Refusal:
    return Refusal(0, rule, text, cure)


def _station_certificate(error: ssl.SSLCertVerificationError, server: TlsServer) -> Refusal:
    signer = server.station_ca or "the station CA"
    if error.verify_code == 10:
        return _refused("ocpp.client-certificate-expired", "its certificate has expired", "give it a new one")
    if error.verify_code == 9:
        return _refused(
            "ocpp.client-certificate-not-yet-valid",
            "its certificate is not valid yet",
            "look at the clock of this computer, and at the certificate's dates",
        )
    if error.verify_code in (2, 7, 18, 19, 20, 21):
        return _refused(
            "ocpp.client-certificate-ca",
            f"its certificate is not signed by {signer} ({error.verify_message})",
            "give the station a certificate of that CA, or name the CA that signed it as station_ca",
        )
    if error.verify_code in (22, 25):
        return _refused(
            "ocpp.client-certificate-chain",
            f"the chain of its certificates is too long ({error.verify_message})",
            "give it a certificate nearer to the CA",
        )
    if error.verify_code == 26:
        return _refused(
            "ocpp.client-certificate-purpose",
            f"its certificate is not made for clients ({error.verify_message})",
            "give it one with the extended key usage clientAuth: authbench certificates make FOLDER --station NAME",
        )
    return _refused(
        "ocpp.client-certificate", f"its certificate is not accepted: {error.verify_message}", "give it another one"
    )


def _alert(reason: str, server: TlsServer, name: str) -> Refusal:
    """The station refused; what the alert means (RFC 8446 section 6.2)."""
    word = reason.partition("ALERT_")[2].lower().replace("_", " ")
    if word == "unknown ca":
        return _refused(
            "ocpp.server-certificate-ca",
            "it does not know the CA that signed this bench's certificate (its alert: unknown CA)",
            "install the bench's CA certificate (ca.pem) in the station",
        )
    if word in ("certificate expired", "bad certificate", "certificate unknown") and (wrong := out_of_date(server)):
        return _refused(
            "ocpp.server-certificate-expired",
            f"it does not accept this bench's certificate, which {wrong} (its alert: {word})",
            f"{_MAKE} --force, install the new ca.pem in the stations, and start the bench again",
        )
    if word == "certificate expired":
        return _refused(
            "ocpp.server-certificate-expired",
            "it takes this bench's certificate for expired",
            "look at the station's clock, and at the certificate: authbench certificates show FILE",
        )
    if word in ("bad certificate", "certificate unknown", "unsupported certificate", "unrecognized name"):
        return _name_or_date(word, server, name)
    if word == "protocol version":
        return _refused("ocpp.tls-version", "it speaks no TLS version of this bench", "switch on TLS 1.2 in it")
    return _refused("ocpp.tls-alert", f"it ended the TLS handshake with the alert {word!r}", "look at its log")


def out_of_date(server: TlsServer, now: datetime | None = None) -> str:
    """What is wrong with the dates of the server's own certificate, or an empty text."""
    if server.valid is None:
        return ""
    first, last = server.valid
    now = now or utc_now()
    if now > last:
        return f"expired on {last:%Y-%m-%d %H:%M} UTC"
    return f"is not valid before {first:%Y-%m-%d %H:%M} UTC" if now < first else ""


def _name_or_date(word: str, server: TlsServer, name: str) -> Refusal:
    names = ", ".join(server.hosts) or "no host"
    if name and name not in server.hosts:
        return _refused(
            "ocpp.server-certificate-host",
            f"it connected to {name}, but this bench's certificate is for {names} (its alert: {word})",
            f"make one that names it: authbench certificates make FOLDER --host {name} --force",
        )
    return _refused(
        "ocpp.server-certificate",
        f"it does not accept this bench's certificate, which is for {names} (its alert: {word})",
        "compare that with the URL in the station, and its clock with the certificate's dates",
    )


def _ended(server: TlsServer, name: str, saw_hello: bool) -> Refusal:
    if not saw_hello:
        return _refused("ocpp.no-handshake", "it connected and closed again without a word", "look at its log")
    names = ", ".join(server.hosts) or "no host"
    asked = f" (it asked for {name})" if name else ""
    return _refused(
        "ocpp.tls-ended",
        f"it closed the connection after it saw this bench's certificate{asked}, without an alert that says why",
        f"look whether the station has the bench's CA, and connects to one of {names}",
    )
