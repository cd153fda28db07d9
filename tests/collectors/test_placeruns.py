from pathlib import Path

import numpy as np
import pytest

from collectors import placeruns
from collectors.errors import ArraysError
from collectors.network import Network
from tests.collectors.test_places import small_table


def test_the_runs_say_what_the_table_says(tmp_path: Path):
    """In both families, at borders and between them."""
    table = small_table()
    placeruns.save(table, tmp_path / "runs")
    runs = placeruns.load(tmp_path / "runs")
    assert (runs.digest, runs.places) == (table.digest, len(table))
    rng = np.random.default_rng(1)
    for family, bits, start in ((4, 24, table.v4_start), (6, 48, table.v6_start)):
        units = {int(u) + step for u in start for step in (-1, 0, 1)} | set(
            map(int, rng.integers(0, 1 << bits, 50))
        )
        for unit in units:
            if 0 <= unit < 1 << bits:
                network = Network(family, unit)
                assert runs.place_of(network) == table.place_of(network)


def test_what_is_no_file_of_runs_is_refused(tmp_path: Path):
    """Missing, empty, foreign, damaged: with the file's name, and nothing half read."""
    path = tmp_path / "runs"
    with pytest.raises(FileNotFoundError):
        placeruns.load(path)
    placeruns.save(small_table(), path)
    whole = path.read_bytes()
    for content in (b"", b"rubbish", whole[:-1], whole[:200] + b"\xff" + whole[201:]):
        path.write_bytes(content)
        with pytest.raises(ArraysError, match="runs: "):
            placeruns.load(path)
