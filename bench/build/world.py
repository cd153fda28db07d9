"""The world of the shipped place table and thirty POPs, and what twenty thousand networks measured in it.

Predictions are physics with a detour of chance per country and POP: a build's work is the same, whoever made
them.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np

from collectors import places
from collectors.aggregate import Aggregates
from collectors.geography import continents
from collectors.ladder import RUNGS
from itm.catalog.types import Catalog, Pop, Rule, Service
from itm.steer.world import Floats, World
from models.prior import floor_ms
from models.sites import Sites

DATA: Final = Path(__file__).resolve().parents[2] / "data"
POPS_MEASURED: Final = 8
"""POPs that one network has measured: a session plan asks the likely best."""

SESSIONS: Final = 100_000.0
FILL: Final = 0.7
"""Sessions as a share of all rooms."""


def world() -> World:
    """Return the world of a first build: one service over all POPs."""
    with (DATA / "world" / "pops30.csv").open() as file:
        pops = tuple(_pop(number, row) for number, row in enumerate(csv.DictReader(file), 1))
    table = places.load(DATA / "places.itm")
    service = Service(
        "gw.example.net.", ttl=20, pools=(("world", tuple(p.id for p in pops)),), rules=(Rule(("world",)),)
    )
    predictions = _predictions(table, pops)
    return World(Catalog(pops, (service,), ()), 1, table, continents(), predictions, "bench")


def with_rooms(of: World, load: Sequence[float], seed: int = 1) -> World:
    """Return the world with rooms for `SESSIONS` that suit these shares of demand only roughly."""
    rng = np.random.default_rng(seed)
    room = np.array(load) * np.exp(rng.normal(0, 0.5, len(load))) + 0.005
    room *= SESSIONS / FILL / room.sum()
    pops = tuple(replace(pop, capacity=float(own)) for pop, own in zip(of.catalog.pops, room, strict=True))
    return replace(of, catalog=replace(of.catalog, pops=pops))


def measured(of: World, networks: int, seed: int = 1) -> Aggregates:
    """Return what these many IPv4 networks, and the places they are in, measured."""
    rng = np.random.default_rng(seed)
    table = of.places
    placed = np.flatnonzero(table.v4_place > 0)
    run = rng.choice(placed, networks, replace=False)
    unit, place = table.v4_start[run].astype(np.uint64), table.v4_place[run]
    keys = of.ladder.keys(np.full(networks, 4, np.uint8), unit)
    best = np.argsort(of.predictions[1][table.cell[place]], axis=1)[:, :POPS_MEASURED]
    p50 = np.take_along_axis(of.predictions[1][table.cell[place]], best, axis=1)
    p50 = p50 * np.exp(rng.normal(0, 0.2, p50.shape))
    names = np.array([p.encode() for p in of.pops], "S32")
    parts = []
    for rung in ("network", "place"):
        key, first = np.unique(keys[:, RUNGS.index(rung)], return_index=True)
        parts.append((np.full(len(key), RUNGS.index(rung), np.uint8), key, best[first], p50[first]))
    rungs, key, pop, rtt = (np.concatenate(column) for column in zip(*parts, strict=True))
    return _cells(
        np.repeat(rungs, POPS_MEASURED), np.repeat(key, POPS_MEASURED), names[pop.ravel()], rtt.ravel()
    )


def _pop(number: int, row: dict[str, str]) -> Pop:
    place = float(row["lat"]), float(row["lon"])
    return Pop(row["pop"], row["provider"], row["city"], row["country"], *place, (f"127.20.0.{number}",))


def _predictions(table: places.PlaceTable, pops: tuple[Pop, ...]) -> Floats:
    clients = Sites(*table.cell_sites())
    servers = Sites.of([p.lat for p in pops], [p.lon for p in pops], [p.country for p in pops])
    floor = np.nan_to_num(floor_ms(clients, servers), nan=150.0)
    _, country = np.unique(clients.country, return_inverse=True)
    detour = np.random.default_rng(0).uniform(1.2, 2.5, (country.max() + 1, len(pops)))
    p50 = (floor * detour[country] + 5).astype(np.float32)
    return np.stack([p50 * np.float32(0.9), p50, p50 * np.float32(1.2)])


def _cells(rung: np.ndarray, key: np.ndarray, pop: np.ndarray, rtt: np.ndarray) -> Aggregates:
    count = len(key)
    p50, nan = rtt.astype(np.float32), np.full(count, np.nan, np.float32)
    none = np.zeros(count, np.float32)
    return Aggregates(
        rung=rung, key=key, pop=pop, n=np.full(count, 40, np.float32), distinct=np.full(count, 9, np.int32),
        p25=p50 * np.float32(0.9), p50=p50, p75=p50 * np.float32(1.2), age_seconds=none,
        availability=nan, availability_n=none, connect_p50=nan, throughput_p50=nan,
        vote_rtt=nan, vote_rtt_low=nan, vote_rtt_high=nan, vote_rtt_upper=nan,
        p25_low=p50 * np.float32(0.85), p25_high=p50 * np.float32(0.95),
        vote_availability=nan, vote_availability_high=nan,
        availability_distinct=np.zeros(count, np.int32),
    )  # fmt: skip
