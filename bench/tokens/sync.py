"""Two sets of tokens, the store's and MaEVe's: where they differ, and what would be done about it; nothing is written here.

A token here and one there are the same where their uids are, ignoring case (OCPP 2.0.1 C01.FR.25). MaEVe keeps tokens by their uid
as it is written and knows no type, so one card may have several tokens there (``04a2`` and ``04A2``), and tokens of several types
here only one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from operator import attrgetter
from typing import NamedTuple

from bench.codecs.maeve import TOKEN_FIELDS, MaeveToken
from bench.errors import BadInput
from bench.exchange import MASK
from bench.tokens.index import PREFERENCE
from bench.tokens.maeve_form import Loss, effects, from_maeve, losses, normal, to_maeve
from bench.tokens.model import IdTokenType, Token

_CARRIED = attrgetter(*TOKEN_FIELDS.values())


class Kind(StrEnum):
    """How a token here and there compare. collision: several tokens there are this one card."""

    EQUAL = "equal"
    HERE = "only here"
    THERE = "only there"
    DIFFERENT = "different"
    COLLISION = "case collision"


class Difference(NamedTuple):
    """A field that differs, by its name in the API; values as text, empty where not set."""

    field: str
    here: str
    there: str


@dataclass(frozen=True, slots=True)
class Entry:
    """One card. here: of several types the one that MaEVe's can stand for. there: by uid, the one written as here first.

    lost: fields of ``here`` that MaEVe cannot carry. notes: what MaEVe makes of it, and what else an operator should know.
    behind: the type of the token here that takes the one place of this uid there, or None.
    """

    kind: Kind
    here: Token | None = None
    there: tuple[MaeveToken, ...] = ()
    differences: tuple[Difference, ...] = ()
    lost: tuple[Loss, ...] = ()
    notes: tuple[str, ...] = ()
    behind: IdTokenType | None = None

    @property
    def uid(self) -> str:
        return self.here.uid if self.here is not None else self.there[0].uid

    @property
    def shown(self) -> str:
        """The uid as it may be shown: key codes masked (OCPP 2.0.1 C04.FR.04)."""
        return MASK if self.is_key_code else self.uid

    @property
    def is_key_code(self) -> bool:
        here = self.here is not None and self.here.id_token_type is IdTokenType.KEY_CODE
        return here or any(token.id_token_type == IdTokenType.KEY_CODE for token in self.there)


@dataclass(frozen=True, slots=True)
class Comparison:
    """entries: ordered by uid, ignoring case. held_back: key codes left aside. now: UTC, when expiries were judged. doubt: why
    MaEVe may have more tokens than are known of, or empty.
    """

    entries: tuple[Entry, ...]
    now: datetime
    held_back: int = 0
    doubt: str = ""

    def counts(self) -> Counter[Kind]:
        return Counter(entry.kind for entry in self.entries)


class Direction(StrEnum):
    PUSH = "push"
    PULL = "pull"
    BOTH = "both"


class Conflict(StrEnum):
    """Which side counts where a token differs. newer: the later lastUpdated."""

    NEWER = "newer"
    OURS = "ours"
    THEIRS = "theirs"


USUAL: dict[Direction, Conflict] = {
    Direction.PUSH: Conflict.OURS,
    Direction.PULL: Conflict.THEIRS,
    Direction.BOTH: Conflict.NEWER,
}
"""The rule for conflicts where none was chosen."""


class Deed(StrEnum):
    PUSH = "push"
    PULL = "pull"
    LEAVE = "leave"


@dataclass(frozen=True, slots=True)
class Step:
    """What is to be done about one card. why: where nothing is. push: as they are to be written there. pull: to be kept here."""

    entry: Entry
    deed: Deed
    why: str = ""
    push: tuple[MaeveToken, ...] = ()
    pull: Token | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """steps: one an entry, in its order."""

    steps: tuple[Step, ...]
    direction: Direction
    rule: Conflict

    def to_do(self) -> list[Step]:
        return [step for step in self.steps if step.deed is not Deed.LEAVE]

    def counts(self) -> Counter[Deed]:
        return Counter(step.deed for step in self.steps)


def compare(
    ours: Iterable[Token], theirs: Iterable[MaeveToken], now: datetime, *, key_codes: bool = False, doubt: str = ""
) -> Comparison:
    """Every token of both sides, once.

    key_codes: look at key codes too; else they, and what stands for them there, are left aside. doubt: see :class:`Comparison`.
    """
    here: dict[str, list[Token]] = {}
    for token in ours:
        here.setdefault(token.uid.casefold(), []).append(token)
    there: dict[str, list[MaeveToken]] = {}
    for found in theirs:
        there.setdefault(found.uid.casefold(), []).append(found)
    entries: list[Entry] = []
    held_back = 0
    for key in sorted(here.keys() | there.keys()):
        tokens, others = here.get(key, []), there.get(key, [])
        if not key_codes:
            plain_here = [token for token in tokens if token.id_token_type is not IdTokenType.KEY_CODE]
            plain_there = [token for token in others if token.id_token_type != IdTokenType.KEY_CODE]
            if len(plain_here) + len(plain_there) < len(tokens) + len(others):
                held_back += 1
                if not plain_here:
                    continue
            tokens, others = plain_here, plain_there
        entries += _of_card(tokens, others, now)
    return Comparison(tuple(entries), now, held_back, doubt)


def _of_card(here: list[Token], there: list[MaeveToken], now: datetime) -> Iterable[Entry]:
    """The entries of one uid: the first type that MaEVe's token can stand for, and the others of ours."""
    if not here:
        yield _only_there(there)
        return
    first, *others = sorted(here, key=lambda token: PREFERENCE.index(token.id_token_type))
    yield _pair(first, there, now)
    for token in others:
        yield Entry(Kind.HERE, token, lost=losses(token), notes=effects(token, now), behind=first.id_token_type)


def _only_there(there: list[MaeveToken]) -> Entry:
    ordered = tuple(sorted(there, key=lambda token: token.uid))
    if len(ordered) > 1:
        return Entry(Kind.COLLISION, None, ordered, notes=(_collides(ordered),))
    return Entry(Kind.THERE, None, ordered)


def _pair(here: Token, there: list[MaeveToken], now: datetime) -> Entry:
    lost, notes = losses(here), effects(here, now)
    if not there:
        return Entry(Kind.HERE, here, lost=lost, notes=notes)
    ordered = tuple(sorted(there, key=lambda token: (token.uid != here.uid, token.uid)))
    wanted = to_maeve(here, now)
    if len(ordered) > 1:
        differing = {difference for token in ordered for difference in differences(wanted, token, uid=False)}
        found = tuple(sorted(differing))
        return Entry(Kind.COLLISION, here, ordered, found, lost, (_collides(ordered), *notes))
    found = differences(wanted, ordered[0])
    if any(difference.field == "uid" for difference in found):
        notes = ("MaEVe tells upper from lower case: it knows this card only as it writes it", *notes)
    return Entry(Kind.DIFFERENT if found else Kind.EQUAL, here, ordered, found, lost, notes)


def _collides(there: tuple[MaeveToken, ...]) -> str:
    return f"{len(there)} tokens of MaEVe are this one card: {', '.join(token.uid for token in there)}"


def differences(here: MaeveToken, there: MaeveToken, *, uid: bool = True) -> tuple[Difference, ...]:
    """Field by field, texts in the form in which the store keeps them. uid: whether its upper and lower case counts."""
    if _CARRIED(here) == _CARRIED(there):  # most are, and normalising costs a hundred times as much
        return ()
    ours, theirs = normal(here), normal(there)
    return tuple(
        Difference(name, _text(getattr(ours, field)), _text(getattr(theirs, field)))
        for name, field in TOKEN_FIELDS.items()
        if getattr(ours, field) != getattr(theirs, field) and (uid or name != "uid")
    )


def plan(comparison: Comparison, direction: Direction, rule: Conflict | None = None, *, source: str = "") -> Plan:
    """What is to be done. rule: which side counts where a token differs, None for the usual one of the direction.

    Pushing never writes another spelling of a uid than MaEVe has, for a token cannot be taken out there again; where MaEVe has
    several, all are written, so that the card is answered alike however its uid comes. source: of tokens that are new here.
    """
    chosen = rule or USUAL[direction]
    steps = tuple(_step(entry, direction, chosen, comparison.now, source) for entry in comparison.entries)
    return Plan(steps, direction, chosen)


def _step(entry: Entry, direction: Direction, rule: Conflict, now: datetime, source: str) -> Step:
    match entry.kind:
        case Kind.EQUAL:
            return Step(entry, Deed.LEAVE, "nothing to do")
        case Kind.HERE:
            return _push_new(entry, direction, now)
        case Kind.THERE:
            if direction is Direction.PUSH:
                return Step(entry, Deed.LEAVE, "not in the store; the API of MaEVe cannot delete a token")
            return _pull(entry, now, source)
    if entry.here is None:
        return Step(entry, Deed.LEAVE, "several tokens there are one card here: settle it at MaEVe first")
    if not entry.differences:
        return Step(entry, Deed.LEAVE, "the same in every spelling")
    winner, why = _winner(entry, rule)
    if winner is None:
        return Step(entry, Deed.LEAVE, why)
    if winner is Deed.PUSH and direction is not Direction.PULL:
        return _push(entry, now)
    if winner is Deed.PULL and direction is not Direction.PUSH:
        if entry.kind is Kind.COLLISION:
            return Step(entry, Deed.LEAVE, "several tokens there are one card here: settle it at MaEVe first")
        return _pull(entry, now, source)
    return Step(entry, Deed.LEAVE, why)


def _winner(entry: Entry, rule: Conflict) -> tuple[Deed | None, str]:
    """Which side counts, and the words for it where its direction is not taken."""
    assert entry.here is not None
    if rule is Conflict.OURS:
        return Deed.PUSH, "ours counts, and nothing is pushed"
    if rule is Conflict.THEIRS:
        return Deed.PULL, "MaEVe's counts, and nothing is pulled"
    ours = entry.here.last_updated
    moments = [token.last_updated for token in entry.there if token.last_updated is not None]
    if ours is None or not moments:
        return None, "which is newer is not known"
    newest = max(moments)
    if ours.replace(microsecond=0) == newest.replace(microsecond=0):
        return None, "both were written in the same second"
    if ours > newest:
        return Deed.PUSH, "ours is newer, and nothing is pushed"
    return Deed.PULL, "MaEVe's is newer, and nothing is pulled"


def _push_new(entry: Entry, direction: Direction, now: datetime) -> Step:
    assert entry.here is not None
    if direction is Direction.PULL:
        return Step(entry, Deed.LEAVE, "not at MaEVe, and nothing is pushed")
    if entry.behind is not None:
        return Step(entry, Deed.LEAVE, f"MaEVe knows no type: the {entry.behind} of this uid takes its place")
    return Step(entry, Deed.PUSH, push=(to_maeve(entry.here, now),))


def _push(entry: Entry, now: datetime) -> Step:
    assert entry.here is not None
    wanted = to_maeve(entry.here, now)
    written = tuple(replace(wanted, uid=token.uid) for token in entry.there if differences(wanted, token, uid=False))
    if not written:
        return Step(entry, Deed.LEAVE, "only the spelling differs, and MaEVe can neither rename nor delete a token")
    return Step(entry, Deed.PUSH, push=written)


def _pull(entry: Entry, now: datetime, source: str) -> Step:
    theirs = entry.there[0]
    try:
        taken = from_maeve(theirs, entry.here, source=source)
    except BadInput as error:
        return Step(entry, Deed.LEAVE, f"the store cannot keep it: {error.what}")
    if entry.here is not None and differences(to_maeve(taken, now), theirs) == entry.differences:
        return Step(entry, Deed.LEAVE, "it has expired here, which MaEVe cannot know")
    return Step(entry, Deed.PULL, pull=taken)


def _text(value: object) -> str:
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)
