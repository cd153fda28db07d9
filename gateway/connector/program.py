"""The connector's process: enrols or loads its credential, renews it, keeps its POPs, drains on SIGTERM.

The composition root of `gateway.connector`: everything else there is handed what it needs.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import Any, Final

from gateway.address import join_address
from gateway.channel import Channel
from gateway.connector.allow import AllowList
from gateway.connector.control import Introduction
from gateway.connector.credential import (
    Credential,
    client_context,
    load_credential,
    save_credential,
    way_back,
    why_not_renewed,
)
from gateway.connector.dial import PopDial, open_own, open_vda
from gateway.connector.enrol import enrol, post_json, renew
from gateway.connector.health import Health
from gateway.connector.join import Joins
from gateway.connector.ledger import Ledger
from gateway.connector.outbound import Proxy
from gateway.connector.parked import KEPT, Parked
from gateway.connector.pops import Found, Pops
from gateway.connector.streams import Streams
from gateway.connector.wires import Wires
from gateway.errors import ConfigError, GatewayError, Unreachable
from gateway.heap import keep_freed_memory
from gateway.protocol import control, data
from gateway.protocol.budget import Budget
from gateway.protocol.codes import CloseCode
from gateway.protocol.control import End
from gateway.resolve import by_servers

log = logging.getLogger(__name__)

RENEW_RETRY_SECONDS: Final = 30.0
GIVEN_SECONDS: Final = 3600.0
"""POP addresses that the operator gave are not asked for again; any long time does."""
OWN_PORTS: Final = ("127.0.0.1:1494,2598,3389,5900-5999",)
"""What an agent reaches on its own machine unless told otherwise: ICA, CGP, RDP, VNC."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What the operator says; `broker`, `token` and `ca` are needed to enrol: at first, and after its
    certificate has expired.

    `is_agent`: this machine is the VDA, nothing else is reached. `resolvers` are name servers to ask instead
    of the system; `parked` data channels wait at each POP.
    """

    state: Path
    allow: AllowList
    is_agent: bool = False
    resolvers: tuple[tuple[str, int], ...] = ()
    parked: int = KEPT
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
        self._post = partial(post_json, proxy=settings.proxy)
        self._credential = self._stored() or self._enrol()
        self._check_agent()
        self._api, self._dial = self._contexts(self._credential)
        self._resolve = by_servers(settings.resolvers)
        self._parked = Parked(lambda: self._dial, kept=settings.parked)
        introduction = Introduction(
            self._credential.connector, self._credential.location, metadata.version("itm")
        )
        self._pops = Pops(lambda: self._dial, self._find_pops, introduction, self._parked)
        self._is_stopping = asyncio.Event()

    async def run(self) -> None:
        """Serve until told to stop and drained."""
        keep_freed_memory()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop)
        async with asyncio.TaskGroup() as tasks:
            streams = Streams(Budget(), tasks)
            wires = Wires(lambda: self._dial, self._parked)
            joins = Joins(wires, self._open_vda, streams, tasks, self._settings.capacity, Health())
            ledger = Ledger(joins, self._ask)
            joins.tell_ends(lambda session, code, is_cut: self._ended(ledger, session, code, is_cut))
            chores = (self._pops.run(joins), self._renew(), ledger.run())
            background = [tasks.create_task(chore) for chore in chores]
            await self._is_stopping.wait()
            await self._drain(joins)
            for task in background:
                task.cancel()
            joins.stop()

    async def _open_vda(self, target: str) -> Channel:
        if self._settings.is_agent:
            return await open_own(target, self._credential.vda, self._settings.allow)
        return await open_vda(target, self._settings.allow)

    def _check_agent(self) -> None:
        names = ", ".join(self._credential.vda)
        if self._settings.is_agent and not names:
            raise ConfigError(
                f"--vda: {self._settings.state} was enrolled as a location's connector; enrol with a token of"
                " `connector token LOCATION --vda NAME`"
            )
        if names and not self._settings.is_agent:
            raise ConfigError(
                f"--vda: {self._settings.state} was enrolled as the agent of {names}; say --vda"
            )

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

    def _stored(self) -> Credential | None:
        """Return what was saved; None when there is nothing, or it has expired and a token is given."""
        credential = load_credential(self._settings.state)
        if credential is None:
            return None
        way = way_back(credential.expires_at, self._clock(), "connector")
        if not way:
            return credential
        if not self._settings.token:
            raise ConfigError(f"{self._settings.state}: {way}")
        log.warning("certificate.expired", extra={"connector": credential.connector, "reason": way})
        return None

    def _enrol(self) -> Credential:
        settings = self._settings
        if not settings.broker or not settings.token:
            raise ConfigError(f"{settings.state} holds no credential: enrol with --broker and --token")
        try:
            context = ssl.create_default_context(cafile=settings.ca)
        except OSError as error:
            raise ConfigError(f"ca: {settings.ca}: {error}") from error
        credential = enrol(settings.broker, settings.token, context, self._clock, self._post)
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
                fresh = await asyncio.to_thread(renew, self._credential, self._api, self._clock, self._post)
                api, dial = self._contexts(fresh)
                save_credential(self._settings.state, fresh)
            except (GatewayError, OSError) as error:
                reason = why_not_renewed(error, self._credential.expires_at, self._clock(), "connector")
                log.warning("certificate.not_renewed", extra={"reason": reason})
                await asyncio.sleep(RENEW_RETRY_SECONDS)
                continue
            self._credential, self._api, self._dial = fresh, api, dial
            log.info("certificate.renewed", extra={"expires_at": self._credential.expires_at})

    def _ask(self, body: Mapping[str, object]) -> dict[str, Any]:
        return self._post(self._credential.broker, "/connectors/sessions", body, self._api)

    def _ended(self, ledger: Ledger, session: str, code: CloseCode, is_cut: bool) -> None:
        ledger.ended(session, code)
        if is_cut:
            self._pops.broadcast(End(session, code))

    def _contexts(self, credential: Credential) -> tuple[ssl.SSLContext, PopDial]:
        """Return what presents the credential to the broker, and to POPs; made once, shared by threads."""
        state, contexts = self._settings.state, {}
        for alpn in (control.ALPN, data.ALPN):
            contexts[alpn] = client_context(credential, state)
            contexts[alpn].set_alpn_protocols([alpn])
        dial = PopDial(contexts, credential.gateway_name, self._settings.proxy)
        return client_context(credential, state), dial

    async def _find_pops(self) -> Found:
        """Return the addresses the operator gave; else what the gateway's name says now, and the broker's."""
        if self._settings.pops:
            return Found(self._settings.pops, frozenset(), GIVEN_SECONDS)
        credential = self._credential
        try:
            answer = await self._resolve(credential.gateway_name)
        except Unreachable as error:
            log.warning("name.unresolved", extra={"reason": str(error)})
            return Found(credential.pops, frozenset(), 0.0)
        named = tuple(join_address(address, credential.gateway_port) for address in answer.addresses)
        return Found((*named, *credential.pops), frozenset(named), answer.seconds)
