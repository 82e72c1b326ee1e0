"""What every message is as a request or an answer: the one place a session, and a capture opened again, is asked for it."""

from __future__ import annotations

import asyncio
from array import array
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from bench.clock import NS_PER_MS, Clock
from bench.journal.log import Journal
from bench.journal.pairing import ASKS, Flag, Pairing
from bench.message import Link, Message

if TYPE_CHECKING:
    from bench.settings import Profile

KEEP = 2_000_000
"""Messages of which it is known, the newest: 17 bytes each."""
KEEP_AMISS = 100_000
"""Numbers of messages with a flag that are listed, the newest."""
KEEP_REPEATED = 10_000
MAX_REPEATS = 16
"""Requests answered more than once, and further answers of each that are listed."""
STEP = 2_000
"""Messages taken in at once while the loop runs: some four milliseconds."""
KEEP_UP_S = 0.2

_BITS = {Flag.ORPHAN: 2, Flag.LATE: 4, Flag.DUPLICATE: 8, Flag.REUSED_ID: 16}
_REQUEST = 1
_OCPP, _JOSEV = Link.OCPP, Link.JOSEV
_FLAGS = tuple(tuple(flag for flag, bit in _BITS.items() if bits & bit) for bits in range(32))
"""Flags by the bits kept of a message."""


class Pair(NamedTuple):
    """One message and its other half.

    answers: number of the request it answers. answered_by: of the first answer to it. ms: between the two. flags: its own.
    """

    answers: int | None
    answered_by: int | None
    ms: float | None
    flags: tuple[Flag, ...]


NOT_PAIRED = Pair(None, None, None, ())
"""What is said of a message that neither asks nor answers, and of one that is not known (any more)."""


class Pairs:
    """A table with a line per message, filled by :meth:`take` in the order of their numbers.

    clock: by whose time requests are unanswered. limits: see :class:`Pairing`.
    """

    def __init__(self, clock: Clock, limits: Mapping[Link, float] | None = None, *, keep: int = KEEP) -> None:
        self._clock = clock
        self._pairing = Pairing(limits)
        self._limits = {link: self._pairing.limit_ns(link) for link in Link}
        self._keep = max(1, keep)
        self._first: int | None = None
        self._other = array("q")  # number of the other half, 0 for none
        self._ns = array("q")  # of an answer: since its request; of a request: when its time is over
        self._bits = bytearray()
        self._amiss = array("q")
        self._again: dict[int, list[int]] = {}

    @property
    def head(self) -> int:
        """Number of the last message taken in, 0 before the first."""
        return 0 if self._first is None else self._first + len(self._bits) - 1

    @property
    def complete(self) -> bool:
        """Whether all there is to take in was taken in."""
        return True

    async def fill(self) -> None:
        """Take in what there is to take in."""

    def take(self, messages: Sequence[Message]) -> None:
        """Take in the next messages. Numbers left out are known as nothing."""
        if not messages:
            return
        if self._first is None or messages[0].seq - self.head > self._keep:  # a hole as wide as all that is kept
            self._forget()
            self._first = messages[0].seq
        room = messages[-1].seq - self.head
        self._other.frombytes(bytes(8 * room))
        self._ns.frombytes(bytes(8 * room))
        self._bits.extend(bytes(room))
        first, bits, others, nanoseconds = self._first, self._bits, self._other, self._ns
        feed, ocpp_ns, josev_ns = self._pairing.feed, self._limits[Link.OCPP], self._limits[Link.JOSEV]
        for message in messages:
            decoded = message.decoded
            asks = ASKS.get(decoded.kind)
            if asks is None or decoded.correlation is None:
                if decoded.kind == "link":
                    feed(message)
                continue
            seq = message.seq
            answers, ms, flags = feed(message)
            at = seq - first
            if asks:
                bits[at] = _REQUEST
                link = message.link  # apart: the hash of an enum's member is Python code
                limit = ocpp_ns if link is _OCPP else josev_ns if link is _JOSEV else self._limits[link]
                nanoseconds[at] = message.mono_ns + limit
            elif answers is not None:
                others[at] = answers
                nanoseconds[at] = -1 if ms is None else round(ms * NS_PER_MS)
                asked = answers - first
                if asked >= 0 and not others[asked]:
                    others[asked] = seq
                elif asked >= 0:
                    self._note_again(answers, seq)
            if flags:
                for flag in flags:
                    bits[at] |= _BITS[flag]
                self._amiss.append(seq)
        self._trim()

    def of(self, seq: int) -> Pair:
        """What is known of a message by now."""
        self._look_up_to(seq)
        at = self._place(seq)
        if at is None:
            return NOT_PAIRED
        bits, other = self._bits[at], self._other[at] or None
        flags = _FLAGS[bits]
        if not bits & _REQUEST:
            return Pair(other, None, self._ms(at), flags) if other or flags else NOT_PAIRED
        if other is None:
            if self._clock.stamp().mono_ns > self._ns[at]:
                flags += (Flag.UNANSWERED,)
            return Pair(None, None, None, flags)
        answer = self._place(other)
        return Pair(None, other, None if answer is None else self._ms(answer), flags)

    def other_half(self, seq: int) -> int | None:
        """Number of the message that this one answers, or of the first that answered it."""
        self._look_up_to(seq)
        at = self._place(seq)
        return None if at is None else self._other[at] or None

    def answers_to(self, seq: int) -> tuple[int, ...]:
        """Every answer to a request, in order; ``MAX_REPEATS`` further ones at most."""
        self._look_up_to(seq)
        at = self._place(seq)
        if at is None or not self._bits[at] & _REQUEST or not self._other[at]:
            return ()
        return (self._other[at], *self._again.get(seq, ()))

    def due_ns(self, seq: int) -> int | None:
        """Monotonic time from which a request is unanswered; None for one that was answered, and for what is no request."""
        self._look_up_to(seq)
        at = self._place(seq)
        return None if at is None or not self._bits[at] & _REQUEST or self._other[at] else self._ns[at]

    def amiss(self, after: int) -> Sequence[int]:
        """Messages numbered above ``after`` that had a flag when they came, in order. A missing answer is not among them."""
        return self._amiss[bisect_right(self._amiss, after) :]

    # Inside

    def _look_up_to(self, seq: int) -> None:
        """A message is asked for: what is to be taken in before."""

    def _forget(self) -> None:
        self._first = None
        del self._other[:], self._ns[:], self._bits[:]

    def _note_again(self, request: int, answer: int) -> None:
        again = self._again.setdefault(request, [])
        if len(again) < MAX_REPEATS:
            again.append(answer)

    def _place(self, seq: int) -> int | None:
        if self._first is None or not 0 <= seq - self._first < len(self._bits):
            return None
        return seq - self._first

    def _ms(self, at: int) -> float | None:
        """Of an answer; None where it answers nothing or the clock ran backwards."""
        return self._ns[at] / NS_PER_MS if self._other[at] and self._ns[at] >= 0 else None

    def _trim(self) -> None:
        """Forget the oldest, a part at a time: to move everything for the sake of one would cost more than all the rest."""
        surplus = len(self._bits) - self._keep
        if surplus > self._keep // 10 and self._first is not None:
            self._first += surplus
            del self._other[:surplus], self._ns[:surplus], self._bits[:surplus]
        if len(self._amiss) > KEEP_AMISS:
            del self._amiss[: KEEP_AMISS // 2]
        if len(self._again) > KEEP_REPEATED:
            for request in list(islice(self._again, KEEP_REPEATED // 2)):
                del self._again[request]


def limits_of(profile: Profile) -> dict[Link, float]:
    """Seconds until an answer is late, by link."""
    return {Link.JOSEV: profile.answer_limit_s, Link.OCPP: profile.ocpp.call_timeout_s}


class LivePairs(Pairs):
    """Of a session: what its journal took in meanwhile is taken in before an answer is given, each message once."""

    def __init__(
        self, journal: Journal, clock: Clock, limits: Mapping[Link, float] | None = None, *, keep: int = KEEP
    ) -> None:
        super().__init__(clock, limits, keep=keep)
        self._journal = journal

    async def keep_up(self) -> None:
        """Follow the journal, so that nothing leaves its memory unseen and no question waits long. Runs until cancelled."""
        while True:
            self.take(self._journal.since(self.head, STEP))
            await asyncio.sleep(0 if self.head < self._journal.head else KEEP_UP_S)

    def amiss(self, after: int) -> Sequence[int]:
        self._look_up_to(self._journal.head)
        return super().amiss(after)

    def _look_up_to(self, seq: int) -> None:
        # To the end, not to that number: its answer may be among the latest.
        if self.head < self._journal.head:
            self.take(self._journal.since(self.head))
