"""How other systems write the UID of a card, and whether it is fit for them: one row a system, with its source.

Nobody rules how bytes become a number or a text (NXP AN10927), so each system has its own way, and a card enrolled in one is
unknown in the next.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bench.card import Technology

OCPP16_LENGTH = 20
OCPP201_LENGTH = 36
OCPP21_LENGTH = 255
OICP_LENGTHS = (8, 14, 20)
KEBA_BYTES = 8
SHORT_BYTES = 6
EM4100_BYTES = 5
TOKEN_BYTES = {Technology.ISO14443: (4, 7), Technology.ISO15693: (8,)}

_UidText = Callable[[bytes], str]
_Unfit = Callable[[bytes, Technology, str], str]


@dataclass(frozen=True, slots=True)
class UidProfile:
    """One way to write a UID.

    write: the text for a UID of at least one byte, byte 0 first. unfit: why this text cannot stand there, in words, or empty.
    source: where the rule is published.
    """

    name: str
    source: str
    write: _UidText
    unfit: _Unfit


@dataclass(frozen=True, slots=True)
class UidForm:
    """A UID as one system writes it; text: empty where it cannot. why: why it does not fit there, or empty."""

    name: str
    text: str
    why: str
    source: str

    @property
    def fits(self) -> bool:
        return not self.why


def uid_forms(uid: bytes, technology: Technology) -> list[UidForm]:
    """The UID in the form of every system, in the order of :data:`PROFILES`; none for no bytes."""
    if not uid:
        return []
    written = ((profile, profile.write(uid)) for profile in PROFILES)
    return [
        UidForm(profile.name, text, profile.unfit(uid, technology, text), profile.source) for profile, text in written
    ]


# How


def _upper(uid: bytes) -> str:
    return uid.hex().upper()


def _lower(uid: bytes) -> str:
    return uid.hex()


def _colons(uid: bytes) -> str:
    return uid.hex(":").upper()


def _reversed(uid: bytes) -> str:
    return uid[::-1].hex().upper()


def _keba(uid: bytes) -> str:
    return uid[::-1].rjust(KEBA_BYTES, b"\0").hex().upper()


def _six_bytes(uid: bytes) -> str:
    return uid[:SHORT_BYTES].ljust(SHORT_BYTES, b"\0").hex().upper()


def _decimal(uid: bytes) -> str:
    return str(int.from_bytes(uid, "big"))


def _decimal_reversed(uid: bytes) -> str:
    return str(int.from_bytes(uid, "little"))


def _tag(write: _UidText) -> _UidText:
    """Forms that only an EM4100 tag has: nothing is written for other cards."""
    return lambda uid: write(uid) if len(uid) == EM4100_BYTES else ""


def _tag_decimal(uid: bytes) -> str:
    return f"{int.from_bytes(uid[1:], 'big'):010d}"


def _facility_and_card(uid: bytes) -> str:
    return f"{uid[2]:03d},{int.from_bytes(uid[3:], 'big'):05d}"


# Why not


def _always(uid: bytes, technology: Technology, text: str) -> str:
    return ""


def _at_most(limit: int) -> _Unfit:
    def unfit(uid: bytes, technology: Technology, text: str) -> str:
        return f"{len(text)} characters, at most {limit} fit" if len(text) > limit else ""

    return unfit


def _typed(limit: int) -> _Unfit:
    """OCPP 2.x names the type beside the value, and its values rule the number of bytes."""

    def unfit(uid: bytes, technology: Technology, text: str) -> str:
        lengths = TOKEN_BYTES.get(technology)
        if lengths is None:
            return f"no type for {technology} cards: send it as Local or Central"
        if len(uid) not in lengths:
            return (
                f"type {technology} has {' or '.join(map(str, lengths))} bytes, this UID {len(uid)}: send it as Local"
            )
        return _at_most(limit)(uid, technology, text)

    return unfit


def _oicp(uid: bytes, technology: Technology, text: str) -> str:
    if technology is Technology.ISO15693 and len(uid) == 8:
        return "ISO 15693 has no place in OICP: 16 digits, and only 8, 14 or 20 are allowed"
    if len(text) not in OICP_LENGTHS:
        return f"{len(text)} digits, and only 8, 14 or 20 are allowed"
    return ""


def _keba_unfit(uid: bytes, technology: Technology, text: str) -> str:
    return f"{len(uid)} bytes, at most {KEBA_BYTES} fit" if len(uid) > KEBA_BYTES else ""


def _six_unfit(uid: bytes, technology: Technology, text: str) -> str:
    if len(uid) > SHORT_BYTES:
        return f"{len(uid)} bytes, only the first {SHORT_BYTES} are kept: cards that differ after them are one card"
    return ""


def _pn532_unfit(uid: bytes, technology: Technology, text: str) -> str:
    return "" if technology is Technology.ISO14443 else f"a PN532 does not report {technology} cards"


def _em4100(uid: bytes, technology: Technology, text: str) -> str:
    return "" if len(uid) == EM4100_BYTES else f"an EM4100 tag has {EM4100_BYTES} bytes, this UID {len(uid)}"


PROFILES: tuple[UidProfile, ...] = (
    UidProfile("OCPP 1.6", "OCPP 1.6 edition 2 section 3.9, CiString20Type", _upper, _at_most(OCPP16_LENGTH)),
    UidProfile("OCPP 2.0.1", "OCPP 2.0.1 IdTokenType, IdTokenEnumType", _upper, _typed(OCPP201_LENGTH)),
    UidProfile("OCPP 2.1", "OCPP 2.1 IdTokenType", _upper, _typed(OCPP21_LENGTH)),
    UidProfile("OICP", "OICP 2.3 UIDType: 8, 14 or 20 of 0-9 A-F", _upper, _oicp),
    UidProfile("OCPI", "OCPI 2.2 Token.uid, CiString(36)", _upper, _at_most(36)),
    UidProfile("MaEVe", "MaEVe API Token.uid, 36 characters", _upper, _at_most(36)),
    UidProfile("SteVe", "SteVe IdTagValidator: 1 to 20 of a-z A-Z 0-9 . _ -", _upper, _at_most(20)),
    UidProfile("EVerest, PN532", "EVerest PN532TokenProvider: lower case", _lower, _pn532_unfit),
    UidProfile("EVerest, PN7160 or NXP", "EVerest PN7160TokenProvider, NxpNfcFrontend: upper case", _upper, _always),
    UidProfile("KEBA", "homeassistant-keba issue 32: reversed, zero-padded to 8 bytes", _keba, _keba_unfit),
    UidProfile("SmartEVSE, Alfen", "SmartEVSE-3.5 issue 98: 6 bytes, zero-padded", _six_bytes, _six_unfit),
    UidProfile("With colons", "WARP nfc.cpp shows it so; SteVe and OICP refuse it", _colons, _at_most(OCPP16_LENGTH)),
    UidProfile("Reversed hex", "ISO 15693-3: the last byte first on air", _reversed, _always),
    UidProfile("Decimal, byte 0 first", "NXP AN10927: no rule; big-endian number", _decimal, _always),
    UidProfile("Decimal, last byte first", "NXP AN10927: no rule; little-endian number", _decimal_reversed, _always),
    UidProfile("EM4100, 10 hex digits", "ESPHome rdm6300: version byte and tag", _tag(_upper), _em4100),
    UidProfile(
        "EM4100, 8 hex digits",
        "Seeed 125 kHz module: tag without version byte",
        _tag(lambda uid: uid[1:].hex().upper()),
        _em4100,
    ),
    UidProfile("EM4100, 10 digits", "Seeed 125 kHz module: number printed on the card", _tag(_tag_decimal), _em4100),
    UidProfile("EM4100, ddd,ddddd", "Seeed 125 kHz module: facility and card", _tag(_facility_and_card), _em4100),
)
