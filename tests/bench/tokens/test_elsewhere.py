from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.tokens.elsewhere import (
    CANNOT_ASK,
    EVEREST,
    JOSEV,
    MAEVE,
    MAEVE_16,
    OCPP_16,
    OICP,
    case_matters,
    elsewhere,
    type_matters,
)
from bench.tokens.model import AuthorizationStatus, IdTokenType, Token

NOW = datetime(2026, 1, 1, tzinfo=UTC)
CARD = Token("04A2B3C4D5E680", "GB", "TWK", "GBTWK012345678V", "Us")
BLOCKED = replace(CARD, valid=False)
NO_CREDIT = replace(CARD, valid=False, status=AuthorizationStatus.NO_CREDIT)
EXPIRED = replace(CARD, expiry=datetime(2025, 1, 1, tzinfo=UTC))
LOWER = replace(CARD, uid="04a2b3c4d5e680")
LONG = replace(CARD, uid="x" * 21, id_token_type=IdTokenType.LOCAL)
CENTRAL = replace(BLOCKED, uid="2f7d7f0e-0b0a-4a4b-9d6e-0c6a4b1f6f10", id_token_type=IdTokenType.CENTRAL)
PIN = replace(CARD, uid="4711", id_token_type=IdTokenType.KEY_CODE)
MAC = replace(CARD, uid="0102030405AB", id_token_type=IdTokenType.MAC_ADDRESS)
VID = replace(MAC, uid="VID:0102030405AB")
VICINITY = replace(CARD, uid="E00401500000AABB", id_token_type=IdTokenType.ISO15693)
CONTRACT = replace(CARD, uid="DE83DC12345678X", id_token_type=IdTokenType.EMAID)
OTHER_CONTRACT = replace(CARD, uid="GBTWK012345678V", id_token_type=IdTokenType.EMAID)


@pytest.mark.parametrize(
    ("token", "system", "says", "why"),
    [
        (CARD, OCPP_16, "Accepted", "names no type"),
        (NO_CREDIT, OCPP_16, "Blocked", "no word for NoCredit"),
        (LONG, OCPP_16, CANNOT_ASK, "at most 20 characters, this has 21"),
        (CARD, MAEVE, "Accepted", "same case, else Unknown"),
        (BLOCKED, MAEVE, "Invalid", "the type is ignored"),
        (NO_CREDIT, MAEVE, "Invalid", "not NoCredit"),
        (CENTRAL, MAEVE, "Accepted", "without a look-up"),
        (LONG, MAEVE, "Invalid", "without a look-up"),
        (CONTRACT, MAEVE, "Accepted", "contractId is not searched"),
        (BLOCKED, MAEVE_16, "Accepted", "valid or not"),
        (CENTRAL, MAEVE_16, CANNOT_ASK, "20 characters"),
        (BLOCKED, EVEREST, "Rejected", "whatever its type"),
        (MAC, EVEREST, "Rejected", "VID:"),
        (VID, EVEREST, "Accepted", "whatever its type"),
        (PIN, EVEREST, "Accepted", "RFID or OCPP"),
        (CARD, OICP, "Authorized", "as it is"),
        (LOWER, OICP, "Authorized", "upper-case only"),
        (EXPIRED, OICP, "NotAuthorized 210", "as it is"),
        (replace(CARD, uid="04A2B3"), OICP, CANNOT_ASK, "8, 14 or 20"),
        (VICINITY, OICP, CANNOT_ASK, "16 hex digits"),
        (PIN, OICP, CANNOT_ASK, "EvcoID"),
        (VID, OICP, CANNOT_ASK, "MacAddress"),
        (CONTRACT, OICP, "Authorized", "PlugAndCharge"),
        (OTHER_CONTRACT, OICP, CANNOT_ASK, "marks the contract with C"),
        (BLOCKED, JOSEV, "rejected", "Blocked is lost"),
        (CONTRACT, JOSEV, CANNOT_ASK, "updates only"),
        (PIN, JOSEV, "accepted", "as it is"),
    ],
)
def test_what_each_would_say(token: Token, system: str, says: str, why: str) -> None:
    told = {told.system: told for told in elsewhere(token, NOW)}[system]
    assert told.says == says
    assert why in told.why


@given(st.sampled_from(IdTokenType), st.text(min_size=6, max_size=36), st.sampled_from(AuthorizationStatus))
def test_every_token_gets_an_answer_that_does_not_tell_its_value(
    kind: IdTokenType, uid: str, status: AuthorizationStatus
) -> None:
    told = elsewhere(replace(CARD, uid=f"#{uid}", id_token_type=kind, status=status), NOW)
    assert [entry.system for entry in told] == [OCPP_16, MAEVE, MAEVE_16, EVEREST, OICP, JOSEV]
    assert all(entry.says and entry.why and f"#{uid}" not in entry.why for entry in told)


def test_where_a_question_differs_from_the_store() -> None:
    assert case_matters("04a2b3c4d5e680", CARD)
    assert not case_matters("04A2B3C4D5E680", CARD)
    assert type_matters(None, PIN)
    assert not type_matters(None, CARD)
    assert not type_matters(IdTokenType.KEY_CODE, PIN)
