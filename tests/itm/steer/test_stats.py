from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

from itm.steer.stats import Stats

STATS = Stats(
    builds=3,
    map_version=2,
    build_seconds=0.5,
    built_at=1000.0,
    rows=7,
    resolvers=2,
    counted=9,
    own_only=1,
    refused={"malformed": 1},
    deltas={"counted": 3},
    cells=4,
    plan={"class 0": {"moved_share": 0.1}},
)


def test_stats_are_one_json_object(tmp_path: Path) -> None:
    """Every field by its name, replacing what stood there; nothing else is left in the directory."""
    path = tmp_path / "builder.json"
    path.write_text("old")
    STATS.write(path)
    assert json.loads(path.read_text()) == asdict(STATS)
    assert list(tmp_path.iterdir()) == [path]
