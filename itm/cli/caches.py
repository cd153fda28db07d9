"""`itm simulate caches`: how many queries scopes and TTLs cost, by resolvers' caches, and what they lose."""

from __future__ import annotations

import argparse
import csv
import json
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from collectors import places as place_tables
from collectors.geography import continents
from itm.catalog.load import load_path
from itm.config import ROOT, Config
from itm.simulate.caches import Clients, as_data, as_text, compare
from itm.steer.build import ClassBuild, build_class
from itm.steer.evidence import Evidence
from itm.steer.memory import Memory
from itm.steer.plan import Limits
from itm.steer.predict import predict_cells
from itm.steer.publish import routemap_of
from itm.steer.world import World
from models import training
from models.evaluate import fold_models

WORLD = ROOT / "data" / "world14"
COUNTRIES = ROOT / "data" / "world" / "countries.csv"
LIMITS_MS = (2.0, 10.0)


def configure(actions: Any) -> None:
    """Add the action and its options."""
    text = "resolvers' caches by scope and TTL: queries against no Client Subnet, and ms lost for fewer"
    caches = actions.add_parser("caches", help=text, description=text)
    caches.add_argument(
        "--networks", type=int, default=400_000, metavar="N", help="clients' /24s that are drawn"
    )
    caches.add_argument(
        "--most", type=int, default=300, metavar="S", help="the highest TTL; the least is 20 s"
    )
    caches.add_argument("--seed", type=int, default=0)
    caches.add_argument("--json", type=Path, metavar="FILE", help="write the table here too")
    caches.set_defaults(act=_caches)


def _caches(args: argparse.Namespace) -> int:
    one = world_of(args.most)
    with COUNTRIES.open() as file:
        people = {row["iso"]: float(row["population"] or 0) for row in csv.DictReader(file)}
    drawn = Clients.drawn(one.places, people, args.networks, np.random.default_rng(args.seed))
    unit = drawn[0].unit
    print(f"{len(unit)} networks, {len(one.pops)} POPs; {one.places.credit}", flush=True)
    maps = {}
    for loss_ms in (0.0, *LIMITS_MS):
        build = settled(one, loss_ms)
        name = f"merged, below {loss_ms:g} ms" if loss_ms else "runs of equal lists"
        maps[name] = build.table, lost_ms(one, build, unit)
    service = routemap_of(one, (build,), 1, 0.0).services[0]
    found = {}
    for resolvers, clients in zip(("public", "providers'"), drawn, strict=True):
        found[resolvers] = compare(clients, maps, service)
        print(f"\n{resolvers} resolvers\n{as_text(found[resolvers])}")
    if args.json:
        tables = {resolvers: as_data(lines) for resolvers, lines in found.items()}
        args.json.write_text(json.dumps(tables, indent=2) + "\n")
    return 0


def world_of(most: int) -> World:
    """Return the 14-POP world as a predictor sees it that knows four fifths of the places."""
    table, here = training.load(Path(Config().model.training)), continents()
    catalog = load_path(WORLD)
    catalog = replace(catalog, services=tuple(replace(s, ttl_most=most) for s in catalog.services))
    places = place_tables.load(Path(Config().geoip.places))
    predictor, _ = next(iter(fold_models(table, here)))
    with tempfile.TemporaryDirectory(prefix="itm-caches-") as folder:
        predictions = np.array(predict_cells(predictor, places, catalog.pops, Path(folder)))
    return World(catalog, 1, places, here, predictions, "")


def settled(of: World, loss_ms: float) -> ClassBuild:
    """Return the second build: what moved in the first has the least TTL."""
    (steering,), nothing = of.classes, Evidence.nothing(len(of.pops))
    limits = Limits(Config().builder.candidates, 1.0, loss_ms=loss_ms)
    first = build_class(of, nothing, steering, Memory.nothing(), limits)
    return build_class(of, nothing, steering, first.after, limits)


def lost_ms(of: World, build: ClassBuild, unit: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """Return what each network loses by the first POP of its leaf against its row's own, by the estimate."""
    rows = build.rows
    segment = np.searchsorted(rows.segments[4].start, unit.astype(np.uint64), side="right") - 1
    row = rows.segments[4].row[segment]
    ms = of.predictions[1][of.places.cell[rows.place[row]]].astype(np.float64)
    number = np.arange(len(row))
    served = build.table.leaves[build.table.v4.leaves_of(unit), 0]
    lost: npt.NDArray[np.float64] = ms[number, served] - ms[number, build.decision.ranks[row, 0]]
    return lost
