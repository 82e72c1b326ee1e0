"""A card or a person? A reader in keyboard mode types faster than anybody: a burst of keys is a card. Pure; knows no window."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from bench.clock import NS_PER_MS

KEY_GAP_NS = 35 * NS_PER_MS
"""Keys of a reader follow each other in less; of a person hardly ever, and never so many."""
LEAST_KEYS = 6
BURST_ENDS_NS = 150 * NS_PER_MS
"""A burst that no Enter ended is over after so long."""
MAX_KEYS = 256


class Typing(Enum):
    """What a key turned out to be."""

    PERSON = "person"  # let it through; it is the first of whatever comes
    MAYBE = "maybe"  # let it through; it may be part of a burst
    CARD_BEGINS = "card begins"  # it and those before it are a card: take them all back
    CARD = "card"  # part of a card: keep it from the window
    CARD_ENDS = "card ends"  # its Enter: keep it too, the text is whole


@dataclass(slots=True)
class BurstDetector:
    """Watches the gaps between keys. All times are nanoseconds of one clock, at best that of the key events."""

    _text: str = ""
    _last_ns: int = 0
    _burst: bool = False
    _whole: list[str] = field(default_factory=list)

    @property
    def in_burst(self) -> bool:
        return self._burst

    def key(self, char: str, at_ns: int) -> Typing:
        """One printable character."""
        near = bool(self._text) and 0 <= at_ns - self._last_ns < (BURST_ENDS_NS if self._burst else KEY_GAP_NS)
        if not near:
            self._end()
        self._last_ns = at_ns
        if len(self._text) < MAX_KEYS:
            self._text += char
        if self._burst:
            return Typing.CARD
        if len(self._text) >= LEAST_KEYS:
            self._burst = True
            return Typing.CARD_BEGINS
        return Typing.MAYBE if near else Typing.PERSON

    def enter(self, at_ns: int) -> Typing:
        """Enter: the end of a burst, or a person's own."""
        if self._burst and 0 <= at_ns - self._last_ns < BURST_ENDS_NS:
            self._end()
            return Typing.CARD_ENDS
        self._end()
        return Typing.PERSON

    def other(self) -> None:
        """Any other key, or one that repeats because it is held: no reader does that."""
        self._end()

    def pause(self) -> None:
        """So long that a burst is over."""
        self._end()

    def taken(self) -> list[str]:
        """The texts of the bursts that ended since the last call."""
        whole, self._whole = self._whole, []
        return whole

    def _end(self) -> None:
        if self._burst:
            self._whole.append(self._text)
        self._text = ""
        self._burst = False
