import asyncio
import json
from pathlib import Path

from itm.ops import readiness
from tests.itm.ops.api.test_maps import publish
from tests.itm.ops.harness import FILES, Served, make_live, play


def test_ready_means_that_queries_get_steered_answers(tmp_path: Path) -> None:
    """Each missing part is a fault of its own name until it is there: map, worker, the worker's map."""

    async def scenario(served: Served) -> None:
        edge, stats = served.now.edge, tmp_path / "dns-0.json"
        assert readiness.check(edge) == {
            "map": "no map was published yet", "dns": "0 of 1 DNS workers report",
        }  # fmt: skip
        publish(tmp_path, 1)
        stats.write_text(json.dumps({"time": served.clock.now, "map_version": None}))
        assert readiness.check(edge) == {"dns": "1 DNS workers have no map yet"}
        stats.write_text(json.dumps({"time": served.clock.now, "map_version": 1}))
        assert readiness.check(edge) == {}
        assert (await served.ops("GET", "/readyz")).json == {"ready": True, "faults": {}}
        publish(tmp_path, 2)  # followed within a second; until then map 1 answers
        assert readiness.check(edge) == {}
        served.clock.now += readiness.STALE_SECONDS + 1
        assert readiness.check(edge) == {"dns": "0 of 1 DNS workers report"}

    play(tmp_path, scenario)


def test_the_edge_itself_must_have_the_catalog(tmp_path: Path) -> None:
    """Not only the store: until the edge has read it, sessions get no plan and feeds are refused."""

    async def scenario(served: Served) -> None:
        edge = served.now.edge
        assert edge.live.now.number == 0
        assert set(readiness.check(edge)) == {"store", "map", "dns"}
        version = make_live(edge.engine, FILES, served.clock.now)  # which the edge reads within half a second
        assert set(readiness.check(edge)) == {"catalog", "map", "dns"}
        for _ in range(1000):
            if "catalog" not in readiness.check(edge):
                break
            await asyncio.sleep(0.02)
        assert edge.live.now.number == version
        assert len((await served.public("POST", "/rum/v1/session")).json["probes"]) == 2

    play(tmp_path, scenario, files=None)
