"""What a record must pass to count in the windows: sound values, a known POP, a cap per client.

And what it may speak for: one that is faster than light from its network's place, for the network alone.

Vectorised: a verdict over a whole batch of records, whose places' positions the caller hands in. The guard's
only memory is how often each client has counted today and yesterday; it is bounded, and `arrays` takes it
along in a checkpoint. Knows no windows, no place table.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from collectors.cells import mix64
from collectors.limits import LIMITS
from collectors.measurement import METRICS, POP_ID_BYTES
from collectors.tally import Tally

REASONS: Final = ("malformed", "unknown_pop", "client_cap")
"""Why a record is refused; one that fails several is counted under the first."""

FIBRE_KM_PER_MS: Final = 100.0
"""Light in fibre travels some 200 km in a millisecond, there and back is 100 km per millisecond of RTT."""

FLOOR_SHARE: Final = 0.8
"""An RTT below this share of the floor contradicts the network's place: a lie, or a place table that errs."""

PLACE_RADIUS_KM: Final = 79.0
"""Half the diagonal of a one-degree cell at the equator: a network may be this much nearer than its place."""

_EARTH_RADIUS_KM: Final = 6371.0
_DAY_SECONDS: Final = 86_400
_LOW: Final = np.array([low for low, _ in LIMITS.values()], np.float32)
_HIGH: Final = np.array([high for _, high in LIMITS.values()], np.float32)
_ROUND_TRIPS: Final = np.array([metric in ("rtt_ms", "connect_ms") for metric in METRICS])

Floats = npt.NDArray[np.floating]


@dataclass(frozen=True, slots=True, eq=False)
class PopSites:
    """The POPs of the catalog: ids and positions in degrees (NaN: not known), arrays of one length."""

    ids: npt.NDArray[np.bytes_]
    lat: npt.NDArray[np.float64]
    lon: npt.NDArray[np.float64]

    @classmethod
    def of(cls, ids: Sequence[str], lat: Sequence[float] | Floats, lon: Sequence[float] | Floats) -> PopSites:
        """Return the sites, sorted by id as lookups need them."""
        names = np.array([pop.encode("ascii") for pop in ids], f"S{POP_ID_BYTES}")
        order = np.argsort(names)
        return cls(names[order], np.asarray(lat, np.float64)[order], np.asarray(lon, np.float64)[order])

    def find(self, ids: npt.NDArray[np.bytes_]) -> npt.NDArray[np.int64]:
        """Return the index of each id, -1 for one that is not among them."""
        if not len(self.ids):
            return np.full(len(ids), -1)
        unique, which = np.unique(ids, return_inverse=True)
        at = np.minimum(np.searchsorted(self.ids, unique), len(self.ids) - 1)
        return np.where(self.ids[at] == unique, at, -1)[which]


@dataclass(frozen=True, slots=True, eq=False)
class Verdict:
    """Which records count, which of them for their own network only, and how many were refused and why.

    `own_only` records are faster than light from where the network's place is. Either somebody lies, or the
    place table is wrong about this network, and then they are the only truth there is. They may therefore
    move the network itself (several of its clients must agree, as always), but teach nothing about its place.
    """

    mask: npt.NDArray[np.bool_]
    own_only: npt.NDArray[np.bool_]
    refused: dict[str, int]


class Guard:
    """Judges batches of records. `client_cap` records of one client count per POP, metric and (UTC) day.

    A client of hash 0 is not known, and not capped. `max_clients` bounds what is remembered; when it is
    reached, the clients that have counted least are forgotten, and could count again.
    """

    def __init__(self, client_cap: int = 20, max_clients: int = 1_000_000) -> None:
        self._cap = client_cap
        self._max_clients = max_clients
        self._tally = Tally.empty()

    def judge(
        self, records: npt.NDArray[np.void], place_lat: Floats, place_lon: Floats, pops: PopSites
    ) -> Verdict:
        """Return the verdict on records (dtype `RECORD`), whose networks' places lie at the given degrees.

        A record whose place or POP has no position (NaN) is not held against the physics floor.
        """
        refused = dict.fromkeys(REASONS, 0)
        mask = np.ones(len(records), np.bool_)

        def refuse(reason: str, bad: npt.NDArray[np.bool_]) -> None:
            refused[reason] = int((mask & bad).sum())
            mask[bad] = False

        refuse("malformed", ~_is_sound(records))
        pop = pops.find(records["pop"])
        refuse("unknown_pop", pop < 0)
        rows = np.flatnonzero(mask)
        floor = floor_ms(place_lat[rows], place_lon[rows], pops.lat[pop[rows]], pops.lon[pop[rows]])
        is_low = np.zeros(len(records), np.bool_)
        is_low[rows] = _ROUND_TRIPS[records["metric"][rows]] & (records["value"][rows] < FLOOR_SHARE * floor)
        refuse("client_cap", self._is_over_cap(records, mask))
        return Verdict(mask, is_low & mask, refused)

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """Return the guard's memory as arrays, for a checkpoint."""
        return {
            "guard.name": self._tally.name,
            "guard.count": self._tally.count,
            "guard.day": self._tally.day,
        }

    def remember(self, stored: Mapping[str, npt.NDArray[Any]]) -> None:
        """Take up the memory that `arrays` gave; arrays of another origin are ignored."""
        if {"guard.name", "guard.count", "guard.day"} <= set(stored):
            self._tally = Tally(stored["guard.name"], stored["guard.count"], stored["guard.day"])

    def _is_over_cap(
        self, records: npt.NDArray[np.void], mask: npt.NDArray[np.bool_]
    ) -> npt.NDArray[np.bool_]:
        rows = np.flatnonzero(mask & (records["client"] != 0))
        over = np.zeros(len(records), np.bool_)
        if len(rows):
            day = (records["time"][rows] // _DAY_SECONDS).astype(np.int32)
            before, self._tally = self._tally.counted(_names(records[rows], day), day, self._cap)
            self._tally = self._tally.bounded(self._max_clients)
            over[rows] = before >= self._cap
        return over


def _names(records: npt.NDArray[np.void], day: npt.NDArray[np.int32]) -> npt.NDArray[np.uint64]:
    """Return one number per (client, network, POP, metric, day)."""
    pop = np.ascontiguousarray(records["pop"]).view("<u8").reshape(len(records), -1)
    name = mix64(records["client"].astype(np.uint64) << np.uint64(8) | records["metric"])
    name = mix64(name ^ records["unit"] ^ records["family"].astype(np.uint64) << np.uint64(56))
    name = mix64(name ^ day.astype(np.uint64))
    for part in range(pop.shape[1]):
        name = mix64(name ^ pop[:, part])
    return name


def _is_sound(records: npt.NDArray[np.void]) -> npt.NDArray[np.bool_]:
    metric = np.minimum(records["metric"], len(METRICS) - 1)
    value = records["value"]
    sound = (records["metric"] < len(METRICS)) & np.isfinite(records["time"]) & np.isfinite(value)
    sound &= (value >= _LOW[metric]) & (value <= _HIGH[metric])
    sound &= (records["family"] == 4) | (records["family"] == 6)
    return np.asarray(sound)


def floor_ms(lat: Floats, lon: Floats, pop_lat: Floats, pop_lon: Floats) -> npt.NDArray[np.float64]:
    """Return the least RTT in ms that fibre allows between places and POPs (degrees, arrays of one shape).

    The place's radius is taken off the great-circle distance; the result is 0 where a position is NaN.
    """
    half = np.radians(0.5)
    up, across = np.sin((pop_lat - lat) * half), np.sin((pop_lon - lon) * half)
    chord = up * up + np.cos(lat * (2 * half)) * np.cos(pop_lat * (2 * half)) * across * across
    km = 2 * _EARTH_RADIUS_KM * np.arcsin(np.sqrt(np.clip(chord, 0.0, 1.0)))
    floor: npt.NDArray[np.float64] = np.maximum(km - PLACE_RADIUS_KM, 0.0) / FIBRE_KM_PER_MS
    return np.nan_to_num(floor, nan=0.0)
