from __future__ import annotations

from collections.abc import Set
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bench.tokens.decision import REASONS, RULES, Situation, UnknownTokens, decide
from bench.tokens.index import TokenIndex
from bench.tokens.model import STATUS_16, Ask, AuthorizationStatus, Decision, IdTokenType, Token


def token(uid: str, **fields: object) -> Token:
    return Token(uid, "GB", "TWK", "GBTWK012345678V", "x", **fields)  # type: ignore[arg-type]


NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)
INDEX = TokenIndex(
    [
        token("DATED", expiry=NOON),
        token("HERE", evse_ids=(1, 2)),
        token("5678", id_token_type=IdTokenType.KEY_CODE, evse_ids=(1,)),
        token("GOOD"),
        token("BAD", valid=False),
        token("1234", id_token_type=IdTokenType.KEY_CODE),
        *(token(f"S-{status}", status=status) for status in AuthorizationStatus),
    ]
)


def decided(
    value: str,
    kind: IdTokenType | None = IdTokenType.ISO14443,
    *,
    unknown: UnknownTokens = UnknownTokens.REFUSE,
    now: datetime = NOON,
    evses: Set[int] = frozenset(),
    concurrent: bool = False,
    ended: bool = False,
    **ask: Any,
) -> tuple[str, str, str, str]:
    situation = Situation(now, evses, concurrent, ended)
    decision = decide(Ask(value, kind, **ask), INDEX.get, lambda _: situation, unknown)
    assert isinstance(decision, Decision)
    assert decision.rule in RULES
    return decision.status.value, decision.decided_by, decision.reason, decision.rule


def test_rules_in_their_order() -> None:
    free = IdTokenType.NO_AUTHORIZATION
    assert decided("", free) == ("Accepted", "default", "free charging", "free-charging")
    assert decided("GOOD") == ("Accepted", "store", "valid", "found")
    assert decided("good", None) == ("Accepted", "store", "valid", "found")
    assert decided("BAD") == ("Blocked", "store", "blocked", "found")
    assert decided("BAD", remote_start=True) == ("Accepted", "operator", "remote start", "remote-start")
    assert decided("GOOD", IdTokenType.LOCAL) == ("Unknown", "default", "unknown", "unknown")
    assert decided("FFFF") == ("Unknown", "default", "unknown", "unknown")
    assert decided("9999", IdTokenType.KEY_CODE) == ("Invalid", "default", "unknown", "unknown-key-code")
    assert decided("1234", IdTokenType.KEY_CODE)[0] == "Accepted"
    assert decided("FFFF", unknown=UnknownTokens.ACCEPT)[0::3] == ("Accepted", "accept-unknown")
    assert decided("FFFF", unknown=UnknownTokens.INVALID)[0::3] == ("Invalid", "invalid-unknown")
    assert decided("BAD", unknown=UnknownTokens.ACCEPT)[0] == "Blocked"


def test_a_bad_contract_certificate_decides_before_the_store() -> None:
    """OCPP 2.0.1 C07.FR.15 to FR.17."""
    ask = Ask("GOOD", IdTokenType.EMAID, refused=(AuthorizationStatus.EXPIRED, "the certificate expired"))
    decision = decide(ask, INDEX.get, lambda _: None, UnknownTokens.ACCEPT)
    assert isinstance(decision, Decision)
    assert decision[:4] == ("Expired", "default", "the certificate expired", "contract")


def test_concurrent_turns_only_an_accepted_token_down() -> None:
    assert decided("GOOD", concurrent=True) == ("ConcurrentTx", "store", "already charging", "concurrent")
    assert decided("BAD", concurrent=True)[0] == "Blocked"
    assert decided("FFFF", concurrent=True)[0] == "Unknown"


def test_an_expiry_that_has_come_expires_an_accepted_token_and_no_other() -> None:
    assert decided("DATED", now=NOON - timedelta(milliseconds=1))[0::3] == ("Accepted", "found")
    assert decided("DATED") == ("Expired", "store", "expired", "expired")
    assert decided("DATED", concurrent=True, ended=True)[3] == "expired"


@pytest.mark.parametrize(
    ("value", "evse", "evses", "status"),
    [
        ("HERE", 1, {1}, "Accepted"),
        ("HERE", 3, {1, 3}, "NotAtThisLocation"),
        ("HERE", None, {2, 3}, "Accepted"),  # the station is told which (C01.FR.20)
        ("HERE", None, {3, 4}, "NotAtThisLocation"),  # none of its EVSEs (C01.FR.22)
        ("HERE", None, set(), "Accepted"),  # its EVSEs are not known
        ("GOOD", 3, {3}, "Accepted"),
        ("5678", 2, {1, 2}, "Invalid"),  # a PIN that is not valid here (C04.FR.01)
        ("5678", 1, {1, 2}, "Accepted"),
    ],
)
def test_a_token_may_be_good_on_some_evses_only(value: str, evse: int | None, evses: set[int], status: str) -> None:
    kind = IdTokenType.KEY_CODE if value.isdecimal() else IdTokenType.ISO14443
    assert decided(value, kind, evse=evse, evses=evses)[0::3] == (
        status,
        "found" if status == "Accepted" else "location",
    )


def test_a_station_that_waits_for_a_cable_takes_no_other_token() -> None:
    assert decided("GOOD", ended=True) == ("NotAtThisTime", "store", "not at this time", "authorization-ended")
    assert decided("BAD", ended=True)[0] == "Blocked"


@pytest.mark.parametrize("status", AuthorizationStatus)
def test_every_status_has_its_word_and_its_entry(status: AuthorizationStatus) -> None:
    decision = decide(Ask(f"S-{status}", None), INDEX.get, lambda _: None)
    assert (decision.status, decision.reason, decision.decided_by) == (status, REASONS[status], "store")
    assert decision.token is INDEX.get(f"S-{status}", None)
    assert decision.accepted is (status is AuthorizationStatus.ACCEPTED)
    assert decision.status_16 in ("Accepted", "Blocked", "Expired", "Invalid", "ConcurrentTx")


@pytest.mark.parametrize(
    ("status", "old"),
    [
        ("Accepted", "Accepted"),
        ("Blocked", "Blocked"),
        ("ConcurrentTx", "ConcurrentTx"),
        ("Expired", "Expired"),
        ("Invalid", "Invalid"),
        ("NoCredit", "Blocked"),
        ("NotAllowedTypeEVSE", "Invalid"),
        ("NotAtThisLocation", "Invalid"),
        ("NotAtThisTime", "Invalid"),
        ("Unknown", "Invalid"),
    ],
)
def test_what_16_says_of_every_status(status: str, old: str) -> None:
    """OCPP 1.6 section 7.2 knows five of the ten."""
    assert decide(Ask(f"S-{status}", None), INDEX.get, lambda _: None).status_16 == old
    assert len(STATUS_16) == len(AuthorizationStatus) == 10
