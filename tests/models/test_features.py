from __future__ import annotations

import numpy as np

from models.features import COLUMNS, Ends, pair_features
from models.sites import Sites

CONTINENTS = {"NL": "EU", "DE": "EU", "US": "NA"}
SITES = Sites.of([52, 50, 39, 10], [5, 9, -95, 10], ["NL", "DE", "US", ""])


def column(features: np.ndarray, name: str) -> np.ndarray:
    return features.reshape(4, 4, -1)[:, :, COLUMNS.index(name)]


def test_rows_are_clients_outermost() -> None:
    """Row i * m + j is client i with server j."""
    ends = Ends.of(SITES, CONTINENTS)
    pairs = pair_features(ends, ends.take(slice(0, 2)))
    assert pairs.features[:, 0].tolist() == [52, 52, 50, 50, 39, 39, 10, 10]
    assert pairs.features[:, 2].tolist() == [52, 50] * 4
    assert pairs.floor.shape == (4, 2)


def test_flags_tell_country_and_continent_apart() -> None:
    """NL and DE share the continent only."""
    ends = Ends.of(SITES, CONTINENTS)
    features = pair_features(ends, ends).features
    assert column(features, "same_country")[0].tolist() == [1, 0, 0, 0]
    assert column(features, "same_continent")[0].tolist() == [1, 1, 0, 0]


def test_unknown_countries_are_equal_to_nothing() -> None:
    """Two sites without a country do not share one."""
    ends = Ends.of(SITES, CONTINENTS)
    features = pair_features(ends, ends).features
    assert column(features, "same_country")[3, 3] == 0
    assert column(features, "same_continent")[3, 3] == 0


def test_the_distance_is_the_same_in_both_directions() -> None:
    """It does not depend on who asks."""
    ends = Ends.of(SITES, CONTINENTS)
    km = column(pair_features(ends, ends).features, "km")
    assert np.array_equal(km, km.T)


def test_other_providers_count_as_none() -> None:
    """Only those named stay."""
    sites = Sites.of([52, 50, 39], [5, 9, -95], ["NL", "DE", "US"], ["aws", "azure", ""])
    assert Ends.of(sites, CONTINENTS).of_providers(["aws"]).provider.tolist() == ["aws", "", ""]
