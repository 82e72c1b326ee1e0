"""MaEVe as the authority on tokens unknown here: its own rules, its traps told, and what a station hears in the end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from bench.codecs.maeve import Answer, MaeveToken, Outcome
from bench.errors import LinkDown, OperatorError
from bench.exchange import DecidedBy
from bench.tokens.id_token_info import id_token_info
from bench.tokens.maeve_authority import MaeveAuthority, spellings
from bench.tokens.model import Ask, AuthorizationStatus, CacheMode, IdTokenType
from fixtures.http_peer import Trouble
from fixtures.maeve import SimulatedMaeve
from tests.maeve_world import client_of

CARD = IdTokenType.ISO14443
Findings = list[tuple[str, str, str, str]]


@pytest_asyncio.fixture
async def maeve() -> AsyncIterator[SimulatedMaeve]:
    async with SimulatedMaeve() as started:
        yield started


@pytest.fixture
def findings() -> Findings:
    return []


@pytest_asyncio.fixture
async def authority(maeve: SimulatedMaeve, findings: Findings) -> AsyncIterator[MaeveAuthority]:
    async with client_of(maeve) as client:
        yield MaeveAuthority(client, lambda *finding: findings.append(finding))


async def test_valid_is_accepted_with_group_language_and_cache_mode(
    authority: MaeveAuthority, maeve: SimulatedMaeve, findings: Findings
) -> None:
    maeve.put(uid="04A2B3C4", groupId="FLEET", languageCode="de", cacheMode="NEVER", visualNumber="TAG-7")
    decision = await authority.ask(Ask("04A2B3C4", CARD))
    assert decision is not None
    assert (decision.status, decision.decided_by) == (AuthorizationStatus.ACCEPTED, DecidedBy.CSMS)
    assert decision.reason == "MaEVe: valid"
    assert decision.token is not None
    assert decision.token.label == "TAG-7"
    assert decision.token.cache_mode is CacheMode.NEVER
    assert not decision.may_be_cached
    assert id_token_info(decision.token, decision.status, None) == {
        "status": "Accepted",
        "groupIdToken": {"idToken": "FLEET", "type": "Central"},
        "language1": "de",
    }
    assert authority.name == f"MaEVe at {maeve.url}"
    assert findings == []


async def test_not_valid_is_invalid_and_missing_is_unknown(authority: MaeveAuthority, maeve: SimulatedMaeve) -> None:
    maeve.put(uid="04A2", valid=False)
    decision = await authority.ask(Ask("04A2", CARD))
    assert decision is not None
    assert (decision.status, decision.reason) == (AuthorizationStatus.INVALID, "MaEVe: not valid")
    assert await authority.ask(Ask("04FF", CARD)) is None


async def test_the_token_of_another_card_is_no_answer() -> None:
    class Confused:
        url = "http://maeve"

        async def lookup_token(self, uid: str) -> Answer:
            return Answer(
                Outcome.OK, 200, MaeveToken("04FF", "GB", "TWK", "RFID", "GBTWK012345678V", "Us", True, "ALWAYS")
            )

    with pytest.raises(OperatorError, match="another card"):
        await MaeveAuthority(Confused(), lambda *finding: None).ask(Ask("04A2", CARD))  # type: ignore[arg-type]


async def test_the_type_does_not_count_there(authority: MaeveAuthority, maeve: SimulatedMaeve) -> None:
    maeve.put(uid="DEABCC123ABC56", contractId="DEABC123456789")
    decision = await authority.ask(Ask("DEABCC123ABC56", IdTokenType.EMAID))
    assert decision is not None
    assert decision.token is not None
    assert decision.token.id_token_type is IdTokenType.EMAID


@pytest.mark.parametrize("stored", ["04a2b3c4", "04A2B3C4"])
async def test_another_case_is_found_and_told_once(
    authority: MaeveAuthority, maeve: SimulatedMaeve, findings: Findings, stored: str
) -> None:
    maeve.put(uid=stored)
    for _ in range(2):
        decision = await authority.ask(Ask("04a2B3c4", CARD))
        assert decision is not None
        assert decision.accepted
        assert decision.reason == f"MaEVe: valid, as {stored}"
    ((rule, severity, text, cure),) = findings
    assert (rule, severity) == ("maeve.case", "warn")
    assert f"as {stored}" in text
    assert cure


def test_at_most_three_spellings_are_tried() -> None:
    assert spellings("04a2B3") == ("04a2B3", "04A2B3", "04a2b3")
    assert spellings("04A2") == ("04A2", "04a2")
    assert spellings("1234") == ("1234",)


async def test_on_16_a_card_that_is_not_valid_is_refused_though_maeve_would_take_it(
    authority: MaeveAuthority, maeve: SimulatedMaeve, findings: Findings
) -> None:
    maeve.put(uid="04A2", valid=False)
    decision = await authority.ask(Ask("04A2", None))
    assert decision is not None
    assert decision.status_16 == "Invalid"
    assert [rule for rule, *_ in findings] == ["maeve.valid-16"]


@pytest.mark.parametrize(
    ("kind", "status", "rules"),
    [
        (IdTokenType.NO_AUTHORIZATION, AuthorizationStatus.ACCEPTED, []),
        (IdTokenType.CENTRAL, AuthorizationStatus.ACCEPTED, ["maeve.central"]),
        (IdTokenType.LOCAL, AuthorizationStatus.INVALID, ["maeve.local"]),
    ],
)
async def test_some_types_are_decided_without_a_look_up(
    authority: MaeveAuthority,
    maeve: SimulatedMaeve,
    findings: Findings,
    kind: IdTokenType,
    status: AuthorizationStatus,
    rules: list[str],
) -> None:
    maeve.put(uid="04A2", valid=kind is IdTokenType.LOCAL)
    decision = await authority.ask(Ask("04A2", kind))
    assert decision is not None
    assert decision.status is status
    assert maeve.requests == []
    assert [rule for rule, *_ in findings] == rules


async def test_key_codes_are_never_asked_about(
    authority: MaeveAuthority, maeve: SimulatedMaeve, findings: Findings
) -> None:
    assert await authority.ask(Ask("481516", IdTokenType.KEY_CODE)) is None
    assert maeve.requests == []
    assert [rule for rule, *_ in findings] == ["maeve.key-code"]
    assert "481516" not in str(findings)


async def test_a_token_that_is_not_as_the_api_says_decides_without_its_group(
    authority: MaeveAuthority, maeve: SimulatedMaeve, findings: Findings
) -> None:
    maeve.put(uid="04A2", countryCode="", groupId="FLEET")
    decision = await authority.ask(Ask("04A2", CARD))
    assert decision is not None
    assert decision.accepted
    assert decision.token is None
    assert [rule for rule, *_ in findings] == ["maeve.token"]


@pytest.mark.parametrize("trouble", [Trouble.SERVER_ERROR, Trouble.PLAIN_ERROR, Trouble.GARBAGE])
async def test_an_answer_that_is_none_is_an_error_and_no_decision(
    authority: MaeveAuthority, maeve: SimulatedMaeve, trouble: Trouble
) -> None:
    maeve.put(uid="04A2")
    maeve.fail(trouble)
    with pytest.raises(OperatorError) as failed:
        await authority.ask(Ask("04A2", CARD))
    assert failed.value.cure


async def test_a_maeve_that_is_down_is_an_error(authority: MaeveAuthority, maeve: SimulatedMaeve) -> None:
    await maeve.stop()
    with pytest.raises(LinkDown):
        await authority.ask(Ask("04A2", CARD))


async def test_who_asks_may_give_up(authority: MaeveAuthority, maeve: SimulatedMaeve) -> None:
    maeve.fail(Trouble.SLOW)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await authority.ask(Ask("04A2", CARD))
