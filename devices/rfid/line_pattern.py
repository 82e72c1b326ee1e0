"""Where in a line the UID stands: a text before it, or a ``/pattern/`` with one group.

Patterns are a part of regular expressions that is matched in linear time: a sequence of characters and classes, each with
``?``, ``*``, ``+`` or ``{m,n}``, and one group. No line a reader sends can then keep the bench busy, which Python's ``re``
cannot promise.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from enum import Enum

from bench.errors import BadInput

Finder = Callable[[str], str | None]
"""Gives the text that may be a UID, or None where the line has none."""

MAX_TEXT = 128
MAX_STEPS = 256

_ALPHABET = "\t" + "".join(map(chr, range(0x20, 0x7F)))
_ATOM = re.compile(r"\\[dDwWsSt]|\\[^A-Za-z0-9]|\[\^?\]?(?:\\.|[^\]\\])*\]|[^\\\[\](){}*+?|^$]", re.ASCII)
_TIMES = re.compile(r"[*+?]|\{(\d{1,3})(?:(,)(\d{1,3})?)?\}", re.ASCII)
_CURE = "use characters, . \\d \\w \\s [a-f], each with ? * + or {m,n}, and one pair of brackets around the UID"


class _Kind(Enum):
    ONE = 1
    MAYBE = 2
    MANY = 3


_Step = tuple[frozenset[str], _Kind]


def finder(text: str) -> Finder | None:
    """What the option ``prefix`` asks for; None for no text. A prefix is found anywhere, ignoring case.

    Raises:
        BadInput: a pattern that is none, or that uses more than the linear part of regular expressions.
    """
    if not text:
        return None
    if len(text) > MAX_TEXT:
        raise BadInput(f"a prefix of {len(text)} characters is too long", f"at most {MAX_TEXT}")
    if len(text) > 2 and text.startswith("/") and text.endswith("/"):
        return Pattern(text[1:-1]).find
    wanted = text.casefold()

    def after(line: str) -> str | None:
        at = line.casefold().find(wanted)
        return None if at < 0 else line[at + len(wanted) :].strip()

    return after


class Pattern:
    """A pattern, ready for any number of lines. It is searched for anywhere unless ``^`` begins or ``$`` ends it.

    Raises:
        BadInput: see :func:`finder`.
    """

    def __init__(self, text: str) -> None:
        self._text = text
        self._steps: list[_Step] = []
        self._from: int | None = None
        self._to: int | None = None
        body = text
        if not body.startswith("^"):
            self._steps.append((frozenset(_ALPHABET), _Kind.MANY))
            self._lead = 1
        else:
            body = body[1:]
            self._lead = 0
        self._anchored = body.endswith("$") and not body.endswith("\\$")
        self._compile(body[:-1] if self._anchored else body)

    def find(self, line: str) -> str | None:
        """The text of the group, or None where the line does not match; quantifiers take as much as they can."""
        steps = self._steps
        fits = self._table(line)
        if not fits[0][0]:
            return None
        at = 0
        begin = end = len(line)
        for number, (chars, kind) in enumerate(steps):
            if number == self._from:
                begin = at
            if number == self._to:
                end = at
            later = fits[number + 1]
            if kind is _Kind.ONE:
                at += 1
            elif kind is _Kind.MAYBE:
                at += at < len(line) and line[at] in chars and later[at + 1]
            elif number < self._lead:
                at = later.index(True)  # the first place where the rest matches, as a search finds it
            else:
                here = fits[number]
                while at < len(line) and line[at] in chars and here[at + 1]:
                    at += 1
        if self._from == len(steps):
            begin = at
        if self._to == len(steps):
            end = at
        return line[begin:end].strip()

    def _table(self, line: str) -> list[list[bool]]:
        """For each step, and one past the last, at which places of the line the pattern matches from there on."""
        size = len(line)
        row = [not self._anchored] * size + [True]
        table = [row]
        for chars, kind in reversed(self._steps):
            later, row = row, [False] * (size + 1)
            row[size] = kind is not _Kind.ONE and later[size]
            for at in range(size - 1, -1, -1):
                took = line[at] in chars
                if kind is _Kind.ONE:
                    row[at] = took and later[at + 1]
                elif kind is _Kind.MAYBE:
                    row[at] = later[at] or took and later[at + 1]
                else:
                    row[at] = later[at] or took and row[at + 1]
            table.append(row)
        table.reverse()
        return table

    def _compile(self, body: str) -> None:
        at = 0
        while at < len(body):
            if body[at] == "(" and self._from is None:
                self._from = len(self._steps)
                at += 1
            elif body[at] == ")" and self._from is not None and self._to is None:
                self._to = len(self._steps)
                at += 1
            else:
                at = self._atom(body, at)
            if len(self._steps) > MAX_STEPS:
                raise BadInput(f"the pattern /{self._text}/ is too long", f"at most {MAX_STEPS} characters of a line")
        if self._to is None or self._to == self._from:
            raise BadInput(f"the pattern /{self._text}/ has no group for the UID", _CURE)

    def _atom(self, body: str, at: int) -> int:
        found = _ATOM.match(body, at)
        if found is None:
            raise BadInput(f"the pattern /{self._text}/ cannot be used from {body[at:]!r} on", _CURE)
        try:
            one = re.compile(found[0], re.ASCII)
        except re.error as error:
            raise BadInput(f"the pattern /{self._text}/ is wrong at {found[0]!r}: {error}", _CURE) from error
        chars = frozenset(char for char in _ALPHABET if one.fullmatch(char))
        end = found.end()
        times = _TIMES.match(body, end)
        if times is None:
            self._steps.append((chars, _Kind.ONE))
            return end
        self._repeat(chars, times)
        return times.end()

    def _repeat(self, chars: frozenset[str], times: re.Match[str]) -> None:
        sign = times[0]
        if sign in "*+?":
            least, most = {"*": (0, None), "+": (1, None), "?": (0, 1)}[sign]
        else:
            least = int(times[1])
            most = least if times[2] is None else None if times[3] is None else int(times[3])
        if most is not None and most < least or least > MAX_STEPS or (most or 0) > MAX_STEPS:
            raise BadInput(f"the pattern /{self._text}/ cannot repeat {sign}", _CURE)
        self._steps += [(chars, _Kind.ONE)] * least
        self._steps += [(chars, _Kind.MANY)] if most is None else [(chars, _Kind.MAYBE)] * (most - least)
