"""Opening the broker's database: SQLite (one writer, WAL) or PostgreSQL, durable at every commit."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, create_engine, event, make_url
from sqlalchemy import Engine as Engine
from sqlalchemy.exc import ArgumentError, NoSuchModuleError

from gateway.errors import ConfigError

BUSY_SECONDS = 10
"""How long a writer waits for another process's transaction; ours take milliseconds."""

_PRAGMAS = (
    "PRAGMA synchronous=FULL",  # in WAL mode only FULL keeps the last commit through a power cut
    f"PRAGMA busy_timeout={BUSY_SECONDS * 1000}",
    "PRAGMA foreign_keys=ON",
)
_RETRY_SECONDS = 0.02
_WRITE = "gateway_write"


def open_engine(url: str) -> Engine:
    """Return an engine for `sqlite:///…` or `postgresql://…`. Raises `ConfigError` naming the setting.

    Nothing is connected yet; a SQLite file is made, empty, with its directory.
    """
    try:
        parsed = make_url(url)
        if parsed.get_backend_name() == "sqlite":
            return _open_sqlite(url, parsed.database or "")
        if parsed.get_backend_name() == "postgresql":
            timeouts = f"-c lock_timeout={BUSY_SECONDS}s -c statement_timeout=30s"
            return create_engine(
                parsed.set(drivername="postgresql+psycopg"),
                pool_pre_ping=True,
                connect_args={"options": timeouts, "connect_timeout": BUSY_SECONDS},
            )
    except (ArgumentError, NoSuchModuleError) as error:
        raise ConfigError(f"broker.database: {error}") from error
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"broker.database: needs the package {error.name}: pip install 'itm[postgresql]'"
        ) from error
    raise ConfigError(
        f"broker.database: expected sqlite:///… or postgresql://…, got {parsed.get_backend_name()}"
    )


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """One consistent view; nothing is changed."""
    with engine.begin() as connection:
        yield connection


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """One transaction that holds SQLite's write lock from its start, so it never fails half-way for it."""
    with engine.execution_options(**{_WRITE: True}).begin() as connection:
        yield connection


def _open_sqlite(url: str, file: str) -> Engine:
    if file in {"", ":memory:"}:
        raise ConfigError("broker.database: an SQLite database must be a file: its processes share it")
    try:
        Path(file).parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        Path(file).touch(mode=0o600)  # it holds hashes of secrets; its journals get the same mode
    except OSError as error:
        raise ConfigError(f"broker.database: {error.filename}: {error.strerror}") from error
    engine = create_engine(url)
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(raw: Any, _record: object) -> None:
    raw.isolation_level = None  # the driver would begin late and never for reads; `_begin_sqlite` does it
    for pragma in _PRAGMAS:
        raw.execute(pragma)
    _keep_wal(raw)


def _keep_wal(raw: Any) -> None:
    """Bring the file to WAL mode; SQLite does not wait for another process that is just doing so."""
    for _ in range(int(BUSY_SECONDS / _RETRY_SECONDS)):
        try:
            raw.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY:
                raise
            time.sleep(_RETRY_SECONDS)
        else:
            return
    raw.execute("PRAGMA journal_mode=WAL")


def _begin_sqlite(connection: Connection) -> None:
    is_write = connection.get_execution_options().get(_WRITE, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if is_write else "BEGIN")
