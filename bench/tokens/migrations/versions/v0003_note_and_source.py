"""What the operator notes of a token, and where it came from."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("tokens", sa.Column("note", sa.String(500)))
    op.add_column("tokens", sa.Column("source", sa.String(120)))


def downgrade() -> None:
    for name in ("source", "note"):
        op.drop_column("tokens", name)
