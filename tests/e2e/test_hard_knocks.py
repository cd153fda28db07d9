"""What takes long and hurts: a flood of garbage, and a server killed in the middle of its work."""

from __future__ import annotations

import json
import random
import socket
import time
import urllib.request

import pytest

from tests.e2e.conftest import StartServer
from tests.e2e.serving import Server, children_of, kill
from tests.programs import dig, wait_until

pytestmark = pytest.mark.long

PACKETS = 100_000
SEED = 20_260_605
QUERY = bytes.fromhex(
    "123401000001000000000001" + "026777076578616d706c65036e657400" + "00010001"
    "00002904d000000000000b" + "0008000700011800850b00"
)
"""gw.example.net A with EDNS and ECS 133.11.0.0/24."""


def mutated(rng: random.Random) -> bytes:
    packet = bytearray(QUERY)
    for _ in range(rng.randint(1, 6)):
        kind = rng.random()
        at = rng.randrange(len(packet)) if packet else 0
        if kind < 0.6 and packet:
            packet[at] = rng.randrange(256)
        elif kind < 0.8:
            packet[at:at] = rng.randbytes(rng.randint(1, 12))
        else:
            del packet[at : at + rng.randint(1, 12)]
    return bytes(packet)


def test_a_flood_of_garbage_stops_nothing(start: StartServer) -> None:
    """100,000 mutated packets and junk over TCP: no worker dies, and the answers stay the same."""
    server = start()
    before = server.address_for("133.11.0.0/24")
    workers = children_of(server.process.pid)
    rng = random.Random(SEED)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.connect(server.dns)
        sock.setblocking(False)
        for number in range(PACKETS):
            sock.send(mutated(rng))
            if number % 64 == 0:
                time.sleep(0.001)  # let the worker see most of them instead of a full buffer
                drain(sock)
    for _ in range(200):
        with socket.create_connection(server.dns, timeout=5) as stream:
            junk = rng.randbytes(rng.randint(1, 600))
            stream.sendall(len(junk).to_bytes(2, "big") + junk)
    assert server.address_for("133.11.0.0/24") == before
    assert dig("example.net", "SOA", "+tcp", server=server.dns[0], port=server.dns[1])
    assert children_of(server.process.pid) == workers, "a process died"


def drain(sock: socket.socket) -> None:
    try:
        while True:
            sock.recv(4096)
    except BlockingIOError:
        pass


def test_what_a_feed_acknowledged_survives_kill_9(start: StartServer) -> None:
    """Rows answered with 200 are counted after every process was killed in the moment of the answer."""
    server = start(builder__interval_seconds="1")
    pop = json.loads(get(server, "/api/v1/pops"))["pops"][0]["id"]
    now = time.time()
    rows = [f"133.11.7.0/24,{pop},rtt_ms,{300 + n % 50},{now}" for n in range(500)]
    body = "\n".join(["network,pop,metric,value,time", *rows]).encode()
    token = (server.log.parent / "ops.token").read_text().strip()
    request = urllib.request.Request(
        f"http://{server.ops}/api/v1/feed",
        data=body,
        headers={"Content-Type": "text/csv", "Authorization": f"Bearer {token}"},
    )
    victims = [*children_of(server.process.pid), server.process.pid]
    with urllib.request.urlopen(request, timeout=30) as answer:
        assert answer.status == 200
        for pid in victims:
            kill(pid)
    server.process.wait(timeout=15)
    again = start()
    wait_until(lambda: counted(again) >= len(rows), 60, "the builder has counted every acknowledged row")


def counted(server: Server) -> int:
    report = json.loads(get(server, "/api/v1/map"))["builder"]
    return int(report["counted"]) if report else 0


def get(server: Server, path: str) -> bytes:
    with urllib.request.urlopen(f"http://{server.ops}{path}", timeout=10) as answer:
        data: bytes = answer.read()
    return data
