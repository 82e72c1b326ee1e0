"""From reads to taps: a card that lies on the reader is one tap, however often it is read or missed in between."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench.card import CardRead, CardRemoved, Hint, hints_of
from bench.clock import NS_PER_MS, Stamp

if TYPE_CHECKING:
    from devices.rfid.driver import CardSeen

# A field holds a few cards; a push reader may still name many within its second of silence.
MAX_HELD = 64


@dataclass(frozen=True, slots=True)
class PresenceRule:
    """When a card counts as gone: after so many misses in a row, and not read for so long.

    misses: 0 = the reader only speaks when it sees a card, so silence alone decides.
    """

    misses: int
    silence_ns: int


# A resting card is found and missed in turn (Adafruit-PN532 issue 52, ESPHome issue 9875): one miss says nothing.
POLLED = PresenceRule(misses=3, silence_ns=300 * NS_PER_MS)
PUSH = PresenceRule(misses=0, silence_ns=1000 * NS_PER_MS)

_RANDOM = b"random"


@dataclass(slots=True)
class _Held:
    uid: bytes
    seen_ns: int
    misses: int = 0
    repeats: int = 0


class Presence:
    """What lies on one reader. Knows no clock: every call brings its stamp."""

    def __init__(self, reader: str, rule: PresenceRule) -> None:
        self._reader = reader
        self._rule = rule
        self._held: dict[bytes, _Held] = {}

    @property
    def uids(self) -> list[bytes]:
        """UIDs in the field, oldest first."""
        return [held.uid for held in self._held.values()]

    @property
    def deadline_ns(self) -> int | None:
        """When a card may be gone by silence alone; None where silence does not decide or the field is empty."""
        if self._rule.misses or not self._held:
            return None
        return min(held.seen_ns for held in self._held.values()) + self._rule.silence_ns

    def seen(self, card: CardSeen) -> CardRead | None:
        """A read: the tap it begins, or None where the card was there already (counted as a repeat)."""
        hints = tuple(dict.fromkeys((*hints_of(card.uid, card.technology, card.sak), *card.hints)))
        # A random-UID card makes up a new UID whenever the field comes back: as long as one lies there it is one tap.
        key = _RANDOM if Hint.RANDOM_ID in hints else card.uid
        held = self._held.get(key)
        if held is not None:
            held.seen_ns = card.stamp.mono_ns
            held.misses = 0
            held.repeats += 1
            return None
        if len(self._held) >= MAX_HELD:
            del self._held[next(iter(self._held))]
        self._held[key] = _Held(card.uid, card.stamp.mono_ns)
        return CardRead(
            self._reader, card.uid, card.technology, card.raw, card.stamp, card.sak, card.atqa, card.ats, hints
        )

    def polled(self, uids: tuple[bytes, ...], now: Stamp) -> list[CardRemoved]:
        """A poll ended: cards other than these were missed. Returns those that are gone by now."""
        random_read = any(len(uid) == 4 and uid[0] == 0x08 for uid in uids)
        for key, held in self._held.items():
            if not (random_read if key == _RANDOM else key in uids):
                held.misses += 1
        return self.tick(now)

    def tick(self, now: Stamp) -> list[CardRemoved]:
        """Cards that are gone by now."""
        gone = [
            key
            for key, held in self._held.items()
            if held.misses >= self._rule.misses and now.mono_ns - held.seen_ns >= self._rule.silence_ns
        ]
        return [self._drop(key, now) for key in gone]

    def clear(self, now: Stamp) -> list[CardRemoved]:
        """The field is empty, or nobody can tell any more."""
        return [self._drop(key, now) for key in list(self._held)]

    def _drop(self, key: bytes, now: Stamp) -> CardRemoved:
        held = self._held.pop(key)
        return CardRemoved(self._reader, held.uid, now, held.repeats)
