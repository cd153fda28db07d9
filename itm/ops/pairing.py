"""The edge's ear for session names: what DNS workers resolved and what was asked for, learned as a clientele.

Datagrams of the workers come in on a socket of the state directory; pairs go into the clientele, which is
written every few seconds when it changed. Its file is all that is durable: a crash loses those seconds.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

from collectors.clientele import Clientele
from collectors.clienteletable import FILE, ClienteleTable
from collectors.errors import ArraysError
from collectors.network import Network
from collectors.pairing import Pair, Pairs
from itm.dns import sessions
from itm.dns.sessions import DATAGRAM, SOCKET
from itm.ops.metrics import Registry, Sample

log = logging.getLogger(__name__)

CHECKPOINT_SECONDS: Final = 10.0
"""The least time from one writing of the clientele to the next: what a crash of the edge may lose."""

LOOK_SECONDS: Final = 1.0
"""How often it is looked whether there is something to write."""

BATCH: Final = 256
"""Datagrams per wake of the event loop."""

DAY_SECONDS: Final = 86_400.0


class Pairing:
    """Learns who sits behind which resolver. `half_life_days` ages what is not seen again."""

    def __init__(
        self, state: Path, half_life_days: float, registry: Registry, clock: Callable[[], float]
    ) -> None:
        self._state = state
        self._clock = clock
        self._pairs = Pairs()
        self._clientele = Clientele.of(_restored(state / FILE), half_life_days * DAY_SECONDS)
        self._is_changed = False
        self._writing = threading.Lock()
        self._malformed = 0
        self._outcomes = registry.counter("itm_pairs_total", "Pairs of resolver and client, by outcome.")
        registry.counted(
            "itm_sessions_unpaired_total", "Sessions that made no pair, by reason.", self._unpaired
        )
        registry.gauge(
            "itm_resolvers", "Resolvers with a known client.", lambda: [({}, len(self._clientele))]
        )

    def asked(self, session: str, network: Network) -> None:
        """Take note that a client of this network was given the session."""
        self._learn(self._pairs.asked(session, network, self._clock()))

    def heard(self, datagram: bytes) -> None:
        """Take in what a DNS worker says; what is no resolution is counted and changes nothing."""
        try:
            one = sessions.unpack(datagram)
        except ValueError:
            self._malformed += 1
            return
        subnet = Network(*one.subnet) if one.subnet else None
        self._learn(self._pairs.resolved(one.session, Network(*one.resolver), subnet, self._clock()))

    async def run(self) -> None:
        """Listen until cancelled, writing the clientele now and then; what is left is written at the end."""
        loop = asyncio.get_running_loop()
        try:
            held = contextlib.closing(_listening(self._state))
        except OSError as error:  # nothing else of the edge hangs on it
            log.error("sessions.deaf", extra={"reason": str(error)})
            return
        with held as ear:
            loop.add_reader(ear, self._drain, ear)
            written_at = -CHECKPOINT_SECONDS
            try:
                while True:
                    await asyncio.sleep(LOOK_SECONDS)
                    self._pairs.expire(self._clock())
                    if self._is_changed and loop.time() >= written_at + CHECKPOINT_SECONDS:
                        await self._checkpoint()
                        written_at = loop.time()
            finally:
                loop.remove_reader(ear)
                (self._state / SOCKET).unlink(missing_ok=True)
                if self._is_changed:
                    self._write(self._clientele.table())

    def _drain(self, ear: socket.socket) -> None:
        with contextlib.suppress(BlockingIOError):
            for _ in range(BATCH):
                self.heard(ear.recv(DATAGRAM.size + 1))

    def _learn(self, pair: Pair | None) -> None:
        if pair is not None:
            outcome = self._clientele.learn(pair, self._clock())
            self._outcomes.add(outcome=outcome)
            self._is_changed |= outcome == "learned"

    async def _checkpoint(self) -> None:
        self._is_changed = False
        pieces = []
        for piece in self._clientele.aged(self._clock()):
            pieces.append(piece)
            await asyncio.sleep(0)  # a large clientele takes half a second, and beacons do not wait for it
        await asyncio.to_thread(self._write, ClienteleTable.joined(pieces))

    def _write(self, table: ClienteleTable) -> None:
        try:
            with self._writing:  # the last one is written while a thread may still be at the one before
                table.write(self._state / FILE)
        except OSError as error:
            self._is_changed = True
            log.warning("clientele.unwritten", extra={"reason": str(error)})

    def _unpaired(self) -> Iterable[Sample]:
        counts = {**self._pairs.outcomes, "malformed": self._malformed}
        return [({"reason": reason}, count) for reason, count in sorted(counts.items())]


def _restored(path: Path) -> ClienteleTable:
    try:
        return ClienteleTable.read(path)
    except FileNotFoundError:
        pass
    except ArraysError as error:
        log.warning("clientele.unusable", extra={"reason": str(error)})
    return ClienteleTable.nothing()


def _listening(state: Path) -> socket.socket:
    """Bind the socket, in the place of one that an edge before left, for us and our workers alone."""
    (state / SOCKET).unlink(missing_ok=True)
    ear = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    try:
        ear.setblocking(False)
        with sessions.reachable(state) as path:
            ear.bind(path)
        (state / SOCKET).chmod(0o600)
    except OSError:
        ear.close()
        raise
    return ear
