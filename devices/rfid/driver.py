"""What a reader driver is: bytes and time in, events and bytes out. No I/O and no clock inside.

The same code then runs on a real port, a pseudo-terminal, a socket and a table of test vectors.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from bench.card import Hint, Technology
from bench.clock import Stamp
from bench.codecs.spans import Span
from bench.errors import BadInput
from bench.message import Decoded, Direction
from bench.serial_port import Option
from devices.rfid.presence import PresenceRule


class Flaw(StrEnum):
    """What is wrong with bytes that came from a reader; statistics count each."""

    CHECKSUM = "checksum"  # a frame by its layout, but its check does not fit
    NOISE = "noise"  # bytes that are no part of a frame: the decoder had to find the next one
    CUT = "cut"  # the beginning of a frame whose end never came


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame, line or run of noise on the wire. stamp: when its last byte passed. flaw: None = as it should be."""

    direction: Direction
    raw: bytes
    decoded: Decoded
    stamp: Stamp
    flaw: Flaw | None = None


@dataclass(frozen=True, slots=True)
class CardSeen:
    """A card was read, perhaps not for the first time; it follows the Frame that carried it.

    uid: byte 0 first (ISO 14443-3). raw: that frame. sak, atqa, ats: as far as the reader tells. hints: traps that only the
    driver can know of, beside those of :func:`bench.card.hints_of`.
    """

    uid: bytes
    technology: Technology
    raw: bytes
    stamp: Stamp
    sak: int | None = None
    atqa: int | None = None
    ats: bytes = b""
    hints: tuple[Hint, ...] = ()


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

    def order(self, name: str) -> None:
        """Have the reader do one of its :attr:`DriverInfo.orders`; what that takes is sent by the next poll.

        Raises:
            BadInput: it cannot do that.
        """
        ...

    def end(self) -> list[Event]:
        """The connection is gone: hand over the bytes that never became a frame."""
        ...

    @property
    def deadline_ns(self) -> int | None:
        """When tick and poll want to be called next; None = only after new bytes."""
        ...


class Listener:
    """What drivers share that never send: readers that speak by themselves."""

    def poll(self, now_ns: int) -> list[bytes]:
        return []

    def describe(self, sent: bytes) -> Decoded:
        return Decoded("bytes", "", None, sent, summary=sent.hex(" ").upper())

    def order(self, name: str) -> None:
        raise BadInput(f"this reader cannot {name}", "it takes no orders: it only sends")


@dataclass(frozen=True, slots=True)
class Probe:
    """How to find out whether a polled reader is there; sent only to a port that the operator chose.

    request: harmless to other devices as far as that can be. answer: what the reader says of itself, or empty where these
    bytes are no answer of such a reader.
    """

    request: bytes
    answer: Callable[[bytes], str]


@dataclass(frozen=True, slots=True)
class DriverInfo:
    """What the registry knows of a driver; its module offers one as ``DRIVER``, or several as ``DRIVERS``.

    reads: the readers it speaks to and the cards they read. baud: default rate, 8N1. rule: when a card counts as gone.
    make: a driver for one connection, with a value for every option. explain: names every byte of one of its messages, each in
    exactly one span. bauds: rates at which such readers are found, the usual one first; Detect tries them. orders: what the
    reader can be told to do, such as ``beep``. probe: None = such readers speak by themselves.
    """

    name: str
    reads: str
    baud: int
    rule: PresenceRule
    make: Callable[[Mapping[str, str]], Driver]
    explain: Callable[[bytes], list[Span]]
    aliases: tuple[str, ...] = ()
    bauds: tuple[int, ...] = ()
    options: tuple[Option, ...] = ()
    orders: tuple[str, ...] = ()
    probe: Probe | None = None

    def choose(self, given: Mapping[str, str]) -> dict[str, str]:
        """A value for every option, the default where none is given.

        Raises:
            BadInput: no such option, or not one of its choices.
        """
        options = {option.name: option for option in self.options}
        for name, value in given.items():
            option = options.get(name)
            if option is None:
                known = ", ".join(options) or "none"
                raise BadInput(f"the driver {self.name} has no option {name}", f"its options: {known}")
            if option.choices and value not in option.choices:
                raise BadInput(f"{name} of {self.name} cannot be {value!r}", f"choose from {', '.join(option.choices)}")
        return {name: given.get(name, option.default) for name, option in options.items()}
