"""What each station's local list holds, over a restart of the bench."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "local_lists",
        sa.Column("station", sa.String(255), nullable=False),
        sa.Column("ocpp", sa.String(8), nullable=False),
        sa.Column("version", sa.Integer),
        sa.Column("why_unknown", sa.Text, nullable=False),
        sa.Column("pending", sa.Integer),
        sa.Column("honours_expiry", sa.Boolean),
        sa.Column("mark", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("station", name="pk_local_lists"),
    )
    op.create_table(
        "local_list_chunks",
        sa.Column("station", sa.String(255), nullable=False),
        sa.Column("number", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("is_full", sa.Boolean, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("station", "number", name="pk_local_list_chunks"),
    )


def downgrade() -> None:
    op.drop_table("local_list_chunks")
    op.drop_table("local_lists")
