"""What the handlers of the edge process work with: one frozen record, reached through one key.

Data and ports only; it starts nothing and decides nothing (`edge` builds it).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiohttp import web
from sqlalchemy import Engine

from collectors.journal import JournalWriter
from itm.config import Config
from itm.ops.agents import Agents
from itm.ops.aside import Aside
from itm.ops.health import HealthBoard
from itm.ops.live import LiveCatalog
from itm.ops.loads import Loads
from itm.ops.metrics import Counter, Registry
from itm.ops.overload import Overload
from itm.ops.pairing import Pairing
from itm.ops.sessions import Sessions
from itm.ops.sources import Sources
from itm.steer.explain import WhyQuestion
from itm.steer.health import FORCIBLE, Override
from itm.store import overrides

Explain = Callable[[WhyQuestion], dict[str, Any]]
"""Answers a why question as JSON-ready data; runs in a thread. Raises `ItmError`."""


@dataclass(frozen=True, slots=True)
class Counters:
    """What handlers count."""

    accepted: Counter
    refused: Counter


class Overrides:
    """Brings the overrides of the store to the health board; one reader at a time, so that none is undone."""

    def __init__(self, engine: Engine, board: HealthBoard, clock: Callable[[], float]) -> None:
        self._engine = engine
        self._board = board
        self._clock = clock
        self._turn = asyncio.Lock()

    async def reload(self) -> None:
        """Read what holds now and fold it in."""
        async with self._turn:
            held = await asyncio.to_thread(overrides.active, self._engine, self._clock())
            self._board.set_overrides(
                {o.pop: Override(FORCIBLE[o.state], o.reason, o.author, o.expires_at) for o in held}
            )


@dataclass(frozen=True, slots=True)
class Edge:
    """The edge process's parts."""

    config: Config
    engine: Engine
    live: LiveCatalog
    board: HealthBoard
    agents: Agents
    loads: Loads
    sources: Sources
    overrides: Overrides
    journal: JournalWriter
    overload: Overload
    sessions: Sessions
    registry: Registry
    counters: Counters
    explain: Explain
    pairing: Pairing
    aside: Aside
    clock: Callable[[], float]

    @property
    def maps(self) -> Path:
        """The directory of the published maps."""
        return self.config.state_dir / "maps"


EDGE = web.AppKey("edge", Edge)
