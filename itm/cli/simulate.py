"""`itm simulate`: what the whole system, or its decision, makes of recorded clients, in milliseconds."""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import numpy as np

from collectors import places as place_tables
from collectors.geography import continents
from itm.catalog.load import load_path
from itm.cli import caches, joint, scenario, steadiness
from itm.config import ROOT, Config
from itm.simulate import gap
from itm.simulate.attack import ATTACKS, Field, Moved
from itm.simulate.attack import as_text as attack_table
from itm.simulate.beacons import outcomes as beacons_of
from itm.simulate.clients import Client, clients_of, read_identities
from itm.simulate.recorded import Fold, play_fold
from itm.simulate.report import as_data, as_text, lines
from itm.simulate.resolvers import Asked, Stand, ask_fold
from itm.steer.predict import predict_cells
from itm.steer.world import World
from models import training, world
from models.artifact import Origin, Predictor, current_versions
from models.evaluate import FOLDS, fold_models
from models.train import data_digest

WORLD = ROOT / "data" / "world14"


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the actions and their options."""
    actions = parser.add_subparsers(metavar="ACTION", required=True, dest="action")
    text = "recorded clients report by HTTP and ask by DNS; prints their regret beside the baselines"
    recorded = actions.add_parser("recorded", help=text, description=text)
    _configure(recorded, _recorded, per_fold="clients", has_source=True)
    text = "recorded clients measure every POP, in one process; prints their regret beside the baselines"
    beacons = actions.add_parser("beacons", help=text, description=text)
    _configure(beacons, _beacons, per_fold="clients", has_source=True)
    text = "recorded clients behind made-up resolvers; prints what the resolver map spares them"
    _configure(actions.add_parser("resolvers", help=text, description=text), _resolvers)
    text = "liars among crowds of recorded clients, in one process; prints the demand that each attack moves"
    _configure(actions.add_parser("attack", help=text, description=text), _attack, per_fold="places")
    caches.configure(actions)
    joint.configure(actions)
    steadiness.configure(actions)
    scenario.configure(actions)


def _configure(
    parser: argparse.ArgumentParser,
    act: Callable[[argparse.Namespace], int],
    *,
    per_fold: str = "",
    has_source: bool = False,
) -> None:
    """Add the options of what plays recorded clients fold by fold."""
    if has_source:
        text = "the recordings with addresses (nodes.csv); else by place"
        parser.add_argument("--source", type=Path, metavar="DIR", help=text)
    parser.add_argument(
        "--folds", type=int, default=FOLDS, metavar="N", help="run only the first N of 5 folds"
    )
    if per_fold:
        parser.add_argument(
            "--clients", type=int, default=0, metavar="N", help=f"at most N {per_fold} per fold"
        )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the tables here too")
    parser.set_defaults(act=act)


def run(args: argparse.Namespace) -> int:
    """Do what is asked; 0 when every fold went through."""
    status: int = args.act(args)
    return status


def _beacons(args: argparse.Namespace) -> int:
    table, here = training.load(Path(Config().model.training)), continents()
    catalog = load_path(WORLD)
    places = place_tables.load(Path(Config().geoip.places))
    identities = read_identities(args.source, table) if args.source else None
    clients = clients_of(table, world.load(WORLD / "pops.csv", table), places, identities)
    print(f"{len(clients)} clients, {len(catalog.pops)} POPs; {places.credit}", flush=True)
    outcomes = []
    with tempfile.TemporaryDirectory(prefix="itm-beacons-") as folder:
        for number, (predictor, held) in enumerate(fold_models(table, here)):
            if number >= args.folds:
                break
            own = [c for c in clients if c.group in set(held.tolist())][: args.clients or None]
            print(f"fold {number + 1} of {FOLDS}: {len(own)} clients the predictor never saw", flush=True)
            predictions = predict_cells(predictor, places, catalog.pops, Path(folder))
            held_out = World(catalog, 1, places, here, predictions, "")
            outcomes += beacons_of(held_out, own, args.seed + number)
    result = lines(outcomes, places, catalog.pops)
    print(as_text(result))
    if args.json:
        args.json.write_text(json.dumps(as_data(result), indent=2) + "\n")
    return 0


def _resolvers(args: argparse.Namespace) -> int:
    table, here = training.load(Path(Config().model.training)), continents()
    pops = load_path(WORLD).pops
    places = place_tables.load(Path(Config().geoip.places))
    clients = clients_of(table, world.load(WORLD / "pops.csv", table), places, None)
    print(f"{len(clients)} clients, {len(pops)} POPs; {places.credit}", flush=True)
    found: dict[str, list[Asked]] = {"predicted": [], "measured": []}
    with tempfile.TemporaryDirectory(prefix="itm-resolvers-") as folder:
        for number, (predictor, held) in enumerate(fold_models(table, here)):
            if number >= args.folds:
                break
            print(f"fold {number + 1} of {FOLDS}", flush=True)
            groups = set(held.tolist())
            fold = Fold(predictor, tuple(client for client in clients if client.group in groups))
            for known, asked in found.items():
                rng = np.random.default_rng(args.seed + number)
                stand = Stand(places, pops, Path(folder))
                asked += ask_fold(fold, clients, stand, rng, measured=known == "measured")
    for known, asked in found.items():
        print(f"\n{known} ({len(asked)} clients behind resolvers)\n{gap.as_text(gap.lines(asked))}")
    if args.json:
        tables = {known: gap.as_data(gap.lines(asked)) for known, asked in found.items()}
        args.json.write_text(json.dumps(tables, indent=2) + "\n")
    return 0


def _attack(args: argparse.Namespace) -> int:
    table, here = training.load(Path(Config().model.training)), continents()
    catalog = load_path(WORLD)
    places = place_tables.load(Path(Config().geoip.places))
    clients = clients_of(table, world.load(WORLD / "pops.csv", table), places, None)
    found: list[list[Moved]] = []
    with tempfile.TemporaryDirectory(prefix="itm-attack-") as folder:
        for number, (predictor, held) in enumerate(fold_models(table, here)):
            if number >= args.folds:
                break
            own = [c for c in clients if c.group in set(held.tolist())][: args.clients or None]
            predictions = predict_cells(predictor, places, catalog.pops, Path(folder))
            field = Field(World(catalog, 1, places, here, predictions, ""), own, args.seed + number)
            print(f"fold {number + 1} of {FOLDS}: {len(own)} places, {len(field.crowd)} users", flush=True)
            found.append([field.run(attack) for attack in ATTACKS])
            print(attack_table(found[-1]), flush=True)
    total = [Moved.mean(same) for same in zip(*found, strict=True)]
    print(f"all {len(found)} folds\n{attack_table(total)}")
    if args.json:
        args.json.write_text(json.dumps([asdict(one) for one in total], indent=2) + "\n")
    return 0


def _recorded(args: argparse.Namespace) -> int:
    table = training.load(Path(Config().model.training))
    here = continents()
    digest = data_digest(table, here)
    pops = load_path(WORLD).pops
    places = place_tables.load(Path(Config().geoip.places))
    identities = read_identities(args.source, table) if args.source else None
    clients = clients_of(table, world.load(WORLD / "pops.csv", table), places, identities)
    print(f"{len(clients)} clients, {len(pops)} POPs; {places.credit}", flush=True)
    outcomes = []
    with tempfile.TemporaryDirectory(prefix="itm-recorded-") as folder:
        for number, (predictor, held) in enumerate(fold_models(table, here)):
            if number >= args.folds:
                break
            own: list[Client] = [c for c in clients if c.group in set(held.tolist())]
            own = own[: args.clients or None]
            print(f"fold {number + 1} of {FOLDS}: {len(own)} clients the predictor never saw", flush=True)
            # The server takes a predictor for its own when it bears the digest of the shipped table.
            disguised = Predictor.of(
                predictor.model, predictor.continents, Origin(digest, 0.0, current_versions())
            )
            state = Path(folder) / f"fold{number}"
            fold = Fold(disguised, tuple(own))
            outcomes += play_fold(fold, pops, WORLD, state, args.seed + number, print)
    result = lines(outcomes, places, pops)
    print(as_text(result))
    if args.json:
        args.json.write_text(json.dumps(as_data(result), indent=2) + "\n")
    return 0
