"""What the live map answers every entry under the health of the moment: lookups of `itm.dns`, all at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from itm.routemap.mask import choices, lots
from itm.routemap.routemap import ClassMap
from itm.simulate.faults.networks import Networks
from itm.simulate.faults.resolving import Entries


@dataclass(frozen=True, slots=True, eq=False)
class Answers:
    """Per entry `pop`, or where `lot` is not -1 one of the POPs of that row of `pops`, drawn by `reached`.

    `reached` (lots, ranks) are running sums of shares, the last of a row 1.
    """

    pop: npt.NDArray[np.int64]
    lot: npt.NDArray[np.int64]
    pops: npt.NDArray[np.int64]
    reached: npt.NDArray[np.float64]

    def draw(self, entries: npt.NDArray[np.intp], rng: np.random.Generator) -> npt.NDArray[np.int64]:
        """Return the POP that each of these entries is answered when it asks now."""
        pop = self.pop[entries]
        drawn = np.flatnonzero(self.lot[entries] >= 0)
        if len(drawn):
            lot = self.lot[entries[drawn]]
            rank = (self.reached[lot] <= rng.random(len(drawn))[:, None]).sum(axis=1)
            pop[drawn] = self.pops[lot, np.minimum(rank, self.pops.shape[1] - 1)]
        return pop


def answers_of(one: ClassMap, networks: Networks, entries: Entries, states: Sequence[int]) -> Answers:
    """Look up every entry: by the client's network where it is named, else by the resolver's.

    `states` are those of the map's POPs. A resolver whose clients were learned has a leaf of its own.
    """
    unit = networks.unit[entries.network]
    leaf = one.v4.leaves_of(unit).astype(np.int64)
    known = one.resolvers4.unit.astype(np.uint64)
    if len(known):
        at = np.minimum(np.searchsorted(known, unit), len(known) - 1)
        learned = ~entries.is_named & (known[at] == unit)
        leaf[learned] = one.resolvers4.leaf[at[learned]]
    by_lot = lots(one, states)
    lot_of_leaf = np.full(len(one.leaves), -1, np.int64)
    lot_of_leaf[by_lot.leaf] = np.arange(len(by_lot.leaf))
    return Answers(
        choices(one, states)[leaf].astype(np.int64),
        lot_of_leaf[leaf],
        one.leaves[by_lot.leaf].astype(np.int64),
        np.cumsum(by_lot.share, axis=1),
    )
