"""A TCP proxy that makes a loopback leg as long as a real one: every byte comes half a round trip later.

    python -m bench.survival.delay RTT_MS PORT=TARGET_PORT …

The kernel shakes hands at once, so the first bytes of a connection wait one round trip more. A broken leg is
passed on as late as its bytes. Serves until killed.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import Callable
from functools import partial

CHUNK = 256 * 1024


class Leg(asyncio.Protocol):
    """One side of a connection; what it receives is written to `other` after the delay."""

    def __init__(self, half_seconds: float, hold_seconds: float = 0.0) -> None:
        self._half_seconds, self._loop = half_seconds, asyncio.get_running_loop()
        self._not_before = self._loop.time() + hold_seconds
        self.transport: asyncio.Transport | None = None
        self.other: Leg | None = None
        self._early: list[bytes] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self._later(lambda other: other.write(data))

    def eof_received(self) -> bool:
        self._later(lambda other: other.write_eof())
        return True

    def connection_lost(self, error: Exception | None) -> None:
        self._later(lambda other: other.abort() if error else other.close())

    def _later(self, act: Callable[[asyncio.Transport], None]) -> None:
        at = max(self._loop.time(), self._not_before) + self._half_seconds
        self._loop.call_at(at, self._act, act)

    def _act(self, act: Callable[[asyncio.Transport], None]) -> None:
        other = self.other.transport if self.other else None
        if other is not None and not other.is_closing():
            with contextlib.suppress(OSError):  # it broke meanwhile, which comes back by itself
                act(other)


class Front(Leg):
    """The accepted side: dials the target."""

    def __init__(self, half_seconds: float, target: int) -> None:
        super().__init__(half_seconds, hold_seconds=2 * half_seconds)
        self._target = target
        self._dialling: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        assert self.transport is not None
        self.transport.pause_reading()
        self._dialling = self._loop.create_task(self._dial())

    async def _dial(self) -> None:
        assert self.transport is not None
        try:
            _, back = await self._loop.create_connection(
                partial(Leg, self._half_seconds), "127.0.0.1", self._target
            )
        except OSError:
            self._loop.call_later(2 * self._half_seconds, self.transport.abort)
            return
        self.other, back.other = back, self
        self.transport.resume_reading()


async def serve(rtt_seconds: float, pairs: list[tuple[int, int]]) -> None:
    """Listen on every first port for the second."""
    loop = asyncio.get_running_loop()
    for port, target in pairs:
        await loop.create_server(partial(Front, rtt_seconds / 2, target), "127.0.0.1", port)
    print("ready", flush=True)
    await asyncio.Event().wait()


def main() -> None:
    pairs = [tuple(int(port) for port in word.split("=")) for word in sys.argv[2:]]
    asyncio.run(serve(float(sys.argv[1]) / 1000, [(pair[0], pair[1]) for pair in pairs]))


if __name__ == "__main__":
    main()
