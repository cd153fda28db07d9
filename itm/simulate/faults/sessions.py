"""What the simulated people measure: page views with probes of at most four POPs, as records for the guard.

The plan of a page view is that of `collectors/rum/plan.py`, for many at once: the POP in use, the predicted
best, and two drawn from the ten predicted to be closest, POPs that the network knows too little of first.
No Python object per measurement.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from collectors.cells import mix64
from collectors.measurement import METRICS, RECORD, SOURCES
from collectors.rum.plan import COUNT, LEAST_CHANCE, NEAR_MS, THIN, TOP
from itm.simulate.access import LOSS
from itm.simulate.faults.moment import Moment
from itm.simulate.faults.networks import USERS, Floats, Networks

DAY_SECONDS: Final = 86_400
FADE_SECONDS: Final = 43_200.0
"""What is known of a POP counts half after so long, as in the windows."""

Records = npt.NDArray[np.void]
Rows = npt.NDArray[np.int64]


@dataclass(eq=False)
class Sessions:
    """Makes page views; `pops` are the ids of all columns. What plans are drawn from is `expect`ed."""

    networks: Networks
    pops: npt.NDArray[np.bytes_]
    rng: np.random.Generator

    def __post_init__(self) -> None:
        shape = self.networks.rtt_ms.shape
        self._known = np.zeros(shape, np.float32)
        self._faded_at = 0.0
        self._expected_ms, self._spread_ms = (np.full(shape, np.nan, np.float32) for _ in range(2))

    def expect(self, columns: npt.NDArray[np.intp], expected_ms: Floats, spread_ms: Floats) -> None:
        """Draw plans from these estimates (networks, columns) from now on; nobody measures other POPs."""
        for table, values in ((self._expected_ms, expected_ms), (self._spread_ms, spread_ms)):
            table.fill(np.nan)
            table[:, columns] = values

    def between(
        self, start: float, end: float, count: int, served: npt.NDArray[np.int64], moment: Moment
    ) -> Records:
        """Return what `count` page views between two moments (seconds) tell; demand draws whose they are."""
        chance = np.cumsum(moment.demand)
        who = np.searchsorted(chance, self.rng.random(count) * chance[-1]).astype(np.int64)
        return self.of(np.minimum(who, len(self.networks) - 1), start, end, served, moment)

    def of(
        self, who: Rows, start: float, end: float, served: npt.NDArray[np.int64], moment: Moment
    ) -> Records:
        """Return what one page view of each network in `who` tells; availability first, then round trips."""
        self._fade(end)
        pop = self._planned(who, served[who])
        np.add.at(self._known, (np.repeat(who, pop.shape[1]), pop.ravel()), 1)
        user = self.rng.integers(0, USERS, len(who))
        row, view = np.repeat(who, pop.shape[1]), np.repeat(np.arange(len(who)), pop.shape[1])
        at = pop.ravel()
        scale = self.networks.excess_ms[row, user[view]]
        seen = moment.rtt_ms[row, at] + self.rng.exponential(1.0, len(row)).astype(np.float32) * scale
        reached = moment.reached[row, at] & (self.rng.random(len(row)) >= LOSS)
        time = (start + (end - start) * self.rng.random(len(who)))[view]
        client = client_hash(row, user[view], time)
        outcomes = self._records(row, at, client, time, "availability", reached)
        return np.concatenate([outcomes, self._records(row, at, client, time, "rtt_ms", seen)[reached]])

    def _planned(self, who: Rows, current: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Return (page views, COUNT) POPs; see `collectors.rum.plan.choose_session`, whose keys these are."""
        predicted, known = self._expected_ms[who], self._known[who]
        views = np.arange(len(who))
        order = np.argsort(predicted, axis=1)  # NaN last
        rank = np.empty_like(order)
        np.put_along_axis(rank, order, np.arange(order.shape[1])[None, :], axis=1)
        behind = predicted - predicted[views, order[:, 0]][:, None]
        chance = np.maximum(
            _chance(behind, self._spread_ms[who]), LEAST_CHANCE * NEAR_MS / (NEAR_MS + behind)
        )
        key = np.log(1 - self.rng.random(predicted.shape)) * (1 + known) / chance
        key = np.where(known < THIN, key, key - 1e9)
        key[(rank >= TOP) | np.isnan(predicted)] = -np.inf
        key[views, order[:, 0]] = 1.0
        key[views, current] = 2.0
        planned: npt.NDArray[np.int64] = np.argsort(-key, axis=1, kind="stable")[:, :COUNT]
        return planned

    def _records(
        self,
        row: Rows,
        pop: npt.NDArray[np.int64],
        client: npt.NDArray[np.uint32],
        time: npt.NDArray[np.float64],
        metric: str,
        value: npt.NDArray[Any],
    ) -> Records:
        records = np.zeros(len(row), RECORD)
        records["time"], records["unit"], records["client"] = time, self.networks.unit[row], client
        records["value"], records["pop"] = value, self.pops[pop]
        records["family"], records["metric"] = 4, METRICS.index(metric)
        records["source"] = SOURCES.index("rum")
        return records

    def _fade(self, now: float) -> None:
        if self._faded_at:
            self._known *= np.float32(0.5 ** ((now - self._faded_at) / FADE_SECONDS))
        self._faded_at = now


def client_hash(
    network: Rows, user: npt.NDArray[np.int64], time: npt.NDArray[np.float64]
) -> npt.NDArray[np.uint32]:
    """Return the hash of each user on the day of `time`: era, then hash (`collectors.clienthash`)."""
    day = (time // DAY_SECONDS).astype(np.uint64)
    name = (network * USERS + user).astype(np.uint64) << np.uint64(16) | day & np.uint64(0xFFFF)
    era = 1 + day % np.uint64(255)
    return (era << np.uint64(24) | mix64(name) & np.uint64(0xFFFFFF)).astype(np.uint32)


def _chance(behind_ms: Floats, spread_ms: Floats) -> Floats:
    """Return the chance to beat the best: of a normal, by the logistic within 0.01 of its integral."""
    sigma = np.maximum(spread_ms / np.float32(1.349), np.float32(0.1))
    score = np.minimum(1.702 * behind_ms / (np.sqrt(np.float32(2)) * sigma), 80)
    return np.asarray(1 / (1 + np.exp(score)), np.float32)
