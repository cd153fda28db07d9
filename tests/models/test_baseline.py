from __future__ import annotations

import numpy as np
import pytest

from models.baseline import NearestModel, NeighbourModel, least, round_robin
from models.examples import examples
from models.prior import unit_vectors
from models.sites import Sites
from models.training import TrainingTable


def test_nearest_is_one_multiple_of_the_floor(
    straight_table: TrainingTable, continents: dict[str, str]
) -> None:
    """Where every path is 1.4 floors, it says 1.4."""
    rows = examples(straight_table, continents)
    ratios = NearestModel().fit(rows.features, rows.targets).predict(rows.features[:3])
    assert np.exp(ratios) == pytest.approx([1.4] * 3)


def test_five_neighbours_are_the_nearest_pairs(table: TrainingTable, continents: dict[str, str]) -> None:
    """Against the definition: the distances of both ends, squared and added."""
    rows = examples(table, continents)
    asked = rows.features[0] + 0.5
    apart = np.zeros(len(rows.features))
    for lat, lon in ((0, 1), (2, 3)):
        there = unit_vectors(Sites(rows.features[:, lat], rows.features[:, lon], np.full(len(apart), "")))
        here = unit_vectors(Sites.of([asked[lat]], [asked[lon]], [""]))
        apart += ((there - here) ** 2).sum(axis=1)
    model = NeighbourModel().fit(rows.features, rows.targets)
    assert model.predict(asked[None])[0] == pytest.approx(rows.targets[np.argsort(apart)[:5]].mean())


def test_round_robin_deals_out_in_turn() -> None:
    """Client by client."""
    assert round_robin(5, 3).tolist() == [0, 1, 2, 0, 1]


def test_the_least_of_equals_is_the_nearer() -> None:
    """A tie is decided by distance, not by column."""
    estimate = np.array([[5.0, 5.0, 9.0], [7.0, 3.0, 3.0]])
    km = np.array([[20.0, 10.0, 1.0], [1.0, 5.0, 4.0]])
    assert least(estimate, km).tolist() == [1, 2]
