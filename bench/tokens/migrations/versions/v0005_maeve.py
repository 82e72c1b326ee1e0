"""What the MaEVe API and OCPI keep: stations with their orders, client certificates, locations, parties."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "maeve_stations",
        sa.Column("id", sa.String(48), nullable=False),
        sa.Column("security_profile", sa.Integer),
        sa.Column("password_sha256", sa.String(44)),
        sa.Column("invalid_username_allowed", sa.Boolean, nullable=False),
        sa.Column("provisioned", sa.Boolean, nullable=False),
        sa.Column("reset_due", sa.Boolean, nullable=False),
        sa.Column("settings", sa.JSON, nullable=False),
        sa.Column("certificates", sa.JSON, nullable=False),
        sa.Column("triggers", sa.JSON, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_maeve_stations"),
    )
    op.create_table(
        "maeve_certificates",
        sa.Column("hash", sa.String(43), nullable=False),
        sa.Column("pem", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("hash", name="pk_maeve_certificates"),
    )
    op.create_table(
        "maeve_locations",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("body", sa.JSON, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_maeve_locations"),
    )
    op.create_table(
        "ocpi_parties",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("token", sa.String(64), nullable=False),
        sa.Column("url", sa.Text),
        sa.Column("their_token", sa.String(64)),
        sa.Column("roles", sa.JSON, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_ocpi_parties"),
    )


def downgrade() -> None:
    for name in ("ocpi_parties", "maeve_locations", "maeve_certificates", "maeve_stations"):
        op.drop_table(name)
