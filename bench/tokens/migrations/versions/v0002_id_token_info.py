"""What IdTokenInfoType says of a token beside its status, group and language (OCPP 2.0.1 section 2.27)."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("tokens", sa.Column("expiry", sa.DateTime(timezone=True)))
    op.add_column("tokens", sa.Column("evse_ids", sa.JSON))
    op.add_column("tokens", sa.Column("language2", sa.String(8)))
    op.add_column("tokens", sa.Column("personal_message", sa.JSON))
    op.add_column("tokens", sa.Column("charging_priority", sa.Integer))


def downgrade() -> None:
    for name in ("charging_priority", "personal_message", "language2", "evse_ids", "expiry"):
        op.drop_column("tokens", name)
