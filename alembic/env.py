"""Runs migrations on a connection handed in by `itm.store.migrate`, or on the configured database."""

from __future__ import annotations

from alembic import context
from sqlalchemy import Connection, text

from itm.config import load
from itm.store.engine import open_engine, writing
from itm.store.tables import metadata

ADVISORY_LOCK = 0x69746D  # "itm": one migration at a time on PostgreSQL; SQLite's write lock does the same


def run(connection: Connection) -> None:
    """Migrate in the connection's transaction: all of it or nothing."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": ADVISORY_LOCK})
    context.configure(connection=connection, target_metadata=metadata, transactional_ddl=True)
    context.run_migrations()


def main() -> None:
    """Use the connection handed in, else open the database of the settings."""
    handed_in = context.config.attributes.get("connection")
    if handed_in is not None:
        run(handed_in)
        return
    engine = open_engine(load().store_url)
    with writing(engine) as connection:
        run(connection)
    engine.dispose()


main()
