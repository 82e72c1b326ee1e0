"""What an import would do: each row of a file beside what the store has, before anything is done."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, fields, replace
from enum import StrEnum
from operator import attrgetter
from pathlib import Path
from typing import NamedTuple

from bench.errors import BadInput
from bench.tokens.checks import MAX_SOURCE, checked
from bench.tokens.columns import BLOCKED, EXPIRY, STATUS, UID
from bench.tokens.model import IdTokenType, Token
from bench.tokens.rows import RowReader
from bench.tokens.token_file import Reading, Row, TokenFile

MAX_TOKENS = 2_000_000
MAX_ERRORS = 1_000
MAX_NOTES = 1_000
SHOWN = 100
_STEP = 1_000

Known = Callable[[str, IdTokenType], Token | None]
Progress = Callable[[int, int], None]


class Existing(StrEnum):
    """What becomes of a token that the store has already.

    UPDATE: what the file says is taken, what it does not say stays. REPLACE: the file's token takes its place. KEEP: it stays.
    """

    UPDATE = "update"
    REPLACE = "replace"
    KEEP = "keep"


class Outcome(StrEnum):
    """What becomes of a row."""

    NEW = "new"
    CHANGED = "changed"
    UNCHANGED = "unchanged"
    KEPT = "kept"
    WRONG = "wrong"
    LEFT_OUT = "left out"


class RowError(NamedTuple):
    """row: the line of a CSV file (the header is 1), the entry of a JSON list (from 1); 0 = the whole file."""

    row: int
    field: str
    why: str


class Judged(NamedTuple):
    """One row in the preview. token: as it would be kept, None for one that is wrong. why: what changes, or what is wrong."""

    row: int
    outcome: Outcome
    token: Token | None
    why: str


@dataclass(slots=True)
class Plan:
    """tokens: to be kept, new and changed ones. first: the first rows, as they were judged. counts: rows by what becomes of them.

    notes: what is no error but should be known. whole: the file was read to its end.
    """

    tokens: list[Token] = field(default_factory=list)
    errors: list[RowError] = field(default_factory=list)
    notes: list[RowError] = field(default_factory=list)
    first: list[Judged] = field(default_factory=list)
    counts: dict[Outcome, int] = field(default_factory=lambda: dict.fromkeys(Outcome, 0))
    whole: bool = False

    @property
    def rows(self) -> int:
        return sum(self.counts.values())


def plan_import(
    source: Path | str,
    reading: Reading,
    known: Known,
    existing: Existing = Existing.UPDATE,
    *,
    origin: str | None = None,
    limit: int | None = None,
    progress: Progress | None = None,
) -> Plan:
    """Read a file and say what importing it would do. Blocks for as long as the file is long: for a thread of its own.

    known: the store's token of a value and type. origin: the ``source`` of tokens whose row names none. limit: rows to read at
    most. progress: told the bytes done and the bytes there are; what it raises ends the reading. Reading stops after 1,000 errors.
    Memory goes with the tokens (about 1 kB each), not with the file.

    Raises:
        BadInput: the file cannot be read, its columns are not understood, it has over 2,000,000 tokens.
    """
    with TokenFile(source, reading) as file:
        return _Planner(file, reading, known, existing, origin, limit).run(progress)


def origin_of(path: Path) -> str:
    """The ``source`` of tokens that came from a file."""
    name = "".join(character if character.isprintable() else "?" for character in path.name)
    return f"file {name}"[:MAX_SOURCE]


class _Planner:
    def __init__(
        self,
        file: TokenFile,
        reading: Reading,
        known: Known,
        existing: Existing,
        origin: str | None,
        limit: int | None,
    ) -> None:
        self._file = file
        self._reader = RowReader(reading.defaults, origin)
        self._known = known
        self._existing = existing
        self._limit = limit
        self._rows_by_key: dict[tuple[str, IdTokenType], int] = {}
        self.plan = Plan()

    def run(self, progress: Progress | None) -> Plan:
        plan, file = self.plan, self._file
        for count, row in enumerate(file.rows(), 1):
            if count == self._limit:
                self._add(row)
                return plan
            if len(plan.errors) >= MAX_ERRORS:
                plan.errors.append(RowError(row.number, "", f"more than {MAX_ERRORS} errors: the rest was not read"))
                return plan
            if len(self._rows_by_key) >= MAX_TOKENS:
                raise BadInput(f"{file.told}: over {MAX_TOKENS:,} tokens", "split the file")
            if progress is not None and count % _STEP == 0:
                progress(file.done, file.size)
            self._add(row)
        plan.whole = True
        if progress is not None:
            progress(file.size, file.size)
        return plan

    def _add(self, row: Row) -> None:
        judged = self._judge(row)
        plan = self.plan
        plan.counts[judged.outcome] += 1
        if judged.token is not None and judged.outcome in (Outcome.NEW, Outcome.CHANGED):
            plan.tokens.append(judged.token)
        if len(plan.first) < SHOWN:
            plan.first.append(judged)

    def _judge(self, row: Row) -> Judged:
        number = row.number
        if row.problem:
            return self._wrong(number, "", row.problem)
        if row.removal:
            why = "a local list names it to take it out; an import takes nothing out"
            self._note(number, UID, why)
            return Judged(number, Outcome.LEFT_OUT, None, why)
        try:
            token, note = self._reader.token(row.values)
            before = self._known(token.uid, token.id_token_type)
            if before is not None and self._existing is Existing.UPDATE:
                token = _updated(before, token, row.values)
        except BadInput as error:
            name, _, why = error.what.partition(": ")
            return self._wrong(number, name, f"{why}; {error.cure}" if error.cure else why)
        first = self._rows_by_key.setdefault(token.key, number)
        if first != number:
            return self._wrong(number, UID, f"the same value and type are in row {first} already")
        if note:
            self._note(number, EXPIRY, note)
        if before is None:
            return Judged(number, Outcome.NEW, token, "")
        changes = changed(before, token)
        if not changes:
            return Judged(number, Outcome.UNCHANGED, before, "")
        if self._existing is Existing.KEEP:
            return Judged(number, Outcome.KEPT, before, ", ".join(changes))
        return Judged(number, Outcome.CHANGED, token, ", ".join(changes))

    def _wrong(self, number: int, name: str, why: str) -> Judged:
        self.plan.errors.append(RowError(number, name, why))
        return Judged(number, Outcome.WRONG, None, f"{name}: {why}" if name else why)

    def _note(self, number: int, name: str, why: str) -> None:
        if len(self.plan.notes) < MAX_NOTES:
            self.plan.notes.append(RowError(number, name, why))


# Attributes of a token by the fields that say them; what a row leaves empty says nothing where it cannot be empty.
_OPTIONAL = {
    "visualNumber": "visual_number",
    "groupId": "group_id",
    "languageCode": "language_code",
    "language2": "language2",
    EXPIRY: "expiry",
    "evseIds": "evse_ids",
    "chargingPriority": "charging_priority",
    "personalMessage": "personal_message",
    "note": "note",
    "source": "source",
}
_REQUIRED = {
    "type": "kind",
    "contractId": "contract_id",
    "countryCode": "country_code",
    "partyId": "party_id",
    "issuer": "issuer",
    "cacheMode": "cache_mode",
}
_SAYS_STATUS = (STATUS, "valid", BLOCKED)
_TOLD = {
    **{attribute: name for name, attribute in (_OPTIONAL | _REQUIRED).items()},
    "uid": UID,
    "valid": STATUS,
    "status": STATUS,
}
_COMPARED = tuple(
    entry.name for entry in fields(Token) if entry.name not in ("last_updated", "source", "id_token_type")
)
_STATE = attrgetter(*_COMPARED)


def changed(before: Token, after: Token) -> list[str]:
    """The fields in which two tokens of one value and type differ, by their names; when and whence they came aside."""
    if _STATE(before) == _STATE(after):
        return []
    found = (_TOLD[name] for name in _COMPARED if getattr(before, name) != getattr(after, name))
    return list(dict.fromkeys(found))


def _updated(before: Token, after: Token, given: dict[str, object]) -> Token:
    """What the file says of a token, and the rest as it was.

    Raises:
        BadInput: both together are not fit for the store.
    """
    kept = [attribute for name, attribute in _OPTIONAL.items() if name not in given]
    kept += [attribute for name, attribute in _REQUIRED.items() if given.get(name) in (None, "")]
    if all(given.get(name) in (None, "") for name in _SAYS_STATUS):
        kept += ["valid", "status"]
    if not kept:
        return after
    made = replace(after, **{name: getattr(before, name) for name in kept})
    return made if made == before else checked(made)
