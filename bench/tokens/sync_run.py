"""Carries out a plan of :mod:`bench.tokens.sync`: token by token, told apart by what came of each, and nothing left half known."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from bench.codecs.maeve import MaeveToken, Outcome
from bench.errors import LinkDown, OperatorError
from bench.maeve_peer import MaevePeer, Progress
from bench.tokens.model import Token
from bench.tokens.store import TokenStore
from bench.tokens.sync import Deed, Plan, Step, differences

BATCH = 500


class Came(StrEnum):
    """What came of a step.

    partly: of several spellings at MaEVe some were written. changed: one side is not as in the preview any more, so nothing was
    written. unknown: the link broke after a token was sent, and it could not be looked up whether it is there.
    """

    DONE = "done"
    PARTLY = "partly done"
    REFUSED = "refused"
    CHANGED = "changed meanwhile"
    UNKNOWN = "unknown"
    NOT_TRIED = "not tried"


class Result(NamedTuple):
    """why: in words, where it is not done."""

    step: Step
    came: Came
    why: str = ""


@dataclass(slots=True)
class SyncReport:
    """results: one a step that was to be done, in the order in which they were tried. stopped: why not all were tried, or empty.

    pulled: tokens as they were before (None where there was none) and as they are now, for who wants to take it back.
    """

    results: list[Result] = field(default_factory=list)
    stopped: str = ""
    pulled: list[tuple[Token | None, Token]] = field(default_factory=list)

    def counts(self) -> Counter[Came]:
        return Counter(result.came for result in self.results)

    @property
    def ok(self) -> bool:
        return all(result.came is Came.DONE for result in self.results)

    @property
    def text(self) -> str:
        """One sentence."""
        counts = self.counts()
        said = ", ".join(f"{counts[came]:,} {came}" for came in Came if counts[came]) or "nothing to do"
        return f"{said}; stopped: {self.stopped}" if self.stopped else said


async def apply(
    plan: Plan,
    peer: MaevePeer,
    store: TokenStore,
    progress: Progress = lambda done, total: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> SyncReport:
    """Do what the plan says: first what is pulled, in batches, then what is pushed, one by one.

    Before a token is written over, it is looked at whether it still is what the preview showed. cancelled: asked between tokens;
    what is under way is finished. A broken link ends it: a token whose fate is not known is looked up once.
    """
    report = SyncReport()
    steps = plan.to_do()
    pulls = [step for step in steps if step.deed is Deed.PULL]
    pushes = [step for step in steps if step.deed is Deed.PUSH]
    done = 0

    def count(by: int) -> None:
        nonlocal done
        done += by
        progress(done, len(steps))

    for batch in _batches(pulls):
        if cancelled():
            report.stopped = report.stopped or "cancelled"
        _add(report, await _pull(batch, store, report)) if not report.stopped else _skip(report, batch)
        count(len(batch))
    for step in pushes:
        if cancelled():
            report.stopped = report.stopped or "cancelled"
        _add(report, [await _push(step, peer, store, report)]) if not report.stopped else _skip(report, [step])
        count(1)
    return report


def _add(report: SyncReport, results: Sequence[Result]) -> None:
    report.results += results


def _skip(report: SyncReport, steps: Sequence[Step]) -> None:
    report.results += [Result(step, Came.NOT_TRIED, report.stopped) for step in steps]


def _batches(steps: Sequence[Step]) -> Iterator[Sequence[Step]]:
    for start in range(0, len(steps), BATCH):
        yield steps[start : start + BATCH]


async def _pull(batch: Sequence[Step], store: TokenStore, report: SyncReport) -> list[Result]:
    """Write a batch to the store, all or none."""
    kept: list[Step] = []
    results = []
    for step in batch:
        assert step.pull is not None
        if _here(store, step.pull) != step.entry.here:
            results.append(Result(step, Came.CHANGED, "the token in the store changed since the preview"))
        else:
            kept.append(step)
    try:
        now = await store.put_many([step.pull for step in kept if step.pull is not None], by="maeve")
    except OperatorError as error:
        report.stopped = str(error)
        return results + [Result(step, Came.REFUSED, str(error)) for step in kept]
    report.pulled += [(step.entry.here, token) for step, token in zip(kept, now, strict=True)]
    return results + [Result(step, Came.DONE) for step in kept]


async def _push(step: Step, peer: MaevePeer, store: TokenStore, report: SyncReport) -> Result:
    """Write one card there, in each of its spellings."""
    entry = step.entry
    if entry.here is None or _here(store, entry.here) != entry.here:
        return Result(step, Came.CHANGED, "the token in the store changed since the preview")
    known = {token.uid: token for token in entry.there}
    for written, token in enumerate(step.push):
        came, why = await _push_one(token, known.get(token.uid), peer, entry.is_key_code, report)
        if came is not Came.DONE:
            if written and came is not Came.UNKNOWN:
                came, why = Came.PARTLY, f"{written} of {len(step.push)} spellings were written, then: {why}"
            return Result(step, came, why)
    return Result(step, Came.DONE)


async def _push_one(
    token: MaeveToken, known: MaeveToken | None, peer: MaevePeer, secret: bool, report: SyncReport
) -> tuple[Came, str]:
    """Write one token there. known: as the preview showed it. secret: it is a key code, which is neither looked up before nor read
    back: its value would stand in a URL. A broken link is told in the report.
    """
    sent = False
    try:
        if not secret and (changed := await _changed(token.uid, known, peer)):
            return Came.CHANGED, changed
        sent = True
        answer = await peer.set_token(token, key_code=secret)
    except LinkDown as error:
        if sent and not secret and await _is_there(token, peer):
            return Came.DONE, ""
        report.stopped = str(error)
        return (
            (Came.UNKNOWN, f"{error.what}; whether the token is there is not known")
            if sent
            else (
                Came.NOT_TRIED,
                error.what,
            )
        )
    except OperatorError as error:
        return Came.REFUSED, str(error)
    if answer.ok:
        return Came.DONE, ""
    return (Came.REFUSED if answer.outcome is Outcome.REFUSED else Came.UNKNOWN), answer.error


async def _changed(uid: str, known: MaeveToken | None, peer: MaevePeer) -> str:
    """Why the token there is not as the preview showed it, or empty."""
    answer = await peer.lookup_token(uid)
    if answer.missing:
        return "" if known is None else "MaEVe has it no more"
    if not isinstance(answer.body, MaeveToken):
        return f"MaEVe could not be asked for it: {answer.error}"
    if known is None:
        return "MaEVe has it meanwhile"
    return "MaEVe's changed since the preview" if differences(known, answer.body) else ""


async def _is_there(token: MaeveToken, peer: MaevePeer) -> bool:
    """Whether a token was taken although its answer never came; False where that cannot be told."""
    try:
        answer = await peer.lookup_token(token.uid)
    except OperatorError:
        return False
    return isinstance(answer.body, MaeveToken) and not differences(token, answer.body)


def _here(store: TokenStore, token: Token) -> Token | None:
    return store.get(token.uid, token.id_token_type)
