"""A world small enough to reckon by hand: four places, four POPs, predictions written down."""

from __future__ import annotations

import numpy as np

from collectors.aggregate import Aggregates
from collectors.ladder import RUNGS
from collectors.network import Network
from collectors.places import PlaceTable, code_of, keys_of
from itm.catalog.types import Catalog, Pop, Rule, Service
from itm.steer.world import World

COUNTRIES = ("", "JP", "NL", "US")
CONTINENTS = {"JP": "AS", "NL": "EU", "US": "NA"}
JAPAN, DUTCH, AMERICA = "133.11.0.1", "193.0.6.1", "8.8.8.8"
P50 = {
    "tokyo": (80, 5, 230, 150),
    "osaka": (85, 12, 235, 155),
    "ams": (120, 240, 6, 85),
    "ash": (110, 160, 84, 7),
}
"""Predicted ms by POP, for the unplaced, Japan, the Netherlands and the United States."""


def pop(name: str, number: int, **more: object) -> Pop:
    return Pop(
        name, "test", name, "JP", 0.0, 0.0, (f"127.20.0.{number}",), (f"2001:db8:20::{number}",), **more
    )  # type: ignore[arg-type]


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
    square = np.array([0, 45500, 51600, 46200])
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
        lat=np.array([np.nan, 35.7, 52.4, 37.4], dtype=np.float32),
        lon=np.array([np.nan, 139.7, 4.9, -122.1], dtype=np.float32),
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


def cells(*rows: tuple[str, str, str, float, float, int]) -> Aggregates:
    """Return aggregates of (address, rung, pop, p25 ms, samples, distinct)."""
    key, rung = [], []
    ladder = world().ladder
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
        connect_p50=nan,
        throughput_p50=nan,
    )
