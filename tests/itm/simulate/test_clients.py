from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from collectors import places as place_tables
from collectors.network import Network
from itm.config import ROOT, Config
from itm.errors import ItmError
from itm.simulate.clients import Identity, clients_of, read_identities
from models import training, world
from models.training import TrainingTable
from models.world import World


@pytest.fixture(scope="module")
def table() -> TrainingTable:
    return training.load(Path(Config().model.training))


@pytest.fixture(scope="module")
def fourteen(table: TrainingTable) -> World:
    return world.load(ROOT / "data" / "world14" / "pops.csv", table)


@pytest.fixture(scope="module")
def places() -> place_tables.PlaceTable:
    return place_tables.load(Path(Config().geoip.places))


def test_every_client_has_all_round_trips_and_a_network_of_its_own(
    table: TrainingTable, fourteen: World, places: place_tables.PlaceTable
) -> None:
    """Without identities each client sits in its country, in a network nobody else has."""
    clients = clients_of(table, fourteen, places, None)
    assert len(clients) == 266
    assert len({c.network for c in clients}) == len(clients)
    assert all(len(c.rtt_ms) == 14 and min(c.rtt_ms) > 0 for c in clients)
    countries = [places.countries[places.country[places.place_of(c.network)]] for c in clients]
    assert countries == [str(table.sites.country[c.node]) for c in clients]


def test_a_recorded_address_is_used_and_an_as_looked_up(
    table: TrainingTable, fourteen: World, places: place_tables.PlaceTable
) -> None:
    """With an address a client asks from its own /24; with an AS only, from a network of that AS if near."""
    nodes = len(table)
    first = clients_of(table, fourteen, places, None)[0]
    own_as = int(places.asn[places.place_of(first.network)])
    identities = [Identity("", 0)] * nodes
    identities[first.node] = Identity("198.51.100.7", 0)
    assert clients_of(table, fourteen, places, identities)[0].network == Network.of("198.51.100.0/24")
    identities[first.node] = Identity("", own_as)
    found = clients_of(table, fourteen, places, identities)[0]
    assert int(places.asn[places.place_of(found.network)]) == own_as


def test_a_foreign_source_is_refused(table: TrainingTable, tmp_path: Path) -> None:
    """Identities of other recordings than the table's are an error, not a wrong mapping."""
    with pytest.raises(ItmError, match="--source: "):
        read_identities(tmp_path, table)
    (tmp_path / "nodes.csv").write_text("id,country,lat,lon,asn,ipv4\n1,JP,35,139,2501,133.11.0.1\n")
    with pytest.raises(ItmError, match="is not what data/training was derived from"):
        read_identities(tmp_path, table)
    assert np.isfinite(table.sites.lat).all()
