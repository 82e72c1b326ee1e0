"""What SQL can tell of a filter, so that a capture need not be decoded message by message.

For each term two conditions over the columns of a capture's ``messages`` are known, or not: ``may`` holds for every message
that the term lets through (and for some others), ``may_not`` for every one that it does not. Where ``may`` is false a message
is out unseen; where ``may_not`` is false it is in unseen; only what lies between has to be read and tested.

SQLite folds the case of ASCII alone and Python that of all letters; its LIKE ends at a NUL. Both are kept apart by conditions
for "anything unusual here", which leave such a message in doubt.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import NamedTuple

Value = str | int | float | bytes


class Sql(NamedTuple):
    """A condition and the values of its question marks."""

    text: str
    values: tuple[Value, ...] = ()


@dataclass(frozen=True, slots=True)
class Narrowing:
    """may: holds wherever the term does. may_not: holds wherever it does not. None: nothing is known."""

    may: Sql | None = None
    may_not: Sql | None = None


UNKNOWN = Narrowing()
_NUMBER_CHARS = frozenset("0123456789.eE+-_")
# Names that a path may mean as a part of the body itself (of a Call, CallResult, CallError, JosevMessage, Malformed), which then
# stand nowhere in the bytes. Not taken from the classes: the codecs are heavy, and filters are wanted before the first paint.
_ATTRIBUTES = frozenset(
    ["id", "action", "payload", "code", "description", "details", "name", "type", "data", "why", "where"]
)
# Bytes that a text in them cannot hide from: read as JSON, without escapes.
_JSON = "link IN ('josev', 'ocpp') AND kind <> 'malformed' AND instr(raw, x'5c') = 0 AND instr(raw, x'00') = 0"
# The same and ASCII: as many characters as bytes.
_ASCII_JSON = f"{_JSON} AND length(CAST(raw AS TEXT)) = length(raw)"


def both(parts: Sequence[Narrowing]) -> Narrowing:
    """All of them."""
    return Narrowing(_and(part.may for part in parts), _or([part.may_not for part in parts]))


def either(parts: Sequence[Narrowing]) -> Narrowing:
    """At least one of them."""
    return Narrowing(_or([part.may for part in parts]), _and(part.may_not for part in parts))


def negated(part: Narrowing) -> Narrowing:
    return Narrowing(part.may_not, part.may)


def exact(text: str, *values: Value) -> Narrowing:
    """A term that SQL alone decides; the condition must never be NULL."""
    return Narrowing(Sql(text, values), Sql(f"NOT ({text})", values))


# Terms


def one_of(column: str, chosen: Iterable[str]) -> Narrowing:
    """A column of few fixed words."""
    words = tuple(sorted(chosen))
    return exact(f"{column} IN ({', '.join('?' * len(words))})", *words)


def text(column: str, operator: str, value: str, *, literal: bool) -> Narrowing:
    """A column of text, compared as :func:`bench.journal.filter.values.text_test` does."""
    if not _plain(value):
        return UNKNOWN
    like = Sql(*_any_like(column, _patterns("=" if operator == "!=" else operator, value, literal=literal)))
    unlike = Sql(f"NOT ({like.text})", like.values)
    if operator == "!=":
        like, unlike = unlike, like
    odd = _odd(column)
    return Narrowing(Sql(f"({like.text} OR {odd})", like.values), Sql(f"({unlike.text} OR {odd})", unlike.values))


def number(column: str, operator: str, value: str) -> Narrowing:
    """A column of whole numbers."""
    wanted = [_finite(part) for part in (value.split(",") if operator == ":" else [value]) if part]
    known = [each for each in wanted if each is not None]
    if not known or len(known) < len(wanted):
        return UNKNOWN
    if len(known) > 1 or operator == ":":
        return exact(f"{column} IN ({', '.join('?' * len(known))})", *known)
    return exact(f"{column} {operator} ?", *known)


def exchange(operator: str, value: str) -> Narrowing:
    """Members of one exchange; a message may belong to several and counts for the first."""
    wanted = _finite(value) if operator in ("=", ":") else None
    if wanted is None:
        return UNKNOWN
    return Narrowing(may=Sql("seq IN (SELECT seq FROM exchange_messages WHERE exchange = ?)", (wanted,)))


def raw(value: str) -> Narrowing:
    """Text in the raw bytes."""
    if not _plain(value):
        return UNKNOWN
    like = _raw_like([_contains(value)])
    return Narrowing(
        Sql(f"({like.text} OR instr(raw, x'00') > 0)", like.values), Sql(f"NOT ({like.text})", like.values)
    )


def word(value: str, *, only_quotes: bool) -> Narrowing:
    """A free word. only_quotes: a line made of JSON holds it only where its bytes do."""
    if not _plain(value):
        return UNKNOWN
    pattern = _contains(value)
    like = _raw_like([pattern])
    columns = [Sql(*_any_like(column, [pattern])) for column in ("channel", "name")]
    seen = _or([like, *columns])
    assert seen is not None
    unseen = Sql(f"NOT ({seen.text})", seen.values)
    odd = f"{_odd('channel')} OR {_odd('name')}"
    hidden = f"NOT ({_JSON}) OR {odd}" if only_quotes else "1"
    return Narrowing(Sql(f"({seen.text} OR {hidden})", seen.values), unseen)


def status(operator: str, value: str, *, literal: bool) -> Narrowing:
    """The status word of a payload, or the code of an OCPP error."""
    if operator == "!=":
        named = Sql("(instr(raw, ?) > 0 OR kind = 'CALLERROR')", (b'"status"',))
    elif _plain(value):
        named = _raw_like(_inside(operator, value, literal=literal))
    else:
        return UNKNOWN
    return Narrowing(may=Sql(f"({named.text} OR NOT ({_ASCII_JSON}))", named.values))


def path(names: Sequence[str], operator: str, value: str, *, literal: bool) -> Narrowing:
    """A value inside the payload: the last name of the path and, where it is text, the value stand in the bytes."""
    conditions: list[Sql] = []
    name = next((name for name in reversed(names) if not name.isdigit()), None)
    if name is not None and name.isascii() and not (name in _ATTRIBUTES and name == names[0]):
        conditions.append(Sql("instr(raw, ?) > 0", (f'"{name}"'.encode(),)))
    if operator in (":", "=", "~") and _plain(value) and (literal or not _like_a_number(value)):
        patterns = _inside(operator, value, literal=literal)
        if not any(map(_like_a_number, patterns)):
            conditions.append(_raw_like(patterns))
    named = _and(conditions)
    if named is None:
        return UNKNOWN
    return Narrowing(may=Sql(f"({named.text} OR NOT ({_ASCII_JSON}))", named.values))


# Conditions


def _and(parts: Iterable[Sql | None]) -> Sql | None:
    known = [part for part in parts if part is not None]
    if not known:
        return None
    return known[0] if len(known) == 1 else _joined(" AND ", known)


def _or(parts: Sequence[Sql | None]) -> Sql | None:
    known = [part for part in parts if part is not None]
    if not known or len(known) < len(parts):
        return None
    return known[0] if len(known) == 1 else _joined(" OR ", known)


def _joined(word: str, parts: Sequence[Sql]) -> Sql:
    return Sql(
        _bracketed(word, [part.text for part in parts]), tuple(chain.from_iterable(part.values for part in parts))
    )


def _bracketed(word: str, texts: Sequence[str]) -> str:
    """Conditions joined, the brackets balanced: SQLite takes no more than a thousand levels, and a plain chain is one for each."""
    if len(texts) <= 8:
        return f"({word.join(texts)})"
    half = len(texts) // 2
    return f"({_bracketed(word, texts[:half])}{word}{_bracketed(word, texts[half:])})"


def _any_like(what: str, patterns: Sequence[str]) -> tuple[str, tuple[Value, ...]]:
    return _bracketed(" OR ", [f"{what} LIKE ? ESCAPE '\\'"] * len(patterns)), tuple(patterns)


def _plain(value: str) -> bool:
    """Whether SQLite compares it as Python does."""
    return value.isascii() and "\0" not in value


def _odd(column: str) -> str:
    """Whether a text is not ASCII, or has a NUL at which SQLite's functions end."""
    return f"length({column}) <> length(CAST({column} AS BLOB))"


def _raw_like(patterns: Sequence[str]) -> Sql:
    return Sql(*_any_like("CAST(raw AS TEXT)", patterns))


def _contains(value: str) -> str:
    return f"%{_escaped(value)}%"


def _escaped(value: str) -> str:
    return re.sub(r"([\\%_])", r"\\\1", value)


def _patterns(operator: str, value: str, *, literal: bool) -> list[str]:
    """What :func:`bench.journal.filter.values.text_test` lets through, as patterns of LIKE."""
    if operator == "~":
        return [_contains(value)]
    if operator == "=" or literal:
        return [_escaped(value)]
    parts = [part for part in value.split(",") if part] or [""]
    return ["%".join(map(_escaped, re.split(r"\*+", part))) for part in parts]


def _inside(operator: str, value: str, *, literal: bool) -> list[str]:
    """What stands in the bytes where a value inside them is let through: of each choice its longest piece without stars.

    One piece only: LIKE takes time by the power of the number of stars, and payloads may be long.
    """
    if operator in ("~", "=") or literal:
        return [_contains(value)]
    parts = [part for part in value.split(",") if part] or [""]
    return [_contains(max(part.split("*"), key=len)) for part in parts]


def _like_a_number(value: str) -> bool:
    """Whether it may be a number or a part of one, which JSON can write in other ways than we do (``1e2``, ``100.0``)."""
    if _NUMBER_CHARS.issuperset(value.replace("%", "")):
        return True
    try:
        float(value)
    except ValueError:
        return False
    return True


def _finite(value: str) -> float | None:
    try:
        found = float(value)
    except ValueError:
        return None
    return found if math.isfinite(found) else None
