"""The tables of the token store, portable between SQLite and PostgreSQL."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, Boolean, Column, DateTime, Integer, MetaData, String, Table
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator

from bench.tokens.model import (
    ID_TOKEN_TYPES,
    AuthorizationStatus,
    CacheMode,
    MessageFormat,
    PersonalMessage,
    Token,
    TokenKind,
)


class UtcDateTime(TypeDecorator[datetime]):
    """A moment in UTC; SQLite keeps no zone, so it is put back on reading."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return None if value is None else value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    }
)

# The key is what OCPP calls equal (value ignoring case, and type). It outlives an update of the row and a deletion that is
# followed by a new enrolment, so a record of past states can name a token by it.
tokens = Table(
    "tokens",
    metadata,
    Column("uid_key", String(36), primary_key=True),
    Column("id_token_type", String(16), primary_key=True),
    Column("uid", String(36), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("country_code", String(2), nullable=False),
    Column("party_id", String(3), nullable=False),
    Column("contract_id", String(15), nullable=False),
    Column("visual_number", String(64)),
    Column("issuer", String(64), nullable=False),
    Column("group_id", String(36)),
    Column("valid", Boolean, nullable=False),
    Column("status", String(24)),
    Column("language_code", String(2)),
    Column("cache_mode", String(16), nullable=False),
    Column("last_updated", UtcDateTime, nullable=False),
    Column("expiry", UtcDateTime),
    Column("evse_ids", JSON(none_as_null=True)),  # a list of numbers
    Column("language2", String(8)),
    Column("personal_message", JSON(none_as_null=True)),  # an object: content, format, language
    Column("charging_priority", Integer),
    Column("note", String(500)),
    Column("source", String(120)),
)


# One row a change, in the order of the changes: writers take turns. What a token became is what the next change found it as, or
# the token itself, so it is not kept twice; and an index would cost an import more than it saves a look at one token.
token_changes = Table(
    "token_changes",
    metadata,
    Column("number", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("utc", UtcDateTime, nullable=False),
    Column("uid_key", String(36), nullable=False),
    Column("id_token_type", String(16), nullable=False),
    Column("what", String(8), nullable=False),
    Column("made_by", String(120), nullable=False),
    Column("before", JSON(none_as_null=True)),  # the columns of the token as it was; none for one that was added
)


def to_row(token: Token) -> dict[str, Any]:
    """The columns of a checked token that has its last_updated."""
    return dict(zip(_NAMES, to_values(token), strict=True))


def to_values(token: Token) -> tuple[Any, ...]:
    """The values of :func:`to_row`, in the order of the columns."""
    return (
        token.uid.casefold(),
        token.id_token_type.value,
        token.uid,
        token.kind.value,
        token.country_code,
        token.party_id,
        token.contract_id,
        token.visual_number,
        token.issuer,
        token.group_id,
        token.valid,
        None if token.status is None else token.status.value,
        token.language_code,
        token.cache_mode.value,
        token.last_updated,
        token.expiry,
        list(token.evse_ids) if token.evse_ids else None,
        token.language2,
        None if token.personal_message is None else asdict(token.personal_message),
        token.charging_priority,
        token.note,
        token.source,
    )


def from_row(row: Mapping[str, Any]) -> Token:
    """The token of a row by the names of its columns; raises as :func:`from_values`."""
    return from_values(*(row[name] for name in _NAMES))


def from_values(
    _uid_key: str,
    id_token_type: str,
    uid: str,
    kind: str,
    country_code: str,
    party_id: str,
    contract_id: str,
    visual_number: str | None,
    issuer: str,
    group_id: str | None,
    valid: bool,
    status: str | None,
    language_code: str | None,
    cache_mode: str,
    last_updated: datetime | None,
    expiry: datetime | None,
    evse_ids: list[int] | None,
    language2: str | None,
    personal_message: dict[str, str] | None,
    charging_priority: int | None,
    note: str | None,
    source: str | None,
) -> Token:
    """The token of a row, its values in the order of the columns.

    Raises:
        KeyError, TypeError, ValueError: a word that this version does not know, JSON of another shape.
    """
    return Token(
        uid=uid,
        country_code=country_code,
        party_id=party_id,
        contract_id=contract_id,
        issuer=issuer,
        kind=_KINDS[kind],
        id_token_type=ID_TOKEN_TYPES[id_token_type],
        valid=valid,
        cache_mode=_CACHE_MODES[cache_mode],
        status=None if status is None else _STATUSES[status],
        visual_number=visual_number,
        group_id=group_id,
        language_code=language_code,
        last_updated=last_updated,
        expiry=expiry,
        evse_ids=() if evse_ids is None else tuple(evse_ids),
        language2=language2,
        personal_message=None if personal_message is None else _message(personal_message),
        charging_priority=charging_priority,
        note=note,
        source=source,
    )


_NAMES = tuple(column.name for column in tokens.columns)
# Looked up by their words: a million calls of an enumeration cost a second each.
_KINDS = {kind.value: kind for kind in TokenKind}
_STATUSES = {status.value: status for status in AuthorizationStatus}
_CACHE_MODES = {mode.value: mode for mode in CacheMode}


def _message(kept: dict[str, str]) -> PersonalMessage:
    return PersonalMessage(kept["content"], MessageFormat(kept["format"]), kept["language"])
