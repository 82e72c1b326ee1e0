"""Lines of a text file, numbered and bounded; and RFC 3339 times to the nanosecond."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import BinaryIO

import orjson

from bench.clock import NS_PER_S
from bench.errors import BadInput

MAX_LINE = 256 * 1024 * 1024
"""Bytes of one line; several times the largest payload there is."""

Line = tuple[int, bytes]
"""Number from 1, and the bytes without their line end."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TIME = re.compile(
    r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d):(\d\d)(?:[.,](\d{1,20}))?\s?([Zz]|[+-]\d\d:?\d\d)?",
    re.ASCII,
)


class Damaged(BadInput):
    """A line that cannot be used. line: its number, from 1."""

    def __init__(self, line: int, why: str, cure: str = "nothing was imported; mend or remove that line") -> None:
        super().__init__(f"line {line}: {why}", cure)
        self.line = line


def numbered(file: BinaryIO) -> Iterator[Line]:
    """Every line of a file, one in memory at a time; a byte order mark is skipped.

    Raises:
        Damaged: a line is longer than :data:`MAX_LINE`.
    """
    number = 0
    while line := file.readline(MAX_LINE + 1):
        number += 1
        if len(line) > MAX_LINE:
            raise Damaged(number, f"longer than {MAX_LINE // 1024 // 1024} MiB", "nothing was imported")
        if number == 1:
            line = line.removeprefix(b"\xef\xbb\xbf")
        yield number, line.rstrip(b"\r\n")


def json_of(line: int, name: str, value: object) -> str:
    """JSON of what a line holds, which an export can write again inside of a record.

    Raises:
        Damaged: it is nested deeper than a capture can keep.
    """
    try:
        return orjson.dumps([[value]]).decode()[2:-2]
    except TypeError as error:
        raise Damaged(line, f"{name} cannot be kept: {error}") from error


def rfc3339(utc_ns: int) -> str:
    """Epoch nanoseconds as RFC 3339, UTC, with as many digits as they need, three at least (64 bits: years 1677 to 2262)."""
    seconds, rest = divmod(utc_ns, NS_PER_S)
    fraction = f"{rest:09d}"
    while len(fraction) > 3 and fraction.endswith("000"):
        fraction = fraction[:-3]
    return f"{(_EPOCH + timedelta(seconds=seconds)):%Y-%m-%dT%H:%M:%S}.{fraction}Z"


def find_time(text: str) -> int | None:
    """Epoch nanoseconds of the first date with a time in a text, UTC where it names no zone; None where there is none."""
    for found in _TIME.finditer(text):
        if (utc_ns := _read(found)) is not None:
            return utc_ns
    return None


def parse_time(text: str) -> int | None:
    """Epoch nanoseconds of an RFC 3339 date-time, None if it is none."""
    found = _TIME.fullmatch(text)
    return _read(found) if found is not None else None


def _read(found: re.Match[str]) -> int | None:
    date, minutes, seconds, fraction, zone = found.groups()
    try:
        # A leap second (60) is the one before it.
        at = datetime.fromisoformat(f"{date}T{minutes}:{min(int(seconds), 59):02d}+00:00")
        if int(seconds) > 60:
            return None
        offset = timedelta()
        if zone and zone not in "Zz":
            hours, rest = int(zone[1:3]), int(zone[-2:])
            offset = timedelta(hours=hours, minutes=rest) * (-1 if zone[0] == "-" else 1)
    except ValueError:
        return None
    whole = (at - _EPOCH - offset) // timedelta(seconds=1)
    return whole * NS_PER_S + int((fraction or "").ljust(9, "0")[:9])
