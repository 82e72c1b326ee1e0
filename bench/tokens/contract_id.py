"""Contract ids (eMAID): normal form and check digit.

Source: ISO 15118-2 Annex H (EMAID syntax), eMI3 "Check Digit Calculation for Contract-IDs"; normalised as the MaEVe API,
setToken, does: separators removed, upper-case, 15 characters with the check digit.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import re
import secrets

from bench.errors import BadInput
from bench.tokens.model import IdTokenType

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
INSTANCE_LENGTH = 9
_RUN_KEY = secrets.token_bytes(32)
_FORM = re.compile(r"([A-Z]{2})-?([A-Z0-9]{3})-?([A-Z0-9]{9})-?([A-Z0-9])?", re.ASCII)
_CURE = "country (2 letters), party (3), instance (9), check digit (may be left out), as in GB-TWK-012345678-V"


def _powers(p: tuple[int, int, int, int], modulus: int, count: int) -> tuple[tuple[int, int, int, int], ...]:
    """The first ``count`` powers of the 2x2 matrix ((a, b), (c, d)) written as (a, b, c, d)."""
    found = [p]
    while len(found) < count:
        a, b, c, d = found[-1]
        found.append(
            (
                (a * p[0] + b * p[2]) % modulus,
                (a * p[1] + b * p[3]) % modulus,
                (c * p[0] + d * p[2]) % modulus,
                (c * p[1] + d * p[3]) % modulus,
            )
        )
    return tuple(found)


# A character is two bits (q) and two base-3 digits (r); place i is weighted with the i-th power of a matrix each.
_WEIGHTS_2 = _powers((0, 1, 1, 1), 2, 14)
_WEIGHTS_3 = _powers((0, 1, 1, 2), 3, 14)


def _shares() -> tuple[dict[str, int], ...]:
    """What each character adds at each place to the four sums, which lie 16 bits apart in one number."""
    places = []
    for (a2, b2, c2, d2), (a3, b3, c3, d3) in zip(_WEIGHTS_2, _WEIGHTS_3, strict=True):
        place = {}
        for number, character in enumerate(ALPHABET):
            q1, q2, r1, r2 = number // 18, number // 9 % 2, number // 3 % 3, number % 3
            sums = (q1 * a2 + q2 * c2, q1 * b2 + q2 * d2, r1 * a3 + r2 * c3, r1 * b3 + r2 * d3)
            place[character] = sum(part << 16 * at for at, part in enumerate(sums))
        places.append(place)
    return tuple(places)


_SHARES = _shares()


def check_digit(fourteen: str) -> str:
    """The check digit of the first 14 characters of a normalised contract id (upper-case, no separators)."""
    sums = 0
    for place, character in zip(_SHARES, fourteen, strict=False):
        sums += place[character]
    # The digit is the value that brings the weighted sum of all 15 places to zero. The 15th powers are the unit matrix
    # modulo 2 and ((1, 1), (1, 0)) modulo 3, which solves as below.
    q1, q2 = sums & 1, sums >> 16 & 1
    r1 = -(sums >> 48) % 3
    r2 = (-(sums >> 32 & 0xFFFF) - r1) % 3
    return ALPHABET[q1 * 18 + q2 * 9 + r1 * 3 + r2]


def normalise(text: str) -> str:
    """The normal form: 15 upper-case characters; the check digit is added to 14 and verified in 15.

    Raises:
        BadInput: not the form of a contract id, or ``check digit X, expected Y``.
    """
    # Upper-casing may turn a foreign letter into an ASCII one, so those are refused before.
    match = _FORM.fullmatch(text.strip().upper()) if text.isascii() else None
    if match is None:
        raise BadInput(f"contract id {text[:40]!r} is not of the form of an eMAID", _CURE)
    country, party, instance, given = match.groups()
    fourteen: str = country + party + instance
    expected = check_digit(fourteen)
    if given is not None and given != expected:
        raise BadInput(
            f"contract id {text.strip()}: check digit {given}, expected {expected}", "correct a mistyped character"
        )
    return fourteen + expected


def make(country: str, party: str, instance: str) -> str:
    """A valid contract id for anything that names a contract, such as a UID; the same input gives the same id.

    Nine letters or digits are the instance as they are. Eight (a 4-byte UID) stay readable behind the ``C`` that
    marks a contract (OICP EvcoID). All else becomes ``C`` and eight characters of its SHA-256.

    Raises:
        BadInput: a country that is not 2 letters, a party that is not 3 letters or digits, an empty instance.
    """
    letters = "".join(character for character in instance.upper() if character in ALPHABET)
    if not instance.strip():
        raise BadInput("a contract id needs an instance", "give a UID or a contract number")
    if letters == instance.upper() and len(letters) in (INSTANCE_LENGTH - 1, INSTANCE_LENGTH):
        nine = letters.rjust(INSTANCE_LENGTH, "C")
    else:
        nine = "C" + _digest(instance.upper())
    return normalise(f"{country}-{party}-{nine}")


def for_token(country: str, party: str, uid: str, id_token_type: IdTokenType) -> str:
    """The contract id of a token that came without one: an eMAID is its own, anything else (and an eMAID of
    another form) as by :func:`make`.

    A key code is a secret and a contract id is not: its id is made with a key of this run, and tells nothing of the code.

    Raises:
        BadInput: as :func:`make`.
    """
    if id_token_type is IdTokenType.EMAID:
        with contextlib.suppress(BadInput):
            return normalise(uid)
    if id_token_type is IdTokenType.KEY_CODE and uid:
        uid = hmac.new(_RUN_KEY, uid.encode(), "sha256").hexdigest()
    return make(country, party, uid or id_token_type)


def _digest(text: str) -> str:
    number = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")
    digits = []
    for _ in range(INSTANCE_LENGTH - 1):
        number, digit = divmod(number, len(ALPHABET))
        digits.append(ALPHABET[digit])
    return "".join(digits)
