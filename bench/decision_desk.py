"""The bench as the authority on tokens: the store by rules, else operator or fallback; what becomes of the unknown."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from functools import partial

from bench.book import ExchangeBook
from bench.clock import Clock
from bench.deciding import Decider
from bench.exchange import Exchange, Party
from bench.ports import Fallback
from bench.questions import Questions
from bench.referrals import Limits, Referrals
from bench.settings import Profile
from bench.station import Station
from bench.tasks import Tasks
from bench.tokens.decision import Referral, UnknownTokens
from bench.tokens.model import Ask, Decision
from bench.tokens.store import TokenStore

SHARE = 0.9
"""Of the time limit of calls: a station waits about as long for us as we for it, and its answer must come before."""


class DecisionDesk:
    """Implements :class:`bench.csms.authority.Authority`. questions: those that the operator may answer now.

    changed: called when a question came or went. settled: called with an exchange whose question came to its end.
    """

    def __init__(
        self,
        profile: Profile,
        book: ExchangeBook,
        clock: Clock,
        store: TokenStore,
        stations: Callable[[], Mapping[str, Station]],
        tasks: Tasks,
        *,
        changed: Callable[[], None],
        settled: Callable[[Exchange], None],
    ) -> None:
        self._book = book
        self.questions = Questions(clock, profile.enrol, partial(store.put, by="operator"), changed)
        most_s = SHARE * profile.ocpp.call_timeout_s
        self.limits = Limits(min(profile.operator_limit_s, most_s), min(profile.fallback_limit_s, most_s))
        self._referrals = Referrals(
            book,
            clock,
            self.questions,
            self.limits,
            spawn=lambda request: tasks.spawn(request, name="ask the fallback"),
            later=lambda seconds, do: asyncio.get_running_loop().call_later(seconds, do),
            settled=settled,
        )
        self.refer = self._referrals.refer
        self.decider = Decider(
            book,
            clock,
            store.get,
            stations,
            identity=profile.charger.identity,
            unknown=profile.unknown,
            concurrent_tx=profile.concurrent_tx,
            master_pass_group=profile.master_pass_group,
            recall=self._referrals.recall,
        )

    @property
    def unknown(self) -> UnknownTokens:
        """What becomes of tokens that the store does not know, from the next question on."""
        return self.decider.unknown

    @unknown.setter
    def unknown(self, unknown: UnknownTokens) -> None:
        self.decider.unknown = unknown

    @property
    def fallback(self) -> Fallback | None:
        """Who is asked where unknown is ``fallback``; None: nobody is set up."""
        return self._referrals.fallback

    @fallback.setter
    def fallback(self, fallback: Fallback | None) -> None:
        self._referrals.fallback = fallback

    def decide(self, ask: Ask, seq: int) -> Decision | Referral:
        return self.decider.ask(ask, self._book.of_seq(seq), Party.CSMS)

    def close(self) -> None:
        """Nobody is asked any more."""
        self._referrals.close()
