"""Sites: delivery controllers that the broker asks what users may open; tickets and sessions of theirs.

A ticket is for a resource of the broker or for an application of a site, whose target the controller chose.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import context, op

revision = "0005"
down_revision = "0004"

OPENED = ("application", sa.String(64)), ("target", sa.String(262))
"""What a ticket or a session of a site opens."""


def upgrade() -> None:
    """Create the table and widen tickets and sessions in a broker's database."""
    if context.config.attributes.get("owner") != "gateway":
        return
    op.create_table(
        "gw_sites",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("tenant", sa.String(32), nullable=False),
        sa.Column("location", sa.String(32), nullable=False),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("host", sa.String(255), nullable=False),
        sa.Column("port", sa.Integer, nullable=False),
        sa.Column("directory", sa.String(32), nullable=False),
        sa.Column("domain", sa.String(64), nullable=False),
        sa.Column("has_tls", sa.Boolean, nullable=False),
        sa.Column("ca_pem", sa.Text, nullable=False),
        sa.Column("created_at", sa.Float(53), nullable=False),
        sa.CheckConstraint("port BETWEEN 1 AND 65535", name="ck_gw_sites_port"),
        sa.ForeignKeyConstraint(["tenant"], ["gw_tenants.id"], name="fk_gw_sites_tenant"),
        sa.ForeignKeyConstraint(["location"], ["gw_locations.id"], name="fk_gw_sites_location"),
        sa.PrimaryKeyConstraint("id", name="pk_gw_sites"),
        sa.UniqueConstraint("tenant", "name", name="uq_gw_sites_tenant"),
    )
    with op.batch_alter_table("gw_tickets") as tickets:
        tickets.alter_column("resource", existing_type=sa.String(32), nullable=True)
        tickets.add_column(sa.Column("site", sa.String(32), nullable=True))
        for name, kind in OPENED:
            tickets.add_column(sa.Column(name, kind, nullable=True))
        tickets.create_foreign_key("fk_gw_tickets_site", "gw_sites", ["site"], ["id"], ondelete="CASCADE")
        tickets.create_check_constraint("ck_gw_tickets_opens", "(resource IS NULL) <> (site IS NULL)")
    for column in (("site", sa.String(32)), *OPENED):
        op.add_column("gw_sessions", sa.Column(column[0], column[1], nullable=True))


def downgrade() -> None:
    """Take back what `upgrade` made, with the tickets of sites, where there is any."""
    if "gw_sites" not in sa.inspect(op.get_bind()).get_table_names():
        return
    op.execute("DELETE FROM gw_tickets WHERE resource IS NULL")
    with op.batch_alter_table("gw_sessions") as sessions:
        for name in ("site", "application", "target"):
            sessions.drop_column(name)
    with op.batch_alter_table("gw_tickets") as tickets:
        tickets.drop_constraint("ck_gw_tickets_opens", type_="check")
        tickets.drop_constraint("fk_gw_tickets_site", type_="foreignkey")
        for name in ("site", "application", "target"):
            tickets.drop_column(name)
        tickets.alter_column("resource", existing_type=sa.String(32), nullable=False)
    op.drop_table("gw_sites")
