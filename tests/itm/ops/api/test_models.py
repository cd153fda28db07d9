"""GET /api/v1/model/drift on a real edge: the file of the builder, an alarm and metrics."""

import json
from pathlib import Path

from tests.itm.cli.test_drift import DRIFTED, FEW, REFUSED
from tests.itm.ops.harness import Served, play


def test_a_predictor_that_drifted_is_an_alarm(tmp_path: Path) -> None:
    """404 before a build; while there are too few places nothing is claimed."""

    async def scenario(served: Served) -> None:
        assert (await served.ops("GET", "/api/v1/model/drift")).status == 404
        assert (await served.ops("GET", "/api/v1/alarms")).json["model"] == []
        (tmp_path / "drift.json").write_text(json.dumps(FEW))
        assert (await served.ops("GET", "/api/v1/alarms")).json["model"] == []
        lines = (await served.ops("GET", "/metrics")).text.splitlines()
        assert "itm_model_places 120" in lines
        assert not any(line.startswith("itm_model_drifted ") for line in lines)
        (tmp_path / "drift.json").write_text(json.dumps(DRIFTED))
        assert (await served.ops("GET", "/api/v1/model/drift")).json == {**DRIFTED, "retraining": {}}
        assert (await served.ops("GET", "/api/v1/alarms")).json["model"] == DRIFTED["reasons"]
        lines = (await served.ops("GET", "/metrics")).text.splitlines()
        assert {
            "itm_model_drifted 1", "itm_model_error_ms 4.25",
            "itm_model_regret_ms 0.8", "itm_model_nearest_ms 4.6",
        } <= set(lines)  # fmt: skip
        assert "itm_model_retraining_failed 0" in lines
        (tmp_path / "retrain").mkdir()
        (tmp_path / "retrain" / "last.json").write_text(json.dumps(REFUSED))
        assert (await served.ops("GET", "/api/v1/model/drift")).json == {**DRIFTED, "retraining": REFUSED}
        alarms = (await served.ops("GET", "/api/v1/alarms")).json["model"]
        assert alarms == [*DRIFTED["reasons"], "retraining refused: held out: worse"]
        assert "itm_model_retraining_failed 1" in (await served.ops("GET", "/metrics")).text.splitlines()

    play(tmp_path, scenario)
