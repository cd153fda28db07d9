"""What was measured in the networks of Resource Locations, by however few: connectors are all there are.

Whoever measures from such a network moves that service's leg and nothing else: it is the customer's own.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from collectors.aggregate import Aggregates
from collectors.ladder import RUNGS
from collectors.network import Network
from itm.catalog.types import Location
from itm.steer.estimate import MIN_SAMPLES, SHRINK_SAMPLES, Floats
from itm.steer.world import World


@dataclass(frozen=True, slots=True, eq=False)
class Site:
    """One location's measurements, one column per POP: decayed samples (0: none) and their p25 in ms."""

    n: Floats
    p25: Floats

    def shrunk(self, leg_ms: Floats) -> Floats:
        """Return the leg as believed: what was measured, shrunk towards `leg_ms` as estimates are."""
        usable = (self.n >= MIN_SAMPLES) & np.isfinite(self.p25)
        weight = np.where(usable, self.n / (self.n + np.float32(SHRINK_SAMPLES)), 0)
        measured = np.where(usable, self.p25, leg_ms)
        mixed = np.exp(
            weight * np.log(np.maximum(measured, 0.1)) + (1 - weight) * np.log(np.maximum(leg_ms, 0.1))
        )
        return np.where(usable, mixed, leg_ms).astype(np.float32)


def sites_of(aggregates: Aggregates, world: World) -> dict[Location, Site]:
    """Return what was measured of every location of `world` that names a network."""
    own = aggregates.select(RUNGS.index("network"))
    keys = {one: np.uint64(Network.of(one.network).key) for one in world.leg_predictions if one.network}
    return {one: _site(own, np.flatnonzero(own.key == key), world.pops) for one, key in keys.items()}


def _site(own: Aggregates, rows: npt.NDArray[np.intp], pops: tuple[str, ...]) -> Site:
    site = Site(np.zeros(len(pops), dtype=np.float32), np.full(len(pops), np.nan, dtype=np.float32))
    for row in rows:
        name = bytes(own.pop[row]).decode()
        if name in pops:
            site.n[pops.index(name)], site.p25[pops.index(name)] = own.n[row], own.p25[row]
    return site
