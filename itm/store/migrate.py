"""Bringing a database to the tables of this release, with Alembic and without its command line."""

from __future__ import annotations

from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy.exc import DatabaseError

from itm.config import ROOT
from itm.errors import ConfigError
from itm.store.engine import open_engine, writing

SCRIPTS = ROOT / "alembic"


def upgrade(url: str, revision: str = "head") -> None:
    """Create or upgrade a database. Raises `ConfigError` if it cannot be opened or is newer than us."""
    engine = open_engine(url)
    config = Config()
    config.set_main_option("script_location", str(SCRIPTS).replace("%", "%%"))
    try:
        with writing(engine) as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, revision)
    except CommandError as error:
        raise ConfigError(f"store.url: the database is not of this release: {error}") from error
    except DatabaseError as error:
        reason = " ".join(str(error.orig).split())  # PostgreSQL's reasons have several lines
        raise ConfigError(f"store.url: cannot open the database: {reason}") from error
    finally:
        engine.dispose()
