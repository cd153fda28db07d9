from __future__ import annotations

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from models.examples import examples
from models.features import COLUMNS
from models.latency import LatencyModel
from models.training import TrainingTable


def test_quantiles_ascend(table: TrainingTable, continents: dict[str, str]) -> None:
    """Separately trained ensembles cross; the answer does not."""
    rows = examples(table, continents)
    noisy = rows.targets + np.random.default_rng(0).exponential(0.2, len(rows.targets))
    ratios = LatencyModel(trees=5, spread_trees=5).fit(rows.features, noisy).predict(rows.features)
    assert ratios.shape == (len(rows.targets), 3)
    assert (np.diff(ratios, axis=1) >= 0).all()


def test_quantiles_hold_their_share(table: TrainingTable, continents: dict[str, str]) -> None:
    """On its own noise a quarter, a half and three quarters lie below."""
    rows = examples(table, continents)
    noisy = rows.targets + np.random.default_rng(0).exponential(0.2, len(rows.targets))
    trees = LatencyModel(neighbour_share=0.0)
    ratios = trees.fit(rows.features, noisy).predict(rows.features)
    assert (noisy[:, None] < ratios).mean(axis=0) == pytest.approx([0.25, 0.5, 0.75], abs=0.03)


def test_the_median_alone_is_a_model(table: TrainingTable, continents: dict[str, str]) -> None:
    """One quantile is enough to choose; it is the same median as in the whole model."""
    rows = examples(table, continents)
    whole = LatencyModel(trees=5, spread_trees=5).fit(rows.features, rows.targets)
    alone = LatencyModel(quantiles=(0.5,), trees=5).fit(rows.features, rows.targets)
    medians = whole.ensembles_[1].predict(rows.features), alone.ensembles_[0].predict(rows.features)
    assert np.array_equal(*medians)


def test_a_model_without_a_median_is_refused() -> None:
    """The others are placed around it."""
    with pytest.raises(ValueError, match=r"expected 0\.5"):
        LatencyModel(quantiles=(0.1, 0.9)).fit(np.zeros((2, len(COLUMNS))), [0, 0])


def test_it_is_a_scikit_learn_estimator() -> None:
    """Cloned by its parameters; says so when it was not fitted."""
    assert clone(LatencyModel(trees=7)).get_params()["trees"] == 7
    with pytest.raises(NotFittedError):
        LatencyModel().predict(np.zeros((1, len(COLUMNS))))
