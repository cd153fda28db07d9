from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from models.errors import TrainingError
from models.training import TrainingTable
from models.world import load

WORLD14 = Path(__file__).resolve().parents[2] / "data" / "world14" / "pops.csv"


def test_the_shipped_world_stands_on_servers(shipped: TrainingTable) -> None:
    """Fourteen POPs, each within 0.1 degree of its node."""
    world = load(WORLD14, shipped)
    assert len(world.pops) == len(set(world.node.tolist())) == 14
    assert shipped.is_server[world.node].all()
    rows = np.genfromtxt(WORLD14, delimiter=",", skip_header=1, usecols=(4, 5))
    assert np.abs(rows[:, 0] - shipped.sites.lat[world.node]).max() <= 0.1
    assert np.abs(rows[:, 1] - shipped.sites.lon[world.node]).max() <= 0.1


def test_every_wrong_line_is_named(tmp_path: Path, table: TrainingTable) -> None:
    """A client is no POP, and neither is a node that does not exist."""
    path = tmp_path / "pops.csv"
    path.write_text("pop,node\na,0\nb,1\nc,999\n")
    with pytest.raises(TrainingError) as caught:
        load(path, table)
    assert [reason.split(": ")[1] for reason in caught.value.reasons] == ["line 3", "line 4"]


def test_a_missing_world_is_an_error(tmp_path: Path, table: TrainingTable) -> None:
    """So is an empty one."""
    with pytest.raises(TrainingError, match="No such file"):
        load(tmp_path / "none.csv", table)
    (tmp_path / "empty.csv").write_text("pop,node\n")
    with pytest.raises(TrainingError, match="at least one POP"):
        load(tmp_path / "empty.csv", table)
