"""The last day of a server, read from its state directory without writing to it.

It may be a copy, or that of a running server: files are replaced whole, and the query log, which its reader
tidies, is read from a copy.
"""

from __future__ import annotations

import math
import shutil
from dataclasses import replace
from pathlib import Path

from collectors.aggregate import Aggregates, aggregate
from collectors.clienteletable import FILE as CLIENTELE
from collectors.clienteletable import ClienteleFile
from collectors.errors import ArraysError
from collectors.window import Windows
from itm.catalog.types import Catalog
from itm.config import Config
from itm.errors import ItmError
from itm.routemap import current
from itm.routemap.querycounts import HOUR_SECONDS
from itm.steer import inputs as inputs_file
from itm.steer import memoryfiles
from itm.steer.behind import Behind
from itm.steer.compare import Reading
from itm.steer.cycle import Knowledge
from itm.steer.demand import Counts, Demand, clients_of
from itm.steer.evidence import Evidence
from itm.steer.kept import KeptWorlds
from itm.steer.loads import FILE as LOADS
from itm.steer.loads import loads_of
from itm.steer.own.watch import OwnWatch
from itm.steer.plan import Limits
from itm.steer.planning import prospect
from itm.steer.predict import predict_cells, predictions_digest
from itm.steer.pricing import Believed
from itm.steer.publish import routemap_of
from itm.steer.querylog import FOLDER as QUERIES
from itm.steer.querylog import QueryLog, faded
from itm.steer.replay import AskedHour, Room
from itm.steer.resolvers import Resolvers
from itm.steer.rooms import Rooms
from itm.steer.world import Floats, World
from itm.store.engine import open_engine
from models.artifact import Predictor


class LastDay:
    """A server's last day as of its newest checkpoint; `aside` is a folder for what has to be written."""

    def __init__(self, config: Config, aside: Path) -> None:
        """Read it. Raises `ItmError` when a part that is needed is missing or damaged."""
        self._config = config
        self._aside = aside
        checkpoint = config.state_dir / "windows.ckpt"
        half_life = config.collect.half_life_hours * 3600
        try:
            self.now = checkpoint.stat().st_mtime
            windows = Windows.restore(checkpoint, config.collect.max_cells, half_life, self._clock).windows
        except (OSError, ArraysError) as error:
            raise ItmError(f"{checkpoint}: what was measured cannot be read: {error}") from error
        windows.decay()
        self._aggregates: Aggregates = aggregate(windows, self._clock)
        self.live = self._live()
        table = ClienteleFile(config.state_dir / CLIENTELE).look()
        self._behind = Behind.of(table, self.now, config.collect.pairing_half_life_days)
        if (config.state_dir / QUERIES).exists():
            shutil.copytree(config.state_dir / QUERIES, aside / QUERIES)
        self._hours = QueryLog(aside / QUERIES, self._clock).look()

    def changed(self, catalog: Catalog | None, predictor: Predictor) -> World:
        """Return the live world by this predictor, and by another catalog if one is given."""
        live, own = self.live, catalog or self.live.catalog
        digest = predictions_digest(predictor, live.places, own.pops)
        is_same = digest == live.digest
        predictions = live.predictions if is_same else self._predicted(predictor, own)
        return World(own, 0, live.places, live.continents, predictions, digest)

    def reading(self, world: World) -> Reading:
        """Return what a world comes to, from what was served, by what was measured and asked in the day."""
        knowledge = self._knowledge(world)
        memories = memoryfiles.load(self._config.state_dir / "memory", world.class_index)
        settings = self._config.builder
        limits = Limits(settings.candidates, 1.0, loss_ms=settings.scope_loss_ms)
        with OwnWatch(settings).runner() as own:
            found = prospect(world, replace(knowledge, own_steps=own), memories, limits)
        routemap = routemap_of(world, found.settled, 0, self.now)
        return Reading(routemap, Believed(world, knowledge.evidence, knowledge.demand))

    def hours(self) -> tuple[AskedHour, ...]:
        """Return the demand of every hour of which queries were counted, oldest first."""
        nobody = Counts.nothing()
        found = []
        for one in self._hours:
            end = (one.hour + 1) * HOUR_SECONDS
            named, asked = faded([one], float(end))
            demand = Demand.of(nobody, named, asked, self._behind)
            found.append(AskedHour(float(one.hour * HOUR_SECONDS), float(one.count.sum()), demand))
        return tuple(found)

    def room(self, world: World) -> Room:
        """Return what the POPs of a world can carry, and the sessions in all, as last reported."""
        loads = loads_of(self._config.state_dir / LOADS, math.inf, self.now)
        rooms = Rooms.of(world.catalog.pops, loads, {}, self._config.builder.planned_sessions)
        reported = sum(load.sessions for load in loads.values())
        capacity = zip(world.pops, rooms.capacity.tolist(), strict=True)
        return Room({pop: c for pop, c in capacity if math.isfinite(c)}, reported or rooms.planned)

    def _predicted(self, predictor: Predictor, catalog: Catalog) -> Floats:
        return predict_cells(predictor, self.live.places, catalog.pops, self._aside / "predictions")

    def _clock(self) -> float:
        return self.now

    def _live(self) -> World:
        maps = self._config.state_dir / "maps"
        version = current.served_version(maps)
        if version is None:
            raise ItmError(f"{maps}: no map was published")
        worlds = KeptWorlds(self._config, open_engine(self._config.store_url))
        return worlds.of(inputs_file.load(maps, version))

    def _knowledge(self, world: World) -> Knowledge:
        evidence = Evidence.of_world(self._aggregates, world)
        demand = Demand.of(clients_of(self._aggregates), *faded(self._hours, self.now), self._behind)
        return Knowledge(
            evidence,
            Resolvers.of(world, evidence, self._behind),
            demand,
            loads=loads_of(self._config.state_dir / LOADS, math.inf, self.now),
            planned_sessions=self._config.builder.planned_sessions,
            now=self.now,
        )
