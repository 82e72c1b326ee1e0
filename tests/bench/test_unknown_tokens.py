"""The default for tokens that the store does not know: in the profile, on the command line, and on the Josev bus."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from bench.cli import shared_options
from bench.clock import ManualClock, Stamp, stamp
from bench.errors import BadInput, NotFound
from bench.exchange import DecidedBy, Verdict
from bench.ports import Sink
from bench.questions import Questions
from bench.session import Session, TapRequest
from bench.settings import BusSettings, EnrolSettings, Profile, Role, load_profile, save_profile
from bench.tokens.decision import RULES, UnknownTokens
from bench.tokens.model import Ask, AuthorizationStatus, Decision, IdTokenType, Token
from bench.tokens.store import TokenStore

CARD = "04A2B3C4D5E6F7"


@pytest.mark.parametrize(("old", "new"), [("true", UnknownTokens.ACCEPT), ("false", UnknownTokens.REFUSE)])
def test_an_older_profile_loads_and_is_saved_as_the_new_one(tmp_path: Path, old: str, new: UnknownTokens) -> None:
    file = tmp_path / "old.toml"
    file.write_text(f"accept_unknown = {old}\n")
    profile = load_profile(file)
    assert profile.unknown is new
    save_profile(profile, file)
    text = file.read_text()
    assert "accept_unknown" not in text
    assert f'unknown = "{new}"' in text
    assert load_profile(file) == profile


def test_the_new_word_counts_where_both_are_written(tmp_path: Path) -> None:
    file = tmp_path / "both.toml"
    file.write_text('accept_unknown = true\nunknown = "operator"\nmaster_pass_group = "123"\n')
    profile = load_profile(file)
    assert (profile.unknown, profile.master_pass_group) == (UnknownTokens.OPERATOR, "123")


@pytest.mark.parametrize(
    "line",
    [
        'unknown = "perhaps"',
        "operator_limit_s = 0",
        "fallback_limit_s = 301",
        'accept_unknown = "yes"',
        'master_pass_group = ""',
    ],
)
def test_what_makes_no_sense_is_named(tmp_path: Path, line: str) -> None:
    file = tmp_path / "wrong.toml"
    file.write_text(f"{line}\n")
    with pytest.raises(BadInput, match=line.partition(" ")[0]):
        load_profile(file)


def test_the_command_line_offers_each() -> None:
    made = shared_options(lambda **values: None)
    (option,) = (param for param in made.__click_params__ if param.name == "unknown")
    assert list(option.type.choices) == [str(one) for one in UnknownTokens]


def test_every_rule_is_in_the_readme() -> None:
    readme = (Path(__file__).parents[2] / "README.md").read_text()
    assert [rule for rule in RULES if f"| `{rule}` |" not in readme] == []


class Wire:
    """A bus that is there. sent: (topic, message)."""

    url = "mqtt://127.0.0.1"

    def __init__(self) -> None:
        self.sent: list[tuple[str, dict[str, Any]]] = []

    async def start(self, sink: Sink) -> None:
        self.sink = sink

    async def stop(self) -> None: ...

    def publish(self, topic: str, payload: bytes) -> Stamp:
        self.sent.append((topic, json.loads(payload)))
        return stamp()

    async def wait_ready(self, timeout_s: float) -> bool:
        return True


Run = Callable[[Role], Any]


@pytest.fixture
def run() -> Run:
    @asynccontextmanager
    async def running(role: Role) -> AsyncIterator[tuple[Session, Wire]]:
        profile = Profile(
            bus=BusSettings(url="mqtt://127.0.0.1", role=role), unknown=UnknownTokens.OPERATOR, answer_limit_s=0.05
        )
        wire = Wire()
        session = Session(profile, TokenStore("sqlite://"), bus=wire)
        await session.start()
        try:
            yield session, wire
        finally:
            await session.stop()

    return running


@pytest.mark.parametrize(
    ("status", "said"), [(AuthorizationStatus.ACCEPTED, "accepted"), (AuthorizationStatus.BLOCKED, "rejected")]
)
async def test_as_josev_the_bench_answers_when_the_operator_did(
    run: Run, status: AuthorizationStatus, said: str
) -> None:
    async with run(Role.JOSEV) as (session, wire):
        request = {
            "id": "00000000-0000-4000-8000-000000000001", "name": "authorization", "type": "request",
            "data": {"id_token": CARD, "token_type": "ISO14443"},
        }  # fmt: skip
        wire.sink.bus_message("cs/josev", json.dumps(request).encode(), stamp(), {})
        assert wire.sent == []
        (question,) = session.questions.open
        await session.questions.answer(question.id, status)
        ((topic, answer),) = wire.sent
        assert (topic, answer["id"], answer["data"]["status"]) == ("josev/cs", request["id"], said)
        (exchange,) = session.exchanges.values()
        assert (exchange.verdict, exchange.decided_by) == (Verdict(said), DecidedBy.OPERATOR)


async def test_a_tap_does_not_time_out_while_the_operator_thinks(run: Run) -> None:
    """Its limit begins anew with the answer: a charger that then says nothing is told as ever."""
    async with run(Role.CS) as (session, _):
        exchange = session.present(TapRequest(CARD))
        exchange.referred = True
        await asyncio.sleep(0.15)
        assert exchange.open
        exchange.referred = False
        session._decided(exchange)
        await session.wait_closed(exchange.id, 5)
        assert exchange.verdict is Verdict.TIMED_OUT


async def test_of_two_answers_to_one_question_the_first_counts() -> None:
    given: list[Decision] = []
    kept: list[Token] = []

    async def put(token: Token) -> None:
        kept.append(token)

    questions = Questions(ManualClock(), EnrolSettings(), put, lambda: None)
    question = questions.ask(Ask("04A2B3C4", IdTokenType.ISO14443), 20, given.append)
    answers = (
        questions.answer(question.id, status, remember=True)
        for status in (AuthorizationStatus.ACCEPTED, AuthorizationStatus.BLOCKED)
    )
    first, second = await asyncio.gather(*answers, return_exceptions=True)
    assert isinstance(second, NotFound)
    assert given == [first]
    assert [token.effective_status for token in kept] == [AuthorizationStatus.ACCEPTED]
