"""What a record must pass to count in the windows: sound values, a known POP, a real client, a cap for each.

And what it may speak for: one that is faster than light from its network's place, or than any session of that
place that the POP has seen, for the network alone.

Vectorised: a judgement over a whole batch of records, whose whereabouts the caller hands in. The guard
remembers how often each client has counted today and yesterday, and the least round trips that POPs saw
themselves; both are bounded, and `arrays` takes them along in a checkpoint. Knows no windows, no place table.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from collectors.cells import mix64
from collectors.limits import LIMITS
from collectors.measurement import METRICS, POP_ID_BYTES, SOURCES
from collectors.sessionfloor import SessionFloors
from collectors.tally import Tally

REASONS: Final = (
    "malformed",
    "unknown_pop",
    "not_availability",
    "data_centre",
    "below_pop_rtt",
    "client_cap",
)
"""Why a record is refused; one that fails several is counted under the first."""

FIBRE_KM_PER_MS: Final = 100.0
"""Light in fibre travels some 200 km in a millisecond, there and back is 100 km per millisecond of RTT."""

FLOOR_SHARE: Final = 0.8
"""An RTT below this share of the floor contradicts the network's place: a lie, or a place table that errs."""

PLACE_RADIUS_KM: Final = 79.0
"""Half the diagonal of a one-degree cell at the equator: a network may be this much nearer than its place."""

BELOW_POP: Final = 0.8
"""A round trip below this share of the least that the POP itself saw is no round trip to it."""

NETWORK_SESSIONS: Final = 5
PLACE_SESSIONS: Final = 20
"""Sessions from which a POP's own round trips say what is possible, of one network and of a whole place."""

_CLAIMS: Final = np.array([source in ("rum", "nel") for source in SOURCES])
_NEL: Final = SOURCES.index("nel")
_SESSION: Final = SOURCES.index("session")
_AVAILABILITY: Final = METRICS.index("availability")
_RTT: Final = METRICS.index("rtt_ms")
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
class Whereabouts:
    """Where the records' networks are: degrees (NaN: not known), AS number and key of the place."""

    lat: Floats
    lon: Floats
    asn: npt.NDArray[np.uint32]
    place: npt.NDArray[np.uint64]


@dataclass(frozen=True, slots=True, eq=False)
class Judgement:
    """Which records count, which of them for their own network only, and how many were refused and why.

    `own_only` records are faster than light from where the network's place is, or than all sessions that the
    POP saw from there. Either somebody lies, or the place table is wrong about this network, and then they
    are the only truth there is. They may therefore move the network itself (several of its clients must
    agree, as always), but teach nothing about its place.
    """

    mask: npt.NDArray[np.bool_]
    own_only: npt.NDArray[np.bool_]
    refused: dict[str, int]


class Guard:
    """Judges batches of records. `client_cap` records of one client count per POP, metric and (UTC) day.

    A client of hash 0 is not known, and not capped. What browsers report from `hosting` ASes does not count.
    `max_clients` and `max_floors` bound what is remembered; when they are reached, the clients and floors
    that have counted least are forgotten, and could count again.
    """

    def __init__(
        self,
        client_cap: int = 20,
        hosting: npt.NDArray[np.uint32] | None = None,
        max_clients: int = 1_000_000,
        max_floors: int = 200_000,
    ) -> None:
        self._cap = client_cap
        self._hosting = np.zeros(0, np.uint32) if hosting is None else hosting
        self._max_clients = max_clients
        self._max_floors = max_floors
        self._tally = Tally.empty()
        self._floors = SessionFloors.empty()

    def judge(self, records: npt.NDArray[np.void], where: Whereabouts, pops: PopSites) -> Judgement:
        """Return the judgement on records (dtype `RECORD`), whose networks are where they are said to be.

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
        is_nel = records["source"] == _NEL
        refuse("not_availability", is_nel & (records["metric"] != _AVAILABILITY))
        is_claim = _CLAIMS[np.minimum(records["source"], len(SOURCES) - 1)]
        refuse("data_centre", is_claim & np.isin(where.asn, self._hosting))
        rows = np.flatnonzero(mask)
        floor = floor_ms(where.lat[rows], where.lon[rows], pops.lat[pop[rows]], pops.lon[pop[rows]])
        is_low = np.zeros(len(records), np.bool_)
        is_low[rows] = _ROUND_TRIPS[records["metric"][rows]] & (records["value"][rows] < FLOOR_SHARE * floor)
        of_network, of_place = self._below_pop(records, where, mask, is_claim)
        refuse("below_pop_rtt", of_network)
        refuse("client_cap", self._is_over_cap(records, mask))
        return Judgement(mask, (is_low | of_place) & mask, refused)

    def forget_after(self, now: float) -> None:
        """Forget days beyond tomorrow: beside what a clock that ran ahead left, every other day is old."""
        tomorrow = int(now // _DAY_SECONDS) + 1
        self._tally, self._floors = self._tally.until(tomorrow), self._floors.until(tomorrow)

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """Return the guard's memory as arrays, for a checkpoint."""
        return {
            "guard.name": self._tally.name,
            "guard.count": self._tally.count,
            "guard.day": self._tally.day,
            **{f"guard.floor.{name}": getattr(self._floors, name) for name in _FLOOR_COLUMNS},
        }

    def remember(self, stored: Mapping[str, npt.NDArray[Any]]) -> None:
        """Take up the memory that `arrays` gave; arrays of another origin are ignored."""
        if {"guard.name", "guard.count", "guard.day"} <= set(stored):
            self._tally = Tally(stored["guard.name"], stored["guard.count"], stored["guard.day"])
        floors = [stored.get(f"guard.floor.{name}") for name in _FLOOR_COLUMNS]
        known = [column for column in floors if column is not None]
        if len(known) == len(_FLOOR_COLUMNS):
            self._floors = SessionFloors(*known)

    def _below_pop(
        self,
        records: npt.NDArray[np.void],
        where: Whereabouts,
        mask: npt.NDArray[np.bool_],
        is_claim: npt.NDArray[np.bool_],
    ) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
        """Return which claims are below what the POP saw of their network, and which of their place's.

        The sessions of the batch are remembered first.
        """
        is_rtt = mask & (records["metric"] == _RTT)
        seen, said = (np.flatnonzero(is_rtt & chosen) for chosen in (records["source"] == _SESSION, is_claim))
        if len(seen):
            day = (records["time"][seen] // _DAY_SECONDS).astype(np.int32)
            names = np.concatenate(_floor_names(records[seen], where.place[seen]))
            values = np.tile(records["value"][seen], 2)
            self._floors = self._floors.heard(names, values, np.tile(day, 2)).bounded(self._max_floors)
        below = np.zeros((2, len(records)), np.bool_)
        if len(said) and len(self._floors.name):
            least = (NETWORK_SESSIONS, PLACE_SESSIONS)
            for number, names in enumerate(_floor_names(records[said], where.place[said])):
                floor = self._floors.of(names, least[number])
                below[number, said] = records["value"][said] < BELOW_POP * floor
        return below[0], below[1]

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


_FLOOR_COLUMNS: Final = SessionFloors.__slots__


def _floor_names(
    records: npt.NDArray[np.void], place: npt.NDArray[np.uint64]
) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.uint64]]:
    """Return one number per (network, POP), and one per (place, POP)."""
    network = mix64(records["unit"] ^ records["family"].astype(np.uint64) << np.uint64(56))
    here = mix64(place ^ np.uint64(1 << 63))
    pop = np.ascontiguousarray(records["pop"]).view("<u8").reshape(len(records), -1)
    for part in range(pop.shape[1]):
        network, here = mix64(network ^ pop[:, part]), mix64(here ^ pop[:, part])
    return network, here


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
