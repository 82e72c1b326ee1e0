"""What a reader driver is: bytes and time in, events and bytes out. No I/O and no clock inside.

The same code then runs on a real port, a pseudo-terminal, a socket and a table of test vectors.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from bench.card import Technology
from bench.clock import Stamp
from bench.message import Decoded, Direction
from devices.rfid.presence import PresenceRule


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame, line or run of noise on the wire. stamp: when its last byte passed."""

    direction: Direction
    raw: bytes
    decoded: Decoded
    stamp: Stamp


@dataclass(frozen=True, slots=True)
class CardSeen:
    """A card was read, perhaps not for the first time; it follows the Frame that carried it.

    uid: byte 0 first (ISO 14443-3). raw: that frame. sak, atqa, ats: as far as the reader tells.
    """

    uid: bytes
    technology: Technology
    raw: bytes
    stamp: Stamp
    sak: int | None = None
    atqa: int | None = None
    ats: bytes = b""


@dataclass(frozen=True, slots=True)
class PollEnded:
    """A polled reader answered: these UIDs are in its field, every other card was missed once."""

    uids: tuple[bytes, ...]
    stamp: Stamp


@dataclass(frozen=True, slots=True)
class NothingSeen:
    """The reader itself says that its field is empty."""

    stamp: Stamp


@dataclass(frozen=True, slots=True)
class Ready:
    """The reader can be used. detail: what it says of itself."""

    detail: str


@dataclass(frozen=True, slots=True)
class Trouble:
    """The port is open, but the reader behind it is of no use. cure: what to do."""

    what: str
    cure: str


@dataclass(frozen=True, slots=True)
class Notice:
    """Something the operator should know of a frame that gave no card (severity: info, warn, fail)."""

    rule: str
    severity: str
    text: str
    cure: str = ""


Event = Frame | CardSeen | PollEnded | NothingSeen | Ready | Trouble | Notice


class Driver(Protocol):
    """The conversation with one reader over one connection; a new connection gets a new driver.

    Whoever owns the wire feeds what arrives, then calls tick and poll, and again when ``deadline_ns`` has come.
    """

    def feed(self, data: bytes, stamp: Stamp) -> list[Event]:
        """Take bytes of any length. stamp: when they arrived."""
        ...

    def tick(self, now: Stamp) -> list[Event]:
        """Let time pass: idle gaps end lines, silence ends patience."""
        ...

    def poll(self, now_ns: int) -> list[bytes]:
        """What to send now, in order; monotonic nanoseconds."""
        ...

    def describe(self, sent: bytes) -> Decoded:
        """What the journal says of one item that poll gave and that was sent."""
        ...

    def end(self) -> list[Event]:
        """The connection is gone: hand over the bytes that never became a frame."""
        ...

    @property
    def deadline_ns(self) -> int | None:
        """When tick and poll want to be called next; None = only after new bytes."""
        ...


@dataclass(frozen=True, slots=True)
class DriverInfo:
    """What the registry knows of a driver; its module offers one as ``DRIVER``.

    reads: the readers it speaks to and the cards they read. baud: default rate, 8N1. rule: when a card counts as gone.
    make: a driver for one connection.
    """

    name: str
    reads: str
    baud: int
    rule: PresenceRule
    make: Callable[[], Driver]
    aliases: tuple[str, ...] = ()
