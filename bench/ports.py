"""What adapters implement, and what they may say to the engine.

An adapter owns a wire. It stamps bytes at the edge, hands them to the :class:`Sink` and sends what it is told.
It takes no decision. Every Sink method is called on the event loop's thread; an adapter with a thread of its own
hands over through :mod:`devices.inbox`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

from bench.card import CardRead, CardRemoved
from bench.clock import Stamp
from bench.exchange import DecidedBy
from bench.message import Decoded, Direction, Message
from bench.tokens.model import Ask, Decision

if TYPE_CHECKING:
    from bench.settings import ReaderSettings


class LinkState(StrEnum):
    OFF = "off"
    CONNECTING = "connecting"
    UP = "up"
    FAULTY = "faulty"


@dataclass(frozen=True, slots=True)
class LinkStatus:
    """State of one link, for the link strip.

    name: ``reader:<port>``, ``josev``, ``ocpp``, ``csms``, ``maeve``, ``store``, ``capture``, ``api``.
    detail: address or what is wrong. cure: what to do, where something is wrong.
    """

    name: str
    state: LinkState
    detail: str = ""
    cure: str = ""


@dataclass(frozen=True, slots=True)
class StationOpened:
    """A charging station's WebSocket is open.

    version: negotiated OCPP version, ``1.6``, ``2.0.1`` or ``2.1``. offered: the subprotocols it named.
    user: basic-auth user, or None. peer_certificate_cn: the common name in its certificate (security profile 3), or None.
    security_profile: of the listener, 0 to 3, or None where it does not say. tls: its version, ``TLSv1.3``, or empty.
    """

    station: str
    version: str
    peer: str
    offered: tuple[str, ...]
    user: str | None
    stamp: Stamp
    peer_certificate_cn: str | None = None
    security_profile: int | None = None
    tls: str = ""


class Sink(Protocol):
    """The engine, as adapters see it."""

    @property
    def busy(self) -> bool:
        """More came in than could be recorded so far: a source that can wait should. Never for long, and never for a fault."""
        ...

    def link_changed(self, status: LinkStatus) -> None: ...

    def finding(self, rule: str, severity: str, text: str, cure: str = "") -> None:
        """Something an operator should know that belongs to no message (severity: info, warn, fail)."""
        ...

    # Readers
    def reader_frame(
        self, reader: str, direction: Direction, raw: bytes, decoded: Decoded, stamp: Stamp
    ) -> Message: ...

    def card_read(self, card: CardRead, seq: int) -> None:
        """A debounced card; seq is the journal number of the frame that carried it."""
        ...

    def card_removed(self, removed: CardRemoved) -> None: ...

    # Josev bus
    def bus_message(self, topic: str, payload: bytes, stamp: Stamp, meta: Mapping[str, object]) -> None:
        """A message from the broker, never the echo of our own publish. meta: qos, retain."""
        ...

    # OCPP
    def station_opened(self, opened: StationOpened) -> None: ...

    def station_frame(self, station: str, data: bytes, stamp: Stamp) -> None:
        """One text (or binary, meta-noted) WebSocket message of a station."""
        ...

    def station_closed(self, station: str, code: int, reason: str, stamp: Stamp) -> None: ...


class Adapter(Protocol):
    """Anything with a wire. start returns when it is trying (not: when it is up); stop ends every thread and task."""

    async def start(self, sink: Sink) -> None: ...

    async def stop(self) -> None: ...


@dataclass(slots=True)
class ReaderStats:
    """What came from one reader so far; counts only grow.

    frames: whole ones. cards: taps. repeats: reads of a card that lay there. checksum: frames whose check does not fit. noise: runs
    of bytes that are no frame, after each of which the decoder found the next one. cut: frames whose end never came. octets: bytes
    received. ups: how often the reader became ready.
    """

    frames: int = 0
    cards: int = 0
    repeats: int = 0
    checksum: int = 0
    noise: int = 0
    cut: int = 0
    octets: int = 0
    ups: int = 0

    def heard(self, octets: int, flaw: str | None) -> None:
        """A frame or a run of noise came. flaw: ``checksum``, ``noise`` or ``cut``; None = a whole frame."""
        self.octets += octets
        if flaw is None:
            self.frames += 1
        elif flaw == "checksum":
            self.checksum += 1
        elif flaw == "noise":
            self.noise += 1
        else:
            self.cut += 1


class Reader(Adapter, Protocol):
    """name: ``pn532:/dev/ttyUSB0``. stats: kept up to date by the reader, on the loop's thread. settings: as in a profile.
    orders: what it can be told to do, such as ``beep``.
    """

    @property
    def name(self) -> str: ...

    @property
    def stats(self) -> ReaderStats: ...

    @property
    def settings(self) -> ReaderSettings: ...

    @property
    def orders(self) -> tuple[str, ...]: ...

    def order(self, name: str) -> None:
        """Have it do one of its orders.

        Raises:
            BadInput: it cannot. LinkDown: it is not there.
        """
        ...


class Bus(Adapter, Protocol):
    """The MQTT bus."""

    @property
    def url(self) -> str:
        """``mqtt://host:port`` without credentials."""
        ...

    def publish(self, topic: str, payload: bytes) -> Stamp:
        """Send now, QoS 1, not retained.

        Raises:
            LinkDown: the broker is not connected. Nothing is queued: a grant sent late is a safety fault.
        """
        ...

    async def wait_ready(self, timeout_s: float) -> bool:
        """True once the broker acknowledged our subscriptions; False when the time ran out."""
        ...


class StationServer(Adapter, Protocol):
    """The OCPP WebSocket server."""

    @property
    def url(self) -> str:
        """``ws://host:port`` as bound; a station appends ``/`` and its id."""
        ...

    def send(self, station: str, data: bytes) -> Stamp:
        """Send one text message now.

        Raises:
            LinkDown: that station is not connected.
        """
        ...

    def close(self, station: str, code: int = 1000, reason: str = "") -> None: ...


class CsmsSink(Protocol):
    """The engine, as the connection to a CSMS sees it that the bench dials as a station."""

    def link_changed(self, status: LinkStatus) -> None: ...

    def finding(self, rule: str, severity: str, text: str, cure: str = "") -> None: ...

    def csms_opened(self, version: str, stamp: Stamp) -> None:
        """The CSMS took the connection. version: the OCPP version it chose."""
        ...

    def csms_frame(self, data: bytes, stamp: Stamp) -> None:
        """One WebSocket message of the CSMS."""
        ...

    def csms_closed(self, code: int, reason: str, stamp: Stamp) -> None: ...


class CsmsDialer(Protocol):
    """A CSMS that the bench connects to as a station, again and again. start returns when it is trying; stop ends every task."""

    @property
    def url(self) -> str:
        """As dialled, the station's identity at its end."""
        ...

    async def start(self, sink: CsmsSink) -> None: ...

    async def stop(self) -> None: ...

    def send(self, data: bytes) -> Stamp:
        """Send one text message now.

        Raises:
            LinkDown: the CSMS is not connected.
        """
        ...

    def hang_up(self, code: int = 1000, reason: str = "") -> None:
        """End the connection; it is dialled again. Nothing happens while there is none."""
        ...


class Fallback(Protocol):
    """An authority that is asked about tokens which the store does not know, such as another CSMS or a roaming hub."""

    @property
    def name(self) -> str:
        """As an operator knows it: ``MaEVe at http://10.0.0.7:9410``, without credentials."""
        ...

    @property
    def decided_by(self) -> DecidedBy:
        """Who decides where it does: ``csms`` or ``hub``."""
        ...

    async def ask(self, ask: Ask) -> Decision | None:
        """May this token charge; None: it does not know the token either. Who asks sets a time limit and cancels.

        Of the Decision count status, reason and token: an answer without a token is kept by nobody, and one with a token as
        long as its ``cache_mode`` allows.

        Raises:
            OperatorError: it cannot be asked or its answer cannot be used; with a cure.
        """
        ...
