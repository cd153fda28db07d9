"""`itm simulate joint`: what counting the leg behind the POP saves, on the recorded round trips."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from collectors.geography import continents
from itm.config import ROOT, Config
from itm.simulate.joint import Ways, summary, ways_of
from models import training, world
from models.evaluate import FOLDS, fold_models

WORLD = ROOT / "data" / "world14" / "pops.csv"


def configure(actions: Any) -> None:
    """Add the action and its options."""
    text = "recorded clients and desktops of a 14-POP world; prints what the step `joint` saves on the way"
    joint = actions.add_parser("joint", help=text, description=text)
    joint.add_argument(
        "--folds", type=int, default=FOLDS, metavar="N", help="run only the first N of 5 folds"
    )
    joint.add_argument("--json", type=Path, metavar="FILE", help="write the numbers here too")
    joint.set_defaults(act=act)


def act(args: argparse.Namespace) -> int:
    """Run the folds and print their summary."""
    table = training.load(Path(Config().model.training))
    pops = world.load(WORLD, table).node
    parts = []
    for number, (predictor, held) in enumerate(fold_models(table, continents())):
        if number >= args.folds:
            break
        parts.append(ways_of(predictor, table, pops, held))
    numbers = summary(Ways.joined(parts))
    print("\n".join(f"{name:<22} {value:>10}" for name, value in numbers.items()))
    if args.json:
        args.json.write_text(json.dumps(numbers, indent=2) + "\n")
    return 0
