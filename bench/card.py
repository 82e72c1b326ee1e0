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


def hints_of(uid: bytes, technology: Technology, sak: int | None = None) -> tuple[Hint, ...]:
    """The traps a UID gives away (NXP AN10927, ISO 14443-3, ISO 15693-3)."""
    found = []
    if technology is Technology.ISO14443 and len(uid) == 4:
        if uid[0] == 0x08:
            found.append(Hint.RANDOM_ID)
        if uid[0] == 0x88:
            found.append(Hint.CASCADE_TAG)
        # A real 4-byte card may start with 04 too: only a hint, and none where SAK says "UID complete, MIFARE".
        if uid[0] == 0x04 and sak not in (0x08, 0x18, 0x09):
            found.append(Hint.TRUNCATED)
    if len(uid) == 8 and uid[-1] == 0xE0 and uid[0] != 0xE0:
        found.append(Hint.REVERSED_15693)
    return tuple(found)
