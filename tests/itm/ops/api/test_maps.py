from pathlib import Path
from unittest.mock import AsyncMock, patch

import numpy as np

from itm.ops.api.maps import builder_report, hold_pin
from itm.ops.aside import Aside
from itm.routemap import current, snapshot
from itm.routemap.routemap import ClassMap, PopAnswer, RouteMap, ServiceAnswer
from itm.routemap.table import PrefixTable
from itm.steer.kept import difference
from tests.itm.ops.harness import Served, play


def publish(state: Path, version: int) -> None:
    """Publish a map that sends everyone to the first POP."""
    one = ClassMap(
        leaves=np.zeros((1, 1), np.uint16),
        leaf_tail=np.zeros(1, np.uint16),
        tails=(np.zeros(1, np.uint16),),
        v4=PrefixTable(24, np.zeros(1, np.uint32), np.zeros(1, np.uint32)),
        v6=PrefixTable(48, np.zeros(1, np.uint64), np.zeros(1, np.uint32)),
    )
    routemap = RouteMap(
        version, 1.0, 1, "latency", (PopAnswer("tokyo", ("192.0.2.1",)),),
        (ServiceAnswer("gw.example.net.", 0, 20),), (one,), (),
    )  # fmt: skip
    snapshot.write(routemap, current.path_of(state / "maps", version))
    current.publish(state / "maps", version)


def test_before_the_first_map(tmp_path: Path) -> None:
    """Nothing live, nothing kept, nothing pinned, no report."""

    async def scenario(served: Served) -> None:
        answer = (await served.ops("GET", "/api/v1/map")).json
        assert answer == {"live": None, "pinned": None, "versions": [], "builder": None}

    play(tmp_path, scenario)


def test_going_back_pins_a_version_until_it_is_unpinned(tmp_path: Path) -> None:
    """The pointer moves at once; unpinning puts it on the newest map."""

    async def scenario(served: Served) -> None:
        for version in (1, 2, 3):
            publish(tmp_path, version)
        answer = await served.ops("POST", "/api/v1/map/rollback", scope="operate", json={"version": 2})
        assert (answer.status, answer.json["live"], answer.json["pinned"]["version"]) == (200, 2, 2)
        assert [kept["version"] for kept in answer.json["versions"]] == [3, 2, 1]
        assert current.live_version(tmp_path / "maps") == 2
        answer = await served.ops("POST", "/api/v1/map/unpin", scope="operate")
        assert (answer.json["live"], answer.json["pinned"]) == (3, None)

    play(tmp_path, scenario)


def test_a_build_in_progress_cannot_undo_a_pin(tmp_path: Path) -> None:
    """A map published after the pin was set does not stay live."""

    async def scenario(served: Served) -> None:
        publish(tmp_path, 1)
        publish(tmp_path, 2)
        await served.ops("POST", "/api/v1/map/rollback", scope="operate", json={"version": 1})
        publish(tmp_path, 3)
        hold_pin(served.engine, tmp_path / "maps")
        assert current.live_version(tmp_path / "maps") == 1
        assert hold_pin(served.engine, tmp_path / "maps") is None

    play(tmp_path, scenario)


def test_a_map_that_cannot_be_served_is_not_pinned(tmp_path: Path) -> None:
    """404 for one that is not kept, 409 for a damaged file; the live one stays."""

    async def scenario(served: Served) -> None:
        publish(tmp_path, 1)
        publish(tmp_path, 2)
        current.path_of(tmp_path / "maps", 1).write_bytes(b"damaged")
        for version, status in ((1, 409), (9, 404)):
            wanted = {"version": version}
            answer = await served.ops("POST", "/api/v1/map/rollback", scope="operate", json=wanted)
            assert answer.status == status
        assert current.live_version(tmp_path / "maps") == 2
        assert (await served.ops("GET", "/api/v1/map")).json["pinned"] is None

    play(tmp_path, scenario)


def test_two_kept_maps_are_compared(tmp_path: Path) -> None:
    """What is asked of the process aside; `old` is the one before unless it is named."""

    async def scenario(served: Served) -> None:
        for version in (1, 4, 5):
            publish(tmp_path, version)
        with patch.object(Aside, "ask", AsyncMock(return_value={"classes": []})) as ask:
            for asked in ("new=5", "new=5&old=1&top=3"):
                assert (await served.ops("GET", f"/api/v1/map/diff?{asked}")).json == {"classes": []}
        config = served.now.edge.config
        assert [call.args for call in ask.await_args_list] == [
            (difference, config, 4, 5, 10),
            (difference, config, 1, 5, 3),
        ]

    play(tmp_path, scenario)


def test_a_comparison_needs_maps_that_are_kept(tmp_path: Path) -> None:
    """404 for one that is not, 400 for what is no number."""

    async def scenario(served: Served) -> None:
        publish(tmp_path, 1)
        for asked, status, text in (
            ("new=1", 404, "no older map is kept"),
            ("new=2&old=1", 404, "no map 2 is kept"),
            ("old=1", 400, "new: is missing"),
            ("new=x&top=0&way=up", 400, "way: no such parameter"),
        ):
            answer = await served.ops("GET", f"/api/v1/map/diff?{asked}")
            assert (answer.status, text in answer.json["error"]) == (status, True)

    play(tmp_path, scenario)


def test_the_builders_report(tmp_path: Path) -> None:
    """As it was written; a half-written or absent file is no report."""
    assert builder_report(tmp_path) is None
    (tmp_path / "builder.json").write_text('{"builds": 3')
    assert builder_report(tmp_path) is None
    (tmp_path / "builder.json").write_text('{"builds": 3}')
    assert builder_report(tmp_path) == {"builds": 3}
