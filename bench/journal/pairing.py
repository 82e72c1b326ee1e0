"""Who answers whom: pairs requests with their answers as messages come, and tells what does not fit.

A response belongs to the latest earlier request with the same id, of the opposite direction, that has no response yet
(OCPP 2.0.1 Part 4, 4.1.4; Josev API: a response repeats the id of its request). On the Josev bus the direction is the topic: a
bench that only listens sees both halves come in. Only kind, correlation, channel, direction, link and the monotonic stamp are
looked at, so that messages read from a capture do as well as live ones. A message without a readable id is not judged.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from itertools import islice
from typing import NamedTuple

from bench.clock import NS_PER_MS, NS_PER_S
from bench.message import Direction, Link, Message

OCPP_LIMIT_S = 30.0
JOSEV_LIMIT_S = 5.0
OTHER_LIMIT_S = 30.0
KEEP_OPEN = 20_000
"""Requests without an answer that each link remembers; past it the older half is forgotten, and their answers look like orphans."""
KEEP_ANSWERED = 50_000
"""Answered requests each link remembers, to know a second answer and an id used again; past it the older half is forgotten."""
MAX_SAME_ID = 16
"""Open requests of one id kept on top of each other."""
MAX_TOPICS = 16
MAX_CHANNELS = 10_000

ASKS = {"CALL": True, "request": True, "CALLRESULT": False, "CALLERROR": False, "response": False}
"""Kinds of messages that ask (True) or answer (False)."""


class Flag(StrEnum):
    """What does not fit."""

    ORPHAN = "orphan"  # an answer to no request known
    LATE = "late"  # an answer after its link's time limit
    DUPLICATE = "duplicate"  # a second answer to one request
    REUSED_ID = "reused-id"  # a request whose id was used before on that channel and direction
    UNANSWERED = "unanswered"  # a request whose time limit is over; told by bench.journal.pairs, as time goes on


class Paired(NamedTuple):
    """What is known of a message when it is fed.

    answers: number of the request it answers. ms: since that request. Both None for a request and for what answers nothing.
    """

    answers: int | None
    ms: float | None
    flags: tuple[Flag, ...]


_NOTHING = Paired(None, None, ())
_ORPHAN = Paired(None, None, (Flag.ORPHAN,))
_REUSED = Paired(None, None, (Flag.REUSED_ID,))
_LATE = (Flag.LATE,)
_DUPLICATE = (Flag.DUPLICATE,)
_new = tuple.__new__  # twice as fast as calling a named tuple
_IN = Direction.IN
_OCPP, _JOSEV = Link.OCPP, Link.JOSEV
_Key = tuple[str, bool, str]


class _Request(NamedTuple):
    """epoch: which connection of its channel it came on. before: an earlier one of the same id that is still open."""

    seq: int
    mono_ns: int
    epoch: int
    before: _Request | None


class _Book:
    """The requests of one link by channel, direction and id, oldest first."""

    __slots__ = ("answered", "epochs", "limit_ns", "link", "open", "topics")

    def __init__(self, link: Link, limit_s: float) -> None:
        self.link = link
        self.limit_ns = int(limit_s * NS_PER_S)
        self.open: dict[_Key, _Request] = {}
        self.answered: dict[_Key, _Request] = {}
        self.epochs: dict[str, int] = {}
        self.topics: list[str] = []


class Pairing:
    """Feed it every message in the order of their numbers. Under two microseconds each, bounded memory.

    limits: seconds until an answer is late, by link; 30 for OCPP, 5 for Josev where not given. Message ids of OCPP need to differ
    within one connection only (OCPP 2.0.1 Part 4, 4.1.4): a station that connects anew may count from one again.
    """

    def __init__(
        self,
        limits: Mapping[Link, float] | None = None,
        *,
        keep_open: int = KEEP_OPEN,
        keep_answered: int = KEEP_ANSWERED,
    ) -> None:
        given = limits or {}
        usual = {Link.OCPP: OCPP_LIMIT_S, Link.JOSEV: JOSEV_LIMIT_S}
        books = {link: _Book(link, given.get(link, usual.get(link, OTHER_LIMIT_S))) for link in Link}
        self._books = books
        # Apart: the hash of an enum's member is Python code, and nearly all messages are of these two.
        self._ocpp, self._josev = books[_OCPP], books[_JOSEV]
        self._keep_open = max(1, keep_open)
        self._keep_answered = max(1, keep_answered)

    def limit_ns(self, link: Link) -> int:
        """Nanoseconds after which an answer on that link is late."""
        return self._books[link].limit_ns

    def feed(self, message: Message) -> Paired:
        """Take in the next message; what it answers and what is wrong with it."""
        decoded = message.decoded
        asks = ASKS.get(decoded.kind)
        correlation = decoded.correlation
        if asks is None or correlation is None:
            if decoded.kind == "link":
                self._link_changed(message)
            return _NOTHING
        link = message.link
        if link is _OCPP:
            book = self._ocpp
            key = (message.channel, (message.direction is _IN) is asks, correlation)
        elif link is _JOSEV:
            book = self._josev
            key = (message.channel if asks else self._topic_asked(message.channel, correlation), True, correlation)
        else:
            book = self._books[link]
            key = (message.channel, (message.direction is _IN) is asks, correlation)
        return self._asked(book, key, message) if asks else self._answered(book, key, message.mono_ns)

    def _asked(self, book: _Book, key: _Key, message: Message) -> Paired:
        waiting, epoch = book.open, book.epochs.get(key[0], 0)
        earlier = waiting.pop(key, None)
        known = earlier or book.answered.get(key)
        if earlier is not None and _depth(earlier) >= MAX_SAME_ID:
            earlier = None
        waiting[key] = _new(_Request, (message.seq, message.mono_ns, epoch, earlier))
        if len(waiting) > self._keep_open:
            _forget_half(waiting)
        if book is self._josev and key[0] not in book.topics and len(book.topics) < MAX_TOPICS:
            book.topics.append(key[0])
        return _REUSED if known is not None and known.epoch == epoch else _NOTHING

    def _answered(self, book: _Book, key: _Key, mono_ns: int) -> Paired:
        request = book.open.pop(key, None)
        if request is None:
            request = book.answered.get(key)
            return _ORPHAN if request is None else Paired(request.seq, _ms(mono_ns - request.mono_ns), _DUPLICATE)
        if request.before is not None:
            book.open[key] = request.before
        book.answered[key] = request
        if len(book.answered) > self._keep_answered:
            _forget_half(book.answered)
        waited = mono_ns - request.mono_ns
        return _new(Paired, (request.seq, _ms(waited), _LATE if waited > book.limit_ns else ()))

    def _topic_asked(self, topic: str, correlation: str) -> str:
        """The topic on which a request of that id waits: any but the answer's own; else one where it was answered already."""
        book = self._josev
        waiting, best, latest = book.open, "", 0
        for other in book.topics:
            if other != topic and (request := waiting.get((other, True, correlation))) and request.seq > latest:
                best, latest = other, request.seq
        if latest:
            return best
        for other in book.topics:
            if other != topic and (other, True, correlation) in book.answered:
                return other
        return best

    def _link_changed(self, message: Message) -> None:
        if message.link is not _OCPP or message.decoded.name != "up":
            return
        epochs = self._ocpp.epochs
        epochs[message.channel] = epochs.pop(message.channel, 0) + 1
        if len(epochs) > MAX_CHANNELS:
            del epochs[next(iter(epochs))]


def _forget_half(requests: dict[_Key, _Request]) -> None:
    """The older half at once: to look for the single oldest with every message would cost more than all the rest."""
    for key in list(islice(requests, (len(requests) + 1) // 2)):
        del requests[key]


def _depth(request: _Request) -> int:
    count, below = 1, request.before
    while below is not None:
        count, below = count + 1, below.before
    return count


def _ms(ns: int) -> float | None:
    """None where the clock ran backwards: a capture that two runs wrote."""
    return ns / NS_PER_MS if ns >= 0 else None
