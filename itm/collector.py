"""The collector process: the edge's journal in, deltas for the builder out.

One loop at a low CPU priority, beside the edge and not in it: judging and gathering a second's beacons takes
tens of milliseconds in which no beacon would be answered. Needs the place table and the positions of the live
catalog's POPs; knows no predictor and no map.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from collectors.bus import Sender
from collectors.collector import Collector, Ground
from collectors.geography import continents
from collectors.guard import Guard, PopSites
from collectors.hosting import load as load_hosting
from collectors.ladder import Ladder
from collectors.localbus import FILE, LocalSender
from collectors.outbox import Outbox
from collectors.segments import prune
from itm.catalog.load import load_bundle
from itm.config import Config
from itm.errors import CatalogError
from itm.steer.placing import place_source
from itm.stopping import stop_requested
from itm.store import catalogs
from itm.store.engine import Engine, StoreError, open_engine

log = logging.getLogger(__name__)

NAME: Final = "local"
"""The collector of a machine that has one."""

NICENESS: Final = 10
"""Below whatever answers or listens, above the builder."""

TURN_SECONDS: Final = 0.25
TIDY_SECONDS: Final = 10.0
"""How often the journal is pruned."""


@dataclass(frozen=True, slots=True)
class Report:
    """What the collector says about itself, for `/metrics`."""

    made: int
    waiting: int
    waiting_bytes: int
    rewound: int

    def write(self, path: Path) -> None:
        """Write it atomically as JSON."""
        partial = path.with_suffix(".tmp")
        partial.write_text(json.dumps(asdict(self)))
        partial.replace(path)


def collector_report(state: Path) -> dict[str, Any]:
    """Return what the collector last wrote about itself; nothing before its first turn."""
    try:
        report: dict[str, Any] = json.loads((state / "collector.json").read_text())
    except (OSError, ValueError):
        return {}
    return report


class CollectorProcess:
    """What is alive between two turns; `step` is one. `bus` carries the deltas."""

    def __init__(
        self, config: Config, engine: Engine, bus: Sender, clock: Callable[[], float] = time.time
    ) -> None:
        self._config = config
        self._engine = engine
        self._clock = clock
        self._journal = config.state_dir / "journal"
        self._outbox = Outbox(config.state_dir / "collector")
        if self._outbox.fault:
            log.warning("standing.unusable", extra={"reason": self._outbox.fault})
        asns = config.collect.hosting_asns
        hosting = load_hosting(Path(config.collect.hosting) if config.collect.hosting else None, asns)
        self._collector = Collector(
            NAME,
            self._journal,
            self._outbox,
            lambda: Guard(config.collect.client_cap, hosting),
            bus,
            half_life_seconds=config.collect.half_life_hours * 3600,
            delta_seconds=config.collect.delta_seconds,
            clock=clock,
        )
        self._places = place_source(config)
        self._continents = continents()
        self._ground: Ground | None = None
        self._version = 0
        self._told: Report | None = None
        self._faults: dict[str, str] = {}
        self._tidied_at = -float("inf")

    def step(self) -> None:
        """Take what came in, keep the journal within its bounds, tell what has changed."""
        try:
            self._collector.step(self._look)
            self._faults.pop("delta.unkept", None)
        except OSError as error:  # the disk is full: the journal still holds what came
            self._tell_once("delta.unkept", error)
        now = self._clock()
        if not 0 <= now - self._tidied_at < TIDY_SECONDS:
            self._tidied_at = now
            collect = self._config.collect
            keep, most = collect.journal_keep_hours * 3600, collect.journal_max_bytes
            prune(self._journal, self._collector.mark.position, keep, most, self._clock)
        report = Report(
            self._collector.made,
            len(self._outbox.waiting),
            self._outbox.nbytes,
            self._collector.rewound,
        )
        if report != self._told:
            try:
                report.write(self._config.state_dir / "collector.json")
                self._told = report
                self._faults.pop("report.unwritten", None)
            except OSError as error:
                self._tell_once("report.unwritten", error)

    def _look(self) -> Ground | None:
        """Return the ground as of now; the last known one while the store does not answer."""
        changed = self._places.refresh()
        try:
            live = catalogs.live(self._engine)
            if live is not None and (changed or live.version != self._version):
                pops = load_bundle(live.files).pops
                sites = PopSites.of([p.id for p in pops], [p.lat for p in pops], [p.lon for p in pops])
                self._ground = Ground(Ladder(self._places.table, self._continents), sites)
                self._version = live.version
            self._faults.pop("store.unread", None)
        except (StoreError, CatalogError) as error:
            self._tell_once("store.unread", error)
        return self._ground

    def _tell_once(self, event: str, error: Exception) -> None:
        if self._faults.get(event) != str(error):
            log.warning(event, extra={"reason": str(error)})
        self._faults[event] = str(error)


def run(config: Config) -> None:
    """Collect until asked to stop. Raises `ItmError` or `CollectorsError` at start, naming what is wrong."""
    os.nice(NICENESS)
    bus = LocalSender(config.state_dir / FILE)
    asyncio.run(_turn(CollectorProcess(config, open_engine(config.store_url), bus)))


async def _turn(process: CollectorProcess) -> None:
    stopping = asyncio.ensure_future(stop_requested(supervised=True))
    while not stopping.done():
        await asyncio.to_thread(process.step)
        await asyncio.wait([stopping], timeout=TURN_SECONDS)
