from __future__ import annotations

import numpy as np
import pytest

from models.baseline import NearestModel, NeighbourModel, OfRows, least, plain_boosting, round_robin
from models.evaluate import measured
from models.examples import examples
from models.features import Ends
from models.prior import unit_vectors
from models.sites import Sites
from models.training import TrainingTable


def test_nearest_is_one_multiple_of_the_floor(
    straight_table: TrainingTable, continents: dict[str, str]
) -> None:
    """Where every path is 1.4 floors, it says 1.4."""
    everything = measured(straight_table, continents)
    said = OfRows(NearestModel()).fit(everything).predict(everything.ends, everything.ends)
    apart = ~np.eye(len(said), dtype=bool)
    assert said[apart] == pytest.approx(straight_table.rtt_ms[apart])


def test_five_neighbours_are_the_nearest_pairs(table: TrainingTable, continents: dict[str, str]) -> None:
    """Against the definition: the distances of both ends, squared and added."""
    rows = examples(measured(table, continents).ends, table.rtt_ms)
    asked = rows.features[0] + 0.5
    apart = np.zeros(len(rows.features))
    for lat, lon in ((0, 1), (2, 3)):
        there = unit_vectors(Sites(rows.features[:, lat], rows.features[:, lon], np.full(len(apart), "")))
        here = unit_vectors(Sites.of([asked[lat]], [asked[lon]], [""]))
        apart += ((there - here) ** 2).sum(axis=1)
    model = NeighbourModel().fit(rows.features, rows.targets)
    assert model.predict(asked[None])[0] == pytest.approx(rows.targets[np.argsort(apart)[:5]].mean())


def test_plain_boosting_learns_the_detour(table: TrainingTable, continents: dict[str, str]) -> None:
    """A fair opponent: KZ is nearer to AE than to NL, and slower. What it wraps stays untrained."""
    everything, model = measured(table, continents), OfRows(plain_boosting())
    sites = Sites.of([43.2, 25.1, 52.4], [76.9, 55.3, 4.9], ["KZ", "AE", "NL"])
    ends = Ends.of(sites, continents)
    said = model.fit(everything).predict(ends, ends)
    assert said[0, 1] > said[0, 2]
    assert not hasattr(model.regressor, "n_iter_")


def test_round_robin_deals_out_in_turn() -> None:
    """Client by client."""
    assert round_robin(5, 3).tolist() == [0, 1, 2, 0, 1]


def test_the_least_of_equals_is_the_nearer() -> None:
    """A tie is decided by distance, not by column."""
    estimate = np.array([[5.0, 5.0, 9.0], [7.0, 3.0, 3.0]])
    km = np.array([[20.0, 10.0, 1.0], [1.0, 5.0, 4.0]])
    assert least(estimate, km).tolist() == [1, 2]
