"""What the decision believes each POP costs each row: prediction, shifted and shrunk by what was measured.

A row is a place or one measured prefix. Everything is computed row by row from that row's own inputs,
so a single row estimated alone (for `why`) gives bit-identical numbers to the whole batch.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]

SHRINK_SAMPLES: Final = 2.0
"""k of n / (n + k): samples at which a measurement weighs as much as what stands above it. A predicted RTT is
off by some 20 % at the median; the p25 of two samples over a typical last mile is nearer than that.
"""

MIN_SAMPLES: Final = 2.5
"""Decayed samples below which a measured cell is not used at all (3 fresh ones)."""

MIN_DISTINCT: Final = 5
"""Distinct clients of a network that must have measured the very POP before the network believes it."""

MIN_DISTINCT_WIDE: Final = 8
"""Networks that must have measured the very POP before a routing prefix or a place believes it: their rows
are thousands of networks, and among few voters a tenth of liars is a half by chance (5: 0.9 %, 8: 0.04 %).
"""

MAX_ACCESS_MS: Final = 80.0
"""The most a last mile may add to every POP (satellite access: p90 of the recorded series)."""

STEADY_MS: Final = 10.0
"""How much more than the least a POP's p75 may lie above its p25 without being held against it."""

STEADY_SAMPLES: Final = 10.0
"""Decayed samples below which a p75 says nothing: its standard error is four times that of p25."""

ORIGINS: Final = ("prior", "predicted", "blended", "measured")
MEASURED_WEIGHT: Final = 0.8
"""Weight of the measurement from which an estimate is called `measured` rather than `blended`."""


@dataclass(frozen=True, slots=True, eq=False)
class Measured:
    """Aggregates of one rung laid out as rows x POPs; `n` is 0 where nothing was measured.

    p25 is between `low` and `high`, each of which fails with 5 % at most; voters leave open where between
    `least` and `most` that of all would lie.
    """

    n: Floats
    distinct: npt.NDArray[np.int32]
    p25: Floats
    low: Floats
    high: Floats
    least: Floats
    most: Floats
    p75: Floats
    availability: Floats  # nan where not known
    availability_n: Floats

    @classmethod
    def nothing(cls, rows: int, pops: int) -> Measured:
        """Return the empty table of that shape."""
        zero = np.zeros((rows, pops), dtype=np.float32)
        none = np.full((rows, pops), np.nan, dtype=np.float32)
        nobody = np.zeros((rows, pops), dtype=np.int32)
        return cls(zero, nobody, none, none, none, none, none, none, none, zero)

    def take(self, rows: npt.NDArray[np.intp]) -> Measured:
        """Return those rows."""
        return Measured(*(getattr(self, name)[rows] for name in self.__slots__))


@dataclass(frozen=True, slots=True, eq=False)
class Estimate:
    """Per row and POP, in ms: the ranking value with its interval, and where it came from.

    `unsteady_ms` is what a POP's bad quarter costs it: by how much more than usual in the row, and than
    `STEADY_MS`, its p75 lies above its p25. `weight` is the share of measurement (0..1); `access_ms` per
    row is the last mile that all measured POPs of the row have in common and that the predictor cannot know.
    """

    rtt: Floats
    low: Floats
    high: Floats
    unsteady_ms: Floats
    weight: Floats
    n: Floats
    distinct: npt.NDArray[np.int32]
    access_ms: Floats
    availability: Floats
    availability_n: Floats

    def origin(self, row: int, pop: int, placed: bool) -> str:
        """Name where one estimate came from, in the words of the glossary."""
        weight = float(self.weight[row, pop])
        prior, predicted, blended, measured = ORIGINS
        if weight >= MEASURED_WEIGHT:
            return measured
        if weight > 0:
            return blended
        return predicted if placed else prior


def from_prediction(p25: Floats, p50: Floats, p75: Floats) -> Estimate:
    """Return the estimate of rows nobody has measured; arrays are rows x POPs in ms."""
    zero = np.zeros_like(p50)
    return Estimate(
        rtt=p50,
        low=p25,
        high=p75,
        unsteady_ms=zero,
        weight=zero,
        n=zero,
        distinct=np.zeros(p50.shape, dtype=np.int32),
        access_ms=np.zeros(len(p50), dtype=np.float32),
        availability=np.full_like(p50, np.nan),
        availability_n=zero,
    )


def refine(parent: Estimate, measured: Measured) -> Estimate:
    """Shrink one rung's measured quantiles towards the estimate of the rung above, in log space.

    The measured p25 carries the ranking (steering.md: the least noisy quantile that orders POPs well); its
    order statistics bound the interval, and p75 guards against a POP with a good floor and a bad quarter.
    POPs without evidence of their own keep the parent's value plus the access term, so that a POP does not
    look good merely because nobody measured it; and so do those whose voters leave that value open.
    """
    usable = (measured.n >= MIN_SAMPLES) & np.isfinite(measured.p25)
    usable &= measured.distinct >= MIN_DISTINCT
    access = _access(parent, measured, usable)
    shift = access[:, None] * (parent.weight == 0)
    believed = np.clip(parent.rtt + shift, measured.least, measured.most)
    own = np.where(usable, measured.n / (measured.n + np.float32(SHRINK_SAMPLES)), 0).astype(np.float32)
    known = np.isfinite(measured.availability)
    return Estimate(
        rtt=_blend(parent.rtt + shift, believed, own),
        low=_blend(parent.low + shift, np.fmin(measured.low, believed), own),
        high=_blend(parent.high + shift, np.fmax(measured.high, believed), own),
        unsteady_ms=np.where(usable, _unsteady(measured, usable), parent.unsteady_ms),
        weight=(own + (1 - own) * parent.weight).astype(np.float32),
        n=np.where(usable, measured.n, parent.n),
        distinct=np.where(usable, measured.distinct, parent.distinct),
        access_ms=(parent.access_ms + access).astype(np.float32),
        availability=np.where(known, measured.availability, parent.availability),
        availability_n=np.where(known, measured.availability_n, parent.availability_n),
    )


def _access(parent: Estimate, measured: Measured, usable: npt.NDArray[np.bool_]) -> Floats:
    """Return the last mile per row: the least excess over the parent that every measured POP shows.

    At least two POPs must have been measured: with one, a slow path and a slow last mile look alike.
    """
    excess = np.where(usable, measured.p25 - parent.rtt, np.float32(np.inf))
    least = excess.min(axis=1, initial=np.inf)
    enough = usable.sum(axis=1) >= 2
    return np.where(enough, np.clip(least, 0, MAX_ACCESS_MS), 0).astype(np.float32)


def _unsteady(measured: Measured, usable: npt.NDArray[np.bool_]) -> Floats:
    """Return by how much each POP's quartiles lie further apart than the row's least, and than `STEADY_MS`.

    What spreads the row's values to every POP alike is its access, and no POP's fault.
    """
    spread = np.where(usable, measured.p75 - measured.p25, np.float32(np.inf))
    least = spread.min(axis=1, initial=np.inf)[:, None]
    with np.errstate(invalid="ignore"):
        beyond = spread - least - np.float32(STEADY_MS)
    known = usable & (measured.n >= STEADY_SAMPLES)
    return np.where(known, np.maximum(beyond, 0), 0).astype(np.float32)


def _blend(above: Floats, measured: Floats, weight: Floats) -> Floats:
    value = np.where(weight > 0, measured, above)
    mixed = np.exp(weight * np.log(np.maximum(value, 0.1)) + (1 - weight) * np.log(np.maximum(above, 0.1)))
    return np.where(weight > 0, mixed, above).astype(np.float32)
