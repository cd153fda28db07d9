from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from models.baseline import NearestModel, OfRows
from models.errors import ModelRefused
from models.evaluate import (
    MODEL,
    HeldOut,
    compare,
    estimators,
    fold_models,
    folds,
    hold_out,
    random_worlds,
    refuse_unless_better,
    within_light,
)
from models.features import Ends
from models.latency import Measured
from models.score import Against, Interval, Score, Scores
from models.sites import Sites
from models.training import TrainingTable
from models.world import load

EQUAL = Against(Interval(1.0, 1.0, 1.0), Interval(0.0, 0.0, 0.0))
WORLD14 = Path(__file__).resolve().parents[2] / "data" / "world14" / "pops.csv"


class Spy(OfRows):
    """Remembers what it was fitted on, and which clients it was asked about, fold by fold."""

    seen: list[set[float]]
    asked: list[set[float]]

    def fit(self, X: Measured) -> Spy:  # noqa: N803
        self.__dict__.setdefault("seen", []).append({*X.ends.place[:, 0].tolist()})
        return super().fit(X)

    def predict(self, clients: Ends, servers: Ends) -> np.ndarray:
        self.__dict__.setdefault("asked", []).append(set(clients.place[:, 0].tolist()))
        return super().predict(clients, servers)


def test_folds_deal_out_every_group_once(table: TrainingTable) -> None:
    """Each shuffle is another partition of the same groups."""
    first, second = folds(table, 5, seed=0), folds(table, 5, seed=1)
    assert sorted(np.concatenate(first).tolist()) == sorted(set(table.group.tolist()))
    assert [part.tolist() for part in first] != [part.tolist() for part in second]
    assert [part.tolist() for part in first] == [part.tolist() for part in folds(table, 5, seed=0)]


def test_no_fold_sees_either_end_of_a_held_out_pair(table: TrainingTable, continents: dict[str, str]) -> None:
    """What a fold is asked about, and everything of those groups, is absent from its training."""
    spy = Spy(NearestModel())
    hold_out(table, continents, {"spy": spy})
    for held, seen, asked in zip(folds(table), spy.seen, spy.asked[::2], strict=True):
        assert not seen & set(table.sites.lat[np.isin(table.group, held)].tolist())
        assert asked <= set(table.sites.lat[np.isin(table.group, held)].tolist())
    assert set.union(*spy.asked[::2]) == set(table.sites.lat[~table.is_server].tolist())


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
    nearest = OfRows(NearestModel())
    held_out, _ = hold_out(shipped, continents, {"nearest": nearest, MODEL: nearest})
    scores = compare(shipped, [held_out], [load(WORLD14, shipped).node])
    assert scores.clients == 266
    assert scores.by_name["nearest"].regret_ms == pytest.approx(5.1, abs=0.05)
    assert scores.by_name["oracle"].regret_ms == 0
    assert scores.by_name["round robin"].regret_ms > 100
    assert scores.against["nearest"] == EQUAL


def test_the_model_beats_every_baseline_where_distance_misleads(
    table: TrainingTable, continents: dict[str, str]
) -> None:
    """KZ beside AE, reached the long way round."""
    held_out, _ = hold_out(table, continents, estimators())
    scores = compare(table, [held_out], random_worlds(table, 20))
    refuse_unless_better(scores)
    assert scores.by_name[MODEL].regret_ms < 0.5 * scores.by_name["nearest"].regret_ms


def test_a_refusal_carries_the_numbers() -> None:
    """And the names of the baselines that are as good; a tie is not better."""
    regrets = {"round robin": 90.0, "nearest": 5.0, "5 neighbours": 2.0, MODEL: 2.0, "oracle": 0.0}
    by_name = {name: Score(regret, 0, 0, 1, 1, 0, 0) for name, regret in regrets.items()}
    with pytest.raises(ModelRefused) as caught:
        refuse_unless_better(
            Scores(by_name, dict.fromkeys(("round robin", "nearest", "5 neighbours"), EQUAL), 10, 1, 1)
        )
    assert "not better than 5 neighbours" in str(caught.value)
    assert "nearest 5.00 ms" in str(caught.value)


def test_clients_are_asked_for_where_they_are_and_where_geoip_puts_them(
    table: TrainingTable, continents: dict[str, str]
) -> None:
    """Who is not placed is not judged; who is asked for elsewhere gets another estimate."""
    lat = table.geoip.lat.copy()
    lat[1::4] = np.nan
    some = replace(table, geoip=replace(table.geoip, lat=lat))
    true, geoip = hold_out(some, continents, estimators(), 3)
    unplaced = ~geoip.placed.is_placed
    assert np.isnan(geoip.quantiles[:, unplaced]).all()
    assert np.isfinite(geoip.quantiles[:, ~unplaced]).all()
    assert not np.array_equal(true.estimates[MODEL][~unplaced], geoip.estimates[MODEL][~unplaced])
    everyone, placed = (compare(some, [one], random_worlds(some, 1)).clients for one in (true, geoip))
    assert placed == everyone - unplaced.sum()


def test_light_says_who_cannot_be_where_geoip_puts_them(table: TrainingTable) -> None:
    """A client of Amsterdam that a table puts in Brazil answers Frankfurt too soon."""
    lat, lon = table.geoip.lat.copy(), table.geoip.lon.copy()
    lat[3], lon[3] = -23.0, -47.0
    moved = replace(table, geoip=Sites(lat, lon, table.geoip.country))
    assert np.flatnonzero(within_light(table) != within_light(moved)).tolist() == [3]


def test_only_those_asked_for_are_judged(table: TrainingTable, continents: dict[str, str]) -> None:
    """The rest of the numbers stays as it is."""
    true, _ = hold_out(
        table, continents, {"nearest": OfRows(NearestModel()), MODEL: OfRows(NearestModel())}, 3
    )
    half = np.arange(len(table)) % 2 == 1
    judged: HeldOut = true.among(half)
    assert compare(table, [judged], random_worlds(table, 1)).clients == (half & ~table.is_server).sum()
