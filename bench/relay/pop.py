"""An idle session in a real POP: opened with a ticket, a rendezvous and a connector, TLS on both legs."""

from __future__ import annotations

import ssl
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from bench.gateway import clients
from bench.gateway.stand import Stand, stand
from bench.relay.load import MESSAGE

Client = clients.Resumable | ssl.SSLSocket
WARM, AT_ONCE = 50, 8
BATCH = 500
"""Tickets hold 100 s: they are made as they are used."""
SETTLE_SECONDS = 12.0
"""A POP remembers a rendezvous for its launch time-out."""


def memory_idle(count: int) -> dict[str, float]:
    """Return kB of the POP per session that has carried one message, of native and of resumable clients."""
    return {
        "native_idle_kb": _memory(clients.socks5, count),
        "resumable_idle_kb": _memory(clients.Resumable, count),
    }


def _memory(way: Callable[[int, str], Client], count: int) -> float:
    with tempfile.TemporaryDirectory() as folder, stand(Path(folder)) as made:
        meter = made.meter("pop-a")
        live = _open_all(way, made, WARM)
        time.sleep(1)
        before = meter.memory_kb()
        for start in range(0, count, BATCH):
            live += _open_all(way, made, min(BATCH, count - start))
        time.sleep(SETTLE_SECONDS)
        found = (meter.memory_kb() - before) / count
        for session in live:
            session.close()
    return round(found, 1)


def _open_all(way: Callable[[int, str], Client], made: Stand, count: int) -> list[Client]:
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(lambda ticket: _open(way, made.port(), ticket), made.tickets(count)))


def _open(way: Callable[[int, str], Client], port: int, ticket: str) -> Client:
    session = way(port, ticket)
    session.sendall(b"e" + MESSAGE)
    session.recv()
    return session
