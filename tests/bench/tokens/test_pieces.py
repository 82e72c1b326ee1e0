"""Sorting in pieces gives what sorting gives."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.tokens import pieces
from bench.tokens.pieces import sorted_in_pieces


@given(st.lists(st.tuples(st.text(max_size=4), st.sampled_from(["ISO14443", "Local"]))))
def test_it_sorts(keys: list[tuple[str, str]]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pieces, "PIECE", 16)
        assert sorted_in_pieces(keys) == sorted(keys)


@pytest.mark.parametrize("spread", [1, 7, 10**6])
def test_many_keys_alike_and_unlike(spread: int) -> None:
    """Sorted before, in reverse, in no order; and so many equal ones that borders coincide."""
    numbers = [random.Random(4).randrange(spread) for _ in range(3 * pieces.PIECE + 1)]
    for keys in (numbers, sorted(numbers), sorted(numbers, reverse=True)):
        assert sorted_in_pieces(keys) == sorted(numbers)
