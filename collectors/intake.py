"""What a batch of records becomes before the windows: placed, judged, gathered."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from collectors.gather import Gathered, gather
from collectors.guard import Guard, PopSites, Whereabouts
from collectors.ladder import Ladder


@dataclass(frozen=True, slots=True, eq=False)
class Taken:
    """What counts of a batch, how many records of it for their own network only, and what was refused."""

    gathered: Gathered
    own_only: int
    refused: dict[str, int]


def take(
    records: npt.NDArray[np.void],
    guard: Guard,
    ladder: Ladder,
    sites: PopSites,
    now: float,
    half_life_seconds: float,
) -> Taken:
    """Return what records (dtype `RECORD`) teach the windows, judged where `ladder` places them."""
    places = ladder.places
    place = places.places_of_each(records["family"], records["unit"])
    where = Whereabouts(places.lat[place], places.lon[place], places.asn[place], places.key[place])
    guard.forget_after(now)
    judgement = guard.judge(records, where, sites)
    good, own_only = records[judgement.mask], judgement.own_only[judgement.mask]
    keys = ladder.keys(good["family"], good["unit"])
    gathered = gather(good, keys, now, half_life_seconds, own_only)
    return Taken(gathered, int(own_only.sum()), judgement.refused)
