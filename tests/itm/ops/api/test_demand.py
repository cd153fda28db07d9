"""GET /api/v1/demand on a real edge: the file of the builder, as it is."""

import json
from pathlib import Path

from tests.itm.cli.test_demand import ANSWER
from tests.itm.ops.harness import Served, play


def test_the_census_is_what_the_builder_wrote(tmp_path: Path) -> None:
    """404 before that; the sums are in /metrics, too."""

    async def scenario(served: Served) -> None:
        assert (await served.ops("GET", "/api/v1/demand")).status == 404
        assert "itm_demand_clients 30" not in (await served.ops("GET", "/metrics")).text
        (tmp_path / "demand.json").write_text(json.dumps(ANSWER))
        assert (await served.ops("GET", "/api/v1/demand")).json == ANSWER
        lines = (await served.ops("GET", "/metrics")).text.splitlines()
        assert {
            "itm_demand_networks 2", "itm_demand_clients 30", "itm_demand_addresses_share 0.995",
            'itm_demand_queries{service="gw.example."} 310', "itm_demand_lost 0",
        } <= set(lines)  # fmt: skip

    play(tmp_path, scenario)
