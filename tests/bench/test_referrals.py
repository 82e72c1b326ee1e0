"""Tokens that the store does not know, referred to operator or fallback: everyone who waits is answered once, whatever happens."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.clock import NS_PER_S
from bench.errors import BadInput, LinkDown, NotFound
from bench.exchange import MASK, Party
from bench.referrals import MAX_JOINED, MAX_OPEN, MAX_REMEMBERED, REUSE_NS, Then, Withdraw
from bench.tokens.model import Ask, AuthorizationStatus, CacheMode, Decision, IdTokenType
from tests.bench.asking import FALLBACK, OPERATOR, AskingTable, FakeFallback
from tests.bench.playbook import token, trace

ACCEPTED, BLOCKED, INVALID = AuthorizationStatus.ACCEPTED, AuthorizationStatus.BLOCKED, AuthorizationStatus.INVALID


@pytest.fixture
def table() -> AskingTable:
    return AskingTable()


def asked(value: str = "04AA", kind: IdTokenType | None = IdTokenType.ISO14443, **more: object) -> Ask:
    return Ask(value, kind, "CP-1", **more)  # type: ignore[arg-type]


# The operator


async def test_the_operator_answers(table: AskingTable) -> None:
    exchange = table.exchange()
    table.refer("first", exchange=exchange, evse=2)
    (question,) = table.questions.open
    assert question[1:6] == ("CP-1", "04AA", IdTokenType.ISO14443, 2, "Authorize")
    assert exchange.referred
    table.clock.advance(4000)
    assert question.left_s(table.clock.stamp()) == 16.0
    decision = await table.questions.answer(question.id, ACCEPTED)
    assert table.told == [("first", decision)]
    assert decision[:4] == (ACCEPTED, "operator", "accepted by the operator", "operator")
    assert not decision.may_be_cached
    assert trace(exchange) == ["csms>operator token?", "operator>csms accepted by the operator"]
    assert exchange.hops[1].mono_ns - exchange.hops[0].mono_ns == 4 * NS_PER_S
    assert (exchange.decision, exchange.referred, table.settled) == (decision, False, [exchange])
    assert (table.questions.open, table.kept, table.changes) == ([], [], 2)
    assert table.timers[0].cancelled


@pytest.mark.parametrize(
    ("status", "reason", "status_16"),
    [
        (BLOCKED, "blocked by the operator", "Blocked"),
        (INVALID, "refused by the operator", "Invalid"),
        (AuthorizationStatus.NO_CREDIT, "refused by the operator", "Blocked"),
    ],
)
async def test_the_operator_refuses(
    table: AskingTable, status: AuthorizationStatus, reason: str, status_16: str
) -> None:
    table.refer("first")
    decision = await table.questions.answer(1, status)
    assert (decision.status, decision.reason, decision.status_16) == (status, reason, status_16)


@pytest.mark.parametrize("status", [ACCEPTED, BLOCKED])
async def test_remember_puts_the_token_into_the_store(table: AskingTable, status: AuthorizationStatus) -> None:
    table.refer("first")
    decision = await table.questions.answer(1, status, remember=True)
    (kept,) = table.kept
    assert (kept.uid, kept.id_token_type, kept.effective_status) == ("04AA", IdTokenType.ISO14443, status)
    assert (decision.token, decision.may_be_cached) == (kept, True)


async def test_what_cannot_be_kept_is_not_answered_either(table: AskingTable) -> None:
    table.refer("first", "ABC", kind=IdTokenType.CENTRAL)
    with pytest.raises(BadInput, match="type Central"):
        await table.questions.answer(1, ACCEPTED, remember=True)
    assert (len(table.questions.open), table.told) == (1, [])
    await table.questions.answer(1, ACCEPTED)
    assert table.words == ["first: Accepted by operator, operator"]


@pytest.mark.parametrize(("kind", "status"), [(IdTokenType.ISO14443, "Unknown"), (IdTokenType.KEY_CODE, "Invalid")])
async def test_a_silent_operator_leaves_the_safe_answer(table: AskingTable, kind: IdTokenType, status: str) -> None:
    exchange = table.exchange()
    table.refer("first", "1234", kind=kind, exchange=exchange)
    assert table.timers[0].seconds == 20.0
    table.timers[0].ring()
    ((_, decision),) = table.told
    assert decision[:4] == (status, "default", "operator did not answer", "operator-silent")
    assert (decision.status_16, decision.may_be_cached) == ("Invalid", False)
    (finding,) = exchange.findings
    assert finding.rule == "unknown.operator-silent"
    assert "1234" not in finding.text + finding.cure
    with pytest.raises(NotFound):
        await table.questions.answer(1, ACCEPTED)
    assert table.questions.open == []


async def test_key_codes_are_masked(table: AskingTable) -> None:
    table.refer("first", "4711", kind=IdTokenType.KEY_CODE)
    assert table.questions.open[0].token == MASK
    assert "4711" not in repr(table.questions.open)


async def test_the_same_question_is_asked_once(table: AskingTable) -> None:
    table.refer("first", exchange=table.exchange())
    table.refer("second", "04aa", exchange=table.exchange())
    table.refer("other station", station="CP-2")
    assert [question.station for question in table.questions.open] == ["CP-1", "CP-2"]
    await table.questions.answer(1, ACCEPTED)
    assert table.words == ["first: Accepted by operator, operator", "second: Accepted by operator, operator"]


async def test_nobody_waits_any_more(table: AskingTable) -> None:
    exchange = table.exchange()
    first, second = table.refer("first", exchange=exchange), table.refer("second")
    assert first is not None
    assert second is not None
    first()
    assert (len(table.questions.open), exchange.referred, table.settled) == (1, False, [exchange])
    second()
    second()
    assert (table.questions.open, table.timers[0].cancelled, table.told) == ([], True, [])


async def test_one_that_leaves_while_another_is_answered_costs_nobody_the_answer(table: AskingTable) -> None:
    leave: list[Withdraw] = []

    def answered(name: str) -> Then:
        def then(decision: Decision) -> None:
            told.append(name)
            if name == "first":
                leave[1]()

        return then

    told: list[str] = []
    for name in ("first", "second", "third"):
        withdraw = table.referrals.refer(asked(), OPERATOR, None, Party.CSMS, answered(name))
        assert withdraw is not None
        leave.append(withdraw)
    await table.questions.answer(1, ACCEPTED)
    assert told == ["first", "third"]


async def test_how_many_may_wait_is_bounded(table: AskingTable) -> None:
    for number in range(MAX_OPEN):
        assert table.refer("fits", f"{number:08X}") is not None
    exchange = table.exchange()
    assert table.refer("too many", exchange=exchange) is None
    assert table.words == ["too many: Unknown by default, too-many-asked"]
    assert (len(table.questions.open), table.rules) == (MAX_OPEN, ["unknown.too-many"])
    assert (exchange.decision, exchange.referred) == (table.told[0][1], False)
    for _ in range(MAX_JOINED - 1):
        assert table.refer("joins", "00000000") is not None
    assert table.refer("one too many", "00000000") is None
    table.referrals.close()
    assert (table.questions.open, len(table.told)) == ([], 2)


# What was answered holds for the charge that follows


async def test_a_start_after_an_accepted_authorize_is_not_asked_again(table: AskingTable) -> None:
    table.refer("first")
    decision = await table.questions.answer(1, ACCEPTED)
    recall = table.referrals.recall
    assert recall(asked(action="TransactionEvent", starts="T")) == decision
    assert recall(asked("04aa")) == decision
    assert recall(asked("04BB")) is None
    assert recall(asked()._replace(station="CP-2")) is None
    table.clock.advance(REUSE_NS / 1e6 + 1)
    assert recall(asked(action="TransactionEvent", starts="T")) is None
    assert recall(asked(action="TransactionEvent", ends=True)) == decision  # hours later the same charge


async def test_a_refusal_may_be_thought_over_at_the_next_tap(table: AskingTable) -> None:
    table.refer("first")
    decision = await table.questions.answer(1, BLOCKED)
    assert table.referrals.recall(asked(action="StartTransaction", starts="1")) == decision
    assert table.referrals.recall(asked()) is None


async def test_what_nobody_answered_is_asked_again(table: AskingTable) -> None:
    table.refer("first")
    table.timers[0].ring()
    assert table.referrals.recall(asked(action="StartTransaction", starts="1")) is None


def test_nobody_is_asked_about_a_charge_that_is_over(table: AskingTable) -> None:
    decision = table.referrals.recall(asked(action="StopTransaction", ends=True))
    assert decision is not None
    assert (decision.status, decision.rule) == (AuthorizationStatus.UNKNOWN, "not-asked")


async def test_how_much_is_remembered_is_bounded(table: AskingTable) -> None:
    for number in range(MAX_REMEMBERED + 1):
        table.refer("x", f"{number:08X}")
        await table.questions.answer(number + 1, ACCEPTED)
    assert table.referrals.recall(asked("00000000")) is None
    assert table.referrals.recall(asked("00000001")) is not None


# The fallback


async def test_the_fallback_decides() -> None:
    fallback = FakeFallback(Decision(BLOCKED, "x", "blocked there", "x"))
    table = AskingTable(fallback)
    exchange = table.exchange()
    table.refer("first", to=FALLBACK, exchange=exchange)
    table.refer("second", to=FALLBACK)
    await table.ended()
    assert [ask.value for ask in fallback.asked] == ["04AA"]
    assert table.words == ["first: Blocked by csms, fallback", "second: Blocked by csms, fallback"]
    assert trace(exchange) == ["csms>hub token?", "hub>csms blocked there"]
    assert not table.tasks[0].cancelled()
    assert not table.told[0][1].may_be_cached


@pytest.mark.parametrize("mode", CacheMode)
async def test_an_answer_of_the_fallback_is_kept_only_as_its_token_says(mode: CacheMode) -> None:
    table = AskingTable(FakeFallback(Decision(ACCEPTED, "hub", "valid", "x", token("04AA", cache_mode=mode))))
    table.refer("first", to=FALLBACK)
    await table.ended()
    decision = table.told[0][1]
    kept = mode in (CacheMode.ALWAYS, CacheMode.ALLOWED)
    assert decision.may_be_cached == kept
    assert table.referrals.recall(asked()) == (decision if kept else None)
    assert table.referrals.recall(asked(action="TransactionEvent", starts="T")) == decision
    assert table.kept == []


@pytest.mark.parametrize(
    ("fallback", "said", "cure"),
    [
        (None, "no fallback is set up", "name one"),
        (
            FakeFallback(LinkDown("10.0.0.7:9410 refused the connection", "start it")),
            "10.0.0.7:9410 refused",
            "start it",
        ),
        (FakeFallback(LinkDown("gone")), "the other CSMS: gone", "can be reached"),
    ],
)
async def test_a_fallback_that_fails_leaves_the_safe_answer(
    fallback: FakeFallback | None, said: str, cure: str
) -> None:
    table = AskingTable(fallback)
    exchange = table.exchange()
    table.refer("first", to=FALLBACK, exchange=exchange)
    await table.ended()
    assert table.words == ["first: Unknown by default, fallback-failed"]
    (finding,) = exchange.findings
    assert finding.rule == "unknown.fallback-failed"
    assert said in finding.text
    assert cure in finding.cure
    assert [str(hop.to) for hop in exchange.hops] == ([] if fallback is None else ["hub", "csms"])


async def test_a_slow_fallback_is_not_waited_for() -> None:
    fallback = FakeFallback(Decision(ACCEPTED, "x", "valid", "x"))
    fallback.gate.clear()
    table = AskingTable(fallback, fallback_s=0.01)
    table.refer("first", to=FALLBACK)
    await table.ended()
    assert table.words == ["first: Unknown by default, fallback-failed"]
    assert "within 0.01 s" in table.book.findings[0].text


async def test_a_fault_of_ours_still_answers_the_station(caplog: pytest.LogCaptureFixture) -> None:
    table = AskingTable(FakeFallback(ValueError("a bug")))
    table.refer("first", to=FALLBACK)
    await table.ended()
    assert table.words == ["first: Unknown by default, fallback-failed"]
    assert [record.message for record in caplog.records] == ["asking the fallback the other CSMS failed"]
    caplog.clear()


async def test_a_fallback_that_is_closed_while_it_is_asked_leaves_the_safe_answer() -> None:
    table = AskingTable(FakeFallback(asyncio.CancelledError()))
    table.refer("first", to=FALLBACK)
    await table.ended()
    assert table.words == ["first: Unknown by default, fallback-failed"]
    table.refer("again", to=FALLBACK)
    await table.ended()
    assert len(table.told) == 2


async def test_a_fallback_that_does_not_know_it_either() -> None:
    table = AskingTable(FakeFallback(None))
    table.refer("first", "1234", FALLBACK, kind=IdTokenType.KEY_CODE)
    await table.ended()
    assert table.words == ["first: Invalid by default, fallback-unknown"]
    assert table.rules == []


async def test_a_request_that_nobody_waits_for_is_cancelled() -> None:
    fallback = FakeFallback(None)
    fallback.gate.clear()
    table = AskingTable(fallback)
    withdraw = table.refer("first", to=FALLBACK)
    assert withdraw is not None
    withdraw()
    await table.ended()
    assert (table.tasks[0].cancelled(), table.told) == (True, [])


# Whatever happens, in whatever order

STEPS = st.lists(
    st.tuples(
        st.sampled_from(["refer", "answer", "ring", "withdraw"]), st.integers(0, 5), st.sampled_from(["04AA", "04BB"])
    ),
    max_size=40,
)


@given(steps=STEPS)
def test_everyone_is_answered_once_or_left(steps: list[tuple[str, int, str]]) -> None:
    async def play() -> None:
        table = AskingTable()
        waiting: dict[str, Callable[[], None]] = {}
        gone: set[str] = set()
        for number, (step, which, value) in enumerate(steps):
            if step == "refer":
                withdraw = table.refer(str(number), value, exchange=table.exchange(value))
                if withdraw is not None:
                    waiting[str(number)] = withdraw
            elif step == "answer" and table.questions.open:
                question = table.questions.open[which % len(table.questions)]
                await table.questions.answer(question.id, ACCEPTED if which % 2 else BLOCKED)
            elif step == "ring" and (live := [timer for timer in table.timers if not timer.cancelled]):
                timer = live[which % len(live)]
                timer.cancel()
                timer.ring()
            elif step == "withdraw" and waiting:
                name = sorted(waiting)[which % len(waiting)]
                if name not in {told for told, _ in table.told}:
                    gone.add(name)
                waiting[name]()
            told = [name for name, _ in table.told]
            assert len(told) == len(set(told))
            assert not gone & set(told)
        for timer in table.timers:
            if not timer.cancelled:
                timer.ring()
        assert {name for name, _ in table.told} | gone >= set(waiting)
        assert table.questions.open == []
        assert not any(exchange.referred for exchange in table.book.exchanges.values())

    asyncio.run(play())
