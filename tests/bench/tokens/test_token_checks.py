from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest

from bench.errors import BadInput
from bench.settings import EnrolSettings
from bench.tokens.checks import checked, notes
from bench.tokens.contract_id import normalise
from bench.tokens.enrol import enrol
from bench.tokens.model import AuthorizationStatus, IdTokenType, MessageFormat, PersonalMessage, Token, TokenKind

GOOD = Token("04A2B3C4", "gb", "twk", "GB-TWK-012345678-V", "Thoughtworks")


def test_a_token_is_normalised() -> None:
    kept = checked(replace(GOOD, visual_number="", group_id=" fleet ", language_code="EN"))
    assert (kept.country_code, kept.party_id, kept.contract_id) == ("GB", "TWK", "GBTWK012345678V")
    assert (kept.visual_number, kept.group_id, kept.language_code) == (None, "fleet", "en")
    assert kept.uid == "04A2B3C4"
    assert checked(kept) == kept


def test_what_ocpp_says_beside_is_normalised() -> None:
    noon = datetime(2030, 1, 1, 12, 0, 0, 123456, timezone(timedelta(hours=2)))
    kept = checked(
        replace(
            GOOD,
            expiry=noon,
            evse_ids=(3, 1, 3),
            language_code="DE",
            language2=" en-US ",
            personal_message=PersonalMessage(" Hallo\nFahrer ", language=""),
            charging_priority=-9,
            note=" spare card\r\nin the drawer ",
            source=" ",
        )
    )
    assert (kept.note, kept.source) == ("spare card\nin the drawer", None)
    assert kept.expiry == datetime(2030, 1, 1, 10, 0, 0, 123000, UTC)
    assert kept.expiry.tzinfo is UTC
    assert (kept.evse_ids, kept.language_code, kept.language2) == ((1, 3), "de", "en-US")
    assert kept.personal_message == PersonalMessage("Hallo\nFahrer", MessageFormat.UTF8, None)
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
        ({"expiry": datetime(2030, 1, 1)}, "expiry"),  # noqa: DTZ001
        ({"expiry": datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=1)))}, "expiry"),
        ({"evse_ids": (1, 0)}, "evseIds"),
        ({"evse_ids": (2**31,)}, "evseIds"),
        ({"evse_ids": tuple(range(1, 102))}, "evseIds"),
        ({"language2": "de"}, "language2"),  # no first language (OCPP 2.0.1 C01.FR.10)
        ({"language_code": "de", "language2": "DE"}, "language2"),  # the same (C01.FR.11)
        ({"language_code": "de", "language2": "english"}, "language2"),  # no language tag (C01.FR.17)
        ({"language_code": "de", "language2": "en-Latn-US"}, "language2"),
        ({"personal_message": PersonalMessage(" ")}, "personalMessage"),
        ({"personal_message": PersonalMessage("x" * 513)}, "personalMessage"),
        ({"personal_message": PersonalMessage("Grüß", MessageFormat.ASCII)}, "personalMessage"),
        ({"personal_message": PersonalMessage("a\x07")}, "personalMessage"),
        ({"personal_message": PersonalMessage("hi", language="?")}, "personalMessageLanguage"),
        ({"charging_priority": 10}, "chargingPriority"),
        ({"charging_priority": -10}, "chargingPriority"),
        ({"note": "x" * 501}, "note"),
        ({"note": "a\x07"}, "note"),
        ({"source": "x" * 121}, "source"),
        ({"source": "two\nlines"}, "source"),
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
