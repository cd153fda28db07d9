"""What the live map serves a network now, for those who plan measurements: the same map and health as in DNS.

Follows the map pointer and the health table like a DNS worker; reads files in a thread, answers from memory.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

from collectors.network import Network
from itm.errors import SnapshotError
from itm.routemap import current, snapshot
from itm.routemap.health import HealthReader, State
from itm.routemap.mask import serve
from itm.routemap.routemap import NO_POP, RouteMap

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Offer:
    """What one network is offered: the POP it is sent to ("": none), and all that its rule allows, in order.

    POPs that are drained or down are left out of `allowed`, but `current` is what DNS answers whatever its
    state.
    """

    current: str
    allowed: tuple[str, ...]


class ServedMap:
    """`maps` is the directory of the published maps, `health` a reader of the shared table."""

    def __init__(self, maps: Path, health: HealthReader) -> None:
        self._maps = maps
        self._health = health
        self._map: RouteMap | None = None
        self._refused = -1
        self._sequence = -1
        self._states: dict[str, State] = {}

    def follow(self) -> None:
        """Load the live map if it is another one; one that is not sound is told once, and not used."""
        version = current.served_version(self._maps)
        held = self._map.version if self._map is not None else None
        if version is None or version in (held, self._refused):
            return
        try:
            self._map = snapshot.read(current.path_of(self._maps, version))
        except SnapshotError as error:
            self._refused = version
            log.error("map.refused", extra={"version": version, "reason": str(error)})

    def offer(self, service: str, network: Network) -> Offer | None:
        """Return what a network is offered under a steered name ("": the first); None before the first map.

        Raises `KeyError` for a name that the map does not steer.
        """
        one = self._map
        if one is None:
            return None
        steered = [s for s in one.services if s.class_index >= 0 and service in ("", s.name)]
        if not steered:
            raise KeyError(service)
        states = self._states_now()
        table = one.classes[steered[0].class_index]
        leaf, _ = table.lookup(network.family, network.unit)
        order = table.order_of(leaf)
        ids = [pop.id for pop in one.pops]
        of_pop = [states.get(pop, State.UP) for pop in ids]
        served, _ = serve(order, of_pop, table.shares_of(leaf))
        in_use = [state < State.DRAINED for state in of_pop]
        return Offer(
            current="" if served == NO_POP else ids[served],
            allowed=tuple(ids[pop] for pop in order if in_use[pop]),
        )

    def is_in_use(self, pop: str) -> bool:
        """Whether clients may be sent to a POP: neither drained nor down."""
        return self._states_now().get(pop, State.UP) < State.DRAINED

    def _states_now(self) -> dict[str, State]:
        sequence = self._health.sequence()
        if sequence != self._sequence:
            self._states, self._sequence = self._health.read().states, sequence
        return self._states
