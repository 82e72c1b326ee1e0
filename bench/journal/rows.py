"""Lists of message numbers: what is left where some are taken out. Both lists rise."""

from __future__ import annotations

from array import array
from bisect import bisect_left


def numbers(first: int, last: int, without: array[int]) -> array[int]:
    """The numbers from first to last but for those in ``without``."""
    found = array("q")
    at = bisect_left(without, first)
    for gap in without[at : bisect_left(without, last + 1)]:
        found.extend(range(first, gap))
        first = gap + 1
    found.extend(range(first, last + 1))
    return found


def less(rows: array[int], without: array[int]) -> array[int]:
    """The rows but for those in ``without``."""
    if not without:
        return rows[:]
    out = frozenset(without)
    return array("q", (row for row in rows if row not in out))
