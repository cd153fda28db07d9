"""The broker's tables: tenants, locations, resources, users, enrolment, certificates, tickets, sessions.

Only the gateway's broker has them, in a database of its own; the ITM server's stays as it is.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import context, op

revision = "0002"
down_revision = "0001"

TABLES = (
    "gw_tenants",
    "gw_locations",
    "gw_resources",
    "gw_users",
    "gw_assignments",
    "gw_portals",
    "gw_enrolments",
    "gw_connectors",
    "gw_pops",
    "gw_certificates",
    "gw_tickets",
    "gw_sessions",
)
"""In the order of their making: what is referred to stands before."""


def upgrade() -> None:
    """Create the tables in a broker's database, with the tenant that all commands default to."""
    if context.config.attributes.get("owner") != "gateway":
        return
    sites()
    people()
    peers()
    proofs()
    tenants = sa.table("gw_tenants", sa.column("id", sa.String), sa.column("created_at", sa.Float))
    op.bulk_insert(tenants, [{"id": "default", "created_at": 0.0}])


def downgrade() -> None:
    """Drop the tables where there are any."""
    present = sa.inspect(op.get_bind()).get_table_names()
    for table in reversed(TABLES):
        if table in present:
            op.drop_table(table)


def sites() -> None:
    """Tenants, their Resource Locations and what can be opened there."""
    op.create_table(
        "gw_tenants",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("created_at", sa.Float(53), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_gw_tenants"),
    )
    op.create_table(
        "gw_locations",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("tenant", sa.String(32), nullable=False),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("created_at", sa.Float(53), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_gw_locations"),
        sa.ForeignKeyConstraint(["tenant"], ["gw_tenants.id"], name="fk_gw_locations_tenant"),
        sa.UniqueConstraint("tenant", "name", name="uq_gw_locations_tenant"),
    )
    op.create_table(
        "gw_resources",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("tenant", sa.String(32), nullable=False),
        sa.Column("location", sa.String(32), nullable=False),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("host", sa.String(255), nullable=False),
        sa.Column("port", sa.Integer, nullable=False),
        sa.Column("everyone", sa.Boolean, nullable=False),
        sa.Column("idle_seconds", sa.Integer, nullable=False),
        sa.Column("max_seconds", sa.Integer, nullable=False),
        sa.Column("created_at", sa.Float(53), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_gw_resources"),
        sa.ForeignKeyConstraint(["tenant"], ["gw_tenants.id"], name="fk_gw_resources_tenant"),
        sa.ForeignKeyConstraint(["location"], ["gw_locations.id"], name="fk_gw_resources_location"),
        sa.UniqueConstraint("tenant", "name", name="uq_gw_resources_tenant"),
        sa.CheckConstraint("port BETWEEN 1 AND 65535", name=op.f("ck_gw_resources_port")),
    )


def people() -> None:
    """Users, what they may open, and the keys of portals."""
    op.create_table(
        "gw_users",
        sa.Column("tenant", sa.String(32), nullable=False),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("password_hash", sa.Text, nullable=False),
        sa.Column("created_at", sa.Float(53), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "name", name="pk_gw_users"),
        sa.ForeignKeyConstraint(["tenant"], ["gw_tenants.id"], name="fk_gw_users_tenant"),
    )
    op.create_table(
        "gw_assignments",
        sa.Column("resource", sa.String(32), nullable=False),
        sa.Column("tenant", sa.String(32), nullable=False),
        sa.Column("user", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("resource", "tenant", "user", name="pk_gw_assignments"),
        sa.ForeignKeyConstraint(
            ["resource"], ["gw_resources.id"], name="fk_gw_assignments_resource", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["tenant", "user"],
            ["gw_users.tenant", "gw_users.name"],
            name="fk_gw_assignments_tenant",
            ondelete="CASCADE",
        ),
    )
    op.create_table(
        "gw_portals",
        sa.Column("tenant", sa.String(32), nullable=False),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("created_at", sa.Float(53), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "name", name="pk_gw_portals"),
        sa.ForeignKeyConstraint(["tenant"], ["gw_tenants.id"], name="fk_gw_portals_tenant"),
        sa.UniqueConstraint("sha256", name="uq_gw_portals_sha256"),
    )


def peers() -> None:
    """Connectors and POPs, the tokens that enrol them, and their certificates."""
    op.create_table(
        "gw_enrolments",
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("role", sa.String(16), nullable=False),
        sa.Column("location", sa.String(32), nullable=True),
        sa.Column("pop", sa.String(64), nullable=True),
        sa.Column("addresses", sa.Text, nullable=False),
        sa.Column("created_at", sa.Float(53), nullable=False),
        sa.Column("expires_at", sa.Float(53), nullable=False),
        sa.PrimaryKeyConstraint("sha256", name="pk_gw_enrolments"),
        sa.ForeignKeyConstraint(
            ["location"], ["gw_locations.id"], name="fk_gw_enrolments_location", ondelete="CASCADE"
        ),
        sa.CheckConstraint(
            "(role = 'connector' AND location IS NOT NULL) OR (role = 'pop' AND pop IS NOT NULL)",
            name=op.f("ck_gw_enrolments_role"),
        ),
    )
    op.create_table(
        "gw_connectors",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("location", sa.String(32), nullable=False),
        sa.Column("created_at", sa.Float(53), nullable=False),
        sa.Column("revoked_at", sa.Float(53), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_gw_connectors"),
        sa.ForeignKeyConstraint(
            ["location"], ["gw_locations.id"], name="fk_gw_connectors_location", ondelete="CASCADE"
        ),
    )
    op.create_table(
        "gw_pops",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("addresses", sa.Text, nullable=False),
        sa.Column("created_at", sa.Float(53), nullable=False),
        sa.Column("revoked_at", sa.Float(53), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_gw_pops"),
    )
    op.create_table(
        "gw_certificates",
        sa.Column("serial", sa.String(40), nullable=False),
        sa.Column("role", sa.String(16), nullable=False),
        sa.Column("subject", sa.String(64), nullable=False),
        sa.Column("issued_at", sa.Float(53), nullable=False),
        sa.Column("expires_at", sa.Float(53), nullable=False),
        sa.Column("revoked_at", sa.Float(53), nullable=True),
        sa.PrimaryKeyConstraint("serial", name="pk_gw_certificates"),
    )
    op.create_index("ix_gw_certificates_subject", "gw_certificates", ["subject"])


def proofs() -> None:
    """Tickets that wait to be redeemed, and the sessions that came of them."""
    op.create_table(
        "gw_tickets",
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("resource", sa.String(32), nullable=False),
        sa.Column("user", sa.String(256), nullable=False),
        sa.Column("refreshable", sa.Boolean, nullable=False),
        sa.Column("session", sa.String(32), nullable=True),
        sa.Column("expires_at", sa.Float(53), nullable=False),
        sa.PrimaryKeyConstraint("sha256", name="pk_gw_tickets"),
        sa.ForeignKeyConstraint(
            ["resource"], ["gw_resources.id"], name="fk_gw_tickets_resource", ondelete="CASCADE"
        ),
    )
    op.create_index("ix_gw_tickets_expires_at", "gw_tickets", ["expires_at"])
    op.create_table(
        "gw_sessions",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("ticket_sha256", sa.String(64), nullable=False),
        sa.Column("tenant", sa.String(32), nullable=False),
        sa.Column("location", sa.String(32), nullable=False),
        sa.Column("resource", sa.String(32), nullable=False),
        sa.Column("user", sa.String(256), nullable=False),
        sa.Column("pop", sa.String(64), nullable=False),
        sa.Column("refreshable", sa.Boolean, nullable=False),
        sa.Column("started_at", sa.Float(53), nullable=False),
        sa.Column("ends_at", sa.Float(53), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_gw_sessions"),
    )
    op.create_index("ix_gw_sessions_ticket_sha256", "gw_sessions", ["ticket_sha256"])
    op.create_index("ix_gw_sessions_ends_at", "gw_sessions", ["ends_at"])
