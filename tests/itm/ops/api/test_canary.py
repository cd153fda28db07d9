"""The canary over the API: asked for with a catalog, shown with the builder's verdict, ended by a wish."""

from __future__ import annotations

import json
from pathlib import Path

from itm.store import canaries, catalogs
from itm.store.canaries import Canary
from tests.itm.ops.harness import FILES, Served, play

PATH = "/api/v1/catalog/canary"


async def asked(served: Served, **how: object) -> tuple[int, object]:
    answer = await served.ops("POST", "/api/v1/catalog", scope="catalog", json={"files": FILES, **how})
    return answer.status, answer.json.get("version") or answer.json["error"]


def test_a_change_may_be_asked_for_as_a_canary(tmp_path: Path) -> None:
    """With the share of the settings or its own; what is no share is refused."""

    async def scenario(served: Served) -> None:
        for how, share, seed in (
            ({"canary": True}, 0.05, None),
            ({"canary": 0.2, "canary_seed": 7}, 0.2, 7),
            ({}, None, None),
        ):
            status, number = await asked(served, **how)
            found = catalogs.get(served.engine, int(str(number)))
            assert found is not None
            assert (status, found.canary_share, found.canary_seed) == (202, share, seed)
        for wrong in (False, 0, 0.6, "5%"):
            status, text = await asked(served, canary=wrong)
            assert (status, text) == (400, "canary: expected true, or a share above 0 up to 0.5")

    play(tmp_path, scenario)


def test_it_is_shown_and_ended_by_a_wish(tmp_path: Path) -> None:
    """The verdict is the builder's last about this version; who wishes is written down."""

    async def scenario(served: Served) -> None:
        assert (await served.ops("GET", PATH)).json == {"running": None, "ended": []}
        assert (await served.ops("POST", f"{PATH}/abort", scope="catalog")).status == 409
        number = catalogs.add_pending(served.engine, FILES, author="x", now=1.0)
        row = canaries.begin(served.engine, Canary.asked(number, 0.05, 1), {}, now=2.0)
        assert (await served.ops("GET", PATH)).json["running"]["verdict"] is None
        report = {"canary": {"version": number, "share": 0.05, "verdict": {"fate": "watching"}}}
        (tmp_path / "builder.json").write_text(json.dumps(report))
        answer = await served.ops("POST", f"{PATH}/promote", scope="catalog")
        assert (answer.status, answer.json) == (202, {"version": number, "wish": "promote"})
        now = (await served.ops("GET", PATH)).json["running"]
        assert (now["verdict"], now["wish"], now["wished_by"]) == ({"fate": "watching"}, "promote", "catalog")
        canaries.end(served.engine, row, "rolled back", "slow", {}, now=served.clock.now)
        shown = (await served.ops("GET", PATH)).json
        assert (shown["running"], [one["fate"] for one in shown["ended"]]) == (None, ["rolled back"])
        alarms = (await served.ops("GET", "/api/v1/alarms")).json["canaries"]
        assert alarms == [{"version": number, "ended_at": served.clock.now, "reason": "slow"}]

    play(tmp_path, scenario)


def test_metrics_have_its_share_and_effect(tmp_path: Path) -> None:
    """With the bounds of the interval; without a canary the share is 0."""

    async def scenario(served: Served) -> None:
        assert "itm_canary_share 0" in (await served.ops("GET", "/metrics")).text
        latency = {"low": 6.0, "estimate": 9.5, "high": 13.0, "inside": 20.0, "outside": 60.0}
        canary = {"version": 2, "share": 0.05, "verdict": {"latency": latency, "unavailability": None}}
        report = {"canary": canary, "canaries_ended": {"promoted": 2}}
        (tmp_path / "builder.json").write_text(json.dumps(report))
        text = (await served.ops("GET", "/metrics")).text
        for line in (
            "itm_canary_share 0.05",
            'itm_canary_latency_ms{bound="estimate"} 9.5',
            'itm_canaries_ended_total{fate="promoted"} 2',
        ):
            assert line in text
        assert "itm_canary_unavailability{" not in text

    play(tmp_path, scenario)
