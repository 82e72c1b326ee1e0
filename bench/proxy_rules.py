"""Rules of the proxy: which messages are held, edited, delayed or dropped, in the journal's filter language."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

import orjson

from bench.codecs.ocpp import Call, CallResult
from bench.errors import BadInput
from bench.journal.filter import Context, Filter, parse
from bench.message import Message

MAX_RULES = 100
MAX_DELAY_MS = 600_000


class Side(StrEnum):
    """The two peers of a proxied connection; as a message's side, who said it."""

    STATION = "station"
    CSMS = "csms"

    @property
    def other(self) -> Side:
        return Side.CSMS if self is Side.STATION else Side.STATION


class Deed(StrEnum):
    HOLD = "hold"
    EDIT = "edit"
    DELAY = "delay"
    DROP = "drop"


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule.

    filter: which messages. side: who said them; None = either. times: how many messages it is for; None = all.
    delay_ms: for DELAY. For EDIT exactly one of patch (JSON Merge Patch, RFC 7396, on the payload) and payload (in its stead).
    """

    filter: Filter
    deed: Deed
    side: Side | None = None
    times: int | None = None
    delay_ms: int = 0
    patch: Mapping[str, Any] | None = None
    payload: Mapping[str, Any] | None = None


def make_rule(
    wanted: str,
    deed: Deed,
    *,
    side: Side | None = None,
    times: int | None = None,
    delay_ms: int = 0,
    patch: Mapping[str, Any] | None = None,
    payload: Mapping[str, Any] | None = None,
) -> Rule:
    """A rule that is known to make sense. wanted: a filter such as ``name=Authorize .idTag:04*``.

    Raises:
        FilterError: the filter cannot be read. BadInput: the rest does not fit the deed.
    """
    if times is not None and times < 1:
        raise BadInput(f"a rule for {times} messages does nothing", "leave the number out, or choose 1 or more")
    if deed is Deed.DELAY and not 1 <= delay_ms <= MAX_DELAY_MS:
        raise BadInput(f"a delay of {delay_ms} ms is not possible", f"choose 1 to {MAX_DELAY_MS} ms")
    if deed is not Deed.DELAY and delay_ms:
        raise BadInput(f"{deed} takes no delay", "make a rule of its own for the delay")
    if deed is Deed.EDIT and (patch is None) is (payload is None):
        raise BadInput("an edit needs either a merge patch or a new payload", "give exactly one of them")
    if deed is not Deed.EDIT and (patch is not None or payload is not None):
        raise BadInput(f"{deed} changes no payload", "make a rule of its own for the edit")
    try:
        orjson.dumps([patch, payload])
    except TypeError as error:
        raise BadInput(f"the edit is no JSON: {error}") from error
    return Rule(parse(wanted), deed, side, times, delay_ms, patch, payload)


@dataclass(frozen=True, slots=True)
class Ruling:
    """What the rules say of one message. data: as it is to be passed on. why: one line each, for the operator."""

    data: bytes
    dropped: bool = False
    held: bool = False
    delay_ms: int = 0
    why: tuple[str, ...] = ()


class Rules:
    """The rules of one proxy, in order; every one that fits is applied, a drop ends it. Bounded by MAX_RULES."""

    def __init__(self, rules: Iterable[Rule] = ()) -> None:
        self._rules: list[Rule] = []
        self._applied: list[int] = []
        self.replace(rules)

    @property
    def rules(self) -> tuple[Rule, ...]:
        return tuple(self._rules)

    @property
    def applied(self) -> tuple[int, ...]:
        """How many messages each of them was applied to."""
        return tuple(self._applied)

    def replace(self, rules: Iterable[Rule]) -> None:
        """Take these rules from now on. One that was there before, the same object, goes on counting; others start afresh.

        Raises:
            BadInput: too many.
        """
        new = list(rules)
        if len(new) > MAX_RULES:
            raise BadInput(f"{len(new)} rules are too many", f"a proxy takes at most {MAX_RULES}")
        counts = {id(rule): applied for rule, applied in zip(self._rules, self._applied, strict=True)}
        self._applied = [counts.pop(id(rule), 0) for rule in new]
        self._rules = new

    def apply(self, side: Side, message: Message, context: Context) -> Ruling:
        """What becomes of a message of that side."""
        ruling = Ruling(message.raw)
        for index, rule in enumerate(self._rules):
            used_up = rule.times is not None and self._applied[index] >= rule.times
            if used_up or rule.side not in (None, side) or not rule.filter.matches(message, context):
                continue
            self._applied[index] += 1
            ruling = _ruled(ruling, rule, message)
            if ruling.dropped:
                break
        return ruling


def _ruled(ruling: Ruling, rule: Rule, message: Message) -> Ruling:
    by = f"by the rule {rule.filter.text or '(every message)'}"
    match rule.deed:
        case Deed.DROP:
            return replace(ruling, dropped=True, why=(*ruling.why, f"dropped {by}"))
        case Deed.HOLD:
            return replace(ruling, held=True, why=(*ruling.why, f"held {by}"))
        case Deed.DELAY:
            delay_ms = min(ruling.delay_ms + rule.delay_ms, MAX_DELAY_MS)
            return replace(ruling, delay_ms=delay_ms, why=(*ruling.why, f"delayed {rule.delay_ms} ms {by}"))
        case Deed.EDIT:
            if not isinstance(message.decoded.body, Call | CallResult):
                return replace(ruling, why=(*ruling.why, f"not edited {by}: it has no payload"))
            edited = edit(ruling.data, patch=rule.patch, payload=rule.payload)
            return replace(ruling, data=edited, why=(*ruling.why, f"edited {by}"))


def edit(data: bytes, *, patch: Mapping[str, Any] | None = None, payload: Mapping[str, Any] | None = None) -> bytes:
    """A CALL or CALLRESULT with another payload, which always stands last: the head stays as it is.

    Raises:
        BadInput: the frame is neither.
    """
    try:
        frame = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise BadInput(f"a frame that is no JSON cannot be edited: {error}") from error
    if type(frame) is not list or (len(frame), frame[0] if frame else None) not in ((4, 2), (3, 3)):
        raise BadInput("only a CALL or a CALLRESULT has a payload to edit")
    frame[-1] = payload if payload is not None else merge_patch(frame[-1], patch or {})
    return orjson.dumps(frame)


def merge_patch(target: object, patch: object) -> object:
    """JSON Merge Patch (RFC 7396 section 2): null deletes, an object merges, anything else replaces."""
    if not isinstance(patch, Mapping):
        return patch
    merged: dict[str, object] = dict(target) if isinstance(target, Mapping) else {}
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = merge_patch(merged.get(key), value)
    return merged
