"""The servers under test, each in a process of its own.

    python -m bench.dns.server echo            a bare `recvfrom`/`sendto` loop
    python -m bench.dns.server node MAPS       the real worker
    python -m bench.dns.server whole MAPS      the real worker with cookies, identity and rate limit on
    python -m bench.dns.server stamped MAPS    the real worker, its sockets with a stopwatch
    python -m bench.dns.server crowded-tcp MAPS, crowded-tls MAPS
        the real worker with TLS (MAPS/tls.pem) and room for idle connections

Prints its port (a crowded one that of TLS too), serves until standard input ends; `stamped` then prints the
percentiles of the time from the kernel's receive stamp (SO_TIMESTAMPNS) to the reply's `sendto`, per phase
(a line on stdin starts a new one).
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import struct
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from itm.dns import cookie, udp
from itm.dns.certificate import Pair
from itm.dns.node import Node, NodeConfig, go_first
from itm.dns.ratelimit import Rates

UNREACHED = Rates(*[1 << 40] * 4)
"""Every reply is counted, none is cut: what the limiter costs while it lets through."""
SO_TIMESTAMPNS = 35  # Linux; not in the socket module
MOST_CROWD, MOST_OTHERS = 12_000, 1_000  # together below a usual hard limit of 20,000 open files


def echo() -> None:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(("127.0.0.1", 0))
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, udp.RECEIVE_BUFFER_BYTES)
    print(sock.getsockname()[1], flush=True)
    threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()
    while True:
        packet, peer = sock.recvfrom(4096)
        sock.sendto(packet, peer)


class Stamped:
    """A socket that notes how long each packet waited, in nanoseconds."""

    def __init__(self) -> None:
        self.sock: socket.socket | None = None
        self.waits: list[int] = []
        self._stamp = 0

    def recvfrom(self, size: int, /) -> tuple[bytes, Any]:
        assert self.sock is not None
        packet, ancillary, _, peer = self.sock.recvmsg(size, 64)
        seconds, nanoseconds = struct.unpack("qq", ancillary[0][2])
        self._stamp = seconds * 1_000_000_000 + nanoseconds
        return packet, peer

    def sendto(self, data: bytes, address: Any, /) -> int:
        assert self.sock is not None
        sent = self.sock.sendto(data, address)
        self.waits.append(time.clock_gettime_ns(time.CLOCK_REALTIME) - self._stamp)
        return sent


class StampedNode(Node):
    """The real worker, draining through the stopwatch."""

    def __init__(self, config: NodeConfig) -> None:
        super().__init__(config)
        self.stopwatch = Stamped()

    def _drain(self, sock: Any) -> None:
        if self.stopwatch.sock is None:
            sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
            self.stopwatch.sock = sock
            return  # what came before the option has no stamp; the next wake sees it again
        self.answerer.check_health()
        udp.drain(self.stopwatch, self.answerer.answer)


async def serve(kind: str, maps: Path) -> None:
    files = [maps / name for name in ("health.table", "dns-0.json", "signatures")]
    config = NodeConfig(("127.0.0.1:0",), maps, *files, queries=maps / "queries")
    if kind.startswith("crowded"):
        config = crowded(config, maps / "tls.pem", is_tls=kind == "crowded-tls")
    if kind == "whole":
        cookie.ensure(maps / cookie.FILE)
        config = replace(
            crowded(config, maps / "tls.pem", is_tls=True),
            rates=UNREACHED,
            nsid="bench",
            version="bench",
            cookie_secrets=maps / cookie.FILE,
        )
    node = StampedNode(config) if kind == "stamped" else Node(config)
    loop = asyncio.get_running_loop()
    phases: list[int] = []

    def told() -> None:
        if not os.read(0, 4096):
            loop.remove_reader(0)
            node.stop()
        elif isinstance(node, StampedNode):
            phases.append(len(node.stopwatch.waits))

    loop.add_reader(0, told)
    await node.run(lambda: print(*(port for _, port in node.addresses + node.tls_addresses), flush=True))
    if isinstance(node, StampedNode):
        parts = np.split(np.array(node.stopwatch.waits) / 1000, phases)
        print(json.dumps([_percentiles(part) for part in parts if len(part)]), flush=True)


def crowded(config: NodeConfig, pem: Path, *, is_tls: bool) -> NodeConfig:
    return replace(
        config,
        tls_listen=("127.0.0.1:0",),
        certificate=Pair(pem, pem),
        tcp_connections=MOST_OTHERS if is_tls else MOST_CROWD,
        tls_connections=MOST_CROWD if is_tls else MOST_OTHERS,
        tls_handshakes_per_second=10_000,
        tcp_per_client=MOST_CROWD,
        tcp_idle_seconds=600.0,
    )


def _percentiles(microseconds: Any) -> dict[str, float]:
    names = {"p50_us": 50, "p99_us": 99, "p99_9_us": 99.9, "max_us": 100}
    return {name: round(float(np.percentile(microseconds, p)), 1) for name, p in names.items()}


def main() -> None:
    go_first()
    if sys.argv[1] == "echo":
        echo()
    asyncio.run(serve(sys.argv[1], Path(sys.argv[2])))


if __name__ == "__main__":
    main()
