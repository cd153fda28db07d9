"""`itm-gateway broker`: the HTTPS API, the signal port, and what goes on beside them, until told to stop."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Final

from aiohttp import web

from gateway.broker.access import Agents
from gateway.broker.api import build
from gateway.broker.config import parse_listen
from gateway.broker.desk import Desk
from gateway.broker.names import format_address
from gateway.broker.neighbours import Neighbours
from gateway.broker.reach import Reach
from gateway.broker.signals import Signals
from gateway.broker.tls import ServerTls
from gateway.errors import ConfigError, GatewayError
from gateway.workspace.routes import ROUTES as WORKSPACE

GRACE_SECONDS: Final = 2.0
HANDSHAKE_SECONDS: Final = 10.0
RENEW_RETRY_SECONDS: Final = 30.0

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Running:
    """A broker that serves: its bound `host:port`s."""

    api: str
    signal: str
    signals: Signals
    reach: Reach


async def run(desk: Desk) -> None:
    """Serve until SIGTERM or SIGINT. Raises `ConfigError` for an address that cannot be had."""
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    async with serving(desk) as running:
        log.info(
            "broker.ready",
            extra={"listen": running.api, "signal": running.signal, "sta": desk.sta.id},
        )
        await stopping.wait()
        log.info("broker.stopping")


@contextlib.asynccontextmanager
async def serving(desk: Desk) -> AsyncIterator[Running]:
    """Serve inside the block."""
    settings = desk.settings
    seconds = settings.certificate_hours * 3600
    tls = ServerTls(desk.authority, settings.state_dir, settings.names, seconds, desk.sta.id)
    signals = Signals(desk)
    reach = Reach(signals.near, tls.reach, desk.gateway_name)
    neighbours = Neighbours(desk.engine, desk.gateway_name, signals.staying)
    app = build(desk, reach, Agents(signals.has_agent), neighbours, WORKSPACE)
    runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=GRACE_SECONDS)
    await runner.setup()
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(runner.cleanup)
        host, port = parse_listen("listen", settings.listen)
        with _naming("listen", settings.listen):
            await web.TCPSite(runner, host, port, ssl_context=tls.api).start()
        host, port = parse_listen("signal", settings.signal)
        with _naming("signal", settings.signal):
            server = await asyncio.start_server(
                signals.accept, host, port, ssl=tls.signal, ssl_handshake_timeout=HANDSHAKE_SECONDS
            )
        stack.push_async_callback(signals.close)
        stack.callback(server.close)
        tasks = await stack.enter_async_context(asyncio.TaskGroup())
        background = [tasks.create_task(signals.sweep()), tasks.create_task(_renew(tls))]
        bound = [address[:2] for address in (*runner.addresses, *(s.getsockname() for s in server.sockets))]
        try:
            yield Running(format_address(*bound[0]), format_address(*bound[-1]), signals, reach)
        finally:
            for task in background:
                task.cancel()


@contextlib.contextmanager
def _naming(setting: str, text: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ConfigError(f"broker.{setting}: cannot listen on {text}: {error.strerror}") from error


async def _renew(tls: ServerTls) -> None:
    """For ever: a new certificate at half the life of the last; one that fails is tried again."""
    pause = tls.seconds / 2
    while True:
        await asyncio.sleep(pause)
        try:
            await asyncio.to_thread(tls.renew)
        except (GatewayError, OSError) as error:
            log.warning("broker.certificate_not_renewed", extra={"reason": str(error)})
            pause = RENEW_RETRY_SECONDS
            continue
        pause = tls.seconds / 2
        log.info("broker.certificate_renewed")
