"""Gwiot 7941W: asked again and again for a 13.56 MHz and a 125 kHz card. Layout: :mod:`bench.codecs.gwiot_7941w_bytes`.

An answer does not say which command it answers, so the length of a number tells what it is: five bytes are EM4100.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from bench.card import Technology
from bench.clock import NS_PER_MS, Stamp
from bench.codecs import gwiot_7941w_bytes as gwiot
from bench.errors import BadInput
from bench.message import Decoded, Direction, Fault, malformed
from bench.serial_port import Option
from devices.rfid.cutting import Found, FrameCutter, Layout, Piece, cut_whole
from devices.rfid.driver import CardSeen, DriverInfo, Event, Flaw, Frame, PollEnded, Probe, Ready, Trouble
from devices.rfid.frame_reader import FrameReader, noise_frame
from devices.rfid.presence import POLLED

ANSWER_LIMIT_NS = 500 * NS_PER_MS
# Each question is two rows of the journal.
ROUND_PAUSE_NS = 200 * NS_PER_MS
BETWEEN_NS = 20 * NS_PER_MS
MAX_SILENT = 3

_ASKS = {
    "both": (gwiot.READ_UID, gwiot.READ_LF_ID),
    "hf": (gwiot.READ_UID,),
    "lf": (gwiot.READ_LF_ID,),
}
_TECHNOLOGIES = {
    4: Technology.ISO14443,
    5: Technology.EM4100,
    7: Technology.ISO14443,
    8: Technology.ISO15693,
    10: Technology.ISO14443,
}

_DEAF = (
    "no 7941W answers on this port",
    "check that TX and RX are crossed, its 5 V supply, the baud rate (115200 or 9600), and that this is its port",
)
_LOST = ("the 7941W stopped answering", "check its power and cable; the bench goes on asking it")


def _measure(data: bytearray, start: int, last: bool) -> Found:
    body = start + gwiot.HEAD
    if len(data) >= body and data[body - 1] > gwiot.MAX_DATA:
        return Found((body,), Flaw.NOISE, resume=start + 1)
    end = body + data[body - 1] + 1 if len(data) >= body else body + 1
    if end <= len(data) and gwiot.check(data[start + 2 : end]):
        return Found((end,), Flaw.CHECKSUM, resume=start + 1)
    return Found((end,))


# A wrong answer, and one that begins inside it, may wait.
_ANSWERS = Layout(re.compile(rb"\xcd(?:\xdc|\Z)"), 2 * (gwiot.HEAD + gwiot.MAX_DATA + 1), _measure)


@dataclass(frozen=True, slots=True)
class Command:
    address: int
    name: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Answer:
    address: int
    status: str
    data: bytes


class Gwiot7941W(FrameReader):
    """asks: the commands of one round, in order."""

    def __init__(self, asks: tuple[int, ...] = _ASKS["both"]) -> None:
        super().__init__(FrameCutter(_ANSWERS))
        self._asks = asks
        self._next = 0  # of asks
        self._found: list[bytes] = []  # in this round
        self._waiting = False
        self._due_ns = 0  # when the next command may go out
        self._limit_ns = 0  # until when the reader may take to answer
        self._silent = 0  # commands in a row without an answer
        self._up = self._ever_up = False

    def poll(self, now_ns: int) -> list[bytes]:
        if self._waiting or now_ns < self._due_ns:
            return []
        self._waiting = True
        self._limit_ns = now_ns + ANSWER_LIMIT_NS
        return [gwiot.build(self._asks[self._next])]

    def tick(self, now: Stamp) -> list[Event]:
        events = super().tick(now)
        if self._waiting and now.mono_ns >= self._limit_ns:
            events += self._overdue(now)
        return events

    def take(self, piece: Piece, stamp: Stamp) -> list[Event]:
        raw = piece.raw
        parts = gwiot.parse(raw)
        status = gwiot.STATUS.get(parts.code, f"status {parts.code:02X}")
        body = Answer(parts.address, status, parts.data)
        technology = _TECHNOLOGIES.get(len(parts.data)) if parts.code == gwiot.DONE else None
        faults: tuple[Fault, ...] = ()
        summary = status
        if technology is not None:
            summary = f"{technology.value} UID {parts.data.hex().upper()}"
        elif parts.code == gwiot.DONE and parts.data:
            faults = (
                Fault("reader.uid-length", f"{len(parts.data)} bytes are no UID: 4, 5, 7, 8 or 10 are", "byte 5"),
            )
        elif parts.code not in gwiot.STATUS:
            faults = (Fault("reader.status", f"status {parts.code:02X} is none that is known", "byte 3"),)
        name = "card" if technology is not None else "answer"
        events: list[Event] = [Frame(Direction.IN, raw, Decoded("frame", name, None, body, faults, summary), stamp)]
        # A card in a late answer was in the field all the same.
        if technology is not None:
            events.append(CardSeen(parts.data, technology, raw, stamp))
            self._found.append(parts.data)
        return events + self._answered(stamp)

    def take_noise(self, piece: Piece, stamp: Stamp) -> list[Event]:
        if piece.flaw is not Flaw.CHECKSUM:
            return [noise_frame(piece, stamp)]
        # The same question comes again by itself: no more than the frame is told.
        text = f"xor is {piece.raw[-1]:02X}, that of addr to data is {gwiot.check(piece.raw[2:-1]):02X}"
        decoded = malformed(text)._replace(faults=(Fault("reader.checksum", text),))
        return [Frame(Direction.IN, piece.raw, decoded, stamp, piece.flaw)]

    def describe(self, sent: bytes) -> Decoded:
        parts = gwiot.parse(sent)
        name = gwiot.COMMANDS.get(parts.code, f"command {parts.code:02X}")
        return Decoded("frame", name, None, Command(parts.address, name, parts.data), summary=name)

    def order(self, name: str) -> None:
        raise BadInput(f"a 7941W cannot {name}", "no command of its is known for a light or a buzzer")

    @property
    def deadline_ns(self) -> int | None:
        due = self._limit_ns if self._waiting else self._due_ns
        pause = self.pause_ends_ns
        return due if pause is None else min(due, pause)

    def _answered(self, stamp: Stamp) -> list[Event]:
        if not self._waiting:
            return []
        self._silent = 0
        events: list[Event] = [] if self._up else [Ready("Gwiot 7941W")]
        self._up = self._ever_up = True
        return events + self._go_on(stamp)

    def _overdue(self, now: Stamp) -> list[Event]:
        self._silent += 1
        if self._silent < MAX_SILENT:
            return self._go_on(now)
        self._silent = 0
        self._up = False
        self._next = 0
        self._found.clear()
        self._waiting = False
        self._due_ns = now.mono_ns + ROUND_PAUSE_NS
        return [Trouble(*(_LOST if self._ever_up else _DEAF))]

    def _go_on(self, now: Stamp) -> list[Event]:
        """The next command of the round, or the next round."""
        self._waiting = False
        self._next = (self._next + 1) % len(self._asks)
        if self._next:
            self._due_ns = now.mono_ns + BETWEEN_NS
            return []
        self._due_ns = now.mono_ns + ROUND_PAUSE_NS
        found, self._found = tuple(self._found), []
        return [PollEnded(found, now)]


def _answer_to_probe(data: bytes) -> str:
    return "Gwiot 7941W" if any(piece.is_frame for piece in cut_whole(_ANSWERS, data)) else ""


def _make(options: Mapping[str, str]) -> Gwiot7941W:
    return Gwiot7941W(_ASKS[options["cards"]])


DRIVER = DriverInfo(
    "7941w",
    "Gwiot 7941W (asked by the bench): ISO 14443-A and EM4100",
    115200,
    POLLED,
    _make,
    gwiot.explain,
    ("gwiot_7941w",),
    bauds=(115200, 9600),
    options=(Option("cards", "what to ask for: 13.56 MHz (hf), 125 kHz (lf) or both", "both", ("both", "hf", "lf")),),
    probe=Probe(gwiot.build(gwiot.READ_UID), _answer_to_probe),
)
