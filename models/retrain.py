"""A candidate against the present predictor: both judged on what neither saw, and on live data.

Folds are made of groups of the table that the present predictor was trained with: whatever came since may be
wrong, and must not judge itself. What is held out leaves the training of both: its groups, and nodes at the
same spots, as another table may number its groups otherwise. Refused is what is worse for certain, or by
much.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from models.artifact import Predictor
from models.drift import LEAST_PLACES, Interval, Live, errors, interval, regrets
from models.errors import ModelRefused
from models.evaluate import folds, random_worlds
from models.score import regret_ms
from models.sites import Sites
from models.train import check, train
from models.training import TrainingTable

TRIAL_FOLDS: Final = 3
TRIAL_WORLDS: Final = 50

MOST_WORSE_MS: Final = 0.5
MOST_WORSE_SHARE: Final = 0.25
"""Refused above both, for certain or not: by how much a candidate's mean regret may exceed the present one's.
One shuffle of folds differs from the next by as much.
"""

MOST_WORSE_ERROR: Final = 0.05
"""Refused above: the share by which its mean absolute error may be larger; it scatters far less."""

Array = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Side:
    """What one predictor costs: mean regret and mean absolute error, in ms."""

    regret_ms: float
    error_ms: float


@dataclass(frozen=True, slots=True)
class Comparison:
    """Both on the same `cases` (clients or places); `worse_ms`: the candidate's regret less the present's."""

    present: Side
    candidate: Side
    worse_ms: Interval
    cases: int

    @classmethod
    def of(
        cls, regret: tuple[Array, Array], error: tuple[Array, Array], group: npt.NDArray[np.int64]
    ) -> Comparison:
        """Compare regrets and errors (present, candidate) of the same cases; errors may hold NaN."""
        sides = [
            Side(round(float(r.mean()), 3), round(float(np.nanmean(np.abs(e))), 3))
            for r, e in zip(regret, error, strict=True)
        ]
        return cls(sides[0], sides[1], interval(regret[1] - regret[0], group), len(group))

    def reasons(self, where: str) -> list[str]:
        """Say why the candidate is to be refused by this; nothing if it is not."""
        present, candidate, worse = self.present, self.candidate, self.worse_ms
        numbers = f"{candidate.regret_ms:.2f} ms against {present.regret_ms:.2f}"
        found = []
        most = max(MOST_WORSE_MS, MOST_WORSE_SHARE * present.regret_ms)
        if worse.low > 0:
            found.append(f"{where}: mean regret {numbers}, worse by {worse.low:.2f} ms at least")
        elif worse.value > most:
            found.append(f"{where}: mean regret {numbers}, worse by more than {most:.2f} ms")
        if candidate.error_ms > present.error_ms * (1 + MOST_WORSE_ERROR):
            errors_ = f"{candidate.error_ms:.1f} ms against {present.error_ms:.1f}"
            found.append(f"{where}: mean error {errors_} (at most {MOST_WORSE_ERROR:.0%} more)")
        return found


@dataclass(frozen=True, slots=True)
class Trial:
    """What came of a candidate: accepted, or `reasons` against it. `live` None: too few places measured."""

    reasons: tuple[str, ...]
    held_out: Comparison | None = None
    live: Comparison | None = None

    @property
    def is_accepted(self) -> bool:
        """Whether it may replace the present predictor."""
        return not self.reasons

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON-ready data."""
        return asdict(self)


def candidate_of(
    reference: TrainingTable,
    fresh: TrainingTable,
    continents: Mapping[str, str],
    live_by: Callable[[Predictor], Live],
    present: Predictor,
) -> tuple[Trial, Predictor | None]:
    """Train on `fresh` and judge: the trial, and the candidate if it may replace `present`.

    `reference` is what `present` was trained with; `live_by` gives live data beside what a predictor says.
    """
    try:
        check(fresh, continents)
    except ModelRefused as error:
        return Trial((f"its own table: {error}",)), None
    held_out = on_folds(reference, fresh, continents)
    reasons = held_out.reasons("held out")
    if reasons:
        return Trial(tuple(reasons), held_out), None
    candidate = train(fresh, continents)
    live = on_live(live_by(present), live_by(candidate))
    reasons = live.reasons("live") if live is not None else []
    return Trial(tuple(reasons), held_out, live), None if reasons else candidate


def on_folds(reference: TrainingTable, fresh: TrainingTable, continents: Mapping[str, str]) -> Comparison:
    """Compare on the clients of `reference`, each by a fold that saw neither its group nor its spot."""
    clients, servers = np.flatnonzero(~reference.is_server), np.flatnonzero(reference.is_server)
    said = np.full((2, len(reference), len(servers)), np.nan)
    towards = reference.sites.take(servers)
    for held in folds(reference, TRIAL_FOLDS):
        out = np.isin(reference.group, held)
        rest = [without(table, out_of(table, reference, out)) for table in (reference, fresh)]
        asked = np.flatnonzero(out & ~reference.is_server)
        for side, table in enumerate(rest):
            said[side, asked] = train(table, continents).predict(reference.sites.take(asked), towards).p50
    truth = reference.rtt_ms[np.ix_(clients, servers)]
    said = said[:, clients]
    regret: list[list[Array]] = [[], []]
    group = []
    for world in random_worlds(reference, TRIAL_WORLDS):
        columns = np.searchsorted(servers, world)
        whole = np.isfinite(truth[:, columns]).all(axis=1)
        group.append(reference.group[clients[whole]])
        for side in (0, 1):
            chosen = said[side][whole][:, columns].argmin(axis=1)
            regret[side].append(regret_ms(truth[whole][:, columns], chosen))
    both = np.concatenate(regret[0]), np.concatenate(regret[1])
    return Comparison.of(both, (said[0] - truth, said[1] - truth), np.concatenate(group))


def on_live(present: Live, candidate: Live) -> Comparison | None:
    """Compare on what places measured; None for too few of them."""
    if len(present) < LEAST_PLACES:
        return None
    regret = regrets(present)[0], regrets(candidate)[0]
    return Comparison.of(regret, (errors(present), errors(candidate)), present.group)


def out_of(
    fresh: TrainingTable, reference: TrainingTable, out: npt.NDArray[np.bool_]
) -> npt.NDArray[np.bool_]:
    """Return which nodes of `fresh` are `out` with those of `reference`: their groups, and their spots."""
    spots = set(_spots(reference.sites.take(np.flatnonzero(out))))
    same = np.array([spot in spots for spot in _spots(fresh.sites)], np.bool_)
    return np.isin(fresh.group, np.unique(reference.group[out])) | same


def _spots(sites: Sites) -> list[tuple[float, float]]:
    return list(zip(np.round(sites.lat, 1).tolist(), np.round(sites.lon, 1).tolist(), strict=True))


def without(table: TrainingTable, out: npt.NDArray[np.bool_]) -> TrainingTable:
    """Return the table without some of its nodes."""
    rows = np.flatnonzero(~out)
    cut: dict[str, Any] = {}
    for one in fields(table):
        value = getattr(table, one.name)
        if isinstance(value, Sites):
            cut[one.name] = value.take(rows)
        elif isinstance(value, np.ndarray):
            cut[one.name] = value[np.ix_(*[rows] * value.ndim)]
        else:
            cut[one.name] = value
    return TrainingTable(**cut)
