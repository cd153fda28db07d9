"""Evaluation on networks the model never saw, and the decision whether it may be used at all.

Folds are made of groups: a pair leaves training if either of its ends is held out. Every way to choose a POP
is judged on the same clients, those whose round trip to every server of the world in question is known.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

import numpy as np
import numpy.typing as npt

from models.artifact import Origin, Predictor, current_versions
from models.baseline import NearestModel, NeighbourModel, least, round_robin
from models.errors import ModelRefused
from models.examples import examples
from models.features import Ends, pair_features
from models.latency import MEDIAN, LatencyModel
from models.prior import distance_km
from models.score import Scores, ratio_interval, regret_ms, score
from models.training import TrainingTable

FOLDS: Final = 5
WORLD_SIZE: Final = 14
"""Servers drawn for a random world."""

BASELINES: Final = ("round robin", "nearest", "5 neighbours")
MODEL: Final = "model"
ORACLE: Final = "oracle"

Array = npt.NDArray[np.float64]
Nodes = npt.NDArray[np.intp]


class Estimator(Protocol):
    """A scikit-learn regressor of log(RTT / floor)."""

    def fit(self, X: npt.ArrayLike, y: npt.ArrayLike) -> Any:
        """Learn from `(n, k)` features and `(n,)` targets."""

    def predict(self, X: npt.ArrayLike) -> Array:
        """Return `(n,)` targets."""


@dataclass(frozen=True, slots=True, eq=False)
class HeldOut:
    """One shuffle: for each estimator the round trips of all clients to all servers, `(n, m)` ms.

    Every row was estimated by a fold that never saw the client's group.
    """

    estimates: Mapping[str, Array]
    clients: Nodes
    servers: Nodes


def folds(table: TrainingTable, count: int = FOLDS, seed: int = 0) -> list[npt.NDArray[np.int64]]:
    """Return the groups of each fold: all groups, shuffled, dealt into `count` parts."""
    groups = np.unique(table.group)
    np.random.default_rng(seed).shuffle(groups)
    return [np.sort(part) for part in np.array_split(groups, count)]


def fold_models(
    table: TrainingTable, continents: Mapping[str, str], folds_count: int = FOLDS, seed: int = 0
) -> Iterator[tuple[Predictor, npt.NDArray[np.int64]]]:
    """Yield for each fold a predictor and the groups it never saw; for replays and calibration."""
    for held in folds(table, folds_count, seed):
        keep = ~np.isin(table.group, held)
        rows = examples(table, continents, keep)
        origin = Origin(f"{table.digest} without {held.tolist()}", 0.0, current_versions())
        yield Predictor.of(LatencyModel().fit(rows.features, rows.targets), continents, origin), held


def hold_out(
    table: TrainingTable,
    continents: Mapping[str, str],
    estimators: Mapping[str, Estimator],
    count: int = FOLDS,
    seed: int = 0,
) -> HeldOut:
    """Fit every estimator on every fold and estimate the clients it left out."""
    clients, servers = np.flatnonzero(~table.is_server), np.flatnonzero(table.is_server)
    estimates = {name: np.full((len(clients), len(servers)), np.nan) for name in estimators}
    ends = Ends.of(table.sites, continents)
    for held in folds(table, count, seed):
        out = np.isin(table.group, held)
        rows = examples(table, continents, ~out)
        asked = pair_features(ends.take(clients[out[clients]]), ends.take(servers))
        for name, estimator in estimators.items():
            ratios = estimator.fit(rows.features, rows.targets).predict(asked.features)
            ratios = ratios.reshape(asked.floor.shape)
            estimates[name][out[clients]] = np.exp(np.maximum(ratios, 0.0)) * asked.floor
    return HeldOut(estimates, clients, servers)


def random_worlds(table: TrainingTable, count: int, seed: int = 0) -> list[Nodes]:
    """Return `count` random sets of 14 servers."""
    servers = np.flatnonzero(table.is_server)
    random = np.random.default_rng(seed)
    return [np.sort(random.choice(servers, WORLD_SIZE, replace=False)) for _ in range(count)]


def compare(table: TrainingTable, rounds: Sequence[HeldOut], worlds: Sequence[Nodes]) -> Scores:
    """Judge every way to choose, in every round and world."""
    regrets: dict[str, list[Array]] = {}
    errors: dict[str, list[Array]] = {}
    nodes: list[Nodes] = []
    for held_out in rounds:
        for world in worlds:
            judged = _judge(table, held_out, world)
            nodes.append(judged.clients)
            for name in judged.regrets:
                regrets.setdefault(name, []).append(judged.regrets[name])
                errors.setdefault(name, []).append(judged.errors[name])
    cluster = table.group[np.concatenate(nodes)]
    joined = {name: np.concatenate(parts) for name, parts in regrets.items()}
    return Scores(
        by_name={name: score(joined[name], np.concatenate(errors[name])) for name in joined},
        against_nearest=ratio_interval(joined[MODEL], joined["nearest"], cluster),
        clients=len(np.unique(np.concatenate(nodes))),
        worlds=len(worlds),
        rounds=len(rounds),
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Judged:
    clients: Nodes
    regrets: Mapping[str, Array]
    errors: Mapping[str, Array]


def _judge(table: TrainingTable, held_out: HeldOut, world: Nodes) -> _Judged:
    columns = np.searchsorted(held_out.servers, world)
    truth = table.rtt_ms[np.ix_(held_out.clients, world)]
    whole = np.isfinite(truth).all(axis=1)
    clients, truth = held_out.clients[whole], truth[whole]
    km = distance_km(table.sites.take(clients), table.sites.take(world))
    estimates = {name: values[whole][:, columns] for name, values in held_out.estimates.items()}
    estimates[ORACLE] = truth
    regrets = {"round robin": regret_ms(truth, round_robin(*truth.shape))}
    errors = {"round robin": np.empty(0)}
    for name, values in estimates.items():
        regrets[name] = regret_ms(truth, least(values, km))
        errors[name] = np.abs(values - truth).ravel()
    return _Judged(clients, regrets, errors)


def estimators() -> dict[str, Estimator]:
    """Return the baselines and the model's median, the quantile that chooses."""
    return {
        "nearest": NearestModel(),
        "5 neighbours": NeighbourModel(),
        MODEL: MedianModel(),
    }


class MedianModel:
    """The median of a latency model, alone."""

    def __init__(self) -> None:
        self.model = LatencyModel(quantiles=(MEDIAN,))

    def fit(self, X: npt.ArrayLike, y: npt.ArrayLike) -> MedianModel:
        """Train the median only."""
        self.model.fit(X, y)
        return self

    def predict(self, X: npt.ArrayLike) -> Array:
        """Return `(n,)` log ratios."""
        return self.model.predict(X)[:, 0]


def refuse_unless_better(scores: Scores) -> None:
    """Raise `ModelRefused`, with the numbers, unless the model's regret is below every baseline's."""
    model = scores.by_name[MODEL].regret_ms
    better = [name for name in BASELINES if not model < scores.by_name[name].regret_ms]
    if better:
        numbers = ", ".join(f"{name} {value.regret_ms:.2f} ms" for name, value in scores.by_name.items())
        raise ModelRefused(f"not better than {', '.join(better)}: mean regret {numbers}")
