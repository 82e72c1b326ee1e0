"""What a :class:`~devices.ocpp.connection.Connection` wants of the server behind it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from websockets.http11 import Request

from bench.clock import Stamp
from bench.maeve.model import StationAuth
from devices.ocpp.handshake import Refusal

if TYPE_CHECKING:
    from devices.ocpp.connection import Connection


class Host(Protocol):
    """The server behind a connection."""

    @property
    def subprotocols(self) -> tuple[str, ...]: ...

    @property
    def ping_s(self) -> float: ...

    @property
    def read_buffer(self) -> memoryview:
        """What is read goes through it; one for all connections, since a read is copied out before the next one."""
        ...

    @property
    def password_of(self) -> Callable[[str], str | None] | None:
        """The password of a station, asked on another thread; None where none is demanded."""
        ...

    @property
    def password_optional(self) -> bool:
        """A station of which no password is known is let in."""
        ...

    def registered(self, station: str) -> StationAuth | None:
        """What that station must show, where it was registered with credentials of its own."""
        ...

    def prepare(self, connection: Connection, station: str, request: Request) -> asyncio.Task[str | Refusal] | None:
        """Before a station is let in, where something must be done first: the subprotocol to speak with it, or why it is turned
        away. None: nothing.
        """
        ...

    def arrived(self, connection: Connection) -> Refusal | None: ...

    def admit(self, path: str) -> str | Refusal: ...

    def opened(self, connection: Connection, offered: tuple[str, ...], user: str | None, at: Stamp) -> None: ...

    def frame(self, connection: Connection, data: bytes, at: Stamp, binary: bool) -> None: ...

    def writable(self, connection: Connection, ready: bool) -> None:
        """The station reads too slowly, or took in what waited for it."""
        ...

    def finding(self, rule: str, severity: str, text: str, cure: str = "", *, who: str = "") -> None:
        """who: whose repeats are counted, and told no more when they are many; empty: told each time."""
        ...

    def lost(self, connection: Connection) -> None: ...
