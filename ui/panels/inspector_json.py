"""JSON of any size and any depth: read without recursion, and laid out without being read.

Both work on the text a token at a time, in Python: read on a thread beside the window, it lets the window have its turn, which a
parser in C (one call of a second for 20 MB) does not; laid out, only so far as it is looked at.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator

from ui.panels.sliced_text import MAX_LINE, pieces_of

MAX_INDENT = 40
"""Levels that are indented; a hundred thousand of them would be gigabytes of spaces."""

# A string with an escape, or a long one, matches as its first quote alone: its end is searched for, which is faster.
_TOKEN = re.compile(r'[ \t\r\n]*([{}\[\],:]|"[^"\\]{0,1000}"|[^ \t\r\n{}\[\],:"]+|")')
_CLOSES = {"{": "}", "[": "]"}
_ENOUGH = 20_000
"""Tokens after which a reader looks whether its work is still wanted."""


class Unwanted(Exception):  # noqa: N818
    """What was being prepared is no longer asked for."""


def read(text: str, wanted: Callable[[], bool] = lambda: True) -> object:
    """The value of a JSON text, however deep; of a member given twice, the last.

    Raises:
        ValueError: it is no JSON. Unwanted: ``wanted`` said so meanwhile.
    """
    holder: list[object] = []
    above: list[dict[str, object] | list[object]] = []
    here: dict[str, object] | list[object] = holder
    key = ""
    after: str = "open"  # open: a value or the end may come; value: only a value; key, colon; comma: a comma or the end
    for count, (at, token) in enumerate(_tokens(text)):
        if count % _ENOUGH == 0 and not wanted():
            raise Unwanted
        if token == "," and after == "comma" and here is not holder:
            after = "key" if isinstance(here, dict) else "value"
        elif token == ":" and after == "colon":
            after = "value"
        elif token in ("}", "]") and after in ("open", "comma") and isinstance(here, dict) == (token == "}") and above:
            here = above.pop()
            after = "comma"
        elif after == "colon" or token in (",", ":", "}", "]") or (after == "comma"):
            raise ValueError(f"{token[:10]} is out of place at character {at}")
        elif isinstance(here, dict) and after in ("open", "key"):
            if token[0] != '"':
                raise ValueError(f"no name at character {at}")
            key = json.loads(token)
            after = "colon"
        else:
            value: object = {} if token == "{" else [] if token == "[" else json.loads(token)
            if isinstance(here, dict):
                here[key] = value
            else:
                here.append(value)
            after = "comma"
            if isinstance(value, (dict, list)):
                above.append(here)
                here = value
                after = "open"
    if here is not holder or not holder:
        raise ValueError("the text ends too early")
    return holder[0]


class Pretty:
    """The pieces of a JSON text laid out: see :meth:`lines`; over-long lines are broken."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._given = 0

    @property
    def share(self) -> float:
        """How much of the text was laid out, from 0 to 1."""
        return self._given / len(self._text) if self._text else 1.0

    def __iter__(self) -> Iterator[str]:
        for line in self.lines():
            if len(line) > MAX_LINE:
                before, used = self._given, self._at - self._given
                for number, piece in enumerate(pieces_of(line), 1):
                    self._given = before + int(used * min(1.0, number * MAX_LINE / len(line)))
                    yield piece
            self._given = self._at
            if len(line) <= MAX_LINE:
                yield line

    def lines(self) -> Iterator[str]:
        """Two spaces a level. Nothing but white space between tokens is changed; it need not be JSON."""
        depth = 0
        line: list[str] = []
        opened = ""
        for at, token in _tokens(self._text):
            self._at = at
            if opened and token != _CLOSES[opened]:
                yield "".join(line) + "\n"
                line = [_indent(depth)]
            if token in ("}", "]"):
                depth = max(0, depth - 1)
                if not opened and line:
                    yield "".join(line) + "\n"
                    line = [_indent(depth)]
            line.append(": " if token == ":" else token)
            opened = token if token in _CLOSES else ""
            if opened:
                depth += 1
            elif token == ",":
                yield "".join(line) + "\n"
                line = [_indent(depth)]
        self._at = len(self._text)
        if line:
            yield "".join(line)


def _indent(depth: int) -> str:
    return "  " * min(depth, MAX_INDENT)


def _tokens(text: str) -> Iterator[tuple[int, str]]:
    """Where each token begins, and the token; of a string without an end, all that is left."""
    at = 0
    while (match := _TOKEN.match(text, at)) is not None:
        start, token = match.start(1), match[1]
        at = match.end()
        if token == '"':
            at = _string_end(text, start)
            token = text[start:at]
        yield start, token


def _string_end(text: str, start: int) -> int:
    """Behind the quote that closes the string beginning at ``start``."""
    end = text.find('"', start + 1)
    while end >= 0:
        slashes = end
        while text[slashes - 1] == "\\":
            slashes -= 1
        if (end - slashes) % 2 == 0:
            return end + 1
        end = text.find('"', end + 1)
    return len(text)
