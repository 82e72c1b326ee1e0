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
    AuthorizationStatus,
    CacheMode,
    IdTokenType,
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
    return {
        "uid_key": token.uid.casefold(),
        "id_token_type": token.id_token_type.value,
        "uid": token.uid,
        "kind": token.kind.value,
        "country_code": token.country_code,
        "party_id": token.party_id,
        "contract_id": token.contract_id,
        "visual_number": token.visual_number,
        "issuer": token.issuer,
        "group_id": token.group_id,
        "valid": token.valid,
        "status": None if token.status is None else token.status.value,
        "language_code": token.language_code,
        "cache_mode": token.cache_mode.value,
        "last_updated": token.last_updated,
        "expiry": token.expiry,
        "evse_ids": list(token.evse_ids) or None,
        "language2": token.language2,
        "personal_message": None if token.personal_message is None else asdict(token.personal_message),
        "charging_priority": token.charging_priority,
        "note": token.note,
        "source": token.source,
    }


def from_row(row: Mapping[Any, Any]) -> Token:
    """The token of a row.

    Raises:
        KeyError, TypeError, ValueError: a word that this version does not know, JSON of another shape.
    """
    return Token(
        uid=row["uid"],
        country_code=row["country_code"],
        party_id=row["party_id"],
        contract_id=row["contract_id"],
        issuer=row["issuer"],
        kind=TokenKind(row["kind"]),
        id_token_type=IdTokenType(row["id_token_type"]),
        valid=row["valid"],
        cache_mode=CacheMode(row["cache_mode"]),
        status=None if row["status"] is None else AuthorizationStatus(row["status"]),
        visual_number=row["visual_number"],
        group_id=row["group_id"],
        language_code=row["language_code"],
        last_updated=row["last_updated"],
        expiry=row["expiry"],
        evse_ids=tuple(row["evse_ids"] or ()),
        language2=row["language2"],
        personal_message=_message(row["personal_message"]),
        charging_priority=row["charging_priority"],
        note=row["note"],
        source=row["source"],
    )


def _message(kept: dict[str, str] | None) -> PersonalMessage | None:
    if kept is None:
        return None
    return PersonalMessage(kept["content"], MessageFormat(kept["format"]), kept["language"])
