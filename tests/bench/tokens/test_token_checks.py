from __future__ import annotations

from dataclasses import replace

import pytest

from bench.errors import BadInput
from bench.settings import EnrolSettings
from bench.tokens.checks import checked, notes
from bench.tokens.contract_id import normalise
from bench.tokens.enrol import enrol
from bench.tokens.model import AuthorizationStatus, IdTokenType, Token, TokenKind

GOOD = Token("04A2B3C4", "gb", "twk", "GB-TWK-012345678-V", "Thoughtworks")


def test_a_token_is_normalised() -> None:
    kept = checked(replace(GOOD, visual_number="", group_id=" fleet ", language_code="EN"))
    assert (kept.country_code, kept.party_id, kept.contract_id) == ("GB", "TWK", "GBTWK012345678V")
    assert (kept.visual_number, kept.group_id, kept.language_code) == (None, "fleet", "en")
    assert kept.uid == "04A2B3C4"
    assert checked(kept) == kept


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"uid": ""}, "uid"),
        ({"uid": "x" * 37}, "uid"),
        ({"uid": "käse"}, "uid"),
        ({"uid": "a\nb"}, "uid"),
        ({"uid": " 04A2"}, "uid"),
        ({"country_code": "GBR"}, "countryCode"),
        ({"country_code": "ſs"}, "countryCode"),
        ({"party_id": "TW"}, "partyId"),
        ({"contract_id": "GBTWK012345678X"}, "contractId"),
        ({"issuer": "  "}, "issuer"),
        ({"issuer": "x" * 65}, "issuer"),
        ({"visual_number": "x" * 65}, "visualNumber"),
        ({"visual_number": "a\tb"}, "visualNumber"),
        ({"group_id": "x" * 37}, "groupId"),
        ({"group_id": "größe"}, "groupId"),
        ({"language_code": "eng"}, "languageCode"),
        ({"language_code": "1"}, "languageCode"),
        ({"id_token_type": IdTokenType.NO_AUTHORIZATION}, "idTokenType"),
    ],
)
def test_a_broken_limit_names_the_field(change: dict[str, object], field: str) -> None:
    with pytest.raises(BadInput) as caught:
        checked(replace(GOOD, **change))  # type: ignore[arg-type]
    assert caught.value.what.startswith(f"{field}:")


def test_limits_themselves_are_fit() -> None:
    kept = checked(replace(GOOD, uid="x" * 36, group_id="g" * 36, visual_number="v" * 64))
    assert len(notes(kept)) == 2
    assert notes(replace(GOOD, uid="x" * 20)) == []
    assert "OCPP 1.6 takes 20" in notes(replace(GOOD, uid="x" * 21))[0]


def test_enrol_makes_a_token_of_the_profile() -> None:
    token = enrol("04A2B3C4D5E680", IdTokenType.ISO14443, EnrolSettings(country_code="de", party_id="8aa", issuer="Us"))
    assert (token.country_code, token.party_id, token.issuer) == ("DE", "8AA", "Us")
    assert normalise(token.contract_id) == token.contract_id
    assert token.kind is TokenKind.RFID
    assert token.effective_status is AuthorizationStatus.ACCEPTED


def test_enrol_with_a_status_and_of_other_types() -> None:
    blocked = enrol("1234", IdTokenType.KEY_CODE, EnrolSettings(), AuthorizationStatus.BLOCKED)
    assert (blocked.valid, blocked.status, blocked.kind) == (False, AuthorizationStatus.BLOCKED, TokenKind.OTHER)
    contract = enrol("DE-83D-UIEN83QGZ-D", IdTokenType.EMAID, EnrolSettings())
    assert contract.contract_id == "DE83DUIEN83QGZD"
    with pytest.raises(BadInput, match="uid"):
        enrol("", IdTokenType.ISO14443, EnrolSettings())
