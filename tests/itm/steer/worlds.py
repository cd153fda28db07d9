"""A world small enough to reckon by hand: four places, four POPs, predictions written down."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from collectors.aggregate import Aggregates
from collectors.ladder import RUNGS
from collectors.network import Network
from collectors.places import PlaceTable, code_of, keys_of, square_of
from itm.catalog.types import Catalog, Pop, Rule, Service
from itm.steer.world import World

COUNTRIES = ("", "JP", "NL", "US")
CONTINENTS = {"JP": "AS", "NL": "EU", "US": "NA"}
JAPAN, DUTCH, AMERICA = "133.11.0.1", "193.0.6.1", "8.8.8.8"
LAT = np.array([np.nan, 35.7, 52.4, 37.4])
LON = np.array([np.nan, 139.7, 4.9, -122.1])
P50 = {
    "tokyo": (80, 5, 230, 150),
    "osaka": (85, 12, 235, 155),
    "ams": (120, 240, 6, 85),
    "ash": (110, 160, 84, 7),
}
"""Predicted ms by POP, for the unplaced, Japan, the Netherlands and the United States."""


def pop(name: str, number: int, **more: object) -> Pop:
    fields: dict[str, object] = {
        "provider": "test",
        "city": name,
        "country": "JP",
        "lat": 0.0,
        "lon": 0.0,
        "ipv4": (f"127.20.0.{number}",),
        "ipv6": (f"2001:db8:20::{number}",),
    }
    return Pop(name, **(fields | more))  # type: ignore[arg-type]


POPS = tuple(pop(name, i + 1) for i, name in enumerate(P50))


def service(name: str = "gw.example.net.", **more: object) -> Service:
    fields: dict[str, object] = {
        "ttl": 20,
        "pools": (("world", tuple(P50)),),
        "rules": (Rule(("world",)),),
    }
    return Service(name, **(fields | more))  # type: ignore[arg-type]


def places() -> PlaceTable:
    units = {text: Network.of(text).unit for text in (JAPAN, DUTCH, AMERICA)}
    japan, dutch, america = units.values()
    country = np.array([0, 1, 2, 3], dtype=np.uint16)
    asn = np.array([0, 2501, 3333, 15169], dtype=np.uint32)
    square = square_of(LAT, LON)
    codes = np.array([code_of(COUNTRIES[c]) for c in country])
    # Japan holds 133.11.0.0 - 133.11.255.255, the others one /16 each; the rest is nobody's.
    edges = sorted(
        [
            (0, 0),
            (america & ~255, 3),
            ((america & ~255) + 256, 0),
            (japan & ~255, 1),
            ((japan & ~255) + 256, 0),
            (dutch & ~255, 2),
            ((dutch & ~255) + 256, 0),
        ]
    )
    return PlaceTable(
        countries=COUNTRIES,
        country=country,
        lat=LAT.astype(np.float32),
        lon=LON.astype(np.float32),
        cell=np.array([0, 1, 2, 3], dtype=np.uint32),
        asn=asn,
        key=np.where(country > 0, keys_of(codes, square, asn), 0).astype(np.uint64),
        weight=np.array([0, 256, 256, 256], dtype=np.float32),
        v4_start=np.array([s for s, _ in edges], dtype=np.uint32),
        v4_place=np.array([p for _, p in edges], dtype=np.uint32),
        v6_start=np.array([0, 0x2001_0200_0000, 0x2001_0201_0000], dtype=np.uint64),
        v6_place=np.array([0, 1, 0], dtype=np.uint32),
        edition="test",
        credit="nobody",
        digest="test",
    )


def world(*services: Service, pops: tuple[Pop, ...] = POPS) -> World:
    p50 = np.array([P50[p.id] for p in pops], dtype=np.float32).T
    return World(
        catalog=Catalog(pops, services or (service(),), ()),
        catalog_version=1,
        places=places(),
        continents=CONTINENTS,
        predictions=np.stack([p50 * 0.9, p50, p50 * 1.2]).astype(np.float32),
        digest="predictions",
    )


def cut_world(seed: int) -> tuple[World, Aggregates]:
    """A world cut at random, with borders near each other: places, subnet rules, and what was measured."""
    rng = np.random.default_rng(seed)
    starts = {
        4: 0x0A0000 + rng.choice(512, 40, replace=False),
        6: 0x2001_0200_0000 + rng.choice(512, 40, replace=False),
    }
    start = {f: np.sort(np.append(s, 0)) for f, s in starts.items()}
    table = replace(
        places(),
        v4_start=start[4].astype(np.uint32),
        v4_place=rng.integers(0, 4, 41).astype(np.uint32),
        v6_start=start[6].astype(np.uint64),
        v6_place=rng.integers(0, 4, 41).astype(np.uint32),
    )
    pools = (("asia", ("osaka", "tokyo")), ("west", ("ash", "ams")), ("world", tuple(P50)))
    orders = [("asia", "west"), ("west", "world"), ("world",), ("asia", "world")]
    rules = [
        Rule(
            orders[rng.integers(0, 4)],
            subnets=(
                f"10.{rng.integers(0, 2)}.{rng.integers(0, 16) * 16}.0/{rng.integers(20, 24)}",
                f"2001:200:{rng.integers(0, 32) * 16:x}::/{rng.integers(44, 48)}",
            ),
        )
        for _ in range(3)
    ]
    rules.insert(int(rng.integers(0, 3)), Rule(("west", "asia"), geos=("AS",)))
    one = replace(world(service(pools=pools, rules=(*rules, Rule(("world",))))), places=table)
    rows = []
    for _ in range(40):
        third = int(rng.integers(0, 512))
        address = f"10.{third >> 8}.{third & 255}.1" if rng.random() < 0.6 else f"2001:200:{third:x}::1"
        rung = str(rng.choice(["network", "network", "prefix", "place"]))
        rows += [(address, rung, name, float(rng.uniform(5, 200)), 40.0, 9) for name in P50]
    return one, cells(*rows, of=one)


def cells(*rows: tuple[str, str, str, float, float, int], of: World | None = None) -> Aggregates:
    """Return aggregates of (address, rung, pop, p25 ms, samples, distinct)."""
    key, rung = [], []
    ladder = (of or world()).ladder
    for address, name, *_ in rows:
        network = Network.of(address)
        keys = ladder.keys(np.array([network.family], np.uint8), np.array([network.unit], np.uint64))[0]
        rung.append(RUNGS.index(name))
        key.append(keys[RUNGS.index(name)])
    p25 = np.array([r[3] for r in rows], dtype=np.float32)
    nan = np.full(len(rows), np.nan, dtype=np.float32)
    return Aggregates(
        rung=np.array(rung, dtype=np.uint8),
        key=np.array(key, dtype=np.uint64),
        pop=np.array([r[2].encode() for r in rows], dtype="S32"),
        n=np.array([r[4] for r in rows], dtype=np.float32),
        distinct=np.array([r[5] for r in rows], dtype=np.int32),
        age_seconds=np.zeros(len(rows), dtype=np.float32),
        p25=p25,
        p50=p25 * np.float32(1.1),
        p75=p25 * np.float32(1.3),
        availability=nan,
        availability_n=np.zeros(len(rows), dtype=np.float32),
        availability_distinct=np.array([r[5] for r in rows], dtype=np.int32),
        connect_p50=nan,
        throughput_p50=nan,
        vote_rtt=nan,
        vote_rtt_low=nan,
        vote_rtt_high=nan,
        vote_rtt_upper=nan,
        p25_low=p25 * np.float32(0.98),
        p25_high=p25 * np.float32(1.02),
        vote_availability=nan,
        vote_availability_high=nan,
    )
