from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest

from models.errors import TrainingError
from models.training import NODE_COLUMNS, NODES, PAIRS, TrainingTable, load

NODE_LINES = [
    "node,lat,lon,country,continent,group,role,cloud,geoip_lat,geoip_lon,geoip_country",
    "0,52.4,4.9,NL,EU,0,client,,52.1,5.1,NL",
    "1,50.1,8.7,DE,EU,1,server,aws,,,",
    "2,25.1,55.2,AE,AS,2,client,,,,",
]
PAIR_LINES = ["client,server,rtt_ms", "0,1,8.5", "1,0,9.5", "2,1,110.0"]


def write(directory: Path, nodes: list[str], pairs: list[str]) -> Path:
    (directory / NODES).write_text("\n".join(nodes) + "\n")
    (directory / PAIRS).write_bytes(gzip.compress(("\n".join(pairs) + "\n").encode()))
    return directory


def test_a_missing_direction_holds_its_reverse(tmp_path: Path) -> None:
    """Measured directions stay as they are; what nobody measured is NaN."""
    table = load(write(tmp_path, NODE_LINES, PAIR_LINES))
    nan = np.nan
    expected = [[nan, 8.5, nan], [9.5, nan, 110.0], [nan, 110.0, nan]]
    assert np.array_equal(table.rtt_ms, expected, equal_nan=True)
    assert table.is_server.tolist() == [False, True, False]


def test_nodes_bear_their_cloud_and_where_geoip_puts_them(tmp_path: Path) -> None:
    """Empty where the address is not known."""
    table = load(write(tmp_path, NODE_LINES, PAIR_LINES))
    assert table.sites.provider.tolist() == ["", "aws", ""]
    assert (table.geoip.lat[0], table.geoip.country[0]) == (52.1, "NL")
    assert table.geoip.is_placed.tolist() == [True, False, False]


def test_every_reason_comes_at_once(tmp_path: Path) -> None:
    """With its file, its line and what was expected."""
    nodes = [*NODE_LINES[:2], "1,95,8.7,DE,EU,1,server,,,,", "3,25.1,55.2,ae,AS,2,client,,,,"]
    pairs = [*PAIR_LINES, "0,9,1.0", "1,1,1.0", "0,2,fast"]
    with pytest.raises(TrainingError) as caught:
        load(write(tmp_path, nodes, pairs))
    assert caught.value.reasons == (
        "nodes.csv: line 3: lat: expected a number from -90 to 90, got '95'",
        "nodes.csv: line 4: expected node 2, got '3'",
        "pairs.csv.gz: line 5: server: expected a number from 0 to 2, got '9'",
        "pairs.csv.gz: line 6: node 1 paired with itself",
        "pairs.csv.gz: line 7: rtt_ms: expected a number from 0 to 60000, got 'fast'",
    )


def test_damaged_files_are_named(tmp_path: Path) -> None:
    """A missing table and a truncated archive are both reported."""
    write(tmp_path, NODE_LINES, PAIR_LINES)
    (tmp_path / NODES).unlink()
    (tmp_path / PAIRS).write_bytes((tmp_path / PAIRS).read_bytes()[:-9])
    with pytest.raises(TrainingError) as caught:
        load(tmp_path)
    assert [reason.partition(":")[0] for reason in caught.value.reasons] == [NODES, PAIRS]


def test_other_columns_are_refused(tmp_path: Path) -> None:
    """The header is part of the format."""
    with pytest.raises(TrainingError, match=r"nodes\.csv: line 1: expected the columns node,lat,lon"):
        load(write(tmp_path, ["node,lat", "0,1"], PAIR_LINES))


def test_the_digest_changes_with_the_data(tmp_path: Path) -> None:
    """One more measurement is another table."""
    first = load(write(tmp_path, NODE_LINES, PAIR_LINES)).digest
    assert first == load(tmp_path).digest
    assert first != load(write(tmp_path, NODE_LINES, [*PAIR_LINES, "0,2,120.0"])).digest


def test_the_shipped_table_is_small_and_anonymous(shipped: TrainingTable) -> None:
    """At most 2 MB; coordinates to 0.1 degree; no column for an address, an id or a name."""
    folder = Path(__file__).resolve().parents[2] / "data" / "training"
    assert sum(path.stat().st_size for path in folder.iterdir()) <= 2_000_000
    for degrees in (shipped.sites.lat, shipped.sites.lon):
        assert np.array_equal(degrees, np.round(degrees, 1))
    own = {"node", "lat", "lon", "country", "continent", "group", "role", "cloud"}
    assert set(NODE_COLUMNS) == own | {"geoip_lat", "geoip_lon", "geoip_country"}
    placed = shipped.geoip.take(np.flatnonzero(shipped.geoip.is_placed))
    assert np.array_equal(placed.lat, np.round(placed.lat, 1))
    assert len(placed) == 262
    assert len(shipped) == 428
    assert np.isfinite(shipped.rtt_ms).sum() == 166_358
