"""One DNS worker: its sockets, the map it follows, the health it watches, the counters it shows.

The only file of this package that starts something. A map is read, verified and made a book in a
thread, then one reference is replaced; a map that is not sound is refused and the last good one stays.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from itm.dns import counters, listen, openfiles, serial, udp
from itm.dns.amplification import Factors
from itm.dns.answer import Answerer
from itm.dns.asked import MOST_WAITING, WRITE_SECONDS, AskedFile, Taken
from itm.dns.book import Book
from itm.dns.certificate import Certificate, Pair
from itm.dns.connections import Bounds, Connections
from itm.dns.counters import Counters
from itm.dns.follower import Follower
from itm.dns.identity import Identified, Identity
from itm.dns.name import decode
from itm.dns.networks import Networks
from itm.dns.padding import pad
from itm.dns.ports import Ports
from itm.dns.proxied import ProxiedSocket
from itm.dns.ratelimit import RateLimit, Rates
from itm.dns.sessions import Teller
from itm.dns.streams import Streams
from itm.dns.tcp import Answer, Door, Encryption
from itm.dns.tls import ALPN, SETTINGS, Handshakes
from itm.dns.transfer import Transfers
from itm.dns.tsigkeys import KeyFile
from itm.dns.turns import Turns
from itm.routemap.health import HealthReader

log = logging.getLogger(__name__)

HEALTH_SECONDS: Final = 0.1
"""Longest time a state change waits when no packet comes."""
STATS_SECONDS: Final = 1.0
PRIORITY: Final = -10
"""Niceness of an answering process, where the system lets us (root or CAP_SYS_NICE)."""
SWITCH_SECONDS: Final = 0.0002
"""How long the thread that loads a map may hold the interpreter while packets wait (default 5 ms)."""
UNPRIVILEGED: Final = contextlib.nullcontext()
"""Binding as whoever we are."""


@dataclass(frozen=True, slots=True)
class NodeConfig:
    """What one worker is told. `stats` is its own counters file, `dns-<n>.json`."""

    listen: tuple[str, ...]
    maps: Path
    health: Path
    stats: Path
    signatures: Path
    tls_listen: tuple[str, ...] = ()
    certificate: Pair | None = None
    tls_connections: int = 2_000
    tls_handshakes_per_second: int = 200
    proxy_from: tuple[str, ...] = ()
    udp_payload_bytes: int = 1232
    tcp_idle_seconds: float = 10.0
    tcp_connections: int = 10_000
    tcp_per_client: int = 25
    tcp_exempt: tuple[str, ...] = ()
    reload_seconds: float = 0.5
    nsid: str = ""
    version: str = ""
    cookie_secrets: Path | None = None
    rates: Rates | None = None
    tsig_keys: Path | None = None
    factors: Factors | None = None
    state: Path | None = None
    """Where the edge listens for the names of browser sessions; None: nobody is told."""
    queries: Path | None = None
    """The folder that what is asked goes to, added up by network; None: it is not kept."""


class Node:
    """A worker that serves until `stop` is called."""

    def __init__(self, config: NodeConfig, clock: Callable[[], float] = time.time) -> None:
        self._config = config
        self._clock = clock
        self._started_at = clock()
        self._health = HealthReader(config.health)
        self._follower = Follower(config.maps, self._health, config.signatures)
        self._stopping = asyncio.Event()
        self._writing = threading.Lock()
        self._proxies = Networks(config.proxy_from, "dns.proxy_from")
        self._tcp, self._tls = _connections(config)
        fixed = Identity(config.nsid, config.version, keep_alive_seconds=lambda: self._tcp.idle_seconds)
        self._identified = Identified(fixed, config.cookie_secrets, clock)
        self._key_file = KeyFile(config.tsig_keys)
        self.transfers = Transfers(clock, payload=config.udp_payload_bytes)
        """Zones on their way to secondaries."""
        told = Counters()
        self._teller = Teller(config.state, told) if config.state is not None else None
        self.answerer = Answerer(
            health=self._health,
            payload=config.udp_payload_bytes,
            counters=told,
            limit=RateLimit(config.rates, time.monotonic) if config.rates is not None else None,
            clock=clock,
            factors=config.factors,
            tell=self._teller.tell if self._teller is not None else None,
        )
        self.addresses: list[tuple[str, int]] = []
        """Where UDP and TCP listen, in the order of `listen` (port 0 resolved)."""
        self.tls_addresses: list[tuple[str, int]] = []
        self._certificate: Certificate | None = None
        folder = config.queries
        self._asked = AskedFile(folder, config.stats.stem, clock) if folder is not None else None

    def stop(self) -> None:
        """Make `run` return."""
        self._stopping.set()

    async def run(
        self,
        ready: Callable[[], None] = lambda: None,
        binding: AbstractContextManager[None] = UNPRIVILEGED,
    ) -> None:
        """Serve until `stop`; `ready` is called when all sockets are answered on.

        Sockets are bound inside `binding`, which may lend the right to; maps and certificates are read after
        it. Raises `OSError` and `ConfigError`.
        """
        places = [listen.parse(text) for text in self._config.listen]
        tls_places = [listen.parse(text, "dns.tls_listen") for text in self._config.tls_listen]
        with binding:
            ports = Ports(places, tls_places, idle_seconds=self._config.tcp_idle_seconds)
        try:
            self.addresses, self.tls_addresses = ports.addresses, ports.tls_addresses
            self._take(self._follower.load(self.answerer.book))
            self._identify()
            await ports.serve_streams(*self._doors())
            ports.serve_datagrams(self._drain, self._wrap)
            ready()
            async with asyncio.TaskGroup() as group:
                jobs = self._watch(), self._follow(), self._tell(), self._hand_over()
                ticks = [group.create_task(job) for job in jobs]
                await self._stopping.wait()
                for tick in ticks:
                    tick.cancel()
        finally:
            ports.close()
            for connections in (self._tcp, self._tls):
                connections.drop_all()
            if self._teller is not None:
                self._teller.close()
            self._write_stats(self._stats())
            self._write_asked(self.answerer.take_asked())

    def _doors(self) -> tuple[Door, Door | None]:
        """Return what TCP and TLS come in by; both wait in one line."""
        loop = asyncio.get_running_loop()
        lines = Turns(loop.call_soon), Streams(loop.call_later, time.monotonic)
        counters, pair = self.answerer.counters, self._config.certificate
        tcp_door = Door(self._answer_tcp, self._tcp, *lines, counters, self._proxies)
        if pair is None:
            return tcp_door, None
        self._certificate = Certificate(pair, SETTINGS, ALPN)
        handshakes = Handshakes(self._config.tls_handshakes_per_second, time.monotonic)
        encryption = Encryption(self._certificate, handshakes)
        return tcp_door, Door(self._answer_tls, self._tls, *lines, counters, self._proxies, encryption)

    def _wrap(self, sock: udp.Socket) -> udp.Socket:
        return ProxiedSocket(sock, self._proxies, self.answerer.counters) if self._proxies else sock

    def _drain(self, sock: udp.Socket) -> None:
        self.answerer.check_health()
        udp.drain(sock, self.answerer.answer)

    def _answer_tcp(self, packet: bytes, peer: str) -> Answer:
        self.answerer.counters.tcp += 1
        return self._answer_stream(packet, peer)

    def _answer_tls(self, packet: bytes, peer: str) -> Answer:
        self.answerer.counters.tls += 1
        answer = self._answer_stream(packet, peer)
        return pad(answer) if isinstance(answer, bytes) else answer

    def _answer_stream(self, packet: bytes, peer: str) -> Answer:
        answerer = self.answerer
        answerer.check_health()
        whole = self.transfers.begin(packet, peer, answerer.book, answerer.keys)
        return whole if whole is not None else answerer.answer(packet, peer, tcp=True)

    def _take(self, fresh: tuple[Book, int] | None) -> None:
        if fresh is not None:
            self.answerer.use(*fresh)

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(HEALTH_SECONDS)
            self.answerer.check_health()
            for connections in (self._tcp, self._tls):
                connections.expire()
            if self._teller is not None:
                self._teller.flush()

    async def _follow(self) -> None:
        while True:
            await asyncio.sleep(self._config.reload_seconds)
            if self._health.refresh():
                self.answerer.use(self.answerer.book)
            self._identify()
            if self._certificate is not None:
                self._certificate.look()
            fresh = await asyncio.to_thread(self._load)
            if fresh is not None:
                old = self.answerer.book
                self._take(fresh)
                await asyncio.to_thread(old.dissolve, fresh[0])

    def _identify(self) -> None:
        self.answerer.identity = self._identified.look() or self.answerer.identity
        self.answerer.keys = self._key_file.look()

    def _load(self) -> tuple[Book, int] | None:
        """Load in this thread, at the priority of the answers.

        At a lower one, other work of the machine would stop it while it holds the interpreter, and the
        answers with it. The collector would hold the interpreter while it looks through a whole book: it
        waits, and never looks at what was loaded. A book is no cycle and goes without it.
        """
        gc.disable()
        try:
            return self._follower.load(self.answerer.book)
        finally:
            gc.freeze()
            gc.enable()

    async def _tell(self) -> None:
        while True:
            # In a thread: a rename waits for the disk while a map is being synced, queries must not.
            await asyncio.to_thread(self._write_stats, self._stats())
            await asyncio.sleep(STATS_SECONDS)

    def _write_stats(self, stats: dict[str, Any]) -> None:
        try:
            with self._writing:  # the last one is written while a thread may still be at the one before
                counters.write(self._config.stats, stats)
        except OSError as error:
            log.warning("stats.failed", extra={"reason": str(error)})

    async def _hand_over(self) -> None:
        """Write what was asked every few seconds, earlier when it is much."""
        waited, before = 0.0, 0
        while True:
            await asyncio.sleep(STATS_SECONDS)
            waited += STATS_SECONDS
            steered = sum(self.answerer.counters.by_pop().values())
            if waited >= WRITE_SECONDS or steered - before >= MOST_WAITING:
                waited, before = 0.0, steered
                await asyncio.to_thread(self._write_asked, self.answerer.take_asked())

    def _write_asked(self, taken: list[Taken]) -> None:
        if self._asked is None:
            return
        try:
            with self._writing:
                self._asked.add(taken)
        except OSError as error:
            log.warning("queries.unwritten", extra={"reason": str(error)})

    def _stats(self) -> dict[str, Any]:
        routemap = self.answerer.book.routemap
        return {
            "pid": os.getpid(),
            "time": self._clock(),
            "started_at": self._started_at,
            "map_version": routemap.version if routemap is not None else None,
            "map_built_at": routemap.built_at if routemap is not None else None,
            "map_basis": routemap.basis if routemap is not None else None,
            "maps_refused": self._follower.refused,
            "serials": {
                decode(origin): serial.of(zone.soa) for origin, zone in self.answerer.book.zones.zones.items()
            },
            "fail_open": self.answerer.book.fail_open,
            "health_sequence": self._health.sequence(),
            "signatures_end_at": self.answerer.book.zones.signatures.ends_at,
            "connections": {"tcp": len(self._tcp), "tls": len(self._tls)},
            "shed": {
                "full": self._tcp.shed_full + self._tls.shed_full,
                "client": self._tcp.shed_client + self._tls.shed_client,
                "handshakes": self.answerer.counters.tls_shed,
            },
            **self.answerer.counters.snapshot(),
        }


def _connections(config: NodeConfig) -> tuple[Connections, Connections]:
    """Return those over TCP and over TLS; each listener has its own, as many as the process may open."""
    wanted = (config.tcp_connections, config.tls_connections if config.tls_listen else 0)
    given = openfiles.shared(wanted, openfiles.raise_limit())
    if given != wanted:
        log.warning("connections.fewer", extra={"tcp": given[0], "tls": given[1]})
    exempt = Networks(config.tcp_exempt, "dns.tcp_exempt")
    bounds = [Bounds(most, config.tcp_per_client, config.tcp_idle_seconds, exempt) for most in given]
    return Connections(bounds[0], time.monotonic), Connections(bounds[1], time.monotonic)


def run(config: NodeConfig, binding: AbstractContextManager[None] = UNPRIVILEGED) -> None:
    """Serve until SIGTERM, SIGINT or the end of standard input (the supervisor's pipe).

    What may need privileges is done inside `binding`, before anything is read or answered.
    """
    asyncio.run(_serve(config, binding))


@contextlib.contextmanager
def _going_first(binding: AbstractContextManager[None]) -> Iterator[None]:
    with binding:
        go_first()
        yield


def go_first() -> None:
    """Make answering come before other work: of this process's threads, and of other processes if allowed."""
    sys.setswitchinterval(SWITCH_SECONDS)
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, 0, PRIORITY)


async def _serve(config: NodeConfig, binding: AbstractContextManager[None]) -> None:
    node = Node(config)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, node.stop)
    stdin = sys.stdin.fileno()

    def look() -> None:
        if not os.read(stdin, 4096):
            loop.remove_reader(stdin)
            node.stop()

    try:
        loop.add_reader(stdin, look)
    except PermissionError:  # a regular file or /dev/null cannot end
        log.info("stdin.ignored")
    await node.run(binding=_going_first(binding))
