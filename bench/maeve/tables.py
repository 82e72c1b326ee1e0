"""Tables of what the MaEVe API and OCPI keep, in the database of the token store."""

from __future__ import annotations

from sqlalchemy import JSON, Boolean, Column, Integer, String, Table, Text

from bench.tokens.tables import metadata

stations = Table(
    "maeve_stations",
    metadata,
    Column("id", String(48), primary_key=True),
    Column("security_profile", Integer),  # none: not registered, but given orders
    Column("password_sha256", String(44)),
    Column("invalid_username_allowed", Boolean, nullable=False),
    Column("provisioned", Boolean, nullable=False),
    Column("reset_due", Boolean, nullable=False),
    Column("settings", JSON, nullable=False),  # by name: value, status, why
    Column("certificates", JSON, nullable=False),  # a list: use, pem, status, why
    Column("triggers", JSON, nullable=False),  # a list of words
)

certificates = Table(
    "maeve_certificates",
    metadata,
    Column("hash", String(43), primary_key=True),  # SHA-256 of the DER bytes, base64url without padding
    Column("pem", Text, nullable=False),
)

locations = Table(
    "maeve_locations",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("body", JSON, nullable=False),  # as registered
)

parties = Table(
    "ocpi_parties",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("status", String(16), nullable=False),
    Column("token", String(64), nullable=False),  # that the party shows us
    Column("url", Text),  # of its versions
    Column("their_token", String(64)),  # that we show the party
    Column("roles", JSON, nullable=False),  # a list, as the party told
)
