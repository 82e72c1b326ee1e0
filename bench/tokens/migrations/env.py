"""Run by Alembic for every migration; the connection and its transaction come from the store."""

from __future__ import annotations

from typing import Any

from alembic import context

import bench.maeve.tables  # noqa: F401 - its tables belong to the same metadata
import bench.tokens.list_tables  # noqa: F401 - and so do these
from bench.tokens.migrations import VERSION_TABLE
from bench.tokens.tables import metadata

settings: dict[str, Any] = {
    "target_metadata": metadata,
    "version_table": VERSION_TABLE,
    "render_as_batch": True,
}

if context.is_offline_mode():
    # For an administrator who wants to read the statements first: no connection, only the name of the dialect.
    context.configure(
        dialect_name=context.config.attributes.get("dialect", "postgresql"), literal_binds=True, **settings
    )
    with context.begin_transaction():
        context.run_migrations()
else:
    # SQLite can roll back DDL too, once its driver is kept from committing by itself; the store sees to that.
    context.configure(connection=context.config.attributes["connection"], transactional_ddl=True, **settings)
    context.run_migrations()
