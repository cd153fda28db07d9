"""Directories that log users in: where they stand, whom they vouch for, and what their groups may open."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import context, op

revision = "0003"
down_revision = "0002"

TABLES = ("gw_directories", "gw_directory_users", "gw_memberships", "gw_group_assignments")
"""In the order of their making: what is referred to stands before."""


def upgrade() -> None:
    """Create the tables in a broker's database."""
    if context.config.attributes.get("owner") != "gateway":
        return
    directories()
    people()
    assignments()


def downgrade() -> None:
    """Drop the tables where there are any."""
    present = sa.inspect(op.get_bind()).get_table_names()
    for table in reversed(TABLES):
        if table in present:
            op.drop_table(table)


def directories() -> None:
    """Where each directory stands and how it is asked."""
    op.create_table(
        "gw_directories",
        sa.Column("tenant", sa.String(32), nullable=False),
        sa.Column("name", sa.String(32), nullable=False),
        sa.Column("location", sa.String(32), nullable=False),
        sa.Column("host", sa.String(255), nullable=False),
        sa.Column("port", sa.Integer, nullable=False),
        sa.Column("base_dn", sa.Text, nullable=False),
        sa.Column("tls", sa.String(16), nullable=False),
        sa.Column("ca_pem", sa.Text, nullable=False),
        sa.Column("bind_dn", sa.Text, nullable=False),
        sa.Column("user_filter", sa.Text, nullable=False),
        sa.Column("name_attribute", sa.String(64), nullable=False),
        sa.Column("domain", sa.String(64), nullable=False),
        sa.Column("groups", sa.Text, nullable=False),
        sa.Column("created_at", sa.Float(53), nullable=False),
        sa.Column("sealed", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("tenant", "name", name="pk_gw_directories"),
        sa.ForeignKeyConstraint(["tenant"], ["gw_tenants.id"], name="fk_gw_directories_tenant"),
        sa.ForeignKeyConstraint(["location"], ["gw_locations.id"], name="fk_gw_directories_location"),
    )


def people() -> None:
    """Whom a directory vouches for, and the groups they were in at their last login."""
    op.create_table(
        "gw_directory_users",
        sa.Column("tenant", sa.String(32), nullable=False),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("directory", sa.String(32), nullable=False),
        sa.Column("seen_at", sa.Float(53), nullable=True),
        sa.PrimaryKeyConstraint("tenant", "name", name="pk_gw_directory_users"),
        _of_user("gw_directory_users", "name"),
        _of_directory("fk_gw_directory_users_directory"),
    )
    op.create_table(
        "gw_memberships",
        sa.Column("tenant", sa.String(32), nullable=False),
        sa.Column("user", sa.String(64), nullable=False),
        sa.Column("group", sa.String(512), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "user", "group", name="pk_gw_memberships"),
        _of_user("gw_memberships", "user"),
    )


def assignments() -> None:
    """What a group's members may open."""
    op.create_table(
        "gw_group_assignments",
        sa.Column("resource", sa.String(32), nullable=False),
        sa.Column("tenant", sa.String(32), nullable=False),
        sa.Column("directory", sa.String(32), nullable=False),
        sa.Column("group", sa.String(512), nullable=False),
        sa.PrimaryKeyConstraint("resource", "tenant", "directory", "group", name="pk_gw_group_assignments"),
        sa.ForeignKeyConstraint(
            ["resource"], ["gw_resources.id"], name="fk_gw_group_assignments_resource", ondelete="CASCADE"
        ),
        _of_directory("fk_gw_group_assignments_tenant"),
    )


def _of_user(table: str, column: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["tenant", column],
        ["gw_users.tenant", "gw_users.name"],
        name=f"fk_{table}_tenant",
        ondelete="CASCADE",
    )


def _of_directory(name: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["tenant", "directory"],
        ["gw_directories.tenant", "gw_directories.name"],
        name=name,
        ondelete="CASCADE",
    )
