"""Catalogs whose Plan is asked for, without making them live."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "plans",
        sa.Column("id", sa.Integer, nullable=False, autoincrement=True),
        sa.Column("created_at", sa.Float(53), nullable=False),
        sa.Column("author", sa.String(100), nullable=False),
        sa.Column("bundle_json", sa.Text, nullable=False),
        sa.Column("answered_at", sa.Float(53), nullable=True),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("answer_json", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_plans"),
        sqlite_autoincrement=True,
    )


def downgrade() -> None:
    """Drop the table."""
    op.drop_table("plans")
