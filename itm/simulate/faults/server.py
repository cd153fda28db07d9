"""The real code in one process with virtual time: records in, maps out, and the gate for a person's catalog.

What `itm/collector.py` and `itm/steer/builder.py` wire with sockets, files and clocks around it stands here
without them, in the same order: Guard -> intake -> Windows -> Evidence -> `build_all` -> `routemap_of`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from collectors.aggregate import Aggregates, aggregate, empty
from collectors.clientele import Clientele
from collectors.guard import Guard, PopSites
from collectors.intake import take
from collectors.network import Network
from collectors.pairing import Pair
from collectors.window import Windows
from itm.config import Config
from itm.routemap.health import State
from itm.routemap.routemap import RouteMap
from itm.steer.behind import DAY_SECONDS, Behind
from itm.steer.build import ClassBuild
from itm.steer.cycle import Knowledge, build_all
from itm.steer.demand import Counts, Demand, clients_of
from itm.steer.evidence import Evidence
from itm.steer.loads import PopLoad
from itm.steer.memory import Memory
from itm.steer.notice import RECENT_HALF_LIFE_SECONDS, RECENT_SECONDS, notice
from itm.steer.plan import Limits
from itm.steer.planning import prospect
from itm.steer.publish import routemap_of
from itm.steer.resolvers import Resolvers
from itm.steer.rooms import Usual, full
from itm.steer.slowdowns import Slowdowns
from itm.steer.world import World

Records = npt.NDArray[np.void]


class Server:
    """Learns, builds and holds the live map of one world; times are seconds, handed in."""

    def __init__(self, world: World, now: float, config: Config) -> None:
        self._config = config
        self._now = now
        half_life = config.collect.half_life_hours * 3600
        self._guard = Guard(config.collect.client_cap)
        self._windows = Windows(config.collect.max_cells, half_life, lambda: self._now)
        self._recent = Windows(config.collect.max_cells, RECENT_HALF_LIFE_SECONDS, lambda: self._now)
        self._clientele = Clientele(config.collect.pairing_half_life_days * DAY_SECONDS)
        self.aggregates: Aggregates = empty(now)
        """What the last build was made of."""
        self.loads: dict[str, PopLoad] = {}
        """What POPs report of their load, by id; empty: no POP can be full."""
        self.states: dict[str, State] = {}
        """The health table, by POP id."""
        self.builds: tuple[ClassBuild, ...] = ()
        self._take(world)
        self._usual: Mapping[str, Usual] = {}
        self.map: RouteMap | None = None
        """The live map; None before the first build."""

    def receive(self, records: Records, now: float) -> None:
        """Judge, place and count what was measured."""
        self._now = now
        half_life = self._windows.half_life_seconds
        taken = take(records, self._guard, self.world.ladder, self._sites, now, half_life)
        self._windows.merge(taken.gathered)
        self._recent.merge(taken.gathered.of_networks(now - RECENT_SECONDS))

    def pair(self, resolver: Sequence[int], client: Sequence[int], now: float) -> None:
        """Learn who was seen behind which resolver, as pairs of IPv4 units."""
        for one, other in zip(resolver, client, strict=True):
            self._clientele.learn(Pair(Network(4, one), Network(4, other), False), now)

    def build(self, now: float) -> None:
        """Build as the builder does every cycle; the map is live at once."""
        self._now = now
        self._windows.decay(now)
        self._recent.decay(now)
        knowledge = self._knowledge(self.world, now)
        own = self._config.builder
        limits = Limits(own.candidates, own.max_moved_share, loss_ms=own.scope_loss_ms)
        self._publish(build_all(self.world, knowledge, self._memories, limits, self.builds), now)

    def expectations(self) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        """Return what the last build believes of each place and POP: ms, and the width of its interval.

        What session plans are drawn from (`itm/steer/explore.py`), without what single networks know better.
        """
        places = self.world.places
        none = np.zeros_like(places.key)
        wide = self.world.ladder.wide_keys(np.arange(len(places)))
        keys = {"place": places.key, "prefix": none, "network": none, **wide}
        estimate = self._evidence.estimate(self.world.predictions[:, places.cell, :], keys)
        return estimate.rtt, estimate.high - estimate.low

    def propose(self, world: World, now: float) -> None:
        """Settle a person's catalog by its Plan: live at once, or `UnsafePlan` says why it is refused."""
        own = self._config.builder
        limits = Limits(own.candidates, 1.0, loss_ms=own.scope_loss_ms)
        memories = self._memories_for(world)
        ahead = prospect(world, self._knowledge(world, now), memories, limits, self.map)
        ahead.raise_if_refused(own.unsafe_moved_share, force=False)
        self._take(world, memories)
        self._publish(ahead.first, now)

    def _take(self, world: World, memories: tuple[Memory, ...] | None = None) -> None:
        self.world = world
        pops = world.catalog.pops
        self._sites = PopSites.of([p.id for p in pops], [p.lat for p in pops], [p.lon for p in pops])
        self._memories = memories or tuple(Memory.nothing() for _ in world.classes)
        self.builds = ()
        self._evidence = Evidence.nothing(len(pops))
        self._slower = Slowdowns.nothing()

    def _memories_for(self, world: World) -> tuple[Memory, ...]:
        """Return what each class of another world begins from: that of the same service, or nothing."""
        before = {name: self._memories[number] for name, number in self.world.class_index.items()}
        found = [Memory.nothing() for _ in world.classes]
        for name, number in world.class_index.items():
            found[number] = before.get(name, found[number])
        return tuple(found)

    def _knowledge(self, world: World, now: float) -> Knowledge:
        self.aggregates = aggregate(self._windows, lambda: now)
        evidence = Evidence.of_world(self.aggregates, world)
        recent = aggregate(self._recent, lambda: now)
        held = self._slower if world.pops == self.world.pops else None
        slower = notice(world, evidence, recent, held, full(self.loads))
        if world is self.world:
            self._slower = slower
        self._evidence = evidence = replace(evidence, slowdowns=slower)
        days = self._config.collect.pairing_half_life_days
        behind = Behind.of(self._clientele.table(), now, days)
        demand = Demand.of(clients_of(self.aggregates), Counts.nothing(), Counts.nothing(), behind)
        resolvers = Resolvers.of(world, evidence, behind)
        usual = self._usual
        return Knowledge(evidence, resolvers, demand, self.loads, self.states, now=now, usual=usual)

    def _publish(self, builds: tuple[ClassBuild, ...], now: float) -> None:
        version = self.map.version + 1 if self.map else 1
        self.map = routemap_of(self.world, builds, version, now)
        self._memories = tuple(build.after for build in builds)
        self.builds = builds
        outlook = builds[0].outlook
        self._usual = (outlook.usual if outlook is not None else {}) or self._usual
