from __future__ import annotations

from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from collectors import places as place_tables
from collectors.geography import continents
from itm.catalog.load import load_path
from itm.config import ROOT, Config
from itm.simulate.beacons import outcomes
from itm.simulate.clients import clients_of
from itm.steer.predict import predict_cells
from itm.steer.world import World
from models import training, world
from models.evaluate import fold_models

WORLD = ROOT / "data" / "world14"


@pytest.mark.long
def test_after_twenty_beacons_of_every_pop_half_a_millisecond_is_lost(tmp_path: Path) -> None:
    """The networks of a fold that the predictor never saw, each of five addresses, through the real code."""
    table = training.load(Path(Config().model.training))
    places = place_tables.load(Path(Config().geoip.places))
    here, catalog = continents(), load_path(WORLD)
    clients = clients_of(table, world.load(WORLD / "pops.csv", table), places, None)
    predictor, held = next(islice(fold_models(table, here), 1, None))
    own = [client for client in clients if client.group in set(held.tolist())]
    predictions = predict_cells(predictor, places, catalog.pops, tmp_path)
    found = outcomes(World(catalog, 1, places, here, predictions, ""), own, 0, (0, 20))
    before, after = (np.mean([o.regret_ms for o in found if o.beacons == stage]) for stage in (0, 20))
    assert after <= 0.5
    assert after < before / 2
