"""Migrations arrive at the tables that the code knows."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import Engine, text

from itm.config import ROOT
from itm.errors import ConfigError
from itm.store.engine import open_engine, writing
from itm.store.migrate import SCRIPTS, upgrade
from itm.store.tables import metadata


def test_upgrading_again_keeps_what_is_there(url: str, engine: Engine) -> None:
    """Each start upgrades; a database of this release stays as it is."""
    with writing(engine) as connection:
        connection.execute(text("INSERT INTO pins VALUES ('map', 7, 'x', 0)"))
    upgrade(url)
    with writing(engine) as connection:
        assert connection.execute(text("SELECT version FROM pins")).scalar() == 7


def test_two_at_once(url: str) -> None:
    """Two programs that start together migrate one after the other."""
    program = f"from itm.store.migrate import upgrade; upgrade({url!r})"
    running = [subprocess.Popen([sys.executable, "-c", program], cwd=ROOT) for _ in range(2)]
    assert [process.wait(timeout=60) for process in running] == [0, 0]


def test_a_newer_database_is_refused(url: str, engine: Engine) -> None:
    """An older release does not touch what a newer one has made."""
    with writing(engine) as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(ConfigError, match=r"store\.url: the database is not of this release"):
        upgrade(url)


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    """A foreign file is refused with the setting's name."""
    (tmp_path / "itm.db").write_bytes(b"hello, this is not a database at all" * 100)
    with pytest.raises(ConfigError, match=r"store\.url: cannot open the database: file is not a database"):
        upgrade(f"sqlite:///{tmp_path / 'itm.db'}")


def test_a_server_that_is_not_there(tmp_path: Path) -> None:
    """A PostgreSQL that does not answer is refused with the setting's name."""
    with pytest.raises(ConfigError, match=r"store\.url: cannot open the database"):
        upgrade(f"postgresql://itm@/itm?host={tmp_path}")


def test_downgrade_removes_all(url: str, engine: Engine) -> None:
    """The first migration can be undone, for developers."""
    config = Config()
    config.set_main_option("script_location", str(SCRIPTS))
    with writing(engine) as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "base")
    again = open_engine(url)
    with again.begin() as connection:
        found = {change[0] for change in compare_metadata(MigrationContext.configure(connection), metadata)}
    again.dispose()
    assert found == {"add_table", "add_index"}
