"""Crowds that stall or never finish to arrive: memory stays bounded, and who was there first goes on."""

from __future__ import annotations

import ssl
import time
from collections.abc import Iterator

import pytest

from bench.flood.crowd import HalfOpen, Stalled
from bench.gateway import clients
from bench.gateway.stand import Stand, metrics, stand
from tests.programs import wait_until

pytestmark = pytest.mark.long

STALLED, STALLED_MOST_KB = 1000, 300
HALF_OPEN, HALF_OPEN_CAP, HALF_OPEN_MOST_MB = 10_000, 2_000, 64
HANDSHAKE_SECONDS = 3


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    """Run a gateway with wide limits on sessions and the usual ones on what is no session yet."""
    words = ("--handshake-seconds", str(HANDSHAKE_SECONDS))
    with stand(tmp_path_factory.mktemp("floods"), *words) as running:
        yield running


@pytest.fixture
def other(made: Stand) -> Iterator[ssl.SSLSocket]:
    """Open a session that echoes, before any crowd."""
    sock = clients.socks5(made.port(), made.tickets(1)[0])
    sock.sendall(b"e")
    yield sock
    sock.close()


def echo(sock: ssl.SSLSocket, text: bytes) -> bytes:
    """Send, and return as much."""
    sock.sendall(text)
    data = b""
    while len(data) < len(text):
        data += sock.recv(len(text) - len(data))
    return data


def test_a_thousand_stalled_readers(made: Stand, other: ssl.SSLSocket) -> None:
    """Their VDAs stop, the POP keeps a chunk for each and costs no CPU; another session goes on."""
    meter = made.meter("pop-a")
    before = meter.memory_kb()
    crowd = Stalled(made, STALLED)
    time.sleep(2)
    held, cpu = metrics(made.stack)["gateway_pop_held_bytes"], meter.cpu_seconds()
    for number in range(100):
        text = f"{number:64}".encode()
        assert echo(other, text) == text
        time.sleep(0.02)
    assert meter.cpu_seconds() - cpu < 1.0
    assert metrics(made.stack)["gateway_pop_held_bytes"] == held > 0
    assert (meter.memory_kb() - before) / STALLED < STALLED_MOST_KB
    crowd.close()
    wait_until(lambda: metrics(made.stack)["gateway_pop_sessions"] == 1, 20, "they are gone")
    assert metrics(made.stack)["gateway_pop_held_bytes"] == 0


def test_ten_thousand_half_open_handshakes(made: Stand, other: ssl.SSLSocket) -> None:
    """The cap refuses most at once, time the rest, dribbling does not help; a session goes on meanwhile."""
    meter = made.meter("pop-a")
    before = meter.memory_kb()
    crowd = HalfOpen(made.port(), HALF_OPEN, networks=500)
    assert metrics(made.stack)["gateway_pop_half_open"] <= HALF_OPEN_CAP
    for number in range(100):
        text = f"{number:64}".encode()
        assert echo(other, text) == text
        crowd.dribble() if number % 20 == 0 else time.sleep(0.02)
    assert meter.memory_kb() - before < HALF_OPEN_MOST_MB * 1024
    wait_until(lambda: crowd.standing == 0, 4 * HANDSHAKE_SECONDS, "nobody half-open is left")
    found = metrics(made.stack)
    assert found['gateway_pop_refused_total{reason="half_open"}'] >= HALF_OPEN - 2 * HALF_OPEN_CAP
    assert found['gateway_pop_refused_total{reason="client_handshake_timeout"}'] >= HALF_OPEN_CAP / 2
    assert found["gateway_pop_half_open"] == 0
    clients.socks5(made.port(), made.tickets(1)[0]).close()
    crowd.close()
