"""`itm serve`: the whole server on one machine, from one command to Ctrl-C.

Claims its state directory and addresses, starts what answers DNS, prepares the store, then starts the
rest; keeps these processes of `itm worker` running, says when it is ready, and stops them all. DNS waits
for nothing but a map: with one on disk, no fault of the store keeps it down. The demo's gateway comes last:
nothing waits for it.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import os
import shlex
import shutil
import sys
import time
from dataclasses import replace
from pathlib import Path

from itm import log as logs
from itm.cli import settings
from itm.config import Config
from itm.dns import cookie
from itm.ops import banner, demo, first_start, gateway
from itm.ops.claim import check_dns, check_listeners, check_public, state_lock
from itm.ops.front import Front
from itm.privileges import user_of
from itm.routemap import current
from itm.stopping import stop_requested
from itm.supervise import Backoff, Child, Supervisor

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
    user = user_of(config.user)
    if user is not None:
        user.own(config.state_dir)
        user.work_as()
    with state_lock(config.state_dir):
        with user.as_root() if user is not None else contextlib.nullcontext():
            check_listeners(config, targets)
        check_dns(config)
        check_public(config)
        first_start.sweep(config.state_dir)
        cookie.ensure(config.state_dir / cookie.FILE)
        has_map = current.served_version(config.state_dir / "maps") is not None
        if not has_map:  # nothing could be answered yet: a fault of the store is told at once
            first_start.prepare(config, time.time)
        asyncio.run(_serve(config, settings.words_of(args), is_prepared=not has_map))
    return 0


async def _serve(config: Config, words: tuple[str, ...], *, is_prepared: bool) -> None:
    environment = _environment(config)
    front = Supervisor(answering(config, words), environment=environment)
    back = Supervisor(thinking(words), environment=environment)
    beside = Supervisor(accompanying(config), environment=environment)
    async with asyncio.TaskGroup() as group:
        group.create_task(front.run())
        preparing = group.create_task(_prepared(config, is_prepared))
        group.create_task(_run_after(preparing, back))
        greeting = group.create_task(_greet(config, words))
        group.create_task(_run_after(greeting, beside))
        introducing = group.create_task(_introduce(greeting, config, beside))
        await stop_requested(supervised=False)
        log.info("serve.stopping")
        for task in (greeting, preparing, introducing):
            task.cancel()
        for supervisor in (front, back, beside):
            supervisor.stop()
    log.info("serve.stopped")


async def _prepared(config: Config, is_prepared: bool) -> None:
    if not is_prepared:
        await first_start.until_prepared(lambda: first_start.prepare(config, time.time), Backoff())


async def _run_after(preparing: asyncio.Task[None], supervisor: Supervisor) -> None:
    await preparing
    await supervisor.run()


def answering(config: Config, words: tuple[str, ...]) -> list[Child]:
    """Return the processes that need nothing but files; `words` are the settings that all read."""
    kinds: list[tuple[str, tuple[str, ...]]] = []
    kinds += [(f"dns-{n}", ("dns", "--index", str(n))) for n in range(config.dns.workers)]
    kinds.append(("signer", ("signer",)))
    kinds += [("targets", ("targets",))] if config.demo.enabled else []
    return [_child(name, kind, words) for name, kind in kinds]


def thinking(words: tuple[str, ...]) -> list[Child]:
    """Return the processes that need the store as well."""
    return [_child(name, (name,), words) for name in ("edge", "collector", "builder")]


def accompanying(config: Config) -> list[Child]:
    """Return the processes that are no workers and do not know `user`: they are started as that user."""
    user = user_of(config.user)
    ids = (user.uid, user.gid) if user is not None else None
    return [replace(child, ids=ids) for child in gateway.children(config, os.getpid())]


def _child(name: str, kind: tuple[str, ...], words: tuple[str, ...]) -> Child:
    itm = (sys.executable, "-m", "itm", "worker")
    return Child(name, (*itm, *kind, "--supervisor", str(os.getpid()), *words))


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


async def _introduce(greeting: asyncio.Task[None], config: Config, beside: Supervisor) -> None:
    """Print what the demo's gateway says once it is ready; it tells its own faults."""
    await greeting
    while gateway.NAME in beside.restarts:
        text = gateway.greeting(gateway.state(config), beside.pids.get(gateway.NAME))
        if text:
            print(f"\n{text}\n", flush=True)
            return
        await asyncio.sleep(LOOK_SECONDS)


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
