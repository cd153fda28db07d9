"""Beacons made ahead, and what sends them: keep-alive connections that each wait for their answer.

The load must cost less than what it measures: requests are bytes before the clock runs, and answers are
counted by their first line.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import time
from collections import Counter
from collections.abc import Iterable, Iterator

from collectors.measurement import METRICS
from collectors.network import Network
from collectors.rum.token import NONCE_BYTES, TokenKeys

VALUES = {"availability": 1, "rtt_ms": 23.4, "connect_ms": 61.5, "throughput_kbps": 18_250.5}


def beacons(keys: TokenKeys, count: int, items: int, pops: tuple[str, ...]) -> list[bytes]:
    """Return requests of `items` measurements each, from many networks, with a new token for each probe."""
    expires = int(time.time()) + 280
    made = []
    for n in range(count):
        address = f"198.{18 + n % 2}.{n // 2 % 256}.{1 + n % 250}"
        network = Network.of(address)
        content = []
        for item in range(items):
            probe, metric = divmod(item, len(METRICS))
            if metric == 0 or items == 1:
                pop = pops[(n + probe) % len(pops)]
                token = keys.sign(network, pop, expires, secrets.token_bytes(NONCE_BYTES))
            name = METRICS[metric] if items > 1 else "rtt_ms"
            content.append({"pop": pop, "metric": name, "value": VALUES[name], "token": token})
        body = json.dumps(content if items > 1 else content[0], separators=(",", ":")).encode()
        lines = [
            "POST /rum/v1/beacon HTTP/1.1",
            "Host: rum.example.net",
            "Content-Type: text/plain;charset=UTF-8",
            "Origin: https://shop.example.net",
            f"X-Forwarded-For: {address}",
            f"Content-Length: {len(body)}",
        ]
        head = "\r\n".join([*lines, "", ""])
        made.append(head.encode() + body)
    return made


class Asking(asyncio.Protocol):
    """One connection: sends the next request when the last was answered."""

    def __init__(self, requests: Iterator[bytes], statuses: Counter[bytes], done: asyncio.Event) -> None:
        self._requests = requests
        self._statuses = statuses
        self._done = done
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._next()

    def data_received(self, data: bytes) -> None:
        self._statuses[data[9:12]] += 1
        self._next()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - the protocol's shape
        self._done.set()

    def _next(self) -> None:
        assert self._transport is not None
        request = next(self._requests, None)
        if request is None:
            self._transport.close()
        else:
            self._transport.write(request)


async def send(port: int, requests: Iterable[bytes], connections: int) -> Counter[bytes]:
    """Send all requests; return how many were answered with which status."""
    waiting, statuses = iter(requests), Counter[bytes]()
    loop = asyncio.get_running_loop()
    done = [asyncio.Event() for _ in range(connections)]
    for event in done:
        await loop.create_connection(lambda event=event: Asking(waiting, statuses, event), "127.0.0.1", port)
    for event in done:
        await event.wait()
    return statuses
