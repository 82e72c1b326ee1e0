"""What happened to the tokens: who changed what and when, written in the transaction of the change itself.

The record is also how one bench hears what another wrote: changes are numbered in the order in which they were committed,
because writers take turns.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, NamedTuple

import orjson
from sqlalchemy import JSON, Connection, DateTime, bindparam, func, select, text

from bench.exchange import MASK
from bench.tokens.api_form import to_api
from bench.tokens.model import IdTokenType, Token
from bench.tokens.tables import UtcDateTime, from_row, from_values, token_changes, tokens

Key = tuple[str, IdTokenType]

MAX_KEPT = 1_000_000
MAX_ASKED = 10_000
MAX_BY = 120
_NEVER_TOLD = frozenset(("lastUpdated",))


class What(StrEnum):
    """What became of a token."""

    ADDED = "added"
    CHANGED = "changed"
    DELETED = "deleted"


class TokenChange(NamedTuple):
    """One change of one token.

    number: rises from change to change. key: folded value and type. by: who: ``window``, ``api``, ``import``, ``enrol``,
    ``sync``, ``command line``. before: None where it was added. after: None where it was deleted.
    """

    number: int
    utc: datetime
    key: Key
    what: What
    by: str
    before: Token | None
    after: Token | None

    def differences(self) -> list[tuple[str, object, object]]:
        """(field, old, new) by the names of the API, None for a field that is not set; a key code is masked.

        For a token that was added or deleted, all its fields.
        """
        old, new = _fields(self.before), _fields(self.after)
        return [(name, old.get(name), new.get(name)) for name in {**old, **new} if old.get(name) != new.get(name)]


def _fields(token: Token | None) -> dict[str, object]:
    if token is None:
        return {}
    made = {name: value for name, value in to_api(token).items() if name not in _NEVER_TOLD}
    if token.id_token_type is IdTokenType.KEY_CODE:  # OCPP 2.0.1 C04.FR.04; the contract id may be made from it
        made |= {"uid": MASK, "contractId": MASK}
    return made


# Writing. The database compares and copies, so that a million tokens cost no JSON made here.


def record(connection: Connection, keys: Iterable[Key], by: str, now: datetime, *, deleting: bool = False) -> None:
    """Write down that these tokens are about to be put, or deleted: those of them that are there."""
    postgresql = connection.dialect.name == "postgresql"
    build, whole = ("json_build_object", "") if postgresql else ("json_object", "json")
    columns = (
        f"'{column.name}', {whole if isinstance(column.type, JSON) else ''}(t.{column.name})"
        for column in tokens.columns
    )
    there = "t.uid_key IS NOT NULL"
    before = f"CASE WHEN {there} THEN {build}({', '.join(columns)}) END"
    what = f"'{What.DELETED}'" if deleting else f"CASE WHEN {there} THEN '{What.CHANGED}' ELSE '{What.ADDED}' END"
    # Nothing of a caller's stands in this text: names of columns, and words of our own.
    connection.execute(
        text(
            f"INSERT INTO token_changes (utc, uid_key, id_token_type, what, made_by, before)"
            f" SELECT :utc, k.uid_key, k.id_token_type, {what}, :made_by, {before} FROM {keys_of(connection)} AS k"
            f" {'' if deleting else 'LEFT '}JOIN tokens AS t"
            " ON t.uid_key = k.uid_key AND t.id_token_type = k.id_token_type"
        ).bindparams(bindparam("utc", type_=UtcDateTime)),
        {"utc": now, "made_by": by[:MAX_BY], "keys": as_json(keys)},
    )


def keys_of(connection: Connection) -> str:
    """SQL of the table of (uid_key, id_token_type) that the parameter ``keys`` holds as :func:`as_json`."""
    if connection.dialect.name == "postgresql":
        return (
            "(SELECT value->>0 AS uid_key, value->>1 AS id_token_type"
            " FROM json_array_elements(CAST(:keys AS json)) AS e(value))"
        )
    return (
        "(SELECT json_extract(value, '$[0]') AS uid_key, json_extract(value, '$[1]') AS id_token_type"
        " FROM json_each(:keys))"
    )


def as_json(keys: Iterable[Key]) -> str:
    """The value of the parameter ``keys`` of a statement made with :func:`keys_of`."""
    return orjson.dumps(list(keys)).decode()


def prune(connection: Connection, kept: int = MAX_KEPT) -> None:
    """Forget all but the newest changes."""
    connection.execute(token_changes.delete().where(token_changes.c.number <= newest(connection) - kept))


# Reading


def newest(connection: Connection) -> int:
    """The number of the latest change; 0 before the first."""
    return connection.scalar(select(func.max(token_changes.c.number))) or 0


def changed_since(connection: Connection, number: int, limit: int) -> list[Key] | None:
    """The tokens changed after that number; None where the record cannot tell, or they are more than ``limit``."""
    latest = newest(connection)
    if latest == number:
        return []
    oldest = connection.scalar(select(func.min(token_changes.c.number))) or 0
    if latest < number or oldest > number + 1 or latest - number > limit:
        return None
    found = connection.execute(
        select(token_changes.c.uid_key, token_changes.c.id_token_type).where(token_changes.c.number > number).distinct()
    )
    return [(uid_key, IdTokenType(kind)) for uid_key, kind in found]


def read(connection: Connection, key: Key | None, limit: int) -> list[TokenChange]:
    """The newest changes, of one token or of all, newest first.

    Raises:
        KeyError, TypeError, ValueError: a record that this version cannot read.
    """
    chosen = select(token_changes).order_by(token_changes.c.number.desc()).limit(max(1, min(limit, MAX_ASKED)))
    if key is not None:
        chosen = chosen.where(token_changes.c.uid_key == key[0], token_changes.c.id_token_type == key[1].value)
    rows = connection.execute(chosen).all()
    after: dict[Key, Token | None] = {}  # what the change before made of it, walking back from today
    for token in read_tokens(connection, {(row.uid_key, IdTokenType(row.id_token_type)) for row in rows}):
        after[token.key] = token
    made = []
    for row in rows:
        its_key = row.uid_key, IdTokenType(row.id_token_type)
        what, before = What(row.what), None if row.before is None else _token(row.before)
        became = None if what is What.DELETED else after.get(its_key)
        made.append(TokenChange(row.number, row.utc, its_key, what, row.made_by, before, became))
        after[its_key] = before
    return made


def read_tokens(connection: Connection, keys: Iterable[Key]) -> Iterator[Token]:
    """Those of them that are in the database."""
    wanted = list(keys)
    if not wanted:
        return
    names = ", ".join(f"t.{column.name}" for column in tokens.columns)
    chosen = text(
        f"SELECT {names} FROM {keys_of(connection)} AS k"
        " JOIN tokens AS t ON t.uid_key = k.uid_key AND t.id_token_type = k.id_token_type"
    ).columns(*tokens.columns)
    for row in connection.execute(chosen, {"keys": as_json(wanted)}):
        yield from_values(*row)


_BLANK: dict[str, Any] = {column.name: None for column in tokens.columns}
_MOMENTS = tuple(column.name for column in tokens.columns if isinstance(column.type, UtcDateTime | DateTime))


def _token(kept: dict[str, Any]) -> Token:
    """A token from its columns as JSON; those that a newer version added are not set in an old record."""
    row = {**_BLANK, **kept, "valid": bool(kept["valid"])}  # SQLite knows no truth, only 0 and 1
    for name in _MOMENTS:
        if isinstance(row[name], str):
            moment = datetime.fromisoformat(row[name])
            row[name] = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    return from_row(row)
