"""Where an MQTT broker is: ``mqtt://[user[:password]@]host[:port]`` or ``mqtts://...`` with TLS."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

from bench.errors import BadInput

PORTS = {"mqtt": 1883, "mqtts": 8883}
MAX_URL = 2_000
MAX_HOST = 253

_CURE = "write it as mqtt://host:1883, or mqtts://host:8883 with TLS"


@dataclass(frozen=True, slots=True)
class BrokerAddress:
    """One broker. user, password: None where the URL has none; never shown."""

    host: str
    port: int
    tls: bool = False
    user: str | None = None
    password: str | None = field(default=None, repr=False)

    @property
    def url(self) -> str:
        """``mqtt://host:port`` without credentials."""
        return f"{'mqtts' if self.tls else 'mqtt'}://{self}"

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def parse_url(url: str) -> BrokerAddress:
    """Read a broker's URL; user and password may be percent-encoded.

    Raises:
        BadInput: it is none; the message says what is wrong with it, and never shows a password.
    """
    text = url.strip()
    if not text:
        raise BadInput("the broker's URL is empty", _CURE)
    if len(text) > MAX_URL or not text.isprintable() or " " in text:
        raise BadInput("the broker's URL has characters that no URL has, or too many of them", _CURE)
    try:
        parts = urlsplit(text)
    except ValueError as error:
        # The error may quote user and password.
        raise BadInput("the broker's URL cannot be read: its host is none that a URL can have", _CURE) from error
    if "://" not in text:
        raise BadInput(f"the broker's URL does not begin with mqtt:// or mqtts://: {_without_user(text)}", _CURE)
    if parts.scheme not in PORTS:
        raise BadInput(f"{parts.scheme}:// is no way to this broker", _CURE)
    if parts.path.strip("/") or parts.query or parts.fragment:
        raise BadInput("the broker's URL goes on after the port; topics belong in the profile", _CURE)
    return BrokerAddress(
        _host(parts.hostname),
        _port(parts.netloc, parts.scheme),
        parts.scheme == "mqtts",
        unquote(parts.username) if parts.username else None,
        unquote(parts.password) if parts.password is not None else None,
    )


def _host(host: str | None) -> str:
    if not host:
        raise BadInput("the broker's URL names no host", _CURE)
    try:
        host.encode("idna")
    except UnicodeError as error:
        raise BadInput(f"{host[:MAX_HOST]} is no host name", _CURE) from error
    return host


def _port(netloc: str, scheme: str) -> int:
    text = netloc.rpartition("@")[2].rpartition("]")[2].partition(":")[2]
    if not text:
        return PORTS[scheme]
    if not (text.isascii() and text.isdigit() and len(text) <= 5 and 1 <= int(text) <= 65535):
        raise BadInput(f"{text[:20]} is no port", "ports are 1 to 65535")
    return int(text)


def _without_user(text: str) -> str:
    return text.rpartition("@")[2][:80]
