"""Cutting a stream into frames and what stands between them, and the driver that readers which only send have in common."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from bench.clock import Stamp
from bench.codecs.spans import bytes_text
from bench.message import Decoded, Direction, malformed
from devices.rfid.driver import Event, Flaw, Frame, Listener, Ready

MAX_NOISE = 512
"""Noise is told in pieces of so many bytes at most."""


class Found(NamedTuple):
    """What stands where a frame may begin.

    ends: behind each of the frames that follow each other there, one as a rule; one end beyond the data: wait for more.
    flaw: None = frames, as they should be. CHECKSUM: a frame by its layout. CUT: the beginning of one. why: in words.
    resume: where to look next, if there is a flaw.
    """

    ends: tuple[int, ...]
    flaw: Flaw | None = None
    why: str = ""
    resume: int = 0


class Layout(Protocol):
    """How frames look. max_wait: bytes that an unfinished frame may have; it is noise beyond."""

    max_wait: int

    def find(self, data: bytearray, at: int) -> int:
        """Where the next frame may begin, at ``at`` or behind; -1 if nowhere. A few bytes at the end that may begin one count."""
        ...

    def measure(self, data: bytearray, start: int, *, last: bool) -> Found:
        """What begins there. last: no more bytes will come, so that nothing is waited for."""
        ...

    def patience_ns(self, unfinished: bytearray) -> int:
        """How long what is unfinished, or noise before it, may wait for more."""
        ...


class Piece(NamedTuple):
    """A stretch of the stream. flaw: None = a frame. why: what is wrong, where more is known than that it is noise."""

    raw: bytes
    flaw: Flaw | None = None
    why: str = ""


class FrameStream:
    """Cuts a stream by a layout; every byte comes out once and in order.

    A frame that is found wrong is searched again from behind its first byte, so one cut short never hides the next. What a
    stream is cut into does not depend on the pieces in which it comes in.
    """

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._buffer = bytearray()  # from the first byte that may belong to a frame
        self._noise = bytearray()
        self._cut = ""  # why the noise is the beginning of a frame; empty where it is none
        # Of one scan:
        self._told = 0  # bytes of the buffer that are in a piece, or in the noise
        self._pieces: list[Piece] = []

    @property
    def patience_ns(self) -> int | None:
        """How long the bytes that wait may wait; None if none do."""
        return self._layout.patience_ns(self._buffer) if self._buffer or self._noise else None

    def feed(self, data: bytes) -> list[Piece]:
        """Take bytes of any length."""
        self._buffer += data
        return self._scan(last=False)

    def give_up(self) -> list[Piece]:
        """No more will come: frames hidden behind an unfinished one, and the noise."""
        pieces = self._scan(last=True)
        self._flush()
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
        data, find, measure = self._buffer, self._layout.find, self._layout.measure
        at = 0
        while (start := find(data, at)) >= 0:
            found = measure(data, start, last=last)
            end = found.ends[-1]
            if end > len(data):
                return start
            if found.flaw is None:
                self._spill(start)
                self._flush()
                for each in found.ends:
                    self._tell(each)
                at = end
            elif found.flaw is Flaw.CHECKSUM:
                at = self._begins_inside(found, last)
                if at > len(data):
                    return start
                if at < end:
                    self._begin_cut(start, "frame cut short: another one begins inside it")
                else:
                    self._spill(start)
                    self._flush()
                    self._tell(end, found.flaw)
            else:
                if found.flaw is Flaw.CUT:
                    self._begin_cut(start, found.why)
                at = found.resume
        return len(data)

    def _begins_inside(self, wrong: Found, last: bool) -> int:
        """Where a true frame begins inside one with a wrong checksum; its end if none does; beyond the data if one may."""
        end = wrong.ends[0]
        at = wrong.resume
        while 0 <= (start := self._layout.find(self._buffer, at)) < end:
            found = self._layout.measure(self._buffer, start, last=last)
            if found.ends[-1] > len(self._buffer):
                return found.ends[-1]
            if found.flaw is None:
                return start
            at = found.resume
        return end

    def _tell(self, end: int, flaw: Flaw | None = None) -> None:
        self._pieces.append(Piece(bytes(self._buffer[self._told : end]), flaw))
        self._told = end

    def _begin_cut(self, start: int, why: str) -> None:
        """From ``start`` on the noise is the beginning of a frame, unless it is that already."""
        self._spill(start)
        if not self._cut:
            self._flush()
            self._cut = why

    def _spill(self, end: int) -> None:
        """What is not told yet, up to there, is noise."""
        self._noise += self._buffer[self._told : end]
        self._told = end
        while len(self._noise) >= MAX_NOISE:
            self._tell_noise(MAX_NOISE)

    def _flush(self) -> None:
        if self._noise:
            self._tell_noise(len(self._noise))
        self._cut = ""

    def _tell_noise(self, size: int) -> None:
        self._pieces.append(Piece(bytes(self._noise[:size]), Flaw.CUT if self._cut else Flaw.NOISE, self._cut))
        self._cut = ""
        del self._noise[:size]


class FrameReader:
    """What drivers for frames of one layout share; what a frame means is for each to say in :meth:`take`."""

    def __init__(self, layout: Layout) -> None:
        self._stream = FrameStream(layout)
        self._last: Stamp | None = None  # of the newest bytes

    def take(self, raw: bytes, stamp: Stamp) -> list[Event]:
        """A frame came. Subclasses override it."""
        raise NotImplementedError

    def take_noise(self, piece: Piece, stamp: Stamp) -> list[Event]:
        """What came is no frame; subclasses may know more of it."""
        return [noise_frame(piece, stamp)]

    def feed(self, data: bytes, stamp: Stamp) -> list[Event]:
        # A pause before these bytes ended what was unfinished, even where nobody ticked in time.
        events = self.tick(stamp)
        self._last = stamp
        for piece in self._stream.feed(data):
            events += self._events_of(piece, stamp)
        return events

    def tick(self, now: Stamp) -> list[Event]:
        pause = self.pause_ends_ns
        return self.end() if pause is not None and now.mono_ns >= pause else []

    def end(self) -> list[Event]:
        if self._last is None:
            return []
        return [event for piece in self._stream.give_up() for event in self._events_of(piece, self._last)]

    @property
    def pause_ends_ns(self) -> int | None:
        """When what is unfinished has waited long enough; None if nothing is."""
        patience = self._stream.patience_ns
        return None if patience is None or self._last is None else self._last.mono_ns + patience

    def _events_of(self, piece: Piece, stamp: Stamp) -> list[Event]:
        return self.take(piece.raw, stamp) if piece.flaw is None else self.take_noise(piece, stamp)


class FrameListener(FrameReader, Listener):
    """A reader that only sends. ready: what is said of it once its port is open."""

    def __init__(self, layout: Layout, ready: str) -> None:
        super().__init__(layout)
        self._ready = ready
        self._announced = False

    def tick(self, now: Stamp) -> list[Event]:
        if self._announced:
            return super().tick(now)
        self._announced = True
        return [Ready(self._ready), *super().tick(now)]

    @property
    def deadline_ns(self) -> int | None:
        return self.pause_ends_ns if self._announced else 0


def noise_frame(piece: Piece, stamp: Stamp) -> Frame:
    """What came from the reader and is no frame."""
    why = piece.why or f"{bytes_text(len(piece.raw))} that {'are' if len(piece.raw) != 1 else 'is'} no frame"
    decoded: Decoded = malformed(why)
    return Frame(Direction.IN, piece.raw, decoded, stamp, piece.flaw)
