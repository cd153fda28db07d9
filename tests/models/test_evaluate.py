from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from models.baseline import NearestModel
from models.errors import ModelRefused
from models.evaluate import (
    BASELINES,
    MODEL,
    compare,
    estimators,
    fold_models,
    folds,
    hold_out,
    random_worlds,
    refuse_unless_better,
)
from models.score import Interval, Score, Scores
from models.training import TrainingTable
from models.world import load

WORLD14 = Path(__file__).resolve().parents[2] / "data" / "world14" / "pops.csv"


class Spy(NearestModel):
    """Remembers what it was fitted on, and which clients it was asked about, fold by fold."""

    seen: list[set[float]]
    asked: list[set[float]]

    def fit(self, X: np.ndarray, y: np.ndarray) -> Spy:  # noqa: N803
        self.__dict__.setdefault("seen", []).append({*X[:, 0].tolist(), *X[:, 2].tolist()})
        return super().fit(X, y)

    def predict(self, X: np.ndarray) -> np.ndarray:  # noqa: N803
        self.__dict__.setdefault("asked", []).append(set(X[:, 0].tolist()))
        return super().predict(X)


def test_folds_deal_out_every_group_once(table: TrainingTable) -> None:
    """Each shuffle is another partition of the same groups."""
    first, second = folds(table, 5, seed=0), folds(table, 5, seed=1)
    assert sorted(np.concatenate(first).tolist()) == sorted(set(table.group.tolist()))
    assert [part.tolist() for part in first] != [part.tolist() for part in second]
    assert [part.tolist() for part in first] == [part.tolist() for part in folds(table, 5, seed=0)]


def test_no_fold_sees_either_end_of_a_held_out_pair(table: TrainingTable, continents: dict[str, str]) -> None:
    """What a fold is asked about, and everything of those groups, is absent from its training."""
    spy = Spy()
    hold_out(table, continents, {"spy": spy})
    for held, seen, asked in zip(folds(table), spy.seen, spy.asked, strict=True):
        assert not seen & set(table.sites.lat[np.isin(table.group, held)].tolist())
        assert asked <= set(table.sites.lat[np.isin(table.group, held)].tolist())
    assert set.union(*spy.asked) == set(table.sites.lat[~table.is_server].tolist())


def test_fold_models_name_what_they_never_saw(table: TrainingTable, continents: dict[str, str]) -> None:
    """One predictor per fold, each of its own digest."""
    models = [(predictor.digest, held.tolist()) for predictor, held in fold_models(table, continents, 2)]
    assert [held for _, held in models] == [part.tolist() for part in folds(table, 2)]
    assert models[0][0] != models[1][0]


def test_random_worlds_are_servers(shipped: TrainingTable) -> None:
    """Fourteen different ones each, the same for the same seed."""
    worlds = random_worlds(shipped, 5)
    assert all(len(set(world.tolist())) == 14 and shipped.is_server[world].all() for world in worlds)
    assert [w.tolist() for w in worlds] == [w.tolist() for w in random_worlds(shipped, 5)]


def test_nearest_costs_five_milliseconds_on_the_14_pop_world(
    shipped: TrainingTable, continents: Mapping[str, str]
) -> None:
    """The evaluation reproduces the known number: 5.1 ms on the 266 clients with all round trips known."""
    held_out = hold_out(shipped, continents, {"nearest": NearestModel(), MODEL: NearestModel()})
    scores = compare(shipped, [held_out], [load(WORLD14, shipped).node])
    assert scores.clients == 266
    assert scores.by_name["nearest"].regret_ms == pytest.approx(5.1, abs=0.05)
    assert scores.by_name["oracle"].regret_ms == 0
    assert scores.by_name["round robin"].regret_ms > 100
    assert scores.against_nearest == Interval(1.0, 1.0, 1.0)


def test_the_model_beats_every_baseline_where_distance_misleads(
    table: TrainingTable, continents: dict[str, str]
) -> None:
    """KZ beside AE, reached the long way round."""
    held_out = hold_out(table, continents, estimators())
    scores = compare(table, [held_out], random_worlds(table, 20))
    refuse_unless_better(scores)
    assert scores.by_name[MODEL].regret_ms < 0.5 * scores.by_name["nearest"].regret_ms


def test_a_refusal_carries_the_numbers() -> None:
    """And the names of the baselines that are as good; a tie is not better."""
    regrets = {"round robin": 90.0, "nearest": 5.0, "5 neighbours": 2.0, MODEL: 2.0, "oracle": 0.0}
    by_name = {name: Score(regret, 0, 0, 1, 1, 0) for name, regret in regrets.items()}
    with pytest.raises(ModelRefused) as caught:
        refuse_unless_better(Scores(by_name, Interval(0.4, 0.3, 0.5), 10, 1, 1))
    assert "not better than 5 neighbours" in str(caught.value)
    assert "nearest 5.00 ms" in str(caught.value)
    assert set(BASELINES) < set(regrets)
