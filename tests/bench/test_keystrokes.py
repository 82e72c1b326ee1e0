"""A burst of keys is a card, a person's typing never is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.clock import NS_PER_MS
from bench.keystrokes import BURST_ENDS_NS, KEY_GAP_NS, LEAST_KEYS, MAX_KEYS, BurstDetector, Typing

THROUGH = (Typing.PERSON, Typing.MAYBE)


def typed(detector: BurstDetector, text: str, gap_ns: int, start_ns: int = 0) -> list[Typing]:
    return [detector.key(char, start_ns + at * gap_ns) for at, char in enumerate(text)]


def test_a_burst_is_a_card_from_its_sixth_key_and_ends_with_enter() -> None:
    detector = BurstDetector()
    gap = 8 * NS_PER_MS
    told = typed(detector, "04A2B3C4", gap)
    assert told == [Typing.PERSON, *[Typing.MAYBE] * 4, Typing.CARD_BEGINS, Typing.CARD, Typing.CARD]
    assert detector.taken() == []
    assert detector.enter(8 * gap) is Typing.CARD_ENDS
    assert detector.taken() == ["04A2B3C4"]
    assert detector.taken() == []


def test_without_enter_a_pause_ends_it() -> None:
    detector = BurstDetector()
    typed(detector, "04A2B3C4", NS_PER_MS)
    assert detector.in_burst
    detector.pause()
    assert detector.taken() == ["04A2B3C4"]


def test_two_cards_without_enter_are_two() -> None:
    detector = BurstDetector()
    typed(detector, "04A2B3C4", NS_PER_MS)
    typed(detector, "5237AB3B", NS_PER_MS, BURST_ENDS_NS * 2)
    detector.pause()
    assert detector.taken() == ["04A2B3C4", "5237AB3B"]


def test_fewer_keys_and_slower_ones_are_a_person() -> None:
    detector = BurstDetector()
    assert set(typed(detector, "0" * (LEAST_KEYS - 1), NS_PER_MS)) <= set(THROUGH)
    assert detector.enter(LEAST_KEYS * NS_PER_MS) is Typing.PERSON
    assert set(typed(detector, "04A2B3C4D5E680", KEY_GAP_NS, NS_PER_MS * 500)) == {Typing.PERSON}
    detector.pause()
    assert detector.taken() == []


def test_what_a_person_typed_before_is_no_part_of_the_card() -> None:
    detector = BurstDetector()
    typed(detector, "AB", 200 * NS_PER_MS)
    told = typed(detector, "5237AB3B", NS_PER_MS, 400 * NS_PER_MS)
    assert told[0] is Typing.PERSON
    detector.enter(408 * NS_PER_MS)
    assert detector.taken() == ["5237AB3B"]


def test_another_key_in_between_begins_anew() -> None:
    detector = BurstDetector()
    typed(detector, "04A2B", NS_PER_MS)
    detector.other()
    assert detector.key("3", 5 * NS_PER_MS) is Typing.PERSON


def test_a_clock_that_runs_backwards_is_no_burst() -> None:
    detector = BurstDetector()
    assert {detector.key("0", -at) for at in range(20)} == {Typing.PERSON}


def test_an_endless_burst_stays_bounded() -> None:
    detector = BurstDetector()
    typed(detector, "7" * (MAX_KEYS * 10), NS_PER_MS)
    detector.pause()
    assert [len(text) for text in detector.taken()] == [MAX_KEYS]


@given(st.lists(st.tuples(st.sampled_from("0Aé "), st.integers(KEY_GAP_NS, 10 * KEY_GAP_NS)), max_size=40))
def test_no_person_is_ever_taken_for_a_card(keys: list[tuple[str, int]]) -> None:
    detector = BurstDetector()
    now = 0
    for char, gap in keys:
        now += gap
        assert detector.key(char, now) is Typing.PERSON
    assert detector.enter(now + 1) is Typing.PERSON
    assert detector.taken() == []


@pytest.mark.parametrize("text", ["04A2B3C4D5E680", "0013530444"])
def test_uneven_gaps_of_a_reader_are_one_card(text: str) -> None:
    detector = BurstDetector()
    now = 0
    for at, char in enumerate(text):
        now += (1, 16, 34, 8)[at % 4] * NS_PER_MS
        detector.key(char, now)
    detector.enter(now + 30 * NS_PER_MS)
    assert detector.taken() == [text]
