"""One session beside the crowd: a message of 64 B and its echo, a hundred times a second, and what they took.

    python -m bench.flood.probe POP_PORT TICKET

Prints `ready`; at every line of input it gives the times since the last one, as JSON, and starts anew.
"""

from __future__ import annotations

import json
import select
import ssl
import sys
import time

from bench.gateway import clients

EVERY_SECONDS = 0.01


def main() -> None:
    sock = clients.socks5(int(sys.argv[1]), sys.argv[2])
    sock.sendall(b"e")
    print("ready", flush=True)
    times: list[float] = []
    while True:
        times.append(_trip(sock))
        if select.select([sys.stdin], [], [], EVERY_SECONDS)[0]:
            if not sys.stdin.readline():
                return
            times.sort()
            found = {"n": len(times), "p50": times[len(times) // 2], "p99": times[len(times) * 99 // 100]}
            print(json.dumps(found | {"worst": times[-1]}), flush=True)
            times = []


def _trip(sock: ssl.SSLSocket) -> float:
    """Return the ms of one round trip."""
    began = time.perf_counter()
    sock.sendall(bytes(64))
    left = 64
    while left:
        left -= len(sock.recv(left))
    return (time.perf_counter() - began) * 1000


if __name__ == "__main__":
    main()
