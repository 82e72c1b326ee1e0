"""Tests on one value, made once when a filter is parsed."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from functools import lru_cache
from typing import cast

from bench.clock import NS_PER_S, to_datetime
from bench.journal.filter.errors import FilterError

DAY_NS = 24 * 3600 * NS_PER_S
MEMO_SIZE = 4096

TextTest = Callable[[str], bool]
NumberTest = Callable[[float], bool]

_ORDER: dict[str, Callable[[float, float], bool]] = {
    ">": lambda left, right: left > right,
    "<": lambda left, right: left < right,
    ">=": lambda left, right: left >= right,
    "<=": lambda left, right: left <= right,
    "=": lambda left, right: left == right,
    ":": lambda left, right: left == right,
    "!=": lambda left, right: left != right,
}
_TIME_OF_DAY = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2}(?:\.\d{1,9})?))?")


def text_test(operator: str, value: str, *, literal: bool = False) -> TextTest:
    """A test for text, ignoring case. ``literal`` (a quoted value) switches ``*`` and commas off."""
    wanted = value.casefold()
    if operator == "~":
        return lambda text: wanted in text.casefold()
    if operator == "=" or (operator == ":" and literal):
        return lambda text: text.casefold() == wanted
    if operator == "!=":
        return lambda text: text.casefold() != wanted
    parts = [part for part in wanted.split(",") if part] or [""]
    if "*" in wanted:
        tests = [_star_test(part) for part in parts]
        return lambda text: any(test(text.casefold()) for test in tests)
    if len(parts) == 1:
        return lambda text: text.casefold() == parts[0]
    chosen = frozenset(parts)
    return lambda text: text.casefold() in chosen


def _star_test(pattern: str) -> TextTest:
    """A test for text, case folded, with ``*`` for anything.

    Linear, which a regular expression with several ``.*`` is not: names and topics are what a stranger makes them.
    """
    if "*" not in pattern:
        return lambda text: text == pattern
    first, *middle, last = re.split(r"\*+", pattern)

    def test(text: str) -> bool:
        at, end = len(first), len(text) - len(last)
        if at > end or not text.startswith(first) or not text.endswith(last):
            return False
        for piece in middle:
            at = text.find(piece, at, end)
            if at < 0:
                return False
            at += len(piece)
        return True

    return test


def memoised(test: TextTest) -> TextTest:
    """Remember answers: names, kinds and channels are few, messages are millions."""
    known: dict[str, bool] = {}

    def remembered(text: str) -> bool:
        answer = known.get(text)
        if answer is None:
            if len(known) >= MEMO_SIZE:
                known.clear()
            answer = known[text] = test(text)
        return answer

    return remembered


def number_test(operator: str, value: str, position: int, field: str) -> NumberTest:
    """A test for numbers; ``:`` takes commas for "one of".

    Raises:
        FilterError: not a number, or an operator that numbers do not have.
    """
    if operator == "~":
        raise FilterError(position, f"{field} is a number: use = != > < >= <=")
    if operator == ":" and "," in value:
        chosen = frozenset(_number(part, position, field) for part in value.split(",") if part)
        return lambda number: number in chosen
    wanted = _number(value, position, field)
    compare = _ORDER[operator]
    return lambda number: compare(number, wanted)


def payload_test(operator: str, value: str, *, literal: bool = False) -> Callable[[object], bool]:
    """A test for any JSON value: numbers as numbers where both are, ``true false null`` by name, else as text."""
    number = None if literal else _as_number(value)
    as_text = None if operator in (">", "<", ">=", "<=") else text_test(operator, value, literal=literal)
    compare = _ORDER.get(operator)

    def test(found: object) -> bool:
        if number is not None and compare is not None and type(found) in (int, float):  # not bool
            return compare(cast(float, found), number)
        text = _json_word(found)
        if text is None:
            return False
        if as_text is not None:
            return as_text(text)
        return _text_order(operator, text, value)

    return test


def time_test(after: bool, value: str, position: int) -> Callable[[int], bool]:
    """A test for UTC nanoseconds: a time of day (each message by its own local day) or an ISO date and time.

    Raises:
        FilterError: neither.
    """
    if (match := _TIME_OF_DAY.fullmatch(value)) is not None:
        hours, minutes, seconds = int(match[1]), int(match[2]), float(match[3] or 0)
        if hours > 23 or minutes > 59 or seconds >= 60:
            raise FilterError(position, f"{value} is no time of day")
        limit = int((hours * 3600 + minutes * 60) * NS_PER_S + seconds * NS_PER_S)
        if after:
            return lambda utc_ns: local_day_ns(utc_ns) >= limit
        return lambda utc_ns: local_day_ns(utc_ns) < limit
    edge = moment_ns(value)
    if edge is None:
        raise FilterError(position, f"{value} is no time: write 12:03 or 12:03:12.5 or 2026-11-21T12:03")
    return (lambda utc_ns: utc_ns >= edge) if after else (lambda utc_ns: utc_ns < edge)


def moment_ns(value: str) -> int | None:
    """UTC nanoseconds of an ISO date and time, local where it names no zone; None where it is none."""
    try:
        moment = datetime.fromisoformat(value)
        return int((moment if moment.tzinfo is not None else moment.astimezone()).timestamp() * 1_000_000) * 1000
    except (ValueError, OverflowError):
        return None


def local_day_ns(utc_ns: int) -> int:
    """Nanoseconds since local midnight."""
    return (utc_ns + _offset_ns(utc_ns // (900 * NS_PER_S))) % DAY_NS


@lru_cache(maxsize=1024)
def _offset_ns(quarter: int) -> int:
    # Offsets change on quarter hours only, so one look-up serves 15 minutes of messages.
    offset = to_datetime(quarter * 900 * NS_PER_S).astimezone().utcoffset()
    return 0 if offset is None else int(offset.total_seconds()) * NS_PER_S


def _number(value: str, position: int, field: str) -> float:
    number = _as_number(value)
    if number is None:
        raise FilterError(position, f"{field} is a number, not {value or 'empty'}")
    return number


def _as_number(value: str) -> float | None:
    try:
        return float(value)
    except ValueError:
        return None


def _json_word(found: object) -> str | None:
    if isinstance(found, str):
        return found
    if isinstance(found, bool):
        return "true" if found else "false"
    if found is None:
        return "null"
    if isinstance(found, (int, float)):
        return repr(found)
    return None


def _text_order(operator: str, text: str, value: str) -> bool:
    left, right = text.casefold(), value.casefold()
    if operator == ">":
        return left > right
    if operator == "<":
        return left < right
    return left >= right if operator == ">=" else left <= right
