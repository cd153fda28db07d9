import json
import re
from pathlib import Path

from tests.itm.ops.harness import Served, play

DOCS = Path(__file__).parents[3] / "docs" / "api.md"


def test_the_documentation_names_every_metric(tmp_path: Path) -> None:
    """docs/api.md and /metrics have the same families."""
    documented = set(re.findall(r"^\| `(itm_\w+)`", DOCS.read_text(), re.MULTILINE))

    async def scenario(served: Served) -> None:
        text = (await served.ops("GET", "/metrics")).text
        assert set(re.findall(r"^# TYPE (\w+)", text, re.MULTILINE)) == documented

    play(tmp_path, scenario)


def test_dns_workers_are_summed(tmp_path: Path) -> None:
    """Two workers answer from one address; a scrape sees one server."""
    for index, count in ((0, 3), (1, 4)):
        stats = {"queries": count, "rcodes": {"NOERROR": count}, "pops": {"tokyo": count}, "ecs": 1}
        (tmp_path / f"dns-{index}.json").write_text(json.dumps(stats))

    async def scenario(served: Served) -> None:
        lines = (await served.ops("GET", "/metrics")).text.splitlines()
        assert "itm_dns_workers 2" in lines
        assert "itm_dns_queries_total 7" in lines
        assert 'itm_dns_responses_total{rcode="NOERROR"} 7' in lines
        assert 'itm_dns_steered_total{pop="tokyo"} 7' in lines

    play(tmp_path, scenario)


def test_rooms_are_shown_where_sessions_are_known(tmp_path: Path) -> None:
    """Of the last build: what POPs will have, and how many are too full."""

    async def scenario(served: Served) -> None:
        rooms = {"fra": {"load": 96.0, "share": 0.96, "wanted": 120.0}}
        for told, lines in (
            (None, 0),
            ({"above": ["fra"], "pops": rooms}, 4),
        ):
            (tmp_path / "builder.json").write_text(json.dumps({"capacity": told}))
            text = (await served.ops("GET", "/metrics")).text
            names = ("itm_pop_planned_", "itm_pop_wanted_", "itm_capacity_exceeded")
            found = [line for line in text.splitlines() if line.startswith(names)]
            assert len(found) == lines
        assert 'itm_pop_planned_share{pop="fra"} 0.96' in found
        assert "itm_capacity_exceeded 1" in found

    play(tmp_path, scenario)


def test_the_builder_is_heard_when_it_has_reported(tmp_path: Path) -> None:
    """No line before the first report, because 0 would be a lie."""

    async def scenario(served: Served) -> None:
        assert "\nitm_builder_builds_total " not in (await served.ops("GET", "/metrics")).text
        report = {"builds": 2, "build_seconds": 1.5, "refused": {"physics": 7}}
        (tmp_path / "builder.json").write_text(json.dumps(report))
        lines = (await served.ops("GET", "/metrics")).text.splitlines()
        assert "itm_builder_builds_total 2" in lines
        assert 'itm_builder_refused_total{reason="physics"} 7' in lines

    play(tmp_path, scenario)
