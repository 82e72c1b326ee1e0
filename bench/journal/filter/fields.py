"""The fields a filter may name: a table that other parts extend."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from bench.journal.filter.errors import FilterError
from bench.journal.filter.narrowing import UNKNOWN, Narrowing
from bench.journal.pairing import Flag
from bench.message import Message


class Context(Protocol):
    """What a filter may ask beyond the message itself."""

    def exchange_of(self, seq: int) -> int | None: ...

    def flags(self, message: Message) -> tuple[Flag, ...]:
        """What is wrong with it as a request or an answer, by now."""
        ...

    def answer_ms(self, message: Message) -> float | None:
        """Milliseconds since the request this message answers; None when it answers nothing."""
        ...


Predicate = Callable[[Message, Context], bool]


@dataclass(frozen=True, slots=True)
class Comparison:
    """``field operator value`` as written. literal: the value was quoted. position: of the value in the filter."""

    field: str
    operator: str
    value: str
    literal: bool
    position: int


@dataclass(frozen=True, slots=True)
class Field:
    """One field of the language.

    make: turns a comparison into a predicate; raises FilterError for a value it cannot use. narrow: what SQL can tell of it.
    candidates: values offered while typing. flag: the predicate of the bare name, where the name alone is a term; flag_narrow: as
    above. paired: whether it asks who answers whom.
    """

    name: str
    help: str
    make: Callable[[Comparison], Predicate]
    candidates: tuple[str, ...] = ()
    flag: Predicate | None = None
    narrow: Callable[[Comparison], Narrowing] = lambda asked: UNKNOWN
    flag_narrow: Narrowing = UNKNOWN
    paired: bool = False


class Term(NamedTuple):
    """A filter or a part of one. holds: the test. narrowing: what SQL can tell of it. paired: whether it asks who answers whom."""

    holds: Predicate
    narrowing: Narrowing = UNKNOWN
    paired: bool = False


FIELDS: dict[str, Field] = {}


def register(field: Field) -> None:
    """Add a field to the language; a field of that name is replaced."""
    FIELDS[field.name] = field


def field_named(name: str, position: int) -> Field:
    """The field of that name, ignoring case.

    Raises:
        FilterError: there is none; the text offers the closest.
    """
    field = FIELDS.get(name.lower())
    if field is not None:
        return field
    close = difflib.get_close_matches(name.lower(), FIELDS, n=1)
    hint = f"did you mean {close[0]}?" if close else f"write .{name} for a name in the payload, or quote the word"
    raise FilterError(position, f"there is no field {name}; {hint}")
