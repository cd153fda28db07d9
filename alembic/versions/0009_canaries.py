"""Canaries: catalog versions that a slice of the networks lives with before all do."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"

BEFORE = ("pending", "live", "refused", "superseded")
AFTER = ("pending", "canary", "live", "refused", "superseded")
STATUS = "ck_catalog_versions_status"


def upgrade() -> None:
    """Let a version be a canary, and create the table of them."""
    _allow(BEFORE, AFTER)
    op.add_column("catalog_versions", sa.Column("canary_share", sa.Float(53), nullable=True))
    op.add_column("catalog_versions", sa.Column("canary_seed", sa.Integer, nullable=True))
    op.create_table(
        "canaries",
        sa.Column("id", sa.Integer, nullable=False, autoincrement=True),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("share", sa.Float(53), nullable=False),
        sa.Column("seed", sa.Integer, nullable=False),
        sa.Column("started_at", sa.Float(53), nullable=False),
        sa.Column("wish", sa.String(16), nullable=False),
        sa.Column("wished_by", sa.String(100), nullable=False),
        sa.Column("ended_at", sa.Float(53), nullable=True),
        sa.Column("fate", sa.String(16), nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("verdict_json", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_canaries"),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "uq_canaries_running",
        "canaries",
        ["fate"],
        unique=True,
        sqlite_where=sa.text("fate = ''"),
        postgresql_where=sa.text("fate = ''"),
    )


def downgrade() -> None:
    """Drop the table; a version that is a canary is refused."""
    op.drop_table("canaries")
    op.drop_column("catalog_versions", "canary_seed")
    op.drop_column("catalog_versions", "canary_share")
    op.execute("UPDATE catalog_versions SET status = 'refused' WHERE status = 'canary'")
    _allow(AFTER, BEFORE)


def _allow(before: tuple[str, ...], after: tuple[str, ...]) -> None:
    """Replace the statuses that a version may have; SQLite copies the table for it."""
    with op.batch_alter_table(
        "catalog_versions", copy_from=_versions(before), table_kwargs={"sqlite_autoincrement": True}
    ) as batch:
        batch.drop_constraint(op.f(STATUS), type_="check")
        batch.create_check_constraint(op.f(STATUS), sa.text(_one_of(after)))


def _versions(statuses: tuple[str, ...]) -> sa.Table:
    """Return the table as the first revision made it."""
    table = sa.Table(
        "catalog_versions",
        sa.MetaData(),
        sa.Column("version", sa.Integer, autoincrement=True, nullable=False),
        sa.Column("created_at", sa.Float(53), nullable=False),
        sa.Column("author", sa.String(100), nullable=False),
        sa.Column("message", sa.Text, nullable=False),
        sa.Column("bundle_json", sa.Text, nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("forced", sa.Boolean, nullable=False),
        sa.Column("settled_at", sa.Float(53), nullable=True),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("plan_json", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("version", name="pk_catalog_versions"),
        sa.CheckConstraint(_one_of(statuses), name=op.f(STATUS)),
        sqlite_autoincrement=True,
    )
    live = sa.text("status = 'live'")
    sa.Index(
        "uq_catalog_versions_live", table.c.status, unique=True, sqlite_where=live, postgresql_where=live
    )
    return table


def _one_of(statuses: tuple[str, ...]) -> str:
    return f"status IN ({', '.join(repr(one) for one in statuses)})"
