"""What must stand before edge and builder start: database, demo catalog, the operator's token.

Everything here may be repeated: a second start finds its state and changes nothing. Runs under the
state lock, in `itm serve`.
"""

from __future__ import annotations

import asyncio
import logging
import os
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from pathlib import Path

from sqlalchemy import Engine

from itm.config import Config, Demo
from itm.errors import ConfigError, ItmError
from itm.ops.demo import bundle
from itm.store import catalogs, migrate, tokens
from itm.store.engine import StoreError, open_engine
from itm.supervise import Backoff

log = logging.getLogger(__name__)

TOKEN_FILE = "ops.token"  # noqa: S105 - a file name
TOKEN_NAME = "operator"  # noqa: S105 - a token's name
AUTHOR = "serve"


def prepare(config: Config, clock: Callable[[], float]) -> None:
    """Bring the database and the token up. Raises `ConfigError`, and `CatalogError` for the demo's own."""
    migrate.upgrade(config.store_url)
    engine = open_engine(config.store_url)
    try:
        if config.demo.enabled:
            _load_demo(engine, config.demo, clock())
        _write_token(engine, config.state_dir / TOKEN_FILE, clock())
    except StoreError as error:
        raise ConfigError(
            f"store.url: the database does not answer: {' '.join(str(error).split())}"
        ) from error
    finally:
        engine.dispose()


def sweep(state: Path) -> None:
    """Remove the counters of workers that are gone; before any new one starts."""
    for stale in state.glob("dns-*.json"):
        stale.unlink()


async def until_prepared(
    work: Callable[[], None], backoff: Backoff, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
) -> None:
    """Do `work` (that is `prepare`) again and again until it succeeds; every failure is told.

    Not even a bug of ours ends this: those who answer meanwhile must not end with it.
    """
    while True:
        try:
            return await _aside(work)
        except Exception as error:
            delay = backoff.delay(0.0)
            fields = {"reason": " ".join(str(error).split()), "retry_in_seconds": delay}
            is_bug = not isinstance(error, ItmError | StoreError | OSError)
            log.error("store.unreachable", extra=fields, exc_info=is_bug)
            await sleep(delay)


async def _aside(work: Callable[[], None]) -> None:
    """Run `work` in a thread that the end of the process does not wait for: a store may take its time."""
    done: Future[None] = Future()
    done.set_running_or_notify_cancel()

    def run() -> None:
        try:
            work()
            done.set_result(None)
        except BaseException as error:
            done.set_exception(error)

    threading.Thread(target=run, name="store", daemon=True).start()
    await asyncio.wrap_future(done)


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
