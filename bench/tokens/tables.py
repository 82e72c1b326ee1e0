"""The tables of the token store, portable between SQLite and PostgreSQL."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Boolean, Column, DateTime, MetaData, RowMapping, String, Table
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator

from bench.tokens.model import AuthorizationStatus, CacheMode, IdTokenType, Token, TokenKind


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
    }


def from_row(row: RowMapping) -> Token:
    """The token of a row.

    Raises:
        ValueError: a word that this version does not know.
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
    )
