"""`itm serve`: the whole server on one machine, from one command to Ctrl-C.

Claims its state directory and addresses, prepares the store, then keeps the processes of
`itm worker` running, says when it is ready, and stops them all.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import shlex
import shutil
import sys
import time
from pathlib import Path

from itm import log as logs
from itm.cli import settings
from itm.config import Config
from itm.ops import banner, demo, first_start
from itm.ops.claim import check_listeners, state_lock
from itm.ops.front import Front
from itm.ops.stopping import stop_requested
from itm.supervise import Child, Supervisor

log = logging.getLogger(__name__)

LOOK_SECONDS = 0.25
PATIENCE_SECONDS = 60.0
"""After this long without being ready, say what is missing."""
THREAD_SETTINGS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the settings."""
    settings.configure(parser)


def run(args: argparse.Namespace) -> int:
    """Serve until SIGTERM or Ctrl-C. Raises `ConfigError` before anything is started."""
    config = settings.config_of(args)
    logs.configure("serve")
    targets = demo.targets(config.demo) if config.demo.enabled else ()
    with state_lock(config.state_dir):
        check_listeners(config, targets)
        first_start.prepare(config, time.time)
        asyncio.run(_serve(config, settings.words_of(args)))
    return 0


async def _serve(config: Config, words: tuple[str, ...]) -> None:
    supervisor = Supervisor(children(config, words), environment=_environment(config))
    async with asyncio.TaskGroup() as group:
        running = group.create_task(supervisor.run())
        greeting = group.create_task(_greet(config, words))
        await stop_requested(supervised=False)
        log.info("serve.stopping")
        greeting.cancel()
        supervisor.stop()
        await running
    log.info("serve.stopped")


def children(config: Config, words: tuple[str, ...]) -> list[Child]:
    """Return the processes of one machine; `words` are the settings they all read."""
    itm = (sys.executable, "-m", "itm", "worker")
    kinds: list[tuple[str, tuple[str, ...]]] = [("edge", ("edge",)), ("builder", ("builder",))]
    kinds += [(f"dns-{n}", ("dns", "--index", str(n))) for n in range(config.dns.workers)]
    kinds += [("targets", ("targets",))] if config.demo.enabled else []
    return [Child(name, (*itm, *kind, *words)) for name, kind in kinds]


def _environment(config: Config) -> dict[str, str]:
    """Keep numeric libraries from taking every core beside the processes that answer."""
    return {**os.environ, **dict.fromkeys(THREAD_SETTINGS, str(config.builder.threads))}


async def _greet(config: Config, words: tuple[str, ...]) -> None:
    """Wait until the server is ready and print the banner; say once what takes long."""
    front, started, told = Front(config), time.monotonic(), False
    faults = await asyncio.to_thread(front.faults)
    while faults and (config.demo.enabled or "store" not in faults):
        if not told and time.monotonic() - started > PATIENCE_SECONDS:
            told = True
            log.warning("serve.not_ready", extra=faults)
        await asyncio.sleep(LOOK_SECONDS)
        faults = await asyncio.to_thread(front.faults)
    pop = (
        await asyncio.to_thread(front.pop_of, banner.NAME, banner.SUBNETS[0][0])
        if config.demo.enabled
        else ""
    )
    print(_text(config, words, faults, pop), flush=True)


def _text(config: Config, words: tuple[str, ...], faults: dict[str, str], pop: str) -> str:
    if not config.demo.enabled:
        first = banner.plain(faults)
    else:
        options = tuple(shlex.quote(word) for word in words if word != "--demo")
        first = banner.demo(config, pop, _program(), options, has_dig=shutil.which("dig") is not None)
    return f"\n{first}\n\n{banner.where(config)}\n\nCtrl-C stops it.\n"


def _program() -> str:
    """Return how the reader calls `itm` from where they stand."""
    script = Path(sys.executable).with_name("itm")
    if not script.exists():
        return f"{sys.executable} -m itm"
    return str(script.relative_to(Path.cwd())) if script.is_relative_to(Path.cwd()) else str(script)
