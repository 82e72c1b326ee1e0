"""Batches of tokens into the database and the whole of it back out, on the store's database thread."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from datetime import datetime
from functools import cache, lru_cache
from itertools import islice
from typing import Any, TypeVar

from sqlalchemy import JSON, Connection, Dialect, Executable, func, select, text
from sqlalchemy.dialects import postgresql

from bench.collector import uncollected
from bench.errors import StoreError
from bench.exchange import MASK
from bench.tokens import history
from bench.tokens.checks import checked
from bench.tokens.history import Key
from bench.tokens.index import TokenIndex
from bench.tokens.model import IdTokenType, Token
from bench.tokens.pieces import sorted_in_pieces
from bench.tokens.tables import UtcDateTime, from_values, to_row, to_values, tokens

T = TypeVar("T")
SLICE = 5_000
MANY = 50_000
"""Tokens of which the garbage collector need not know."""
_KEY = tuple(column.name for column in tokens.primary_key)
_VALUES = tuple(column.name for column in tokens.columns if not column.primary_key)
_SQLITE_UPSERT = (
    f"INSERT INTO tokens ({', '.join(column.name for column in tokens.columns)})"
    f" VALUES ({', '.join('?' * len(tokens.columns))})"
    f" ON CONFLICT ({', '.join(_KEY)}) DO UPDATE SET {', '.join(f'{name} = excluded.{name}' for name in _VALUES)}"
)

Step = Callable[[int, int], None]
"""Called between slices with what is done and the whole; raises to give up."""


def put(connection: Connection, batch: dict[Key, Token], by: str, now: datetime, step: Step) -> list[Token]:
    """Check, record and write tokens by their key; returns them as kept, in the order of ``batch``.

    Raises:
        BadInput: a field breaks its limit.
    """
    made: dict[Key, Token] = {}
    # Ascending keys fill the pages of the primary key one after the other.
    for keys in _slices(sorted_in_pieces(batch)):
        step(len(made), len(batch))
        some = [checked(batch[key], now) for key in keys]
        history.record(connection, keys, by, now)
        _upsert(connection, some)
        made.update(zip(keys, some, strict=True))
    history.prune(connection)
    step(len(made), len(batch))
    return [made[key] for key in batch]


def delete(connection: Connection, keys: Sequence[Key], by: str, now: datetime, step: Step) -> int:
    """Record and take out tokens, those that are there; returns how many."""
    done = gone = 0
    for some in _slices(keys):
        step(done, len(keys))
        history.record(connection, some, by, now, deleting=True)
        gone += connection.execute(
            text(
                "DELETE FROM tokens WHERE (uid_key, id_token_type) IN"
                f" (SELECT k.uid_key, k.id_token_type FROM {history.keys_of(connection)} AS k)"
            ),
            {"keys": history.as_json(some)},
        ).rowcount
        done += len(some)
    history.prune(connection)
    step(done, len(keys))
    return gone


def load(connection: Connection) -> TokenIndex:
    """All tokens.

    Raises:
        StoreError: a row cannot be read.
    """
    count = connection.execute(select(func.count()).select_from(tokens)).scalar_one()
    with uncollected(stay=True) if count >= MANY else nullcontext():
        index = TokenIndex(_tokens(connection))
        index.sort()
    return index


def _tokens(connection: Connection) -> Iterator[Token]:
    for row in connection.execute(select(tokens)):
        try:
            yield from_values(*row)
        except (KeyError, TypeError, ValueError) as error:
            shown = MASK if row.id_token_type == IdTokenType.KEY_CODE else row.uid
            raise StoreError(
                f"the token {shown} in the store cannot be read: {error}",
                "correct or delete that row with a tool of the database",
            ) from error


def _upsert(connection: Connection, some: list[Token]) -> None:
    if connection.dialect.name != "sqlite":
        connection.execute(_postgresql_upsert(), [to_row(token) for token in some])
        return
    # Rows made ready here, where a column needs it, are written in a third of the time.
    convert = _converters(connection.dialect)
    rows = []
    for token in some:
        values = list(to_values(token))
        for place, turn in convert:
            if values[place] is not None:
                values[place] = turn(values[place])
        rows.append(tuple(values))
    connection.exec_driver_sql(_SQLITE_UPSERT, rows)


def _converters(dialect: Dialect) -> list[tuple[int, Callable[[Any], object]]]:
    """How the columns that SQLite has no type for are written; moments repeat, so each is written out once."""
    found: list[tuple[int, Callable[[Any], object]]] = []
    for place, column in enumerate(tokens.columns):
        turn = column.type.dialect_impl(dialect).bind_processor(dialect)
        if isinstance(column.type, UtcDateTime | JSON) and turn is not None:
            found.append((place, lru_cache(maxsize=64)(turn) if isinstance(column.type, UtcDateTime) else turn))
    return found


@cache
def _postgresql_upsert() -> Executable:
    statement = postgresql.insert(tokens)
    return statement.on_conflict_do_update(
        index_elements=list(_KEY), set_={name: statement.excluded[name] for name in _VALUES}
    )


def _slices(keys: Sequence[T]) -> Iterator[list[T]]:
    rest = iter(keys)
    while some := list(islice(rest, SLICE)):
        yield some
