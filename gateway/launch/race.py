"""Tries several paths, the next one starting while the one before is still silent (RFC 8305's idea)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from gateway.errors import GatewayError, Unreachable
from gateway.launch.paths import Path
from gateway.launch.wire import Wire
from gateway.protocol.errors import ProtocolError

STAGGER_SECONDS: Final = 1.0
"""A path that has not answered by then gets a rival; one that failed is followed at once."""


async def first_of(
    open_one: Callable[[Path, bool], Awaitable[Wire]],
    paths: Sequence[Path],
    *,
    stagger_seconds: float = STAGGER_SECONDS,
) -> Wire:
    """Return the first wire that stands, close all others; the last failure is raised when none does.

    `open_one` is told whether its path has no rival yet.
    """
    line = list(paths)
    running: set[asyncio.Future[Wire]] = set()
    fault: Exception = Unreachable("no path is known")
    try:
        while line or running:
            if line:
                running.add(asyncio.ensure_future(open_one(line.pop(0), not running)))
            done, running = await asyncio.wait(
                running,
                timeout=stagger_seconds if line else None,
                return_when=asyncio.FIRST_COMPLETED,
            )
            for one in done:
                error = one.exception()
                if error is None:
                    running |= done - {one}
                    return one.result()
                if not isinstance(error, GatewayError | ProtocolError):
                    raise error
                fault = error
        raise fault
    finally:
        await _give_up(running)


async def _give_up(running: set[asyncio.Future[Wire]]) -> None:
    for one in running:
        one.cancel()
    for wire in await asyncio.gather(*running, return_exceptions=True):
        if isinstance(wire, Wire):
            wire.channel.close()
