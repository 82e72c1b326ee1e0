from __future__ import annotations

import pytest

from bench.tokens.decision import REASONS, decide
from bench.tokens.index import TokenIndex
from bench.tokens.model import Ask, AuthorizationStatus, IdTokenType, Token


def token(uid: str, **fields: object) -> Token:
    return Token(uid, "GB", "TWK", "GBTWK012345678V", "x", **fields)  # type: ignore[arg-type]


INDEX = TokenIndex(
    [
        token("GOOD"),
        token("BAD", valid=False),
        token("1234", id_token_type=IdTokenType.KEY_CODE),
        *(token(f"S-{status}", status=status) for status in AuthorizationStatus),
    ]
)


def decided(value: str, kind: IdTokenType | None = IdTokenType.ISO14443, **ask: bool) -> tuple[str, str, str, str]:
    options = {name: ask.pop(name) for name in ("accept_unknown", "concurrent") if name in ask}
    decision = decide(Ask(value, kind, **ask), INDEX.get, **options)  # type: ignore[arg-type]
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
    assert decided("FFFF", accept_unknown=True)[0::3] == ("Accepted", "accept-unknown")
    assert decided("BAD", accept_unknown=True)[0] == "Blocked"


def test_a_bad_contract_certificate_decides_before_the_store() -> None:
    """OCPP 2.0.1 C07.FR.15 to FR.17."""
    ask = Ask("GOOD", IdTokenType.EMAID, refused=(AuthorizationStatus.EXPIRED, "the certificate expired"))
    decision = decide(ask, INDEX.get, accept_unknown=True)
    assert decision[:4] == ("Expired", "default", "the certificate expired", "contract")


def test_concurrent_turns_only_an_accepted_token_down() -> None:
    assert decided("GOOD", concurrent=True) == ("ConcurrentTx", "store", "already charging", "concurrent")
    assert decided("BAD", concurrent=True)[0] == "Blocked"
    assert decided("FFFF", concurrent=True)[0] == "Unknown"


@pytest.mark.parametrize("status", AuthorizationStatus)
def test_every_status_has_its_word_and_its_entry(status: AuthorizationStatus) -> None:
    decision = decide(Ask(f"S-{status}", None), INDEX.get)
    assert (decision.status, decision.reason, decision.decided_by) == (status, REASONS[status], "store")
    assert decision.token is INDEX.get(f"S-{status}", None)
    assert decision.accepted is (status is AuthorizationStatus.ACCEPTED)
    assert decision.status_16 in ("Accepted", "Blocked", "Expired", "Invalid", "ConcurrentTx")
