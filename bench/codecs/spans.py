"""The parts of a message's bytes, each named, none overlapping and none left out."""

from __future__ import annotations

from dataclasses import dataclass

MAX_SPANS = 4_000
"""A message in more parts than this has its rest in one: no reader sends such a thing, a strange file may hold it."""


@dataclass(frozen=True, slots=True)
class Span:
    """Bytes ``start`` to before ``end`` of a message.

    name: of the field (``LCS``). text: what its value means. ok: whether it passed its check; None where there is none.
    """

    start: int
    end: int
    name: str
    text: str
    ok: bool | None = None


class Cutter:
    """Takes spans off the front of a message, so that none overlap and none are left out."""

    def __init__(self, raw: bytes) -> None:
        self.raw = raw
        self.at = 0
        self.spans: list[Span] = []

    @property
    def full(self) -> bool:
        """Whether there are more parts than are shown."""
        return len(self.spans) > MAX_SPANS

    def take(self, end: int, name: str, text: str, ok: bool | None = None) -> None:
        """The next bytes, up to ``end``; nothing where there are none."""
        end = min(end, len(self.raw))
        if end > self.at:
            self.spans.append(Span(self.at, end, name, text, ok))
            self.at = end


def run(raw: bytes, at: int, end: int) -> int:
    """Where the run of equal bytes that begins at ``at`` stops, ``end`` at the latest."""
    stop = at + 1
    while stop < end and raw[stop] == raw[at]:
        stop += 1
    return stop


def bytes_text(size: int) -> str:
    """``1 byte``, ``1,204 bytes``."""
    return f"{size:,} byte{'s' if size != 1 else ''}"


def with_bytes(name: str, data: bytes) -> str:
    """``Beep 64 01``, or the name alone where it has no data."""
    return f"{name} {data.hex(' ').upper()}" if data else name
