"""What the operator notes of a token, where it came from, and the record of changes."""

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
    op.create_table(
        "token_changes",
        sa.Column("number", sa.BigInteger().with_variant(sa.Integer, "sqlite"), nullable=False, autoincrement=True),
        sa.Column("utc", sa.DateTime(timezone=True), nullable=False),
        sa.Column("uid_key", sa.String(36), nullable=False),
        sa.Column("id_token_type", sa.String(16), nullable=False),
        sa.Column("what", sa.String(8), nullable=False),
        sa.Column("made_by", sa.String(120), nullable=False),
        sa.Column("before", sa.JSON),
        sa.PrimaryKeyConstraint("number", name="pk_token_changes"),
    )


def downgrade() -> None:
    op.drop_table("token_changes")
    for name in ("source", "note"):
        op.drop_column("tokens", name)
