"""The tokens of a JSON file, one after the other, whatever stands around them; never the whole file in memory."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from bench.errors import BadInput
from bench.tokens.text_file import TextFile

MAX_ENTRY = 1024 * 1024
MAX_KEYS = 256
MAX_DEPTH = 4
_STRETCH = 256 * 1024
_WHITE = " \t\r\n"
_CALL = 2
# Where lists of tokens stand: OCPP SendLocalList, OCPI (``data``), the MaEVe API, exports of back ends.
_LISTS = frozenset(
    ("tokens", "localauthorizationlist", "data", "authorizations", "ocpptags", "tags", "cards", "items", "results")
)
_LOCAL_LIST = "localauthorizationlist"
_OBJECTS = frozenset(("data", "payload", "sendlocallist"))
_VALUES = frozenset(("uid", "idtag", "idtoken"))
_INFO = frozenset(("idTagInfo", "idTokenInfo"))


class JsonEntry(NamedTuple):
    """One token of a file. values: by the path of their names, ``idTagInfo.status``. problem: why it is none.

    removal: a local list names it to take it out (OCPP 1.6 section 5.15, 2.0.1 D01.FR.16).
    """

    values: Mapping[str, object]
    problem: str = ""
    removal: bool = False


class JsonEntries:
    """A list of tokens, an object that holds one, a SendLocalList payload or its whole call, one token, or JSON lines."""

    def __init__(self, text: TextFile) -> None:
        self._source = _Stretches(text)
        self._strings = False
        self.count = 0

    def __iter__(self) -> Iterator[JsonEntry]:
        """Every entry, in order.

        Raises:
            BadInput: not JSON, no list of tokens, an entry over 1 MiB.
        """
        source = self._source
        found = False
        while source.peek():
            for entry in self._tokens(0):
                found = True
                self.count += 1
                yield entry
            if not found and not source.was_list:
                break
        if not found and not source.was_list:
            raise BadInput("the JSON is no list of tokens")

    def _tokens(self, depth: int) -> Iterator[JsonEntry]:
        start = self._source.peek()
        if start == "[":
            yield from self._list(depth, local=False)
        elif start == "{":
            yield from self._object(depth)
        else:
            self._source.value()

    def _list(self, depth: int, *, local: bool) -> Iterator[JsonEntry]:
        source = self._source
        source.was_list = True
        source.take("[")
        first = True
        while source.peek() != "]":
            if not first:
                source.take(",")
            value = source.value()
            if first and depth == 0 and type(value) is int and value == _CALL:
                yield from self._call()
                return
            self._strings = self._strings or (first and isinstance(value, str))
            first = False
            yield _entry(value, local=local, strings=self._strings)
        source.take("]")

    def _call(self) -> Iterator[JsonEntry]:
        """The rest of ``[2, id, "SendLocalList", payload]``."""
        source = self._source
        source.take(",")
        source.value()
        source.take(",")
        if source.value() != "SendLocalList":
            raise BadInput("the JSON is no list of tokens", "of OCPP messages only SendLocalList holds one")
        source.take(",")
        yield from self._tokens(1)
        source.take("]")

    def _object(self, depth: int) -> Iterator[JsonEntry]:
        source = self._source
        own: dict[str, object] = {}
        holds = False
        source.take("{")
        while source.peek() != "}":
            if own or holds:
                source.take(",")
            key = source.value()
            if not isinstance(key, str) or len(own) > MAX_KEYS:
                raise BadInput("not JSON of tokens: an object with other than up to 256 named values")
            source.take(":")
            folded = key.casefold()
            begins = source.peek()
            if begins == "[" and folded in _LISTS:
                holds = True
                yield from self._list(depth + 1, local=folded == _LOCAL_LIST)
            elif begins == "{" and folded in _OBJECTS and depth < MAX_DEPTH:
                holds = True
                yield from self._object(depth + 1)
            else:
                own[key] = source.value()
        source.take("}")
        if not holds and any(key.casefold() in _VALUES for key in own):
            yield _entry(own, local=False, strings=False)


class _Stretches:
    """JSON values taken from a text that is read stretch by stretch."""

    def __init__(self, text: TextFile) -> None:
        self._text = text
        self._decode = json.JSONDecoder().raw_decode
        self._held = ""
        self._at = 0
        self._ended = False
        self.was_list = False

    def peek(self) -> str:
        """The next character that is no white space; empty at the end."""
        while True:
            held, at = self._held, self._at
            while at < len(held) and held[at] in _WHITE:
                at += 1
            self._at = at
            if at < len(held):
                return held[at]
            if not self._more():
                return ""

    def take(self, character: str) -> None:
        found = self.peek()
        if found != character:
            raise BadInput(
                f"not JSON: {found!r} where {character!r} is wanted" if found else "not JSON: it ends too early"
            )
        self._at += 1

    def value(self) -> object:
        if not self.peek():
            raise BadInput("not JSON: it ends too early")
        while True:
            try:
                value, end = self._decode(self._held, self._at)
            except (ValueError, RecursionError) as error:
                # It may only have been cut off: with more of it, it may be read.
                if len(self._held) - self._at < MAX_ENTRY and self._more():
                    continue
                if len(self._held) - self._at >= MAX_ENTRY and not self._ended:
                    raise BadInput("not JSON of tokens: one value is over 1 MiB, or wrong") from error
                raise BadInput(f"not JSON: {error}") from error
            if end == len(self._held) and self._more():
                continue  # a number may go on
            self._at = end
            return value

    def _more(self) -> bool:
        if self._ended:
            return False
        stretch = self._text.read(_STRETCH)
        self._ended = not stretch
        self._held = self._held[self._at :] + stretch
        self._at = 0
        return not self._ended


def _entry(value: object, *, local: bool, strings: bool) -> JsonEntry:
    if strings and isinstance(value, str):
        return JsonEntry({"uid": value})
    if not isinstance(value, dict):
        return JsonEntry({}, "no JSON object")
    return JsonEntry(_flat(value), removal=local and not _INFO & value.keys())


def _flat(value: Mapping[str, object], before: str = "", depth: int = 0) -> dict[str, object]:
    made: dict[str, object] = {}
    for key, inner in value.items():
        if isinstance(inner, dict) and inner and depth < MAX_DEPTH:
            made |= _flat(inner, f"{before}{key}.", depth + 1)
        else:
            made[before + key] = inner
        if len(made) > MAX_KEYS:
            break
    return made
