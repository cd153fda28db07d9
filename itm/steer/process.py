"""The builder's process: its parts are made and wired here, and take turns until it is told to stop."""

from __future__ import annotations

import asyncio

from collectors import localbus
from collectors.localbus import LocalReceiver
from itm.config import Config
from itm.priority import yield_to_all
from itm.steer.builder import Builder
from itm.steer.givens import Givens
from itm.stopping import stop_requested

TURN_SECONDS = 0.25
"""How often the bus, the catalog and the pin are looked at."""


def run(config: Config) -> None:
    """Build until asked to stop. Raises `ItmError` or `CollectorsError` at start, naming what is wrong."""
    bus = LocalReceiver(config.state_dir / localbus.FILE)
    asyncio.run(_turn(Builder(config, Givens.open(config), bus)))


def _step(builder: Builder) -> None:
    if builder.is_serving:  # before the first map there is nothing to give way to, and everybody waits for it
        yield_to_all()
    builder.step()


async def _turn(builder: Builder) -> None:
    stopping = asyncio.ensure_future(stop_requested(supervised=True))
    while not stopping.done():
        await asyncio.to_thread(_step, builder)
        await asyncio.wait([stopping], timeout=TURN_SECONDS)
    await asyncio.to_thread(builder.close)
