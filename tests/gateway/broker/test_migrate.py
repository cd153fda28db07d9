"""Migrations arrive at the tables that the broker knows, and leave the ITM server's database alone."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Engine, inspect, text

from gateway.broker.engine import open_engine, writing
from gateway.broker.migrate import configured, upgrade
from gateway.broker.tables import metadata
from gateway.errors import ConfigError
from itm.store.migrate import upgrade as upgrade_itm


def ours(name: str | None, kind: str, _parents: object) -> bool:
    """The chain's first revision makes the ITM server's tables too; they are not compared."""
    return kind != "table" or str(name).startswith("gw_")


def test_migrations_and_tables_agree(engine: Engine) -> None:
    """After all migrations there is nothing left to generate."""
    with engine.begin() as connection:
        context = MigrationContext.configure(connection, opts={"include_name": ours})
        assert compare_metadata(context, metadata) == []


def test_the_default_tenant_is_there(engine: Engine) -> None:
    """Commands work without a tenant having been created."""
    with engine.begin() as connection:
        assert connection.execute(text("SELECT id FROM gw_tenants")).scalars().all() == ["default"]


def test_upgrading_again_keeps_what_is_there(url: str, engine: Engine) -> None:
    """Each start upgrades; a database of this release stays as it is."""
    with writing(engine) as connection:
        connection.execute(text("INSERT INTO gw_tenants VALUES ('acme', 7)"))
    upgrade(url)
    with writing(engine) as connection:
        assert connection.execute(text("SELECT count(*) FROM gw_tenants")).scalar() == 2


def test_the_itm_servers_database_is_refused(url: str) -> None:
    """The broker's secrets and the map's history do not share a file by accident; nothing is changed."""
    upgrade_itm(url)
    with pytest.raises(ConfigError, match=r"broker\.database: it is the ITM server's"):
        upgrade(url)
    engine = open_engine(url)
    assert not [name for name in inspect(engine).get_table_names() if name.startswith("gw_")]
    engine.dispose()


def test_a_newer_database_is_refused(url: str, engine: Engine) -> None:
    """An older release does not touch what a newer one has made."""
    with writing(engine) as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(ConfigError, match=r"broker\.database: the database is not of this release"):
        upgrade(url)


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    """A foreign file is refused with the setting's name."""
    (tmp_path / "broker.db").write_bytes(b"hello, this is not a database at all" * 100)
    with pytest.raises(ConfigError, match=r"broker\.database: cannot open the database"):
        upgrade(f"sqlite:///{tmp_path / 'broker.db'}")


def test_downgrade_removes_all(engine: Engine) -> None:
    """The migration can be undone, for developers."""
    with writing(engine) as connection:
        command.downgrade(configured(connection), "base")
    assert not [name for name in inspect(engine).get_table_names() if name.startswith("gw_")]


def test_migrating_loads_nothing_of_the_itm_server(tmp_path: Path) -> None:
    """The chain is shared, the code is not."""
    program = (
        f"import sys; from gateway.broker.migrate import upgrade; upgrade('sqlite:///{tmp_path}/b.db');"
        "print([name for name in sys.modules if name.partition('.')[0] in ('itm', 'models', 'collectors')])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
