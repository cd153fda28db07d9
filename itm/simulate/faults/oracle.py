"""The oracle: whoever knows the whole truth at once and has no caches to wait for, within the room there is.

Where everybody's best POP has room enough, that is the answer. Else groups (the networks of one recorded
client) are assigned by the same linear program as the product's, from the true round trips.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from itm.simulate.faults.load import FREE, load_ms
from itm.simulate.faults.moment import Moment
from itm.simulate.faults.networks import Networks
from itm.steer.assign import assign

CANDIDATES = 8
"""POPs of each group that the program may use, the nearest ones."""

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Best:
    """What each network gets in the mean, load included (ms), whether it is reached, and POPs' load."""

    latency_ms: Floats
    reached: npt.NDArray[np.bool_]
    load: Floats


def best(moment: Moment, networks: Networks, in_service: npt.NDArray[np.bool_]) -> Best:
    """Return the least that demand can be served with, within the room of the POPs in service."""
    usable = moment.reached & in_service
    rtt = np.where(usable, moment.rtt_ms, np.inf).astype(np.float64)
    first = rtt.argmin(axis=1)
    load = np.bincount(first, moment.demand, len(in_service)).astype(np.float64)
    reached = np.asarray(usable.any(axis=1))
    if (load <= FREE * moment.capacity).all():
        latency = np.where(reached, rtt[np.arange(len(rtt)), first], 0.0)
        return Best(latency, reached, load)
    share = _shares(rtt, moment, networks, in_service)
    granted = share[networks.home]
    load = (granted * moment.demand[:, None]).sum(axis=0)
    cost = np.where(usable, moment.rtt_ms + load_ms(load, moment.capacity), 0.0)
    return Best((granted * cost).sum(axis=1), reached, load)


def _shares(rtt: Floats, moment: Moment, networks: Networks, in_service: npt.NDArray[np.bool_]) -> Floats:
    """Return (homes, POPs): which share of each group's demand each POP is granted."""
    homes = int(networks.home.max()) + 1
    demand = np.bincount(networks.home, moment.demand, homes).astype(np.float64)
    mean = np.empty((homes, rtt.shape[1]))
    for column in range(rtt.shape[1]):
        sums = np.bincount(networks.home, moment.demand * rtt[:, column], homes)
        mean[:, column] = sums / np.maximum(demand, 1e-12)
    mean = np.nan_to_num(mean, nan=np.inf, posinf=np.inf)
    order = np.argsort(mean, axis=1, kind="stable")[:, :CANDIDATES]
    cost = np.take_along_axis(mean, order, axis=1)
    pop = np.where(np.isfinite(cost), order, len(in_service)).astype(np.uint16)
    found = assign(np.where(np.isfinite(cost), cost, 0.0), pop, demand, moment.capacity)
    share = np.zeros((homes, rtt.shape[1] + 1))
    np.put_along_axis(share, pop.astype(np.intp), found.granted / np.maximum(demand, 1e-12)[:, None], axis=1)
    return share[:, :-1]
