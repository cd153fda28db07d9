"""A map as large as the real one: 30 POPs, 20,000 leaves, more than 300,000 runs of IPv4, 4,096 resolvers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from itm.catalog.types import Dnssec, ZoneText
from itm.routemap import snapshot
from itm.routemap.current import path_of, publish
from itm.routemap.routemap import ClassMap, PopAnswer, RouteMap, ServiceAnswer
from itm.routemap.table import UnitTable, merge

POPS, LEAVES, RANKS = 30, 20_000, 4
RUNS_V4, RUNS_V6 = 340_000, 60_000
RESOLVERS = 4096
LOOPBACK = 127 << 16  # who asks is one of them
NAME = "gw.example.net."
ZONE = ZoneText(
    "example.net.", "@ 300 SOA ns admin 1 7200 3600 1209600 60\n@ 300 NS ns\nns 300 A 192.0.2.1\n"
)


def build(version: int, seed: int = 1, *, names: int = 1, signed: bool = False) -> RouteMap:
    """Return a made-up map; runs spread over the whole of both families. `names` are steered alike."""
    rng = np.random.default_rng(seed)
    leaves = np.array([rng.permutation(POPS)[:RANKS] for _ in range(LEAVES)], "<u2")
    tails = (rng.permutation(POPS).astype("<u2"),)
    tables = [
        merge(bits, start, rng.integers(0, LEAVES, len(start)))
        for bits, start in (
            (24, np.unique(np.append(rng.integers(0, 1 << 24, RUNS_V4), 0))),
            (48, np.unique(np.append(rng.integers(1 << 45, 1 << 46, RUNS_V6), 0))),
        )
    ]
    units = np.unique(np.append(rng.integers(0, 1 << 24, RESOLVERS - 1), LOOPBACK)).astype("<u4")
    resolvers = UnitTable(24, units, rng.integers(0, LEAVES, len(units)).astype("<u4"))
    one = ClassMap(leaves, np.zeros(LEAVES, "<u2"), tails, *tables, resolvers)
    pops = tuple(
        PopAnswer(f"pop-{n}", (f"127.20.0.{n}",), (f"2001:db8:20::{n:x}",)) for n in range(1, POPS + 1)
    )
    more = (f"n{number}.{ZONE.name}" for number in range(1, names))
    services = tuple(ServiceAnswer(name, 0, 20, ("127.20.0.1",), ()) for name in (NAME, *more))
    zone = replace(ZONE, dnssec=Dnssec("ecdsa-p256")) if signed else ZONE
    return RouteMap(version, 1.7e9, 1, "latency", pops, services, (one,), (zone,))


def put(maps: Path, version: int, *, names: int = 1, signed: bool = False) -> int:
    """Write and publish a map of that version; returns its number of IPv4 runs."""
    routemap = build(version, seed=version, names=names, signed=signed)
    snapshot.write(routemap, path_of(maps, version))
    publish(maps, version)
    return len(routemap.classes[0].v4.start)
