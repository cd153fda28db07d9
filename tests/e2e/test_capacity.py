"""A POP that fills up: its hosts say so, `itm serve` spreads its users, and `dig` sees it."""

from __future__ import annotations

import json
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from itm.routemap import current, snapshot
from itm.routemap.routemap import RouteMap
from tests.e2e.conftest import StartServer
from tests.e2e.serving import Server
from tests.programs import wait_until

pytestmark = pytest.mark.long

FULL = "az-jp-e"
"""Tokyo, the nearest POP of Japan."""
SESSIONS = 1000.0


def test_users_of_a_full_pop_are_spread(start: StartServer, tmp_path: Path) -> None:
    """Who loses least goes elsewhere, a network on the border is answered both, and `why` says so."""
    server = start(stale__load_seconds="600")
    addresses = {pop["id"]: pop["ipv4"][0] for pop in pops_of(server)}
    before = answered(live(tmp_path), FULL)
    assert before > 1000
    report(server, tmp_path, {name: (SESSIONS / len(addresses), 1e6) for name in addresses})
    wait_until(lambda: bool(capacity_of(server)), 60, "the builder knows how many sessions there are")
    wanted = capacity_of(server)["pops"][FULL]["wanted"]
    report(server, tmp_path, {FULL: (SESSIONS / len(addresses), max(1.0, wanted / 2))})
    wait_until(lambda: 0.8 < capacity_of(server)["pops"][FULL]["share"] < 0.96, 60, "others took its users")
    routemap = live(tmp_path)
    assert answered(routemap, FULL) < 0.8 * before
    subnet, pops = split(routemap)
    seen = Counter(server.address_for(subnet) for _ in range(60))
    assert set(seen) == {addresses[name] for name in pops}
    text = server.itm("why", "gw.example.net", "--client", subnet).stdout
    assert "Rooms for" in text
    assert "granted" in text


def report(server: Server, folder: Path, loads: dict[str, tuple[float, float]]) -> None:
    """Feed what hosts would: sessions and capacity."""
    rows = [
        {"pop": pop, "metric": "load", "sessions": sessions, "capacity": room, "time": time.time()}
        for pop, (sessions, room) in loads.items()
    ]
    path = folder / "loads.ndjson"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    done = server.itm("feed", str(path))
    assert done.returncode == 0, done.stderr


def pops_of(server: Server) -> list[dict]:
    return json.loads(server.itm("pop", "list", "--json").stdout)["pops"]


def capacity_of(server: Server) -> dict:
    return json.loads(server.itm("map", "show", "--json").stdout)["builder"]["capacity"]


def live(folder: Path) -> RouteMap:
    maps = folder / "state" / "maps"
    version = current.live_version(maps)
    assert version is not None
    return snapshot.read(current.path_of(maps, version))


def answered(routemap: RouteMap, name: str) -> int:
    """Return how many /24s have this POP first."""
    pop = [one.id for one in routemap.pops].index(name)
    (table,) = routemap.classes
    units = np.diff(np.append(table.v4.start.astype(np.int64), 1 << 24))
    return int(units[table.leaves[table.v4.leaf, 0] == pop].sum())


def split(routemap: RouteMap) -> tuple[str, list[str]]:
    """Return a network that several POPs share, and those."""
    (table,) = routemap.classes
    shared = np.flatnonzero(table.shares.any(axis=1)[table.v4.leaf])
    run = int(shared[0])
    unit, leaf = int(table.v4.start[run]), int(table.v4.leaf[run])
    names = [
        routemap.pops[p].id for p, share in zip(table.leaves[leaf], table.shares[leaf], strict=True) if share
    ]
    return f"{unit >> 16}.{unit >> 8 & 255}.{unit & 255}.0/24", names
