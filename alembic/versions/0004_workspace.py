"""Logins of the Workspace page."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import context, op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Create the table in a broker's database."""
    if context.config.attributes.get("owner") != "gateway":
        return
    op.create_table(
        "gw_logins",
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("tenant", sa.String(32), nullable=False),
        sa.Column("user", sa.String(64), nullable=False),
        sa.Column("started_at", sa.Float(53), nullable=False),
        sa.Column("seen_at", sa.Float(53), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant", "user"],
            ["gw_users.tenant", "gw_users.name"],
            name="fk_gw_logins_tenant",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("sha256", name="pk_gw_logins"),
    )
    op.create_index("ix_gw_logins_seen_at", "gw_logins", ["seen_at"])


def downgrade() -> None:
    """Drop the table where there is one."""
    if "gw_logins" in sa.inspect(op.get_bind()).get_table_names():
        op.drop_table("gw_logins")
