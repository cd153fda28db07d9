"""The POP's process: puts its parts together, keeps them running, drains on SIGTERM and when ITM says so.

The composition root of `gateway.pop`: everything else there is handed what it needs.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal as signals
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable
from typing import Any, Final

from aiohttp import web

from gateway.address import split_address
from gateway.channel import Channel
from gateway.connector.credential import why_not_renewed
from gateway.errors import ConfigError, GatewayError
from gateway.pop import admin, credential, nel, reach
from gateway.pop.alternates import Alternates
from gateway.pop.clients import Clients
from gateway.pop.config import Address, ItmConfig, PopConfig, parse_address
from gateway.pop.connectors import Connectors, Line
from gateway.pop.counters import Counters
from gateway.pop.credential import Credential
from gateway.pop.doors import Doors
from gateway.pop.face import Face
from gateway.pop.health import Health, judge
from gateway.pop.http import HttpPeer
from gateway.pop.itm import ItmLink
from gateway.pop.limits import Gate, SessionCounts, TicketGuard
from gateway.pop.listener import Listener
from gateway.pop.parking import Parking
from gateway.pop.redeem import Redeemer
from gateway.pop.rendezvous import Rendezvous
from gateway.pop.revoked import Revoked
from gateway.pop.sessions import Sessions
from gateway.pop.visit import Visit
from gateway.protocol.codes import CloseCode
from gateway.protocol.control import Announce, Cancel, Drain, End, Load, Open, Opened, Refused
from gateway.protocol.websocket import Origins
from gateway.signal import Signal

log = logging.getLogger(__name__)

RELOAD_SECONDS: Final = 5.0
REVOCATIONS_SECONDS: Final = 30.0
RENEW_RETRY_SECONDS: Final = 30.0
ANNOUNCE_SECONDS: Final = 0.05


class Pop:
    """One running POP. Made inside its event loop."""

    def __init__(
        self,
        config: PopConfig,
        who: Credential,
        tasks: asyncio.TaskGroup,
        clock: Callable[[], float] = time.time,
    ) -> None:
        loop = asyncio.get_running_loop()
        self._config, self._who, self._clock, self._tasks = config, who, clock, tasks
        times, caps, state = config.times, config.caps, config.state
        self.counters = Counters()
        self.doors = Doors(state / "pop.pem", state / "ca.pem", config.certificate)
        self._gate = Gate(caps.half_open, caps.half_open_per_network)
        counts = SessionCounts(caps)
        self.sessions = Sessions(counts, self.counters, clock, loop, who.name)
        self._revoked = Revoked(state / "ca.pem")
        self.connectors = Connectors(who.name, times.ping_seconds, self._revoked.__contains__)
        self._listener = Listener(self.doors, self, self._gate, times, self.counters, tasks.create_task)
        self.listening = self._listener.open(config.listen)
        self.addresses = config.addresses or _reachable(self.listening)
        urls = config.brokers or ((who.broker,) if who.broker else ())
        self._brokers = [HttpPeer(url, lambda: self.doors.outward, setting="pop.broker") for url in urls]
        ports = config.signal or ((parse_address("pop.signal", who.signal),) if who.signal else ())
        self._signal = Signal(who.name, self.addresses, ports, lambda: self.doors.outward)
        self._rendezvous = Rendezvous(
            self.connectors, self._signal, pop=who.name, addresses=self.addresses,
            launch_seconds=times.launch_seconds, hedge_seconds=times.hedge_seconds,
        )  # fmt: skip
        self.connectors.watchers = (self._rendezvous, self)
        self.parking = Parking(caps, times.park_seconds, self.connectors.is_barred, self._rendezvous.arrive)
        redeemer = Redeemer(
            who.name,
            self._brokers,
            seconds=times.redeem_seconds,
            bypass_seconds=times.bypass_seconds,
            clock=loop.time,
        )
        self.alternates = Alternates(config.alternates, self.addresses)
        self._clients = Clients(
            config,
            Face(self.health, self.counters, nel.policy(config.report_to, config.success_fraction)),
            TicketGuard(caps, loop.time),
            counts,
            redeemer,
            self._rendezvous,
            self.sessions,
            self.counters,
            credential.token_keys(state),
            clock,
            Origins(config.origins, {who.gateway_name, *(split_address(text)[0] for text in self.addresses)}),
            self.alternates,
        )
        self._relayed: dict[bytes, str] = {}
        self._is_stopping = self._is_drained = False
        self._itm = self._linked(config.itm) if config.itm is not None else None
        self._news: set[Line] = set()
        """Connectors of which the broker does not know the latest."""

    def _linked(self, config: ItmConfig) -> ItmLink:
        """Return the link to ITM, told of every wire and every launch."""
        link = ItmLink(
            config,
            name=self._who.name,
            host=self.addresses[0],
            load=lambda: self.load,
            obey=self.obey,
            counters=self.counters,
            clock=self._clock,
            ticks=asyncio.get_running_loop().time,
        )
        self.sessions.on_carry, self._clients.on_launch = link.carried, link.launched
        return link

    # what the listener serves

    async def client(self, channel: Channel, visit: Visit) -> None:
        """Take over a client's channel."""
        await self._clients.serve(channel, visit)

    async def control(self, channel: Channel, visit: Visit) -> None:
        """Take over a connector's control channel."""
        visit.leave()
        await self.connectors.serve(channel)

    async def data(self, channel: Channel, visit: Visit) -> None:
        """Take over a connector's data channel; it has shown a certificate and is not half-open any more."""
        visit.leave()
        await self.parking.serve(channel)

    async def reach(self, channel: Channel, visit: Visit) -> None:
        """Take over a broker's wire into a location."""
        wanted = await reach.asked(channel, self._config.times.preamble_seconds)
        await self._clients.reach(channel, wanted, visit)

    def is_known(self, network: str) -> bool:
        """Whether a connector's control channel comes from this network."""
        return network in self.connectors.networks

    # what the broker's signals reach

    @property
    def load(self) -> Load:
        """The POP's sessions and capacity."""
        return Load(len(self.sessions), self._config.caps.sessions, self._clients.is_draining)

    def announcements(self) -> Iterable[Announce]:
        """Every connector whose line stands here."""
        return [line.announce() for line in self.connectors]

    def forward(self, frame: Open | Cancel) -> None:
        """Hand the broker's frame to the connector here that it is for."""
        name = frame.connector if isinstance(frame, Open) else self._relayed.pop(frame.nonce, "")
        line = self.connectors.get(name)
        if isinstance(frame, Cancel):
            if line is not None:
                line.standing.send(frame)
        elif line is None:
            self._signal.send(Refused(frame.nonce, CloseCode.CONNECTOR_NONE))
        else:
            self._relayed[frame.nonce] = name
            seconds = frame.deadline_ms / 1000
            asyncio.get_running_loop().call_later(seconds, self._relayed.pop, frame.nonce, None)
            line.open(frame)

    def answered(self, line: Line, frame: Opened | Refused) -> None:
        """Pass on a connector's answer to an `Open` of another POP."""
        if self._relayed.get(frame.nonce) == line.identity.id:
            del self._relayed[frame.nonce]
            self._signal.send(frame)

    def signalled(self, frame: Opened | Refused) -> None:
        """Take the broker's answer to an `Open` that went up."""
        self._rendezvous.answered(None, frame)

    def end(self, frame: End) -> None:
        """End a session, at the connectors and here."""
        self.connectors.broadcast(frame)
        count = self.sessions.end(frame.session, frame.code)
        log.info(
            "session.ended_by_broker",
            extra={"session": frame.session, "code": str(frame.code), "wires": count},
        )

    def revoke(self, connector: str) -> None:
        """End a revoked connector's control channel and what it carries."""
        self.connectors.revoke(connector)
        count = self.sessions.end_of(connector, CloseCode.BROKER_REVOKED)
        log.warning("connector.revoked", extra={"connector": connector, "sessions": count})

    # what connectors say

    def session_ended(self, line: Line, frame: End) -> None:
        """Keep why it ended: the POP itself sees a wire that closes, no more."""
        self.sessions.ended_at(line.identity.id, frame.session, frame.code)

    def connector_came(self, line: Line) -> None:
        """Tell the broker soon: once, however often a connector changes its mind meanwhile."""
        if not self._news:
            asyncio.get_running_loop().call_later(ANNOUNCE_SECONDS, self._announce)
        self._news.add(line)

    def _announce(self) -> None:
        for line in self._news:
            if self.connectors.get(line.identity.id) is line:
                self._signal.send(line.announce())
        self._news.clear()

    def connector_left(self, line: Line) -> None:
        """Tell the broker, and the askers at other POPs."""
        self._signal.connector_left(line.identity.id)
        for nonce in [nonce for nonce, name in self._relayed.items() if name == line.identity.id]:
            del self._relayed[nonce]
            self._signal.send(Refused(nonce, CloseCode.CONNECTOR_LOST))

    # health and running

    def health(self) -> Health:
        """Whether this POP can serve a new client."""
        return judge(
            is_stopping=self._is_stopping,
            is_full=len(self.sessions) >= self._config.caps.sessions,
            is_drained=self._is_drained,
            broker_silent_seconds=self._signal.silent_seconds,
        )

    def obey(self, is_drained: bool) -> None:
        """Drain by ITM's order, without an end: whoever cannot move stays. Or serve again."""
        if is_drained == self._is_drained:
            return
        self._is_drained = is_drained
        log.info("pop.drained" if is_drained else "pop.restored", extra={"sessions": len(self.sessions)})
        self._tell()

    def _tell(self) -> None:
        """Have clients refused while we drain, and tell connectors and broker how it is."""
        self._clients.is_draining = is_draining = self._is_stopping or self._is_drained
        self._clients.is_stopping = self._is_stopping
        if is_draining:
            self._ask_to_move()
            # Launches admitted before the drain have come to their end by then.
            seconds = self._config.times.launch_seconds
            asyncio.get_running_loop().call_later(seconds, self._ask_to_move)
        else:
            self.connectors.broadcast(self.load)
        self._signal.send(self.load)

    def _ask_to_move(self) -> None:
        if self._clients.is_draining:
            self.connectors.broadcast(Drain(int(self._config.times.drain_seconds)))

    def metrics(self) -> str:
        """Return the counters and gauges as Prometheus text."""
        return self.counters.text(
            {
                "sessions": len(self.sessions),
                "connectors": len(self.connectors),
                "half_open": self._gate.total,
                "parked": len(self.parking),
                "pending": len(self._rendezvous),
                "hedged": self._rendezvous.hedged,
                "held_bytes": self.sessions.held_bytes(),
                "signal_standing": float(self._signal.is_standing),
                "draining": float(self._clients.is_draining),
                "report_rows_waiting": self._itm.waiting_rows if self._itm is not None else 0,
            }
        )

    async def run(self, stopping: asyncio.Event) -> None:
        """Serve until `stopping` is set, then drain; returns when nothing is left."""
        times = self._config.times
        chores: list[Coroutine[Any, Any, None]] = [self._signal.run(self), self._reload(), self._renew()]
        if self._brokers:
            chores.append(self._revoked.watch(self._brokers, REVOCATIONS_SECONDS))
            chores.append(self.alternates.watch(self._brokers, times.alternates_seconds))
        if self._itm is not None:
            chores += self._itm.chores()
        running = [self._tasks.create_task(chore) for chore in chores]
        async with _admin_site(self._config, admin.build(self.health, self.metrics, self.sessions)):
            log.info("pop.ready", extra={"pop": self._who.name, "addresses": ",".join(self.addresses)})
            await stopping.wait()
            await self._drain()
        for task in running:
            task.cancel()
        self._listener.close()
        for broker in self._brokers:
            broker.close()
        if self._itm is not None:
            self._itm.close()

    async def _drain(self) -> None:
        seconds = self._config.times.drain_seconds
        self._is_stopping = True
        self._tell()
        log.info("pop.draining", extra={"sessions": len(self.sessions), "seconds": seconds})
        try:
            async with asyncio.timeout(seconds):
                while len(self.sessions):
                    self.sessions.emptied.clear()
                    await self.sessions.emptied.wait()
        except TimeoutError:
            log.warning("pop.drain_cut", extra={"sessions": self.sessions.end_all(CloseCode.POP_STOPPED)})

    async def _reload(self) -> None:
        while True:
            await asyncio.sleep(RELOAD_SECONDS)
            try:
                if self.doors.reload():
                    log.info("certificate.reloaded")
            except ConfigError as error:
                log.warning("certificate.not_reloaded", extra={"reason": str(error)})

    async def _renew(self) -> None:
        while self._who.broker:
            await asyncio.sleep(max(1.0, self._who.renew_at - self._clock()))
            try:
                self._who = await asyncio.to_thread(
                    credential.renew, self._config.state, self._who, self.doors.outward, self._clock
                )
                self.doors.reload()
                log.info("certificate.renewed", extra={"expires_at": self._who.expires_at})
            except (GatewayError, OSError) as error:
                reason = why_not_renewed(error, self._who.expires_at, self._clock(), "pop")
                log.warning("certificate.not_renewed", extra={"reason": reason})
                await asyncio.sleep(RENEW_RETRY_SECONDS)


@contextlib.asynccontextmanager
async def _admin_site(config: PopConfig, app: web.Application) -> AsyncIterator[None]:
    if config.admin is None:
        yield
        return
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, *config.admin).start()
        address: Address = runner.addresses[0][:2]
        (config.state / "admin").write_text(_text(address) + "\n")
        yield
    finally:
        await runner.cleanup()


def _reachable(listening: tuple[Address, ...]) -> tuple[str, ...]:
    if any(host in ("0.0.0.0", "::") for host, _ in listening):  # noqa: S104 - compared, not bound
        raise ConfigError("pop.address: say where connectors reach this host; it listens on all addresses")
    return tuple(_text(address) for address in listening)


def _text(address: Address) -> str:
    host, port = address
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


async def serve(config: PopConfig, who: Credential) -> None:
    """Run a POP until SIGTERM or SIGINT and the end of its drain; a second signal stops at once."""
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()

    def stop() -> None:
        if stopping.is_set():
            raise SystemExit(1)
        stopping.set()

    for number in (signals.SIGTERM, signals.SIGINT):
        loop.add_signal_handler(number, stop)
    async with asyncio.TaskGroup() as tasks:
        await Pop(config, who, tasks).run(stopping)
