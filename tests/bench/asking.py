"""Questions and referrals on the table: timers that ring when told, a fallback that says what it is told to."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from bench.book import ExchangeBook
from bench.clock import ManualClock
from bench.exchange import DecidedBy, Exchange, Party, TapCard
from bench.questions import Questions
from bench.referrals import Limits, Referrals
from bench.settings import EnrolSettings
from bench.tokens.decision import Referral
from bench.tokens.model import Ask, Decision, IdTokenType, Token

OPERATOR, FALLBACK = Referral.OPERATOR, Referral.FALLBACK


@dataclass(eq=False)
class Timer:
    seconds: float
    ring: Callable[[], None]
    cancelled: bool = False

    def cancel(self) -> None:
        self.cancelled = True


class FakeFallback:
    """says: what it answers, or raises. asked: what it was asked. gate: not answered before it is set."""

    name = "the other CSMS"
    decided_by = DecidedBy.CSMS

    def __init__(self, says: Decision | BaseException | None = None) -> None:
        self.says = says
        self.asked: list[Ask] = []
        self.gate = asyncio.Event()
        self.gate.set()

    async def ask(self, ask: Ask) -> Decision | None:
        self.asked.append(ask)
        await self.gate.wait()
        if isinstance(self.says, BaseException):
            raise self.says
        return self.says


class AskingTable:
    """Referrals with operator and fallback. told: decisions in the order in which they were given."""

    def __init__(
        self, fallback: FakeFallback | None = None, *, fallback_s: float = 10.0, clock: ManualClock | None = None
    ) -> None:
        self.clock = clock or ManualClock()
        self.book = ExchangeBook()
        self.timers: list[Timer] = []
        self.tasks: list[asyncio.Task[None]] = []
        self.kept: list[Token] = []
        self.changes = 0
        self.settled: list[Exchange] = []
        self.told: list[tuple[str, Decision]] = []
        self.questions = Questions(self.clock, EnrolSettings(), self._put, self._changed)
        self.referrals = Referrals(
            self.book,
            self.clock,
            self.questions,
            Limits(20.0, fallback_s),
            self._spawn,
            self._later,
            self.settled.append,
        )
        self.referrals.fallback = fallback

    def refer(
        self,
        name: str,
        value: str = "04AA",
        to: Referral = OPERATOR,
        *,
        kind: IdTokenType | None = IdTokenType.ISO14443,
        exchange: Exchange | None = None,
        **more: Any,
    ) -> Callable[[], None] | None:
        """name: of who waits, in ``told``."""
        ask = Ask(value, kind, **{"station": "CP-1", **more})
        return self.referrals.refer(ask, to, exchange, Party.CSMS, lambda decision: self.told.append((name, decision)))

    def exchange(self, value: str = "04AA") -> Exchange:
        return self.book.open("authorize", self.clock.stamp(), card=TapCard(value, None, "ISO14443"), station="CP-1")

    @property
    def words(self) -> list[str]:
        return [f"{name}: {decision.status} by {decision.decided_by}, {decision.rule}" for name, decision in self.told]

    @property
    def rules(self) -> list[str]:
        return [finding.rule for finding in self.book.findings]

    async def ended(self) -> None:
        """Every request to the fallback is over."""
        async with asyncio.timeout(5):
            await asyncio.gather(*self.tasks, return_exceptions=True)

    async def _put(self, token: Token) -> None:
        self.kept.append(token)

    def _changed(self) -> None:
        self.changes += 1

    def _spawn(self, request: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        self.tasks.append(asyncio.get_running_loop().create_task(request))
        return self.tasks[-1]

    def _later(self, seconds: float, do: Callable[[], None]) -> Timer:
        self.timers.append(Timer(seconds, do))
        return self.timers[-1]
