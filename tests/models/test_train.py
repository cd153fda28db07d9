from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest

from models import train as training
from models.artifact import Predictor
from models.errors import ModelRefused, TrainingError
from models.latency import LatencyModel
from models.train import check, data_digest, load_or_train, train
from models.training import TrainingTable


def write(table: TrainingTable, directory: Path) -> Path:
    """Write a table as its two files."""
    nodes = ["node,lat,lon,country,continent,group,role,cloud,geoip_lat,geoip_lon,geoip_country"]
    for node, (lat, lon) in enumerate(zip(table.sites.lat, table.sites.lon, strict=True)):
        role = "server" if table.is_server[node] else "client"
        country, cloud = table.sites.country[node], table.sites.provider[node]
        geoip = f"{table.geoip.lat[node]},{table.geoip.lon[node]},{country}"
        nodes.append(f"{node},{lat},{lon},{country},EU,{table.group[node]},{role},{cloud},{geoip}")
    known = np.argwhere(np.isfinite(table.rtt_ms))
    pairs = ["client,server,rtt_ms", *(f"{i},{j},{table.rtt_ms[i, j]}" for i, j in known)]
    directory.mkdir()
    (directory / "nodes.csv").write_text("\n".join(nodes) + "\n")
    (directory / "pairs.csv.gz").write_bytes(gzip.compress(("\n".join(pairs) + "\n").encode()))
    return directory


def test_the_first_start_trains_and_the_second_loads(
    table: TrainingTable, continents: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same predictor, of the first start's date."""
    folder, artifact = write(table, tmp_path / "training"), tmp_path / "state" / "predictor.skops"
    first = load_or_train(folder, artifact, continents, clock=lambda: 100.0)
    monkeypatch.setattr(training, "train", None)
    second = load_or_train(folder, artifact, continents, clock=lambda: 200.0)
    assert (first.digest, first.trained_at) == (second.digest, second.trained_at) == (first.digest, 100.0)


def test_a_damaged_artifact_is_trained_anew(
    table: TrainingTable, continents: dict[str, str], tmp_path: Path
) -> None:
    """And replaced by a good one."""
    folder, artifact = write(table, tmp_path / "training"), tmp_path / "predictor.skops"
    artifact.write_bytes(b"damaged")
    fresh = load_or_train(folder, artifact, continents, clock=lambda: 100.0)
    assert load_or_train(folder, artifact, continents, clock=lambda: 200.0).trained_at == fresh.trained_at


def test_a_model_no_better_than_nearest_writes_nothing(
    straight_table: TrainingTable, continents: dict[str, str], tmp_path: Path
) -> None:
    """Where the nearest is always the best, there is nothing to win."""
    folder, artifact = write(straight_table, tmp_path / "training"), tmp_path / "predictor.skops"
    with pytest.raises(ModelRefused, match=r"nearest 0\.00 ms"):
        load_or_train(folder, artifact, continents)
    assert not artifact.exists()


def test_a_missing_table_is_an_error(continents: dict[str, str], tmp_path: Path) -> None:
    """Not a traceback."""
    with pytest.raises(TrainingError, match=r"nodes\.csv"):
        load_or_train(tmp_path, tmp_path / "predictor.skops", continents)


def test_the_digest_covers_table_geography_and_parameters(
    table: TrainingTable, continents: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Any of them makes another artifact."""
    digest = data_digest(table, continents)
    assert digest == data_digest(table, dict(reversed(continents.items())))
    assert digest != data_digest(table, continents | {"KZ": "EU"})
    monkeypatch.setattr(training, "LatencyModel", lambda: LatencyModel(folds=3))
    assert digest != data_digest(table, continents)


def test_training_twice_gives_the_same_predictor(table: TrainingTable, continents: dict[str, str]) -> None:
    """Nothing random is left in it."""
    one: Predictor = train(table, continents, clock=lambda: 1.0)
    other: Predictor = train(table, continents, clock=lambda: 2.0)
    assert one.digest == other.digest
    assert check(table, continents).by_name["model"].regret_ms < 5
