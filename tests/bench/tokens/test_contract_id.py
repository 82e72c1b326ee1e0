from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.errors import BadInput
from bench.tokens.contract_id import ALPHABET, check_digit, make, normalise

# eMI3 "Check Digit Calculation for Contract-IDs", Mobility ID Utils and MaEVe.
VECTORS = [
    ("NN123ABCDEFGHI", "T"),
    ("FRXYZ123456789", "2"),
    ("ITA1B2C3E4F5G6", "4"),
    ("ESZU8WOX834H1D", "R"),
    ("PT73902837ABCZ", "Z"),
    ("DE83DUIEN83QGZ", "D"),
    ("DE83DUIEN83ZGQ", "M"),
    ("DE8AA001234567", "0"),
    ("NLTNM000122045", "U"),
    ("DE8AACA2B3C4D5", "L"),
    ("CSKTH5U8TC90A1", "S"),
    ("IHRFRNPCZVPPVE", "W"),
]


@pytest.mark.parametrize(("fourteen", "digit"), VECTORS)
def test_check_digit_of_published_examples(fourteen: str, digit: str) -> None:
    assert check_digit(fourteen) == digit


@pytest.mark.parametrize(
    ("given_text", "normal"),
    [
        ("GB-TWK-012345678-V", "GBTWK012345678V"),
        ("GBTWK012345678V", "GBTWK012345678V"),
        ("gbtwk123456789", "GBTWK123456789B"),
        (" de-8aa-ca2b3c4d5-l ", "DE8AACA2B3C4D5L"),
        ("CSKTH5U8TC90A1S", "CSKTH5U8TC90A1S"),
        ("IHRFRNPCZVPPVEW", "IHRFRNPCZVPPVEW"),
    ],
)
def test_normal_form(given_text: str, normal: str) -> None:
    assert normalise(given_text) == normal


def test_a_wrong_check_digit_names_both() -> None:
    with pytest.raises(BadInput, match="check digit X, expected V"):
        normalise("GB-TWK-012345678-X")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "GB",
        "GBTWK0123456789V",
        "1BTWK012345678",
        "GB*TWK*012345678",
        "GB TWK 012345678",
        "straßeTWK01234",
        "ßTWK012345678V",
    ],
)
def test_what_is_no_contract_id(text: str) -> None:
    with pytest.raises(BadInput, match="not of the form"):
        normalise(text)


@given(st.text(ALPHABET, min_size=9, max_size=9), st.integers(0, 8), st.sampled_from(ALPHABET))
def test_one_mistyped_character_is_always_found(instance: str, place: int, other: str) -> None:
    good = normalise("GBTWK" + instance)
    at = 5 + place
    if other == good[at]:
        return
    with pytest.raises(BadInput, match="check digit"):
        normalise(good[:at] + other + good[at + 1 :])


@given(st.text(min_size=1, max_size=36).filter(str.strip))
def test_made_ids_are_valid_and_always_the_same(instance: str) -> None:
    made = make("gb", "abx", instance)
    assert normalise(made) == made
    assert len(made) == 15
    assert make("GB", "ABX", instance) == made


def test_a_four_byte_uid_stays_readable_and_longer_ones_differ() -> None:
    assert make("GB", "ABX", "DEADBEEF")[:14] == "GBABXCDEADBEEF"
    assert make("GB", "ABX", "012345678")[:14] == "GBABX012345678"
    assert make("GB", "ABX", "04A2B3C4D5E680") != make("GB", "ABX", "04A2B3C4D5E681")
    assert make("GB", "ABX", "04a2b3c4d5e680") == make("GB", "ABX", "04A2B3C4D5E680")


@pytest.mark.parametrize(("country", "party", "instance"), [("G", "ABX", "1"), ("GB", "AB", "1"), ("GB", "ABX", " ")])
def test_what_makes_no_contract_id(country: str, party: str, instance: str) -> None:
    with pytest.raises(BadInput):
        make(country, party, instance)
