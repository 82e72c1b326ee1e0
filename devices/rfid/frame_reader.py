"""What drivers share whose reader sends frames: from pieces of its stream to events, and the pause that ends what is unfinished."""

from __future__ import annotations

from abc import ABC, abstractmethod

from bench.clock import Stamp
from bench.codecs.spans import bytes_text
from bench.message import Direction, malformed
from devices.rfid.cutting import Cutter, FrameCutter, Layout, Piece
from devices.rfid.driver import Event, Frame, Listener, Ready


class FrameReader(ABC):
    """What a frame means is for each driver to say in :meth:`take`."""

    def __init__(self, cutter: Cutter) -> None:
        self._cutter = cutter
        self._last: Stamp | None = None  # of the newest bytes

    @abstractmethod
    def take(self, piece: Piece, stamp: Stamp) -> list[Event]:
        """A frame came. Subclasses override it."""
        ...

    def take_noise(self, piece: Piece, stamp: Stamp) -> list[Event]:
        """What came is no frame; subclasses may know more of it."""
        return [noise_frame(piece, stamp)]

    def feed(self, data: bytes, stamp: Stamp) -> list[Event]:
        # A pause before these bytes ended what was unfinished, even where nobody ticked in time.
        events = self.tick(stamp)
        self._last = stamp
        return events + self._take_all(self._cutter.feed(data), stamp)

    def tick(self, now: Stamp) -> list[Event]:
        pause = self.pause_ends_ns
        return self.end() if pause is not None and now.mono_ns >= pause else []

    def end(self) -> list[Event]:
        # What never became whole came with the last bytes.
        return [] if self._last is None else self._take_all(self._cutter.give_up(), self._last)

    @property
    def pause_ends_ns(self) -> int | None:
        """When what is unfinished has waited long enough; None if nothing is."""
        patience = self._cutter.patience_ns
        return None if patience is None or self._last is None else self._last.mono_ns + patience

    def _take_all(self, pieces: list[Piece], stamp: Stamp) -> list[Event]:
        events: list[Event] = []
        for piece in pieces:
            events += self.take(piece, stamp) if piece.is_frame else self.take_noise(piece, stamp)
        return events


class FrameListener(FrameReader, Listener):
    """A reader that only sends. ready: what is said of it once its port is open."""

    def __init__(self, layout: Layout, ready: str) -> None:
        super().__init__(FrameCutter(layout))
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
    return Frame(Direction.IN, piece.raw, malformed(why), stamp, piece.flaw)
