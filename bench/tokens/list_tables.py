"""The tables of the local lists, in the database of the token store.

A list is kept as the messages that made it, oldest first, beginning with a full one: what a push writes is as large as what it
sends. The message that was sent last stands as pending until its fate is known.
"""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Integer, String, Table, Text

from bench.tokens.tables import metadata

# One row a station. ocpp: 1.6 or 2. version: of what it holds, as the station tells it; null where nothing is known.
# pending: number of the message whose fate is open. mark: another one with every write, whichever bench makes it.
local_lists = Table(
    "local_lists",
    metadata,
    Column("station", String(255), primary_key=True),
    Column("ocpp", String(8), nullable=False),
    Column("version", Integer),
    Column("why_unknown", Text, nullable=False),
    Column("pending", Integer),
    Column("honours_expiry", Boolean),
    Column("mark", String(32), nullable=False),
)

# body: JSON, {"entries": [AuthorizationData], "secret": [values that are key codes]}.
local_list_chunks = Table(
    "local_list_chunks",
    metadata,
    Column("station", String(255), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("version", Integer, nullable=False),
    Column("is_full", Boolean, nullable=False),
    Column("body", Text, nullable=False),
)
