"""The table of tokens."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "tokens",
        sa.Column("uid_key", sa.String(36), nullable=False),
        sa.Column("id_token_type", sa.String(16), nullable=False),
        sa.Column("uid", sa.String(36), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("country_code", sa.String(2), nullable=False),
        sa.Column("party_id", sa.String(3), nullable=False),
        sa.Column("contract_id", sa.String(15), nullable=False),
        sa.Column("visual_number", sa.String(64)),
        sa.Column("issuer", sa.String(64), nullable=False),
        sa.Column("group_id", sa.String(36)),
        sa.Column("valid", sa.Boolean, nullable=False),
        sa.Column("status", sa.String(24)),
        sa.Column("language_code", sa.String(2)),
        sa.Column("cache_mode", sa.String(16), nullable=False),
        sa.Column("last_updated", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("uid_key", "id_token_type", name="pk_tokens"),
    )


def downgrade() -> None:
    op.drop_table("tokens")
