"""Runs migrations on a connection handed in by a program, or on the ITM server's configured database.

The chain holds two owners' revisions: the attribute `owner` says whose database it is ("gateway": the
broker's, with its `metadata`); a program that is not told of ITM's settings does not load them.
"""

from __future__ import annotations

from alembic import context
from sqlalchemy import Connection, text

ADVISORY_LOCK = 0x69746D  # "itm": one migration at a time on PostgreSQL; SQLite's write lock does the same


def run(connection: Connection) -> None:
    """Migrate in the connection's transaction: all of it or nothing."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": ADVISORY_LOCK})
    metadata = context.config.attributes.get("metadata")
    context.configure(connection=connection, target_metadata=metadata, transactional_ddl=True)
    context.run_migrations()


def main() -> None:
    """Use the connection handed in, else open the database of the settings."""
    handed_in = context.config.attributes.get("connection")
    if handed_in is not None:
        run(handed_in)
        return
    from itm.config import load
    from itm.store.engine import open_engine, writing
    from itm.store.tables import metadata

    context.config.attributes["metadata"] = metadata
    engine = open_engine(load().store_url)
    with writing(engine) as connection:
        run(connection)
    engine.dispose()


main()
