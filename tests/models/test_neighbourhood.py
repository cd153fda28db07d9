from __future__ import annotations

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from models.examples import examples
from models.features import COLUMNS, Ends, pair_features
from models.neighbourhood import Neighbourhood
from models.sites import Sites
from models.training import TrainingTable


def test_a_far_place_is_estimated_by_what_is_near_both_ends(
    table: TrainingTable, continents: dict[str, str]
) -> None:
    """A new site in KZ sees AE behind the detour, as its neighbours do."""
    rows = examples(table, continents)
    ends = Ends.of(Sites.of([43.5, 25.5], [76.5, 54.5], ["KZ", "AE"]), continents)
    ratio = Neighbourhood().fit(rows.features, rows.targets).predict(pair_features(ends, ends).features)
    assert ratio[1] == pytest.approx(np.log(1.4 + 150 / 28.5), rel=0.1)


def test_it_is_the_weighted_mean_written_out(table: TrainingTable, continents: dict[str, str]) -> None:
    """Against the definition, with every place as a neighbour."""
    rows = examples(table, continents)
    asked = rows.features[:40].copy()
    asked[:, :4] += 0.3
    model = Neighbourhood(neighbours=10_000).fit(rows.features, rows.targets)
    assert model.predict(asked) == pytest.approx(np.array([_kernel_mean(row, rows) for row in asked]))


def _kernel_mean(row: np.ndarray, rows: object) -> float:
    weight = np.ones(len(rows.targets))
    for lat, lon in ((0, 1), (2, 3)):
        here, there = row[[lat, lon]], rows.features[:, [lat, lon]]
        sites = [Sites(*np.atleast_2d(at).T, np.full(len(np.atleast_2d(at)), "")) for at in (here, there)]
        ends = [Ends.of(site, {}) for site in sites]
        km = pair_features(*ends).features[:, COLUMNS.index("km")]
        weight /= (km + 100.0) ** 3
    return float((weight * rows.targets).sum() / weight.sum())


def test_without_any_measured_pair_around_the_mean_stands_in() -> None:
    """Two far pairs, one neighbour at each end: the crossing was never measured."""
    ends = Ends.of(Sites.of([0, 0, 60, 60], [0, 90, 0, 90], [""] * 4), {})
    features = pair_features(ends, ends).features
    model = Neighbourhood(neighbours=1).fit(features[[1, 11]], np.array([1.0, 3.0]))
    assert model.predict(features[[1, 11, 3]]).tolist() == [1.0, 3.0, 2.0]


def test_it_is_a_scikit_learn_estimator() -> None:
    """Cloned by its parameters; says so when it was not fitted."""
    assert clone(Neighbourhood(neighbours=3)).get_params() == {"neighbours": 3, "reach_km": 100.0}
    with pytest.raises(NotFittedError):
        Neighbourhood().predict(np.zeros((1, len(COLUMNS))))
