import json
from pathlib import Path

from tests.itm.ops.harness import Served, play

DRIFT = {"place": "JP, AS2516, square 5", "pop": "paris", "usual_ms": 250.0, "now_ms": 190.0}


def test_drifts_are_listed_and_counted(tmp_path: Path) -> None:
    """What the builder noticed; nothing before it ever reported."""

    async def scenario(served: Served) -> None:
        assert (await served.ops("GET", "/api/v1/alarms")).json == {"drifts": [], "model": []}
        report = {"builds": 1, "drifts": [DRIFT]}
        (served.now.edge.config.state_dir / "builder.json").write_text(json.dumps(report))
        assert (await served.ops("GET", "/api/v1/alarms")).json == {"drifts": [DRIFT], "model": []}
        assert "itm_drift_alarms 1" in (await served.ops("GET", "/metrics")).text

    play(tmp_path, scenario)
