"""Why and when a session ended: what the connector that held it said, or an administrator's word."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import context, op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Add the columns in a broker's database; sessions that stand have not ended."""
    if context.config.attributes.get("owner") != "gateway":
        return
    op.add_column("gw_sessions", sa.Column("ended_at", sa.Float(53), nullable=True))
    op.add_column("gw_sessions", sa.Column("code", sa.String(32), nullable=True))
    op.create_index("ix_gw_sessions_ended_at", "gw_sessions", ["ended_at"])


def downgrade() -> None:
    """Drop the columns where the table is."""
    if "gw_sessions" not in sa.inspect(op.get_bind()).get_table_names():
        return
    op.drop_index("ix_gw_sessions_ended_at", "gw_sessions")
    op.drop_column("gw_sessions", "code")
    op.drop_column("gw_sessions", "ended_at")
