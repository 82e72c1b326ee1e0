"""One card as every system writes it."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.card import Hint, Technology, hints_of
from bench.uid_profiles import PROFILES, UidForm, uid_forms

A, V, EM = Technology.ISO14443, Technology.ISO15693, Technology.EM4100
UID4, UID7, UID8, UID10 = "5237AB3B", "04A2B3C4D5E680", "E004010012345678", "04112233445566778899"
TAG = "3C00CE754C"


def form(uid: str, technology: Technology, name: str) -> UidForm:
    return {each.name: each for each in uid_forms(bytes.fromhex(uid), technology)}[name]


@pytest.mark.parametrize(
    ("uid", "technology", "name", "text", "fits"),
    [
        (UID7, A, "OCPP 1.6", UID7, True),
        (UID10, A, "OCPP 1.6", UID10, True),
        (UID8, V, "OCPP 1.6", UID8, True),
        (UID7, A, "OCPP 2.0.1", UID7, True),
        (UID10, A, "OCPP 2.0.1", UID10, False),
        (TAG, EM, "OCPP 2.1", TAG, False),
        (UID8, V, "OCPP 2.1", UID8, True),
        (UID4, A, "OICP", UID4, True),
        (UID10, A, "OICP", UID10, True),
        (UID8, V, "OICP", UID8, False),
        (TAG, EM, "OICP", TAG, False),
        (UID4, A, "KEBA", "000000003BAB3752", True),
        ("7E7E7E7E7E", EM, "KEBA", "0000007E7E7E7E7E", True),
        (UID10, A, "KEBA", "99887766554433221104", False),
        (UID4, A, "SmartEVSE, Alfen", "5237AB3B0000", True),
        (UID7, A, "SmartEVSE, Alfen", "04A2B3C4D5E6", False),
        (UID7, A, "SteVe", UID7, True),
        (UID7, A, "EVerest, PN532", UID7.lower(), True),
        (UID8, V, "EVerest, PN532", UID8.lower(), False),
        (UID7, A, "EVerest, PN7160 or NXP", UID7, True),
        (UID7, A, "With colons", "04:A2:B3:C4:D5:E6:80", True),
        (UID10, A, "With colons", "04:11:22:33:44:55:66:77:88:99", False),
        (UID4, A, "Reversed hex", "3BAB3752", True),
        (UID4, A, "Decimal, byte 0 first", "1379380027", True),
        (UID4, A, "Decimal, last byte first", "1001076562", True),
        (TAG, EM, "EM4100, 10 hex digits", TAG, True),
        (TAG, EM, "EM4100, 8 hex digits", "00CE754C", True),
        (TAG, EM, "EM4100, 10 digits", "0013530444", True),
        (TAG, EM, "EM4100, ddd,ddddd", "206,30028", True),
        (UID4, A, "EM4100, 10 digits", "", False),
        (UID7, A, "EM4100, 8 hex digits", "", False),
    ],
)
def test_how_each_writes_it(uid: str, technology: Technology, name: str, text: str, fits: bool) -> None:
    found = form(uid, technology, name)
    assert (found.text, found.fits) == (text, fits)
    assert bool(found.why) is not fits


@pytest.mark.parametrize(
    ("uid", "printed"),
    [
        ("01000734E0", "0000472288"),
        ("0700952F22", "0009776930"),
        ("78003E5C1E", "0004086814"),
        ("4500C5D1E9", "0012964329"),
    ],
)
def test_the_number_that_is_printed_on_a_tag(uid: str, printed: str) -> None:
    assert form(uid, EM, "EM4100, 10 digits").text == printed


def test_every_row_has_a_name_of_its_own_and_a_source() -> None:
    assert len({profile.name for profile in PROFILES}) == len(PROFILES)
    assert all(profile.source for profile in PROFILES)


def test_no_bytes_have_no_forms() -> None:
    assert uid_forms(b"", A) == []


@given(st.binary(min_size=1, max_size=16), st.sampled_from(list(Technology)))
def test_what_is_said_to_fit_keeps_the_rule_of_its_system(uid: bytes, technology: Technology) -> None:
    rules = {
        "OCPP 1.6": r".{1,20}",
        "OCPP 2.0.1": r".{1,36}",
        "OICP": r"[0-9A-F]{8}|[0-9A-F]{14}|[0-9A-F]{20}",
        "SteVe": r"[a-zA-Z0-9._-]{1,20}",
        "KEBA": r"[0-9A-F]{16}",
        "EM4100, 10 digits": r"[0-9]{10}",
        "EM4100, ddd,ddddd": r"[0-9]{3},[0-9]{5}",
    }
    for each in uid_forms(uid, technology):
        if each.fits and each.name in rules:
            assert re.fullmatch(rules[each.name], each.text), each


@pytest.mark.parametrize(
    ("uid", "technology", "sak", "hints"),
    [
        ("0824A937", A, 0x20, (Hint.RANDOM_ID,)),
        ("0824A937112233", A, None, ()),
        ("8804A3C6", A, None, (Hint.CASCADE_TAG,)),
        ("8804A3C6", A, 0x04, (Hint.CASCADE_TAG,)),
        ("8804A3C6", A, 0x08, ()),
        ("04BCD4C2", A, None, (Hint.TRUNCATED,)),
        ("04BCD4C2", A, 0x08, ()),
        ("78563412000104E0", V, None, (Hint.REVERSED_15693,)),
        ("E0040100123456E0", V, None, ()),
        ("04A2B3C4D5E6", A, None, (Hint.ODD_LENGTH,)),
        ("04A2B3", Technology.UNKNOWN, None, (Hint.ODD_LENGTH,)),
        ("000000003BAB3752", Technology.UNKNOWN, None, (Hint.ZERO_PADDED,)),
        ("00A2B3C4", A, None, ()),
        ("01000734E0", EM, None, ()),
        ("00000000", A, None, (Hint.ALL_SAME,)),
        ("FFFFFFFFFFFFFF", A, None, (Hint.ALL_SAME,)),
        ("012E4CDCA36D5A12", Technology.FELICA, None, ()),
        ("010203", Technology.HID, None, ()),
    ],
)
def test_the_traps_that_a_uid_gives_away(
    uid: str, technology: Technology, sak: int | None, hints: tuple[Hint, ...]
) -> None:
    assert hints_of(bytes.fromhex(uid), technology, sak) == hints
