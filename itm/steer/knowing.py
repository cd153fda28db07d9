"""Gathers what a build knows of its moment from where others leave it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace

from collectors.clienteletable import FILE as CLIENTELE
from collectors.clienteletable import ClienteleFile
from itm.config import Config
from itm.steer.behind import Behind
from itm.steer.census import CensusFile
from itm.steer.cycle import Knowledge
from itm.steer.demand import Demand, clients_of
from itm.steer.learner import Learner
from itm.steer.querylog import FOLDER as QUERIES
from itm.steer.querylog import QueryLog, by_service, faded
from itm.steer.resolvers import Resolvers
from itm.steer.rooms import full
from itm.steer.roomwatch import RoomWatch
from itm.steer.world import World

log = logging.getLogger(__name__)


class Knowing:
    """The builder's eyes; `now` is asked once per build."""

    def __init__(
        self, config: Config, learner: Learner, rooms: RoomWatch, clock: Callable[[], float]
    ) -> None:
        self._config = config
        self._learner = learner
        self._rooms = rooms
        self._clock = clock
        self._clientele = ClienteleFile(config.state_dir / CLIENTELE)
        self._queries = QueryLog(config.state_dir / QUERIES, clock)
        self._census = CensusFile(config.state_dir)

    def now(self, world: World) -> Knowledge:
        """Return what is known now, laid out for the POPs of `world`."""
        loads = self._rooms.loads()
        evidence = self._learner.evidence(world, full(loads))
        behind = self._behind()
        hours = self._queries.look()
        named, asked = faded(hours, self._clock())
        clients = clients_of(self._learner.aggregates)
        demand = Demand.of(clients, named, asked, behind, by_service(hours))
        self._census.write(world, demand, hours)
        return Knowledge(
            evidence,
            Resolvers.of(world, evidence, behind),
            demand,
            loads=loads,
            states=self._rooms.states(),
            planned_sessions=self._config.builder.planned_sessions,
            now=self._clock(),
            usual=self._rooms.usual,
        )

    def elsewhere(self, world: World, knowledge: Knowledge) -> Knowledge:
        """Return the same moment's knowledge, laid out for another world."""
        evidence = self._learner.evidence_in(world)
        resolvers = Resolvers.of(world, evidence, knowledge.resolvers.behind)
        return replace(knowledge, evidence=evidence, resolvers=resolvers)

    def _behind(self) -> Behind:
        """Return the resolvers that are known well enough; a damaged file is told, the one before stays."""
        told = self._clientele.error
        table = self._clientele.look()
        if self._clientele.error and self._clientele.error != told:
            log.warning("clientele.unusable", extra={"reason": self._clientele.error})
        return Behind.of(table, self._clock(), self._config.collect.pairing_half_life_days)
