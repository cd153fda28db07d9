from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from models.evaluate import measured
from models.features import Ends
from models.latency import LEVELS, LatencyModel
from models.prior import floor_of_km, great_circle_km
from models.sites import Sites
from models.training import TrainingTable

EUROPE = Sites.of([52.4, 50.1], [4.9, 8.7], ["NL", "DE"], ["aws", "azure"])


def test_quantiles_ascend_from_the_floor(table: TrainingTable, continents: dict[str, str]) -> None:
    """At every level, wherever both ends are."""
    model, ends = LatencyModel().fit(measured(table, continents)), Ends.of(table.sites, continents)
    said = model.predict(ends, ends)
    assert said.shape == (len(LEVELS), len(table), len(table))
    assert (np.diff(said, axis=0) >= 0).all()
    assert (said[0] >= floor_of_km(great_circle_km(ends.unit, ends.unit))).all()


def test_one_level_is_what_it_is_among_all(table: TrainingTable, continents: dict[str, str]) -> None:
    """The median alone costs less, and is the same."""
    model, ends = LatencyModel().fit(measured(table, continents)), Ends.of(table.sites, continents)
    assert np.array_equal(model.predict(ends, ends, (0.5,))[0], model.predict(ends, ends)[LEVELS.index(0.5)])


def test_who_scatters_more_gets_a_wider_interval(table: TrainingTable, continents: dict[str, str]) -> None:
    """Paths of Brazil are made to scatter, all others to repeat."""
    wild = (table.sites.country == "BR")[:, None] | (table.sites.country == "BR")
    factor = np.where(wild, np.exp(np.random.default_rng(6).normal(0, 0.5, wild.shape)), 1.0)
    noisy = replace(table, rtt_ms=table.rtt_ms * factor)
    clients = Ends.of(Sites.of([-23, 40], [-47, -95], ["BR", "US"]), continents)
    model = LatencyModel().fit(measured(noisy, continents))
    low, high = model.predict(clients, Ends.of(EUROPE, continents), (0.05, 0.95))
    assert (high[0] / low[0] > 1.3 * high[1] / low[1]).all()


def test_a_provider_nobody_measured_counts_as_none(table: TrainingTable, continents: dict[str, str]) -> None:
    """Its POPs are predicted from where they are."""
    model, clients = LatencyModel().fit(measured(table, continents)), Ends.of(table.sites, continents)
    blank = replace(EUROPE, provider=np.array(["", ""]))
    named, unnamed = (model.predict(clients, Ends.of(sites, continents)) for sites in (EUROPE, blank))
    assert not np.array_equal(named[:, :, 0], unnamed[:, :, 0])
    assert np.array_equal(named[:, :, 1], unnamed[:, :, 1])


def test_it_is_a_scikit_learn_estimator() -> None:
    """Cloned by its parameters; says so when it was not fitted."""
    assert clone(LatencyModel(folds=7)).get_params()["folds"] == 7
    with pytest.raises(NotFittedError):
        LatencyModel().towards(Ends.of(EUROPE, {}))


def test_twice_as_far_is_hardly_ever_nearer(shipped: TrainingTable) -> None:
    """Nothing forces round trips to grow with the distance, and the measured ones do not always; these do."""
    model = LatencyModel().fit(measured(shipped, {}))
    clients = shipped.sites.take(np.arange(0, len(shipped), 20))
    lon = clients.lon[:, None] + 0.7 * 2.0 ** np.arange(7)  # along the parallel, an eighth of the way round
    there = Sites(np.repeat(clients.lat, 7), (lon.ravel() + 180) % 360 - 180, np.full(lon.size, ""))
    (said,) = model.predict(Ends.of(clients, {}), Ends.of(there, {}), (0.5,))
    own = said.reshape(len(clients), len(clients), 7)[np.arange(len(clients)), np.arange(len(clients))]
    assert (np.diff(own, axis=1) >= 0).mean() > 0.97
