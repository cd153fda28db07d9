from __future__ import annotations

from dataclasses import replace

import numpy as np

from itm.catalog.types import Location
from itm.steer.sites import Site, sites_of
from tests.itm.steer.worlds import AMERICA, DUTCH, cells, world

HOME = Location("home", "US", 37.4, -122.1, network="8.8.8.0/24")
UNNAMED = Location("branch", "NL", 52.4, 4.9)
LEG = np.array([150, 155, 85, 7], dtype=np.float32)


def test_only_networks_that_locations_name_are_kept() -> None:
    """By POP; what a POP that is in no catalog measured is left out, and wider rungs are no site."""
    rows = [
        (AMERICA, "network", "ash", 9.0, 12.0, 1),
        (AMERICA, "network", "gone", 1.0, 12.0, 1),
        (AMERICA, "place", "ams", 1.0, 12.0, 9),
        (DUTCH, "network", "ams", 1.0, 12.0, 1),
    ]
    w = replace(world(), leg_predictions={HOME: np.stack([LEG] * 3), UNNAMED: np.stack([LEG] * 3)})
    (site,) = sites_of(cells(*rows), w).values()
    assert site.n.tolist() == [0, 0, 0, 12]
    assert site.p25[3] == 9


def test_measurements_are_shrunk_towards_what_was_believed() -> None:
    """Few say little, fewer than three nothing; many replace it."""
    n = np.array([0, 2, 3, 200], dtype=np.float32)
    p25 = np.array([np.nan, 10, 170, 70], dtype=np.float32)
    assert np.allclose(Site(n, p25).shrunk(LEG), [150, 155, 128.8, 68.4], atol=0.1)
