"""What users see of one strategy at one moment: where they are sent, what it takes, what they lose by it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from itm.simulate.faults.load import load_ms
from itm.simulate.faults.moment import Moment
from itm.simulate.faults.oracle import Best

FAILED_MS: Final = 3_000.0
"""What a session to a POP that does not answer costs: the client's time limit, after which it tries again."""

HIT_MS: Final = 10.0
HIT_SHARE: Final = 0.15
"""Demand that loses more than both against the oracle is hit: the gain for which ITM leaves a POP."""

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """Per network `latency_ms` (load included), whether it is `reached`, and whether it is `hit`.

    In all: `regret_ms` the mean loss against the oracle, failures at `FAILED_MS`; shares of demand `moved`
    since the moment before, and `over` the room of their POP; `load` per POP as a share of its room.
    """

    latency_ms: Floats
    reached: npt.NDArray[np.bool_]
    hit: npt.NDArray[np.bool_]
    regret_ms: float
    moved: float
    over: float
    load: Floats

    @classmethod
    def of_best(cls, moment: Moment, best: Best) -> Seen:
        """Return what users of the oracle see."""
        over = float(np.maximum(best.load - moment.capacity, 0).sum() / moment.demand.sum())
        nobody = np.zeros(len(best.reached), np.bool_)
        load = best.load / moment.capacity
        return cls(best.latency_ms, best.reached, nobody, 0.0, 0.0, over, load)


def see(moment: Moment, served: npt.NDArray[np.int64], before: npt.NDArray[np.int64], best: Best) -> Seen:
    """Return what users see who are sent to the POPs `served`, and were sent to those `before`."""
    rows, demand = np.arange(len(served)), moment.demand
    total = float(demand.sum())
    reached = moment.reached[rows, served]
    load = np.bincount(served, np.where(reached, demand, 0.0), len(moment.capacity)).astype(np.float64)
    latency = moment.rtt_ms[rows, served] + load_ms(load, moment.capacity)[served]
    loss = np.where(reached, latency, FAILED_MS) - np.where(best.reached, best.latency_ms, FAILED_MS)
    return Seen(
        latency_ms=latency,
        reached=reached,
        hit=loss > np.maximum(HIT_MS, HIT_SHARE * latency),
        regret_ms=float((demand * loss).sum() / total),
        moved=float(demand[served != before].sum() / total),
        over=float(np.maximum(load - moment.capacity, 0).sum() / total),
        load=load / moment.capacity,
    )
