"""Agents that check POPs from elsewhere: invitations, credentials, revocations."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "probe_agents",
        sa.Column("name", sa.String(32), nullable=False),
        sa.Column("region", sa.String(32), nullable=False),
        sa.Column("created_at", sa.Float(53), nullable=False),
        sa.Column("token_sha256", sa.String(64), nullable=False),
        sa.Column("token_expires_at", sa.Float(53), nullable=False),
        sa.Column("credential_sha256", sa.String(64), nullable=True),
        sa.Column("enrolled_at", sa.Float(53), nullable=True),
        sa.Column("expires_at", sa.Float(53), nullable=True),
        sa.Column("revoked_at", sa.Float(53), nullable=True),
        sa.PrimaryKeyConstraint("name", name="pk_probe_agents"),
        sa.UniqueConstraint("token_sha256", name="uq_probe_agents_token_sha256"),
        sa.UniqueConstraint("credential_sha256", name="uq_probe_agents_credential_sha256"),
    )


def downgrade() -> None:
    """Drop the table."""
    op.drop_table("probe_agents")
