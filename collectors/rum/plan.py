"""The session plan: which POPs one page view measures.

After Calder et al. (IMC 2015): the POP in use, the predicted best, and two drawn from the ten predicted to
be closest, so that exploring never touches real traffic. What is drawn goes by need first: POPs of which the
network has too few measurements come before those that it knows, and among them those of which its whole
place has too few; within each, by the chance that they are really the better ones, which grows with nearness
and with the predictor's uncertainty. Knows predictions, not their origin.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

TOP: Final = 10
"""Candidates beyond the ten closest are not worth a probe (IMC 2015, figure 1: five nearly suffice)."""

COUNT: Final = 4
"""Probes of one session."""

THIN: Final = 8.0
"""Measurements below which a (network, POP) cell is thin: with 8, an estimate is four fifths measured."""

LEAST_CHANCE: Final = 0.02
"""Even a candidate that the predictor rules out is tried at times: the predictor may be wrong."""

NEAR_MS: Final = 10.0
"""Of those that are ruled out, the nearer is tried more often: this far behind the best, half as often."""

FAR_MS: Final = 1000.0
"""Stands for a prediction that is missing where others are there."""

CURRENT: Final = "current"
BEST: Final = "best"
DRAWN: Final = "drawn"


class Random(Protocol):
    """What we need of randomness: `random.Random` and numpy's `Generator` both have it."""

    def random(self) -> float:
        """Return a number in [0, 1)."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A POP that may be measured: predicted RTT and its interval's width in ms (NaN: nobody can say).

    `known`: how many measurements of it the network has or was asked for; `around`: the same for its whole
    place.
    """

    pop: str
    predicted_ms: float = math.nan
    spread_ms: float = 0.0
    known: float = 0.0
    around: float = 0.0


@dataclass(frozen=True, slots=True)
class Planned:
    """One probe of a session, and why it is in it: `current`, `best` or `drawn`."""

    pop: str
    why: str


def choose_session(
    current: str, candidates: Sequence[Candidate], rng: Random, count: int = COUNT
) -> tuple[Planned, ...]:
    """Return at most `count` probes: `current` ("": none), the predicted best, then the drawn ones.

    Without a single prediction (a place nobody knows, no table yet) all candidates are alike and there is no
    best one; else those without come last.
    """
    ranked = sorted(
        candidates, key=lambda one: math.inf if math.isnan(one.predicted_ms) else one.predicted_ms
    )
    has_best = bool(ranked) and not math.isnan(ranked[0].predicted_ms)
    chosen = [Planned(current, CURRENT)] if current else []
    if has_best and ranked[0].pop != current:
        chosen.append(Planned(ranked[0].pop, BEST))
    taken = {one.pop for one in chosen}
    pool = [one for one in (ranked[:TOP] if has_best else ranked) if one.pop not in taken]
    best_ms = ranked[0].predicted_ms if has_best else math.nan
    # Weighted draw without replacement: the largest of u^(1/weight) (Efraimidis, Spirakis 2006).
    keys = {
        one.pop: (
            one.known < THIN,
            one.around < THIN,
            math.log(1 - rng.random()) * (1 + one.known) / _chance(one, best_ms),
        )
        for one in pool
    }
    drawn = sorted(keys, key=keys.__getitem__, reverse=True)
    return tuple(chosen + [Planned(pop, DRAWN) for pop in drawn])[:count]


def _chance(one: Candidate, best_ms: float) -> float:
    """Return its chance to beat the best, were both normal with an interquartile range of `spread`.

    Never less than a floor, which falls with the distance from the best.
    """
    if math.isnan(best_ms):
        return 0.5
    behind_ms = FAR_MS if math.isnan(one.predicted_ms) else one.predicted_ms - best_ms
    sigma = max(one.spread_ms / 1.349, 0.1)  # 1.349 standard deviations lie between a normal's quartiles
    chance = 0.5 * math.erfc(behind_ms / (2 * sigma))  # of a difference: sqrt(2)
    return max(chance, LEAST_CHANCE * NEAR_MS / (NEAR_MS + behind_ms))
