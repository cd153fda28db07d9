from __future__ import annotations

import gzip
import importlib.util
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from models.training import load
from models.world import load as load_world

SCRIPT = Path(__file__).resolve().parents[2] / "data" / "derive_training.py"
NODES = """id,city,country,continent,lat,lon,asn,ipv4,cloud,group,role
9001,Utrecht,NL,EU,52.0907,5.1214,64500,192.0.2.1,,AS64500,client
9003,Frankfurt,DE,EU,50.1085,8.6805,64501,192.0.2.2,aws,AS64501,server
9002,Berlin,DE,EU,52.5200,13.4050,,,,DE:Berlin,client
"""
PAIRS = "client_probe,server_probe,min_rtt_ms\n9001,9003,8.531542\n9002,9001,15.000001\n"
GEOIP = {
    "192.0.2.1": {"location": {"latitude": 51.92, "longitude": 4.48}, "country": {"iso_code": "NL"}},
    "192.0.2.2": {"country": {"iso_code": "DE"}},
}
POPS = "pop,provider,server_probe,city,lat,lon\nw-eu,aws,9003,Frankfurt,50.1085,8.6805\n"


@pytest.fixture
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("derive_training", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "source"
    folder.mkdir()
    (folder / "nodes.csv").write_text(NODES)
    (folder / "min_rtt.csv.gz").write_bytes(gzip.compress(PAIRS.encode()))
    (folder / "pops14.csv").write_text(POPS)
    return folder


def test_no_identity_leaves_the_source(script: ModuleType, source: Path, tmp_path: Path) -> None:
    """No id, address, AS number or city of a node, and no coordinate finer than 0.1 degree."""
    script.derive(source, GEOIP, tmp_path)
    written = (tmp_path / "training" / "nodes.csv").read_text()
    written += gzip.decompress((tmp_path / "training" / "pairs.csv.gz").read_bytes()).decode()
    written += (tmp_path / "world14" / "pops.csv").read_text()
    for secret in ("9001", "9002", "9003", "192.0.2", "6450", "Utrecht", "Berlin", "52.09", "8.68", "51.92"):
        assert secret not in written


def test_the_tables_load_and_mean_the_same(script: ModuleType, source: Path, tmp_path: Path) -> None:
    """Who measured whom survives the numbering."""
    script.derive(source, GEOIP, tmp_path)
    table = load(tmp_path / "training")
    world = load_world(tmp_path / "world14" / "pops.csv", table)
    server, client = int(world.node[0]), table.sites.lon.tolist().index(5.1)
    assert (world.pops, table.sites.lat[server]) == (("w-eu",), 50.1)
    assert table.rtt_ms[client, server] == 8.53
    assert len(set(table.group.tolist())) == 3
    assert table.sites.provider[server] == "aws"


def test_a_node_bears_where_geoip_puts_its_address(script: ModuleType, source: Path, tmp_path: Path) -> None:
    """To 0.1 degree; nothing where the table knows no position, or where the address is not known."""
    script.derive(source, GEOIP, tmp_path)
    table = load(tmp_path / "training")
    geoip = table.geoip.take(np.flatnonzero(table.sites.lon == 5.1))
    assert (geoip.lat[0], geoip.lon[0], geoip.country[0]) == (51.9, 4.5, "NL")
    assert table.geoip.is_placed.sum() == 1


def test_the_same_source_gives_the_same_bytes(script: ModuleType, source: Path, tmp_path: Path) -> None:
    """So that the digest of the training table names the data."""
    script.derive(source, GEOIP, tmp_path / "a")
    script.derive(source, GEOIP, tmp_path / "b")
    for name in ("training/nodes.csv", "training/pairs.csv.gz", "world14/pops.csv"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
