"""What users report of their day: the truth with its noise, or a lie as strong as the guard's rules allow.

A liar knows everything: where each POP is, which one its place is served, how low a claim may be before it is
faster than light, how often it counts. It says all it may, and says it as often as it counts.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from collectors.guard import FLOOR_SHARE, PopSites, floor_ms
from collectors.measurement import METRICS, RECORD, SOURCES
from collectors.places import PlaceTable
from collectors.rum.plan import TOP, Candidate, choose_session
from itm.simulate.access import LOSS
from itm.simulate.crowd import Crowd

SESSIONS: Final = 3
"""Page views of an honest user on a day, each measuring at most four POPs."""

REPEATS: Final = 20
"""How often a liar says each thing: as often as one client counts by default."""

DAY_SECONDS: Final = 86_400.0
LIES: Final = ("fast", "slow", "unreachable")
"""A far POP looks fast, the served one slow, the served one unreachable."""

Records = npt.NDArray[np.void]
Floats = npt.NDArray[np.floating]


def honest_day(
    crowd: Crowd,
    predicted_ms: Floats,
    spread_ms: Floats,
    pops: npt.NDArray[np.bytes_],
    start: float,
    rng: np.random.Generator,
) -> Records:
    """Return what users measure on one day from `start`; predictions have one row per user."""
    rows, chosen = [], []
    for user in range(len(crowd)):
        candidates = [
            Candidate(str(pop), float(predicted), float(spread))
            for pop, (predicted, spread) in enumerate(zip(predicted_ms[user], spread_ms[user], strict=True))
        ]
        for _ in range(SESSIONS):
            plan = choose_session("", candidates, rng)
            rows += [user] * len(plan)
            chosen += [int(one.pop) for one in plan]
    who, pop = np.array(rows), np.array(chosen)
    seen = crowd.truth_ms[who, pop] + rng.exponential(crowd.scale_ms[who])
    reached = rng.random(len(who)) >= LOSS
    time = start + DAY_SECONDS * rng.random(len(who))
    outcomes = _records(crowd, who, pops[pop], "availability", reached, time)
    return np.concatenate([outcomes, _records(crowd, who, pops[pop], "rtt_ms", seen, time)[reached]])


def lying_day(
    crowd: Crowd,
    served: npt.NDArray[np.int64],
    predicted_ms: Floats,
    places: PlaceTable,
    sites: PopSites,
    pops: npt.NDArray[np.bytes_],
    start: float,
    kinds: tuple[str, ...],
    source: str,
    repeats: int,
    rng: np.random.Generator,
) -> Records:
    """Return what liars report on one day: `kinds` of `LIES` about the POP they are `served` and another.

    The other is the one that a lie can make look fastest, of those that the session plan may ask for.
    """
    at = sites.find(pops)
    floor = floor_ms(
        places.lat[crowd.place][:, None], places.lon[crowd.place][:, None], sites.lat[at], sites.lon[at]
    )
    claim = FLOOR_SHARE * floor + 0.3
    rank = predicted_ms.argsort(axis=1).argsort(axis=1)
    users = np.arange(len(crowd))
    choice = np.where(rank < TOP, claim, np.inf)
    choice[users, served] = np.inf
    other = choice.argmin(axis=1)
    slow = 4 * crowd.truth_ms[users, served] + 100
    said = {
        "fast": (("rtt_ms", other, claim[users, other]), ("availability", other, np.ones(len(users)))),
        "slow": (("rtt_ms", served, slow),),
        "unreachable": (("availability", served, np.zeros(len(users))),),
    }
    again = np.repeat(users, repeats)
    parts = []
    for metric, pop, value in (one for kind in kinds for one in said[kind]):
        time = start + DAY_SECONDS * rng.random(len(again))
        parts.append(_records(crowd, again, pops[pop[again]], metric, value[again], time))
    records = np.concatenate(parts)
    records["source"] = SOURCES.index(source)
    return records


def _records(
    crowd: Crowd,
    user: npt.NDArray[np.integer[Any]],
    pop: npt.NDArray[np.bytes_],
    metric: str,
    value: npt.NDArray[Any],
    time: Floats,
) -> Records:
    records = np.zeros(len(user), RECORD)
    records["time"], records["unit"], records["client"] = time, crowd.unit[user], crowd.name[user]
    records["value"], records["pop"] = value, pop
    records["family"], records["metric"] = 4, METRICS.index(metric)
    records["source"] = SOURCES.index("rum")
    return records
