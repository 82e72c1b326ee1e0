from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.card import technology_of
from bench.tokens.forms import MAX_FOUND, near_miss
from bench.tokens.index import TokenIndex
from bench.tokens.model import IdTokenType, Token
from bench.uid_profiles import uid_forms


def token(uid: str, kind: IdTokenType = IdTokenType.ISO14443) -> Token:
    return Token(uid, "GB", "TWK", "GBTWK012345678V", "x", id_token_type=kind)


def missed(value: str, *stored: str) -> list[tuple[str, str]]:
    return [(found.uid, word) for found, word in near_miss(value, TokenIndex(token(uid) for uid in stored))]


@pytest.mark.parametrize(
    ("value", "stored", "word"),
    [
        ("80E6D5C4B3A204", "04A2B3C4D5E680", "reversed"),
        ("04:A2:B3:C4:D5:E6:80", "04a2b3c4d5e680", "other separators"),
        ("04a2b3c4d5e680", "04 A2 B3 C4 D5 E6 80", "other separators"),
        ("80-E6-D5-C4-B3-A2-04", "04:A2:B3:C4:D5:E6:80", "reversed"),
        ("04A2B3C4", "04A2B3C4D5E680", "cut to 4 bytes"),
        ("04A2B3C4", "04:A2:B3:C4:D5:E6:80", "cut to 4 bytes"),
        ("04A2B3C4D5E680", "04A2B3C4", "cut to 4 bytes"),
        ("04A2B3C4D5E6", "04A2B3C4D5E680", "cut to 6 bytes"),
        ("04A2B3C4D5E680", "04A2B3C4D5E6", "cut to 6 bytes"),
        ("8804A2B3", "04A2B3C4D5E680", "first part with cascade tag 88"),
        ("04A2B3C4D5E680", "8804A2B3", "first part with cascade tag 88"),
        ("5237AB3B0000", "5237AB3B", "padded to 6 bytes"),
        ("1379380027", "5237AB3B", "decimal"),
        ("5237AB3B", "1379380027", "decimal"),
        ("1001076562", "5237AB3B", "decimal of reversed"),
        ("5237AB3B", "1001076562", "decimal of reversed"),
        ("000000003BAB3752", "5237AB3B", "reversed, padded to 8 bytes"),
        ("5237AB3B", "000000003BAB3752", "reversed, padded to 8 bytes"),
        ("00007E7E7E7E7E", "7E7E7E7E7E", ""),
        ("0004A2B3", "4A2B3", ""),
        ("4A2B3C4", "04A2B3C4", "leading zero lost"),
        ("04FFA2FFB3FFC4", "04A2B3C4", "sign-extended bytes"),
        ("VID:001122334455", "001122334455", "without VID:"),
        ("001122334455", "VID:001122334455", "with VID:"),
        ("E0040150AABBCCDD", "DDCCBBAA500104E0", "reversed"),
        ("0A00123456", "0001193046", "printed number"),
        ("42", "0000000042", "zero-padded"),
        ("0000000042", "42", "zeros removed"),
    ],
)
def test_the_same_card_in_another_form(value: str, stored: str, word: str) -> None:
    expected = [(stored, word)] if word else []
    assert missed(value, stored, "CAFEBABE") == expected


def test_the_same_value_of_another_type_comes_first() -> None:
    index = TokenIndex([token("04A2B3C4", IdTokenType.LOCAL), token("C4B3A204")])
    assert [(t.uid, w) for t, w in near_miss("04a2b3c4", index)] == [("04A2B3C4", "as Local"), ("C4B3A204", "reversed")]


@pytest.mark.parametrize("value", ["", " ", "---", "0", "Ünïcode", "x" * 500, "9" * 500, "F" * 500, "\x00"])
def test_what_is_like_no_card_is_like_nothing(value: str) -> None:
    assert missed(value, "04A2B3C4", "04A2B3C4D5E680") == []


def test_many_likely_cards_are_cut_short() -> None:
    stored = [f"04A2B3C4{n:06X}" for n in range(100)]
    assert len(missed("04A2B3C4", *stored)) == MAX_FOUND


@given(st.binary(min_size=4, max_size=10).filter(lambda uid: len(uid) in (4, 7, 8, 10)))
def test_every_form_offered_leads_back_to_the_card(uid: bytes) -> None:
    index = TokenIndex([token(uid.hex().upper())])
    for form in uid_forms(uid, technology_of(uid)):
        found = not form.text or index.get(form.text, None) is not None or bool(near_miss(form.text, index))
        # A number forgets how many zero bytes stood before it.
        if not (form.name.startswith("Decimal") and (uid[0] == 0 or uid[-1] == 0)):
            assert found, form


@given(st.text(max_size=40), st.lists(st.text("0123456789ABCDEFabcdef:", min_size=1, max_size=20), max_size=5))
def test_any_value_may_be_asked(value: str, stored: list[str]) -> None:
    index = TokenIndex(token(uid) for uid in stored)
    found = near_miss(value, index)
    assert len({t.key for t, _ in found}) == len(found) <= MAX_FOUND
