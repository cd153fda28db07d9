"""The demo's process: claims its addresses, sets up, keeps the others running, says when they are ready."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import time
from pathlib import Path

from gateway.address import join_address
from gateway.demo import ready
from gateway.demo.enrolled import is_set_up
from gateway.demo.keeper import Keeper
from gateway.demo.plan import Plan
from gateway.errors import ConfigError

log = logging.getLogger(__name__)


def prepare(plan: Plan) -> None:
    """Set up what is missing. Raises `ConfigError` naming the first address that is taken."""
    check_free(plan)
    if not is_set_up(plan, time.time()):
        from gateway.demo.setup import set_up  # loads the broker, which a second start does not need

        set_up(plan)
        log.info("demo.set_up", extra={"state": str(plan.state)})


def check_free(plan: Plan) -> None:
    """Raise `ConfigError` unless every address of the demo can be listened on."""
    for host, port in plan.listening():
        try:
            socket.create_server((host, port)).close()
        except OSError as error:
            raise ConfigError(
                f"--port: cannot listen on {join_address(host, port)}: {os.strerror(error.errno or 0)}"
            ) from error


async def run(plan: Plan, *, is_quiet: bool) -> None:
    """Keep the demo running until SIGTERM or SIGINT; print what to try unless `is_quiet`."""
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    async with asyncio.TaskGroup() as tasks:
        running = [
            tasks.create_task(Keeper(plan.commands(), plan.state).run()),
            tasks.create_task(_greet(plan, is_quiet=is_quiet)),
        ]
        await stopping.wait()
        log.info("demo.stopping")
        for task in running:
            task.cancel()


async def _greet(plan: Plan, *, is_quiet: bool) -> None:
    begun = time.monotonic()
    await ready.until_ready(plan)
    here, password = Path.cwd(), plan.password_file.read_text().strip()
    text = ready.greeting(plan, ready.program_name(here), here, password)
    ready.announce(plan, text, os.getpid())
    log.info("demo.ready", extra={"after_seconds": round(time.monotonic() - begun, 2)})
    if not is_quiet:
        print(f"\n{text}\n\nCtrl-C stops it.\n", flush=True)  # noqa: T201 - the program's product
