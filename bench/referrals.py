"""Decisions that somebody else takes: tokens that the store does not know are referred to the operator or to the fallback.

A referral ends with a decision for everyone who waits for it: theirs, or the safe default when their time is up.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from bench.book import ExchangeBook
from bench.clock import NS_PER_S, Clock
from bench.errors import OperatorError
from bench.exchange import Exchange, Party, Severity
from bench.ports import Fallback
from bench.questions import Questions
from bench.tokens.decision import Referral, undecided
from bench.tokens.model import Ask, AskKey, Decision

log = logging.getLogger(__name__)

MAX_OPEN = 64
"""Tokens that operator and fallback are asked about at once."""
MAX_JOINED = 16
"""Calls that wait for the decision about one token at one station."""
MAX_REMEMBERED = 1024
REUSE_NS = 300 * NS_PER_S
"""So long a charge that begins belongs to the Authorize before it (as long as EVConnectionTimeOut in use, and more)."""

Then = Callable[[Decision], None]
Withdraw = Callable[[], None]
Refer = Callable[[Ask, Referral, Exchange | None, Party, Then], Withdraw | None]
""":meth:`Referrals.refer`."""


class Handle(Protocol):
    def cancel(self) -> object: ...


class Limits(NamedTuple):
    """Seconds until the safe default is answered."""

    operator_s: float
    fallback_s: float


class _Waiter(NamedTuple):
    exchange: Exchange | None
    from_: Party
    then: Then


@dataclass(slots=True)
class _Open:
    """A token that somebody is asked about. stop: what ends the asking."""

    ask: Ask
    to: Referral
    waiters: list[_Waiter] = field(default_factory=list)
    stop: list[Callable[[], object]] = field(default_factory=list)


class Referrals:
    """Asks, waits, and remembers for a while what was answered.

    fallback: who is asked beside the operator, or None. spawn: runs the fallback's request. later(seconds, do): a timer.
    settled: called with an exchange whose referral came to its end.
    """

    def __init__(
        self,
        book: ExchangeBook,
        clock: Clock,
        questions: Questions,
        limits: Limits,
        spawn: Callable[[Coroutine[Any, Any, None]], Handle],
        later: Callable[[float, Callable[[], None]], Handle],
        settled: Callable[[Exchange], None] = lambda exchange: None,
    ) -> None:
        self.fallback: Fallback | None = None
        self._book = book
        self._clock = clock
        self._questions = questions
        self._limits = limits
        self._spawn = spawn
        self._later = later
        self._settled = settled
        self._open: dict[AskKey, _Open] = {}
        self._answered: dict[AskKey, tuple[Decision, int]] = {}

    def recall(self, ask: Ask) -> Decision | None:
        """What was answered to the same question a short while ago, if it still holds: nobody is asked twice about one charge.

        A charge that ends is not asked about at all.
        """
        decision, answered_ns = self._answered.get(ask.key, (None, 0))
        if ask.ends:
            return decision or undecided(ask, "unknown", "not-asked")
        if decision is None or self._clock.stamp().mono_ns - answered_ns > REUSE_NS:
            return None
        # At a new tap a refusal may be thought over, and a fallback wants to be asked.
        tapped = ask.action in ("Authorize", "authorization")
        holds = decision.accepted and (decision.decided_by == "operator" or decision.may_be_cached)
        return decision if holds or not tapped else None

    def refer(self, ask: Ask, to: Referral, exchange: Exchange | None, from_: Party, then: Then) -> Withdraw | None:
        """Ask about a token, or wait with those who asked the same. then is called once, with the decision.

        Returns what withdraws it (nobody is there to be answered any more, and then is not called), or None where then was
        called at once.
        """
        waiter = _Waiter(exchange, from_, then)
        known = self._open.get(ask.key)
        full = len(self._open) >= MAX_OPEN if known is None else len(known.waiters) >= MAX_JOINED
        if full:
            self._unasked(waiter, self._too_many(ask, exchange))
            return None
        if known is None and to is Referral.FALLBACK and self.fallback is None:
            cure = "name one in the profile, or choose another default for unknown tokens"
            self._unasked(waiter, self._failed(_Open(ask, to, [waiter]), "no fallback is set up", cure))
            return None
        if exchange is not None:
            exchange.referred = True
            self._step(exchange, from_, _party(known.to if known is not None else to), self._asked(exchange))
        if known is not None:
            known.waiters.append(waiter)
            return lambda: self._withdraw(known, waiter)
        one = self._open[ask.key] = _Open(ask, to, [waiter])
        if to is Referral.OPERATOR:
            self._ask_operator(one)
        elif self.fallback is not None:
            one.stop.append(self._spawn(self._ask_fallback(one, self.fallback)).cancel)
        return lambda: self._withdraw(one, waiter)

    def close(self) -> None:
        """Nobody is asked any more, and nobody answered."""
        for one in list(self._open.values()):
            self._end(one)

    # Asking

    def _ask_operator(self, one: _Open) -> None:
        def silent() -> None:
            decision = undecided(one.ask, "operator did not answer", "operator-silent")
            limit = f"{self._limits.operator_s:g} s"
            self._tell(
                one,
                "unknown.operator-silent",
                Severity.WARN,
                f"a token that the store does not know waited {limit} for the operator: answered {decision.status}",
                "answer in the Tap panel or by POST /bench/v1/questions, or choose another default for unknown tokens",
            )
            self._settle(one, decision)

        question = self._questions.ask(one.ask, self._limits.operator_s, lambda decision: self._settle(one, decision))
        one.stop.append(lambda: self._questions.withdraw(question.id))
        one.stop.append(self._later(self._limits.operator_s, silent).cancel)

    async def _ask_fallback(self, one: _Open, fallback: Fallback) -> None:
        decision = await self._decision_of(fallback, one)
        one.stop.clear()  # this task: it ends by itself
        self._settle(one, decision)

    async def _decision_of(self, fallback: Fallback, one: _Open) -> Decision:
        name, limit_s = fallback.name, self._limits.fallback_s
        try:
            async with asyncio.timeout(limit_s):
                said = await fallback.ask(one.ask)
        except TimeoutError:
            cure = "look whether it hangs, or raise fallback_limit_s in the profile"
            return self._failed(one, f"{name} did not answer within {limit_s:g} s", cure)
        except OperatorError as error:
            return self._failed(one, f"{name}: {error.what}", error.cure or f"look whether {name} can be reached")
        except asyncio.CancelledError:
            if self._open.get(one.ask.key) is not one:  # withdrawn
                raise
            return self._failed(one, f"{name} was closed while it was asked", f"look whether {name} can be reached")
        except Exception:  # our bug is logged with its traceback, and the station still gets its answer
            log.exception("asking the fallback %s failed", name)
            return self._failed(one, f"a fault in the test bench while {name} was asked", "report it, with the log")
        if said is None:
            return undecided(one.ask, f"unknown to {name} too", "fallback-unknown")
        # Only a token says how long an answer may be kept.
        once = said.once or said.token is None
        return said._replace(decided_by=fallback.decided_by, rule="fallback", once=once)

    def _failed(self, one: _Open, why: str, cure: str) -> Decision:
        decision = undecided(one.ask, "the fallback could not be asked", "fallback-failed")
        text = f"a token that the store does not know could not be referred: {why}; answered {decision.status}"
        self._tell(one, "unknown.fallback-failed", Severity.FAIL, text, cure)
        return decision

    # Ending

    def _settle(self, one: _Open, decision: Decision) -> None:
        """Everyone who waits has the decision, in the order in which they came."""
        if self._open.get(one.ask.key) is not one:
            return
        self._end(one)
        if decision.rule in ("operator", "fallback", "fallback-unknown"):
            self._remember(one.ask.key, decision)
        while one.waiters:  # answering one may take another back
            exchange, from_, then = one.waiters.pop(0)
            if exchange is not None:
                if exchange.decision is None:
                    exchange.decision = decision
                    exchange.token_label = decision.token.label if decision.token is not None else ""
                self._step(exchange, _party(one.to), from_, decision.reason)
            then(decision)
            if exchange is not None:
                self._settled(exchange)

    def _unasked(self, waiter: _Waiter, decision: Decision) -> None:
        """Nobody can be asked: the safe answer at once."""
        if waiter.exchange is not None and waiter.exchange.decision is None:
            waiter.exchange.decision = decision
        waiter.then(decision)

    def _too_many(self, ask: Ask, exchange: Exchange | None) -> Decision:
        decision = undecided(ask, "too many wait for a decision", "too-many-asked")
        self._book.finding(
            "unknown.too-many",
            Severity.WARN,
            f"{len(self._open)} tokens wait for a decision already: answered {decision.status}",
            stamp=self._clock.stamp(),
            exchange=exchange,
            cure="answer the open questions, or choose another default for unknown tokens",
        )
        return decision

    def _withdraw(self, one: _Open, waiter: _Waiter) -> None:
        if waiter not in one.waiters:
            return
        one.waiters.remove(waiter)
        if waiter.exchange is not None:
            waiter.exchange.referred = False
            self._settled(waiter.exchange)
        if not one.waiters and self._open.get(one.ask.key) is one:
            self._end(one)

    def _end(self, one: _Open) -> None:
        self._open.pop(one.ask.key, None)
        for stop in one.stop:
            stop()
        for waiter in one.waiters:
            if waiter.exchange is not None:
                waiter.exchange.referred = False

    def _remember(self, key: AskKey, decision: Decision) -> None:
        self._answered.pop(key, None)
        self._answered[key] = decision, self._clock.stamp().mono_ns
        if len(self._answered) > MAX_REMEMBERED:
            del self._answered[next(iter(self._answered))]

    # Telling

    def _tell(self, one: _Open, rule: str, severity: Severity, text: str, cure: str) -> None:
        exchange = one.waiters[0].exchange if one.waiters else None
        evidence = tuple(exchange.sequences) if exchange is not None else ()
        where = f"{one.ask.station}: " if one.ask.station else ""
        stamp = self._clock.stamp()
        self._book.finding(
            rule, severity, f"{where}{text}", stamp=stamp, exchange=exchange, evidence=evidence, cure=cure
        )

    def _step(self, exchange: Exchange, from_: Party, to: Party, name: str) -> None:
        self._book.step(exchange, self._clock.stamp(), from_, to, name)

    @staticmethod
    def _asked(exchange: Exchange) -> str:
        return "token?" if exchange.card else "free charging?"


def _party(to: Referral) -> Party:
    return Party.OPERATOR if to is Referral.OPERATOR else Party.HUB
