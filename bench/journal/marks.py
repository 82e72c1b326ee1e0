"""What does not fit among messages, in words: beside the steps of an exchange, and of one message at length."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from bench.exchange import Exchange, Hop
from bench.journal.pairing import Flag
from bench.journal.pairs import Pair, Pairs
from bench.message import Message

SIGN = "⚠"
"""Stands before what does not fit."""

WORDS = {
    Flag.ORPHAN: "answers nothing",
    Flag.LATE: "late",
    Flag.DUPLICATE: "second answer",
    Flag.REUSED_ID: "id used before",
    Flag.UNANSWERED: "no answer",
}
"""What is written beside a message."""

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

    def hops(self, exchange: Exchange) -> list[Hop]:
        """The steps of the exchange with the strays among them, in the order of time."""
        return sorted((*exchange.hops, *self.strays), key=lambda hop: hop.mono_ns) if self.strays else exchange.hops

    def of(self, hop: Hop) -> str:
        """What is to be written beside a step, or empty."""
        return "" if hop.seq is None else self.words.get(hop.seq, "")


UNMARKED = Marked({}, (), None)


def judge(exchange: Exchange, pairs: Pairs, get: Callable[[int], Message | None]) -> Marked:
    """Orphan, late, second and missing answers and ids used before, but for what a hop's fault tells already.

    get: a message by number, None where it cannot be read.
    """
    hops = {hop.seq: hop for hop in exchange.hops if hop.seq is not None}
    words: dict[int, str] = {}
    strays: dict[int, Hop] = {}
    due = []
    for seq, hop in hops.items():
        pair = pairs.of(seq)
        missing = pairs.due_ns(seq)
        if missing is not None and _told_missing(exchange, hop):
            pair = pair._replace(flags=tuple(flag for flag in pair.flags if flag is not Flag.UNANSWERED))
        elif missing is not None and Flag.UNANSWERED not in pair.flags:
            due.append(missing)
        if word := words_of(pair, hop.fault or ""):
            words[seq] = word
        for answer in pairs.answers_to(seq):
            if answer in hops or answer in strays or (message := get(answer)) is None:
                continue
            name = message.decoded.name or message.decoded.kind
            strays[answer] = Hop(answer, hop.to, hop.from_, message.link, name, message.mono_ns)
            if word := words_of(pairs.of(answer)):
                words[answer] = word
    return Marked(words, tuple(strays.values()), min(due, default=None))


def words_of(pair: Pair, fault: str = "") -> str:
    """``late, after 31.0 s``, ``id used before, no answer``; empty where all is well, or where the fault tells it already."""
    said = []
    for flag in pair.flags:
        if flag in _TOLD and _TOLD[flag] in fault:
            continue
        late = flag is Flag.LATE and pair.ms is not None
        said.append(f"{WORDS[flag]}, after {pair.ms / 1000:.1f} s" if late and pair.ms else WORDS[flag])
    return ", ".join(said)


def sentences(pair: Pair) -> list[str]:
    """What is wrong with one message, each in a plain sentence."""
    after = "" if pair.ms is None else f" {pair.ms / 1000:.1f} s"
    told = {
        Flag.ORPHAN: "It answers nothing: no request with its id is known.",
        Flag.LATE: f"It came late:{after} after its request #{pair.answers}.",
        Flag.DUPLICATE: f"It is a second answer to #{pair.answers}, which was answered before.",
        Flag.REUSED_ID: "Its id was used before, by an earlier request.",
        Flag.UNANSWERED: "No answer came in the time allowed.",
    }
    return [told[flag] for flag in pair.flags]


def _told_missing(exchange: Exchange, request: Hop) -> bool:
    """Whether a step that crossed no link says already that this request got no answer."""
    return any(
        hop.seq is None
        and hop.fault is not None
        and (hop.from_, hop.to) == (request.to, request.from_)
        and hop.mono_ns >= request.mono_ns
        for hop in exchange.hops
    )
