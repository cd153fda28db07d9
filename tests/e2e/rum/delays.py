"""TCP proxies that put POPs at a distance, each on a loopback address of its own; runs until killed.

    python -m tests.e2e.rum.delays ADDRESS:PORT=TARGET_PORT,RTT_MS[,hide] …

`hide` keeps Timing-Allow-Origin from the browser, as a POP without it would; for plain HTTP.
"""

from __future__ import annotations

import asyncio
import sys
from functools import partial

from bench.survival.delay import Front

TOLD, HIDDEN = b"Timing-Allow-Origin", b"Timing-Not-Told-You"  # of one length


class HidingFront(Front):
    """Writes what comes back without that header."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        assert self.transport is not None
        write = self.transport.write
        self.transport.write = lambda data: write(bytes(data).replace(TOLD, HIDDEN))  # type: ignore[method-assign]


async def serve(ways: list[str]) -> None:
    """Listen for all."""
    loop = asyncio.get_running_loop()
    for way in ways:
        address, _, what = way.partition("=")
        host, _, port = address.rpartition(":")
        target, rtt, *hide = what.split(",")
        front = HidingFront if hide else Front
        await loop.create_server(partial(front, float(rtt) / 2000, int(target)), host, int(port))
    print("ready", file=sys.stderr, flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1:]))
