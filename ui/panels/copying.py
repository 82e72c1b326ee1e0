"""Messages as text to take away."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from bench.masking import mask
from bench.message import Message

if TYPE_CHECKING:
    from bench.session import Session


def mosquitto_pub(message: Message, session: Session, *, reveal: bool = False) -> str:
    """A command line that publishes a bus message again; secrets masked unless revealed.

    Bytes that are no text go in through a pipe.
    """
    raw = message.raw if reveal else mask(message).raw
    bus = getattr(session, "bus", None)
    url = urlsplit(bus.url if bus is not None else session.profile.bus.url)
    qos = message.meta.get("qos", 1) if message.meta else 1
    words = ["mosquitto_pub", "-h", url.hostname or "127.0.0.1", "-p", str(url.port or 1883)]
    words += ["-t", message.channel, "-q", str(qos)]
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        text = "\0"
    if "\0" not in text:
        return shlex.join([*words, "-m", text])
    octal = "".join(f"\\{byte:03o}" for byte in raw)
    return f"printf '{octal}' | {shlex.join([*words, '-s'])}"
