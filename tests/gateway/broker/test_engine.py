from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import IntegrityError

from gateway.broker.engine import open_engine, reading, writing
from gateway.errors import ConfigError


@pytest.mark.parametrize(
    ("url", "fault"),
    [
        ("nonsense", "broker.database: Could not parse"),
        ("mysql://x/y", "broker.database: expected sqlite:///… or postgresql://…, got mysql"),
        ("sqlite://", "broker.database: an SQLite database must be a file"),
        ("sqlite:////proc/none/x.db", "broker.database: /proc/none: "),
    ],
)
def test_a_wrong_url_names_the_setting(url: str, fault: str) -> None:
    """The operator reads which setting is wrong."""
    with pytest.raises(ConfigError) as caught:
        open_engine(url)
    assert str(caught.value).startswith(fault)


def test_a_failed_transaction_leaves_nothing(engine: Engine) -> None:
    """An exception inside undoes the whole change."""
    insert = text("INSERT INTO gw_tenants VALUES ('acme', 0)")
    with pytest.raises(IntegrityError), writing(engine) as connection:  # noqa: PT012  the second one fails
        connection.execute(insert)
        connection.execute(insert)
    with reading(engine) as connection:
        assert connection.execute(text("SELECT count(*) FROM gw_tenants")).scalar() == 1


def test_a_database_that_another_process_is_just_making(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQLite's change to WAL mode does not wait for a writer by itself; we do, until it has committed."""
    file = tmp_path / "broker.db"
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    other.execute("CREATE TABLE theirs (n INTEGER)")
    waited: list[float] = []

    def wait(seconds: float) -> None:
        waited.append(seconds)
        if other.in_transaction:
            other.execute("COMMIT")

    monkeypatch.setattr("gateway.broker.engine.time.sleep", wait)
    engine = open_engine(f"sqlite:///{file}")
    with reading(engine) as connection:
        assert connection.execute(text("PRAGMA journal_mode")).scalar() == "wal"
        assert connection.execute(text("SELECT count(*) FROM theirs")).scalar() == 0
    assert waited
    other.close()
    engine.dispose()
