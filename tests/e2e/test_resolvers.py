"""Real resolvers behind a signed root and parent: right POP, right caching, failover, all validated."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.e2e.internet import Delegation, Internet, internet
from tests.e2e.resolvers import PORT, RESOLVERS, Resolver
from tests.e2e.serving import ROOT, Server, serving
from tests.programs import dig, need, need_port_53, wait_until

ROOT_SERVER, PARENT, AUTHORITY = "127.53.2.1", "127.53.2.2", "127.53.2.3"
GW = "gw.example.net"
TTL = 5
TOKYO, TOKYO_TOO, GENEVA = "133.11.0.0/24", "133.11.1.0/24", "193.0.6.0/24"
LATE_SECONDS = 2
"""How old the counters in a worker's file can be, and some."""


@dataclass(frozen=True)
class World:
    """Our server, and the Internet that leads to it."""

    server: Server
    state: Path
    internet: Internet

    def steered(self) -> int:
        """Return how many steered answers were given, when the counters have caught up."""
        time.sleep(LATE_SECONDS)
        stats = json.loads((self.state / "dns-0.json").read_text())
        return sum(stats["pops"].values())


def signed_catalog(folder: Path) -> Path:
    shutil.copytree(ROOT / "data" / "demo", folder)
    catalog, zone = folder / "catalog.yaml", folder / "example.net.zone"
    signed = "zones: [{file: example.net.zone, dnssec: true}]"
    text = catalog.read_text().replace("zones: [example.net.zone]", signed)
    catalog.write_text(text.replace("ttl: 20", f"ttl: {TTL}"))
    zone.write_text(zone.read_text().replace("127.0.0.1", AUTHORITY))
    return folder


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, predictor: Path) -> Iterator[World]:
    """The demo, signed, on port 53, delegated from a signed root."""
    need_port_53(AUTHORITY)
    folder = tmp_path_factory.mktemp("world")
    state = folder / "state"
    state.mkdir()
    shutil.copy(predictor, state)
    sets = {"demo.catalog": str(signed_catalog(folder / "catalog")), "dns.listen": f"{AUTHORITY}:53"}
    with serving(state, sets) as server:
        ds = server.itm("zone", "ds", "example.net").stdout.split("DS")[1].strip()
        ours = Delegation("example.net", {f"ns{n}.example.net": AUTHORITY for n in (1, 2)}, (ds,))
        with internet(folder / "internet", ROOT_SERVER, [PARENT], "net", [ours]) as found:
            yield World(server, state, found)


@pytest.fixture(params=RESOLVERS, ids=lambda one: one.name)
def resolver(request: pytest.FixtureRequest, world: World, tmp_path: Path) -> Iterator[Resolver]:
    with request.param.serving(tmp_path / "resolver", world.internet) as one:
        yield one


def flags(resolver: Resolver, *words: str) -> set[str]:
    at = (f"@{resolver.address}", "-p", str(PORT), "+dnssec", *words)
    done = subprocess.run([need("dig", "dnsutils"), *at], capture_output=True, text=True, check=False)
    line = next(line for line in done.stdout.splitlines() if line.startswith(";; flags:"))
    return set(line.removeprefix(";; flags:").partition(";")[0].split())


def expected(world: World, resolver: Resolver, subnet: str) -> list[str]:
    """What we answer: for the subnet, or for the resolver's own address when it names none."""
    words = (f"+subnet={subnet}",) if resolver.has_ecs else ("-b", resolver.address)
    return dig(GW, *words, server=AUTHORITY, port=53)


@pytest.mark.long
def test_right_pop_right_cache_validated(world: World, resolver: Resolver) -> None:
    """Two clients of one scope cost one steered answer, one of another scope a second; each is validated."""
    subnets = (TOKYO, TOKYO_TOO, GENEVA)
    wanted = [expected(world, resolver, subnet) for subnet in subnets]
    assert (wanted[0] != wanted[2]) == resolver.has_ecs
    for _ in range(3):  # the TTL may end between the first query and the last
        time.sleep(TTL + 1)
        before, began = world.steered(), time.monotonic()
        found = [resolver.ask(GW, f"+subnet={subnet}") for subnet in subnets]
        took = time.monotonic() - began
        assert found == wanted
        if took < TTL - 1:
            break
    assert took < TTL - 1
    assert world.steered() - before == (2 if resolver.has_ecs else 1)
    for name in (GW, "static.example.net", "x.apps.example.net", "www.example.net"):
        assert "ad" in flags(resolver, name), name
    assert {"ad"} <= flags(resolver, "no.example.net")
    assert {"ad"} <= flags(resolver, GW, "MX")


@pytest.mark.long
def test_failover_is_seen_in_time(world: World, resolver: Resolver) -> None:
    """A drained POP is gone from the resolver's answers within the TTL and a second, still validated."""
    words = (GW, f"+subnet={TOKYO}")
    [address] = resolver.ask(*words)
    listed = world.server.itm("pop", "list", "--json").stdout
    pop = next(p["pop"] for p in json.loads(listed)["pops"] if address in p["ipv4"])
    assert world.server.itm("pop", "drain", pop).returncode == 0
    try:
        took = wait_until(
            lambda: resolver.ask(*words) not in ([address], []), TTL + 10, "the failover is seen"
        )
        assert took <= TTL + 1
        assert resolver.ask(*words) == expected(world, resolver, TOKYO)
        assert "ad" in flags(resolver, *words)
    finally:
        world.server.itm("pop", "clear", pop)
