"""What a reader says of a card."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from bench.clock import Stamp


class Technology(StrEnum):
    """What the card is, as far as its reader can tell."""

    ISO14443 = "ISO14443"
    ISO15693 = "ISO15693"
    EM4100 = "EM4100"
    HID = "HID"
    FELICA = "FeliCa"
    LEGIC = "LEGIC"
    ICLASS = "iCLASS"
    UNKNOWN = "unknown"


class Hint(StrEnum):
    """Traps that the bytes of a UID give away."""

    RANDOM_ID = "random UID: changes at every tap; do not enrol"
    CASCADE_TAG = "starts with the cascade tag 88: the reader may have cut a 7-byte UID"
    TRUNCATED = "4 bytes starting 04: may be a 7-byte UID cut short by the reader"
    REVERSED_15693 = "ends in E0: looks like an ISO 15693 UID with its bytes reversed"
    LOST_ZERO = "odd number of hex digits: the reader's firmware dropped a leading zero"
    ODD_LENGTH = "no length that a UID of this kind has: the reader cut it, or added to it"
    ZERO_PADDED = "starts with 00: padded with zeros, or reversed and cut"
    ALL_SAME = "all bytes 00 or all FF: the reader failed, or the card has no UID"


@dataclass(frozen=True, slots=True)
class CardRead:
    """A card came into the field of a reader.

    uid: the bytes, ISO 14443-3 order (byte 0 first); ISO 15693 with E0 first.
    raw: the frame or line that carried it.
    stamp: when its last byte arrived.
    sak, atqa, ats: what an ISO 14443-A card said of itself, where the reader tells.
    """

    reader: str
    uid: bytes
    technology: Technology
    raw: bytes
    stamp: Stamp
    sak: int | None = None
    atqa: int | None = None
    ats: bytes = b""
    hints: tuple[Hint, ...] = ()

    @property
    def uid_hex(self) -> str:
        """Upper-case hex without separators: the form of OCPP 1.6 section 3.9."""
        return self.uid.hex().upper()


@dataclass(frozen=True, slots=True)
class CardRemoved:
    """A card left the field after several misses; repeats: reads suppressed while it lay there."""

    reader: str
    uid: bytes
    stamp: Stamp
    repeats: int = 0


_OF_LENGTH = {
    4: Technology.ISO14443,
    5: Technology.EM4100,
    7: Technology.ISO14443,
    10: Technology.ISO14443,
}


def technology_of(uid: bytes) -> Technology:
    """What a card likely is, by its UID alone: 4, 7 or 10 bytes ISO 14443; 5 EM4100; 8 with E0 at an end ISO 15693."""
    if len(uid) == 8 and 0xE0 in (uid[0], uid[-1]):
        return Technology.ISO15693
    return _OF_LENGTH.get(len(uid), Technology.UNKNOWN)


_LENGTHS = {Technology.ISO14443: (4, 7, 10), Technology.ISO15693: (8,), Technology.EM4100: (5,)}
_ANY_LENGTH = (4, 5, 7, 8, 10)
_OTHER = frozenset((Technology.HID, Technology.FELICA, Technology.LEGIC, Technology.ICLASS))
"""Kinds whose numbers have lengths of their own."""
_CASCADE_BIT = 0x04
_COMPLETE_SAKS = (0x08, 0x09, 0x18)


def hints_of(uid: bytes, technology: Technology, sak: int | None = None) -> tuple[Hint, ...]:
    """The traps a UID gives away (NXP AN10927, ISO 14443-3, ISO 15693-3)."""
    if uid and set(uid) in ({0x00}, {0xFF}):
        return (Hint.ALL_SAME,)
    found = []
    if technology is Technology.ISO14443 and len(uid) == 4:
        if uid[0] == 0x08:
            found.append(Hint.RANDOM_ID)
        # A made-up UID may start so; SAK tells then that nothing follows.
        if uid[0] == 0x88 and (sak is None or sak & _CASCADE_BIT):
            found.append(Hint.CASCADE_TAG)
        # A real 4-byte card may start with 04 too: only a hint, and none where SAK says "UID complete, MIFARE".
        if uid[0] == 0x04 and sak not in _COMPLETE_SAKS:
            found.append(Hint.TRUNCATED)
    if len(uid) == 8 and uid[-1] == 0xE0 and uid[0] != 0xE0:
        found.append(Hint.REVERSED_15693)
    if technology not in _OTHER and len(uid) not in _LENGTHS.get(technology, _ANY_LENGTH):
        found.append(Hint.ODD_LENGTH)
    # 00 is no manufacturer (ISO 7816-6), so no long UID begins with it; an EM4100 tag may.
    if len(uid) > 5 and uid[0] == 0x00:
        found.append(Hint.ZERO_PADDED)
    return tuple(found)
