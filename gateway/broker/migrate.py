"""Bringing the broker's database to the tables of this release: the chain of revisions under `alembic/`.

The chain is shared with the ITM server, each revision knows whose tables it makes. The broker needs a
database of its own; one that the ITM server has made is refused.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import inspect
from sqlalchemy.exc import DatabaseError

from gateway.broker.engine import open_engine, writing
from gateway.broker.tables import metadata, tenants
from gateway.errors import ConfigError

SCRIPTS: Final = Path(__file__).resolve().parents[2] / "alembic"


def upgrade(url: str, revision: str = "head") -> None:
    """Create or upgrade a database. Raises `ConfigError` if it cannot be opened, is newer or not ours."""
    engine = open_engine(url)
    try:
        with writing(engine) as connection:
            command.upgrade(configured(connection), revision)
            if not inspect(connection).has_table(tenants.name):
                raise ConfigError("broker.database: it is the ITM server's; the broker needs its own")
    except CommandError as error:
        raise ConfigError(f"broker.database: the database is not of this release: {error}") from error
    except DatabaseError as error:
        raise ConfigError(f"broker.database: cannot open the database: {error.orig}") from error
    finally:
        engine.dispose()


def configured(connection: object) -> Config:
    """Return Alembic's settings for a command on the broker's tables in this connection."""
    config = Config()
    config.set_main_option("script_location", str(SCRIPTS).replace("%", "%%"))
    config.attributes.update(connection=connection, metadata=metadata, owner="gateway")
    return config
