"""What must stand before any process of the server starts: database, demo catalog, the operator's token.

Everything here may be repeated: a second start finds its state and changes nothing. Runs under the
state lock, in `itm serve`.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import Engine

from itm.config import Config, Demo
from itm.ops.demo import bundle
from itm.store import catalogs, migrate, tokens
from itm.store.engine import open_engine

log = logging.getLogger(__name__)

TOKEN_FILE = "ops.token"  # noqa: S105 - a file name
TOKEN_NAME = "operator"  # noqa: S105 - a token's name
AUTHOR = "serve"


def prepare(config: Config, clock: Callable[[], float]) -> None:
    """Bring state directory and database up. Raises `ConfigError`, and `CatalogError` for the demo's own."""
    migrate.upgrade(config.store_url)
    for stale in config.state_dir.glob("dns-*.json"):  # counters of workers that are gone
        stale.unlink()
    engine = open_engine(config.store_url)
    try:
        if config.demo.enabled:
            _load_demo(engine, config.demo, clock())
        _write_token(engine, config.state_dir / TOKEN_FILE, clock())
    finally:
        engine.dispose()


def _load_demo(engine: Engine, demo: Demo, now: float) -> None:
    """Hand the demo catalog to the builder, unless any version was ever applied."""
    if catalogs.history(engine, limit=1):
        return
    version = catalogs.add_pending(engine, bundle(demo), author=AUTHOR, now=now, message="the demo")
    log.info("demo.loaded", extra={"version": version})


def _write_token(engine: Engine, path: Path, now: float) -> None:
    """Make a token of all scopes for the CLI, unless the file has one that works."""
    if path.exists() and tokens.verify(engine, path.read_text().strip(), now) is not None:
        return
    secret = tokens.create(engine, TOKEN_NAME, tokens.SCOPES, author=AUTHOR, now=now, replace=True)
    fresh = path.with_suffix(".tmp")
    fresh.unlink(missing_ok=True)
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(secret + "\n")
    fresh.replace(path)
    log.info("token.written", extra={"file": path})
