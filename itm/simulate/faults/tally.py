"""What users saw, added up: by strategy and phase, weighted by demand and time."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt

from itm.simulate.faults.seen import Seen

BINS: Final = 1_200
_LOW, _STEP = 0.1, 0.01
"""Bins of one per cent from 0.1 ms on."""

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Line:
    """One strategy in one phase. Latencies in ms, load included, of sessions that were served.

    `regret_ms` is the mean excess over the oracle of all demand, failures at `FAILED_MS`; `available` the
    share of demand that was served; `churn` the share of demand that changed its POP; `overload` the
    share of demand above the room of its POP.
    """

    strategy: str
    phase: str
    mean_ms: float
    p50_ms: float
    p90_ms: float
    p99_ms: float
    regret_ms: float
    available: float
    churn: float
    overload: float


@dataclass(eq=False)
class Tally:
    """Adds up one strategy in one phase."""

    strategy: str
    phase: str
    _demand: float = 0.0
    _served: float = 0.0
    _latency: float = 0.0
    _regret: float = 0.0
    _moved: float = 0.0
    _over: float = 0.0
    _bins: Floats = field(default_factory=lambda: np.zeros(BINS))

    def add(self, seconds: float, demand: Floats, seen: Seen) -> None:
        """Count what the demand of each network saw for so many seconds."""
        total = float(demand.sum()) * seconds
        weight = np.where(seen.reached, demand, 0.0) * seconds
        self._demand += total
        self._served += float(weight.sum())
        self._latency += float((weight * seen.latency_ms).sum())
        self._regret += seen.regret_ms * total
        self._moved += seen.moved
        self._over += seen.over * total
        at = np.log(np.maximum(seen.latency_ms, _LOW) / _LOW) / np.log1p(_STEP)
        self._bins += np.bincount(np.minimum(at, BINS - 1).astype(np.intp), weight, BINS)

    def line(self) -> Line:
        """Return what it came to; of a phase that never was, all is NaN."""
        with np.errstate(invalid="ignore", divide="ignore"):
            demand, served = np.float64(self._demand), np.float64(self._served)
            return Line(
                self.strategy,
                self.phase,
                float(self._latency / served),
                self._quantile(0.5),
                self._quantile(0.9),
                self._quantile(0.99),
                float(self._regret / demand),
                float(served / demand),
                self._moved,
                float(self._over / demand),
            )

    def _quantile(self, q: float) -> float:
        reached = np.cumsum(self._bins)
        at = int(np.searchsorted(reached, q * reached[-1]))
        return float(_LOW * (1 + _STEP) ** (at + 0.5))
