"""A decision that holds by OCPP's rules only is told of: once, where case or type is another."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bench.exchange import Exchange, Party, Severity
from bench.tokens.model import Ask, IdTokenType
from tests.bench.playbook import GOOD, Playbook

CARD = IdTokenType.ISO14443


@pytest.fixture
def play() -> Playbook:
    return Playbook()


def ask(play: Playbook, value: str, kind: IdTokenType | None, station: str = "CP-001") -> Exchange:
    exchange = play.tap(value)
    assert play.decider.ask(Ask(value, kind, station), exchange, Party.CSMS).accepted
    return exchange


def rules(play: Playbook) -> list[str]:
    return [finding.rule for finding in play.book.findings if finding.rule.startswith("token.")]


def test_another_case_is_told_once_a_station(play: Playbook) -> None:
    exchange = ask(play, GOOD.lower(), CARD)
    [finding] = [finding for finding in exchange.findings if finding.rule == "token.case"]
    assert finding.severity is Severity.INFO
    assert "equal in OCPP, unknown to MaEVe" in finding.text
    ask(play, GOOD.lower(), CARD)
    assert rules(play) == ["token.case"]
    ask(play, GOOD.lower(), CARD, "CP-002")
    assert rules(play) == ["token.case", "token.case"]


def test_the_same_form_is_not_told(play: Playbook) -> None:
    ask(play, GOOD, CARD)
    ask(play, GOOD, None)  # OCPP 1.6, and a card is found: nothing unusual
    assert rules(play) == []


def test_a_token_that_is_no_card_behind_a_question_without_type(play: Playbook) -> None:
    card = play.lookup(GOOD, CARD)
    assert card is not None
    del play.tokens[card.key]
    code = replace(card, id_token_type=IdTokenType.KEY_CODE)
    play.tokens[code.key] = code
    exchange = ask(play, GOOD, None)
    [finding] = [finding for finding in exchange.findings if finding.rule == "token.type"]
    assert "decided by the KeyCode of that value" in finding.text
    assert GOOD not in finding.text
    ask(play, GOOD, IdTokenType.KEY_CODE)
    assert rules(play) == ["token.type"]
