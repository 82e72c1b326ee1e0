"""Cutting a stream of bytes into frames, for readers whose frames begin with a fixed head and tell their length."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from devices.rfid.driver import Flaw

MAX_JUNK = 512


class Wrong(NamedTuple):
    """Why bytes are no frame, or a frame that is not as it should be."""

    flaw: Flaw
    why: str


class Measured(NamedTuple):
    """What stands behind a head. end: where the frame ends; beyond the data = more bytes are needed.

    wrong: what is not right; the bytes are then no frame, but for ``bearable``.
    """

    end: int
    wrong: Wrong | None = None
    bearable: bool = False


Measure = Callable[[bytearray, int, bool], Measured]
"""Data, where a head begins, and whether nothing more will come -> what stands there."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of the stream: one frame, or noise. wrong: the first thing that was wrong with it."""

    raw: bytes
    is_frame: bool
    wrong: Wrong | None = None

    @property
    def flaw(self) -> Flaw | None:
        """As statistics count it; noise without another cause is noise."""
        if self.wrong is not None:
            return self.wrong.flaw
        return None if self.is_frame else Flaw.NOISE

    @property
    def why(self) -> str:
        return self.wrong.why if self.wrong is not None else f"{len(self.raw)} bytes that are no frame"


class Cutter(Protocol):
    """Takes bytes of any length; gives frames, and the noise between them, in the order of the wire."""

    @property
    def pending(self) -> bool:
        """Whether bytes wait for what follows."""
        ...

    def feed(self, data: bytes) -> list[Piece]: ...

    def give_up(self) -> list[Piece]:
        """Nothing more will come: the frames hidden behind an unfinished one, and the noise."""
        ...


class Junk:
    """Noise on its way to become a piece: kept in as few pieces as it came in, none much longer than :data:`MAX_JUNK`."""

    def __init__(self) -> None:
        self._bytes = bytearray()
        self._wrong: Wrong | None = None

    def __bool__(self) -> bool:
        return bool(self._bytes)

    def blame(self, wrong: Wrong) -> None:
        """Say what is wrong with the bytes that are added next; the first to say so is heard."""
        self._wrong = self._wrong or wrong

    def add(self, raw: bytes | bytearray, pieces: list[Piece]) -> None:
        self._bytes += raw
        if len(self._bytes) >= MAX_JUNK:
            self.flush(pieces)

    def flush(self, pieces: list[Piece]) -> None:
        if self._bytes:
            pieces.append(Piece(bytes(self._bytes), False, self._wrong))
            self._bytes.clear()
        self._wrong = None


class FrameCutter:
    """head: where a frame may begin, a head cut by the end of the data included. measure: see :data:`Measure`.

    What is rejected is searched again from behind its first byte, so a frame that was cut short never hides the next one.
    """

    def __init__(self, head: re.Pattern[bytes], measure: Measure) -> None:
        self._head = head
        self._measure = measure
        self._buffer = bytearray()
        self._junk = Junk()

    @property
    def pending(self) -> bool:
        return bool(self._buffer or self._junk)

    def feed(self, data: bytes) -> list[Piece]:
        self._buffer += data
        return self._scan(last=False)

    def give_up(self) -> list[Piece]:
        pieces = self._scan(last=True)
        self._junk.flush(pieces)
        return pieces

    def _scan(self, *, last: bool) -> list[Piece]:
        pieces: list[Piece] = []
        buffer = self._buffer
        told = at = 0
        waits_from = len(buffer)
        while (found := self._head.search(buffer, at)) is not None:
            start = found.start()
            end, wrong, bearable = self._measure(buffer, start, last)
            if end > len(buffer):
                if not last:
                    waits_from = start
                    break
                wrong, bearable = Wrong(Flaw.CUT, f"frame cut short, {end - len(buffer)} bytes are missing"), False
            if wrong is not None and not bearable:
                self._junk.blame(wrong)
                at = start + 1
                continue
            if start > told:
                self._junk.add(buffer[told:start], pieces)
            self._junk.flush(pieces)
            pieces.append(Piece(bytes(buffer[start:end]), True, wrong))
            told = at = end
        for begin in range(told, waits_from, MAX_JUNK):
            self._junk.add(buffer[begin : min(begin + MAX_JUNK, waits_from)], pieces)
        del buffer[:waits_from]
        return pieces


def xor8(data: bytes | bytearray) -> int:
    """The exclusive or of all bytes."""
    # Folding halves as one integer each is several times faster than a loop over the bytes.
    value, size = int.from_bytes(data, "big"), len(data)
    while size > 1:
        half = size - size // 2
        value = (value >> half * 8) ^ (value & (1 << half * 8) - 1)
        size = half
    return value
