"""The same card in another form: readers, chargers and back ends write one UID in many ways.

Sources: OCPP 1.6 section 3.9 (hex, byte 0 first); NXP AN10927 (no rule how bytes become a number); ISO 14443-3 (cascade
tag); ISO 15693-3 (E0 last on air); KEBA (reversed, padded to 8 bytes); SmartEVSE and Alfen (6 bytes); EM4100 printed
numbers; EVerest (``VID:`` before a MAC address).
"""

from __future__ import annotations

from collections.abc import Iterator

from bench.tokens.index import TokenIndex, plain
from bench.tokens.model import Token

MAX_FOUND = 5
UID_LENGTHS = (4, 5, 7, 8, 10)
CASCADE_TAG = "88"
AUTOCHARGE = "vid"
_HEX = frozenset("0123456789abcdef")


def near_miss(value: str, index: TokenIndex, limit: int = MAX_FOUND) -> list[tuple[Token, str]]:
    """Tokens that are the card ``value`` stands for, written otherwise, with the word for the difference.

    For a value that was not found under its type. Nothing is kept per token: each form is undone on the value and looked
    up, a cut one by its beginning; some fifty look-ups, whatever the size of the store.
    """
    found: list[tuple[Token, str]] = []
    seen = set()
    for token, word in _candidates(value, index, limit):
        if token.key not in seen:
            seen.add(token.key)
            found.append((token, word))
            if len(found) == limit:
                break
    return found


def _candidates(value: str, index: TokenIndex, limit: int) -> Iterator[tuple[Token, str]]:
    for token in index.named(value):
        yield token, f"as {token.id_token_type}"
    for token in index.written_as(value):
        yield token, "other separators"
    for text, word in _rewritten(value):
        for token in index.written_as(text):
            yield token, word
    for prefix, word in _beginnings(value):
        for token in index.starting_with(prefix, limit):
            yield token, word


def _rewritten(value: str) -> Iterator[tuple[str, str]]:
    """What the store may hold instead of ``value``, most telling form first."""
    bare = plain(value)
    if bare.startswith(AUTOCHARGE):
        yield bare.removeprefix(AUTOCHARGE), "without VID:"
    uid = _bytes(bare)
    if uid is not None:
        yield from _of_bytes(uid)
        if len(uid) == 6:
            yield AUTOCHARGE + bare, "with VID:"
    elif _hex(bare) and len(bare) % 2:
        yield "0" + bare, "leading zero lost"
    if bare.isdecimal() and bare.isascii() and len(bare) <= 25:
        yield from _of_number(int(bare))
        if len(bare) < 10:
            yield bare.zfill(10), "zero-padded"
        yield bare.lstrip("0") or "0", "zeros removed"


def _of_bytes(uid: bytes) -> Iterator[tuple[str, str]]:
    yield uid[::-1].hex(), "reversed"
    stripped = uid.lstrip(b"\0")
    if len(uid) == 8 and stripped != uid:
        yield stripped[::-1].hex(), "reversed, padded to 8 bytes"
        # A UID may itself end in a zero byte, which the padding hides.
        for length in (4, 7):
            if len(stripped) < length:
                yield uid[-length:][::-1].hex(), "reversed, padded to 8 bytes"
        yield stripped.hex(), "zero-padded"
    if len(uid) == 6 and uid.endswith(b"\0\0"):
        yield uid[:4].hex(), "padded to 6 bytes"
    if len(uid) < 8:
        yield uid[::-1].rjust(8, b"\0").hex(), "reversed, padded to 8 bytes"
        yield uid.rjust(8, b"\0").hex(), "zero-padded"
    if len(uid) == 4:
        yield uid.ljust(6, b"\0").hex(), "padded to 6 bytes"
    if len(uid) > 4:
        yield uid[:4].hex(), "cut to 4 bytes"
        yield CASCADE_TAG + uid[:3].hex(), "first part with cascade tag 88"
    if len(uid) > 6:
        yield uid[:6].hex(), "cut to 6 bytes"
    for text in (str(int.from_bytes(uid, "big")), f"{int.from_bytes(uid, 'big'):010d}"):
        yield text, "decimal"
    for text in (str(int.from_bytes(uid, "little")), f"{int.from_bytes(uid, 'little'):010d}"):
        yield text, "decimal of reversed"
    if len(uid) == 5:
        yield f"{int.from_bytes(uid[1:], 'big'):010d}", "printed number"
    unsigned = _without_sign_extension(uid)
    if unsigned is not None:
        yield unsigned.hex(), "sign-extended bytes"


def _of_number(number: int) -> Iterator[tuple[str, str]]:
    for length in UID_LENGTHS:
        if number < 256**length and (length == UID_LENGTHS[0] or number >= 256 ** (length - 2)):
            uid = number.to_bytes(length, "big")
            yield uid.hex(), "decimal"
            yield uid[::-1].hex(), "decimal of reversed"


def _beginnings(value: str) -> Iterator[tuple[str, str]]:
    """How the store's longer UID would begin if ``value`` was cut from it."""
    bare = plain(value)
    uid = _bytes(bare)
    if uid is None or len(uid) not in (4, 6):
        return
    if len(uid) == 4 and bare.startswith(CASCADE_TAG):
        yield bare.removeprefix(CASCADE_TAG), "first part with cascade tag 88"
    yield bare, f"cut to {len(uid)} bytes"
    yield uid.hex(":"), f"cut to {len(uid)} bytes"


def _hex(text: str) -> bool:
    return _HEX.issuperset(text)


def _bytes(bare: str) -> bytes | None:
    """The bytes of a hex text as long as a UID; None for all else."""
    return bytes.fromhex(bare) if len(bare) % 2 == 0 and 8 <= len(bare) <= 28 and _hex(bare) else None


def _without_sign_extension(uid: bytes) -> bytes | None:
    """Undo a reader that prints each byte from 80 up as FFxx (a signed char made wider); None if it is not so."""
    found = bytearray()
    at = 0
    while at < len(uid):
        if uid[at] == 0xFF and at + 1 < len(uid) and uid[at + 1] >= 0x80:
            at += 1
        elif uid[at] >= 0x80:
            return None
        found.append(uid[at])
        at += 1
    return bytes(found) if 4 <= len(found) < len(uid) else None
