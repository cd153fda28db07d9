"""The connector's process: enrols or loads its credential, renews it, keeps its POPs, drains on SIGTERM.

The composition root of `gateway.connector`: everything else there is handed what it needs.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
import ssl
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from gateway.address import join_address
from gateway.connector.allow import AllowList
from gateway.connector.control import Introduction
from gateway.connector.credential import Credential, client_context, load_credential, save_credential
from gateway.connector.dial import PopDial
from gateway.connector.enrol import enrol, post_json, renew
from gateway.connector.join import Joins
from gateway.connector.ledger import Ledger
from gateway.connector.outbound import Proxy
from gateway.connector.pops import Pops
from gateway.connector.streams import Streams
from gateway.errors import ConfigError, GatewayError
from gateway.heap import keep_freed_memory
from gateway.protocol import control, data
from gateway.protocol.budget import Budget
from gateway.protocol.codes import CloseCode
from gateway.protocol.control import End

log = logging.getLogger(__name__)

RENEW_RETRY_SECONDS: Final = 30.0
GATEWAY_PORT: Final = 443


@dataclass(frozen=True, slots=True)
class Settings:
    """What the operator says; `broker`, `token` and `ca` are needed until the connector is enrolled."""

    state: Path
    allow: AllowList
    broker: str = ""
    token: str = ""
    ca: Path | None = None
    pops: tuple[str, ...] = ()
    proxy: Proxy | None = None
    capacity: int = 1000
    drain_seconds: float = 600.0


class Program:
    """One running connector."""

    def __init__(self, settings: Settings, clock: Callable[[], float] = time.time) -> None:
        self._settings, self._clock = settings, clock
        self._credential = load_credential(settings.state) or self._enrol()
        self._dial = self._new_dial()
        introduction = Introduction(self._credential.connector, self._credential.location)
        self._pops = Pops(lambda: self._dial, self._find_pops, introduction)
        self._is_stopping = asyncio.Event()

    async def run(self) -> None:
        """Serve until told to stop and drained."""
        keep_freed_memory()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop)
        async with asyncio.TaskGroup() as tasks:
            streams = Streams(Budget(), tasks)
            joins = Joins(lambda: self._dial, self._settings.allow, streams, tasks, self._settings.capacity)
            ledger = Ledger(joins, self._ask)
            joins.tell_ends(lambda session, code, is_cut: self._ended(ledger, session, code, is_cut))
            chores = (self._pops.run(joins), self._renew(), ledger.run())
            background = [tasks.create_task(chore) for chore in chores]
            await self._is_stopping.wait()
            await self._drain(joins)
            for task in background:
                task.cancel()
            joins.stop()

    def _stop(self) -> None:
        """Drain at the first signal, stop at the second."""
        if self._is_stopping.is_set():
            raise SystemExit(1)
        self._is_stopping.set()

    async def _drain(self, joins: Joins) -> None:
        joins.is_draining = True
        self._pops.broadcast(joins.load)
        log.info("connector.draining", extra={"sessions": joins.load.sessions})
        try:
            async with asyncio.timeout(self._settings.drain_seconds):
                await joins.wait_empty()
        except TimeoutError:
            log.warning("connector.drain_cut", extra={"sessions": joins.load.sessions})

    def _enrol(self) -> Credential:
        settings = self._settings
        if not settings.broker or not settings.token:
            raise ConfigError(f"{settings.state} holds no credential: enrol with --broker and --token")
        try:
            context = ssl.create_default_context(cafile=settings.ca)
        except OSError as error:
            raise ConfigError(f"ca: {settings.ca}: {error}") from error
        credential = enrol(settings.broker, settings.token, context, self._clock)
        save_credential(settings.state, credential)
        log.info(
            "connector.enrolled",
            extra={"connector": credential.connector, "location": credential.location},
        )
        return credential

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(max(1.0, self._credential.renew_at - self._clock()))
            try:
                context = client_context(self._credential, self._settings.state)
                self._credential = await asyncio.to_thread(renew, self._credential, context, self._clock)
            except GatewayError as error:
                log.warning("certificate.not_renewed", extra={"reason": str(error)})
                await asyncio.sleep(RENEW_RETRY_SECONDS)
                continue
            save_credential(self._settings.state, self._credential)
            self._dial = self._new_dial()
            log.info("certificate.renewed", extra={"expires_at": self._credential.expires_at})

    def _ask(self, body: Mapping[str, object]) -> dict[str, Any]:
        context = client_context(self._credential, self._settings.state)
        return post_json(self._credential.broker, "/connectors/sessions", body, context)

    def _ended(self, ledger: Ledger, session: str, code: CloseCode, is_cut: bool) -> None:
        ledger.ended(session, code)
        if is_cut:
            self._pops.broadcast(End(session, code))

    def _new_dial(self) -> PopDial:
        contexts = {}
        for alpn in (control.ALPN, data.ALPN):
            contexts[alpn] = client_context(self._credential, self._settings.state)
            contexts[alpn].set_alpn_protocols([alpn])
        return PopDial(contexts, self._credential.gateway_name, self._settings.proxy)

    async def _find_pops(self) -> Sequence[str]:
        """Return the addresses given by the operator; else the broker's and what DNS says now."""
        if self._settings.pops:
            return self._settings.pops
        loop = asyncio.get_running_loop()
        try:
            found = await loop.getaddrinfo(
                self._credential.gateway_name, GATEWAY_PORT, type=socket.SOCK_STREAM
            )
        except OSError:
            return self._credential.pops
        resolved = [join_address(str(entry[4][0]), GATEWAY_PORT) for entry in found]
        return [*self._credential.pops, *resolved]
