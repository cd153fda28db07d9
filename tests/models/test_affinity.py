from __future__ import annotations

import numpy as np

from models.affinity import affinity
from models.features import Ends
from models.sites import Sites


def ends(*sites: tuple[float, float, str]) -> Ends:
    lat, lon, provider = zip(*sites, strict=True)
    return Ends.of(Sites.of(lat, lon, [""] * len(sites), provider), {})


def test_the_near_are_more_alike_than_the_far() -> None:
    """A city, its country, its continent, the world."""
    one = ends((52.4, 4.9, ""))
    alike = affinity(
        one, ends((52.4, 4.9, ""), (51.9, 4.5, ""), (50.1, 8.7, ""), (41, 29, ""), (-34, 151, ""))
    )
    assert (np.diff(alike[0]) < 0).all()


def test_machines_of_one_cloud_are_more_alike_everywhere() -> None:
    """Next door and on the other side of the Earth; being in no cloud counts next door only."""
    sites = ends((52, 5, "aws"), (52, 6, "aws"), (52, 6, "gcp"), (-34, 151, "aws"), (-34, 151, "gcp"))
    alike = affinity(sites, sites)
    assert alike[0, 1] > alike[0, 2]
    assert alike[0, 3] > alike[0, 4]
    nobody = ends((52, 5, ""), (52, 6, ""), (-34, 151, ""))
    assert affinity(nobody, nobody)[0, 1] == alike[0, 1] - 0.1
    assert affinity(nobody, nobody)[0, 2] < alike[0, 3]


def test_it_is_a_covariance() -> None:
    """Symmetric, and positive definite on any set of places."""
    random = np.random.default_rng(5)
    sites = Sites(
        random.uniform(-80, 80, 100),
        random.uniform(-180, 180, 100),
        np.full(100, ""),
        random.choice(np.array(["", "aws", "gcp"]), 100),
    )
    alike = affinity(Ends.of(sites, {}), Ends.of(sites, {}))
    assert np.array_equal(alike, alike.T)
    assert np.linalg.eigvalsh(alike).min() > 0
