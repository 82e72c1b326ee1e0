"""Why there is no MQTT connection, in plain words, and what to do about it: pure functions."""

from __future__ import annotations

import errno
import socket
import ssl
from dataclasses import dataclass

from devices.mqtt_url import BrokerAddress

# OpenSSL's verification errors, by what an operator can do about them (x509_vfy.h).
_EXPIRED = frozenset((9, 10))
_UNTRUSTED = frozenset((2, 18, 19, 20, 21))
_OTHER_NAME = frozenset((62, 64))


@dataclass(frozen=True, slots=True)
class Failure:
    """detail: what is wrong. cure: what to do."""

    detail: str
    cure: str


def of_connecting(error: BaseException | None, address: BrokerAddress) -> Failure:
    """The TCP or TLS connection did not come about."""
    match error:
        case ssl.SSLCertVerificationError():
            return _certificate(error, address)
        case ssl.SSLError():
            reason = getattr(error, "reason", None)
            if reason in ("WRONG_VERSION_NUMBER", "UNEXPECTED_EOF_WHILE_READING", "HTTP_REQUEST"):
                return Failure(
                    f"{address} does not speak TLS", "use mqtt://, or the broker's port for TLS (often 8883)"
                )
            return Failure(f"TLS with {address} failed: {reason or error}", "compare the broker's TLS settings")
        case socket.gaierror():
            return Failure(f"the host {address.host} is unknown", "check the name, or give the IP address")
        case ConnectionRefusedError():
            return Failure(f"nothing listens on {address}", "start the broker, or correct host and port")
        case TimeoutError():
            return Failure(f"{address} does not answer", "check address, cable and firewall")
        case ConnectionResetError():
            return Failure(f"{address} hung up while the connection was made", "check that this is the broker's port")
        case OSError() if error.errno in (errno.ENETUNREACH, errno.EHOSTUNREACH):
            return Failure(f"there is no route to {address}", "check network settings and cable")
        case OSError():
            return Failure(f"no connection to {address}: {error.strerror or error}", "check address and network")
    return Failure(f"no connection to {address}", "check address and network")


def of_refusal(reason: str, address: BrokerAddress, user: str | None) -> Failure:
    """The broker answered CONNECT with a refusal. reason: the reason's name as in MQTT 5 (2.4)."""
    if reason in ("Bad user name or password", "Not authorized"):
        if user is None:
            return Failure(f"the broker {address} wants a user and a password", "give a user: mqtt://user@host:port")
        return Failure(
            f"the broker {address} refused the user {user} or the password", "correct user and password in the profile"
        )
    if reason == "Unsupported protocol version":
        return Failure(f"the broker {address} does not speak MQTT 3.1.1", "use a broker that does")
    if reason == "Server unavailable":
        return Failure(f"the broker {address} is not ready", "wait, or look at the broker's log")
    return Failure(f"the broker {address} refused the connection: {reason}", "look at the broker's log")


def of_loss(address: BrokerAddress, was_accepted: bool) -> Failure:
    """The connection ended."""
    if was_accepted:
        return Failure(f"the connection to {address} was lost", "the bench tries again by itself; check the broker")
    return Failure(
        f"{address} hung up without an answer", "check that this is the broker's port; a port for TLS needs mqtts://"
    )


def of_silence(address: BrokerAddress, was_accepted: bool) -> Failure:
    """Connected, but no answer to CONNECT or SUBSCRIBE."""
    if was_accepted:
        return Failure(f"the broker {address} does not acknowledge subscriptions", "look at the broker's log")
    return Failure(f"{address} takes connections but does not answer MQTT", "check that this is the broker's port")


def of_unacknowledged(address: BrokerAddress, seconds: float) -> Failure:
    """A message of ours was not acknowledged; the connection was cut so that it cannot arrive late."""
    return Failure(
        f"the broker {address} did not acknowledge a message for {seconds:g} s, so the connection was cut",
        "check network and broker; the message is not sent again",
    )


def of_subscription(topics: tuple[str, ...], user: str | None) -> Failure:
    """The broker refused to let us hear topics."""
    who = f"the user {user}" if user else "anonymous clients"
    return Failure(
        f"the broker refused the subscription to {', '.join(topics)}",
        f"let {who} read there in the broker's access list",
    )


def _certificate(error: ssl.SSLCertVerificationError, address: BrokerAddress) -> Failure:
    why = error.verify_message
    if error.verify_code in _UNTRUSTED:
        return Failure(
            f"the certificate of {address} is not trusted: {why}", "set ca_file to the certificate of the broker's CA"
        )
    if error.verify_code in _OTHER_NAME:
        return Failure(
            f"the certificate of {address} is for another host: {why}", "use the host name the certificate was made for"
        )
    if error.verify_code in _EXPIRED:
        return Failure(
            f"the certificate of {address} is not valid now: {why}", "renew it, and check the clocks of both computers"
        )
    return Failure(f"the certificate of {address} was refused: {why}", "give the broker a certificate that is in order")
