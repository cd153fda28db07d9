"""Drift: what a predictor said against what clients measured, and a verdict.

The last mile is in what clients measure and in no prediction; it is nearly the same for every POP. So of each
place the median excess over the POPs it measured is taken off first, never less than nothing: what is left
is what the predictor got wrong. Intervals are bootstraps over groups (ASes): places of one are not
independent. Knows arrays and names, no windows and no catalog.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

MOST_ACCESS_MS: Final = 80.0
"""The most a last mile may add (satellite access: p90 of the recorded series)."""

LEAST_PLACES: Final = 30
LEAST_GROUPS: Final = 10
"""Measured places, and ASes of them, below which there is no verdict."""

MOST_ERROR_MS: Final = 15.0
"""Drifted if the typical error is above this for certain: half as much again as on networks held out of
training (10 ms in the mean, docs/model-card.md)."""

MOST_REGRET_MS: Final = 5.0
"""Drifted if its choice loses more than this on average for certain: what the nearest POP loses on the 14-POP
world, of which the predictor loses a quarter."""

LEAST_COVERED: Final = 0.2
"""Drifted if p25 to p75 hold less than this of what was measured: they should hold half."""

MOST_OFF_MS: Final = 15.0
LEAST_OF_ONE: Final = 20
"""A POP, provider or continent is marked whose median error is beyond this, over so many round trips."""

RESAMPLES: Final = 500

_NO: Final = (0.0, 0.0, 0.0)

Array = npt.NDArray[np.floating[Any]]
Labels = Mapping[str, Sequence[str]]


@dataclass(frozen=True, slots=True, eq=False)
class Live:
    """What was measured, `(n places, m POPs)` in ms, NaN where it was not; `said` `(3, n, m)`: p25, p50, p75.

    `km` are distances, `group` what is not independent. Every place measured two POPs at least.
    """

    rtt_ms: Array
    said: Array
    km: Array
    group: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.group)


@dataclass(frozen=True, slots=True)
class Interval:
    """A number with its 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Part:
    """How far off it is for one POP, provider or continent: the median error, measured less said."""

    kind: str
    name: str
    cells: int
    error_ms: float
    is_off: bool


@dataclass(frozen=True, slots=True)
class DriftReport:
    """What the predictor is worth: `verdict` is `sound`, `drifted` or `too few`, `reasons` say why.

    The error of a place is the median of its POPs', without sign; `signed_ms` p10, p50, p90 of all errors.
    `below` are the shares measured below p25, p50 and p75. Regrets are means over places of what the POP
    with the least prediction, or the nearest one, costs more than the best that the place measured.
    """

    verdict: str
    reasons: tuple[str, ...]
    places: int
    cells: int
    error_ms: Interval
    signed_ms: tuple[float, float, float]
    below: tuple[float, float, float]
    regret_ms: Interval
    nearest_ms: float
    parts: tuple[Part, ...]

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON-ready data."""
        return asdict(self)


def drift(live: Live, of_pop: Labels, of_place: Labels) -> DriftReport:
    """Return what the predictor is worth on live data: `sound`, `drifted` with the reasons, or `too few`.

    `of_pop` and `of_place` name, by kind, what each POP and place belongs to.
    """
    measured = np.isfinite(live.rtt_ms)
    if len(live) < LEAST_PLACES or len(np.unique(live.group)) < LEAST_GROUPS:
        reason = f"{len(live)} places measured two POPs or more, in {len(np.unique(live.group))} ASes"
        need = f"{LEAST_PLACES} places in {LEAST_GROUPS} ASes are needed"
        none = Interval(0.0, 0.0, 0.0)
        cells = int(measured.sum())
        return DriftReport("too few", (f"{reason}; {need}",), len(live), cells, none, _NO, _NO, none, 0.0, ())
    error = errors(live)
    chosen, nearest = regrets(live)
    report = DriftReport(
        verdict="sound",
        reasons=(),
        places=len(live),
        cells=int(measured.sum()),
        error_ms=interval(np.nanmedian(np.abs(error), axis=1), live.group),
        signed_ms=_three(np.percentile(error[measured], [10, 50, 90])),
        below=_three(np.array([(error < live.said[q] - live.said[1])[measured].mean() for q in range(3)])),
        regret_ms=interval(chosen, live.group),
        nearest_ms=round(float(nearest.mean()), 3),
        parts=(*_parts(error, of_pop, 1), *_parts(error, of_place, 0)),
    )
    reasons = tuple(_reasons(report, interval(chosen - nearest, live.group)))
    return _judged(report, reasons)


def errors(live: Live) -> npt.NDArray[np.float64]:
    """Return measured less said, without the last mile, in ms; NaN where nothing was measured."""
    excess = (live.rtt_ms - live.said[1]).astype(np.float64)
    access = np.clip(np.nanmedian(excess, axis=1), 0.0, MOST_ACCESS_MS)
    return np.asarray(excess - access[:, None])


def regrets(live: Live) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return what the predicted choice and the nearest POP cost each place more than its best, in ms."""
    hidden = ~np.isfinite(live.rtt_ms)
    best = np.nanmin(live.rtt_ms, axis=1)
    found = []
    for order in (live.said[1], live.km):
        choice = np.where(hidden, np.inf, order).argmin(axis=1)
        found.append(live.rtt_ms[np.arange(len(live)), choice].astype(np.float64) - best)
    return found[0], found[1]


def interval(values: Array, group: npt.NDArray[np.int64], seed: int = 0) -> Interval:
    """Return the mean with its bootstrap interval over groups (Efron 1979, percentiles)."""
    _, index = np.unique(group, return_inverse=True)
    sums, counts = np.bincount(index, values), np.bincount(index)
    groups = len(counts)
    draws = np.random.default_rng(seed).multinomial(groups, np.full(groups, 1 / groups), RESAMPLES)
    means = (draws @ sums) / (draws @ counts)
    low, high = np.percentile(means, [2.5, 97.5])
    return Interval(round(float(values.mean()), 3), round(float(low), 3), round(float(high), 3))


def _reasons(report: DriftReport, worse: Interval) -> list[str]:
    said = []
    if report.error_ms.low > MOST_ERROR_MS:
        low = report.error_ms.low
        said.append(f"the typical error is {low:.1f} ms at least (most is {MOST_ERROR_MS:g})")
    if report.regret_ms.low > MOST_REGRET_MS:
        low = report.regret_ms.low
        said.append(f"its choice loses {low:.1f} ms on average at least (most is {MOST_REGRET_MS:g})")
    if worse.low > 0:
        said.append(f"the nearest POP is better by {worse.low:.1f} ms on average at least")
    covered = report.below[2] - report.below[0]
    if covered < LEAST_COVERED:
        said.append(f"p25 to p75 hold {covered:.0%} of what was measured (least is {LEAST_COVERED:.0%})")
    return said


def _judged(report: DriftReport, reasons: tuple[str, ...]) -> DriftReport:
    fields = {name: getattr(report, name) for name in report.__slots__}
    return DriftReport(**fields | {"verdict": "drifted" if reasons else "sound", "reasons": reasons})


def _parts(error: npt.NDArray[np.float64], labels: Labels, axis: int) -> list[Part]:
    """Return all that were measured, the one furthest off first."""
    found = []
    for kind, names in labels.items():
        own = np.asarray(names)
        for name in sorted({*names} - {""}):
            part = error[:, own == name] if axis else error[own == name]
            values = part[np.isfinite(part)]
            if len(values):
                middle = round(float(np.median(values)), 2)
                is_off = abs(middle) > MOST_OFF_MS and len(values) >= LEAST_OF_ONE
                found.append(Part(kind, name, len(values), middle, is_off))
    return sorted(found, key=lambda one: -abs(one.error_ms))


def _three(values: npt.NDArray[np.float64]) -> tuple[float, float, float]:
    low, middle, high = (round(float(value), 4) for value in values)
    return low, middle, high
