"""How places fared under a canary: per place the change from the POP of before to the one of now.

Only places count for which the two worlds decide differently: those inside the slice got another POP, those
outside would have. A hash decided which is which, so they are alike in all but that.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from collectors.aggregate import Aggregates
from collectors.cells import mix64
from collectors.ladder import RUNGS
from itm.steer.build import ClassBuild
from itm.steer.effect import Effect, Floats, effect
from itm.steer.evidence import Keys
from itm.steer.verdict import Measured

LEAST_SAMPLES = 3.0
"""Decayed samples of a place and POP, before and since, from which its median or availability counts."""

Indices = npt.NDArray[np.intp]

_PLACE = RUNGS.index("place")


@dataclass(frozen=True, slots=True, eq=False)
class Places:
    """The places that differ: keys, whether inside the slice, demand, and POPs by both worlds (indices)."""

    key: Keys
    inside: npt.NDArray[np.bool_]
    weight: Floats
    live: Indices
    changed: Indices

    @property
    def served(self) -> Indices:
        """The POP each is served now."""
        return np.where(self.inside, self.changed, self.live)


def differing(
    live: Sequence[ClassBuild],
    changed: Sequence[ClassBuild],
    pairs: Sequence[tuple[int, int]],
    key: Keys,
    inside: npt.NDArray[np.bool_],
    weight: Floats,
) -> Places:
    """Return the places with demand for which a class of `live` and its twin in `changed` differ.

    `key`, `inside` and `weight` are of all places, in the order of the rows; the first pair that differs
    stands for a place.
    """
    count = len(key)
    own, other = (np.zeros(count, dtype=np.intp) for _ in range(2))
    for mine, theirs in reversed(pairs):
        was, now = (one.decision.ranks[:count, 0] for one in (live[mine], changed[theirs]))
        other = np.where(was != now, now, other)
        own = np.where(was != now, was, own)
    chosen = np.flatnonzero((own != other) & (weight > 0))
    return Places(key[chosen], inside[chosen], weight[chosen], own[chosen], other[chosen])


def pairs_of(live: Mapping[str, int], changed: Mapping[str, int]) -> tuple[tuple[int, int], ...]:
    """Return the classes of services that both worlds steer, each pair once; both by service name."""
    return tuple(dict.fromkeys((live[name], changed[name]) for name in live if name in changed))


def measured(
    places: Places, pops: tuple[str, ...], before: Aggregates, since: Aggregates, confidence: float
) -> Measured:
    """Return the effects on the slice, by what was known when it began and what was measured since."""
    names = np.array([pop.encode() for pop in pops], dtype=before.pop.dtype)
    then, now = _Cells.of(before, names), _Cells.of(since, names)
    was, at = then.rows(places.key, places.live), now.rows(places.key, places.served)

    def on(name: str, count: str) -> Effect | None:
        change = now.values(at, name, count) - then.values(was, name, count)
        known = np.isfinite(change)
        sides = change[known], places.inside[known], places.weight[known]
        return effect(*sides, confidence) if known.any() else None

    lost = on("availability", "availability_n")
    unavailability = None
    if lost is not None:
        unavailability = Effect(-lost.estimate, -lost.high, -lost.low, lost.inside, lost.outside)
    return Measured(int(places.inside.sum()), on("p50", "n"), unavailability)


@dataclass(frozen=True, slots=True, eq=False)
class _Cells:
    """The place rows of aggregates, found by key and POP: `code` is sorted, `row` the row of each."""

    aggregates: Aggregates
    code: Keys
    row: Indices

    @classmethod
    def of(cls, aggregates: Aggregates, names: npt.NDArray[np.bytes_]) -> _Cells:
        order = np.argsort(names)
        pop = order[np.minimum(np.searchsorted(names[order], aggregates.pop), len(names) - 1)]
        row = np.flatnonzero((aggregates.rung == _PLACE) & (names[pop] == aggregates.pop))
        code = _code(aggregates.key[row], pop[row])
        by_code = np.argsort(code)
        return cls(aggregates, code[by_code], row[by_code])

    def rows(self, key: Keys, pop: Indices) -> Indices:
        """Return the row of each place and POP, -1 where there is none."""
        if not len(self.code):
            return np.full(len(key), -1, dtype=np.intp)
        code = _code(key, pop)
        at = np.minimum(np.searchsorted(self.code, code), len(self.code) - 1)
        return np.where(self.code[at] == code, self.row[at], -1)

    def values(self, row: Indices, name: str, count: str) -> Floats:
        """Return a column of those rows, NaN where too little is known."""
        if not len(self.aggregates):
            return np.full(len(row), np.nan)
        known = (row >= 0) & (getattr(self.aggregates, count)[row] >= LEAST_SAMPLES)
        values: Floats = np.where(known, getattr(self.aggregates, name)[row], np.nan).astype(np.float64)
        return values


def _code(key: Keys, pop: npt.NDArray[np.integer]) -> Keys:
    """Return one well-spread number per place and POP."""
    return mix64(mix64(key) ^ (pop.astype(np.uint64) + np.uint64(1)))
