"""GET /api/v1/sources on a real edge."""

import json
from pathlib import Path

from tests.itm.ops.harness import Served, play


def test_a_source_is_heard_through_whatever_took_it(tmp_path: Path) -> None:
    """Feed rows by their source, loads; the ages are in /metrics, too, and grow."""

    async def scenario(served: Served) -> None:
        now = served.clock.now
        common = {"pop": "tokyo", "network": "133.11.0.0/24", "metric": "rtt_ms", "value": 9}
        rows = [{**common, "time": now - 5, "source": "session"}, {**common, "time": now - 7}]
        rows.append({"pop": "paris", "metric": "load", "sessions": 1, "capacity": 2, "time": now - 3})
        await served.ops("POST", "/api/v1/feed", scope="feed", data="\n".join(map(json.dumps, rows)))
        answer = (await served.ops("GET", "/api/v1/sources")).json
        heard = {(one["source"], one["pop"]): (one["age_seconds"], one["stale"]) for one in answer["sources"]}
        assert heard == {
            ("session", "tokyo"): (5, False), ("feed", "tokyo"): (7, False), ("load", "paris"): (3, False),
        }  # fmt: skip
        rules = {rule["source"]: rule for rule in answer["rules"]}
        assert (rules["load"]["stale_after_seconds"], rules["load"]["then"][:9]) == (60, "not known")
        assert rules["rum"]["then"] == "fades: half its weight after 12 h, forgotten after 48 h"
        served.clock.now += 60
        lines = (await served.ops("GET", "/metrics")).text.splitlines()
        assert 'itm_source_age_seconds{source="load",pop="paris"} 63' in lines
        assert 'itm_source_stale{source="load",pop="paris"} 1' in lines
        assert 'itm_source_stale{source="feed",pop="tokyo"} 0' in lines
        pops = (await served.ops("GET", "/api/v1/pops")).json["pops"]
        assert [pop["load"] for pop in pops if pop["id"] == "paris"] == [None]

    play(tmp_path, scenario)
    assert json.loads((tmp_path / "sources.json").read_text())[0][:2] == ["feed", "tokyo"]
