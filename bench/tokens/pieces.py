"""Sorting so many keys that one call of ``sorted`` would keep every other thread, the window's above all, from running."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from itertools import chain
from typing import Any, Protocol, TypeVar

PIECE = 10_000
SAMPLES_A_PIECE = 16


class Comparable(Protocol):
    def __lt__(self, other: Any, /) -> bool: ...


Key = TypeVar("Key", bound=Comparable)


def sorted_in_pieces(keys: Iterable[Key]) -> list[Key]:
    """As ``sorted``, in steps of about ten thousand keys: the interpreter lets others run between them.

    The borders of the pieces are taken from a sample; whatever the keys are, the result is right, and only its pace differs.
    """
    found = list(keys)
    if len(found) <= PIECE:
        found.sort()
        return found
    sample = sorted(found[:: PIECE // SAMPLES_A_PIECE])
    borders = sample[SAMPLES_A_PIECE::SAMPLES_A_PIECE]
    pieces: list[list[Key]] = [[] for _ in range(len(borders) + 1)]
    for key in found:
        pieces[bisect_right(borders, key)].append(key)
    for piece in pieces:
        piece.sort()
    return list(chain.from_iterable(pieces))
