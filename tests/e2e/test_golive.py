"""A change looked at before it is made, tried on a slice, and made: with a running server."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from itm.config import ROOT
from tests.e2e.conftest import StartServer
from tests.e2e.serving import Server
from tests.programs import need, wait_until

SUBNETS = [f"{first}.{second}.0.0/24" for first in (80, 81, 82, 85, 87) for second in range(0, 240, 20)]
"""European networks, most of them, of as many places."""


def told(server: Server, *command: str, status: int = 0) -> str:
    """Run a command that is to end with this status; return what it said."""
    done = server.itm(*command)
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout


@pytest.mark.long
def test_a_change_is_planned_tried_and_made(start: StartServer, tmp_path: Path) -> None:
    """The Plan changes nothing; the canary moves some networks and not others, and `why` proves by which
    world; promoted, it moves them all, and the maps tell who it was.
    """
    need("dig", "dnsutils")
    server = start()
    changed = tmp_path / "changed"
    shutil.copytree(ROOT / "data" / "demo", changed)
    before = {subnet: server.address_for(subnet) for subnet in SUBNETS}
    favourite = max(set(before.values()), key=list(before.values()).count)
    mine = [subnet for subnet, address in before.items() if address == favourite]
    pop = json.loads(told(server, "why", "gw.example.net", "--client", mine[0], "--json"))["answer"]["pop"]
    text = (changed / "catalog.yaml").read_text()
    text = text.replace(f"\n  {pop}:\n    {{", f"\n  {pop}:\n    {{bias: 400, ")
    (changed / "catalog.yaml").write_text(text)

    said = told(server, "catalog", "plan", str(changed))
    assert f"  {pop} " in said
    assert "would go live" in said
    assert {subnet: server.address_for(subnet) for subnet in SUBNETS} == before
    live = json.loads(told(server, "map", "show", "--json"))["live"]

    assert "version 2 is canary" in told(server, "catalog", "apply", str(changed), "--canary", "50%")

    def moved() -> set[str]:
        return {subnet for subnet in mine if server.address_for(subnet) != favourite}

    wait_until(lambda: bool(moved()), 60, "the slice lives with it")
    inside = moved()
    assert 0 < len(inside) < len(mine)
    for subnet in (sorted(inside)[0], sorted(set(mine) - inside)[0]):
        story = json.loads(told(server, "why", "gw.example.net", "--client", subnet, "--json"))
        assert story["canary"]["decided"] == (subnet in inside)
        assert (story["answer"]["pop"] == pop) == (subnet not in inside)
    assert "version 2 is a canary for 50.0% of the places" in told(server, "catalog", "canary")

    told(server, "catalog", "canary", "promote")
    wait_until(lambda: "no canary is running" in told(server, "catalog", "canary"), 60, "it is promoted")
    wait_until(lambda: moved() == set(mine), 90, "all networks live with it")
    newest = json.loads(told(server, "map", "show", "--json"))["live"]
    assert f"  {pop} " in told(server, "map", "diff", str(live), str(newest))
