"""The one story that every link tells: a numbered, stamped, immutable record of what crossed it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple


class Link(StrEnum):
    """The links of the bench; the word is the one used in filters, captures and the API."""

    READER = "reader"
    JOSEV = "josev"
    OCPP = "ocpp"
    HTTP = "http"
    HUB = "hub"
    MAEVE = "maeve"
    OCPI = "ocpi"
    EVEREST = "everest"


class Direction(StrEnum):
    """As seen from the bench."""

    IN = "in"
    OUT = "out"


@dataclass(frozen=True, slots=True)
class Malformed:
    """What could not be decoded: why, and where (a JSON path or ``byte N``). The bytes are kept beside it."""

    why: str
    where: str = ""


@dataclass(frozen=True, slots=True)
class Fault:
    """One violation found in a message that could be read.

    rule: short stable name (``josev.token-type``, ``ocpp.schema``), for filters and tests.
    text: one plain sentence with the value met and the value wanted.
    where: path inside the payload (``data.token_type``), or empty.
    """

    rule: str
    text: str
    where: str = ""


class Decoded(NamedTuple):
    """What a codec makes of raw bytes.

    kind: ``request response update`` (Josev), ``CALL CALLRESULT CALLERROR CALLRESULTERROR SEND`` (OCPP), ``frame line ack``
        (readers), ``link`` for a change of a link's state, ``malformed``.
    name: message name, OCPP action, reader command; empty when unknown.
    correlation: the id that ties an answer to its request, or None.
    body: the typed message of that codec, or Malformed.
    faults: violations found.
    summary: one short line for tables.
    """

    kind: str
    name: str
    correlation: str | None
    body: object
    faults: tuple[Fault, ...] = ()
    summary: str = ""


class Message(NamedTuple):
    """One thing seen on one link. A named tuple: made for every message, in a third of a frozen dataclass's time.

    seq: number in this journal, from 1, without gaps.
    mono_ns, utc_ns: the stamp taken at the edge.
    channel: topic, station id or port name.
    raw: the bytes exactly as they crossed the link.
    decoded: see :class:`Decoded`.
    meta: facts of the transport (``qos``, ``retain``, ``note``), or None.
    injected: made by the operator (edit and resend), not by the flow.
    """

    seq: int
    mono_ns: int
    utc_ns: int
    link: Link
    direction: Direction
    channel: str
    raw: bytes
    decoded: Decoded
    meta: Mapping[str, object] | None = None
    injected: bool = False

    @property
    def malformed(self) -> bool:
        return isinstance(self.decoded.body, Malformed)


def malformed(why: str, where: str = "", *, name: str = "", correlation: str | None = None) -> Decoded:
    """A Decoded for bytes that cannot be read."""
    return Decoded("malformed", name, correlation, Malformed(why, where), (Fault("malformed", why, where),), why)
