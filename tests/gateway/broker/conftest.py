"""A migrated broker's database for each test, on SQLite and on a real PostgreSQL where one is installed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from gateway.broker.engine import open_engine
from gateway.broker.migrate import upgrade
from tests.itm.store.conftest import postgresql_url

__all__ = ["postgresql_url"]


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'state' / 'broker.db'}"
    found: str = request.getfixturevalue("postgresql_url")
    engine = open_engine(found)
    with engine.begin() as connection:
        connection.execute(text("DROP SCHEMA public CASCADE"))
        connection.execute(text("CREATE SCHEMA public"))
    engine.dispose()
    return found


@pytest.fixture
def engine(url: str) -> Iterator[Engine]:
    """An open database with this release's tables."""
    upgrade(url)
    opened = open_engine(url)
    yield opened
    opened.dispose()
