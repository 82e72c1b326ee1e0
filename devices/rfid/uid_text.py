"""UIDs in the lines that sketches and readers print: find one, or say why there is none.

A wrong UID is worse than none: what a firmware has lost (leading zeros, bytes) is never guessed.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from functools import reduce
from operator import xor

from bench.card import Hint, Technology, technology_of
from devices.rfid.line_pattern import Finder

MAX_JSON = 1024
LEAST_DECIMAL = 5
"""Digits of a number that stands alone: fewer are chatter."""

# "Card UID: 04 A2", "UID Value:  0x4 0xA2", "NFC uid is 0x4 0xa2", "Inventory successful, UID=E0:4:...", "Tag: ...", "ID=..."
# A bare ID counts only as a word of its own or that of a card: "Chip ID: 00A1B2C3" is boot chatter.
_LABEL = re.compile(
    r"(?:(?:^|.*[^A-Za-z0-9])uid|(?:.*\b(?:card|nfc|rfid|tag)\s+)?(?:tag|id))"
    r"(?:\s+value)?(?:\s*[:=]\s*|\s+is\s+|\s+)(?P<value>\S.*)$",
    re.IGNORECASE,
)
_DECLARED = re.compile(r"(?P<technology>ISO14443|ISO15693)\s*:\s*(?P<digits>[0-9A-Fa-f]+)$", re.IGNORECASE)
_SCAN = re.compile(r"SCAN(?:\t(?P<fields>.*))?$")
_SEPARATORS = re.compile(r"[\s:,-]+")
_TOKEN = re.compile(r"(?:0[xX])?([0-9A-Fa-f]+)$")
_DIGITS = re.compile(r"[0-9]{1,20}")
_CARD_NUMBER = re.compile(r"\d{3},\s?\d{5}$")

# Bytes of a number whose length nobody named, by its bits: a long UID begins with a manufacturer, never with 00.
_SIZES = ((4, 0, 32), (7, 48, 56))
_LENGTHS = frozenset((4, 5, 7, 8, 10))
_DECLARED_LENGTHS = {Technology.ISO14443: (4, 7, 10), Technology.ISO15693: (8,)}


@dataclass(frozen=True, slots=True)
class Uid:
    """A UID as printed. doubt: another reading of the same text, or empty."""

    uid: bytes
    technology: Technology
    doubt: str = ""


@dataclass(frozen=True, slots=True)
class Refused:
    """The line means a card, but not one UID. rule: short stable name."""

    rule: str
    text: str
    cure: str


@dataclass(frozen=True, slots=True)
class Gone:
    """The reader says that its field is empty."""


@dataclass(frozen=True, slots=True)
class Chatter:
    """Boot banners, menus, dumps: no card."""


Reading = Uid | Refused | Gone | Chatter

AUTO, HEX, DECIMAL = "auto", "hex", "decimal"


@dataclass(frozen=True, slots=True)
class LineRules:
    """What the operator knows of a reader's lines; the defaults let each line tell.

    digits: how the UID is printed (``auto``, ``hex``, ``decimal``). backwards: the last byte first. find: where in the line the
    UID stands; other lines are no card. technology: of every card. length: bytes of every UID; another is refused.
    """

    digits: str = AUTO
    backwards: bool = False
    find: Finder | None = None
    technology: Technology | None = None
    length: int | None = None


ANY_LINE = LineRules()
_CURE_ZEROS = "let the firmware print two digits for every byte"


def read_line(text: str, rules: LineRules = ANY_LINE) -> Reading:
    """What one line without its terminators means."""
    reading = _read(text.strip(), rules)
    return settled(reading, rules) if isinstance(reading, Uid) else reading


def settled(reading: Uid, rules: LineRules) -> Uid | Refused:
    """A UID in the byte order, technology and length that the operator named."""
    if rules.length is not None and len(reading.uid) != rules.length:
        text = f"{reading.uid.hex().upper()} has {len(reading.uid)} bytes, every UID of this reader {rules.length}"
        return Refused("reader.uid-length", text, "check for lost zeros, or correct the reader's length setting")
    uid = reading.uid[::-1] if rules.backwards else reading.uid
    technology = rules.technology or (technology_of(uid) if rules.backwards else reading.technology)
    return replace(reading, uid=uid, technology=technology)


def _read(text: str, rules: LineRules) -> Reading:
    if rules.find is not None:
        value = rules.find(text)
        return Chatter() if value is None else _value(value, rules, labelled=True)
    if found := _SCAN.match(text):
        return _zaparoo(found["fields"], rules)
    if found := _DECLARED.match(text):
        return _declared(Technology(found["technology"].upper()), found["digits"])
    if text.startswith("{"):
        return _json(text, rules)
    if found := _LABEL.match(text):
        return _value(found["value"].strip(), rules, labelled=True)
    return _value(text, rules, labelled=False)


def _zaparoo(fields: str | None, rules: LineRules) -> Reading:
    """Zaparoo simple serial: ``SCAN<tab>uid=..<tab>text=..``, a bare ``SCAN`` when the card is gone."""
    if not fields:
        return Gone()
    for part in fields.split("\t"):
        name, _, value = part.partition("=")
        if name == "uid" and value:
            return _value(value, rules, labelled=True)
    return Chatter()


def _declared(technology: Technology, digits: str) -> Reading:
    """``ISO14443:44332211``, the canonical form of EVerest's NxpNfcFrontend pipe: technology and whole bytes."""
    lengths = _DECLARED_LENGTHS[technology]
    if len(digits) % 2 or len(digits) // 2 not in lengths:
        wanted = ", ".join(str(length * 2) for length in lengths)
        return Refused("reader.uid-length", f"{technology} with {len(digits)} digits instead of {wanted}", _CURE_ZEROS)
    return Uid(bytes.fromhex(digits), technology)


def _json(text: str, rules: LineRules) -> Reading:
    """A bridge that prints objects with a ``uid``."""
    if len(text) > MAX_JSON:
        return Chatter()
    try:
        value = json.loads(text).get("uid")
    except (ValueError, RecursionError):
        return Chatter()
    return _value(value.strip(), rules, labelled=True) if isinstance(value, str) else Chatter()


def _value(text: str, rules: LineRules, *, labelled: bool) -> Reading:
    """The part of a line that may be a UID. Without a label only a line that is nothing else counts."""
    if _CARD_NUMBER.match(text):
        return Refused(
            "reader.decimal",
            f"{text} is the decimal number printed on a 125 kHz card, not its UID",
            "let the reader print hex",
        )
    parts = [part for part in _SEPARATORS.split(text) if part]
    if rules.digits == DECIMAL:
        return _decimal(parts, rules, labelled)
    tokens = [found[1] if (found := _TOKEN.match(part)) else "" for part in parts]
    if not tokens or not all(tokens):
        return Chatter()
    if len(tokens) == 1:
        return _unseparated(tokens[0], rules, labelled)
    if max(map(len, tokens)) > 2:
        return _long_tokens(tokens, labelled)
    # Every byte stands alone, so a lost leading zero can be put back.
    uid = bytes(int(token, 16) for token in tokens)
    if not labelled and len(uid) == 5:
        return Chatter()  # a row of an Ultralight dump: page number and four bytes
    return _classify(uid, rules, labelled)


def _decimal(parts: list[str], rules: LineRules, labelled: bool) -> Reading:
    """One number for the whole UID, byte 0 its highest; or a number for each byte."""
    if not parts or not all(_DIGITS.fullmatch(part) for part in parts):
        return Chatter()
    if len(parts) > 1:
        if max(map(int, parts)) > 0xFF:
            return Chatter()
        return _classify(bytes(map(int, parts)), rules, labelled)
    if len(parts[0]) < LEAST_DECIMAL and not labelled:
        return Chatter()
    number = int(parts[0])
    length = rules.length or next((size for size, least, most in _SIZES if number < 1 << most and number >> least), 0)
    if not number and rules.length is None:
        return Chatter()  # what firmwares print for no card
    if number < 1 << 8 * length:
        uid = number.to_bytes(length, "big")
        return Uid(uid, technology_of(uid))
    if rules.length is None:
        return Refused(
            "reader.decimal", f"{number} may have 5 to 8 bytes", "set the reader's length to that of its cards"
        )
    return Refused(
        "reader.decimal", f"{number} does not fit into {length} bytes", "correct the reader's length setting"
    )


def _unseparated(digits: str, rules: LineRules, labelled: bool) -> Reading:
    decimal = rules.digits == AUTO and digits.isdigit() and 8 <= len(digits) <= 10
    if len(digits) % 2:
        if not (5 if labelled else 7) <= len(digits) <= 19:
            return Chatter()
        if decimal:
            text = f"{digits} has an odd number of digits, all decimal: a decimal number, or a UID that lost a zero"
            return Refused("reader.decimal", text, f"{_CURE_ZEROS}; or set the reader's digits to decimal")
        return Refused("reader.lost-zero", f"{digits} is no UID: {Hint.LOST_ZERO.value}", _CURE_ZEROS)
    uid = bytes.fromhex(digits)
    if len(uid) == 6 and rules.length is None and reduce(xor, uid) == 0:
        return Uid(uid[:5], Technology.EM4100)  # EM-18, RDM6300: five bytes and their XOR
    reading = _classify(uid, rules, labelled)
    if isinstance(reading, Uid) and decimal:
        doubt = "all digits are decimal: it may be a decimal number; read as hex"
        return Uid(reading.uid, reading.technology, doubt)
    return reading


def _long_tokens(tokens: list[str], labelled: bool) -> Reading:
    """``E0:4:100012345678`` of the PN5180 example: two bytes, then the other six without a separator or padding."""
    if len(tokens) == 3 and tokens[0].upper() == "E0" and len(tokens[1]) <= 2:
        if len(tokens[2]) == 12:
            return Uid(bytes([0xE0, int(tokens[1], 16)]) + bytes.fromhex(tokens[2]), Technology.ISO15693)
        text = f"{':'.join(tokens)} is no whole ISO 15693 UID: {len(tokens[2])} digits stand for its last 6 bytes"
        return Refused("reader.lost-zero", text, _CURE_ZEROS)
    if labelled and all(token.isdigit() and int(token) <= 0xFF for token in tokens) and len(tokens) in _LENGTHS:
        text = f"{' '.join(tokens)} are decimal bytes"
        return Refused("reader.decimal", text, "set the reader's digits to decimal, or let it print hex")
    return Chatter()


def _classify(uid: bytes, rules: LineRules, labelled: bool) -> Reading:
    """Whether so many bytes are a UID; with a length named by the operator, that alone tells."""
    if len(uid) in _LENGTHS or (rules.length is not None and len(uid) == rules.length):
        return Uid(uid, technology_of(uid))
    if len(uid) < 3 or (len(uid) != 6 and not labelled):
        return Chatter()
    text = f"{len(uid)} bytes are no UID: ISO 14443 has 4, 7 or 10, ISO 15693 has 8, EM4100 has 5"
    return Refused("reader.uid-length", text, "check for lost zeros or a cut UID in the reader's firmware")
