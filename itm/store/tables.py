"""The tables, as SQLAlchemy Core knows them. Times are Unix seconds; texts named `*_json` hold JSON.

Migrations under `alembic/` must arrive at exactly these; a test compares them.
"""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    Float,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    text,
)

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "ix": "ix_%(table_name)s_%(column_0_name)s",
    }
)

catalog_versions = Table(
    "catalog_versions",
    metadata,
    Column("version", Integer, primary_key=True, autoincrement=True),
    Column("created_at", Float(53), nullable=False),
    Column("author", String(100), nullable=False),
    Column("message", Text, nullable=False),
    Column("bundle_json", Text, nullable=False),  # {file name: text}
    Column("status", String(16), nullable=False),
    Column("forced", Boolean, nullable=False),
    Column("settled_at", Float(53), nullable=True),
    Column("reason", Text, nullable=False),  # why it was refused
    Column("plan_json", Text, nullable=False),  # what it moved, or would have moved
    Column("canary_share", Float(53), nullable=True),  # of the places; null: all at once
    Column("canary_seed", Integer, nullable=True),  # null: the version's number
    CheckConstraint("status IN ('pending', 'canary', 'live', 'refused', 'superseded')", name="status"),
    sqlite_autoincrement=True,  # a number is never given twice
)
Index(
    "uq_catalog_versions_live",
    catalog_versions.c.status,
    unique=True,
    sqlite_where=text("status = 'live'"),
    postgresql_where=text("status = 'live'"),
)

overrides = Table(
    "overrides",
    metadata,
    Column("pop", String(32), primary_key=True),
    Column("state", String(16), nullable=False),
    Column("reason", Text, nullable=False),
    Column("author", String(100), nullable=False),
    Column("created_at", Float(53), nullable=False),
    Column("expires_at", Float(53), nullable=True),
    CheckConstraint("state IN ('up', 'down', 'drained')", name="state"),
)

tokens = Table(
    "tokens",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("sha256", String(64), nullable=False, unique=True),
    Column("scopes", String(200), nullable=False),  # words with commas between
    Column("created_at", Float(53), nullable=False),
    Column("expires_at", Float(53), nullable=True),
)

probe_agents = Table(
    "probe_agents",
    metadata,
    Column("name", String(32), primary_key=True),
    Column("region", String(32), nullable=False),
    Column("created_at", Float(53), nullable=False),
    Column("token_sha256", String(64), nullable=False, unique=True),
    Column("token_expires_at", Float(53), nullable=False),
    Column("credential_sha256", String(64), nullable=True, unique=True),  # null: not enrolled yet
    Column("enrolled_at", Float(53), nullable=True),
    Column("expires_at", Float(53), nullable=True),
    Column("revoked_at", Float(53), nullable=True),
)

pins = Table(
    "pins",
    metadata,
    Column("what", String(32), primary_key=True),
    Column("version", Integer, nullable=False),
    Column("author", String(100), nullable=False),
    Column("created_at", Float(53), nullable=False),
)

canaries = Table(
    "canaries",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("version", Integer, nullable=False),  # the catalog that its slice lives with
    Column("share", Float(53), nullable=False),
    Column("seed", Integer, nullable=False),
    Column("started_at", Float(53), nullable=False),
    Column("wish", String(16), nullable=False),  # promote, abort, or empty: be judged
    Column("wished_by", String(100), nullable=False),
    Column("ended_at", Float(53), nullable=True),
    Column("fate", String(16), nullable=False),  # empty while it runs
    Column("reason", Text, nullable=False),
    Column("verdict_json", Text, nullable=False),
    sqlite_autoincrement=True,
)
Index(
    "uq_canaries_running",
    canaries.c.fate,
    unique=True,
    sqlite_where=text("fate = ''"),
    postgresql_where=text("fate = ''"),
)

plans = Table(
    "plans",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("created_at", Float(53), nullable=False),
    Column("author", String(100), nullable=False),
    Column("bundle_json", Text, nullable=False),  # {file name: text}
    Column("answered_at", Float(53), nullable=True),  # null: waits for the builder
    Column("reason", Text, nullable=False),  # why there is no answer
    Column("answer_json", Text, nullable=False),
    sqlite_autoincrement=True,  # a number is never given twice
)

audit = Table(
    "audit",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("time", Float(53), nullable=False, index=True),
    Column("who", String(100), nullable=False),
    Column("action", String(64), nullable=False),
    Column("detail_json", Text, nullable=False),
    sqlite_autoincrement=True,
)
