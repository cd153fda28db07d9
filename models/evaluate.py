"""Evaluation on networks the model never saw, and the decision whether it may be used at all.

Folds are made of groups: a pair leaves training if either of its ends is held out. Every way to choose a POP
is judged on the same clients, those whose round trip to every server of the world in question is known.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Protocol

import numpy as np
import numpy.typing as npt

from models.artifact import Origin, Predictor, current_versions
from models.baseline import NearestModel, NeighbourModel, OfRows, least, plain_boosting, round_robin
from models.errors import ModelRefused
from models.features import Ends
from models.latency import LEVELS, LatencyModel, Measured
from models.latency import folds as folds_of
from models.prior import distance_km, floor_ms
from models.score import Scores, against, regret_ms, score
from models.sites import Sites
from models.training import TrainingTable

FOLDS: Final = 5
MOST_TOO_FAST: Final = 0.05
"""Share of a node's round trips that may beat light: the other ends' positions have errors, too."""

WORLD_SIZE: Final = 14
"""Servers drawn for a random world."""

ROUND_ROBIN: Final = "round robin"
NEAREST: Final = "nearest"
BOOSTING: Final = "plain boosting"
MODEL: Final = "model"
ORACLE: Final = "oracle"

Array = npt.NDArray[np.float64]
Nodes = npt.NDArray[np.intp]


class Estimator(Protocol):
    """What learns from measured places and says round trips of others."""

    def fit(self, X: Measured) -> Any:
        """Learn."""

    def predict(self, clients: Ends, servers: Ends) -> Array:
        """Return `(n, m)` ms, or `(len(LEVELS), n, m)` where it knows quantiles."""


@dataclass(frozen=True, slots=True, eq=False)
class HeldOut:
    """One shuffle: for each estimator the round trips of all clients to all servers, `(n, m)` ms.

    Every row was estimated by a fold that never saw the client's group. `quantiles`, `(len(LEVELS), n, m)`,
    are the model's own; `placed` is where the clients were said to be (NaN for those nobody could place).
    """

    estimates: Mapping[str, Array]
    quantiles: Array
    clients: Nodes
    servers: Nodes
    placed: Sites

    def among(self, nodes: npt.NDArray[np.bool_]) -> HeldOut:
        """Return the same with only those clients judged; `nodes` is a mask of the whole table."""
        lat = np.where(nodes[self.clients], self.placed.lat, np.nan)
        return replace(self, placed=replace(self.placed, lat=lat))


def folds(table: TrainingTable, count: int = FOLDS, seed: int = 0) -> list[npt.NDArray[np.int64]]:
    """Return the groups of each fold: all groups, shuffled, dealt into `count` parts."""
    return folds_of(table.group, count, seed)


def measured(table: TrainingTable, continents: Mapping[str, str]) -> Measured:
    """Return what a model learns from; `continents` maps country codes to continent codes."""
    return Measured(Ends.of(table.sites, continents), table.rtt_ms, table.group, table.is_server)


def fold_models(
    table: TrainingTable, continents: Mapping[str, str], folds_count: int = FOLDS, seed: int = 0
) -> Iterator[tuple[Predictor, npt.NDArray[np.int64]]]:
    """Yield for each fold a predictor and the groups it never saw; for replays."""
    everything = measured(table, continents)
    for held in folds(table, folds_count, seed):
        rest = everything.take(np.flatnonzero(~np.isin(table.group, held)))
        origin = Origin(f"{table.digest} without {held.tolist()}", 0.0, current_versions())
        yield Predictor.of(LatencyModel().fit(rest), continents, origin), held


def hold_out(
    table: TrainingTable,
    continents: Mapping[str, str],
    estimators: Mapping[str, Estimator],
    count: int = FOLDS,
    seed: int = 0,
) -> tuple[HeldOut, HeldOut]:
    """Fit every estimator on every fold and estimate the clients it left out.

    Returns the clients asked for where they are, and where GeoIP puts them.
    """
    everything = measured(table, continents)
    clients, servers = np.flatnonzero(~table.is_server), np.flatnonzero(table.is_server)
    towards = everything.ends.take(servers)
    rounds = [
        _Asked.of(sites.take(clients), continents, estimators, len(servers))
        for sites in (table.sites, table.geoip)
    ]
    for held in folds(table, count, seed):
        out = np.isin(table.group, held)
        rest = everything.take(np.flatnonzero(~out))
        for name, estimator in estimators.items():
            estimator.fit(rest)
            for asked in rounds:
                asked.ask(name, estimator, np.flatnonzero(out[clients]), towards)
    true, geoip = (
        HeldOut(asked.estimates, asked.quantiles, clients, servers, asked.placed) for asked in rounds
    )
    return true, geoip


@dataclass(frozen=True, slots=True, eq=False)
class _Asked:
    """Clients at certain places, and what has been said of them so far."""

    placed: Sites
    ends: Ends
    estimates: dict[str, Array]
    quantiles: Array

    @classmethod
    def of(
        cls, placed: Sites, continents: Mapping[str, str], names: Mapping[str, Any], servers: int
    ) -> _Asked:
        nothing = np.full((len(LEVELS), len(placed), servers), np.nan)
        return cls(placed, Ends.of(placed, continents), {n: nothing[0].copy() for n in names}, nothing)

    def ask(self, name: str, estimator: Estimator, clients: Nodes, servers: Ends) -> None:
        clients = clients[self.placed.is_placed[clients]]
        said = estimator.predict(self.ends.take(clients), servers) if len(clients) else self.quantiles[:, :0]
        if said.ndim == self.quantiles.ndim:
            self.quantiles[:, clients] = said
            said = said[LEVELS.index(0.5)]
        self.estimates[name][clients] = said


def within_light(table: TrainingTable) -> npt.NDArray[np.bool_]:
    """Return which nodes may be where GeoIP puts them: nearly none of their round trips beats light there.

    The others' addresses have moved, or the table errs by a continent; a server sees it by the first beacons.
    """
    floor = floor_ms(table.geoip, table.sites)
    known = np.isfinite(table.rtt_ms)
    too_fast = (table.rtt_ms < floor) & known
    may: npt.NDArray[np.bool_] = too_fast.sum(axis=1) <= MOST_TOO_FAST * known.sum(axis=1)
    return may


def random_worlds(table: TrainingTable, count: int, seed: int = 0) -> list[Nodes]:
    """Return `count` random sets of 14 servers."""
    servers = np.flatnonzero(table.is_server)
    random = np.random.default_rng(seed)
    return [np.sort(random.choice(servers, WORLD_SIZE, replace=False)) for _ in range(count)]


def compare(table: TrainingTable, rounds: Sequence[HeldOut], worlds: Sequence[Nodes]) -> Scores:
    """Judge every way to choose, in every round and world."""
    judged = [_judge(table, held_out, world) for held_out in rounds for world in worlds]
    nodes = np.concatenate([one.clients for one in judged])
    names = list(judged[0].regrets)
    regrets = {name: np.concatenate([one.regrets[name] for one in judged]) for name in names}
    errors = {name: np.concatenate([one.errors[name] for one in judged]) for name in names}
    baselines = [name for name in names if name not in (MODEL, ORACLE)]
    return Scores(
        by_name={name: score(regrets[name], regrets[NEAREST], errors[name]) for name in names},
        against={name: against(regrets[MODEL], regrets[name], table.group[nodes]) for name in baselines},
        clients=len(np.unique(nodes)),
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
    whole = np.isfinite(truth).all(axis=1) & held_out.placed.is_placed
    truth = truth[whole]
    km = distance_km(held_out.placed.take(np.flatnonzero(whole)), table.sites.take(world))
    estimates = {name: values[whole][:, columns] for name, values in held_out.estimates.items()}
    estimates[ORACLE] = truth
    regrets = {ROUND_ROBIN: regret_ms(truth, round_robin(*truth.shape))}
    errors = {ROUND_ROBIN: np.empty(0)}
    for name, values in estimates.items():
        regrets[name] = regret_ms(truth, least(values, km))
        errors[name] = np.abs(values - truth).ravel()
    return _Judged(held_out.clients[whole], regrets, errors)


def estimators() -> dict[str, Estimator]:
    """Return what is compared before an artifact is written: the model and the quick baselines."""
    return {
        NEAREST: OfRows(NearestModel()),
        "5 neighbours": OfRows(NeighbourModel()),
        MODEL: LatencyModel(),
    }


def all_estimators() -> dict[str, Estimator]:
    """Return what the full evaluation compares; plain boosting takes as long to train as all others."""
    return {BOOSTING: OfRows(plain_boosting()), **estimators()}


def refuse_unless_better(scores: Scores) -> None:
    """Raise `ModelRefused`, with the numbers, unless the model's regret is below every baseline's."""
    model = scores.by_name[MODEL].regret_ms
    better = [name for name in scores.against if not model < scores.by_name[name].regret_ms]
    if better:
        numbers = ", ".join(f"{name} {value.regret_ms:.2f} ms" for name, value in scores.by_name.items())
        raise ModelRefused(f"not better than {', '.join(better)}: mean regret {numbers}")
