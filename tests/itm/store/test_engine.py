"""Opening the control database, and two writers at once."""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import IntegrityError

from itm.errors import ConfigError
from itm.store.engine import open_engine, reading, writing


@pytest.mark.parametrize(
    ("url", "fault"),
    [
        ("nonsense", "store.url: Could not parse"),
        ("mysql://x/y", "store.url: expected sqlite:///… or postgresql://…, got mysql"),
        ("sqlite://", "store.url: an SQLite database must be a file"),
        ("sqlite:////proc/none/itm.db", "store.url: /proc/none: "),
    ],
)
def test_a_wrong_url_names_the_setting(url: str, fault: str) -> None:
    """The operator reads which setting is wrong."""
    with pytest.raises(ConfigError) as caught:
        open_engine(url)
    assert str(caught.value).startswith(fault)


def test_sqlite_is_durable_and_shared(tmp_path: Path) -> None:
    """Write-ahead log, and every commit on the disk before it returns."""
    engine = open_engine(f"sqlite:///{tmp_path / 'a' / 'itm.db'}")
    with reading(engine) as connection:
        assert connection.execute(text("PRAGMA journal_mode")).scalar() == "wal"
        assert connection.execute(text("PRAGMA synchronous")).scalar() == 2
    engine.dispose()


def test_writers_wait_for_each_other(engine: Engine) -> None:
    """Read-then-write transactions of several writers neither fail nor lose an update."""
    with writing(engine) as connection:
        connection.execute(text("CREATE TABLE counter (n INTEGER)"))
        connection.execute(text("INSERT INTO counter VALUES (0)"))
    lock = "" if engine.dialect.name == "sqlite" else " FOR UPDATE"

    def count() -> None:
        for _ in range(20):
            with writing(engine) as connection:
                n = connection.execute(text(f"SELECT n FROM counter{lock}")).scalar_one()
                connection.execute(text("UPDATE counter SET n = :n"), {"n": n + 1})

    threads = [threading.Thread(target=count) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with writing(engine) as connection:
        assert connection.execute(text("SELECT n FROM counter")).scalar() == 60
        connection.execute(text("DROP TABLE counter"))


def test_a_reader_does_not_wait_for_a_writer(engine: Engine) -> None:
    """While a change is under way, readers see what was before it."""
    with writing(engine) as writer:
        writer.execute(text("INSERT INTO pins VALUES ('map', 7, 'x', 0)"))
        with reading(engine) as reader:
            assert reader.execute(text("SELECT count(*) FROM pins")).scalar() == 0


def test_a_failed_transaction_leaves_nothing(engine: Engine) -> None:
    """An exception inside undoes the whole change."""
    insert = text("INSERT INTO pins VALUES ('map', 7, 'x', 0)")
    with pytest.raises(IntegrityError), writing(engine) as connection:  # noqa: PT012  the second one fails
        connection.execute(insert)
        connection.execute(insert)
    with reading(engine) as connection:
        assert connection.execute(text("SELECT count(*) FROM pins")).scalar() == 0


def test_a_database_that_another_process_is_just_making(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQLite's change to WAL mode does not wait for a writer by itself; we do, until it has committed."""
    file = tmp_path / "itm.db"
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    other.execute("CREATE TABLE theirs (n INTEGER)")
    waited: list[float] = []

    def wait(seconds: float) -> None:
        waited.append(seconds)
        if other.in_transaction:
            other.execute("COMMIT")

    monkeypatch.setattr("itm.store.engine.time.sleep", wait)
    engine = open_engine(f"sqlite:///{file}")
    with reading(engine) as connection:
        assert connection.execute(text("PRAGMA journal_mode")).scalar() == "wal"
        assert connection.execute(text("SELECT count(*) FROM theirs")).scalar() == 0
    assert waited
    other.close()
    engine.dispose()
