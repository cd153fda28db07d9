"""What can break, each as a change of the truth. Minutes count from the scenario's beginning."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from collectors.geography import continents
from itm.simulate.faults.moment import Moment, Scene


@dataclass(frozen=True, slots=True)
class PopDown:
    """A POP answers nobody, checks included."""

    pop: str
    start: float
    end: float

    def change(self, moment: Moment, scene: Scene) -> Moment:
        """Return the truth without the POP."""
        reached = moment.reached.copy()
        reached[:, scene.column(self.pop)] = False
        return moment.but(reached=reached)


@dataclass(frozen=True, slots=True)
class PopSlow:
    """A POP is slow to everybody by so many ms; its checks pass."""

    pop: str
    start: float
    end: float
    extra_ms: float

    def change(self, moment: Moment, scene: Scene) -> Moment:
        """Return the truth with the POP farther away."""
        rtt_ms = moment.rtt_ms.copy()
        rtt_ms[:, scene.column(self.pop)] += np.float32(self.extra_ms)
        return moment.but(rtt_ms=rtt_ms)


@dataclass(frozen=True, slots=True)
class Congested:
    """The way of one provider's networks to one POP is longer by so many ms, no other."""

    asn: int
    pop: str
    start: float
    end: float
    extra_ms: float

    def change(self, moment: Moment, scene: Scene) -> Moment:
        """Return the truth with that way congested."""
        rtt_ms = moment.rtt_ms.copy()
        rtt_ms[scene.networks.asn == self.asn, scene.column(self.pop)] += np.float32(self.extra_ms)
        return moment.but(rtt_ms=rtt_ms)


@dataclass(frozen=True, slots=True)
class CableCut:
    """Ways between two regions (sets of country or continent codes) are longer: traffic goes round."""

    one: frozenset[str]
    other: frozenset[str]
    start: float
    end: float
    extra_ms: float

    def change(self, moment: Moment, scene: Scene) -> Moment:
        """Return the truth with all ways from one region to the other longer, in both directions."""
        clients = [lies_in(scene.networks.country, side) for side in (self.one, self.other)]
        country = np.array([pop.country for pop in scene.pops])
        servers = [lies_in(country, side) for side in (self.other, self.one)]
        crosses = np.outer(clients[0], servers[0]) | np.outer(clients[1], servers[1])
        return moment.but(rtt_ms=moment.rtt_ms + np.float32(self.extra_ms) * crosses.astype(np.float32))


@dataclass(frozen=True, slots=True)
class FlashCrowd:
    """The demand of a region (country or continent codes) is so many times what it was."""

    region: frozenset[str]
    start: float
    end: float
    times: float

    def change(self, moment: Moment, scene: Scene) -> Moment:
        """Return the truth with the region's demand grown."""
        crowd = lies_in(scene.networks.country, self.region)
        return moment.but(demand=np.where(crowd, moment.demand * self.times, moment.demand))


@dataclass(frozen=True, slots=True)
class LessCapacity:
    """A POP has only a share of its room: half of its hosts are gone; its checks pass."""

    pop: str
    start: float
    end: float
    share: float

    def change(self, moment: Moment, scene: Scene) -> Moment:
        """Return the truth with less room in the POP."""
        capacity = moment.capacity.copy()
        capacity[scene.column(self.pop)] *= self.share
        return moment.but(capacity=capacity)


def lies_in(country: npt.NDArray[np.str_], region: frozenset[str]) -> npt.NDArray[np.bool_]:
    """Tell which countries a region of country and continent codes holds (`EU` is Europe, no country)."""
    of = continents()
    codes, which = np.unique(country, return_inverse=True)
    held = np.array([code in region or of.get(str(code), "") in region for code in codes])
    found: npt.NDArray[np.bool_] = held[which]
    return found
