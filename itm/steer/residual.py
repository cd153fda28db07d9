"""What measurements say of the predictor on the wide rungs: how far off it is for an AS, a country, all.

A residual is the log of the ratio of measured to predicted round trips; it shifts the prediction of all rows
below, which have little or no evidence of their own. From the world down each rung explains what those above
it left over. A rung moves only as far as its sample of voters makes its median certain: an AS has a vote of
each of its places, a country and what is wider one of each AS, as everywhere on the ladder
(`collectors/gather.py`). So a tenth of liars moves nothing here either (`votes.py`).

Residuals come in steps: where nothing moved by a step, no row has to be decided again.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt

from collectors.aggregate import Aggregates
from collectors.distinct import skipped
from collectors.ladder import RUNGS
from itm.steer.estimate import MAX_ACCESS_MS, MIN_DISTINCT_WIDE, MIN_SAMPLES, Floats
from itm.steer.votes import borne_out
from itm.steer.world import World

WIDE: Final = ("world", "continent", "country", "as")
"""The rungs that shift predictions, from wide to narrow."""

STEP: Final = 0.02
"""Residuals are multiples of this, rounded towards none: 2 % of a round trip move nobody."""

MOST: Final = 0.7
"""The most that one rung shifts a prediction: to its half or its double."""

SHRINK_VOTERS: Final = 4.0
"""k of m / (m + k): voters at which half of what is certain is believed."""

NEAR_MS: Final = 5.0
"""Added to both round trips before their ratio is taken: the last few ms do not scale with the way."""

LEAST_MS: Final = 0.1
"""No shift makes a prediction less."""

Keys = npt.NDArray[np.uint64]
Array = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Shifts:
    """One rung: `key` sorted, per key and POP the log of the factor, 0 where nothing is known."""

    key: Keys
    shift: Floats

    def of(self, keys: Keys) -> Floats:
        """Return the shifts of keys, (keys, POPs); 0 for a key that has none."""
        at = np.minimum(np.searchsorted(self.key, keys), len(self.key) - 1)
        at[self.key[at] != keys] = len(self.key)
        return np.concatenate([self.shift, np.zeros_like(self.shift[:1])])[at]

    def changed(self, other: Shifts) -> Keys:
        """Return the keys that the two do not shift alike."""
        keys = np.union1d(self.key, other.key)
        own, theirs = (one.of(keys) if len(one.key) else np.float32(0) for one in (self, other))
        different = np.broadcast_to(own != theirs, (len(keys), self.shift.shape[1]))
        return keys[different.any(axis=1)]


@dataclass(frozen=True, slots=True, eq=False)
class Residuals:
    """What the wide rungs shift, by rung; rungs that shift nothing are not in here."""

    rungs: dict[str, Shifts] = field(default_factory=dict)

    def shifted(self, prediction: Floats, keys: dict[str, Keys]) -> Floats:
        """Return the prediction (3, rows, POPs) of rows with these keys, shifted."""
        if not self.rungs:
            return prediction
        first, *others = (own.of(keys[rung]) for rung, own in self.rungs.items())
        for other in others:
            first += other
        more = np.expm1(first)
        moved = np.empty(prediction.shape, np.float32)
        for quantile, into in zip(prediction, moved, strict=True):
            # In this form what is shifted by nothing keeps every bit.
            np.add(quantile, np.float32(NEAR_MS), out=into)
            into *= more
            into += quantile
            np.maximum(into, np.minimum(quantile, np.float32(LEAST_MS)), out=into)
        return moved

    def changed(self, other: Residuals, keys: dict[str, Keys]) -> npt.NDArray[np.bool_]:
        """Return which rows with these keys the two shift differently."""
        found = np.zeros(len(keys["place"]), dtype=bool)
        for rung in self.rungs.keys() | other.rungs.keys():
            pair = self.rungs.get(rung), other.rungs.get(rung)
            known = [one for one in pair if one is not None]
            different = known[0].changed(known[1]) if len(known) == 2 else known[0].key
            if len(different):
                found |= np.isin(keys[rung], different)
        return found


def residuals_of(aggregates: Aggregates, world: World) -> Residuals:
    """Return what the measured places of `world` say of its predictions."""
    key, measured = _places(aggregates, world)
    place = np.minimum(np.searchsorted(world.places.key, key), len(world.places.key) - 1)
    known = world.places.key[place] == key  # a place of an earlier edition may be none of this one
    place, measured = place[known].astype(np.intp), measured[known]
    if not len(place):
        return Residuals()
    left = _log_ratio(measured, world.predictions[1][world.places.cell[place]])
    keys = world.ladder.wide_keys(place)
    rungs = {}
    for rung in WIDE:
        is_as = rung == "as"
        votes, of = (left, keys[rung]) if is_as else _medians(left, keys[rung], keys["as"])
        found = _certain(votes, of, zero_is_key=rung == "world")
        if found is not None:
            rungs[rung] = found
            left = left - found.of(keys[rung])
    return Residuals(rungs)


def _places(aggregates: Aggregates, world: World) -> tuple[Keys, Array]:
    """Return the keys of measured places and (places, POPs) what is believed of their p25, NaN: nothing."""
    own = aggregates.select(RUNGS.index("place"))
    names = np.array([pop.encode() for pop in world.pops], dtype=own.pop.dtype)
    order = np.argsort(names)
    column = order[np.minimum(np.searchsorted(names[order], own.pop), len(names) - 1)]
    usable = (names[column] == own.pop) & (own.n >= MIN_SAMPLES) & (own.key != 0)
    key, row = np.unique(own.key[usable], return_inverse=True)
    measured = np.full((len(key), len(names)), np.nan)
    measured[row, column[usable]] = borne_out(own)["p25"][usable]
    return key, measured


def _log_ratio(measured: Array, predicted: Floats) -> Array:
    """Return the residual of each place and POP, NaN where it is not measured.

    The access that all POPs of a place have in common is taken off first: the middle of what they are above
    the prediction, the lower one of two. With one POP a slow path and a slow access look alike.
    """
    excess = np.sort(measured - predicted, axis=1)  # NaN last
    count = np.isfinite(excess).sum(axis=1)
    middle = excess[np.arange(len(excess)), np.maximum(count - 1, 0) // 2]
    access = np.clip(np.nan_to_num(middle), 0, MAX_ACCESS_MS)[:, None]
    ratio = np.log((np.maximum(measured - access, 0) + NEAR_MS) / (predicted + NEAR_MS))
    return np.where(count[:, None] >= 2, ratio, np.nan)


def _medians(values: Array, *keys: Keys) -> tuple[Array, Keys]:
    """Return the medians (the lower of two) of rows with equal keys, and the first key of each group.

    Whose last key, the AS, is not known is nobody's vote.
    """
    known = keys[-1] != 0
    values, table = values[known], np.stack(keys, axis=1)[known]
    groups, group = np.unique(table, axis=0, return_inverse=True)
    ordered, start, count = _by_group(values, group.ravel(), len(groups))
    at = np.minimum(start[:, None] + np.maximum(count - 1, 0) // 2, max(len(values) - 1, 0))
    medians = np.take_along_axis(ordered, at, axis=0) if len(values) else np.zeros((0, values.shape[1]))
    return np.where(count > 0, medians, np.nan), groups[:, 0]


def _certain(votes: Array, key: Keys, *, zero_is_key: bool) -> Shifts | None:
    """Return how far the votes of each key certainly are from none, in steps; None where none are."""
    if not zero_is_key:
        votes, key = votes[key != 0], key[key != 0]
    keys, group = np.unique(key, return_inverse=True)
    if not len(keys):
        return None
    ordered, start, count = _by_group(votes, group, len(keys))
    out = skipped(count)
    last = len(votes) - 1
    low = np.take_along_axis(ordered, np.minimum(start[:, None] + out, last), axis=0)
    high = np.take_along_axis(ordered, np.clip(start[:, None] + count - 1 - out, 0, last), axis=0)
    far = np.where(count >= MIN_DISTINCT_WIDE, np.clip(0.0, low, high), 0.0)
    believed = np.clip(far * count / (count + SHRINK_VOTERS), -MOST, MOST)
    shift = (np.trunc(believed / STEP) * STEP).astype(np.float32)
    moved = (shift != 0).any(axis=1)
    return Shifts(keys[moved], shift[moved]) if moved.any() else None


def _by_group(
    values: Array, group: npt.NDArray[np.intp], groups: int
) -> tuple[Array, npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Return the values with every column ascending within each group (NaN last), where groups begin, and
    (groups, columns) how many values each has.
    """
    ordered = np.empty_like(values)
    for column in range(values.shape[1]):
        ordered[:, column] = values[np.lexsort((values[:, column], group)), column]
    size = np.bincount(group, minlength=groups)
    start = np.cumsum(size) - size
    count = np.zeros((groups, values.shape[1]), np.intp)
    np.add.at(count, group, np.isfinite(values))
    return ordered, start, count
