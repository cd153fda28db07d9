"""Aggregates laid out for the decision: per rung, sorted keys and dense rows x POPs."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np
import numpy.typing as npt

from collectors.aggregate import Aggregates
from collectors.ladder import RUNGS
from itm.catalog.types import Location
from itm.steer.estimate import (
    MIN_DISTINCT,
    MIN_DISTINCT_WIDE,
    MIN_SAMPLES,
    Estimate,
    Floats,
    Measured,
    from_prediction,
    refine,
)
from itm.steer.residual import Residuals, residuals_of
from itm.steer.sites import Site, sites_of
from itm.steer.slowdowns import Slowdowns
from itm.steer.steps.available import MIN_SAMPLES as AVAILABILITY_SAMPLES
from itm.steer.votes import borne_out
from itm.steer.world import World

DECIDING: Final = ("place", "prefix", "network")
"""The rungs whose measurements move a decision, from wide to narrow."""

Keys = npt.NDArray[np.uint64]


@dataclass(frozen=True, slots=True, eq=False)
class RungEvidence:
    """One rung: `key` sorted, one row of `measured` each."""

    key: Keys
    measured: Measured

    def rows(self, keys: Keys) -> npt.NDArray[np.intp]:
        """Return the row of each key, -1 where it has no evidence."""
        if not len(self.key):
            return np.full(len(keys), -1, dtype=np.intp)
        at = np.minimum(np.searchsorted(self.key, keys), len(self.key) - 1)
        return np.where(self.key[at] == keys, at, -1)


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """All rungs that decide, and what is slower of late than they believe.

    Cells that would change nothing (too few samples) are not in here.
    """

    rungs: dict[str, RungEvidence]
    residuals: Residuals = field(default_factory=Residuals)
    sites: dict[Location, Site] = field(default_factory=dict)
    slowdowns: Slowdowns = field(default_factory=Slowdowns.nothing)

    @classmethod
    def of(
        cls, aggregates: Aggregates, pops: tuple[str, ...], residuals: Residuals | None = None
    ) -> Evidence:
        """Lay out what is usable of the aggregates; POPs that the catalog does not know are left out."""
        names = np.array([p.encode() for p in pops], dtype=aggregates.pop.dtype)
        order = np.argsort(names)
        at = np.minimum(np.searchsorted(names[order], aggregates.pop), len(names) - 1)
        pop = order[at]
        known = names[pop] == aggregates.pop
        enough = (aggregates.n >= MIN_SAMPLES) | (aggregates.availability_n >= AVAILABILITY_SAMPLES)
        usable = known & enough & (aggregates.distinct >= _least_voters(aggregates))
        return cls(
            {
                r: _layout(aggregates, usable & (aggregates.rung == RUNGS.index(r)), pop, len(pops))
                for r in DECIDING
            },
            residuals or Residuals(),
        )

    @classmethod
    def of_world(cls, aggregates: Aggregates, world: World) -> Evidence:
        """Lay out what the aggregates say of the POPs of `world`, and of its predictions."""
        laid_out = cls.of(aggregates, world.pops, residuals_of(aggregates, world))
        return replace(laid_out, sites=sites_of(aggregates, world))

    @property
    def drawn(self) -> tuple[str, ...]:
        """The rungs whose keys an estimate asks for."""
        return (*self.residuals.rungs, *self.rungs)

    @classmethod
    def nothing(cls, pops: int) -> Evidence:
        """Return the evidence of a server that has measured nothing yet."""
        none = np.zeros(0, dtype=np.uint64)
        return cls({rung: RungEvidence(none, Measured.nothing(0, pops)) for rung in DECIDING})

    def touches(self, keys: dict[str, Keys]) -> npt.NDArray[np.bool_]:
        """Return which rows with these keys were measured on a rung that decides, or are slower of late."""
        found = np.zeros(len(keys["place"]), dtype=bool)
        for rung, own in self.rungs.items():
            found |= own.rows(keys[rung]) >= 0
        slower = self.slowdowns.of_places(keys["place"])
        return found if slower is None else found | (slower[0] > 0).any(axis=1)

    def estimate(self, prediction: Floats, keys: dict[str, Keys]) -> Estimate:
        """Return the estimate of rows: `prediction` (3, rows, POPs) shifted by what the wide rungs say of it,
        and refined rung by rung where keys match.
        """
        shifted = self.residuals.shifted(prediction, keys)
        estimate = from_prediction(*(np.ascontiguousarray(q) for q in shifted))
        for rung in DECIDING:
            own = self.rungs[rung]
            at = own.rows(keys[rung])
            if (at < 0).all():
                continue
            estimate = refine(estimate, _spread(own.measured, at, prediction.shape[2]))
        return self._slowed(estimate, keys["place"])

    def _slowed(self, estimate: Estimate, place: Keys) -> Estimate:
        """Return the estimate with what is slower of late than the windows know."""
        slower = self.slowdowns.of_places(place)
        if slower is None:
            return estimate
        ms, least = slower
        certain = np.where(ms > 0, estimate.rtt + least, estimate.low)
        low = np.fmax(estimate.low + ms, certain)
        return replace(estimate, rtt=estimate.rtt + ms, low=low, high=estimate.high + ms)


def _layout(
    a: Aggregates, chosen: npt.NDArray[np.bool_], pop: npt.NDArray[np.intp], pops: int
) -> RungEvidence:
    key, row = np.unique(a.key[chosen], return_inverse=True)
    table = Measured.nothing(len(key), pops)
    # Too few fetches must not hide what the rung above knows of a POP's availability.
    # Nor may it fall to a few who speak of nothing else, such as browsers' reports of failures.
    fetched = (a.availability_n >= AVAILABILITY_SAMPLES) & (a.availability_distinct >= _least_voters(a))
    believed = borne_out(a)
    fields = {"n": a.n, "distinct": a.distinct}
    fields |= {name: believed[name] for name in ("p25", "low", "high", "least", "most", "p75")}
    fields["availability"] = np.where(fetched, believed["availability"], np.float32(np.nan))
    fields["availability_n"] = np.where(fetched, a.availability_n, np.float32(0))
    filled = {}
    for name, values in fields.items():
        array = getattr(table, name).copy()
        array[row, pop[chosen]] = values[chosen]
        filled[name] = array
    return RungEvidence(key, Measured(**filled))


def _least_voters(a: Aggregates) -> npt.NDArray[np.int64]:
    """Return how many must have measured the very POP before a row's cell is believed."""
    return np.where(a.rung == RUNGS.index("network"), MIN_DISTINCT, MIN_DISTINCT_WIDE)


def _spread(measured: Measured, at: npt.NDArray[np.intp], pops: int) -> Measured:
    """Return the rows `at`, with nothing measured where it is -1."""
    nothing = Measured.nothing(1, pops)
    longer = Measured(
        *(np.concatenate([getattr(measured, f), getattr(nothing, f)]) for f in Measured.__slots__)
    )
    return longer.take(np.where(at < 0, len(measured.n), at))
