"""The broker's tables, as SQLAlchemy Core knows them. Times are Unix seconds.

Secrets stand here as SHA-256 (256 random bits need no slow hash) and passwords as argon2id; no row
lets its reader open a session. Migrations under `alembic/` must arrive at exactly these; a test compares.
"""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    Float,
    ForeignKey,
    ForeignKeyConstraint,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "ix": "ix_%(table_name)s_%(column_0_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
    }
)

tenants = Table(
    "gw_tenants",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("created_at", Float(53), nullable=False),
)

locations = Table(
    "gw_locations",
    metadata,
    Column("id", String(32), primary_key=True),  # unique over all tenants: POPs find connectors by it
    Column("tenant", String(32), ForeignKey(tenants.c.id), nullable=False),
    Column("name", String(64), nullable=False),
    Column("created_at", Float(53), nullable=False),
    UniqueConstraint("tenant", "name"),
)

resources = Table(
    "gw_resources",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("tenant", String(32), ForeignKey(tenants.c.id), nullable=False),
    Column("location", String(32), ForeignKey(locations.c.id), nullable=False),
    Column("name", String(64), nullable=False),
    Column("host", String(255), nullable=False),  # of the VDA, as the connector resolves it
    Column("port", Integer, nullable=False),
    Column("everyone", Boolean, nullable=False),  # all users of the tenant; else those of gw_assignments
    Column("idle_seconds", Integer, nullable=False),
    Column("max_seconds", Integer, nullable=False),
    Column("created_at", Float(53), nullable=False),
    UniqueConstraint("tenant", "name"),
    CheckConstraint("port BETWEEN 1 AND 65535", name="port"),
)

ELSEWHERE = "!"
"""In place of a hash: a directory checks this user's password; no local login is right."""

users = Table(
    "gw_users",
    metadata,
    Column("tenant", String(32), ForeignKey(tenants.c.id), primary_key=True),
    Column("name", String(64), primary_key=True),
    Column("password_hash", Text, nullable=False),  # argon2id, PHC string
    Column("created_at", Float(53), nullable=False),
)

assignments = Table(
    "gw_assignments",
    metadata,
    Column("resource", String(32), ForeignKey(resources.c.id, ondelete="CASCADE"), primary_key=True),
    Column("tenant", String(32), primary_key=True),
    Column("user", String(64), primary_key=True),
    ForeignKeyConstraint(["tenant", "user"], [users.c.tenant, users.c.name], ondelete="CASCADE"),
)

portals = Table(
    "gw_portals",
    metadata,
    Column("tenant", String(32), ForeignKey(tenants.c.id), primary_key=True),
    Column("name", String(64), primary_key=True),
    Column("sha256", String(64), nullable=False, unique=True),  # of the key
    Column("created_at", Float(53), nullable=False),
)

enrolments = Table(
    "gw_enrolments",
    metadata,
    Column("sha256", String(64), primary_key=True),  # of the one-time token; used up means deleted
    Column("role", String(16), nullable=False),
    Column("location", String(32), ForeignKey(locations.c.id, ondelete="CASCADE"), nullable=True),
    Column("pop", String(64), nullable=True),
    # of the POP, `host:port` with commas between; of a VDA's agent, the names of its host
    Column("addresses", Text, nullable=False),
    Column("created_at", Float(53), nullable=False),
    Column("expires_at", Float(53), nullable=False),
    CheckConstraint(
        "(role = 'connector' AND location IS NOT NULL) OR (role = 'pop' AND pop IS NOT NULL)", name="role"
    ),
)

connectors = Table(
    "gw_connectors",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("location", String(32), ForeignKey(locations.c.id, ondelete="CASCADE"), nullable=False),
    Column("created_at", Float(53), nullable=False),
    Column("revoked_at", Float(53), nullable=True),
)

pops = Table(
    "gw_pops",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("addresses", Text, nullable=False),  # `host:port` with commas between
    Column("created_at", Float(53), nullable=False),
    Column("revoked_at", Float(53), nullable=True),
)

certificates = Table(
    "gw_certificates",
    metadata,
    Column("serial", String(40), primary_key=True),  # hex; RFC 5280 4.1.2.2: at most 20 octets
    Column("role", String(16), nullable=False),
    Column("subject", String(64), nullable=False, index=True),
    Column("issued_at", Float(53), nullable=False),
    Column("expires_at", Float(53), nullable=False),
    Column("revoked_at", Float(53), nullable=True),
)

sites = Table(
    "gw_sites",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("tenant", String(32), ForeignKey(tenants.c.id), nullable=False),
    Column("location", String(32), ForeignKey(locations.c.id), nullable=False),
    Column("name", String(64), nullable=False),
    Column("host", String(255), nullable=False),  # of the delivery controller, as the connector resolves it
    Column("port", Integer, nullable=False),
    Column("directory", String(32), nullable=False),  # whose users it knows; empty: the local ones
    Column("domain", String(64), nullable=False),  # in which the controller knows our users; empty: none
    Column("has_tls", Boolean, nullable=False),
    Column("ca_pem", Text, nullable=False),  # whose certificates the controller shows; empty: the system's
    Column("created_at", Float(53), nullable=False),
    UniqueConstraint("tenant", "name"),
    CheckConstraint("port BETWEEN 1 AND 65535", name="port"),
)

tickets = Table(
    "gw_tickets",
    metadata,
    Column("sha256", String(64), primary_key=True),  # of the ticket's value
    Column("resource", String(32), ForeignKey(resources.c.id, ondelete="CASCADE"), nullable=True),
    Column("user", String(256), nullable=False),  # as the portal or the login named it
    Column("refreshable", Boolean, nullable=False),
    Column("session", String(32), nullable=True),  # the session it continues, when it is a refreshed one
    Column("expires_at", Float(53), nullable=False, index=True),
    Column("site", String(32), ForeignKey(sites.c.id, ondelete="CASCADE"), nullable=True),
    Column("application", String(64), nullable=True),  # of the site
    Column("target", String(262), nullable=True),  # `host:port` that the site's controller chose
    CheckConstraint("(resource IS NULL) <> (site IS NULL)", name="opens"),
)

sessions = Table(
    "gw_sessions",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("ticket_sha256", String(64), nullable=False, index=True),  # the last one redeemed: tells a replay
    Column("tenant", String(32), nullable=False),
    Column("location", String(32), nullable=False),
    Column("resource", String(32), nullable=False),  # or the site
    Column("user", String(256), nullable=False),
    Column("pop", String(64), nullable=False),
    Column("refreshable", Boolean, nullable=False),
    Column("started_at", Float(53), nullable=False),
    Column("ends_at", Float(53), nullable=False, index=True),
    Column("site", String(32), nullable=True),  # as in the ticket, like the two that follow
    Column("application", String(64), nullable=True),
    Column("target", String(262), nullable=True),
    Column("ended_at", Float(53), nullable=True, index=True),
    Column("code", String(32), nullable=True),  # why it ended
)

directories = Table(
    "gw_directories",
    metadata,
    Column("tenant", String(32), ForeignKey(tenants.c.id), primary_key=True),
    Column("name", String(32), primary_key=True),
    Column("location", String(32), ForeignKey(locations.c.id), nullable=False),
    Column("host", String(255), nullable=False),  # as the location's connectors resolve it
    Column("port", Integer, nullable=False),
    Column("base_dn", Text, nullable=False),
    Column("tls", String(16), nullable=False),  # ldaps, starttls or plain
    Column("ca_pem", Text, nullable=False),
    Column("bind_dn", Text, nullable=False),
    Column("user_filter", Text, nullable=False),
    Column("name_attribute", String(64), nullable=False),
    Column("domain", String(64), nullable=False),
    Column("groups", Text, nullable=False),  # DNs as a JSON list: who may log in
    Column("created_at", Float(53), nullable=False),
    Column("sealed", Text, nullable=False),  # the password of bind_dn, see `seal`
)

directory_users = Table(
    "gw_directory_users",
    metadata,
    Column("tenant", String(32), primary_key=True),
    Column("name", String(64), primary_key=True),
    Column("directory", String(32), nullable=False),
    Column("seen_at", Float(53), nullable=True),  # the last login; none: assigned to before the first
    ForeignKeyConstraint(["tenant", "name"], [users.c.tenant, users.c.name], ondelete="CASCADE"),
    ForeignKeyConstraint(
        ["tenant", "directory"],
        [directories.c.tenant, directories.c.name],
        name="fk_gw_directory_users_directory",
        ondelete="CASCADE",
    ),
)

memberships = Table(
    "gw_memberships",
    metadata,
    Column("tenant", String(32), primary_key=True),
    Column("user", String(64), primary_key=True),
    Column("group", String(512), primary_key=True),  # DN as `person.same_dn` spells it, at the last login
    ForeignKeyConstraint(["tenant", "user"], [users.c.tenant, users.c.name], ondelete="CASCADE"),
)

group_assignments = Table(
    "gw_group_assignments",
    metadata,
    Column("resource", String(32), ForeignKey(resources.c.id, ondelete="CASCADE"), primary_key=True),
    Column("tenant", String(32), primary_key=True),
    Column("directory", String(32), primary_key=True),
    Column("group", String(512), primary_key=True),
    ForeignKeyConstraint(
        ["tenant", "directory"], [directories.c.tenant, directories.c.name], ondelete="CASCADE"
    ),
)

logins = Table(
    "gw_logins",
    metadata,
    Column("sha256", String(64), primary_key=True),  # of the secret in the browser's cookie
    Column("tenant", String(32), nullable=False),
    Column("user", String(64), nullable=False),
    Column("started_at", Float(53), nullable=False),
    Column("seen_at", Float(53), nullable=False, index=True),
    ForeignKeyConstraint(["tenant", "user"], [users.c.tenant, users.c.name], ondelete="CASCADE"),
)
