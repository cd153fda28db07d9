"""A migrated control database for each test, on SQLite and on a real PostgreSQL where one is installed."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from itm.store.engine import open_engine
from itm.store.migrate import upgrade
from itm.store.tables import metadata

POSTGRESQL = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
"""Where Debian puts the server's programs: not on the PATH."""


@pytest.fixture(scope="session")
def postgresql_url() -> Iterator[str]:
    """A private cluster that listens on a Unix socket only; removed afterwards."""
    if not POSTGRESQL:
        pytest.skip("no /usr/lib/postgresql/*/bin: apt-get install postgresql")
    if not shutil.which("runuser"):
        pytest.skip("no runuser: PostgreSQL does not run as root")
    folder = Path(tempfile.mkdtemp(prefix="itm-pg-"))
    try:
        if os.getuid() == 0:
            shutil.chown(folder, "nobody")
        _run("initdb", "-D", folder / "data", "-A", "trust", "-U", "itm", "--no-sync")
        options = f"-c listen_addresses='' -k {folder} -c fsync=off"
        _run("pg_ctl", "-D", folder / "data", "-w", "-l", folder / "log", "-o", options, "start")
        try:
            yield f"postgresql://itm@/postgres?host={folder}"
        finally:
            _run("pg_ctl", "-D", folder / "data", "-w", "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder)


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'state' / 'itm.db'}"
    found: str = request.getfixturevalue("postgresql_url")
    engine = open_engine(found)
    with engine.begin() as connection:
        metadata.drop_all(connection)
        connection.execute(text("DROP TABLE IF EXISTS alembic_version"))
    engine.dispose()
    return found


@pytest.fixture
def engine(url: str) -> Iterator[Engine]:
    """An open database with this release's tables."""
    upgrade(url)
    opened = open_engine(url)
    yield opened
    opened.dispose()


def _run(program: str, *words: object) -> None:
    user = ["runuser", "-u", "nobody", "--"] if os.getuid() == 0 else []
    command = [*user, str(POSTGRESQL[-1] / program), *map(str, words)]
    done = subprocess.run(command, cwd="/", stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, timeout=60)
    assert done.returncode == 0, done.stderr.decode()
