"""Text -> predicate: tokens, then recursive descent."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from bench.journal.filter.errors import FilterError
from bench.journal.filter.fields import FIELDS, Comparison, Context, Predicate, Term, field_named
from bench.journal.filter.narrowing import UNKNOWN, Narrowing, both, either, exact, negated
from bench.journal.filter.payload import path_term, word_term
from bench.message import Message

MAX_LENGTH = 2000
MAX_DEPTH = 50

_SPACE = re.compile(r"\s+")
_COMPARISON = re.compile(r"([A-Za-z_.][\w.\-]*)\s*(!=|>=|<=|=|~|>|<|:)\s*")
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"')
_BARE = re.compile(r'[^\s()"]+')
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class _Token:
    """kind: ``(``, ``)``, ``and``, ``or``, ``not``, ``word``, ``compare`` or ``end``."""

    kind: str
    position: int
    text: str = ""
    literal: bool = False
    comparison: Comparison | None = None


@dataclass(frozen=True, slots=True)
class Filter:
    """A parsed filter. text: as written. matches(message, context): does it hold.

    narrowing: what SQL can tell of it in a capture. paired: whether it asks who answers whom.
    """

    text: str
    matches: Predicate
    narrowing: Narrowing = UNKNOWN
    paired: bool = False


def parse(text: str) -> Filter:
    """Read a filter; an empty one holds for every message.

    Raises:
        FilterError: with the position and a plain sentence; also over 2000 characters or 50 nested brackets.
    """
    if len(text) > MAX_LENGTH:
        raise FilterError(MAX_LENGTH, f"a filter has at most {MAX_LENGTH} characters, this one {len(text)}")
    return Filter(text, *_Parser(list(_tokens(text))).parse())


def _tokens(text: str) -> Iterator[_Token]:
    position = 0
    while True:
        if (space := _SPACE.match(text, position)) is not None:
            position = space.end()
        if position >= len(text):
            yield _Token("end", len(text))
            return
        if text[position] in "()":
            yield _Token(text[position], position)
            position += 1
        elif text[position] == '"':
            word, end = _quoted(text, position)
            if not word:
                raise FilterError(position, "there is nothing between the quotes")
            yield _Token("word", position, word, literal=True)
            position = end
        elif (match := _COMPARISON.match(text, position)) is not None:
            token, position = _comparison(text, match)
            yield token
        else:
            bare = _BARE.match(text, position)
            assert bare is not None  # every other character is matched above
            word = bare[0]
            kind = word.lower() if word.lower() in ("and", "or", "not") else "word"
            yield _Token(kind, position, word)
            position = bare.end()


def _comparison(text: str, match: re.Match[str]) -> tuple[_Token, int]:
    at = match.end()
    if at < len(text) and text[at] == '"':
        value, end = _quoted(text, at)
        literal = True
    elif (bare := _BARE.match(text, at)) is not None:
        value, end, literal = bare[0], bare.end(), False
    else:
        raise FilterError(at, f"{match[1]}{match[2]} needs a value")
    asked = Comparison(match[1], match[2], value, literal, at)
    return _Token("compare", match.start(), match[0], comparison=asked), end


def _quoted(text: str, position: int) -> tuple[str, int]:
    match = _QUOTED.match(text, position)
    if match is None:
        raise FilterError(position, "the quote is not closed")
    return _ESCAPE.sub(r"\1", match[1]), match.end()


class _Parser:
    def __init__(self, tokens: list[_Token]) -> None:
        self._tokens = tokens
        self._next = 0
        self._depth = 0

    def parse(self) -> Term:
        if self._peek.kind == "end":
            return Term(_always, exact("1"))
        term = self._any()
        if self._peek.kind == ")":
            raise FilterError(self._peek.position, "this bracket was never opened")
        return term

    @property
    def _peek(self) -> _Token:
        return self._tokens[self._next]

    def _take(self) -> _Token:
        token = self._tokens[self._next]
        self._next += 1
        return token

    def _any(self) -> Term:
        choices = [self._all()]
        while self._peek.kind == "or":
            self._take()
            choices.append(self._all())
        return choices[0] if len(choices) == 1 else _either(choices)

    def _all(self) -> Term:
        parts = [self._one()]
        while self._peek.kind not in ("or", ")", "end"):
            if self._peek.kind == "and":
                self._take()
            parts.append(self._one())
        return parts[0] if len(parts) == 1 else _both(parts)

    def _one(self) -> Term:
        token = self._take()
        if token.kind == "not":
            with_depth = self._deeper(token)
            inner = self._one()
            self._depth = with_depth
            return _opposite(inner)
        if token.kind == "(":
            with_depth = self._deeper(token)
            inner = self._any()
            if self._peek.kind != ")":
                raise FilterError(token.position, "this bracket is not closed")
            self._take()
            self._depth = with_depth
            return inner
        if token.kind == "compare":
            assert token.comparison is not None
            return _compared(token.comparison, token.position)
        if token.kind == "word":
            return (None if token.literal else _flag(token.text)) or word_term(token.text)
        wanted = {"end": "a term is missing at the end", ")": "a term is missing before this bracket"}
        raise FilterError(token.position, wanted.get(token.kind, f"a term is missing before {token.text}"))

    def _deeper(self, token: _Token) -> int:
        """Enter one level; returns the depth to restore."""
        before = self._depth
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise FilterError(token.position, f"brackets and not are nested deeper than {MAX_DEPTH}")
        return before


def _compared(asked: Comparison, position: int) -> Term:
    """``field operator value``.

    Raises:
        FilterError: there is no such field, or it cannot use the value.
    """
    if "." in asked.field:
        return path_term(asked)
    field = field_named(asked.field, position)
    return Term(field.make(asked), field.narrow(asked), field.paired)


def _flag(name: str) -> Term | None:
    """The bare name of a field, where that is a term."""
    field = FIELDS.get(name.lower())
    if field is None or field.flag is None:
        return None
    return Term(field.flag, field.flag_narrow, field.paired)


def _always(message: Message, context: Context) -> bool:
    return True


def _opposite(term: Term) -> Term:
    holds = term.holds
    return Term(lambda message, context: not holds(message, context), negated(term.narrowing), term.paired)


def _both(terms: list[Term]) -> Term:
    narrowing, paired = both([term.narrowing for term in terms]), any(term.paired for term in terms)
    return Term(_all_hold([term.holds for term in terms]), narrowing, paired)


def _either(terms: list[Term]) -> Term:
    narrowing, paired = either([term.narrowing for term in terms]), any(term.paired for term in terms)
    return Term(_one_holds([term.holds for term in terms]), narrowing, paired)


def _all_hold(parts: list[Predicate]) -> Predicate:
    if len(parts) == 2:
        first, second = parts
        return lambda message, context: first(message, context) and second(message, context)
    return lambda message, context: all(part(message, context) for part in parts)


def _one_holds(parts: list[Predicate]) -> Predicate:
    if len(parts) == 2:
        first, second = parts
        return lambda message, context: first(message, context) or second(message, context)
    return lambda message, context: any(part(message, context) for part in parts)
