from __future__ import annotations

import gzip
import importlib.util
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from itm.simulate import hourly

SCRIPT = Path(__file__).resolve().parents[2] / "data" / "derive_hourly.py"
NODES = "id,anchor_id,city,country,latitude,longitude,fqdn,ipv4,measurement_id\n"


@pytest.fixture
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("derive_hourly", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_hours_of_clients_come_out_without_ids_and_names(
    script: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """POPs are the nodes nearest to the cities, the others clients; a missing direction is the other one."""
    monkeypatch.setattr(script, "CITIES", {"made": {"one": (50.0, 8.0)}})
    rows = [("7", 50.04, 8.0), ("9", 52.0, 5.0), ("8", 51.0, 6.0)]
    nodes = "".join(f"{i},1,City,Country,{lat},{lon},secret.example,192.0.2.{i},5\n" for i, lat, lon in rows)
    (tmp_path / "made_nodes.csv").write_text(NODES + nodes)
    values = "time,source_id,target_id,rtt\n2,8,7,3.14\n1,7,8,2.26\n1,8,7,\n1,9,7,9\n1,8,9,5\n"
    (tmp_path / "made_rtt.csv.gz").write_bytes(gzip.compress(values.encode()))
    script.derive("made", tmp_path, tmp_path / "out")
    found = hourly.load("made", tmp_path / "out")
    assert found.pops.tolist() == [[50.0, 8.0]]
    assert found.clients.tolist() == [[51.0, 6.0], [52.0, 5.0]]
    assert np.array_equal(found.rtt_ms, [[[2.3], [9.0]], [[3.1], [np.nan]]], equal_nan=True)
    assert "secret" not in (tmp_path / "out" / "made-nodes.csv").read_text()


@pytest.mark.parametrize(("region", "shape"), [("europe", (24, 135, 8)), ("us", (169, 16, 6))])
def test_the_hours_that_ship(region: str, shape: tuple[int, int, int]) -> None:
    """A day of Europe, a week of the United States; nearly every client measured every POP every hour."""
    found = hourly.load(region)
    assert found.rtt_ms.shape == shape
    assert np.isfinite(found.rtt_ms).mean() > 0.9
    assert np.nanmin(found.rtt_ms) > 0
