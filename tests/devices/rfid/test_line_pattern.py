"""Patterns around a UID: found as ``re`` finds them, in linear time, or refused."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.errors import BadInput
from devices.rfid.line_pattern import MAX_STEPS, MAX_TEXT, Pattern, finder


def find(prefix: str, line: str) -> str | None:
    made = finder(prefix)
    assert made is not None
    return made(line)


def test_no_prefix_is_none() -> None:
    assert finder("") is None


@pytest.mark.parametrize(
    ("prefix", "line", "found"),
    [
        ("Chip=", "12:01 chip=04A2B3C4 ok", "04A2B3C4 ok"),
        ("Chip=", "UID 04A2B3C4", None),
        (r"/<(\w+)>/", "badge <04A2B3C4> gate 3", "04A2B3C4"),
        (r"/^T:(.*)$/", "T: 04 A2", "04 A2"),
        (r"/^T:(.*)$/", "xT: 04 A2", None),
        (r"/([0-9A-F]{8}),\d+/", "id 04A2B3C4,17", "04A2B3C4"),
        (r"/n(\d{2,})x?$/", "n12x n345", "345"),
        (r"/\(([^)]+)\)/", "card (04A2)", "04A2"),
        (r"/a(b?c)/", "zac abc", "c"),
        (r"/(\d+)/", "no digits", None),
        ("/", "a/ 04", "04"),
    ],
)
def test_where_the_uid_stands(prefix: str, line: str, found: str | None) -> None:
    assert find(prefix, line) == found


@pytest.mark.parametrize(
    "pattern",
    [
        "(a+)+$",
        "(a|b)",
        "(a)(b)",
        "abc",
        "()",
        "(a",
        "a)",
        r"(a)\1",
        "(?:a)",
        "(?=a)(b)",
        "[z-a](b)",
        "*(a)",
        r"\b(a)",
        "a{3,1}(b)",
    ],
)
def test_what_is_no_linear_pattern_is_refused_with_a_cure(pattern: str) -> None:
    with pytest.raises(BadInput) as told:
        finder(f"/{pattern}/")
    assert told.value.cure or "repeat" in told.value.what


def test_long_prefixes_are_refused() -> None:
    with pytest.raises(BadInput):
        finder("x" * (MAX_TEXT + 1))
    with pytest.raises(BadInput):
        finder(f"/a{{{MAX_STEPS}}}(b{{200}})/")


def test_what_takes_re_for_ever_takes_no_time() -> None:
    assert Pattern("a*a*a*a*a*a*a*a*(b)$").find("a" * 1024) is None


ATOMS = st.sampled_from(["a", "b", ".", r"\d", "[ab]", "[^a]", r"\w"])
TIMES = st.sampled_from(["", "?", "*", "+", "{2}", "{1,3}", "{2,}"])
PARTS = st.lists(st.tuples(ATOMS, TIMES).map("".join), max_size=3).map("".join)


@given(
    PARTS,
    st.lists(st.tuples(ATOMS, TIMES).map("".join), min_size=1, max_size=3).map("".join),
    PARTS,
    st.booleans(),
    st.booleans(),
    st.text("ab1 ", max_size=12),
)
def test_it_finds_what_re_finds(before: str, group: str, after: str, first: bool, last: bool, line: str) -> None:
    pattern = f"{'^' * first}{before}({group}){after}{'$' * last}"
    expected = re.search(pattern, line, re.ASCII)
    assert Pattern(pattern).find(line) == (None if expected is None else expected[1].strip())
