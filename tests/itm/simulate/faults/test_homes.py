from __future__ import annotations

import numpy as np

from itm.simulate.faults import heldout
from itm.simulate.faults.ground import FOLDER
from itm.simulate.faults.heldout import cell_keys
from models.evaluate import folds
from tests.itm.simulate.faults.stand import recorded, small


def test_a_cell_belongs_to_clients_of_one_fold() -> None:
    """So its prediction can be made by a predictor that saw none of them."""
    known = recorded()
    folds_of_cell: dict[int, set[int]] = {}
    for home in known.homes:
        for place in home.places:
            folds_of_cell.setdefault(int(known.places.cell[place]), set()).add(home.fold)
    assert {len(own) for own in folds_of_cell.values()} == {1}
    held = folds(known.table)
    assert all(home.client.group in held[home.fold] for home in known.homes)


def test_a_place_belongs_to_one_client() -> None:
    """No place stands for two recorded clients."""
    places = [place for home in recorded().homes for place in home.places]
    assert len(places) == len(set(places))


def test_every_simulated_cell_has_a_prediction() -> None:
    """The shipped table covers all homes."""
    table = heldout.load(FOLDER / "heldout.csv.gz")
    ground = small()
    grid = table.grid(ground.places, [pop.id for pop in ground.catalog.pops])
    assert grid.shape == (3, len(cell_keys(ground.places)), 14)
    assert np.isfinite(grid).all()
    assert (np.diff(grid[:, 1:], axis=0) >= -0.11).all()
