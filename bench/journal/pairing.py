"""Who answers whom: pairs requests with their answers as messages come, and tells what does not fit.

A response belongs to the latest earlier request with the same id, of the opposite direction, that has no response yet
(OCPP 2.0.1 Part 4, 4.1.4; Josev API: a response repeats the id of its request). On the Josev bus the direction is the topic: a
bench that only listens sees both halves come in. Only kind, correlation, channel, direction, link and the monotonic stamp are
looked at, so that messages read from a capture do as well as live ones. A message without a readable id is not judged.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from itertools import islice
from typing import NamedTuple

from bench.clock import NS_PER_MS, NS_PER_S, Clock
from bench.exchange import Exchange, Hop
from bench.journal.log import Journal
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
LOOK_BACK = 2_000
LOOK_AHEAD = 20_000
"""Messages before and after the first one of an exchange among which ids used before and strays are looked for."""

# Asks (True) or answers (False).
_ASKS = {"CALL": True, "request": True, "CALLRESULT": False, "CALLERROR": False, "response": False}


class Flag(StrEnum):
    """What does not fit."""

    ORPHAN = "orphan"  # an answer to no request known
    LATE = "late"  # an answer after its link's time limit
    DUPLICATE = "duplicate"  # a second answer to one request
    REUSED_ID = "reused-id"  # a request whose id was used before on that channel and direction
    UNANSWERED = "unanswered"  # a request whose time limit is over


class Paired(NamedTuple):
    """What is known of a message when it is fed.

    answers: number of the request it answers. ms: since that request. Both None for a request and for what answers nothing.
    """

    answers: int | None
    ms: float | None
    flags: tuple[Flag, ...]


class OpenRequest(NamedTuple):
    """A request without an answer; flags holds ``unanswered`` once its limit is over. due_ns: when that is (monotonic)."""

    seq: int
    link: Link
    channel: str
    ms: float
    due_ns: int
    flags: tuple[Flag, ...]


class Around(NamedTuple):
    """One message among its neighbours. ms: between it and the other one; flags: its own."""

    answers: int | None
    answered_by: int | None
    ms: float | None
    flags: tuple[Flag, ...]


_NOTHING = Paired(None, None, ())
_ORPHAN = Paired(None, None, (Flag.ORPHAN,))
_REUSED = Paired(None, None, (Flag.REUSED_ID,))
_LATE = (Flag.LATE,)
_DUPLICATE = (Flag.DUPLICATE,)
_UNANSWERED = (Flag.UNANSWERED,)
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

    def feed(self, message: Message) -> Paired:
        """Take in the next message; what it answers and what is wrong with it."""
        decoded = message.decoded
        asks = _ASKS.get(decoded.kind)
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

    def open_requests(self, now_mono_ns: int) -> list[OpenRequest]:
        """Every request that waits, by number; those over their limit flagged ``unanswered``."""
        found = []
        for book in self._books.values():
            for key, newest in book.open.items():
                request: _Request | None = newest
                while request is not None:
                    waited = now_mono_ns - request.mono_ns
                    flags = _UNANSWERED if waited > book.limit_ns else ()
                    due = request.mono_ns + book.limit_ns
                    found.append(OpenRequest(request.seq, book.link, key[0], waited / NS_PER_MS, due, flags))
                    request = request.before
        return sorted(found)

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


def look_around(messages: Iterable[Message], seq: int, limits: Mapping[Link, float] | None = None) -> Around:
    """What one message answers and what answered it (the first answer), judged by its neighbours.

    messages: a stretch in the order of their numbers with the message in it, such as a page of a capture. What lies outside of it
    is not known: an answer whose request came earlier is an orphan here.
    """
    pairing = Pairing(limits)
    answers = answered_by = ms = None
    flags: tuple[Flag, ...] = ()
    for message in messages:
        paired = pairing.feed(message)
        if message.seq == seq:
            answers, ms, flags = paired
        elif paired.answers == seq and answered_by is None:
            answered_by, ms = message.seq, paired.ms
    return Around(answers, answered_by, ms, flags)


# Exchanges

WORDS = {
    Flag.ORPHAN: "answers nothing",
    Flag.LATE: "late",
    Flag.DUPLICATE: "second answer",
    Flag.REUSED_ID: "id used before",
    Flag.UNANSWERED: "no answer",
}
"""What is written beside a message in an exchange."""

# A word of the fault that the flow itself put on the hop, where it tells the same.
_TOLD = {Flag.ORPHAN: "wrong topic", Flag.LATE: "late", Flag.DUPLICATE: "second", Flag.REUSED_ID: "twice"}


class Marked(NamedTuple):
    """An exchange's messages judged.

    words: by number, what is to be written beside the message. strays: answers to requests of the exchange that the flow did not
    count in (late or second ones), as hops. due_ns: monotonic time when the next request will be unanswered, or None.
    """

    words: dict[int, str]
    strays: tuple[Hop, ...]
    due_ns: int | None


def marks_of(
    exchange: Exchange,
    messages: Sequence[Message],
    *,
    limits: Mapping[Link, float] | None = None,
    now_mono_ns: int | None = None,
) -> dict[int, str]:
    """What does not fit among an exchange's messages, in words by number; see :func:`judge`."""
    return judge(exchange, messages, limits=limits, now_mono_ns=now_mono_ns).words


def judge(
    exchange: Exchange,
    messages: Sequence[Message],
    *,
    limits: Mapping[Link, float] | None = None,
    now_mono_ns: int | None = None,
) -> Marked:
    """Orphan, late, second and missing answers and ids used before, but for what a hop's fault tells already.

    messages: the exchange's, in the order of their numbers, and as many around them as there are: the ones before tell of a reused
    id, the ones after of strays. now_mono_ns: the time by which requests are unanswered; without it, that of the latest message.
    """
    hops = {hop.seq: hop for hop in exchange.hops if hop.seq is not None}
    pairing = Pairing(limits)
    words: dict[int, str] = {}
    strays = []
    seen = set()
    for message in messages:
        paired = pairing.feed(message)
        request = None if paired.answers is None else hops.get(paired.answers)
        hop = hops.get(message.seq)
        if hop is not None:
            seen.add(message.seq)
        elif request is not None:
            name = message.decoded.name or message.decoded.kind
            strays.append(Hop(message.seq, request.to, request.from_, message.link, name, message.mono_ns))
        else:
            continue
        if word := _words(paired, hop):
            words[message.seq] = word
    if len(seen) < len(hops):
        # A request may be among those that left memory.
        words = {seq: word for seq, word in words.items() if word != WORDS[Flag.ORPHAN]}
    now = _latest(exchange, messages) if now_mono_ns is None else now_mono_ns
    due = []
    for waiting in pairing.open_requests(now):
        hop = hops.get(waiting.seq)
        if hop is None or _told_missing(exchange, hop):
            continue
        if waiting.flags:
            earlier = words.get(waiting.seq)
            words[waiting.seq] = WORDS[Flag.UNANSWERED] if earlier is None else f"{earlier}, {WORDS[Flag.UNANSWERED]}"
        else:
            due.append(waiting.due_ns)
    return Marked(words, tuple(strays), min(due, default=None))


class Surroundings:
    """Judges an exchange that is being watched: looks through what stands around it in the journal once, then where it grew."""

    def __init__(self, journal: Journal, clock: Clock, limits: Mapping[Link, float] | None = None) -> None:
        self._journal = journal
        self._clock = clock
        self._limits = limits
        self._own: dict[int, Message] = {}
        self._ids: set[str | None] = set()
        self._related: dict[int, Message] = {}
        self._scanned = 0
        self._end = 0
        self._due_ns: int | None = None

    def judge(self, exchange: Exchange) -> Marked:
        """An exchange that was not watched before, or has changed."""
        numbers = exchange.sequences
        found = ((seq, self._journal.get(seq)) for seq in numbers)
        self._own = {seq: message for seq, message in found if message is not None}
        self._ids = {message.decoded.correlation for message in self._own.values()} - {None}
        self._related = {}
        first = min(numbers, default=self._journal.head + 1)
        self._scanned, self._end = max(0, first - 1 - LOOK_BACK), first + LOOK_AHEAD
        self._scan()
        return self._judge(exchange)

    def look(self, exchange: Exchange) -> Marked | None:
        """The same exchange again, where there may be something new by now; else None."""
        due = self._due_ns is not None and self._clock.stamp().mono_ns > self._due_ns
        return self._judge(exchange) if self._scan() or due else None

    def _scan(self) -> bool:
        """Take in what shares an id with the exchange; whether there was any."""
        end = min(self._journal.head, self._end)
        if self._scanned >= end or not self._ids:
            return False
        fresh, self._scanned = self._journal.since(self._scanned, end - self._scanned), end
        ids = self._ids
        found = {made.seq: made for made in fresh if made.decoded.correlation in ids or made.decoded.kind == "link"}
        self._related |= found
        return bool(found)

    def _judge(self, exchange: Exchange) -> Marked:
        known = self._related | self._own
        messages = [known[seq] for seq in sorted(known)]
        judged = judge(exchange, messages, limits=self._limits, now_mono_ns=self._clock.stamp().mono_ns)
        self._due_ns = judged.due_ns
        return judged


def _words(paired: Paired, hop: Hop | None) -> str:
    fault = "" if hop is None or hop.fault is None else hop.fault
    said = []
    for flag in paired.flags:
        if flag in _TOLD and _TOLD[flag] in fault:
            continue
        late = flag is Flag.LATE and paired.ms is not None
        said.append(f"{WORDS[flag]}, after {paired.ms / 1000:.1f} s" if late and paired.ms else WORDS[flag])
    return ", ".join(said)


def _told_missing(exchange: Exchange, request: Hop) -> bool:
    """Whether a step that crossed no link says already that this request got no answer."""
    return any(
        hop.seq is None
        and hop.fault is not None
        and (hop.from_, hop.to) == (request.to, request.from_)
        and hop.mono_ns >= request.mono_ns
        for hop in exchange.hops
    )


def _latest(exchange: Exchange, messages: Sequence[Message]) -> int:
    stamps = [hop.mono_ns for hop in exchange.hops]
    if exchange.closed is not None:
        stamps.append(exchange.closed.mono_ns)
    if messages:
        stamps.append(messages[-1].mono_ns)
    return max(stamps, default=exchange.opened.mono_ns)
