"""Steps from one shape of the token store to the next, run by Alembic without a configuration file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, inspect

from bench.errors import StoreError

if TYPE_CHECKING:
    from alembic.config import Config

VERSION_TABLE = "token_store_version"


def config() -> Config:
    """Alembic's configuration, pointing at the folder of this package wherever it is installed."""
    from alembic.config import Config

    made = Config()
    made.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    return made


def migrate(connection: Connection) -> None:
    """Bring a database to the newest shape, inside the transaction that is open on ``connection``.

    Raises:
        StoreError: the file belongs to another program, or to a newer version of this one.
    """
    # Alembic takes a tenth of a second to import; a process that opens no store never pays it.
    from alembic import command
    from alembic.runtime.migration import MigrationContext
    from alembic.script import ScriptDirectory

    tables = set(inspect(connection).get_table_names())
    if VERSION_TABLE not in tables and connection.dialect.name == "sqlite" and tables:
        raise StoreError(
            f"this SQLite file is no token store: it holds {', '.join(sorted(tables)[:5])}",
            "name another file as the store",
        )
    made = config()
    scripts = ScriptDirectory.from_config(made)
    current = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE}).get_current_revision()
    if current == scripts.get_current_head():
        return
    if current is not None and current not in {script.revision for script in scripts.walk_revisions()}:
        raise StoreError(
            f"the token store has schema {current}, written by a newer version of Authbench",
            "update Authbench, or name another file as the store",
        )
    made.attributes["connection"] = connection
    command.upgrade(made, "head")
