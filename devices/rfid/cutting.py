"""Cutting a stream of bytes into frames and the noise between them."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from bench.clock import NS_PER_MS
from bench.codecs.spans import bytes_text
from devices.rfid.driver import Flaw

MAX_NOISE = 512
"""Noise is told in pieces of so many bytes at most."""
# A USB adapter hands bytes over every 16 ms, a busy computer later: after such a pause the rest of a frame is lost.
IDLE_GAP_NS = 200 * NS_PER_MS


class Found(NamedTuple):
    """What stands where a frame may begin.

    ends: behind each of the frames that follow each other there, one as a rule; one end beyond the data: wait for more.
    flaw: None = frames, as they should be. CHECKSUM: a frame by its layout. CUT: the beginning of one. why: in words; empty
    where no more is known than that it is noise. resume: where to look next, if there is a flaw. bearable: frames all the same.
    """

    ends: tuple[int, ...]
    flaw: Flaw | None = None
    why: str = ""
    resume: int = 0
    bearable: bool = False

    @property
    def is_frame(self) -> bool:
        return self.flaw is None or self.bearable


@dataclass(frozen=True, slots=True)
class Layout:
    """How frames look.

    begins: where one may begin; the end of the data counts where it may become a beginning. max_wait: bytes that an unfinished
    frame may have; it is noise beyond. measure: data, where a frame may begin, and whether no more bytes will come -> what is
    there. patience_ns: how long what is unfinished, or noise before it, may wait for more.
    """

    begins: re.Pattern[bytes]
    max_wait: int
    measure: Callable[[bytearray, int, bool], Found]
    patience_ns: Callable[[bytearray], int] = lambda unfinished: IDLE_GAP_NS


class Piece(NamedTuple):
    """A stretch of the stream: a frame, or noise. flaw, why: what is wrong with it; why is empty where no more is known."""

    raw: bytes
    is_frame: bool
    flaw: Flaw | None = None
    why: str = ""


class Cutter(Protocol):
    """Takes bytes of any length; gives frames, and the noise between them, in the order of the wire."""

    @property
    def patience_ns(self) -> int | None:
        """How long the bytes that wait may wait; None if none do."""
        ...

    def feed(self, data: bytes) -> list[Piece]: ...

    def give_up(self) -> list[Piece]:
        """No more will come: frames hidden behind an unfinished one, and the noise."""
        ...


class Noise:
    """Noise on its way to become pieces of :data:`MAX_NOISE` bytes at most, in the list that is given."""

    def __init__(self) -> None:
        self._bytes = bytearray()
        self._flaw = Flaw.NOISE
        self._why = ""

    def __bool__(self) -> bool:
        return bool(self._bytes)

    def blame(self, flaw: Flaw, why: str, pieces: list[Piece]) -> None:
        """Say what is wrong with the bytes that are added next; the first to say so is heard."""
        if not self._why:
            self.flush(pieces)
            self._flaw, self._why = flaw, why

    def add(self, raw: bytes | bytearray, pieces: list[Piece]) -> None:
        self._bytes += raw
        while len(self._bytes) >= MAX_NOISE:
            self._tell(MAX_NOISE, pieces)

    def flush(self, pieces: list[Piece]) -> None:
        if self._bytes:
            self._tell(len(self._bytes), pieces)
        self._flaw, self._why = Flaw.NOISE, ""

    def _tell(self, size: int, pieces: list[Piece]) -> None:
        pieces.append(Piece(bytes(self._bytes[:size]), False, self._flaw, self._why))
        if self._flaw is not Flaw.NOISE:  # the beginning of a frame is counted once, however much noise follows it
            self._flaw, self._why = Flaw.NOISE, ""
        del self._bytes[:size]


class FrameCutter:
    """Cuts a stream by a layout; every byte comes out once and in order.

    A frame that is found wrong is searched again from behind its first byte, so one cut short never hides the next. What a
    stream is cut into does not depend on the pieces in which it comes in.
    """

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._buffer = bytearray()  # from the first byte that may belong to a frame
        self._noise = Noise()
        # Of one scan:
        self._told = 0  # bytes of the buffer that are in a piece, or in the noise
        self._pieces: list[Piece] = []

    @property
    def pending(self) -> bool:
        """Whether bytes wait for what follows."""
        return bool(self._buffer or self._noise)

    @property
    def patience_ns(self) -> int | None:
        return self._layout.patience_ns(self._buffer) if self.pending else None

    def feed(self, data: bytes) -> list[Piece]:
        self._buffer += data
        return self._scan(last=False)

    def give_up(self) -> list[Piece]:
        pieces = self._scan(last=True)
        self._noise.flush(pieces)
        return pieces

    def _scan(self, *, last: bool) -> list[Piece]:
        self._told = 0
        self._pieces = []
        waiting = max(self._cut_up(last), len(self._buffer) - self._layout.max_wait)
        self._spill(waiting)
        del self._buffer[:waiting]
        return self._pieces

    def _cut_up(self, last: bool) -> int:
        """Tell the frames and what stands between them; from where on bytes wait for more."""
        data, search, measure = self._buffer, self._layout.begins.search, self._layout.measure
        at = 0
        while (begin := search(data, at)) is not None:
            start = begin.start()
            found = measure(data, start, last)
            end = found.ends[-1]
            if end > len(data):
                if not last:
                    return start
                self._blame(start, Flaw.CUT, f"frame cut short, {bytes_text(end - len(data))} missing")
                at = start + 1
            elif found.is_frame:
                self._end_noise(start)
                for each in found.ends:
                    self._tell(each, True, found)
                at = end
            elif found.flaw is Flaw.CHECKSUM:
                at = self._begins_inside(found, last)
                if at > len(data):
                    return start
                if at < end:
                    self._blame(start, Flaw.CUT, "frame cut short: another one begins inside it")
                else:
                    self._end_noise(start)
                    self._tell(end, False, found)
            else:
                if found.flaw is not None and found.why:
                    self._blame(start, found.flaw, found.why)
                at = found.resume
        return len(data)

    def _begins_inside(self, wrong: Found, last: bool) -> int:
        """Where a true frame begins inside one with a wrong checksum; its end if none does; beyond the data if one may."""
        data, search, measure = self._buffer, self._layout.begins.search, self._layout.measure
        end = wrong.ends[0]
        at = wrong.resume
        while (begin := search(data, at)) is not None and (start := begin.start()) < end:
            found = measure(data, start, last)
            if found.ends[-1] > len(data):
                if not last:
                    return found.ends[-1]
                at = start + 1
            elif found.is_frame:
                return start
            else:
                at = found.resume
        return end

    def _tell(self, end: int, is_frame: bool, found: Found) -> None:
        self._pieces.append(Piece(bytes(self._buffer[self._told : end]), is_frame, found.flaw, found.why))
        self._told = end

    def _blame(self, start: int, flaw: Flaw, why: str) -> None:
        """From ``start`` on the noise has that cause, unless it has one already."""
        self._spill(start)
        self._noise.blame(flaw, why, self._pieces)

    def _end_noise(self, end: int) -> None:
        self._spill(end)
        self._noise.flush(self._pieces)

    def _spill(self, end: int) -> None:
        """What is not told yet, up to there, is noise."""
        self._noise.add(self._buffer[self._told : end], self._pieces)
        self._told = end


def cut_whole(layout: Layout, data: bytes) -> list[Piece]:
    """A stream that is there as a whole."""
    cutter = FrameCutter(layout)
    return cutter.feed(data) + cutter.give_up()
