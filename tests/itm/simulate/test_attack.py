from __future__ import annotations

from pathlib import Path

import pytest

from collectors import places as place_tables
from collectors.geography import continents
from itm.catalog.load import load_path
from itm.config import ROOT, Config
from itm.simulate.attack import ATTACKS, Field, Moved, as_text
from itm.simulate.clients import clients_of
from itm.steer.predict import predict_cells
from itm.steer.world import World
from models import training, world
from models.evaluate import fold_models

WORLD = ROOT / "data" / "world14"


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Moved]:
    """All attacks on twelve places of the bundled world, each with two dozen networks."""
    table = training.load(Path(Config().model.training))
    places = place_tables.load(Path(Config().geoip.places))
    here, catalog = continents(), load_path(WORLD)
    predictor, held = next(iter(fold_models(table, here)))
    clients = clients_of(table, world.load(WORLD / "pops.csv", table), places, None)
    own = [client for client in clients if client.group in set(held.tolist())][:12]
    predictions = predict_cells(predictor, places, catalog.pops, tmp_path_factory.mktemp("predictions"))
    field = Field(World(catalog, 1, places, here, predictions, ""), own, 0)
    return {attack.name: field.run(attack) for attack in ATTACKS}


@pytest.mark.long
def test_a_tenth_of_liars_everywhere_moves_less_than_one_per_cent(found: dict[str, Moved]) -> None:
    """Whatever they say, and all of it together: fast, slow, unreachable, with and without a token."""
    everywhere = {name: moved for name, moved in found.items() if name.startswith("10 %")}
    assert len(everywhere) == 6
    assert all(moved.demand < 0.01 for moved in everywhere.values()), as_text(list(found.values()))


@pytest.mark.long
def test_liars_inside_one_as_move_that_as_alone(found: dict[str, Moved]) -> None:
    """A quarter of its users lie: no network of another AS is answered differently."""
    assert [m.outside for name, m in found.items() if "one AS" in name] == [0, 0]


@pytest.mark.long
def test_a_flood_from_one_prefix_changes_nothing(found: dict[str, Moved]) -> None:
    """Half a million records of 250 clients: nobody else moves, and the memory they take is small."""
    flood = found["a flood from one /24"]
    assert flood.records == 250 * 200 * 4
    assert flood.outside == 0
    assert flood.memory_bytes < 4 << 20
