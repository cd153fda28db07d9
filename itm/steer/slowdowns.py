"""What is slower of late than it is believed to be, for whom, and by how much: the fast loop.

Windows forget by halves of twelve hours, so that a bad spell does not move anybody; a congested provider or a
cut cable would move nobody for hours either. What many networks of one group measured lately is therefore
held against what is believed of them, and where they agree that a POP is slower, that is added for all rows
of the group, and held for a while: whoever has left a POP measures it no more, and its return is slower than
its leaving. Only slower: what has become faster waits for the windows. Pure values; `notice.py` finds them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import numpy.typing as npt

GROUPS: Final = ("world", "country", "as", "place")
"""Everybody, a country, a provider within it, a place: the narrowest that knows decides."""

Keys = npt.NDArray[np.uint64]
Floats = npt.NDArray[np.float32]

_COUNTRY: Final = np.uint64(49)  # bits below the country in a place's key (`collectors.places`)
_ASN: Final = np.uint64(0xFFFF_FFFF)


@dataclass(frozen=True, slots=True, eq=False)
class Slower:
    """One kind of group: sorted `key`, and (groups, POPs) by how many ms a POP is slower (NaN: nobody knows).

    `least_ms` is what it is slower for certain, `voters` how many networks say so, `found_at` when they last
    did, in seconds since the epoch.
    """

    key: Keys
    ms: Floats
    least_ms: Floats
    voters: npt.NDArray[np.int32]
    found_at: npt.NDArray[np.float64]

    def rows(self, keys: Keys) -> npt.NDArray[np.intp]:
        """Return the row of each key, -1 for one that is not known."""
        if not len(self.key):
            return np.full(len(keys), -1, dtype=np.intp)
        at = np.minimum(np.searchsorted(self.key, keys), len(self.key) - 1)
        return np.where(self.key[at] == keys, at, -1)

    def or_else(self, wider: Slower, keys: Keys) -> Slower:
        """Return this filled with what `wider` says where it knows nothing itself, in rows of `keys`.

        `keys` has a row for each of `wider`'s: the group of this kind that it is told to.
        """
        key = np.union1d(self.key, keys)
        own, other = self.rows(key), replace(wider, key=keys).rows(key)
        return _chosen(key, ~np.isnan(_spread(self.ms, own)), (self, own), (wider, other))

    def held(self, before: Slower, since: float) -> Slower:
        """Return this with what was slower `before`, found `since` then or later, and is not found now."""
        key = np.union1d(self.key, before.key)
        own, other = self.rows(key), before.rows(key)
        was = (np.nan_to_num(_spread(before.ms, other)) > 0) & (_spread(before.found_at, other) >= since)
        is_found = np.nan_to_num(_spread(self.ms, own)) > 0
        return _chosen(key, is_found | ~was, (self, own), (before, other))

    def but_of(self, pops: npt.NDArray[np.bool_]) -> Slower:
        """Return this without what is slower of some POPs: they are as they are believed to be."""
        none = (self.ms > 0) & pops
        ms, least = (np.where(none, np.float32(0), table) for table in (self.ms, self.least_ms))
        return replace(self, ms=ms, least_ms=least)

    @classmethod
    def nothing(cls, pops: int) -> Slower:
        """Return that of a kind of which nobody knows anything."""
        none = np.zeros((0, pops), np.float32)
        return cls(np.zeros(0, np.uint64), none, none, none.astype(np.int32), none.astype(np.float64))


@dataclass(frozen=True, slots=True, eq=False)
class Slowdowns:
    """What is slower by kind of group; empty when nothing is. Kinds that know nothing are left out."""

    groups: Mapping[str, Slower]

    @classmethod
    def nothing(cls) -> Slowdowns:
        """Return that of a moment in which nothing is slower than believed."""
        return cls({})

    def of_places(self, place: Keys) -> tuple[Floats, Floats] | None:
        """Return (places, POPs) what is slower and what is so for certain, in ms, for places by key.

        None when nothing is slower anywhere.
        """
        found: list[Floats] = []
        for kind in GROUPS:
            own = self.groups.get(kind)
            if own is None:
                continue
            at = own.rows(group_keys(place, kind))
            narrower = [_spread(own.ms, at), _spread(own.least_ms, at)]
            known = ~np.isnan(narrower[0])
            found = [np.where(known, new, old) for new, old in zip(narrower, found or narrower, strict=True)]
        return (np.nan_to_num(found[0]), np.nan_to_num(found[1])) if found else None

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """Return what `of_arrays` makes these very slowdowns of."""
        return {
            f"{kind}.{name}": getattr(own, name)
            for kind, own in self.groups.items()
            for name in Slower.__slots__
        }

    @classmethod
    def of_arrays(cls, stored: Mapping[str, npt.NDArray[Any]]) -> Slowdowns:
        """Return the slowdowns that gave these arrays. Raises `KeyError` for one that is missing."""
        kinds = [kind for kind in GROUPS if f"{kind}.key" in stored]
        return cls({k: Slower(*(stored[f"{k}.{name}"] for name in Slower.__slots__)) for k in kinds})


def group_keys(place: Keys, kind: str) -> Keys:
    """Return the key of the group of this kind that each place is in."""
    if kind == "world":
        return np.zeros_like(place)
    country = place >> _COUNTRY
    if kind == "country":
        return country
    return place if kind == "place" else country << _COUNTRY | place & _ASN


def _chosen(
    key: Keys,
    is_first: npt.NDArray[np.bool_],
    first: tuple[Slower, npt.NDArray[np.intp]],
    second: tuple[Slower, npt.NDArray[np.intp]],
) -> Slower:
    """Return the groups `key`: of each POP what the one says of it, or the other, at their rows."""
    columns = []
    for name in ("ms", "least_ms", "voters", "found_at"):
        one, other = (_spread(getattr(said, name), at) for said, at in (first, second))
        columns.append(np.where(is_first, one, other))
    return Slower(key, *columns)


def _spread(table: npt.NDArray[Any], at: npt.NDArray[np.intp]) -> npt.NDArray[Any]:
    """Return the rows `at`, NaN (or 0, of counts) where it is -1."""
    missing = np.full((1, table.shape[1]), np.nan if table.dtype.kind == "f" else 0, table.dtype)
    return np.concatenate([table, missing])[at]
