"""`itm catalog`: what needs no server, and what speaks to one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from itm.__main__ import main
from itm.cli.catalog import SETTLE_SECONDS, settled
from itm.cli.client import OpsClient
from itm.errors import Refused
from tests.itm.catalog.bundles import bundle
from tests.itm.cli.ops_server import OpsServer, serving

VERSIONS = "/api/v1/catalog/versions"
PLAN = {"moved_share": 0.1, "gained_ms": 1.0, "lost_ms": 0.0, "load": {}, "load_before": {}}


UNPINNED = {"live": 5, "pinned": None}
PINNED = {"live": 3, "pinned": {"version": 3, "author": "anna", "at": 1.0}}


def version(number: int, status: str, **more: Any) -> dict[str, Any]:
    base = {"version": number, "status": status, "created_at": 1_700_000_000.0, "author": "anna"}
    return {**base, "message": "", "forced": False, "reason": "", "plan": None, "files": bundle(), **more}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "catalog"
    path.mkdir()
    for name, text in bundle("gw.example.net.: {ttl: 60}").items():
        (path / name).write_text(text)
    return path


def run(ops: OpsServer, tmp_path: Path, *words: str) -> int:
    (tmp_path / "ops.token").write_text("itm_t")
    return main(["catalog", *words, "--server", ops.url, "--set", f"state={tmp_path}"])


def test_check(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A sound catalog is counted."""
    assert main(["catalog", "check", str(folder)]) == 0
    assert capsys.readouterr().out == "sound: 3 POPs, 1 service, 1 zone\n"


def test_check_reports_everything(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """All faults of catalog and zones at once, also a service's clash with a static record; status 2."""
    (folder / "catalog.yaml").write_text(bundle("gw.example.net.: {tl: 60, ttl: 0}")["catalog.yaml"])
    zone = folder / "example.net.zone"
    zone.write_text(zone.read_text() + "gw IN A 192.0.2.9\nwww IN A 300.1.1.1\n")
    assert main(["catalog", "check", str(folder)]) == 2
    said = capsys.readouterr().err
    assert "catalog.yaml: services.gw.example.net..tl: no such key (did you mean 'ttl'?)" in said
    assert "catalog.yaml: services.gw.example.net..ttl: expected 1 to 86400, got 0" in said
    assert "example.net.zone: line 6: " in said
    assert "gw.example.net. A: the name is a service" in said


def test_a_service_below_a_delegation(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A name that is delegated away cannot be steered here."""
    zone = folder / "example.net.zone"
    zone.write_text(zone.read_text() + "gw IN NS ns.example.org.\n")
    assert main(["catalog", "check", str(folder)]) == 2
    assert "a service cannot stand at a delegation" in capsys.readouterr().err


def test_import(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An octoDNS file's values become the POPs of a catalog; notes go to stderr."""
    file = tmp_path / "example.net.yaml"
    pools = "{x: {values: [{value: 192.0.2.2, weight: 3}, {value: 192.0.2.99}]}}"
    file.write_text(f"gw: {{type: A, ttl: 60, dynamic: {{pools: {pools}, rules: [{{pool: x}}]}}}}\n")
    words = ["catalog", "import", str(file), "--zone", "example.net.", "--catalog", str(folder)]
    assert main(words) == 0
    out, err = capsys.readouterr()
    assert "gw.example.net.:" in out
    assert "- value: b\n          weight: 3\n" in out
    assert "note: gw: weights kept: the chain draws by them alone" in err
    assert "note: gw.dynamic.pools.x.values[1].value: no POP has the address 192.0.2.99" in err
    assert main(["catalog", "import", str(tmp_path / "none"), "--zone", "a."]) == 2


def test_diff_with_the_live_version(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The change is told in words."""
    with serving({f"GET {VERSIONS}/live": (200, version(1, "live"))}) as ops:
        assert run(ops, tmp_path, "diff", str(folder)) == 0
        assert capsys.readouterr().out == "+ service gw.example.net.: ttl 60, 3 POPs, all: all\n"
        assert run(ops, tmp_path, "diff", str(folder), "--against", str(folder)) == 0
        assert capsys.readouterr().out == "no difference\n"
    assert len(ops.asked) == 1


def test_apply(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The whole bundle goes to the server; the command waits for the builder's word."""
    answers = {
        "POST /api/v1/catalog": (202, {"version": 7}),
        f"GET {VERSIONS}/7": (200, version(7, "live", plan={"class 0": PLAN})),
        "GET /api/v1/map": (200, UNPINNED),
    }
    with serving(answers) as ops:
        assert run(ops, tmp_path, "apply", str(folder), "--message", "slower") == 0
    expected = {"files": bundle("gw.example.net.: {ttl: 60}"), "force": False, "message": "slower"}
    assert (ops.asked[0].body, ops.asked[0].authorization) == (expected, "Bearer itm_t")
    assert capsys.readouterr().out.splitlines() == [
        "version 7 waits for its Plan",
        "  class 0: 10.0% of demand changes its POP; 1.00 ms gained and 0.00 ms lost on average",
        "version 7 is live",
    ]


def test_a_pinned_map_is_told(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A version may be live and nobody see it: after `apply`, and below the history."""
    answers = {
        "POST /api/v1/catalog": (202, {"version": 7}),
        f"GET {VERSIONS}/7": (200, version(7, "live")),
        f"GET {VERSIONS}": (200, {"versions": [version(7, "live")]}),
        "GET /api/v1/map": (200, PINNED),
    }
    said = "map 3 is pinned: no answer changes until `itm map unpin` publishes the newest"
    with serving(answers) as ops:
        for words in (["apply", str(folder)], ["history"]):
            assert run(ops, tmp_path, *words) == 0
            assert capsys.readouterr().out.splitlines()[-1] == said


def test_apply_checks_before_it_sends(folder: Path, tmp_path: Path) -> None:
    """A catalog with faults never leaves the machine."""
    (folder / "catalog.yaml").write_text("pops: {}")
    with serving({}) as ops:
        assert run(ops, tmp_path, "apply", str(folder)) == 2
    assert ops.asked == []


def test_rollback_that_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A refused version is status 1 with the reason."""
    answers = {
        "POST /api/v1/catalog/rollback": (202, {"version": 8}),
        f"GET {VERSIONS}/8": (200, version(8, "refused", reason="moves 80 % of demand")),
    }
    with serving(answers) as ops:
        assert run(ops, tmp_path, "rollback", "3", "--force") == 1
    assert ops.asked[0].body == {"version": 3, "force": True}
    assert capsys.readouterr().out.endswith("version 8 is refused: moves 80 % of demand\n")


def test_show(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """All files under their names, or one as it is."""
    with serving({f"GET {VERSIONS}/3": (200, version(3, "superseded"))}) as ops:
        assert run(ops, tmp_path, "show", "3", "--file", "example.net.zone") == 0
        assert capsys.readouterr().out == bundle()["example.net.zone"]
        assert run(ops, tmp_path, "show", "3") == 0
        assert capsys.readouterr().out.startswith("# -------- catalog.yaml\n\npops:")
        assert run(ops, tmp_path, "show", "3", "--file", "x") == 2
    assert "no file 'x' (there are: catalog.yaml, example.net.zone)" in capsys.readouterr().err


def test_history(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One line per version."""
    answer = {"versions": [version(2, "live", forced=True, message="hot"), version(1, "superseded")]}
    with serving({f"GET {VERSIONS}": (200, answer), "GET /api/v1/map": (200, UNPINNED)}) as ops:
        assert run(ops, tmp_path, "history") == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split() for line in lines[1:]] == [
        ["2", "live", "(forced)", "2023-11-14", "22:13:20Z", "anna", "hot"],
        ["1", "superseded", "2023-11-14", "22:13:20Z", "anna", "-"],
    ]


def test_waiting_for_the_builder() -> None:
    """The version is asked for until it is settled, and given up after the time allowed."""
    now = [0.0]

    def sleep(seconds: float) -> None:
        now[0] += seconds

    pending = (200, version(7, "pending"))
    with serving({f"GET {VERSIONS}/7": [pending, pending, (200, version(7, "live"))]}) as ops:
        found = settled(OpsClient(ops.url), 7, clock=lambda: now[0], sleep=sleep)
        assert (found["status"], len(ops.asked), now[0]) == ("live", 3, 1.0)
    now[0] = 0.0
    with serving({f"GET {VERSIONS}/7": pending}) as ops, pytest.raises(Refused, match="still waits"):
        settled(OpsClient(ops.url), 7, clock=lambda: now[0], sleep=lambda _: sleep(SETTLE_SECONDS / 4))
    assert now[0] == SETTLE_SECONDS


def test_a_plan_is_waited_for_and_told(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The difference of each class and what apply would do; status 1 where it would refuse."""
    plans = "/api/v1/catalog/plans"
    waits = {"plan": 4, "answered_at": None, "reason": ""}
    gone = {"removed": ["gw.example.net."], "classes": []}
    unsafe = waits | gone | {"answered_at": 2.0, "unsafe": "41% of demand would change its POP"}
    answers = [
        (200, waits),
        (200, unsafe),
        (200, unsafe | {"unsafe": ""}),
        (200, unsafe | {"reason": "no map"}),
    ]
    with serving({f"POST {plans}": (202, {"plan": 4}), f"GET {plans}/4": answers}) as ops:
        assert run(ops, tmp_path, "plan", str(folder)) == 1
        removed = "gw.example.net.: removed, answered no more\n"
        said = capsys.readouterr().out
        assert said == f"{removed}would be refused: 41% of demand would change its POP\n"
        assert run(ops, tmp_path, "plan", str(folder)) == 0
        assert capsys.readouterr().out == f"{removed}would go live\n"
        assert run(ops, tmp_path, "plan", str(folder), "--json") == 2
        assert "no map" in capsys.readouterr().err
    assert {asked.path for asked in ops.asked} == {plans, f"{plans}/4"}
