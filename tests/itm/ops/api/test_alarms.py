import json
from pathlib import Path

from tests.itm.ops.harness import Served, play

DRIFT = {"place": "JP, AS2516, square 5", "pop": "paris", "usual_ms": 250.0, "now_ms": 190.0}
SILENCE = {"seconds": 7200.0, "weight": 0.89}
STEP = {"step": "own:night", "fault": "took longer than 5 s", "rows": 0, "seconds": 5.1}


def test_drifts_are_listed_and_counted(tmp_path: Path) -> None:
    """What the builder noticed; nothing before it ever reported."""

    async def scenario(served: Served) -> None:
        assert (await served.ops("GET", "/api/v1/alarms")).json == {
            "drifts": [],
            "silence": None,
            "model": [],
            "own_steps": [],
            "canaries": [],
        }
        steps = [STEP, STEP | {"step": "own:sound", "fault": ""}]
        report = {"builds": 1, "drifts": [DRIFT], "silence": SILENCE, "own_steps": steps}
        (served.now.edge.config.state_dir / "builder.json").write_text(json.dumps(report))
        assert (await served.ops("GET", "/api/v1/alarms")).json == {
            "drifts": [DRIFT],
            "silence": SILENCE,
            "model": [],
            "own_steps": [STEP],
            "canaries": [],
        }
        metrics = (await served.ops("GET", "/metrics")).text
        assert "itm_drift_alarms 1" in metrics
        assert "itm_silent_seconds 7200" in metrics
        assert 'itm_own_step_runs{step="own:night"} 0' in metrics
        assert 'itm_own_step_runs{step="own:sound"} 1' in metrics
        assert 'itm_own_step_seconds{step="own:night"} 5.1' in metrics

    play(tmp_path, scenario)
