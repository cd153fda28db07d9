"""One DNS worker: its sockets, the map it follows, the health it watches, the counters it shows.

The only file of this package that starts something. A map is read, verified and made a book in a
thread, then one reference is replaced; a map that is not sound is refused and the last good one stays.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import logging
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from itm.dns import counters, listen, udp
from itm.dns.answer import Answerer
from itm.dns.book import Book
from itm.dns.follower import Follower
from itm.dns.identity import Identified, Identity
from itm.dns.ratelimit import RateLimit, Rates
from itm.dns.tcp import Connections
from itm.dns.wildcard import WildcardSocket
from itm.routemap.health import HealthReader

log = logging.getLogger(__name__)

HEALTH_SECONDS: Final = 0.1
"""Longest time a state change waits when no packet comes."""
STATS_SECONDS: Final = 1.0
LOADING_PRIORITY: Final = 5
"""Of the thread that loads and checks a new map, in Linux' per-thread nice values."""

PRIORITY: Final = -10
"""Niceness of an answering process, where the system lets us (root or CAP_SYS_NICE)."""
SWITCH_SECONDS: Final = 0.0002
"""How long the thread that loads a map may hold the interpreter while packets wait (default 5 ms)."""


@dataclass(frozen=True, slots=True)
class NodeConfig:
    """What one worker is told. `stats` is its own counters file, `dns-<n>.json`."""

    listen: tuple[str, ...]
    maps: Path
    health: Path
    stats: Path
    signatures: Path
    udp_payload_bytes: int = 1232
    tcp_idle_seconds: float = 10.0
    tcp_connections: int = 150
    reload_seconds: float = 0.5
    nsid: str = ""
    version: str = ""
    cookie_secrets: Path | None = None
    rates: Rates | None = None


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
        fixed = Identity(config.nsid, config.version, keep_alive_seconds=config.tcp_idle_seconds)
        self._identified = Identified(fixed, config.cookie_secrets, clock)
        self.answerer = Answerer(
            health=self._health,
            payload=config.udp_payload_bytes,
            limit=RateLimit(config.rates, time.monotonic) if config.rates is not None else None,
        )
        self.addresses: list[tuple[str, int]] = []
        """Where UDP listens, in the order of `listen` (port 0 resolved)."""

    def stop(self) -> None:
        """Make `run` return."""
        self._stopping.set()

    async def run(self, ready: Callable[[], None] = lambda: None) -> None:
        """Serve until `stop`; `ready` is called when all sockets are open.

        Raises `OSError` and `ConfigError` when they cannot be.
        """
        self._take(self._follower.load(self.answerer.book))
        self._identify()
        connections = Connections(
            self._answer_tcp,
            most=self._config.tcp_connections,
            idle_seconds=self._config.tcp_idle_seconds,
        )
        places = [listen.parse(text) for text in self._config.listen]
        loop = asyncio.get_running_loop()
        sockets, servers = [], []
        try:
            for place in places:
                sock, server = await _open_pair(place, connections)
                sockets.append(sock)
                servers.append(server)
                self.addresses.append((place.host, sock.getsockname()[1]))
                loop.add_reader(sockets[-1], self._drain, _source_true(place, sockets[-1]))
            ready()
            async with asyncio.TaskGroup() as group:
                ticks = [group.create_task(job) for job in (self._watch(), self._follow(), self._tell())]
                await self._stopping.wait()
                for tick in ticks:
                    tick.cancel()
        finally:
            for sock in sockets:
                loop.remove_reader(sock)
                sock.close()
            for server in servers:
                server.close()
            connections.drop_all()
            self._write_stats(self._stats())

    def _drain(self, sock: udp.Socket) -> None:
        self.answerer.check_health()
        udp.drain(sock, self.answerer.answer)

    def _answer_tcp(self, packet: bytes, peer: str) -> bytes | None:
        self.answerer.check_health()
        self.answerer.counters.tcp += 1
        return self.answerer.answer(packet, peer, tcp=True)

    def _take(self, fresh: tuple[Book, int] | None) -> None:
        if fresh is not None:
            self.answerer.use(*fresh)

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(HEALTH_SECONDS)
            self.answerer.check_health()

    async def _follow(self) -> None:
        while True:
            await asyncio.sleep(self._config.reload_seconds)
            if self._health.refresh():
                self.answerer.use(self.answerer.book)
            self._identify()
            self._take(await asyncio.to_thread(self._load))

    def _identify(self) -> None:
        self.answerer.identity = self._identified.look() or self.answerer.identity

    def _load(self) -> tuple[Book, int] | None:
        """Load in this thread, at the priority of ordinary work: the loop that answers goes before it."""
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), LOADING_PRIORITY)
        return self._follower.load(self.answerer.book)

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
            "fail_open": self.answerer.book.fail_open,
            "health_sequence": self._health.sequence(),
            "signatures_end_at": self.answerer.book.zones.signatures.ends_at,
            **self.answerer.counters.snapshot(),
        }


async def _open_pair(place: listen.Listen, connections: Connections) -> tuple[socket.socket, asyncio.Server]:
    """Open UDP and TCP on one port. The kernel picks port 0 for UDP alone: another is tried if TCP has it."""
    tries = 1 if place.port else 10
    while True:
        tries -= 1
        sock = udp.listen(place)
        try:
            port = sock.getsockname()[1]
            return sock, await connections.listen(listen.Listen(place.host, port))
        except OSError:
            sock.close()
            if not tries:
                raise


def _source_true(place: listen.Listen, sock: socket.socket) -> udp.Socket:
    return WildcardSocket(sock) if ipaddress.ip_address(place.host).is_unspecified else sock


def run(config: NodeConfig, ready: Callable[[], None] = lambda: None) -> None:
    """Serve until SIGTERM, SIGINT or the end of standard input (the supervisor's pipe)."""
    go_first()
    asyncio.run(_serve(config, ready))


def go_first() -> None:
    """Make answering come before other work: of this process's threads, and of other processes if allowed."""
    sys.setswitchinterval(SWITCH_SECONDS)
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, 0, PRIORITY)


async def _serve(config: NodeConfig, ready: Callable[[], None]) -> None:
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
    await node.run(ready)
